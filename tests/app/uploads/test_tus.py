"""tus 1.0.0 as its page describes it, line by line; and what a cut leaves."""

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from uuid import UUID, uuid4

import httpx
import pytest

from app.db import Connection
from app.uploads import kinds
from tests.app.phones import problem
from tests.app.uploads import files, sending
from tests.app.uploads.sending import (
    RESUMABLE,
    TUS,
    a_broken_patch,
    begin,
    begun,
    head,
    metadata,
    onward,
    send,
    sent_on,
    shown,
)
from tests.conftest import City, served
from tests.makers import Resident, a_resident


@pytest.fixture
async def me(db: Connection) -> Resident:
    return await a_resident(db)


def checksum(algorithm: str, content: bytes) -> str:
    return f"{algorithm} {b64encode(hashlib.new(algorithm, content).digest()).decode()}"


async def test_it_tells_what_it_knows(desk: httpx.AsyncClient, me: Resident) -> None:
    told = await desk.options(TUS, headers=me.headers)
    assert told.status_code == 204
    assert told.headers["tus-version"] == "1.0.0"
    assert set(told.headers["tus-extension"].split(",")) == {
        "creation", "creation-with-upload", "termination", "checksum", "expiration",
    }  # fmt: skip
    assert told.headers["tus-max-size"] == str(kinds.MOST_BYTES)
    assert told.headers["tus-checksum-algorithm"].split(",")[0] == "sha1"
    assert set(told.headers["allow"].split(", ")) == {"OPTIONS", "POST"}
    one = await desk.options(f"{TUS}/{uuid4()}", headers=me.headers)
    assert set(one.headers["allow"].split(", ")) == {"DELETE", "HEAD", "OPTIONS", "PATCH", "POST"}


async def test_a_photograph_in_three_parts(desk: httpx.AsyncClient, me: Resident) -> None:
    content, third = files.jpeg(6), len(files.jpeg(6)) // 3
    made = await begin(desk, me, len(content), filename="cầu Trường Tiền.jpg")
    location = made.headers["location"]
    upload_id = location.rpartition("/")[2]
    assert location == f"{TUS}/{UUID(upload_id)}"
    for offset in (0, third, 2 * third):
        before = await head(desk, me, location)
        assert before.status_code == 200
        assert before.headers["upload-offset"] == str(offset)
        assert before.headers["upload-length"] == str(len(content))
        assert before.headers["upload-metadata"] == metadata(purpose="photo", filename="cầu Trường Tiền.jpg")
        assert before.headers.get_list("cache-control") == ["no-store"]
        assert parsedate_to_datetime(before.headers["upload-expires"])
        upload = await shown(desk, me, upload_id)
        assert (upload["status"], upload["offset"], upload["size"]) == ("receiving", offset, len(content))
        part = content[offset:] if offset == 2 * third else content[offset : offset + third]
        sent = await desk.patch(location, headers=onward(me, offset), content=part)
        assert sent.status_code == 204, sent.text
        assert sent.headers["upload-offset"] == str(offset + len(part))
        assert {"tus-resumable", "upload-expires"} <= sent.headers.keys()
    upload = await shown(desk, me, upload_id)
    assert (upload["status"], upload["offset"]) == ("ready", len(content))
    assert upload["sha256"] == hashlib.sha256(content).hexdigest()
    assert upload["file_name"] == "cầu Trường Tiền.jpg"
    assert upload["place"] == {"lat": files.LAT, "lng": files.LNG}
    after = await head(desk, me, location)
    assert after.headers["upload-offset"] == after.headers["upload-length"] == str(len(content))
    assert sending.left_of(UUID(upload_id)) == []
    again = await desk.patch(location, headers=onward(me, len(content)), content=b"")
    assert again.status_code == 204, "a lost answer is asked for again"
    assert problem(await desk.patch(location, headers=onward(me, 0), content=content)) == (409, "OffsetConflict")


async def test_the_first_bytes_may_come_along(desk: httpx.AsyncClient, me: Resident) -> None:
    content, upload_id = files.jpeg(), uuid4()
    stream = {"content-type": "application/offset+octet-stream"}
    asked = {
        "upload-length": str(len(content)),
        "upload-metadata": metadata(purpose="photo", upload_id=str(upload_id)),
    }
    made = await desk.post(TUS, headers={**me.headers, **RESUMABLE, **asked, **stream}, content=content[:700])
    assert (made.status_code, made.headers["upload-offset"]) == (201, "700")
    again = await desk.post(TUS, headers={**me.headers, **RESUMABLE, **asked, **stream}, content=content[:700])
    assert (again.status_code, again.headers["upload-offset"]) == (201, "700"), "sent again, it is there once"
    assert again.headers["location"] == made.headers["location"] == f"{TUS}/{upload_id}"
    done = await desk.patch(made.headers["location"], headers=onward(me, 700), content=content[700:])
    assert done.status_code == 204
    whole = await desk.post(TUS, headers={**me.headers, **RESUMABLE, **asked, **stream}, content=content)
    assert (whole.status_code, whole.headers["upload-offset"]) == (201, str(len(content)))
    at_once = await begin(desk, me, len(content), upload_id=str(upload_id))
    assert at_once.status_code == 201
    assert problem(await begin(desk, me, len(content) + 1, upload_id=str(upload_id))) == (409, "UploadIdTaken")
    assert (await send(desk, me, upload_id, content)).status_code == 200, "and by PUT it is the same"


@pytest.mark.parametrize(
    ("headers", "status", "type_"),
    [
        ({"tus-resumable": "0.2.2"}, 412, "TusVersionUnknown"),
        ({"tus-resumable": ""}, 412, "TusVersionUnknown"),
        ({"upload-length": "-1"}, 400, "Malformed"),
        ({"upload-length": "ten"}, 400, "Malformed"),
        ({"upload-length": ""}, 400, "Malformed"),
        ({"upload-length": "9" * 30}, 400, "Malformed"),
        ({"upload-length": "0"}, 400, "FileEmpty"),
        ({"upload-length": str(kinds.MOST["photo"] + 1)}, 413, "UploadTooLarge"),
        ({"upload-metadata": ""}, 400, "Malformed"),
        ({"upload-metadata": metadata(purpose="song")}, 400, "Malformed"),
        ({"upload-metadata": "purpose !!"}, 400, "Malformed"),
        ({"upload-metadata": metadata(purpose="photo", upload_id="1")}, 400, "Malformed"),
        ({"upload-metadata": metadata(purpose="photo", filename="x" * 2000)}, 400, "Malformed"),
    ],
)
async def test_what_cannot_be_begun(
    desk: httpx.AsyncClient, me: Resident, headers: dict[str, str], status: int, type_: str
) -> None:
    refused = await begin(desk, me, 10, headers)
    assert problem(refused) == (status, type_)
    assert refused.headers["tus-resumable"] == "1.0.0"
    assert refused.headers.get("tus-version") == ("1.0.0" if status == 412 else None)


async def test_what_cannot_be_added(desk: httpx.AsyncClient, db: Connection, me: Resident) -> None:
    location = await begun(desk, me, 1000)
    other = await a_resident(db)
    wrong: list[tuple[dict[str, str], bytes, int, str]] = [
        (onward(me, 0, tus_resumable="2.0.0"), b"x", 412, "TusVersionUnknown"),
        (onward(me, 0, content_type="application/octet-stream"), b"x", 415, "OffsetStreamExpected"),
        (onward(me, 0, upload_offset="-1"), b"x", 400, "Malformed"),
        (onward(me, 0, upload_offset="x"), b"x", 400, "Malformed"),
        (onward(me, 1), b"x", 409, "OffsetConflict"),
        (onward(me, 0), bytes(1001), 413, "TooLarge"),
        (onward(me, 0, upload_checksum="crc32 AAAA"), b"x", 400, "Malformed"),
        (onward(me, 0, upload_checksum="sha1 !"), b"x", 400, "Malformed"),
        (onward(me, 0, upload_checksum=checksum("sha1", b"y")), b"x", 460, "ChecksumMismatch"),
        (onward(other, 0), b"x", 404, "NotFound"),
    ]
    for headers, content, status, type_ in wrong:
        refused = await desk.patch(location, headers=headers, content=content)
        assert problem(refused) == (status, type_), headers
        assert refused.headers["tus-resumable"] == "1.0.0"
    assert (await head(desk, me, location)).headers["upload-offset"] == "0"
    assert (await head(desk, other, location)).status_code == 404
    assert (await head(desk, me, f"{TUS}/{uuid4()}")).status_code == 404
    unversioned = await desk.head(location, headers=me.headers)
    assert (unversioned.status_code, unversioned.headers["tus-version"]) == (412, "1.0.0")
    stranger = await desk.head(location, headers=RESUMABLE)
    assert stranger.status_code == 401


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
async def test_bytes_with_a_checksum_are_these_or_none(desk: httpx.AsyncClient, me: Resident, algorithm: str) -> None:
    content = files.jpeg()
    location = await begun(desk, me, len(content))
    upload_id = UUID(location.rpartition("/")[2])
    broken = content[:499] + b"?"
    headers = onward(me, 0, upload_checksum=checksum(algorithm, content[:500]))
    assert (await desk.patch(location, headers=headers, content=broken)).status_code == 460
    assert (await head(desk, me, location)).headers["upload-offset"] == "0"
    assert (await desk.patch(location, headers=headers, content=content[:500])).status_code == 204
    assert sending.left_of(upload_id) == [str(upload_id)], "nothing is left aside"
    headers = onward(me, 500, upload_checksum=checksum(algorithm, content[500:]))
    assert (await desk.patch(location, headers=headers, content=content[500:])).status_code == 204
    assert (await shown(desk, me, upload_id))["status"] == "ready"


async def test_an_upload_is_taken_back(desk: httpx.AsyncClient, db: Connection, me: Resident) -> None:
    location = await begun(desk, me, 1000)
    await desk.patch(location, headers=onward(me, 0), content=bytes(500))
    other = await a_resident(db)
    assert (await desk.delete(location, headers={**other.headers, **RESUMABLE})).status_code == 404
    assert (await desk.delete(location, headers=me.headers)).status_code == 412
    gone = await desk.delete(location, headers={**me.headers, **RESUMABLE})
    assert (gone.status_code, gone.headers["tus-resumable"]) == (204, "1.0.0")
    assert (await head(desk, me, location)).status_code == 404
    assert sending.left_of(UUID(location.rpartition("/")[2])) == []


async def test_post_says_what_cannot_be_said(desk: httpx.AsyncClient, me: Resident) -> None:
    content = files.jpeg()
    location = await begun(desk, me, len(content))
    override = {"x-http-method-override": "PATCH"}
    assert (await desk.post(location, headers={**onward(me, 0), **override}, content=content)).status_code == 204
    neither = await desk.post(location, headers=onward(me, 0), content=b"")
    assert (neither.status_code, neither.headers["allow"]) == (405, "DELETE, HEAD, OPTIONS, PATCH, POST")
    override = {"x-http-method-override": "DELETE"}
    assert (await desk.post(location, headers={**me.headers, **RESUMABLE, **override})).status_code == 204


async def test_what_is_refused_is_told_with_its_last_byte(desk: httpx.AsyncClient, me: Resident) -> None:
    location = await begun(desk, me, len(files.SVG))
    refused = await desk.patch(location, headers=onward(me, 0), content=files.SVG)
    assert problem(refused) == (415, "FileTypeRefused")
    assert (await head(desk, me, location)).status_code == 404
    upload_id = location.rpartition("/")[2]
    assert (await shown(desk, me, upload_id))["refused_because"] == "FileTypeRefused"
    again = await begin(desk, me, len(files.jpeg()), upload_id=upload_id)
    assert again.status_code == 201, "a refused request leaves no trace of its id"
    done = await desk.patch(location, headers=onward(me, 0), content=files.jpeg())
    assert done.status_code == 204


async def test_what_was_begun_in_one_way_goes_on_in_it(desk: httpx.AsyncClient, me: Resident) -> None:
    location = await begun(desk, me, 1000)
    upload_id = UUID(location.rpartition("/")[2])
    assert problem(await send(desk, me, upload_id, files.jpeg())) == (409, "UploadIdTaken")


async def test_of_two_who_add_at_once_one_does(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    content = files.jpeg()
    location = await begun(city.client, me, len(content))
    here, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield content[:1000]
        here.set()
        await go_on.wait()
        yield content[1000:]

    first = asyncio.create_task(city.client.patch(location, headers=onward(me, 0), content=slowly()))
    await here.wait()
    for offset in (0, 1000):
        second = await city.client.patch(location, headers=onward(me, offset), content=content[offset:])
        assert problem(second) == (409, "UploadBusy")
    assert (await head(city.client, me, location)).headers["upload-offset"] == "1000"
    go_on.set()
    assert (await first).status_code == 204
    assert (await shown(city.client, me, location.rpartition("/")[2]))["status"] == "ready"


async def test_of_many_who_add_at_once_the_bytes_are_there_once(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    content = files.noise()
    location = await begun(city.client, me, len(content))
    answers = await asyncio.gather(
        *(city.client.patch(location, headers=onward(me, 0), content=content) for _ in range(5))
    )
    statuses = sorted(one.status_code for one in answers)
    assert statuses == [204, 409, 409, 409, 409]
    upload = await shown(city.client, me, location.rpartition("/")[2])
    assert (upload["status"], upload["sha256"]) == ("ready", hashlib.sha256(content).hexdigest())


async def test_a_cut_keeps_what_was_here(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    content = files.noise()
    half = len(content) // 2
    async with served(city.app) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        location = await begun(client, me, len(content))
        async with a_broken_patch(port, location, onward(me, 0), content, half):
            pass
        assert (await head(client, me, location)).headers["upload-offset"] == str(half)
        done = await sent_on(client, me, location, content, half)
        assert done.status_code == 204, done.text
        upload = await shown(client, me, location.rpartition("/")[2])
        assert (upload["status"], upload["sha256"]) == ("ready", hashlib.sha256(content).hexdigest())
