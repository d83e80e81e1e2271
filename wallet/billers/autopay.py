"""Autopay: the bills of a code that a resident keeps pay themselves, up to a ceiling, announced the day before.

Switching it on needs an open wallet, switching it off nothing. A bill is looked at once by each autopay and then has
a run: announced, paid on its day, tried again on the next days while the money is short or its biller does not take
it. The payment's id stands in the run before the payment is made, and both are written together: whatever is killed
or done twice, it is one payment. One that came to nothing is followed by another under another id; that no bill is
paid twice is seen to by the bill's own state. The ledger itself looks whether the autopay stands and whether the bill
is within its ceiling."""

import asyncio
from contextlib import suppress
from datetime import date, timedelta
from hashlib import blake2b
from uuid import UUID

import asyncpg
import msgspec
import structlog

from app import outbox
from app.clock import city_today
from app.db import LOST, Connection, Database, many, maybe, queries_beside
from app.errors import NotFound, Refusal, Unavailable
from app.identity import levels
from app.identity.models import Principal
from app.jobs import News
from app.types import new_id
from wallet import ledger
from wallet.billers import lists
from wallet.billers.calls import CHANGED
from wallet.billers.reminders import FIRST, is_day
from wallet.events import AutopayAnnounced, AutopayFailed, AutopayFailure
from wallet.ledger import Move
from wallet.models import Autopay, BillStatus, SetAutopay

sql = queries_beside(__file__)
log = structlog.get_logger()

BATCH = 200
AT_ONCE = 4
"""So many are paid side by side: each takes a connection for a moment."""
MOST_TRIES = 3
WAIT_S = 1800
"""A run that cannot be decided now is looked at again after so long."""
BUSY = frozenset({429, 503})
"""Refusals by which nothing was decided: the same is asked again at the next turn."""

FAILURES: dict[str, AutopayFailure] = {
    "InsufficientFunds": "balance",
    "AutopayNotAllowed": "above_ceiling",
    "MonthLimitReached": "limit",
    "EssentialLimitReached": "limit",
    "DayLimitReached": "limit",
    "StepUpRequired": "needs_proof",
    "StrongStepUpRequired": "needs_proof",
    "AccountLocked": "locked",
    "MoneyOutWaits": "money_out_waits",
}
"""What the ledger refused, in the words of the news; whatever else it was is `other`."""
PASSING: frozenset[AutopayFailure] = frozenset({"locked", "money_out_waits"})
"""What may be over on any day: tried until the bill is due, and told once."""
MAY_TAKE_LATER = frozenset({"maintenance", "insufficient", "amount_changed", "other"})
"""A biller's refusals after which it is asked again."""


async def switch_on(db: Connection, me: Principal, customer_code_id: UUID, wanted: SetAutopay) -> Autopay:
    """Have a kept code's bills paid by themselves, or otherwise from now on.

    Raises WalletLocked, LevelTooLow, NotFound."""
    if not await db.fetchval(sql.is_unlocked, me.session_id):
        raise ledger.WalletLocked
    await levels.need(db, me, "pay_bill")
    values = (me.id, customer_code_id, new_id(), wanted.ceiling, wanted.days_before_due)
    autopay = await maybe(Autopay, db, sql.set_autopay, *values)
    if autopay is None:
        raise NotFound
    await db.execute(sql.forget_what_was_too_high, autopay.id)
    return autopay


async def show(db: Connection, me: Principal, customer_code_id: UUID) -> Autopay:
    """How a kept code pays its bills; raises NotFound if it does not."""
    autopay = await maybe(Autopay, db, sql.autopay_of_mine, me.id, customer_code_id)
    if autopay is None:
        raise NotFound
    return autopay


async def switch_off(db: Connection, me: Principal, customer_code_id: UUID) -> None:
    """From now on they don't, not even those that were announced; raises NotFound."""
    if await db.fetchval(sql.end_autopay, me.id, customer_code_id) is None:
        raise NotFound


class _Words(msgspec.Struct, frozen=True, kw_only=True):
    """What the news says of a bill."""

    autopay_id: UUID
    principal_id: UUID
    bill_id: UUID
    biller: str
    biller_name: str
    biller_name_en: str
    customer_code: str
    period: str
    amount: int

    def announced(self, pay_on: date) -> AutopayAnnounced:
        """It will be paid."""
        return msgspec.convert({**_named(self), "pay_on": pay_on}, AutopayAnnounced)

    def failed(self, why: AutopayFailure, again_on: date | None) -> AutopayFailed:
        """It was not."""
        return msgspec.convert({**_named(self), "why": why, "again_on": again_on}, AutopayFailed)


def _named(words: _Words) -> dict[str, object]:
    return {name: getattr(words, name) for name in _Words.__struct_fields__}


class _ToAnnounce(msgspec.Struct, frozen=True):
    """A bill of an autopay, or (nothing but its id) the page's last autopay."""

    autopay_id: UUID
    principal_id: UUID
    bill_id: UUID | None
    amount: int | None
    above: bool | None
    pay_on: date | None
    biller: str | None
    biller_name: str | None
    biller_name_en: str | None
    customer_code: str | None
    period: str | None


async def announce(database: Database) -> None:
    """Go through all autopays, a page a transaction: what will be paid tomorrow is announced today.

    A bill that came late is paid the day after its announcement all the same."""
    last: UUID | None = FIRST if is_day() else None
    while last is not None:
        async with database.transaction() as db:
            bills = await many(_ToAnnounce, db, sql.bills_to_announce, last, BATCH, city_today())
            for bill in bills:
                if bill.bill_id is not None:
                    await _announce(db, bill)
        last = bills[-1].autopay_id if bills else None


async def _announce(db: Connection, bill: _ToAnnounce) -> None:
    words = msgspec.convert(bill, _Words, from_attributes=True)
    status, why = ("failed", "above_ceiling") if bill.above else ("announced", None)
    values = (words.autopay_id, words.bill_id, words.principal_id, new_id(), words.amount, bill.pay_on, status, why)
    if await db.fetchval(sql.announce_run, *values) is None:
        return
    assert bill.pay_on is not None
    await outbox.record(db, words.failed("above_ceiling", None) if bill.above else words.announced(bill.pay_on))


class _Run(_Words, frozen=True, kw_only=True):
    payment_id: UUID
    announced_amount: int
    tries: int
    why: str | None
    ended: bool
    above: bool
    bill_status: BillStatus
    due_on: date

    @property
    def over(self) -> bool:
        """Is there nothing left to pay?"""
        return self.ended or self.bill_status in {"paid", "withdrawn"}

    @property
    def changed(self) -> bool:
        """Is it another amount than was announced?"""
        return self.amount != self.announced_amount


class _RunKey(msgspec.Struct, frozen=True):
    """In this order they are paid."""

    pay_on: date
    autopay_id: UUID
    bill_id: UUID


async def pay_due(database: Database) -> None:
    """Pay what was announced and whose day has come, by pages, a few side by side, each in its own transaction."""
    room = asyncio.Semaphore(AT_ONCE)
    last: _RunKey | None = _RunKey(date.min, FIRST, FIRST)
    while last is not None and is_day():
        async with database.acquire() as db:
            after = (last.pay_on, last.autopay_id, last.bill_id)
            page = await many(_RunKey, db, sql.runs_due, city_today(), *after, BATCH)
        await asyncio.gather(*(_attend(database, room, run) for run in page))
        last = page[-1] if page else None


async def _attend(database: Database, room: asyncio.Semaphore, key: _RunKey) -> None:
    """One resident's trouble is not another's, and what raises today may raise again: it stands aside for a while."""
    async with room:
        try:
            await _pay_or_say_why(database, key)
        except Exception as problem:
            log.warning("an autopay waits", autopay=str(key.autopay_id), bill=str(key.bill_id), error=repr(problem))
            if not isinstance(problem, Refusal):
                with suppress(Unavailable, asyncpg.PostgresError, *LOST):
                    async with database.transaction() as db:
                        await db.execute(sql.let_run_wait, key.autopay_id, key.bill_id, WAIT_S)


async def _pay_or_say_why(database: Database, key: _RunKey) -> None:
    """The payment and the run's end are one transaction; a refusal rolls that back and is written down in another.

    Raises the refusals by which nothing was decided: the run stays as it is."""
    try:
        async with database.transaction() as db:
            run = await _claimed(db, key, "announced")
            if run is None or not await _may_pay(db, run):
                return
            await db.execute(sql.settle_run, run.autopay_id, run.bill_id, "sent", None)
            await ledger.move(db, _move(run))
    except Refusal as refusal:
        if refusal.status in BUSY:
            raise
        async with database.transaction() as db:
            run = await _claimed(db, key, "announced")
            if run is not None and await _may_pay(db, run):
                await _put_off_or_fail(db, run, refusal)


async def _claimed(db: Connection, key: _RunKey, status: str) -> _Run | None:
    return await maybe(_Run, db, sql.run_for_update, key.autopay_id, key.bill_id, status, city_today())


async def _may_pay(db: Connection, run: _Run) -> bool:
    """Is there still something to pay, as announced? What was changed since is announced anew.

    A bill that somebody is paying just now may yet be due again."""
    if run.over:
        await db.execute(sql.settle_run, run.autopay_id, run.bill_id, "over", None)
    elif run.bill_status == "paying":
        await db.execute(sql.let_run_wait, run.autopay_id, run.bill_id, WAIT_S)
    elif run.above:
        await _fail(db, run, "above_ceiling")
    elif run.changed:
        await db.execute(sql.put_run_off, run.autopay_id, run.bill_id, run.amount, _tomorrow(), run.tries, None)
        await outbox.record(db, run.announced(_tomorrow()))
    else:
        return True
    return False


def _tomorrow() -> date:
    return city_today() + timedelta(days=1)


def _move(run: _Run) -> Move:
    """What the ledger is asked: without a session, by the autopay."""
    fingerprint = blake2b(b"autopay" + run.autopay_id.bytes + run.bill_id.bytes, digest_size=16).digest()
    return Move(
        run.payment_id,
        "bill",
        run.principal_id,
        bill_id=run.bill_id,
        amount=run.announced_amount,
        original_id=run.autopay_id,
        fingerprint=fingerprint,
    )


async def _put_off_or_fail(db: Connection, run: _Run, refusal: Refusal) -> None:
    """Money that is short may come: it is tried again on the next day, until the bill is due or three times.

    An account that is locked, or from which no money goes out yet, is waited for until the bill is due."""
    if isinstance(refusal, ledger.BillNotDue | ledger.AmountDiffers):  # so it was for a moment, and is no more
        return
    why: AutopayFailure = FAILURES.get(type(refusal).__name__, "other")
    tries = run.tries + (why not in PASSING)
    if why not in {"balance", *PASSING} or tries >= MOST_TRIES or _tomorrow() > run.due_on:
        await _fail(db, run, why)
        return
    await db.execute(sql.put_run_off, run.autopay_id, run.bill_id, run.announced_amount, _tomorrow(), tries, why)
    if why not in PASSING or why != run.why:
        await outbox.record(db, run.failed(why, _tomorrow()))


async def _fail(db: Connection, run: _Run, why: AutopayFailure) -> None:
    await db.execute(sql.settle_run, run.autopay_id, run.bill_id, "failed", why)
    await outbox.record(db, run.failed(why, None))


async def look_again(database: Database, news: News) -> None:
    """On BillPaymentFailed: was it ours? Then the bill is tried again tomorrow, or there is no use in it.

    After "that is not our bill" the biller is asked for it first, so that tomorrow's amount is its own."""
    payment_id, why = UUID(news.data["payment_id"]), news.data["why"]
    async with database.acquire() as db:
        key = await maybe(_RunKey, db, sql.run_of_payment, payment_id)
    if key is None:
        return
    if why in CHANGED:
        await lists.refresh(database, news.data["biller"], news.data["customer_code"])
    async with database.transaction() as db:
        run = await _claimed(db, key, "sent")
        if run is not None and run.payment_id == payment_id:
            await _bring_back_or_fail(db, run, why or "other")


async def _bring_back_or_fail(db: Connection, run: _Run, said: str) -> None:
    """After what the biller said: so often, and until the bill is due, as money that is short is waited for."""
    if run.over or said == "already_paid":
        await db.execute(sql.settle_run, run.autopay_id, run.bill_id, "over", None)
    elif run.above:
        await _fail(db, run, "above_ceiling")
    elif said not in MAY_TAKE_LATER or run.tries >= MOST_TRIES or (_tomorrow() > run.due_on and not run.changed):
        await _fail(db, run, "biller")
    else:
        why = None if run.changed else "biller"
        values = (run.autopay_id, run.bill_id, new_id(), run.amount, _tomorrow(), why)
        await db.execute(sql.bring_run_back, *values)
        await outbox.record(db, run.announced(_tomorrow()) if run.changed else run.failed("biller", _tomorrow()))
