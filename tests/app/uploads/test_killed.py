"""kill -9 for the API as a process, in the middle of a body."""

import asyncio
import contextlib
import hashlib
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx

from tests.app.uploads import files, sending
from tests.app.uploads.sending import a_broken_patch, begun, head, onward, sent_on, shown
from tests.conftest import City
from tests.makers import a_resident


@asynccontextmanager
async def a_server(city: City, port: int) -> AsyncGenerator[Process]:
    """`litestar serve` on the city's database and folder; killed at the end, if it still lives."""
    environment = {
        **os.environ,
        "LITESTAR_APP": "app.main:create_app",
        "DATABASE_URL": city.settings.database_url or "",
        "REDIS_URL": "",
        "PORT": str(port),
    }
    serving = await asyncio.create_subprocess_exec(sys.executable, "-m", "litestar", "serve", env=environment)
    try:
        async with asyncio.timeout(45), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            while not await _answers(client):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)
        yield serving
    finally:
        with contextlib.suppress(ProcessLookupError):
            serving.kill()
        await serving.wait()


async def _answers(client: httpx.AsyncClient) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return (await client.get("/readyz")).status_code == 200
    return False


async def test_an_upload_goes_on_where_it_was_when_the_server_was_killed(city: City, unused_tcp_port: int) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    content = files.noise()
    half = len(content) // 2
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{unused_tcp_port}", timeout=20) as client:
        async with a_server(city, unused_tcp_port) as first:
            location = await begun(client, me, len(content))
            async with a_broken_patch(unused_tcp_port, location, onward(me, 0), content, half):
                first.kill()
                await first.wait()
        async with a_server(city, unused_tcp_port):
            assert (await head(client, me, location)).headers["upload-offset"] == str(half)
            done = await sent_on(client, me, location, content, half)
            assert done.status_code == 204, done.text
            upload = await shown(client, me, location.rpartition("/")[2])
            assert (upload["status"], upload["sha256"]) == ("ready", hashlib.sha256(content).hexdigest())
    assert sending.left_of(UUID(location.rpartition("/")[2])) == []
