"""Cash at a counter: receipts by number, and a drawer that is counted in the evening.

    receipt:  paid ──► void_asked ──► voided      the same day, by another pair of eyes
              pending (the biller is asked) ──► paid | refused (the money is in suspense, the cash in the drawer)
    drawer:   open ──► counted ──► at the bank    expected against counted; what the bank has got, it says itself

The account CASH stands below zero by what should lie in all drawers. The bank's notice of a deposit waits in
suspense, like all money that names nobody, until two members of finance say which drawer's it is (see `suspense`)."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID, uuid5

import msgspec

from app import outbox, policies
from app.audit import records
from app.clock import city_today
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import Forbidden, NotFound, Refusal, refusing
from app.identity.models import Principal
from app.staff.pages import before, page_of
from app.types import Page, grouped, phone
from wallet import bills, ledger
from wallet.events import CashReceiptVoided, CashToppedUp
from wallet.gateways import suspense
from wallet.gateways.inbound_models import (
    CashClose,
    CashForBill,
    CashForTopUp,
    CashReceipt,
    CloseCash,
    SuspenseReason,
    SuspenseStatus,
    TakeCash,
    VoidReceipt,
)
from wallet.ledger import Move

sql = queries_beside(__file__)


class CashReceiptIdTaken(Refusal):
    """Mã phiếu thu này đã dùng cho một phiếu khác; hãy tạo mã mới.

    This receipt's id was used for another receipt; make a new one."""


class CashDayClosed(Refusal):
    """Quầy đã kiểm quỹ và khóa sổ ngày này.

    The counter's drawer of this day was counted already."""


class CashReceiptTooLarge(Refusal):
    """Mỗi lần chỉ thu được nhiều nhất {most} đồng tiền mặt; hãy hướng dẫn khách chuyển khoản.

    No more than {most} VND in cash are taken at once; show the customer how to pay by bank transfer."""

    status = 400


class ClerkDayLimitReached(Refusal):
    """Vượt mức tiền mặt mỗi nhân viên được thu trong ngày ({allowed} đồng); hôm nay bạn còn thu được {left} đồng.

    This is above what one clerk may take in cash on a day ({allowed} VND); {left} VND of it are left to you today."""

    status = 403


class CashDayAhead(Refusal):
    """Không thể khóa sổ một ngày chưa đến.

    A day that has not come cannot be closed."""

    status = 400


class ReceiptCannotBeVoided(Refusal):
    """Không thể hủy phiếu thu này: chỉ hủy được trong ngày, trước khi kiểm quỹ, và khi chưa có ai khác đang xử lý.

    This receipt cannot be voided: only on its day, before the drawer is counted, and while nobody else deals with
    it."""


class BillerHasActed(Refusal):
    """Đơn vị thu đã biết khoản này (biên lai, hóa đơn điện tử hoặc hệ thống của họ), nên quầy không hủy được phiếu
    thu; hãy chuyển bộ phận tài chính xử lý.

    The biller knows of this payment already (a receipt's number, an e-invoice, its own system), so the counter cannot
    void its receipt; hand it over to finance."""


class VoidNotAsked(Refusal):
    """Chưa có ai đề nghị hủy phiếu thu này.

    Nobody has asked that this receipt be voided."""


class VoidNeedsSecondPairOfEyes(Refusal):
    """Người đề nghị hủy không thể tự duyệt; cần một người khác.

    Whoever asked for the voiding may not approve it; somebody else must."""

    status = 403


class CashCloseIdTaken(Refusal):
    """Mã kiểm quỹ này đã dùng cho một lần kiểm quỹ khác; hãy tạo mã mới.

    This id was used for another count; make a new one."""


class _Day(msgspec.Struct, frozen=True):
    receipts: int
    open: bool


# Receipts


async def take(db: Connection, me: Principal, cash_receipt_id: UUID, wanted: TakeCash) -> CashReceipt:
    """Take cash for a bill or for a wallet; the same again is the same receipt.

    Raises Forbidden (not a clerk there), CashDayClosed, CashReceiptIdTaken, CashReceiptTooLarge,
    ClerkDayLimitReached, BadPhone, UnknownPayee, UnknownBill, BillNotDue, AmountDiffers and what else the ledger
    refuses."""
    _check_agency(me, wanted.agency)
    on = city_today()
    day = await one(_Day, db, sql.open_cash_day, wanted.agency, on)
    known = await _receipt(db, cash_receipt_id)
    principal_id = await _owner(db, wanted.wanted)
    if known is not None:
        await _check_same(db, me, known, wanted, principal_id)
        return known
    if not day.open:
        raise CashDayClosed
    await _check_limits(db, me, wanted, on)
    number = f"{wanted.agency.upper()}-{on:%Y%m%d}-{day.receipts + 1:04}"
    await _write(db, me, cash_receipt_id, wanted, number, on, principal_id)
    await records.record(db, me, "wallet.cash_taken", cash_receipt_id, number=number, amount=wanted.amount)
    await _move_in(db, cash_receipt_id, wanted, number, principal_id)
    receipt = await _receipt(db, cash_receipt_id)
    assert receipt is not None
    return receipt


def _check_agency(me: Principal, agency: str) -> None:
    if agency not in me.agencies_as("clerk"):
        raise Forbidden


async def _receipt(db: Connection, cash_receipt_id: UUID) -> CashReceipt | None:
    return await maybe(CashReceipt, db, sql.cash_receipt, cash_receipt_id)


async def _owner(db: Connection, wanted: CashForBill | CashForTopUp) -> UUID | None:
    if isinstance(wanted, CashForBill):
        return None
    owner_id: UUID | None = await db.fetchval(sql.owner_of_phone, phone(wanted.phone))
    if owner_id is None:
        raise ledger.UnknownPayee
    return owner_id


async def _check_same(
    db: Connection, me: Principal, known: CashReceipt, wanted: TakeCash, principal_id: UUID | None
) -> None:
    kept = await one(_Receipt, db, sql.receipt_for_update, known.id)
    bill_id = wanted.wanted.bill_id if isinstance(wanted.wanted, CashForBill) else None
    there = (known.agency, known.amount, known.payer_name, known.clerk_id, known.bill_id, kept.principal_id)
    if there != (wanted.agency, wanted.amount, wanted.payer_name, me.id, bill_id, principal_id):
        raise CashReceiptIdTaken


async def _check_limits(db: Connection, me: Principal, wanted: TakeCash, on: date) -> None:
    """Cash counts before anybody has counted it, so one clerk's word is good for so much and no more.

    The day of the counter is locked; the clerk too, who may serve at several."""
    most = await policies.value(db, "cash.receipt_most")
    if isinstance(wanted.wanted, CashForTopUp):
        most = min(most, await policies.value(db, "limit.top_up_most"))
    if wanted.amount > most:
        raise CashReceiptTooLarge(most=grouped(most))
    await db.execute(sql.lock_person, me.id)
    allowed = await policies.value(db, "cash.clerk_day_most")
    left = allowed - await db.fetchval(sql.taken_by_clerk, me.id, on)
    if wanted.amount > left:
        raise ClerkDayLimitReached(allowed=grouped(allowed), left=grouped(max(left, 0)))


async def _write(
    db: Connection,
    me: Principal,
    cash_receipt_id: UUID,
    wanted: TakeCash,
    number: str,
    on: date,
    principal_id: UUID | None,
) -> None:
    bill_id = wanted.wanted.bill_id if isinstance(wanted.wanted, CashForBill) else None
    kind = "top_up" if bill_id is None else "bill"
    await db.execute(sql.count_receipt, wanted.agency, on)
    with refusing(cash_receipt_pkey=CashReceiptIdTaken):
        await db.execute(
            sql.write_receipt,
            cash_receipt_id,
            number,
            wanted.agency,
            on,
            me.id,
            kind,
            bill_id,
            principal_id,
            wanted.amount,
            wanted.payer_name,
        )


async def _move_in(
    db: Connection, cash_receipt_id: UUID, wanted: TakeCash, number: str, principal_id: UUID | None
) -> None:
    if isinstance(wanted.wanted, CashForBill):
        moved = await bills.collect(db, cash_receipt_id, wanted.wanted.bill_id, ledger.CASH, wanted.amount)
        if moved.status == "pending":
            await suspense.wait_for_biller(db, "cash_receipt", cash_receipt_id, wanted.amount)
        return
    assert principal_id is not None
    news = CashToppedUp(
        cash_receipt_id=cash_receipt_id, principal_id=principal_id, number=number, amount=wanted.amount
    )
    await outbox.record(db, news)
    await ledger.move(db, Move(cash_receipt_id, "top_up", ledger.CASH, principal_id, wanted.amount))


async def receipts(
    db: Connection, me: Principal, agency: str | None, on: date | None, cursor: str | None, limit: int
) -> Page[CashReceipt]:
    """Receipts, newest first; a clerk's are those of their own agencies. Raises Forbidden, BadCursor."""
    lines = await many(CashReceipt, db, sql.cash_receipts, _agencies(me, agency), on, *before(cursor), limit + 1)
    return page_of(lines, limit, _key_of_receipt)


def _key_of_receipt(receipt: CashReceipt) -> tuple[datetime, UUID]:
    return receipt.made_at, receipt.id


def _agencies(me: Principal, agency: str | None) -> list[str] | None:
    """Whose drawers somebody may see: None is everybody's."""
    if me.agencies_as("finance"):
        return None if agency is None else [agency]
    mine = me.agencies_as("clerk", "supervisor", "agency_head")
    if agency is not None and agency not in mine:
        raise Forbidden
    return mine if agency is None else [agency]


# Voiding


class _Receipt(msgspec.Struct, frozen=True):
    id: UUID
    number: str
    agency: str
    day_on: date
    kind: Literal["bill", "top_up"]
    bill_id: UUID | None
    principal_id: UUID | None
    amount: int
    void_asked_by: UUID | None
    void_reason: str | None
    voided_by: UUID | None


async def ask_void(db: Connection, me: Principal, cash_receipt_id: UUID, wanted: VoidReceipt) -> CashReceipt:
    """Say that a receipt of my agency shall count for nothing; somebody else must agree.

    Raises NotFound, ReceiptCannotBeVoided, BillerHasActed."""
    receipt, day = await _with_its_day(db, me, cash_receipt_id, "clerk")
    if (receipt.void_asked_by, receipt.void_reason) != (me.id, wanted.reason):
        if receipt.void_asked_by is not None or not _is_of_an_open_day(receipt, day):
            raise ReceiptCannotBeVoided
        if receipt.bill_id is not None:
            await _of_bill(db, receipt, receipt.bill_id)
        await db.execute(sql.ask_void, cash_receipt_id, wanted.reason, me.id)
        await records.record(db, me, "wallet.cash_void_asked", cash_receipt_id, number=receipt.number)
    return await one(CashReceipt, db, sql.cash_receipt, cash_receipt_id)


async def approve_void(db: Connection, me: Principal, cash_receipt_id: UUID) -> CashReceipt:
    """The second pair of eyes: the money goes back into the drawer's account, from where the receipt had put it.

    Raises NotFound, VoidNotAsked, VoidNeedsSecondPairOfEyes, ReceiptCannotBeVoided, BillerHasActed, and
    InsufficientFunds where the money was spent meanwhile."""
    receipt, day = await _with_its_day(db, me, cash_receipt_id, "clerk", "supervisor", "agency_head", "finance")
    if receipt.voided_by is None:
        if receipt.void_asked_by is None:
            raise VoidNotAsked
        if not _is_of_an_open_day(receipt, day):
            raise ReceiptCannotBeVoided
        with refusing(cash_receipt_second_pair_of_eyes=VoidNeedsSecondPairOfEyes):
            await db.execute(sql.void_receipt, cash_receipt_id, me.id)
        await records.record(db, me, "wallet.cash_voided", cash_receipt_id, number=receipt.number)
        await _move_out(db, receipt)
    elif receipt.voided_by != me.id:
        raise ReceiptCannotBeVoided
    return await one(CashReceipt, db, sql.cash_receipt, cash_receipt_id)


async def _with_its_day(
    db: Connection,
    me: Principal,
    cash_receipt_id: UUID,
    *roles: Literal["clerk", "supervisor", "agency_head", "finance"],
) -> tuple[_Receipt, _Day]:
    """The day is locked first, as by whoever takes cash or counts it."""
    shown = await _receipt(db, cash_receipt_id)
    if shown is None or not ("finance" in me.hats() & {*roles} or shown.agency in me.agencies_as(*roles)):
        raise NotFound
    day = await one(_Day, db, sql.open_cash_day, shown.agency, shown.on)
    return await one(_Receipt, db, sql.receipt_for_update, cash_receipt_id), day


def _is_of_an_open_day(receipt: _Receipt, day: _Day) -> bool:
    return day.open and receipt.day_on == city_today()


class _Waiting(msgspec.Struct, frozen=True):
    id: UUID
    status: SuspenseStatus
    reason: SuspenseReason


async def _of_bill(db: Connection, receipt: _Receipt, bill_id: UUID) -> _Waiting | None:
    """What waits in suspense because the biller has refused it; None: the bill is paid, and only we know.

    Raises BillerHasActed, ReceiptCannotBeVoided (finance deals with it)."""
    waiting = await maybe(_Waiting, db, sql.suspense_of_source, "cash_receipt", receipt.id)
    if waiting is None:
        if not await db.fetchval(sql.bill_can_be_due_again, bill_id, receipt.id):
            raise BillerHasActed
        return None
    if waiting.reason == "asks_biller":
        raise BillerHasActed
    if waiting.status != "open":
        raise ReceiptCannotBeVoided
    return waiting


async def _move_out(db: Connection, receipt: _Receipt) -> None:
    """The movement that undoes the receipt's."""
    void_id = uuid5(receipt.id, "void")
    undone = Move(void_id, "reversal", ledger.SUSPENSE, ledger.CASH, receipt.amount, original_id=receipt.id)
    if receipt.bill_id is not None:
        await _move_bill_out(db, receipt, receipt.bill_id, undone)
        return
    assert receipt.principal_id is not None
    news = CashReceiptVoided(
        cash_receipt_id=receipt.id, principal_id=receipt.principal_id, number=receipt.number, amount=receipt.amount
    )
    await outbox.record(db, news)
    await ledger.move(db, undone._replace(debit_id=receipt.principal_id))


async def _move_bill_out(db: Connection, receipt: _Receipt, bill_id: UUID, undone: Move) -> None:
    """From suspense, where the biller refused it; else the bill is due again, if only we know that it was paid."""
    waiting = await _of_bill(db, receipt, bill_id)
    if waiting is not None:
        await db.execute(sql.set_suspense, waiting.id, "resolved", None)
        await ledger.move(db, undone)
        return
    account_id: UUID = await db.fetchval(sql.account_of_bill, bill_id)
    await ledger.move(db, undone._replace(debit_id=account_id))
    # After the money, because the ledger locks accounts before bills.
    if await db.fetchval(sql.make_bill_due_again, bill_id, receipt.id) is None:
        raise BillerHasActed


# The evening


async def close(db: Connection, me: Principal, cash_close_id: UUID, wanted: CloseCash) -> CashClose:
    """Count a drawer: from now on nothing is taken there on that day. The same again is the same.

    Raises Forbidden, CashDayAhead, CashDayClosed, CashCloseIdTaken."""
    _check_agency(me, wanted.agency)
    if wanted.on > city_today():
        raise CashDayAhead
    day = await one(_Day, db, sql.open_cash_day, wanted.agency, wanted.on)
    known = await maybe(CashClose, db, sql.cash_close, cash_close_id)
    if known is not None:
        if (known.agency, known.on, known.counted, known.closed_by) != (
            wanted.agency,
            wanted.on,
            wanted.counted,
            me.id,
        ):
            raise CashCloseIdTaken
        return known
    if not day.open:
        raise CashDayClosed
    drawer = await one(_Drawer, db, sql.drawer, wanted.agency, wanted.on)
    with refusing(cash_close_pkey=CashCloseIdTaken):
        await db.execute(
            sql.write_close,
            cash_close_id,
            wanted.agency,
            wanted.on,
            drawer.expected,
            wanted.counted,
            drawer.receipts,
            me.id,
        )
    await db.execute(sql.end_cash_day, wanted.agency, wanted.on)
    what = {"agency": wanted.agency, "on": wanted.on, "expected": drawer.expected, "counted": wanted.counted}
    await records.record(db, me, "wallet.cash_closed", cash_close_id, **what)
    return await _close(db, cash_close_id)


class _Drawer(msgspec.Struct, frozen=True):
    expected: int
    receipts: int


async def _close(db: Connection, cash_close_id: UUID) -> CashClose:
    return await one(CashClose, db, sql.cash_close, cash_close_id)


async def closes(
    db: Connection, me: Principal, agency: str | None, on: date | None, cursor: str | None, limit: int
) -> Page[CashClose]:
    """Counted drawers, newest first; a clerk's are those of their own agencies. Raises Forbidden, BadCursor."""
    lines = await many(CashClose, db, sql.cash_closes, _agencies(me, agency), on, *before(cursor), limit + 1)
    return page_of(lines, limit, _key_of_close)


def _key_of_close(close: CashClose) -> tuple[datetime, UUID]:
    return close.made_at, close.id
