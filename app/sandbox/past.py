"""What a sandbox's seed needs to have things happen in the past, by the verbs that people use."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from app.audit import records
from app.clock import city_now, set_offset
from app.config import settings
from app.db import Connection, queries_beside

sql = queries_beside(__file__)


class NotYet(Exception):
    """That will happen tomorrow."""


@asynccontextmanager
async def then(db: Connection, moment: datetime) -> AsyncGenerator[None]:
    """The city's clock stands there, in Python and in this transaction, and the audit is silent; raises NotYet."""
    if moment > city_now():
        raise NotYet
    own = timedelta(seconds=settings().clock_offset_s)
    offset = own + (moment - city_now())
    set_offset(offset)
    try:
        await db.execute(sql.move_clock, f"{offset.total_seconds()} seconds")
        with records.of_what_is_made_up():
            yield
    finally:
        set_offset(own)


async def back(db: Connection) -> None:
    """In this transaction too it is now again."""
    await db.execute(sql.move_clock, f"{settings().clock_offset_s} seconds")
