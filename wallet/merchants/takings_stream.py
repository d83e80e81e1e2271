"""Live takings: whoever stands at a shop's till hears money as it comes, and misses none when the line breaks.

A server-sent event (HTML Living Standard, 9.2) a taking; its id is the count of the shop's account, so a phone that
comes back says what it heard last and gets what followed: up to 200, or `reset`: load the list anew. The database is
the truth; bells (app/live.py) only say when to look. It holds no connection between two looks, opens short ones of
its own, and ends when the session does or the shop is somebody else's."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from time import monotonic
from uuid import UUID

import msgspec
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage

from app import live
from app.db import Connection, Database, many, queries_beside
from app.errors import NotFound, TooManyRequests
from app.identity.models import Principal
from app.jobs import News
from app.live import Live
from wallet.models import Taking

sql = queries_beside(__file__)

MOST_REPLAYED = 200
MOST_LOOKED_AT = 5_000
"""So many entries of the account are looked through: those of whoever works there may lie far between others'."""
LOOK_S, LOOK_WITH_BELLS_S = 1.0, 4.0
"""How often one looks without a bell: what a sign-out, a dead Redis or a dead worker may take to be noticed."""
KEEP_ALIVE_S = 15.0
MOST_STREAMS = 5
KINDS = ("MerchantPaid", "TransferTaken", "PaymentRefunded")

_open: Counter[UUID] = Counter()


def topic_of(merchant_id: object) -> str:
    """What is rung when something moves at a shop."""
    return f"merchant:{merchant_id}"


class _Line(Taking):
    version: int


async def ring(db: Connection, news: Sequence[News]) -> None:
    """Money came or went at these shops: their streams look at once."""
    await live.here().ring(
        sorted({topic_of(item.data["merchant_id"]) for item in news if item.data.get("merchant_id")})
    )


async def begin(database: Database, me: Principal, merchant_id: UUID, last_event_id: str | None) -> int:
    """After which line to begin: what the phone heard last, or now. Raises NotFound, TooManyRequests."""
    now = await _position(database, me, merchant_id)
    if now is None:
        raise NotFound
    if _open[me.id] >= MOST_STREAMS:
        raise TooManyRequests(retry_after_s=5)
    if last_event_id is None or not last_event_id.isascii() or not last_event_id.isdecimal():
        return now
    return min(int(last_event_id[:18]), now)


def answer(database: Database, bells: Live, me: Principal, merchant_id: UUID, after: int) -> ServerSentEvent:
    """The stream as the framework sends it; nobody on the way keeps or buffers it."""
    return ServerSentEvent(
        stream(database, bells, me, merchant_id, after),
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def stream(
    database: Database, bells: Live, me: Principal, merchant_id: UUID, after: int
) -> AsyncGenerator[ServerSentEventMessage]:
    """Events `taking` (a line of the list) and `reset`, until the session ends or the phone goes away."""
    _open[me.id] += 1
    try:
        with bells.bell(topic_of(merchant_id)) as bell:
            spoken = monotonic()
            # Something at once, so that the phone knows that the line stands.
            yield ServerSentEventMessage(comment="xin chào", retry=1000, data=None)
            while not bells.closing:
                bell.clear()
                seen = await _look(database, me, merchant_id, after)
                if seen is None:
                    return
                lines, after = seen
                if lines is None:
                    yield ServerSentEventMessage(event="reset", id=str(after), data="{}")
                    spoken = monotonic()
                    continue
                for line in lines:
                    yield ServerSentEventMessage(event="taking", id=str(line.version), data=_json(line))
                    spoken = monotonic()
                if monotonic() - spoken >= KEEP_ALIVE_S:
                    yield ServerSentEventMessage(comment="…", data=None)
                    spoken = monotonic()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_WITH_BELLS_S if bells.heard else LOOK_S):
                        await bell.wait()
    finally:
        _open[me.id] -= 1


async def _look(
    database: Database, me: Principal, merchant_id: UUID, after: int
) -> tuple[list[_Line] | None, int] | None:
    """What came after a line (None: too much), and up to where was looked. None: this session may know no more."""
    async with database.acquire() as db:
        now = await db.fetchval(sql.stream_position_of_session, merchant_id, me.id, me.session_id)
        if now is None:
            return None
        if now - after > MOST_LOOKED_AT:
            return None, now
        lines = await many(_Line, db, sql.takings_between, merchant_id, me.id, after, now, MOST_REPLAYED + 1)
        return (None if len(lines) > MOST_REPLAYED else lines), now


async def _position(database: Database, me: Principal, merchant_id: UUID) -> int | None:
    async with database.acquire() as db:
        return await db.fetchval(sql.stream_position, merchant_id, me.id)


def _json(line: _Line) -> str:
    return msgspec.json.encode(msgspec.convert(line, Taking, from_attributes=True)).decode()
