"""The audit is read by whoever must look into a deed, and that is a deed too."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from app.audit import records
from app.audit.models import AuditRow
from app.db import Connection, many, queries_beside
from app.identity.models import Principal
from app.types import Page, cursor_of, key_of

sql = queries_beside(__file__)

_Key = tuple[Annotated[int, Meta(ge=0, le=2**53)]]


async def page(
    db: Connection,
    me: Principal,
    actor_id: UUID | None,
    subject: str | None,
    action: str | None,
    cursor: str | None,
    limit: int,
) -> Page[AuditRow]:
    """The audit, newest first, by any of these; looking is audited. Raises BadCursor."""
    key = key_of(cursor, _Key)
    rows = await many(AuditRow, db, sql.audit_page, actor_id, subject, action, key and key[0], limit + 1)
    await records.record(db, me, "audit.read", subject, of_actor=actor_id, of_action=action, before=key and key[0])
    return Page(items=rows[:limit], next=cursor_of(rows[limit - 1].id) if len(rows) > limit else None)
