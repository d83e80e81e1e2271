"""Pictures are everybody's who knows their names, for ever; until they are blacked out."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.db import Connection
from app.errors import NotFound
from app.uploads import pictures, storage, sweeping, uploads
from tests.app.phones import problem
from tests.app.uploads import files, sending
from tests.app.uploads.sending import send
from tests.conftest import City
from tests.makers import a_resident


class Area:
    """A part of a picture."""

    def __init__(self, x: float, y: float, width: float, height: float) -> None:
        self.x, self.y, self.width, self.height = x, y, width, height


async def urls(client: httpx.AsyncClient, db: Connection) -> tuple[UUID, list[str]]:
    upload_id = uuid4()
    done = await send(client, await a_resident(db), upload_id, files.jpeg())
    return upload_id, [one["url"] for one in done.json()["renditions"]]


async def test_a_picture_is_kept_for_ever_by_whoever_has_it(desk: httpx.AsyncClient, db: Connection) -> None:
    _, [url, _] = await urls(desk, db)
    me = await a_resident(db)
    for headers in ({}, me.headers):
        picture = await desk.get(url, headers=headers)
        assert picture.status_code == 200
        assert picture.headers.get_list("cache-control") == ["public, max-age=31536000, immutable"]
        assert picture.headers["x-content-type-options"] == "nosniff"
        assert picture.headers["content-type"] == "image/jpeg"
        held = await desk.get(url, headers={**headers, "if-none-match": f'"other", W/{picture.headers["etag"]}'})
        assert (held.status_code, held.content) == (304, b"")
        assert held.headers["etag"] == picture.headers["etag"]
        head = await desk.head(url, headers=headers)
        assert (head.status_code, head.headers["content-type"]) == (200, "image/jpeg")
    assert len(url.rpartition("/")[2]) == 32, "192 bits"


@pytest.mark.parametrize("name", ["x", "x" * 32, "..%2f..%2foriginals%2fx", "%00", "ả" * 32, "x" * 5000])
async def test_any_other_name_is_none(desk: httpx.AsyncClient, name: str) -> None:
    answer = await desk.get(f"/v1/pictures/{name}")
    assert answer.status_code in {400, 404}, answer.text


async def test_a_face_is_blacked_out_and_the_old_picture_is_gone(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    upload_id = uuid4()
    before = (await send(city.client, me, upload_id, files.jpeg())).json()["renditions"]
    redacted = await pictures.redact(city.database, upload_id, [Area(0, 0, 0.25, 0.25), Area(0.9, 0.9, 0.5, 0.5)])
    after = [one.url for one in redacted.renditions]
    assert all(one.redacted for one in redacted.renditions)
    for old in before:
        assert (await city.client.get(old["url"])).status_code == 404
    for url in after:
        seen = files.opened((await city.client.get(url)).content).convert("RGB")
        for corner in ((0.05, 0.05), (0.2, 0.2), (0.95, 0.95)):
            assert _at(seen, *corner) < 90, "white and blue before"
        assert _at(seen, 0.1, 0.5) > 150, "red as before"
    await sweeping.sweep_stored_objects(city.database)
    kept = await sending.objects(city.database)
    assert len(kept) == 3
    assert sending.there(kept) == kept.keys()
    assert not (storage.folder() / f"renditions/{before[0]['url'].rpartition('/')[2]}").exists()


def _at(image: Any, x: float, y: float) -> int:
    return max(image.getpixel((round(image.width * x), round(image.height * y))))


async def test_two_who_black_out_at_once_are_both_done(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    upload_id = uuid4()
    await send(city.client, me, upload_id, files.jpeg())
    await asyncio.gather(
        *(pictures.redact(city.database, upload_id, [Area(x, 0.4, 0.2, 0.2)]) for x in (0.0, 0.4, 0.8))
    )
    async with city.database.acquire() as db:
        [upload] = await uploads.by_ids(db, [upload_id])
    seen = files.opened((await city.client.get(upload.renditions[0].url)).content).convert("RGB")
    assert [_at(seen, x, 0.5) < 90 for x in (0.1, 0.3, 0.5, 0.7, 0.9)] == [True, False, True, False, True]
    kept = await sending.objects(city.database)
    assert len([key for key, doomed in kept.items() if not doomed]) == 3


async def test_what_is_not_there_cannot_be_blacked_out(city: City) -> None:
    with pytest.raises(NotFound):
        await pictures.redact(city.database, uuid4(), [Area(0, 0, 1, 1)])


async def test_an_original_is_no_picture(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    await send(city.client, me, uuid4(), files.jpeg())
    for key in await sending.objects(city.database):
        name = key.partition("/")[2]
        answer = await city.client.get(f"/v1/pictures/{name}")
        assert answer.status_code == (200 if key.startswith("renditions/") else 404)
        if answer.status_code == 404:
            assert problem(answer) == (404, "NotFound")
