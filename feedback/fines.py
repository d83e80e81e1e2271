"""Fines for what somebody has reported: a notice, a decision, a deadline, and a charge for every late day.

    notice ──► decided ──► paid
       ╲          │
        ╲──► cancelled ──► another notice

A decision is a bill of the treasury's biller (wallet), paid like any other. What a late day costs is the law's (Law
on Handling Administrative Violations, article 78; Circular 18/2023/TT-BTC, article 5): 0.05 % of the unpaid fine for
each day after the last one to pay and before the one on which it is paid, holidays too, rounded down to whole đồng,
and nothing on the charge itself.

A bill's amount never changes, so a late fine gets another bill in the place of the one before (`VP…`, then `VP…-2`).
That happens when somebody looks the fine up, once a day at most, since whoever looks is about to pay and sees what is
owed today; and once a week by the clock, for whoever pays by a link of before. Not more often: each new bill makes an
older QR void. The old bill is withdrawn first; if it is paid, or being paid, at that very moment, it stays and is the
one that counts. A transfer from a bank with the code of a withdrawn bill is not lost: it waits in suspense until
finance says whose it is, or sends it back."""

import re
import secrets
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec
import structlog

from app import outbox, policies
from app.audit import records
from app.budgets import Budget, spend
from app.clock import CITY_ZONE, city_today
from app.db import LOST, Connection, Database, many, maybe, queries_beside
from app.errors import Language, NotFound, Refusal, refusing
from app.identity.models import Principal
from app.jobs import News
from app.secrets import mac
from app.types import address_key, new_id
from feedback import steps
from feedback.events import FinePaid
from feedback.models import CancelFine, FineStatus, LookUpFine, PublicFine, PutFine, StaffFine
from feedback.steps import AGENCY, Locked
from wallet import issue_bill, withdraw_bill
from wallet.events import BillPaid

sql = queries_beside(__file__)
log = structlog.get_logger()

NOTICED, PAID, CANCELLED = "Đã gửi thông báo vi phạm.", "Đã nộp phạt.", "Quyết định xử phạt đã được hủy bỏ."
"""Words of steps: the first two for the city's people only."""
LONGEST_DAYS = 365
AT_ONCE = 1000
PAYMENTS_AT_ONCE = 200
LOOK_UPS = ((20, 600), (100, 86_400))
LOOK_UPS_OF_A_PLATE = 20, 3600


class NothingToFine(Refusal):
    """Lĩnh vực này không thuộc diện xử phạt theo phản ánh.

    Reports of this category lead to no fine."""


class DecisionIncomplete(Refusal):
    """Quyết định xử phạt cần số quyết định và số tiền.

    A decision needs its number and an amount."""

    status = 400


class FineOutOfRange(Refusal):
    """Mức phạt phải từ {least} đến {most} đồng.

    A fine is between {least} and {most} VND."""

    status = 400


class BadFineDates(Refusal):
    """Ngày quyết định phải từ ngày phản ánh đến hôm nay; hạn nộp chưa qua, sau ngày quyết định ít nhất {days} ngày và
    không quá một năm.

    A decision is of a day between the report's and today; its deadline is not over, at least {days} days after the
    decision, and at most a year."""

    status = 400


class DecisionNumberTaken(Refusal):
    """Số quyết định này đã được dùng cho một vụ khác trong năm.

    This decision's number is used for another case of that year."""


class FineDecided(Refusal):
    """Đã có quyết định xử phạt; muốn thay đổi, hãy hủy quyết định trước.

    The fine is decided; to change it, cancel it first."""


class FineIsPaid(Refusal):
    """Tiền phạt đã được nộp hoặc đang được thanh toán.

    The fine is paid, or is being paid just now."""


class NoFineBiller(Refusal):
    """Chưa có đơn vị thu tiền phạt để phát hành hóa đơn; hãy báo bộ phận tài chính.

    There is no biller yet by which fines are collected; tell finance."""


class NoSuchFine(Refusal):
    """Không tìm thấy quyết định xử phạt với biển số và số quyết định này.

    There is no decision with this plate and this number."""

    status = 404
    keeps = True


class _Fine(msgspec.Struct, frozen=True):
    id: UUID
    report_id: UUID
    agency: str
    code: str
    status: FineStatus
    plate: str | None
    offender_name: str | None
    violation: str
    decision_number: str | None
    decision_key: str | None
    amount: int | None
    decided_on: date | None
    due_on: date | None
    biller: str | None
    bills: int
    bill_id: UUID | None
    late_amount: int
    decided_by: UUID | None
    cancelled_by: UUID | None
    cancel_reason: str | None


class _Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What a bill of a fine is made of."""

    biller: str
    code: str
    plate: str | None
    offender_name: str | None
    number: str
    amount: int
    decided_on: date
    due_on: date


class _OfBill(msgspec.Struct, frozen=True):
    id: UUID
    report_id: UUID
    bill_id: UUID


class _Found(msgspec.Struct, frozen=True):
    id: UUID
    status: FineStatus
    decision_number: str
    decided_on: date
    violation: str
    agency_name: str
    amount: int
    late_amount: int
    due_on: date
    paid_at: datetime | None
    paid_amount: int | None
    biller: str
    reference: str
    bill_id: UUID


# What the agency does


async def put(db: Connection, me: Principal, report_id: UUID, wanted: PutFine) -> StaffFine:
    """Write a notice, correct it, or decide. The same again changes nothing.

    The reporter hears that the violation was fined, and neither whose vehicle it was nor how much. Raises NotFound,
    ReportChanged, StepOutOfTurn, NothingToFine, FineDecided, FineIsPaid, DecisionIncomplete, FineOutOfRange,
    BadFineDates, DecisionNumberTaken, NoFineBiller."""
    report, latest = await _lock(db, me, report_id)
    standing = latest if latest and latest.status != "cancelled" else None
    if standing is None and not steps.works_for(me, report.agency, AGENCY):
        raise NotFound
    same = standing is not None and _says(standing, wanted)
    if not await steps.is_done(db, me, report, wanted) and not same:
        biller = await _may_fine(db, report, standing)
        fine_id, code = await _notice(db, me, report, standing, wanted)
        agency = standing.agency if standing else report.agency
        if _decides(wanted):
            await _decide(db, me, report, fine_id, await _decision(db, report, wanted, biller, code))
            await steps.record(db, report, me, "fined", audience="reporter", agency=agency, wanted=wanted)
        else:
            await steps.record(db, report, me, "fined", NOTICED, audience="nobody", agency=agency, wanted=wanted)
    return await show(db, me, report_id)


async def _lock(db: Connection, me: Principal, report_id: UUID) -> tuple[Locked, _Fine | None]:
    """A report, and its fine if there is one: it stays with the agency that made it, wherever the report goes. Raises
    NotFound."""
    report = await steps.lock(db, report_id)
    fine = await maybe(_Fine, db, sql.lock_latest_fine, report.id)
    whose = {report.agency, fine.agency} if fine and fine.status == "cancelled" else {(fine or report).agency}
    if report.confidential or not any(steps.works_for(me, agency, AGENCY) for agency in whose):
        raise NotFound
    return report, fine


def _says(fine: _Fine, wanted: PutFine) -> bool:
    """Is this what is wanted? Days that are left to us are as they were."""
    said = (fine.plate, fine.violation, fine.offender_name, fine.decision_key, fine.amount)
    number = wanted.decision_number and number_key(wanted.decision_number)
    if said != (plate_key(wanted.plate), wanted.violation, wanted.offender_name, number, wanted.amount):
        return False
    return wanted.decided_on in {None, fine.decided_on} and wanted.due_on in {None, fine.due_on}


def _decides(wanted: PutFine) -> bool:
    return bool(wanted.decision_number or wanted.amount or wanted.decided_on or wanted.due_on)


async def _may_fine(db: Connection, report: Locked, standing: _Fine | None) -> str:
    """By which biller. A fine begins while the report is dealt with; one that has begun goes on after that."""
    biller: str | None = await db.fetchval(sql.fine_biller, report.category)
    if biller is None or not report.keeps_original:
        raise NothingToFine
    begun = ("closed",) if standing else ()
    steps.need(report, "assigned", "in_progress", "resolved", *begun)
    if standing and standing.status != "notice":
        raise FineIsPaid if standing.status == "paid" else FineDecided
    return biller


async def _notice(
    db: Connection, me: Principal, report: Locked, standing: _Fine | None, wanted: PutFine
) -> tuple[UUID, str]:
    said = plate_key(wanted.plate), wanted.offender_name, wanted.violation
    if standing:
        await db.execute(sql.correct_notice, standing.id, *said)
        return standing.id, standing.code
    fine_id, code = new_id(), f"VP{secrets.randbelow(10**12):012}"
    await db.execute(sql.make_fine, fine_id, report.id, report.agency, code, *said, me.id)
    return fine_id, code


async def _decision(db: Connection, report: Locked, wanted: PutFine, biller: str, code: str) -> _Decision:
    if wanted.decision_number is None or wanted.amount is None:
        raise DecisionIncomplete
    least, most, days = [await policies.value(db, f"feedback.fine_{what}") for what in ("least", "most", "days")]
    if not least <= wanted.amount <= most:
        raise FineOutOfRange(least=least, most=most)
    today = city_today()
    decided_on = wanted.decided_on or today
    due_on = wanted.due_on or decided_on + timedelta(days=days)
    if not report.made_at.astimezone(CITY_ZONE).date() <= decided_on <= today:
        raise BadFineDates(days=days)
    if not max(today, decided_on + timedelta(days=days)) <= due_on <= decided_on + timedelta(days=LONGEST_DAYS):
        raise BadFineDates(days=days)
    return _Decision(
        biller=biller,
        code=code,
        plate=plate_key(wanted.plate),
        offender_name=wanted.offender_name,
        number=wanted.decision_number.strip(),
        amount=wanted.amount,
        decided_on=decided_on,
        due_on=due_on,
    )


async def _decide(db: Connection, me: Principal, report: Locked, fine_id: UUID, decision: _Decision) -> None:
    bill_id, reference = await _bill(db, decision, 1, 0)
    with refusing(report_fine_number_once_a_year=DecisionNumberTaken):
        await db.execute(
            sql.decide_fine,
            fine_id,
            decision.number,
            number_key(decision.number),
            decision.amount,
            decision.decided_on,
            decision.due_on,
            decision.biller,
            bill_id,
            reference,
            city_today(),
            decision.due_on + timedelta(days=2),  # the first day on which a day is charged
            me.id,
        )
    await records.record(
        db,
        me,
        "report.fine_decided",
        report.code,
        number=decision.number,
        amount=decision.amount,
        reference=reference,
    )


async def _bill(db: Connection, decision: _Decision, nth: int, late_amount: int) -> tuple[UUID, str]:
    """The nth bill of a fine, and its reference. Of the plate it shows no more than whose it is would know again."""
    reference = decision.code if nth == 1 else f"{decision.code}-{nth}"
    with refusing(bill_biller_code_fkey=NoFineBiller):
        bill_id = await issue_bill(
            db,
            biller=decision.biller,
            reference=reference,
            customer_code=decision.code,
            customer_name=decision.offender_name or _masked(decision.plate or ""),
            period=f"{decision.number}, {decision.decided_on:%d/%m/%Y}",
            amount=decision.amount + late_amount,
            due_on=decision.due_on,
            subject="Tiền phạt và tiền chậm nộp" if late_amount else "Tiền phạt",
        )
    return bill_id, reference


def _masked(plate: str) -> str:
    """`75A12345` → `75***45`."""
    return f"{plate[:2]}***{plate[-2:]}"


async def cancel(db: Connection, me: Principal, report_id: UUID, wanted: CancelFine) -> StaffFine:
    """There is no fine after all: its bill is withdrawn. Whoever reported, and was told of it, hears so.

    Raises NotFound, ReportChanged, FineIsPaid."""
    report, fine = await _lock(db, me, report_id)
    if fine is None:
        raise NotFound
    same = (fine.status, fine.cancelled_by, fine.cancel_reason) == ("cancelled", me.id, wanted.reason)
    if not await steps.is_done(db, me, report, wanted) and not same:
        await _cancel(db, me, report, fine, wanted)
    return await show(db, me, report_id)


async def _cancel(db: Connection, me: Principal, report: Locked, fine: _Fine, wanted: CancelFine) -> None:
    if fine.status == "cancelled":
        raise NotFound
    if fine.status == "paid" or (fine.bill_id and not await withdraw_bill(db, fine.bill_id)):
        raise FineIsPaid
    await db.execute(sql.cancel_fine, fine.id, me.id, wanted.reason)
    await records.record(db, me, "report.fine_cancelled", report.code, number=fine.decision_number)
    told = fine.status == "decided"
    await steps.record(
        db,
        report,
        me,
        "fined",
        CANCELLED if told else None,
        audience="reporter" if told else "nobody",
        agency=fine.agency,
        wanted=wanted,
    )


async def show(db: Connection, me: Principal, report_id: UUID) -> StaffFine:
    """A report's fine, as the agency that made it and supervisors see it. Raises NotFound."""
    report, _ = await _lock(db, me, report_id)
    fine = await maybe(StaffFine, db, sql.staff_fine, report.id)
    if fine is None:
        raise NotFound
    return fine


# What becomes of it


async def hear_payments(db: Connection, news: Sequence[News]) -> None:
    """Bills were paid: those of fines are known by their ids. Told twice, a fine is paid once."""
    heard = [(msgspec.convert(one.data, BillPaid), one.made_at) for one in news]
    told = {event.bill_id: (event, made_at) for event, made_at in heard}
    for fine in await many(_OfBill, db, sql.fines_of_bills, list(told)):
        await _pay(db, fine, *told[fine.bill_id])


async def _pay(db: Connection, fine: _OfBill, paid: BillPaid, paid_at: datetime) -> None:
    report = await steps.lock(db, fine.report_id)
    decided = await db.fetchrow(sql.pay_fine, fine.id, paid.payment_id, paid.amount, paid_at)
    if decided is None:
        return
    await steps.record(db, report, None, "fined", PAID, audience="nobody", by="city")
    await outbox.record(
        db,
        FinePaid(
            report_id=report.id,
            code=report.code,
            decision_number=decided["decision_number"],
            amount=paid.amount,
            officer_id=decided["decided_by"],
        ),
    )


async def renew_late(database: Database) -> None:
    """The clock's turn: each late fine whose week is over gets a bill with what is owed today.

    A transaction each, so that nobody who pays waits for all of them; killed in between, the next turn goes on."""
    today = city_today()
    async with database.acquire() as db:
        late: list[UUID] = await db.fetchval(sql.fines_to_renew, today, AT_ONCE)
    for fine_id in late:
        try:
            async with database.transaction() as db:
                await renew(db, fine_id, today)
        except (asyncpg.PostgresError, Refusal, *LOST) as problem:
            log.warning("fine not renewed", fine=str(fine_id), error=repr(problem)[:500])


async def renew(db: Connection, fine_id: UUID, today: date) -> None:
    """Have the bill hold what is owed today, unless it does, or is paid at this very moment."""
    fine = await maybe(_Fine, db, sql.lock_fine, fine_id)
    if fine is None or fine.status != "decided":
        return
    decision = _decision_of(fine)
    millionths = await policies.value(db, "feedback.fine_late_millionths")
    late_amount = late_charge(decision.amount, late_days(decision.due_on, today), millionths)
    assert fine.bill_id is not None
    if late_amount <= fine.late_amount or not await withdraw_bill(db, fine.bill_id):
        await db.execute(sql.put_fine_renewal_off, fine.id, today + timedelta(days=1))
        return
    bill_id, reference = await _bill(db, decision, fine.bills + 1, late_amount)
    again_on = today + timedelta(days=await policies.value(db, "feedback.fine_renewal_days"))
    await db.execute(sql.renew_fine, fine.id, bill_id, reference, late_amount, today, again_on)


def _decision_of(fine: _Fine) -> _Decision:
    return msgspec.convert(
        {
            "biller": fine.biller,
            "code": fine.code,
            "plate": fine.plate,
            "offender_name": fine.offender_name,
            "number": fine.decision_number,
            "amount": fine.amount,
            "decided_on": fine.decided_on,
            "due_on": fine.due_on,
        },
        _Decision,
    )


def late_days(due_on: date, paid_on: date) -> int:
    """The days that are charged: after the last one to pay, before the one on which it is paid."""
    return max(0, (paid_on - due_on).days - 1)


def late_charge(amount: int, days: int, millionths: int) -> int:
    """What so many late days cost, in whole đồng, rounded down once at the end."""
    return amount * days * millionths // 1_000_000


# What everybody may ask


async def look_up(db: Connection, address: str, wanted: LookUpFine, language: Language) -> PublicFine:
    """A fine, to whoever has its decision: plate and number. Of the report, and of who reported, nothing is said.

    Every look counts, for the address and for the plate, also one in vain: a wrong plate and a wrong number are
    answered alike. Raises NoSuchFine, TooManyRequests."""
    plate, number = plate_key(wanted.plate), number_key(wanted.decision_number)
    whose = mac("fine look-up", plate).hex()[:32]
    await spend(
        db,
        *(Budget(f"fine look-ups {address_key(address)}", most, window_s) for most, window_s in LOOK_UPS),
        Budget(f"fine look-ups of {whose}", *LOOK_UPS_OF_A_PLATE),
    )
    found = await maybe(_Found, db, sql.fine_of_pair, plate, number, language)
    if found is not None and found.status == "decided" and late_days(found.due_on, today := city_today()):
        await renew(db, found.id, today)
        found = await maybe(_Found, db, sql.fine_of_pair, plate, number, language)
    if found is None:
        raise NoSuchFine
    return _shown(found)


def _shown(fine: _Found) -> PublicFine:
    due = fine.status == "decided"
    late_amount = fine.late_amount if fine.status != "cancelled" else 0
    return PublicFine(
        status="due" if due else "paid" if fine.status == "paid" else "cancelled",
        decision_number=fine.decision_number,
        decided_on=fine.decided_on,
        violation=fine.violation,
        agency_name=fine.agency_name,
        amount=fine.amount,
        late_amount=late_amount,
        total=fine.amount + late_amount if due else 0,
        due_on=fine.due_on,
        paid_at=fine.paid_at,
        biller=fine.biller,
        reference=fine.reference,
        bill_id=fine.bill_id if due else None,
        page=f"/pay/{fine.biller}/{fine.reference}" if due else None,
        public_bill=f"/v1/public/bills/{fine.biller}/{fine.reference}" if due else None,
        vietqr=f"/v1/wallet/bills/{fine.bill_id}/vietqr" if due else None,
    )


def plate_key(text: str) -> str:
    """`75A-123.45`, `75a 12345` → `75A12345`: however people write it. Đ counts as D."""
    return re.sub(r"[ .-]", "", text).upper().replace("Đ", "D")


def number_key(text: str) -> str:
    """`123/QĐ-XPHC`, ` 123 / qd-xphc` → `123-QD-XPHC`."""
    plain = unicodedata.normalize("NFD", text.upper().replace("Đ", "D"))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter) and not letter.isspace())
    return re.sub(r"[^0-9A-Z]+", "-", plain).strip("-")
