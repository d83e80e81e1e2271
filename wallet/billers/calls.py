"""Payments whose money is held until their biller has taken them: asked, inquired, and then captured or given back.

    ready → calling → paid | refused
     ↑ ╲       ↓
     │  ╲──────│────→ refused, if it was never sent, for `GIVE_UP_AFTER_S`
     └──── unknown → paid | refused

Each step is claimed by one UPDATE, then the biller is asked with no connection held, then what it said is written
down together with what becomes of the money. Whoever dies between two steps leaves a row that is due again after
`LEASE_S`. Silence is never taken for an answer: a biller that did not say is inquired, and only if it says itself
that the payment never came there, long after it was sent, it is sent again under the same reference. What became of
a payment is asked where it was sent, also when the biller has another address by now."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

import msgspec
import structlog

from app.clock import city_now
from app.db import Connection, Database, many, maybe, queries_beside
from app.jobs import News
from app.outside import NoAnswer
from app.staff.pages import before, page_of
from app.types import Page
from wallet import holds
from wallet.billers import billers, connections, e_invoices, lists
from wallet.billers.adapters import Adapter, Customer, NotKnown, Paid, PayOrder, Processing, RefusalReason, Refused
from wallet.billers.models import BillerCall, CallState
from wallet.findings import Matter
from wallet.gateways import breaker
from wallet.gateways.breaker import NotAsked
from wallet.models import Finding

sql = queries_beside(__file__)
log = structlog.get_logger()

T = TypeVar("T")

AT_ONCE = 16
"""So many payments are sent side by side, to all billers together."""
LEASE_S = 30
"""Longer than any biller is waited for."""
INQUIRE_AFTER_S = (3, 5, 10, 30, 60, 120, 300, 600)
SEND_AGAIN_AFTER_S = 60
"""A payment that the biller does not know may still be on its way there, but not for so long."""
MAINTENANCE_S = 300
NO_CONNECTION_S = 60
GIVE_UP_AFTER_S = 6 * 3600
"""What could not even be sent for so long is given back: its payer has other ways to pay."""
LOST_AFTER_S = 60
SWEEP_OF_EACH, SWEEP_BATCH, SWEEP_WITHIN_S = 8, 64, 25
CHANGED: set[RefusalReason] = {"amount_changed", "already_paid", "unknown_bill", "unknown_customer"}
"""Refusals that say that our bill is not the biller's."""


class _Call(msgspec.Struct, frozen=True):
    """A claimed call; `attempts` is the fence that its answer shows."""

    payment_id: UUID
    biller_code: str
    connection_id: UUID | None
    attempts: int
    sends: int
    inquiries: int
    made_at: datetime
    asked_at: datetime
    reference: str
    customer_code: str
    amount: int

    @property
    def order(self) -> PayOrder:
        """What the biller is asked to take."""
        return PayOrder(
            our_reference=self.payment_id,
            bill_reference=self.reference,
            customer=Customer(code=self.customer_code),
            amount=self.amount,
        )


class _Due(msgspec.Struct, frozen=True):
    payment_id: UUID
    state: CallState


async def pay_held(database: Database, news: News) -> None:
    """On BillHeld: ask the biller now. What cannot be settled at once is left to `sweep`."""
    payment_id = UUID(news.data["payment_id"])
    async with database.transaction() as db:
        await db.execute(sql.know_call, payment_id)
    await _pay(database, payment_id)


async def sweep(database: Database) -> None:
    """Every few seconds: ask what is due, of each biller a few, side by side."""
    async with database.transaction() as db:
        await db.execute(sql.know_lost_calls, LOST_AFTER_S, SWEEP_BATCH)
        await connections.forget_secrets(db)
        due = await many(_Due, db, sql.calls_due, SWEEP_OF_EACH, SWEEP_BATCH)
    async with asyncio.timeout(SWEEP_WITHIN_S):
        await asyncio.gather(*(_attend(database, call) for call in due))


async def _attend(database: Database, due: _Due) -> None:
    try:
        await (_pay if due.state == "ready" else _inquire)(database, due.payment_id)
    except Exception as problem:  # one biller's trouble is not another's
        log.warning("a biller's call waits", payment=str(due.payment_id), error=repr(problem))


async def _pay(database: Database, payment_id: UUID) -> None:
    async with database.transaction() as db:
        call = await maybe(_Call, db, sql.claim_call_to_pay, payment_id, LEASE_S)
        adapter = call and await connections.adapter_at(db, call.connection_id)
    if call is None:
        return
    if adapter is None:
        await _keep_or_give_up(database, call, NO_CONNECTION_S)
        return
    try:
        fate = await _ask(database, call.biller_code, partial(adapter.pay, call.order))
    except NotAsked as resting:
        await _keep_or_give_up(database, call, max(1.0, resting.again_in_s))
    except NoAnswer:
        await _put_off(database, call, "unknown", INQUIRE_AFTER_S[0])
    else:
        await _settle(database, call, fate)


async def _keep_or_give_up(database: Database, call: _Call, wait_s: float) -> None:
    """Nothing was sent: it is tried again, but not for ever if nothing was sent before either."""
    if call.sends == 1 and (city_now() - call.made_at).total_seconds() > GIVE_UP_AFTER_S:
        await _give_back(database, call, "maintenance")
        return
    async with database.transaction() as db:
        await db.execute(sql.call_not_sent, call.payment_id, call.attempts, wait_s)


async def _inquire(database: Database, payment_id: UUID) -> None:
    async with database.transaction() as db:
        call = await maybe(_Call, db, sql.claim_call_to_inquire, payment_id, LEASE_S)
        adapter = call and await connections.adapter_at(db, call.connection_id)
        newer = call and await connections.newer_adapter(db, call.biller_code, call.connection_id)
    if call is None:
        return
    wait_s = INQUIRE_AFTER_S[min(call.inquiries, len(INQUIRE_AFTER_S) - 1)]
    try:
        fate = await _fate(database, call, adapter, newer)
    except NotAsked as resting:
        await _put_off(database, call, "unknown", max(1.0, resting.again_in_s))
    except NoAnswer:
        await _put_off(database, call, "unknown", wait_s)
    else:
        await (_send_again(database, call) if isinstance(fate, NotKnown) else _settle(database, call, fate))


async def _fate(
    database: Database, call: _Call, adapter: Adapter | None, newer: Adapter | None
) -> Paid | Refused | Processing | NotKnown:
    """What the biller says, where it was asked to pay; raises NotAsked, NoAnswer.

    Where it moved to since, it may know as well; but that it does not know there says nothing."""
    if adapter is not None and newer is None:
        return await _ask(database, call.biller_code, partial(adapter.inquire, call.payment_id))
    if adapter is not None:
        try:
            return await adapter.inquire(call.payment_id)
        except NoAnswer as silence:
            log.warning("a biller's former address does not answer", biller=call.biller_code, error=str(silence))
    if newer is None:
        raise NoAnswer("the biller has no connection")
    fate = await _ask(database, call.biller_code, partial(newer.inquire, call.payment_id))
    if isinstance(fate, NotKnown):
        raise NoAnswer("not known where the biller moved to")
    return fate


async def _ask(database: Database, biller_code: str, question: Callable[[], Awaitable[T]]) -> T:
    """One question, past the biller's breaker; raises NotAsked (nothing was sent) and NoAnswer."""
    guard = breaker.before(f"biller:{biller_code}")
    try:
        with guard.passing():
            return await question()
    except NoAnswer as silence:
        log.warning("a biller does not answer", biller=biller_code, error=str(silence))
        if guard.state == "open":
            async with database.transaction() as db:
                await billers.rest(db, biller_code, guard.rest_s)
        raise


async def _put_off(database: Database, call: _Call, state: CallState, seconds: float) -> None:
    async with database.transaction() as db:
        await db.execute(sql.put_call_off, call.payment_id, call.attempts, state, seconds)


async def _send_again(database: Database, call: _Call) -> None:
    """It never came there: once it cannot be on its way any more, it is sent again, under the same reference."""
    waited_s = (city_now() - call.asked_at).total_seconds()
    if waited_s < SEND_AGAIN_AFTER_S:
        await _put_off(database, call, "unknown", SEND_AGAIN_AFTER_S - waited_s)
        return
    await _put_off(database, call, "ready", 0)
    await _pay(database, call.payment_id)


async def _settle(database: Database, call: _Call, fate: Paid | Refused | Processing) -> None:
    match fate:
        case Paid():
            await _capture(database, call, fate)
        case Refused():
            await _give_back(database, call, fate.reason)
        case Processing():
            wait_s = INQUIRE_AFTER_S[min(call.inquiries, len(INQUIRE_AFTER_S) - 1)]
            await _put_off(database, call, "unknown", wait_s)


async def _capture(database: Database, call: _Call, paid: Paid) -> None:
    async with database.transaction() as db:
        if await db.fetchval(sql.call_paid, call.payment_id, paid.reference) is None:
            await _check_nothing_was_given_back(db, call)
            return
        await billers.wake(db, call.biller_code)
        if paid.e_invoice is not None:
            await e_invoices.keep(db, call.payment_id, paid.e_invoice)
        await holds.capture(db, call.payment_id)


async def _check_nothing_was_given_back(db: Connection, call: _Call) -> None:
    if await db.fetchval(sql.call_state, call.payment_id) == "refused":
        log.error(
            "a biller took a payment that it had refused", biller=call.biller_code, payment=str(call.payment_id)
        )


async def _give_back(database: Database, call: _Call, reason: RefusalReason) -> None:
    async with database.transaction() as db:
        if await db.fetchval(sql.call_refused, call.payment_id, reason, call.attempts) is None:
            return
        if reason == "maintenance":
            await billers.rest(db, call.biller_code, MAINTENANCE_S)
        else:
            await billers.wake(db, call.biller_code)
        await holds.void(db, call.payment_id, reason)
    if reason in CHANGED:
        await lists.refresh(database, call.biller_code, call.customer_code)


async def _end_as_found(db: Connection, finding: Finding) -> None:
    if finding.status == "paid":
        await db.execute(sql.call_paid, finding.id, finding.reference)
        await holds.capture(db, finding.id)
    else:
        await db.execute(sql.call_refused, finding.id, "other", None)
        await holds.void(db, finding.id, "other")


STUCK = Matter("biller_call", sql.call_to_find, _end_as_found)
"""A payment of which its biller says nothing."""


async def page(db: Connection, cursor: str | None, limit: int, open_only: bool) -> Page[BillerCall]:
    """Calls, newest first: all, or those whose end nobody knows yet. Raises BadCursor."""
    lines = await many(BillerCall, db, sql.calls, *before(cursor), open_only, limit + 1)
    return page_of(lines, limit, lambda call: (call.made_at, call.payment_id))
