"""`litestar serve` as a process of its own."""

import asyncio
import contextlib
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import httpx

READY_WITHIN_S = 45


@asynccontextmanager
async def a_server(environment: Mapping[str, str], port: int) -> AsyncGenerator[Process]:
    """Served with these settings; killed at the end, if it still lives."""
    environment = {**environment, "LITESTAR_APP": "app.main:create_app", "PORT": str(port)}
    serving = await asyncio.create_subprocess_exec(sys.executable, "-m", "litestar", "serve", env=environment)
    try:
        async with (
            asyncio.timeout(READY_WITHIN_S),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
        ):
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
