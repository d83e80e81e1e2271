"""Money in suspense: nobody's until one member of finance says whose it is and another agrees.

    open ──► proposed ──► resolved
     ▲ ╲        │  ╲
     │  ╲◄──────┘   ╲──► resolving ──► resolved     a biller or a bank is asked before the money is gone
     └───────────────────────┘                      and may refuse

What is not resolved adds up to what the account SUSPENSE holds."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app import outbox
from app.audit import records
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import Malformed, NotFound, Refusal, refusing
from app.identity.models import Principal
from app.jobs import News
from app.staff.members import need_grant
from app.staff.pages import before, page_of
from app.types import Page, grouped, new_id, phone
from wallet import bills, ledger
from wallet.events import TransferCredited
from wallet.gateways import bank_takings, payouts, transfer_codes
from wallet.gateways.bank_takings import BankTaking
from wallet.gateways.inbound_models import (
    CallMistake,
    CreditBill,
    CreditDrawer,
    CreditGateway,
    CreditMerchant,
    CreditWallet,
    DecideResolution,
    KeepInReserve,
    ResolutionKind,
    ResolutionStatus,
    Resolve,
    SendBack,
    SuspenseItem,
    SuspenseReason,
    SuspenseSource,
    SuspenseStatus,
)
from wallet.gateways.payouts import AskPayout, UnknownBank
from wallet.ledger import Move
from wallet.merchants.fee_rules import UnknownMerchant
from wallet.models import BillStatus, RefusalReason

sql = queries_beside(__file__)

BILLERS_SAY = ("BillPaid", "BillPaymentFailed")


class AlreadyProposed(Refusal):
    """Đã có đề nghị khác cho khoản này; hãy duyệt hoặc từ chối đề nghị đó trước.

    There is another proposal for this money; approve or refuse that one first."""


class AlreadyResolved(Refusal):
    """Khoản này đã được xử lý.

    This money has been dealt with."""


class ResolutionIsDecided(Refusal):
    """Đề nghị này đã được quyết định.

    This proposal was decided already."""


class ResolutionNeedsSecondPairOfEyes(Refusal):
    """Người đề nghị không thể tự duyệt; cần một người khác của bộ phận tài chính.

    Whoever proposed this may not approve it; another member of finance must."""

    status = 403


class SenderUnknown(Refusal):
    """Ngân hàng không cho biết tài khoản người chuyển; hãy nhập tài khoản nhận lại tiền.

    The bank did not tell which account the money came from; name the account it shall go back to."""


class NotFromTheBank(Refusal):
    """Khoản này không phải tiền ngân hàng đã nhận (mà là tiền mặt tại quầy hoặc tiền cổng thanh toán đang giữ), nên
    không thể xử lý theo cách này.

    This money did not come in at the bank: it is cash at a counter, or the gateway has it. It cannot be found to be
    that."""


class UnknownCashClose(Refusal):
    """Không tìm thấy lần kiểm quỹ này.

    This counted drawer is not known."""

    status = 404


class MoreThanOutstanding(Refusal):
    """Quỹ này chỉ còn {outstanding} đồng chưa nộp vào ngân hàng.

    Only {outstanding} VND of this drawer are still to come to the bank."""


_CAME_FROM: dict[SuspenseSource, UUID] = {
    "inbound_transfer": ledger.GUARANTEE,
    "cash_receipt": ledger.CASH,
    "top_up": ledger.GATEWAY,
}
"""The account that stands for where the money is; there a booking is undone."""
_SAID_BY_THE_BANK: frozenset[ResolutionKind] = frozenset({"cash_close", "gateway"})
"""What only money can be that has come in at the bank: it was in a drawer, or the gateway's, before."""


async def keep(
    db: Connection, source: SuspenseSource, source_id: UUID, amount: int, reason: SuspenseReason, debit_id: UUID
) -> None:
    """Put money that just came in into suspense, from GUARANTEE, GATEWAY or CASH, under its source's id.

    The same again changes nothing; the movement is the last statement."""
    if await db.fetchval(sql.write_suspense_item, new_id(), source, source_id, amount, reason, "open", None) is None:
        return
    move = Move(source_id, "suspense", debit_id, ledger.SUSPENSE, amount)
    try:
        await ledger.move(db, move)
    except ledger.PaymentIdTaken:  # whoever asked for a top-up has used its id for a payment meanwhile
        await ledger.move(db, move._replace(id=new_id(), original_id=source_id))


async def wait_for_biller(db: Connection, source: SuspenseSource, source_id: UUID, amount: int) -> None:
    """A bill's money is held in suspense under its source's id, by `bills.collect`, until the biller has answered."""
    await db.execute(
        sql.write_suspense_item, new_id(), source, source_id, amount, "asks_biller", "resolving", source_id
    )


class _Item(msgspec.Struct, frozen=True):
    id: UUID
    source: SuspenseSource
    source_id: UUID
    amount: int
    status: SuspenseStatus
    content: str | None
    sender_bank_bin: str | None
    sender_account: str | None
    sender_name: str | None


class _Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where the money shall go; what the kind does not need is None."""

    principal_id: UUID | None = None
    bill_id: UUID | None = None
    merchant_id: UUID | None = None
    cash_close_id: UUID | None = None
    bank_bin: str | None = None
    account_number: str | None = None
    account_name: str | None = None


class _Resolution(_Target, frozen=True, kw_only=True):
    id: UUID
    kind: ResolutionKind
    note: str
    status: ResolutionStatus
    proposed_by: UUID
    decided_by: UUID | None


async def page(db: Connection, status: SuspenseStatus | None, cursor: str | None, limit: int) -> Page[SuspenseItem]:
    """What waits or waited, newest first, of one status if asked for; raises BadCursor."""
    lines = await many(SuspenseItem, db, sql.suspense_items, status, *before(cursor), limit + 1, None)
    return page_of(lines, limit, _key)


def _key(item: SuspenseItem) -> tuple[datetime, UUID]:
    return item.made_at, item.id


async def propose(db: Connection, me: Principal, suspense_id: UUID, wanted: Resolve) -> SuspenseItem:
    """Say whose money it is; nothing moves yet. The same again by the same person is the same.

    Raises Forbidden, NotFound, AlreadyProposed, AlreadyResolved, NotFromTheBank, BadPhone, UnknownPayee, UnknownBill,
    BillNotDue, AmountDiffers, UnknownMerchant, UnknownCashClose, MoreThanOutstanding, SenderUnknown, UnknownBank."""
    await need_grant(db, me, "finance")
    item = await _for_update(db, suspense_id)
    if item.status not in {"open", "proposed"}:
        raise AlreadyResolved
    kind: ResolutionKind = msgspec.to_builtins(wanted)["kind"]
    if kind in _SAID_BY_THE_BANK and item.source != "inbound_transfer":
        raise NotFromTheBank
    target = await _target(db, item, wanted)
    if item.status == "proposed":
        await _check_same(db, me, item, kind, wanted.note, target)
        return await _show(db, suspense_id)
    resolution_id = new_id()
    row = msgspec.structs.astuple(target)
    await db.execute(sql.propose_resolution, resolution_id, suspense_id, kind, *row, wanted.note, me.id)
    await db.execute(sql.set_suspense, suspense_id, "proposed", None)
    await records.record(db, me, "wallet.suspense_proposed", suspense_id, resolution_id=resolution_id, kind=kind)
    return await _show(db, suspense_id)


async def _check_same(
    db: Connection, me: Principal, item: _Item, kind: ResolutionKind, note: str, target: _Target
) -> None:
    kept = await one(_Resolution, db, sql.proposed_resolution, item.id)
    there = msgspec.convert(kept, _Target, from_attributes=True)
    if (kept.kind, kept.note, kept.proposed_by, there) != (kind, note, me.id, target):
        raise AlreadyProposed


async def _target(db: Connection, item: _Item, wanted: Resolve) -> _Target:
    match wanted:
        case CreditWallet():
            owner_id = await db.fetchval(sql.owner_of_phone, phone(wanted.phone))
            if owner_id is None:
                raise ledger.UnknownPayee
            return _Target(principal_id=owner_id)
        case CreditBill():
            await _check_bill(db, wanted.bill_id, item.amount)
            return _Target(bill_id=wanted.bill_id)
        case CreditMerchant():
            if not await db.fetchval(sql.merchant_takes_money, wanted.merchant_id):
                raise UnknownMerchant
            return _Target(merchant_id=wanted.merchant_id)
        case CreditDrawer():
            await _check_drawer(db, wanted.cash_close_id, item.amount)
            return _Target(cash_close_id=wanted.cash_close_id)
        case SendBack():
            return await _account(db, item, wanted)
        case CreditGateway() | KeepInReserve() | CallMistake():
            return _Target()


class _Bill(msgspec.Struct, frozen=True):
    amount: int
    status: BillStatus


async def _check_bill(db: Connection, bill_id: UUID, amount: int) -> None:
    bill = await maybe(_Bill, db, sql.bill_to_pay, bill_id)
    if bill is None:
        raise ledger.UnknownBill
    if bill.status != "due":
        raise ledger.BillNotDue
    if bill.amount != amount:
        raise ledger.AmountDiffers


async def _check_drawer(db: Connection, cash_close_id: UUID, amount: int) -> None:
    """Locks the drawer until the transaction ends."""
    outstanding: int | None = await db.fetchval(sql.outstanding_of_close, cash_close_id)
    if outstanding is None:
        raise UnknownCashClose
    if amount > outstanding:
        raise MoreThanOutstanding(outstanding=grouped(outstanding))


async def _account(db: Connection, item: _Item, wanted: SendBack) -> _Target:
    given = (wanted.bank_bin, wanted.account_number, wanted.account_name)
    if any(given) and not all(given):
        raise Malformed(errors=[{"field": "bank_bin", "message": "an account is all three fields, or none"}])
    told = (item.sender_bank_bin, item.sender_account, item.sender_name)
    bank_bin, account_number, account_name = given if all(given) else told
    if bank_bin is None or account_number is None or account_name is None:
        raise SenderUnknown
    if not await db.fetchval(sql.bank_is_open, bank_bin):
        raise UnknownBank
    return _Target(bank_bin=bank_bin, account_number=account_number, account_name=account_name)


async def approve(db: Connection, me: Principal, suspense_id: UUID, wanted: DecideResolution) -> SuspenseItem:
    """The second pair of eyes: the money moves.

    Raises Forbidden, NotFound, ResolutionIsDecided, ResolutionNeedsSecondPairOfEyes, MoreThanOutstanding, and what
    the ledger refuses: it is still only proposed then."""
    await need_grant(db, me, "finance")
    item = await _for_update(db, suspense_id)
    resolution = await _resolution(db, suspense_id, wanted.resolution_id)
    if resolution.status == "proposed":
        with refusing(suspense_resolution_second_pair_of_eyes=ResolutionNeedsSecondPairOfEyes):
            await db.execute(sql.decide_resolution, resolution.id, "approved", me.id)
        await records.record(
            db, me, "wallet.suspense_approved", suspense_id, resolution_id=resolution.id, kind=resolution.kind
        )
        await _carry_out(db, item, resolution)
    elif (resolution.status, resolution.decided_by) != ("approved", me.id):
        raise ResolutionIsDecided
    return await _show(db, suspense_id)


async def refuse(db: Connection, me: Principal, suspense_id: UUID, wanted: DecideResolution) -> SuspenseItem:
    """No; also whoever proposed it may take it back so. Raises Forbidden, NotFound, ResolutionIsDecided."""
    await need_grant(db, me, "finance")
    await _for_update(db, suspense_id)
    resolution = await _resolution(db, suspense_id, wanted.resolution_id)
    if resolution.status == "proposed":
        await db.execute(sql.decide_resolution, resolution.id, "refused", me.id)
        await db.execute(sql.set_suspense, suspense_id, "open", None)
        await records.record(db, me, "wallet.suspense_refused", suspense_id, resolution_id=resolution.id)
    elif (resolution.status, resolution.decided_by) != ("refused", me.id):
        raise ResolutionIsDecided
    return await _show(db, suspense_id)


async def _for_update(db: Connection, suspense_id: UUID) -> _Item:
    item = await maybe(_Item, db, sql.suspense_for_update, suspense_id)
    if item is None:
        raise NotFound
    return item


async def _resolution(db: Connection, suspense_id: UUID, resolution_id: UUID) -> _Resolution:
    resolution = await maybe(_Resolution, db, sql.resolution, resolution_id, suspense_id)
    if resolution is None:
        raise NotFound
    return resolution


async def _show(db: Connection, suspense_id: UUID) -> SuspenseItem:
    return await one(SuspenseItem, db, sql.suspense_items, None, None, None, 1, suspense_id)


async def _carry_out(db: Connection, item: _Item, resolution: _Resolution) -> None:
    """The item's new state, then the money."""
    if resolution.kind == "bill":
        await _pay_bill(db, item, resolution)
        return
    waits = resolution.id if resolution.kind == "return" else None
    await db.execute(sql.set_suspense, item.id, "resolving" if waits else "resolved", waits)
    match resolution.kind:
        case "top_up":
            assert resolution.principal_id is not None
            credited = TransferCredited(
                transfer_id=resolution.id, principal_id=resolution.principal_id, amount=item.amount
            )
            await outbox.record(db, credited)
            codes = transfer_codes.all_in(item.content or "")
            await db.execute(sql.found_top_up, codes, resolution.principal_id, item.amount)
            await _move(db, item, Move(resolution.id, "top_up", ledger.SUSPENSE, resolution.principal_id))
        case "merchant":
            await bank_takings.take(db, _taking(item, resolution), ledger.SUSPENSE)
        case "cash_close":
            await _deposit(db, item, resolution)
        case "return":
            await payouts.ask(db, _payout(item, resolution))
        case "gateway":
            await _move(db, item, Move(resolution.id, "deposit", ledger.SUSPENSE, ledger.GATEWAY))
        case "reserve":
            await _move(db, item, Move(resolution.id, "reserve", ledger.SUSPENSE, ledger.RESERVE))
        case "mistake":
            if item.source == "inbound_transfer":
                await db.execute(sql.forget_notice, item.source_id)
            await _move(db, item, Move(resolution.id, "return", ledger.SUSPENSE, _CAME_FROM[item.source]))


async def _move(db: Connection, item: _Item, move: Move) -> None:
    await ledger.move(db, move._replace(amount=item.amount))


async def _pay_bill(db: Connection, item: _Item, resolution: _Resolution) -> None:
    """Whether its biller must be asked first, the ledger says."""
    assert resolution.bill_id is not None
    moved = await bills.collect(db, resolution.id, resolution.bill_id, ledger.SUSPENSE, item.amount)
    waits = resolution.id if moved.status == "pending" else None
    await db.execute(sql.set_suspense, item.id, "resolving" if waits else "resolved", waits)


async def _deposit(db: Connection, item: _Item, resolution: _Resolution) -> None:
    assert resolution.cash_close_id is not None
    await _check_drawer(db, resolution.cash_close_id, item.amount)
    await db.execute(sql.deposit_of_close, resolution.cash_close_id, item.amount)
    await _move(db, item, Move(resolution.id, "deposit", ledger.SUSPENSE, ledger.CASH))


def _taking(item: _Item, resolution: _Resolution) -> BankTaking:
    assert resolution.merchant_id is not None
    return BankTaking(
        id=resolution.id,
        merchant_id=resolution.merchant_id,
        amount=item.amount,
        sender_bank_bin=item.sender_bank_bin,
        sender_account=item.sender_account,
        sender_name=item.sender_name,
        content=item.content or "",
    )


def _payout(item: _Item, resolution: _Resolution) -> AskPayout:
    assert resolution.bank_bin is not None
    assert resolution.account_number is not None
    assert resolution.account_name is not None
    return AskPayout(
        id=resolution.id,
        kind="return",
        debit_id=ledger.SUSPENSE,
        bank_bin=resolution.bank_bin,
        account_number=resolution.account_number,
        account_name=resolution.account_name,
        amount=item.amount,
        content="HUONG hoan tra",
    )


async def hear_billers(db: Connection, news: Sequence[News]) -> None:
    """BillPaid, BillPaymentFailed: what became of money that was held for a biller."""
    paid, failed = ([UUID(one.data["payment_id"]) for one in _from_no_wallet(news, kind)] for kind in BILLERS_SAY)
    if paid:
        await db.execute(sql.end_suspense, paid)
    if failed:
        await db.execute(sql.open_suspense_again, failed, "biller_refused")


def _from_no_wallet(news: Sequence[News], kind: str) -> list[News]:
    return [one for one in news if one.kind == kind and one.data["payer_id"] is None]


async def end_return(db: Connection, payout_id: UUID, reason: RefusalReason | None) -> None:
    """The bank has answered for money that was sent back; None: it is there."""
    if reason is None:
        await db.execute(sql.end_suspense, [payout_id])
    else:
        await db.execute(sql.open_suspense_again, [payout_id], "bank_refused")
