"""A whole body under an id of the phone's: once, twice, at once, too much, somebody else's."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from app.db import Connection, Database
from app.uploads import finishing, incoming, kinds, receiving, storage, uploads
from tests.app.phones import problem
from tests.app.uploads import files, sending
from tests.app.uploads.sending import send, shown
from tests.conftest import City, served
from tests.makers import a_machine, a_resident, a_staff_member


async def test_the_same_again_is_the_same_and_other_bytes_are_not(desk: httpx.AsyncClient, db: Connection) -> None:
    me, upload_id = await a_resident(db), uuid4()
    first = await send(desk, me, upload_id, files.jpeg())
    again = await send(desk, me, upload_id, files.jpeg())
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    for content, purpose in ((files.jpeg(3), "photo"), (files.jpeg(), "paper")):
        assert problem(await send(desk, me, upload_id, content, purpose)) == (409, "UploadIdTaken")
    assert (await shown(desk, me, upload_id)) == first.json()
    assert sending.left_of(upload_id) == []


async def test_the_same_at_once_is_one(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    upload_id = uuid4()
    answers = await asyncio.gather(*(send(city.client, me, upload_id, files.noise()) for _ in range(4)))
    assert sorted(one.status_code for one in answers) == [200, 200, 200, 201]
    assert len({one.content for one in answers}) == 1
    kept = await sending.objects(city.database)
    assert len(kept) == 3, "an original and two pictures"
    assert not any(kept.values())
    assert sending.there(kept) == kept.keys()
    assert sending.left_of(upload_id) == []


async def test_of_two_different_ones_at_once_one_is_it(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    upload_id = uuid4()
    answers = await asyncio.gather(*(send(city.client, me, upload_id, files.jpeg(held)) for held in (1, 3)))
    assert sorted(one.status_code for one in answers) == [201, 409]
    assert len(await sending.objects(city.database)) == 3


async def test_anothers_looks_like_none(desk: httpx.AsyncClient, db: Connection) -> None:
    me, other, upload_id = await a_resident(db), await a_resident(db), uuid4()
    assert (await send(desk, me, upload_id, files.jpeg())).status_code == 201
    for method, path in (("GET", ""), ("HEAD", ""), ("DELETE", ""), ("PUT", "/completion")):
        body = {} if method == "PUT" else None
        answer = await desk.request(method, f"/v1/uploads/{upload_id}{path}", headers=other.headers, json=body)
        assert answer.status_code == 404, method
    assert problem(await send(desk, other, upload_id, files.jpeg())) == (409, "UploadIdTaken")
    assert (await desk.get(f"/v1/uploads/{upload_id}", headers=me.headers)).status_code == 200


async def test_an_officer_sends_what_the_street_looks_like_now(desk: httpx.AsyncClient, db: Connection) -> None:
    officer = await a_staff_member(db, role="agency_officer")
    assert (await send(desk, officer, uuid4(), files.jpeg())).status_code == 201


async def test_a_machine_sends_by_a_function(desk: httpx.AsyncClient, desk_app: object, db: Connection) -> None:
    machine = await a_machine(db, ["reports.write"], plain_key=True)
    refused = await desk.put(
        f"/v1/uploads/{uuid4()}", params={"purpose": "photo"}, content=files.jpeg(), headers=machine.plain
    )
    assert problem(refused) == (403, "Forbidden")


@pytest.mark.parametrize("said", [True, False], ids=["with a length", "part by part"])
@pytest.mark.parametrize("purpose", ["photo", "video", "paper"])
async def test_too_much_is_refused_before_it_is_here(city: City, purpose: kinds.Purpose, said: bool) -> None:
    """By what the phone announces; else when it is over."""
    async with city.database.transaction() as db:
        me = await a_resident(db)
    upload_id, sent = uuid4(), 0

    async def too_much() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent <= kinds.MOST[purpose] + 4 * kinds.MEGABYTE:
            sent += kinds.MEGABYTE
            yield bytes(kinds.MEGABYTE)

    headers = {**me.headers, **({"content-length": str(kinds.MOST[purpose] + 1)} if said else {})}
    body = b"" if said else too_much()
    answer = await city.client.put(
        f"/v1/uploads/{upload_id}", params={"purpose": purpose}, content=body, headers=headers
    )
    assert problem(answer) == (413, "UploadTooLarge" if purpose != "video" or said else problem(answer)[1])
    assert sent <= kinds.MOST[purpose] + kinds.MEGABYTE
    assert sending.left_of(upload_id) == []


async def test_no_connection_is_held_while_a_body_comes_in(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    half_way, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield files.jpeg()[:1000]
        half_way.set()
        await go_on.wait()
        yield files.jpeg()[1000:]

    upload_id = uuid4()
    putting = asyncio.create_task(
        city.client.put(f"/v1/uploads/{upload_id}", params={"purpose": "photo"}, content=slowly(), headers=me.headers)
    )
    await half_way.wait()
    assert city.database.in_use == 0
    assert (await shown(city.client, me, upload_id))["status"] == "receiving"
    go_on.set()
    assert (await putting).status_code == 201


async def test_a_body_that_breaks_off_can_be_sent_again(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    upload_id = uuid4()
    async with served(city.app) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"PUT /v1/uploads/{upload_id}?purpose=photo HTTP/1.1\r\nhost: huong.test\r\ncontent-length: 100000\r\n"
        writer.write((head + f"authorization: {me.headers['authorization']}\r\n\r\n").encode() + files.jpeg()[:5000])
        await writer.drain()
        async with asyncio.timeout(10):
            while not sending.left_of(upload_id):  # noqa: ASYNC110 - a folder tells nobody
                await asyncio.sleep(0.01)
        writer.close()
        async with asyncio.timeout(10):
            while sending.left_of(upload_id):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            assert (await shown(client, me, upload_id))["status"] == "receiving"
            assert (await send(client, me, upload_id, files.jpeg())).status_code == 201


async def test_so_much_waits_for_its_use_and_no_more(
    desk: httpx.AsyncClient, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "MOST_UNCLAIMED", 2)
    me, first = await a_resident(db), uuid4()
    for upload_id in (first, uuid4()):
        assert (await send(desk, me, upload_id, files.jpeg())).status_code == 201
    refused = await send(desk, me, uuid4(), files.jpeg())
    assert problem(refused) == (429, "TooManyUnclaimed")
    assert (await send(desk, me, first, files.jpeg())).status_code == 200, "what is here may be sent again"
    assert (await desk.delete(f"/v1/uploads/{first}", headers=me.headers)).status_code == 204
    assert (await desk.get(f"/v1/uploads/{first}", headers=me.headers)).status_code == 404
    assert (await send(desk, me, uuid4(), files.jpeg())).status_code == 201


async def test_so_many_bytes_a_day_and_no_more(
    desk: httpx.AsyncClient, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = await a_resident(db)
    monkeypatch.setitem(receiving.KILOBYTES_A_DAY, "resident", len(files.jpeg()) // 1024 * 2 + 2)
    for _ in range(2):
        assert (await send(desk, me, uuid4(), files.jpeg())).status_code == 201
    refused = await send(desk, me, uuid4(), files.jpeg())
    assert problem(refused) == (429, "TooMuchSentToday")
    assert int(refused.headers["retry-after"]) > 86_000


async def test_so_many_bodies_of_one_person_at_once(desk: httpx.AsyncClient, db: Connection) -> None:
    me = await a_resident(db)
    with incoming.place_for(me.id), incoming.place_for(me.id), incoming.place_for(me.id):
        with incoming.place_for(me.id), incoming.place_for(me.id), incoming.place_for(me.id):
            refused = await send(desk, me, uuid4(), files.jpeg())
        assert problem(refused) == (429, "TooManyUploadsAtOnce")
        assert (await send(desk, me, uuid4(), files.jpeg())).status_code == 201


async def test_a_storage_that_is_away_is_503_and_then_it_goes_on(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    upload_id, put = uuid4(), storage.put

    async def away(key: str, content: object) -> None:
        raise storage.Unavailable

    monkeypatch.setattr(storage, "put", away)
    assert problem(await send(city.client, me, upload_id, files.jpeg())) == (503, "Unavailable")
    assert (await shown(city.client, me, upload_id))["status"] == "processing"
    monkeypatch.setattr(storage, "put", put)
    assert (await send(city.client, me, upload_id, files.jpeg())).status_code == 201
    await sending.later(city, 2)
    assert sum((await sending.objects(city.database)).values()) == 3, "what the first try meant to put there"


async def test_what_is_taken_back_meanwhile_leaves_nothing(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    upload_id, adopt = uuid4(), finishing.put_renditions

    async def then_removed(named: finishing.Named) -> None:
        await adopt(named)
        async with city.database.deed() as db:
            await uploads.remove(db, me.me, upload_id)

    monkeypatch.setattr(finishing, "put_renditions", then_removed)
    assert problem(await send(city.client, me, upload_id, files.jpeg())) == (404, "NotFound")
    kept = await sending.objects(city.database)
    assert len(kept) == 3
    assert all(kept.values()), "they go when their hour is over"


async def test_the_function_takes_what_is_in_memory(city: City) -> None:
    async with city.database.transaction() as db:
        machine = await a_machine(db, ["reports.write"])
    database: Database = city.database
    me = receiving.Principal(id=machine.id, kind="machine", session_id=machine.key_id)
    upload, new = await receiving.put(database, me, uuid4(), "photo", incoming.arrived(files.jpeg()))
    assert (upload.status, new) == ("ready", True)
