"""What was sent is held by what it was sent for, and goes with it."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.db import Connection
from app.errors import NotFound, Refusal
from app.uploads import storage, sweeping, uploads
from app.uploads.models import Upload
from tests.app.phones import problem
from tests.app.uploads import files, sending
from tests.app.uploads.sending import begin, send, shown, sql
from tests.conftest import City
from tests.makers import Resident, a_resident


async def claimed(
    db: Connection, owner: Resident, upload_ids: Sequence[UUID], holder_id: UUID, **how: Any
) -> list[Upload]:
    asked: dict[str, Any] = {
        "holder": "report",
        "purposes": ("photo", "video"),
        "keep_originals": False,
        "most": 5,
        **how,
    }
    return await uploads.claim(db, owner.id, upload_ids, holder_id=holder_id, **asked)


async def ready(client: httpx.AsyncClient, who: Resident, content: bytes, purpose: str = "photo") -> UUID:
    upload_id = uuid4()
    assert (await send(client, who, upload_id, content, purpose)).status_code == 201
    return upload_id


async def test_what_is_held_offers_no_place_any_more(desk: httpx.AsyncClient, db: Connection) -> None:
    me, holder_id = await a_resident(db), uuid4()
    ids = [await ready(desk, me, files.jpeg(held)) for held in (1, 6)]
    assert (await shown(desk, me, ids[0]))["place"]
    for _ in range(2):  # the same again is the same
        held = await claimed(db, me, list(reversed(ids)), holder_id)
        assert [one.id for one in held] == list(reversed(ids))
    for upload_id in ids:
        upload = await shown(desk, me, upload_id)
        assert (upload["claimed"], upload["place"], upload["taken_at"], upload["expires_at"]) == (True, *[None] * 3)
        assert len(upload["renditions"]) == 2
        assert await db.fetchrow(sql.evidence_of, upload_id) is None
        refused = await desk.delete(f"/v1/uploads/{upload_id}", headers=me.headers)
        assert problem(refused) == (409, "UploadInUse")
        with pytest.raises(NotFound):
            await uploads.original(db, upload_id)


async def test_officers_keep_where_and_when_and_the_original(desk: httpx.AsyncClient, db: Connection) -> None:
    me, holder_id = await a_resident(db), uuid4()
    upload_id = await ready(desk, me, files.jpeg(6))
    [held] = await claimed(db, me, [upload_id], holder_id, keep_originals=True)
    assert held.place is None
    kept = await db.fetchrow(sql.evidence_of, upload_id)
    assert kept is not None
    assert (kept["lat"], kept["lng"]) == (files.LAT, files.LNG)
    assert kept["taken_at"].isoformat() == "2026-11-23T01:15:00+00:00"
    original = await uploads.original(db, upload_id)
    assert (original.media_type, original.size) == ("image/jpeg", len(files.jpeg(6)))
    assert b"".join([part async for part in original.parts]) == files.jpeg(6)


async def test_what_cannot_be_held_says_which_and_why(desk: httpx.AsyncClient, db: Connection) -> None:
    me, other, holder_id = await a_resident(db), await a_resident(db), uuid4()
    photo, paper = await ready(desk, me, files.jpeg()), await ready(desk, me, files.PDF, "paper")
    anothers, unknown, unfinished = await ready(desk, other, files.jpeg()), uuid4(), uuid4()
    await begin(desk, me, 1000, upload_id=str(unfinished))
    wrong = {
        anothers: uploads.UnknownUpload,
        unknown: uploads.UnknownUpload,
        unfinished: uploads.UploadNotReady,
        paper: uploads.UploadOfOtherPurpose,
    }
    for upload_id, refusal in wrong.items():
        with pytest.raises(refusal) as no:
            await claimed(db, me, [photo, upload_id], holder_id)
        assert no.value.members == {"upload_id": upload_id}
    with pytest.raises(uploads.TooManyUploads):
        await claimed(db, me, [photo, paper], holder_id, most=1)
    assert not (await shown(desk, me, photo))["claimed"]
    await claimed(db, me, [photo], holder_id)
    with pytest.raises(uploads.UploadInUse):
        await claimed(db, me, [photo], uuid4())
    assert await claimed(db, me, [], holder_id) == []


async def test_of_two_who_want_the_same_one_gets_it(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    ids = [await ready(city.client, me, files.jpeg(held)) for held in (1, 6)]

    async def want(upload_ids: Sequence[UUID]) -> str:
        try:
            async with city.database.deed() as db:
                await claimed(db, me, upload_ids, uuid4())
        except Refusal as no:
            return type(no).__name__
        return "held"

    outcome = await asyncio.gather(want(ids), want(list(reversed(ids))), want(ids))
    assert sorted(outcome) == ["UploadInUse", "UploadInUse", "held"]


async def test_an_original_that_is_not_kept_is_deleted_after_the_commit(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    upload_id = await ready(city.client, me, files.jpeg())
    [original] = [key for key in await sending.objects(city.database) if key.startswith("originals/")]
    async with city.database.acquire() as db:
        undone = db.transaction()
        await undone.start()
        await claimed(db, me, [upload_id], uuid4())
        await undone.rollback()
    await sweeping.sweep_stored_objects(city.database)
    assert (storage.folder() / original).exists(), "what was rolled back did not happen"
    async with city.database.deed() as db:
        await claimed(db, me, [upload_id], uuid4())
    await sweeping.sweep_stored_objects(city.database)
    kept = await sending.objects(city.database)
    assert {key.partition("/")[0] for key in kept} == {"renditions"}
    assert sending.there(kept) == kept.keys()
    assert not (storage.folder() / original).exists()


async def test_a_film_keeps_its_original_either_way(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    upload_id = await ready(city.client, me, files.video(), "video")
    async with city.database.deed() as db:
        await claimed(db, me, [upload_id], uuid4())
    await sweeping.sweep_stored_objects(city.database)
    async with city.database.acquire() as db:
        original = await uploads.original(db, upload_id)
    assert b"".join([part async for part in original.parts]) == files.video()


async def test_what_held_it_takes_it_along(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    holder_id = uuid4()
    upload_id, other = [await ready(city.client, me, files.jpeg(held)) for held in (1, 6)]
    pictures = [one["url"] for one in (await shown(city.client, me, upload_id))["renditions"]]
    async with city.database.deed() as db:
        await claimed(db, me, [upload_id], holder_id, keep_originals=True)
        await claimed(db, me, [other], uuid4(), keep_originals=True)
    async with city.database.deed() as db:
        await uploads.forget(db, holder_id)
    assert [(await city.client.get(url)).status_code for url in pictures] == [404, 404]
    before = await sending.objects(city.database)
    await sweeping.sweep_stored_objects(city.database)
    assert len(await sending.objects(city.database)) == 3
    assert len(sending.there(before)) == 3
    await shown(city.client, me, other)
