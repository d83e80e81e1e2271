"""What asks the partner bank: a payout is claimed, then sent, then resolved; each step is safe to repeat.

Whoever is killed between two steps leaves a payout that somebody else finds: `ready` if the bank was not asked,
`sending` or `unknown` if it may have been. What may have been sent is asked for, never guessed; a payout that the
bank has not heard of is sent again under the same id, when no request of ours can be on its way any more. Only the
bank's own refusal frees the money."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec
import structlog

from app import policies
from app.db import Connection, Database, many, maybe, queries_beside
from app.jobs import News
from app.outside import NoAnswer
from wallet import holds
from wallet.billers import remittances
from wallet.findings import Matter
from wallet.gateways import breaker, partner_bank, suspense, withdrawals
from wallet.gateways.breaker import NotAsked
from wallet.gateways.partner_bank import Done, NotKnown, Order, Processing, Refused, Route
from wallet.gateways.payout_models import PayoutKind, PayoutStatus
from wallet.merchants import settlements
from wallet.models import Finding, RefusalReason
from wallet.oversight import refunds

sql = queries_beside(__file__)
log = structlog.get_logger()

AT_ONCE = breaker.AT_ONCE
LOOK_AFTER_BATCH = 32
LOST_AFTER_S = 120
"""A transfer that the bank does not know is sent again when the last sending is so old."""

End = Callable[[Connection, UUID, RefusalReason | None], Awaitable[None]]
"""What else follows from a payout's end, in the same transaction, before the money; None: it was paid."""

ENDS: dict[PayoutKind, End] = {
    "withdrawal": withdrawals.end,
    "settlement": settlements.end,
    "refund": refunds.end,
    "return": suspense.end_return,
    "remittance": remittances.end,
}


class _Claimed(msgspec.Struct, frozen=True):
    amount: int
    bank_bin: str
    account_number: str
    account_name: str
    content: str
    route: Route


class _Due(msgspec.Struct, frozen=True):
    id: UUID
    status: PayoutStatus


class _Held(msgspec.Struct, frozen=True):
    kind: PayoutKind
    status: PayoutStatus


async def pay(database: Database, news: News) -> None:
    """PayoutAsked: tell the bank."""
    await send(database, UUID(news.data["payout_id"]))


async def send(database: Database, payout_id: UUID) -> None:
    """Send a payout that is ready, or that the bank never heard of; nothing if it is in other hands."""
    async with database.acquire() as db:
        fast_most = await policies.value(db, "payout.fast_most")
        claimed = await maybe(_Claimed, db, sql.claim_payout, payout_id, LOST_AFTER_S, fast_most)
    if claimed is None:
        return
    try:
        outcome = await partner_bank.transfer(payout_id, msgspec.convert(claimed, Order, from_attributes=True))
    except NotAsked as rest:
        async with database.acquire() as db:
            await db.execute(sql.give_payout_back, payout_id, rest.again_in_s)
    except NoAnswer as silence:
        log.warning("payout: no answer", payout=str(payout_id), why=str(silence))
        await _wait(database, payout_id)
    else:
        await _conclude(database, payout_id, outcome)


async def inquire(database: Database, payout_id: UUID) -> None:
    """Ask what became of a payout that may have been sent."""
    try:
        outcome = await partner_bank.inquire(payout_id)
    except (NotAsked, NoAnswer) as silence:
        log.warning("payout inquiry: no answer", payout=str(payout_id), why=str(silence))
        await _wait(database, payout_id)
    else:
        if isinstance(outcome, NotKnown):
            await _wait(database, payout_id)
            await send(database, payout_id)
        else:
            await _conclude(database, payout_id, outcome)


async def look_after(database: Database) -> None:
    """By the clock: whatever is due is asked for, or sent if its job was lost. A few side by side."""
    async with database.acquire() as db:
        due = await many(_Due, db, sql.payouts_due, LOOK_AFTER_BATCH)
    room = asyncio.Semaphore(AT_ONCE)
    await asyncio.gather(*(_look_after_one(database, room, payout) for payout in due))


async def _look_after_one(database: Database, room: asyncio.Semaphore, payout: _Due) -> None:
    async with room:
        try:
            await (send if payout.status == "ready" else inquire)(database, payout.id)
        except Exception as problem:  # one that stumbles keeps no other from its turn, and is due again by itself
            log.warning("payout waits", payout=str(payout.id), error=repr(problem))


async def _conclude(database: Database, payout_id: UUID, outcome: Done | Refused | Processing) -> None:
    if isinstance(outcome, Processing):
        await _wait(database, payout_id)
    else:
        async with database.transaction() as db:
            await resolve(db, payout_id, outcome)


async def resolve(db: Connection, payout_id: UUID, outcome: Done | Refused) -> None:
    """The bank has said how it ended: for good, once; the hold is captured or freed by the last statement."""
    payout = await maybe(_Held, db, sql.payout_for_update, payout_id)
    assert payout is not None
    reason = outcome.reason if isinstance(outcome, Refused) else None
    status = "paid" if reason is None else "refused"
    if payout.status in {"paid", "refused"}:
        if payout.status != status:
            log.error("bank contradicts itself", payout=str(payout_id), before=payout.status, now=status)
        return
    reference = outcome.reference if isinstance(outcome, Done) else None
    await db.execute(sql.resolve_payout, payout_id, status, reason, reference)
    await ENDS[payout.kind](db, payout_id, reason)
    if reason is None:
        await holds.capture(db, payout_id)
    else:
        await holds.void(db, payout_id)


async def _end_as_found(db: Connection, finding: Finding) -> None:
    outcome = Refused("other") if finding.status == "refused" else Done(finding.reference or "")
    await resolve(db, finding.id, outcome)


STUCK = Matter("payout", sql.payout_to_find, _end_as_found)
"""A payout of which the bank says nothing."""


async def _wait(database: Database, payout_id: UUID) -> None:
    """Not decided: somebody asks again, sooner while it is young."""
    async with database.acquire() as db:
        await db.execute(sql.put_payout_off, payout_id)
