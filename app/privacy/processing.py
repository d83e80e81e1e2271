"""The processing log: what was done with whose data, for what, by whom and by what right. Never changed."""

from typing import Any, Literal
from uuid import UUID

import msgspec

from app.audit import records
from app.db import Connection, many, queries_beside
from app.identity.models import Principal
from app.privacy.models import Processing
from app.types import Page, cursor_of, key_of, new_id

sql = queries_beside(__file__)

Done = Literal[
    "export_asked", "export_made", "export_fetched", "erasure_asked", "erasure_done", "erasure_refused",
    "identity_verified", "code_sent", "consent_given", "consent_withdrawn", "file_opened", "request_made",
    "request_answered",
]  # fmt: skip


class _Ground(msgspec.Struct, frozen=True):
    purpose: str
    basis: str


_RIGHTS = _Ground("answering the data subject", "Law 91/2025/QH15, Art. 4: a right of the data subject")
_CONSENT = _Ground("keeping consents", "Law 91/2025/QH15, Art. 9: consent")
_GROUNDS: dict[Done, _Ground] = {
    "export_asked": _RIGHTS,
    "export_made": _RIGHTS,
    "export_fetched": _RIGHTS,
    "erasure_asked": _RIGHTS,
    "erasure_done": _RIGHTS,
    "erasure_refused": _RIGHTS,
    "request_made": _RIGHTS,
    "request_answered": _RIGHTS,
    "consent_given": _CONSENT,
    "consent_withdrawn": _CONSENT,
    "identity_verified": _Ground("knowing the customer", "Law 14/2022/QH15, Art. 9: identification of customers"),
    "code_sent": _Ground(
        "signing in", "Law 91/2025/QH15, Art. 19: performance of an agreement with the data subject"
    ),
    "file_opened": _Ground("serving the resident", "Law 91/2025/QH15, Art. 19: activities of a state agency"),
}


async def record(
    db: Connection, actor: Principal | None, done: Done, principal_id: UUID | None, **detail: Any
) -> None:
    """Write down what was done with `principal_id`'s data, by `actor` (None: somebody who is not signed in).

    `detail` is what an inspector needs and no more: no name, no number, no text of theirs."""
    await _write(db, actor and actor.id, actor.kind if actor else "stranger", done, principal_id, detail)


async def record_own(db: Connection, done: Done, principal_id: UUID | None, **detail: Any) -> None:
    """The same for what the city did by itself."""
    await _write(db, None, "city", done, principal_id, detail)


async def _write(
    db: Connection,
    actor_id: UUID | None,
    actor_kind: str,
    done: Done,
    principal_id: UUID | None,
    detail: dict[str, Any],
) -> None:
    ground = _GROUNDS[done]
    await db.execute(
        sql.record_processing,
        new_id(), principal_id, done, ground.purpose, ground.basis, actor_id, actor_kind, detail,
    )  # fmt: skip


async def page(
    db: Connection, me: Principal, resident_id: UUID | None, cursor: str | None, limit: int
) -> Page[Processing]:
    """The log, newest first: a resident's or everybody's. Looking is audited; raises BadCursor."""
    key = key_of(cursor, tuple[UUID])
    after = key and key[0]
    if resident_id is None:
        items = await many(Processing, db, sql.processing_page, after, limit + 1)
    else:
        items = await many(Processing, db, sql.processing_of, resident_id, after, limit + 1)
    await records.record(db, me, "privacy.processing_read", resident_id)
    return Page(items=items[:limit], next=cursor_of(items[limit - 1].id) if len(items) > limit else None)
