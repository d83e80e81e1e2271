"""News, written with the deed: an event in the same transaction, told by the worker after the commit."""

import msgspec

from app.db import Connection
from app.jobs import sql


class Event(msgspec.Struct, kw_only=True):
    """Something that happened. Its class name is its kind; its fields are what listeners need to know."""


async def record(db: Connection, event: Event) -> None:
    """Write the news into the deed's own transaction: a rollback leaves none."""
    await db.execute(sql.record_event, type(event).__name__, msgspec.to_builtins(event))
