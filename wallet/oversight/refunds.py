"""Refunds: a payment given back, in whole or in part, never beyond it.

    shop ─────────────────────────► paid                  to the payer's wallet, at once
    shop ──► pending ──► paid | failed                    to the account at a bank that it came from
    finance ──► proposed ──► (as above) | refused         another member of finance decides

A bill that was given back stays paid: its payment says what was refunded, and its biller issues another bill if it
wants the money after all. How much of a payment is left to give back, the ledger knows: it takes the payment's
lock."""

from datetime import datetime
from uuid import UUID

import msgspec

from app import outbox
from app.audit import records
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import NotFound, Refusal, refusing
from app.identity.models import Principal
from app.staff.members import need_grant
from app.staff.pages import before, page_of
from app.types import Page
from wallet import ledger
from wallet.events import PaymentRefunded, TakingRefunded, TakingRefundFailed
from wallet.gateways import payouts
from wallet.gateways.payouts import AskPayout
from wallet.ledger import Move
from wallet.merchants import cashiers
from wallet.models import RefusalReason
from wallet.oversight.models import (
    MakeRefund,
    ProposeRefund,
    Refund,
    Refunds,
    RefundSource,
    RefundStatus,
    StaffRefund,
)

sql = queries_beside(__file__)


class RefundIdTaken(Refusal):
    """Mã hoàn tiền này đã được dùng cho một khoản hoàn khác; hãy tạo mã mới.

    This refund's id was used for another refund; make a new one."""


class RefundNotYetKnown(NotFound):
    """Chưa có khoản hoàn tiền với mã này. Hãy gửi lại đúng yêu cầu với cùng mã, đừng tạo mã mới.

    No refund is known under this id yet. Send the same request again with the same id, never a new one."""


class ConsentMissing(Refusal):
    """Tiền hóa đơn thuộc về đơn vị thu: hãy ghi văn bản đồng ý của đơn vị đó.

    A bill's money is its biller's: name the letter by which it agreed."""

    status = 400


class RefundIsDecided(Refusal):
    """Đề nghị hoàn tiền này đã được quyết định.

    This refund was decided already."""


class RefundNeedsSecondPairOfEyes(Refusal):
    """Người đề nghị không thể tự duyệt; cần một người khác của bộ phận tài chính.

    Whoever proposed a refund may not approve it; another member of finance must."""

    status = 403


class SenderNotKnown(Refusal):
    """Ngân hàng không cho biết tài khoản đã chuyển khoản tiền này, nên không thể hoàn về đó.

    The bank did not tell which account this money came from, so it cannot be sent back there."""


class _Paid(msgspec.Struct, frozen=True):
    """A payment that may be given back: whose money it is now, and whose it was."""

    source: RefundSource
    principal_id: UUID
    debit_id: UUID
    merchant_id: UUID | None
    owner_id: UUID | None
    biller_code: str | None
    payee_name: str
    payee_name_en: str


class _Taking(msgspec.Struct, frozen=True):
    """The same of a transfer from a bank."""

    merchant_id: UUID
    owner_id: UUID
    merchant_name: str
    sender_bank_bin: str | None
    sender_account: str | None
    sender_name: str | None
    source: RefundSource = "bank"
    principal_id: UUID | None = None
    biller_code: str | None = None


_Subject = _Paid | _Taking


class _Written(Refund):
    asked_by: UUID
    by_staff: bool


# By the shop


async def make(db: Connection, me: Principal, refund_id: UUID, wanted: MakeRefund) -> tuple[Refund, bool]:
    """Give back, as whoever may at that shop; and whether it had been done before: this is told to whoever did it,
    whatever they may do by now.

    Raises NotFound, RefundAboveCeiling (a cashier's), WalletLocked, RefundIdTaken, NotRefundable, RefundTooMuch,
    InsufficientFunds, AccountFrozen, AccountClosed; of a transfer from a bank SenderNotKnown, UnknownBank."""
    before_it = await maybe(_Written, db, sql.refund, refund_id)
    if before_it is not None and before_it.asked_by == me.id and _same(before_it, wanted):
        return _shown(before_it), True
    subject = await _subject(db, wanted.payment_id)
    if subject.merchant_id is None:  # a bill's money is its biller's: finance asks it
        raise NotFound
    await cashiers.need_refund(db, me, subject.merchant_id, refund_id, wanted.amount)
    written = await _write(db, me, refund_id, wanted, subject, status=_on_its_way(subject))
    made = await one(_Written, db, sql.refund, refund_id)
    if not written:
        if made.by_staff or not _same(made, wanted):
            raise RefundIdTaken
        return _shown(made), True
    await _give_back(db, refund_id, wanted.payment_id, wanted.amount, wanted.reason, subject)
    return _shown(made), False


async def _subject(db: Connection, payment_id: UUID) -> _Subject:
    subject = await maybe(_Paid, db, sql.refundable_payment, payment_id)
    subject = subject or await maybe(_Taking, db, sql.refundable_taking, payment_id)
    if subject is None:
        raise NotFound
    return subject


def _on_its_way(subject: _Subject) -> RefundStatus:
    """What a refund is while it has been carried out by us: a wallet has it, a bank must answer first."""
    return "pending" if isinstance(subject, _Taking) else "paid"


async def _write(
    db: Connection,
    me: Principal,
    refund_id: UUID,
    wanted: MakeRefund | ProposeRefund,
    subject: _Subject,
    *,
    status: RefundStatus,
) -> bool:
    """Write it under its id, once; somebody else with the same id waits here, and finds it written."""
    proposed = isinstance(wanted, ProposeRefund)
    written = await db.fetchval(
        sql.write_refund,
        refund_id,
        subject.source,
        wanted.payment_id,
        subject.merchant_id,
        subject.biller_code,
        subject.principal_id,
        wanted.amount,
        wanted.reason,
        wanted.consent if proposed else None,
        proposed,
        me.id,
        status,
    )
    return written is not None


def _same(made: Refund | StaffRefund, wanted: MakeRefund | ProposeRefund) -> bool:
    return (made.payment_id, made.amount, made.reason) == (wanted.payment_id, wanted.amount, wanted.reason)


def _shown(made: _Written) -> Refund:
    return msgspec.convert(made, Refund, from_attributes=True)


async def _give_back(
    db: Connection, refund_id: UUID, payment_id: UUID, amount: int, reason: str, subject: _Subject
) -> None:
    match subject:
        case _Paid():
            await _to_wallet(db, refund_id, payment_id, amount, reason, subject)
        case _Taking():
            await _to_sender(db, refund_id, payment_id, amount, subject)


async def _to_wallet(
    db: Connection, refund_id: UUID, payment_id: UUID, amount: int, reason: str, paid: _Paid
) -> None:
    """Both sides are told; the money moves by the last statement, which also knows how much is left to give back."""
    news = PaymentRefunded(
        refund_id=refund_id,
        payment_id=payment_id,
        payer_id=paid.principal_id,
        amount=amount,
        payee_name=paid.payee_name,
        payee_name_en=paid.payee_name_en,
        merchant_id=paid.merchant_id,
        owner_id=paid.owner_id,
        reason=reason,
    )
    await outbox.record(db, news)
    move = Move(refund_id, "refund", paid.debit_id, paid.principal_id, amount, memo=reason, original_id=payment_id)
    await ledger.move(db, move)


async def _to_sender(db: Connection, refund_id: UUID, taking_id: UUID, amount: int, taking: _Taking) -> None:
    """The taking's row is locked by what is counted on it; then the money is held until the bank has answered."""
    if taking.sender_bank_bin is None or taking.sender_account is None or taking.sender_name is None:
        raise SenderNotKnown
    if await db.fetchval(sql.give_back_of_taking, taking_id, amount) is None:
        raise ledger.RefundTooMuch
    back = AskPayout(
        id=refund_id,
        kind="refund",
        debit_id=taking.merchant_id,
        bank_bin=taking.sender_bank_bin,
        account_number=taking.sender_account,
        account_name=taking.sender_name,
        amount=amount,
        content=f"HOAN TIEN {taking.merchant_name}",
        original_id=taking_id,
    )
    await payouts.ask(db, back)


async def end(db: Connection, refund_id: UUID, reason: RefusalReason | None) -> None:
    """The sender's bank has answered: the shop is told, and what was not taken may be given back in another way."""
    row = await db.fetchrow(sql.end_bank_refund, refund_id, reason)
    assert row is not None
    if reason is None:
        await outbox.record(db, TakingRefunded(**dict(row)))
    else:
        await outbox.record(db, TakingRefundFailed(**dict(row), reason=reason))


async def show(db: Connection, me: Principal, refund_id: UUID) -> Refund:
    """A refund of my shop, or one that I get; raises RefundNotYetKnown."""
    refund = await maybe(Refund, db, sql.refund_of_mine, refund_id, me.id)
    if refund is None:
        raise RefundNotYetKnown
    return refund


async def of_merchant(
    db: Connection, me: Principal, merchant_id: UUID, cursor: str | None, limit: int
) -> Page[Refund]:
    """What my shop gave back, newest first; raises NotFound, BadCursor."""
    key = before(cursor)
    lines = await many(Refund, db, sql.refunds_of_merchant, merchant_id, me.id, *key, limit + 1)
    if not lines and await db.fetchval(sql.owns_merchant, merchant_id, me.id) is None:
        raise NotFound
    return page_of(lines, limit, _key)


async def of_payment(db: Connection, me: Principal, payment_id: UUID) -> Refunds:
    """What was given back of a payment that I made, or that my shop got; raises NotFound."""
    refunded: int | None = await db.fetchval(sql.refunded_of_mine, payment_id, me.id)
    if refunded is None:
        raise NotFound
    return Refunds(items=await many(Refund, db, sql.refunds_of_payment, payment_id), refunded=refunded)


# By finance


async def propose(db: Connection, me: Principal, refund_id: UUID, wanted: ProposeRefund) -> StaffRefund:
    """Propose a refund; nothing moves by it. The same again is the same.

    Raises Forbidden, NotFound, ConsentMissing, RefundIdTaken."""
    await need_grant(db, me, "finance")
    subject = await _subject(db, wanted.payment_id)
    if subject.source == "biller" and wanted.consent is None:
        raise ConsentMissing
    written = await _write(db, me, refund_id, wanted, subject, status="proposed")
    proposed = await maybe(StaffRefund, db, sql.staff_refund, refund_id)
    if not written:
        if proposed is None or proposed.proposed_by != me.id or proposed.consent != wanted.consent:
            raise RefundIdTaken
        if not _same(proposed, wanted):
            raise RefundIdTaken
        return proposed
    assert proposed is not None
    await records.record(
        db, me, "wallet.refund_proposed", refund_id, payment_id=wanted.payment_id, amount=wanted.amount
    )
    return proposed


async def approve(db: Connection, me: Principal, refund_id: UUID) -> StaffRefund:
    """The second pair of eyes: the money goes back now, if it is still there.

    Raises Forbidden, NotFound, RefundIsDecided, RefundNeedsSecondPairOfEyes, and what the ledger refuses:
    NotRefundable, RefundTooMuch, InsufficientFunds, AccountFrozen, AccountClosed."""
    await need_grant(db, me, "finance")
    refund = await _for_update(db, refund_id)
    if refund.status != "proposed":
        if refund.status == "refused" or refund.decided_by != me.id:
            raise RefundIsDecided
        return refund
    subject = await _subject(db, refund.payment_id)
    with refusing(refund_second_pair_of_eyes=RefundNeedsSecondPairOfEyes):
        await db.execute(sql.decide_refund, refund_id, _on_its_way(subject), me.id)
    await records.record(db, me, "wallet.refund_approved", refund_id, amount=refund.amount)
    approved = await one(StaffRefund, db, sql.staff_refund, refund_id)
    await _give_back(db, refund_id, refund.payment_id, refund.amount, refund.reason, subject)
    return approved


async def refuse(db: Connection, me: Principal, refund_id: UUID) -> StaffRefund:
    """No; also whoever proposed it may take it back so. Raises Forbidden, NotFound, RefundIsDecided."""
    await need_grant(db, me, "finance")
    refund = await _for_update(db, refund_id)
    if refund.status == "proposed":
        await db.execute(sql.decide_refund, refund_id, "refused", me.id)
        await records.record(db, me, "wallet.refund_refused", refund_id)
    elif (refund.status, refund.decided_by) != ("refused", me.id):
        raise RefundIsDecided
    return await one(StaffRefund, db, sql.staff_refund, refund_id)


async def _for_update(db: Connection, refund_id: UUID) -> StaffRefund:
    refund = await maybe(StaffRefund, db, sql.staff_refund_for_update, refund_id)
    if refund is None:
        raise NotFound
    return refund


async def page(db: Connection, status: RefundStatus | None, cursor: str | None, limit: int) -> Page[StaffRefund]:
    """What finance proposed, newest first, of one status if asked for; raises BadCursor."""
    lines = await many(StaffRefund, db, sql.staff_refunds, status, *before(cursor), limit + 1)
    return page_of(lines, limit, _key)


def _key(refund: Refund | StaffRefund) -> tuple[datetime, UUID]:
    return refund.made_at, refund.id
