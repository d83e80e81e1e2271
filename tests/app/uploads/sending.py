"""Short words for what a phone does."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx

from app.db import Database, queries_beside
from app.uploads import incoming, storage
from tests.conftest import City
from tests.makers import Resident, StaffMember

sql = queries_beside(__file__)

TUS = "/v1/uploads/tus"
RESUMABLE = {"tus-resumable": "1.0.0"}
Sender = Resident | StaffMember


async def send(
    client: httpx.AsyncClient, who: Sender, upload_id: UUID, content: bytes, purpose: str = "photo"
) -> httpx.Response:
    """PUT the whole of it."""
    return await client.put(
        f"/v1/uploads/{upload_id}", params={"purpose": purpose}, content=content, headers=who.headers
    )


async def shown(client: httpx.AsyncClient, who: Sender, upload_id: object) -> dict[str, Any]:
    answer = await client.get(f"/v1/uploads/{upload_id}", headers=who.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def metadata(**said: str) -> str:
    return ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in said.items())


async def begin(
    client: httpx.AsyncClient, who: Sender, length: int, headers: Mapping[str, str] | None = None, **said: str
) -> httpx.Response:
    """A tus upload of so many bytes."""
    asked = {"upload-length": str(length), "upload-metadata": metadata(**{"purpose": "photo", **said})}
    return await client.post(TUS, headers={**who.headers, **RESUMABLE, **asked, **(headers or {})})


async def begun(client: httpx.AsyncClient, who: Sender, length: int) -> str:
    """Where it goes on."""
    made = await begin(client, who, length)
    assert made.status_code == 201, made.text
    return made.headers["location"]


def onward(who: Sender, offset: int, **more: str) -> dict[str, str]:
    """The headers of a PATCH."""
    stream = {"content-type": "application/offset+octet-stream", "upload-offset": str(offset)}
    return {**who.headers, **RESUMABLE, **stream, **{name.replace("_", "-"): value for name, value in more.items()}}


async def head(client: httpx.AsyncClient, who: Sender, location: str) -> httpx.Response:
    return await client.head(location, headers={**who.headers, **RESUMABLE})


@asynccontextmanager
async def a_broken_patch(
    port: int, location: str, headers: Mapping[str, str], content: bytes, size: int
) -> AsyncGenerator[None]:
    """On a socket of its own, so many bytes of a longer body have been written down there; then it breaks off."""
    upload_id = UUID(location.rpartition("/")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"PATCH {location} HTTP/1.1", "host: huong.test", f"content-length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + content[:size])
    async with asyncio.timeout(10):
        while incoming.size_of(upload_id) < size:  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.01)
    try:
        yield
    finally:
        writer.transport.abort()


async def sent_on(
    client: httpx.AsyncClient, who: Sender, location: str, content: bytes, offset: int
) -> httpx.Response:
    """The rest, as soon as the broken connection has let the file go."""
    async with asyncio.timeout(10):
        while True:
            answer = await client.patch(location, headers=onward(who, offset), content=content[offset:])
            if answer.status_code != 409:
                return answer
            await asyncio.sleep(0.05)


async def objects(database: Database) -> dict[str, bool]:
    """What should lie in the storage by its key, and whether it is doomed."""
    async with database.acquire() as db:
        return {row["key"]: row["doomed"] for row in await db.fetch(sql.stored_objects)}


def there(city_objects: Mapping[str, bool]) -> set[str]:
    """Which of these do lie in the folder."""
    return {key for key in city_objects if (storage.folder() / key).exists()}


def left_of(upload_id: UUID) -> list[str]:
    """Files of what comes in that are this upload's."""
    return [name for name in incoming.names() if name.startswith(str(upload_id))]


async def later(city: City, hours: float) -> None:
    """As if everything had been begun so much earlier."""
    async with city.database.acquire() as db:
        await db.execute(sql.age_everything, f"{hours} hours")
