"""Autopay: the bills of a code that a resident keeps pay themselves, up to a ceiling, announced the day before.

Switching it on needs an open wallet, switching it off nothing. A bill is looked at once by each autopay and then has
a run: announced, paid on its day, tried again on the next days while the money is short. The payment's id is made
from the autopay and the bill, so whatever is killed or done twice, it is one payment. The ledger itself looks whether
the autopay stands and whether the bill is within its ceiling."""

from datetime import date, timedelta
from hashlib import blake2b
from uuid import UUID, uuid5

import msgspec
import structlog

from app import outbox
from app.clock import city_today
from app.db import Connection, Database, many, maybe, queries_beside
from app.errors import NotFound, Refusal
from app.identity import levels
from app.identity.models import Principal
from app.types import new_id
from wallet import ledger
from wallet.billers.reminders import FIRST, is_day
from wallet.events import AutopayAnnounced, AutopayFailed, AutopayFailure
from wallet.ledger import Move
from wallet.models import Autopay, BillStatus, SetAutopay

sql = queries_beside(__file__)
log = structlog.get_logger()

BATCH = 200
MOST_TRIES = 3

FAILURES: dict[str, AutopayFailure] = {
    "InsufficientFunds": "balance",
    "AutopayNotAllowed": "above_ceiling",
    "MonthLimitReached": "limit",
    "EssentialLimitReached": "limit",
    "DayLimitReached": "limit",
    "StepUpRequired": "needs_proof",
    "StrongStepUpRequired": "needs_proof",
}
"""What the ledger refused, in the words of the news; whatever else it was is `other`."""


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
    payment_id = uuid5(words.autopay_id, str(words.bill_id))
    values = (words.autopay_id, words.bill_id, words.principal_id, payment_id, words.amount, bill.pay_on, status, why)
    if await db.fetchval(sql.announce_run, *values) is None:
        return
    assert bill.pay_on is not None
    await outbox.record(db, words.failed("above_ceiling", None) if bill.above else words.announced(bill.pay_on))


class _Run(_Words, frozen=True, kw_only=True):
    payment_id: UUID
    announced_amount: int
    tries: int
    ended: bool
    above: bool
    bill_status: BillStatus
    due_on: date


class _DueRun(msgspec.Struct, frozen=True):
    autopay_id: UUID
    bill_id: UUID


async def pay_due(database: Database) -> None:
    """Pay what was announced and whose day has come, each in a transaction of its own."""
    if not is_day():
        return
    async with database.acquire() as db:
        due = await many(_DueRun, db, sql.runs_due, city_today(), BATCH)
    for run in due:
        try:
            await _attend(database, run)
        except Exception as problem:  # one resident's trouble is not another's
            log.warning("an autopay waits", autopay=str(run.autopay_id), bill=str(run.bill_id), error=repr(problem))


async def _attend(database: Database, due: _DueRun) -> None:
    """The payment and the run's end are one transaction; a refusal rolls that back and is written down in another."""
    try:
        async with database.transaction() as db:
            run = await _claimed(db, due)
            if run is None or not await _may_pay(db, run):
                return
            await db.execute(sql.settle_run, run.autopay_id, run.bill_id, "sent", None)
            await ledger.move(db, _move(run))
    except Refusal as refusal:
        async with database.transaction() as db:
            run = await _claimed(db, due)
            if run is not None:
                await _put_off_or_fail(db, run, refusal)


async def _claimed(db: Connection, due: _DueRun) -> _Run | None:
    return await maybe(_Run, db, sql.run_for_update, due.autopay_id, due.bill_id, city_today())


async def _may_pay(db: Connection, run: _Run) -> bool:
    """Is there still something to pay, as announced? What was changed since is announced anew."""
    if run.ended or run.bill_status != "due":
        await db.execute(sql.settle_run, run.autopay_id, run.bill_id, "over", None)
        return False
    if run.above:
        await _fail(db, run, "above_ceiling")
        return False
    if run.amount != run.announced_amount:
        tomorrow = city_today() + timedelta(days=1)
        await db.execute(sql.put_run_off, run.autopay_id, run.bill_id, run.amount, tomorrow, run.tries, None)
        await outbox.record(db, run.announced(tomorrow))
        return False
    return True


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
    """Money that is short may come: it is tried again on the next day, until the bill is due or three times."""
    why: AutopayFailure = FAILURES.get(type(refusal).__name__, "other")
    if isinstance(refusal, ledger.BillNotDue):
        await db.execute(sql.settle_run, run.autopay_id, run.bill_id, "over", None)
        return
    tomorrow = city_today() + timedelta(days=1)
    if why != "balance" or run.tries + 1 >= MOST_TRIES or tomorrow > run.due_on:
        await _fail(db, run, why)
        return
    await db.execute(sql.put_run_off, run.autopay_id, run.bill_id, run.announced_amount, tomorrow, run.tries + 1, why)
    await outbox.record(db, run.failed(why, tomorrow))


async def _fail(db: Connection, run: _Run, why: AutopayFailure) -> None:
    await db.execute(sql.settle_run, run.autopay_id, run.bill_id, "failed", why)
    await outbox.record(db, run.failed(why, None))
