"""The stream that a tutorial shows: each phone's own loop, which asks the database once a second."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from litestar import Litestar, get
from litestar.datastructures import State
from litestar.params import FromPath
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage

AFTER = """
SELECT seq, category, title, body, link, at FROM message WHERE principal_id = $1 AND seq > $2 ORDER BY seq
"""
LAST = "SELECT coalesce(max(seq), 0) FROM message WHERE principal_id = $1"


@get("/stream/{reader_id:uuid}")
async def stream(state: State, reader_id: FromPath[UUID]) -> ServerSentEvent:
    """Whatever is new, within a second."""
    return ServerSentEvent(_messages(state.pool, reader_id))


async def _messages(pool: Any, reader_id: UUID) -> AsyncGenerator[ServerSentEventMessage]:
    last = await pool.fetchval(LAST, reader_id)
    yield ServerSentEventMessage(event="inbox", id=str(last), data="{}")
    while True:
        for row in await pool.fetch(AFTER, reader_id, last):
            last = row["seq"]
            yield ServerSentEventMessage(event="message", id=str(last), data=msgspec.json.encode(dict(row)).decode())
        await asyncio.sleep(1)


@asynccontextmanager
async def _opened(app: Litestar) -> AsyncGenerator[None]:
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=16, max_size=16) as pool:
        app.state.pool = pool
        yield


def create_app() -> Litestar:
    """The tutorial's app."""
    return Litestar([stream], lifespan=[_opened], openapi_config=None, logging_config=None)
