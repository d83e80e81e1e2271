"""kill -9 for the API as a process, in the middle of a body."""

import hashlib
import os
from asyncio.subprocess import Process
from contextlib import AbstractAsyncContextManager
from uuid import UUID

import httpx

from tests.app.uploads import files, sending
from tests.app.uploads.sending import a_broken_patch, begun, head, onward, sent_on, shown
from tests.conftest import City
from tests.makers import a_resident
from tests.serving import a_server


def served(city: City, port: int) -> AbstractAsyncContextManager[Process]:
    """`litestar serve` on the city's database and folder."""
    return a_server({**os.environ, "DATABASE_URL": city.settings.database_url or "", "REDIS_URL": ""}, port)


async def test_an_upload_goes_on_where_it_was_when_the_server_was_killed(city: City, unused_tcp_port: int) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    content = files.noise()
    half = len(content) // 2
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{unused_tcp_port}", timeout=20) as client:
        async with served(city, unused_tcp_port) as first:
            location = await begun(client, me, len(content))
            async with a_broken_patch(unused_tcp_port, location, onward(me, 0), content, half):
                first.kill()
                await first.wait()
        async with served(city, unused_tcp_port):
            assert (await head(client, me, location)).headers["upload-offset"] == str(half)
            done = await sent_on(client, me, location, content, half)
            assert done.status_code == 204, done.text
            upload = await shown(client, me, location.rpartition("/")[2])
            assert (upload["status"], upload["sha256"]) == ("ready", hashlib.sha256(content).hexdigest())
    assert sending.left_of(UUID(location.rpartition("/")[2])) == []
