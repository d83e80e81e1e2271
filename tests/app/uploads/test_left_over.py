"""What nobody uses is forgotten after a day; what a killed process left is finished, or swept away."""

import asyncio
import hashlib
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.privacy import retention
from app.uploads import finishing, incoming, personal, storage, sweeping, uploads
from app.worker import HOLDINGS
from tests.app.uploads import files, sending
from tests.app.uploads.sending import begin, head, onward, send, shown, sql
from tests.conftest import City
from tests.makers import Resident, a_resident


@pytest.fixture
async def me(city: City) -> Resident:
    async with city.database.transaction() as db:
        return await a_resident(db)


async def held(city: City, me: Resident, upload_id: UUID) -> None:
    how: dict[str, Any] = {"purposes": ["photo"], "keep_originals": True, "most": 1}
    async with city.database.deed() as db:
        await uploads.claim(db, me.id, [upload_id], holder="report", holder_id=uuid4(), **how)


async def test_a_day_later_it_is_forgotten_unless_something_holds_it(city: City, me: Resident) -> None:
    unused, used, unfinished = uuid4(), uuid4(), uuid4()
    for upload_id in (unused, used):
        assert (await send(city.client, me, upload_id, files.jpeg())).status_code == 201
    await held(city, me, used)
    location = (await begin(city.client, me, 5000, upload_id=str(unfinished))).headers["location"]
    await city.client.patch(location, headers=onward(me, 0), content=bytes(1000))
    await sending.later(city, 23)
    await _a_minute_of_the_worker(city)
    assert (await shown(city.client, me, unused))["status"] == "ready"
    await sending.later(city, 2)
    before = await sending.objects(city.database)
    await _a_minute_of_the_worker(city)
    for upload_id in (unused, unfinished):
        assert (await city.client.get(f"/v1/uploads/{upload_id}", headers=me.headers)).status_code == 404
    assert (await head(city.client, me, location)).status_code == 404
    assert sending.left_of(unfinished) == []
    assert (await shown(city.client, me, used))["claimed"]
    kept = await sending.objects(city.database)
    assert len(kept) == 3
    assert sending.there(before) == kept.keys()


async def _a_minute_of_the_worker(city: City) -> None:
    async with city.database.transaction() as db:
        await retention.keep(db, HOLDINGS)
    for scheduled in sweeping.schedule:
        assert scheduled.errand is not None
        await scheduled.errand(city.database)


async def test_a_deletion_that_fails_is_tried_again(
    city: City, me: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id, delete = uuid4(), storage.delete
    await send(city.client, me, upload_id, files.jpeg())
    await city.client.delete(f"/v1/uploads/{upload_id}", headers=me.headers)

    async def then_killed(key: str) -> None:
        await delete(key)
        raise storage.Unavailable

    monkeypatch.setattr(storage, "delete", then_killed)
    with pytest.raises(storage.Unavailable):
        await sweeping.sweep_stored_objects(city.database)
    assert len(await sending.objects(city.database)) == 3
    monkeypatch.setattr(storage, "delete", delete)
    await sweeping.sweep_stored_objects(city.database)
    assert await sending.objects(city.database) == {}


async def test_what_was_put_there_for_nothing_is_deleted(
    city: City, me: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the storage and the commit."""

    async def killed(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    upload_id = uuid4()
    with monkeypatch.context() as death:
        death.setattr(finishing, "adopt", killed)
        with pytest.raises(asyncio.CancelledError):
            await send(city.client, me, upload_id, files.jpeg())
    orphans = await sending.objects(city.database)
    assert sending.there(orphans) == orphans.keys()
    assert len(orphans) == 3
    await sweeping.sweep_stored_objects(city.database)
    assert sending.there(orphans) == orphans.keys(), "their hour is not over"
    await sending.later(city, 2)
    await sweeping.finish_uploads(city.database)
    assert (await shown(city.client, me, upload_id))["status"] == "ready", "its lease is"
    await sweeping.sweep_stored_objects(city.database)
    assert sending.there(orphans) == set()
    kept = await sending.objects(city.database)
    assert sending.there(kept) == kept.keys()
    assert len(kept) == 3


async def test_whole_bytes_that_nobody_made_anything_of_are_found(city: City, me: Resident) -> None:
    """Killed after the last byte was written, before it was said in the database; and with bytes that are refused."""
    for content, status in ((files.jpeg(), "ready"), (files.SVG, "refused")):
        location = (await begin(city.client, me, len(content))).headers["location"]
        upload_id = UUID(location.rpartition("/")[2])
        await city.client.patch(location, headers=onward(me, 0), content=content[:10])
        with incoming.path_of(upload_id).open("ab") as file:
            file.write(content[10:])
        await sweeping.finish_uploads(city.database)
        assert (await shown(city.client, me, upload_id))["status"] == "receiving", "the phone may be at it still"
        await sending.later(city, 0.1)
        await sweeping.finish_uploads(city.database)
        assert (await shown(city.client, me, upload_id))["status"] == status


async def test_a_put_takes_over_from_whoever_was_killed_at_it(city: City, me: Resident) -> None:
    upload_id, content = uuid4(), files.jpeg()
    async with incoming.aside(upload_id):
        pass
    location = (await begin(city.client, me, len(content), upload_id=str(upload_id))).headers["location"]
    await city.client.patch(location, headers=onward(me, 0), content=content[:10])
    async with city.database.acquire() as db:
        await db.execute(sql.let_lease_run, upload_id, hashlib.sha256(content).digest())
    assert (await send(city.client, me, upload_id, content)).status_code == 201
    assert (await shown(city.client, me, upload_id))["status"] == "ready"


async def test_files_of_nobody_are_swept_away_and_no_others(city: City, me: Resident) -> None:
    dead, unknown, alive, under_way = (uuid4() for _ in range(4))
    for name in (f"{dead}.0123", f"{unknown}", "lost+found", ".somebody-elses"):
        (incoming.folder() / name).write_bytes(b"x")
    location = (await begin(city.client, me, 5000, upload_id=str(alive))).headers["location"]
    await city.client.patch(location, headers=onward(me, 0), content=bytes(1000))
    async with incoming.aside(under_way):
        await sweeping.sweep_incoming(city.database)
        assert len(sending.left_of(under_way)) == 1
    assert {"lost+found", ".somebody-elses"} <= {path.name for path in incoming.folder().iterdir()}
    assert [sending.left_of(one) for one in (dead, unknown, alive, under_way)] == [[], [], [str(alive)], []]


async def test_a_person_who_is_forgotten_leaves_what_is_held_without_a_name(city: City, me: Resident) -> None:
    unused, used = uuid4(), uuid4()
    for upload_id in (unused, used):
        await send(city.client, me, upload_id, files.jpeg(6))
    await held(city, me, used)
    unclaimed, of_holders = personal.HOLDINGS
    async with city.database.transaction() as db:
        [mine] = await db.fetch(unclaimed.rows, me.id)
        [kept] = await db.fetch(of_holders.rows, me.id)
        assert (mine["id"], mine["lat"], kept["id"], kept["lat"]) == (unused, files.LAT, used, files.LAT)
        assert len(kept["pictures"]) == 2
        for holding in (unclaimed, of_holders):
            assert holding.erase is not None
            await db.execute(holding.erase, me.id)
            assert await db.fetch(holding.rows, me.id) == []
    async with city.database.acquire() as db:
        [still] = await uploads.by_ids(db, [unused, used])
        assert (still.id, len(still.renditions)) == (used, 2)
    assert sum((await sending.objects(city.database)).values()) == 3
