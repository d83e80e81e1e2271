"""Who did what: a row in the deed's own transaction, never changed."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from app.config import settings
from app.db import Connection, queries_beside
from app.identity.models import Principal

sql = queries_beside(__file__)

_made_up = ContextVar("made_up", default=False)


@contextmanager
def of_what_is_made_up() -> Generator[None]:
    """While a sandbox's seed tells of days that never were, nothing is written: a row must not be older than its
    link."""
    assert settings().sandbox, "only a sandbox makes anything up"
    token = _made_up.set(True)
    try:
        yield
    finally:
        _made_up.reset(token)


async def record(
    db: Connection, actor: Principal | None, action: str, subject: UUID | str | None = None, **data: Any
) -> None:
    """Write down that `actor` (None: a stranger) did `action` (`staff.grant_approved`) to `subject`.

    `data` is what an auditor needs and no more: never a code, a PIN, a token, a whole phone number or a body."""
    if _made_up.get():
        return
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
    if _made_up.get():
        return
    await db.execute(sql.record_audit, None, "city", action, None if subject is None else str(subject), data)
