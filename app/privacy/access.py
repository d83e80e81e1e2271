"""Who opened my file: written by whoever opens one, read by its subject."""

from uuid import UUID

from app.db import Connection, many, queries_beside
from app.errors import NotFound, refusing
from app.identity.models import Principal
from app.privacy import processing
from app.privacy.models import FileOpening
from app.types import Page, cursor_of, key_of, new_id

sql = queries_beside(__file__)


async def opened(db: Connection, me: Principal, resident_id: UUID, what: str, reason: str) -> None:
    """Write down, with the deed, that I opened a part (`what`) of a resident's file, and why; raises NotFound.

    The resident reads both, so they are words for a person; my name stays in the audit."""
    with refusing(file_opening_of_somebody=NotFound):
        await db.execute(sql.open_file, new_id(), resident_id, me.id, me.grants, what, reason)
    await processing.record(db, me, "file_opened", resident_id, what=what)


async def mine(db: Connection, me: Principal, cursor: str | None, limit: int) -> Page[FileOpening]:
    """Who opened my file, newest first; raises BadCursor."""
    key = key_of(cursor, tuple[UUID])
    items = await many(FileOpening, db, sql.openings_of, me.id, key and key[0], limit + 1)
    return Page(items=items[:limit], next=cursor_of(items[limit - 1].id) if len(items) > limit else None)
