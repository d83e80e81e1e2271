"""Live takings: whoever stands at a shop's till hears money as it comes, and misses none when the line breaks.

An event is a taking; its id is the count of the shop's account, so a phone that comes back says what it heard last
and gets what followed: up to 200, or `reset`: load the list anew. It ends when the session does or the shop is
somebody else's (app/streams.py)."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from app import live
from app.db import Connection, Database, many, queries_beside
from app.errors import NotFound
from app.identity.models import Principal
from app.jobs import News
from app.live import Live
from app.streams import EventStream, Mark, Stream, Telling, event, heard_last, streams_of
from wallet.models import Taking

sql = queries_beside(__file__)

MOST_REPLAYED = 200
MOST_LOOKED_AT = 5_000
"""So many entries of the account are looked through: those of whoever works there may lie far between others'."""
KINDS = ("MerchantPaid", "TransferTaken", "PaymentRefunded")


def topic_of(merchant_id: object) -> str:
    """What is rung when something moves at a shop."""
    return f"{Takings.kind}:{merchant_id}"


async def ring(db: Connection, news: Sequence[News]) -> None:
    """Money came or went at these shops: their streams look at once."""
    await live.here().ring(
        sorted({topic_of(item.data["merchant_id"]) for item in news if item.data.get("merchant_id")})
    )


async def listen(
    database: Database, bells: Live, most: int, me: Principal, merchant_id: UUID, last_event_id: str | None
) -> EventStream:
    """A stream from what the phone heard last, or from now. Raises NotFound, TooManyRequests, Unavailable."""
    async with database.acquire() as db:
        now: int | None = await db.fetchval(sql.stream_position, merchant_id, me.id)
    if now is None:
        raise NotFound
    last = heard_last(last_event_id)
    after = now if last is None else min(last, now)
    return streams_of(bells, database, Takings(), most).line(me, merchant_id, (after,))


class Takings:
    """Events `taking` (a line of the list) and `reset`; a stream stands at the last line that was looked at."""

    kind = "merchant"
    oldest_goes = False

    async def marks(self, db: Connection, streams: Sequence[Stream]) -> list[Mark | None]:
        """The last line of each shop's account."""
        shops = [stream.subject_id for stream in streams]
        people, sessions = [stream.principal_id for stream in streams], [stream.session_id for stream in streams]
        marks: list[Mark | None] = [None] * len(streams)
        for row in await db.fetch(sql.stream_positions, shops, people, sessions):
            marks[row["nth"] - 1] = (row["version"],)
        return marks

    async def tell(self, db: Connection, behind: Sequence[tuple[Stream, Mark]]) -> list[Telling]:
        """What came after the line at which each stands."""
        return [await _tell(db, stream, now) for stream, now in behind]


class _Line(Taking):
    version: int


async def _tell(db: Connection, stream: Stream, mark: Mark) -> Telling:
    [after], [now] = stream.told or mark, mark
    reset = Telling(event("reset", b"{}", now), mark)
    if now - after > MOST_LOOKED_AT:
        return reset
    wanted = (stream.subject_id, stream.principal_id, after, now, MOST_REPLAYED + 1)
    lines = await many(_Line, db, sql.takings_between, *wanted)
    if len(lines) > MOST_REPLAYED:
        return reset
    return Telling(b"".join(event("taking", _json(line), line.version) for line in lines), mark)


def _json(line: _Line) -> bytes:
    return msgspec.json.encode(msgspec.convert(line, Taking, from_attributes=True))
