"""The storage is an S3, over a real socket: what is kept there, and what phones put there themselves."""

import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from app import config
from app.uploads import kinds, storage, sweeping, uploads
from tests.app.phones import problem
from tests.app.uploads import files, sending
from tests.app.uploads.sending import send, shown
from tests.conftest import City
from tests.makers import Resident, a_resident

BUCKET = "huong-uploads"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """Where an S3 answers, with a bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    _client(url).create_bucket(Bucket=BUCKET)
    yield url
    server.stop()


def _client(url: str) -> Any:
    return boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="id", aws_secret_access_key="secret"
    )


@pytest.fixture(autouse=True)
def environment(s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """This process keeps uploads there; what else it is told is forgotten."""
    with monkeypatch.context() as told:
        told.setenv("HUONG_STORAGE_URL", f"s3://{BUCKET}/city")
        told.setenv("HUONG_STORAGE_ENDPOINT", s3)
        told.setenv("HUONG_STORAGE_KEY_ID", "id")
        told.setenv("HUONG_STORAGE_SECRET", "secret")
        config.settings.cache_clear()
        yield told
    config.settings.cache_clear()


def lying(url: str) -> set[str]:
    """What lies in the bucket."""
    found = _client(url).list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {one["Key"].removeprefix("city/") for one in found}


@pytest.fixture
async def me(city: City) -> Resident:
    async with city.database.transaction() as db:
        return await a_resident(db)


async def ask(city: City, who: Resident, upload_id: UUID, size: int, purpose: str = "photo") -> httpx.Response:
    return await city.client.post(
        f"/v1/uploads/{upload_id}/presigned", json={"purpose": purpose, "size": size}, headers=who.headers
    )


async def complete(city: City, who: Resident, upload_id: UUID) -> httpx.Response:
    return await city.client.put(f"/v1/uploads/{upload_id}/completion", json={}, headers=who.headers)


async def test_everything_is_kept_there_and_deleted_there(city: City, me: Resident, s3: str) -> None:
    before, upload_id = lying(s3), uuid4()
    sent = files.video() + bytes(6 * kinds.MEGABYTE)  # in more than one part
    done = await send(city.client, me, upload_id, sent, "video")
    assert done.status_code == 201, done.text
    kept = await sending.objects(city.database)
    assert lying(s3) - before == kept.keys()
    poster = await city.client.get(done.json()["renditions"][0]["url"])
    assert files.opened(poster.content).size == (320, 240)
    async with city.database.acquire() as db:
        original = await uploads.original(db, upload_id)
    assert b"".join([part async for part in original.parts]) == sent
    assert (await city.client.delete(f"/v1/uploads/{upload_id}", headers=me.headers)).status_code == 204
    await sweeping.sweep_stored_objects(city.database)
    await sweeping.sweep_stored_objects(city.database)
    assert lying(s3) == before
    assert await sending.objects(city.database) == {}


async def test_a_phone_puts_it_there_itself(city: City, me: Resident, s3: str) -> None:
    upload_id, content = uuid4(), files.jpeg(6)
    asked = [await ask(city, me, upload_id, len(content)) for _ in range(2)]  # a lost answer is asked for again
    assert [one.status_code for one in asked] == [201, 201]
    told = asked[1].json()
    assert told["method"] == "PUT"
    assert urlsplit(told["url"]).path == f"/{BUCKET}/city/presigned/{upload_id}"
    assert parse_qs(urlsplit(told["url"]).query)["X-Amz-Expires"] == ["900"]
    assert "secret" not in told["url"]
    assert problem(await complete(city, me, upload_id)) == (409, "UploadNotArrived")
    async with httpx.AsyncClient() as phone:
        put = await phone.request(told["method"], told["url"], headers=told["headers"], content=content)
        assert put.status_code == 200, put.text
    other = await _another(city)
    assert problem(await complete(city, other, upload_id)) == (404, "NotFound")
    for _ in range(2):
        done = await complete(city, me, upload_id)
        assert done.status_code == 200, done.text
        upload = done.json()
        assert (upload["status"], upload["size"], upload["width"]) == ("ready", len(content), 960)
        assert upload["place"] == {"lat": files.LAT, "lng": files.LNG}
    assert f"presigned/{upload_id}" not in lying(s3)
    assert problem(await ask(city, me, upload_id, len(content))) == (409, "UploadIdTaken")


async def _another(city: City) -> Resident:
    async with city.database.transaction() as db:
        return await a_resident(db)


@pytest.mark.parametrize(
    ("make", "status", "type_"),
    [
        (lambda: files.SVG, 415, "FileTypeRefused"),
        (files.bomb, 400, "TooManyPixels"),
        (bytes, 400, "FileEmpty"),
        (lambda: bytes(kinds.MOST["photo"] + 1), 413, "UploadTooLarge"),
    ],
    ids=["svg", "bomb", "nothing", "too much"],
)
async def test_what_lies_there_is_looked_at_as_everything_is(
    city: City, me: Resident, make: Callable[[], bytes], status: int, type_: str
) -> None:
    upload_id = uuid4()
    url = (await ask(city, me, upload_id, 1000)).json()["url"]
    async with httpx.AsyncClient() as phone:
        await phone.put(url, content=make())
    assert problem(await complete(city, me, upload_id)) == (status, type_)
    assert sending.left_of(upload_id) == []
    assert (await shown(city.client, me, upload_id))["status"] in {"refused", "receiving"}


async def test_what_was_put_there_and_forgotten_is_deleted(city: City, me: Resident, s3: str) -> None:
    upload_id = uuid4()
    url = (await ask(city, me, upload_id, len(files.jpeg()))).json()["url"]
    async with httpx.AsyncClient() as phone:
        await phone.put(url, content=files.jpeg())
    await sending.later(city, 24)
    await sweeping.sweep_stored_objects(city.database)
    assert f"presigned/{upload_id}" in lying(s3)
    await sending.later(city, 1.1)
    await sweeping.sweep_stored_objects(city.database)
    assert f"presigned/{upload_id}" not in lying(s3)


async def test_an_s3_that_is_away_is_503(city: City, me: Resident, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HUONG_STORAGE_ENDPOINT", "http://127.0.0.1:1")
    config.settings.cache_clear()
    assert problem(await send(city.client, me, uuid4(), files.jpeg())) == (503, "Unavailable")


async def test_a_folder_signs_nothing(city: City, me: Resident, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HUONG_STORAGE_URL", "")
    config.settings.cache_clear()
    assert not storage.signs()
    assert problem(await ask(city, me, uuid4(), 1000)) == (409, "PresignedNotOffered")


@pytest.mark.parametrize("url", ["https://bucket", "s3://", "s3:///x", "s3://bucket?x", "s3://a b"])
def test_a_bucket_is_an_address(url: str) -> None:
    with pytest.raises(config.BadSetting, match="HUONG_STORAGE_URL"):
        config.read({**os.environ, "HUONG_STORAGE_URL": url})
