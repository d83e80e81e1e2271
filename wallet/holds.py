"""Money that is reserved until it is known what becomes of it: captured, voided or expired, once."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from app.db import Connection, one, queries_beside
from app.errors import NotFound, Refusal
from wallet import ledger
from wallet.ledger import Move, Moved

sql = queries_beside(__file__)

Outcome = Literal["captured", "voided", "expired"]
EXPIRE_BATCH = 200


class UnknownHold(NotFound):
    """Không tìm thấy khoản tạm giữ này.

    This hold is not known."""


class HoldAlreadyResolved(Refusal):
    """Khoản tạm giữ này đã được xử lý theo cách khác.

    This hold was resolved in another way already."""


REFUSALS: dict[str, type[Refusal]] = {
    refusal.__name__: refusal for refusal in (UnknownHold, HoldAlreadyResolved, ledger.AmountDiffers)
}


class Resolved(msgspec.Struct, frozen=True):
    """What became of a hold. `amount`: what was captured, in đồng; `balance_after`: what its owner may spend."""

    verdict: str
    amount: int | None
    balance_after: int | None
    made_at: datetime | None


async def place(db: Connection, wanted: Move, *, expires_at: datetime | None = None) -> Moved:
    """Reserve the movement's amount instead of moving it; the hold has the movement's id.

    Raises what the ledger refuses: InsufficientFunds, AccountFrozen, AccountClosed, PaymentIdTaken."""
    moved = await ledger.move(db, wanted._replace(held=True))
    if expires_at is not None and not moved.replayed:
        await db.execute(sql.set_hold_expiry, wanted.id, expires_at)
    return moved


async def capture(db: Connection, hold_id: UUID, amount: int | None = None) -> Resolved:
    """Make the transfer that was held, or a part of it: then the rest is free again. The same again changes nothing.

    Raises UnknownHold, HoldAlreadyResolved, AmountDiffers (more than was held, or a part of a bill)."""
    return await _resolve(db, hold_id, "captured", amount)


async def void(db: Connection, hold_id: UUID, why: str | None = None) -> Resolved:
    """Free what was held; of a bill, `why` is told to its payer. The same again changes nothing.

    Raises UnknownHold, HoldAlreadyResolved."""
    return await _resolve(db, hold_id, "voided", why=why)


async def expire_due(db: Connection) -> None:
    """Free what was held for longer than it was meant to be; a capture that comes first wins."""
    for row in await db.fetch(sql.holds_to_expire, EXPIRE_BATCH):
        await one(Resolved, db, sql.resolve_hold, row["id"], "expired", None, None)


async def _resolve(
    db: Connection, hold_id: UUID, outcome: Outcome, amount: int | None = None, why: str | None = None
) -> Resolved:
    resolved = await one(Resolved, db, sql.resolve_hold, hold_id, outcome, amount, why)
    if resolved.verdict not in {"applied", "replayed"}:
        raise REFUSALS[resolved.verdict]
    return resolved
