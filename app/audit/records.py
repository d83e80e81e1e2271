"""Who did what: a row in the deed's own transaction, never changed."""

from typing import Any
from uuid import UUID

from app.db import Connection, queries_beside
from app.identity.models import Principal

sql = queries_beside(__file__)


async def record(
    db: Connection, actor: Principal | None, action: str, subject: UUID | str | None = None, **data: Any
) -> None:
    """Write down that `actor` (None: a stranger) did `action` (`staff.grant_approved`) to `subject`.

    `data` is what an auditor needs and no more: never a code, a PIN, a token, a whole phone number or a body."""
    await db.execute(
        sql.record_audit,
        actor and actor.id,
        actor.kind if actor else "stranger",
        action,
        None if subject is None else str(subject),
        data,
    )


async def record_own(db: Connection, action: str, subject: UUID | str | None = None, **data: Any) -> None:
    """The same for what the city did by itself (a job, the command line)."""
    await db.execute(sql.record_audit, None, "city", action, None if subject is None else str(subject), data)
