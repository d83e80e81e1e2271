"""Withdrawals: a resident's money to a bank account of their own. The phone makes the id, so that a retry is one."""

from uuid import UUID

from app import outbox, policies
from app.db import Connection, many, maybe, queries_beside
from app.errors import NotFound, Refusal
from app.identity.models import Principal
from app.staff.pages import before, page_of
from app.types import Page, grouped
from wallet import ledger
from wallet.events import WithdrawalFailed, WithdrawalPaid
from wallet.gateways import payouts
from wallet.gateways.payout_models import Withdrawal
from wallet.gateways.payouts import AskPayout
from wallet.ledger import Move
from wallet.models import RefusalReason, Withdraw
from wallet.payments import fingerprint_of

sql = queries_beside(__file__)


class NameDiffers(Refusal):
    """Tên chủ tài khoản không khớp với tên đã xác thực của bạn; chỉ rút được về tài khoản của chính bạn.

    The account's name is not the name that you were verified by; money goes to an account of your own only."""

    status = 403


class WithdrawalOutOfBounds(Refusal):
    """Mỗi lần chỉ rút được từ {least} đến {most} đồng.

    A withdrawal is of {least} to {most} VND."""

    status = 400


class WithdrawalNotYetKnown(NotFound):
    """Chưa có lệnh rút tiền với mã này. Hãy gửi lại đúng yêu cầu với cùng mã, đừng tạo mã mới.

    No withdrawal is known under this id yet. Send the same request again with the same id, never a new one."""


async def make(
    db: Connection, me: Principal, withdrawal_id: UUID, wanted: Withdraw, step_up_id: UUID | None
) -> tuple[Withdrawal, bool]:
    """Withdraw; returns the withdrawal and whether it had been asked for before. The money is held at once.

    Raises WithdrawalOutOfBounds, UnknownBank, NameDiffers, and what the ledger refuses: WalletLocked, LevelTooLow,
    MoneyOutWaits, InsufficientFunds, StepUpRequired, StrongStepUpRequired, PaymentIdTaken, …"""
    asked = AskPayout(
        id=withdrawal_id,
        kind="withdrawal",
        debit_id=me.id,
        principal_id=me.id,
        bank_bin=wanted.bank_bin,
        account_number=wanted.account_number,
        account_name=wanted.account_name,
        amount=wanted.amount,
        content=f"VI HUONG RUT TIEN {withdrawal_id.hex[:12].upper()}",
    )
    new = await payouts.write(db, asked)
    if new:
        await _check(db, me, wanted)
    move = Move(
        withdrawal_id,
        "withdrawal",
        me.id,
        ledger.GUARANTEE,
        wanted.amount,
        session_id=me.session_id,
        fingerprint=fingerprint_of(wanted),
        step_up_id=step_up_id,
    )
    withdrawal = await maybe(Withdrawal, db, sql.withdrawal, withdrawal_id, me.id)
    moved = await ledger.move(db, move)
    assert withdrawal is not None, "the ledger refuses an id that somebody else has used"
    return withdrawal, moved.replayed


async def _check(db: Connection, me: Principal, wanted: Withdraw) -> None:
    least = await policies.value(db, "withdrawal.least")
    most = await policies.value(db, "withdrawal.most")
    if not least <= wanted.amount <= most:
        raise WithdrawalOutOfBounds(least=grouped(least), most=grouped(most))
    if not await db.fetchval(sql.bank_is_open, wanted.bank_bin):
        raise payouts.UnknownBank
    if await policies.value(db, "withdrawal.own_name_only"):
        name: str = await db.fetchval(sql.name_of, me.id)
        if payouts.plain_name(name) != payouts.plain_name(wanted.account_name):
            raise NameDiffers


async def show(db: Connection, me: Principal, withdrawal_id: UUID) -> Withdrawal:
    """The fate of a withdrawal of mine; raises WithdrawalNotYetKnown."""
    withdrawal = await maybe(Withdrawal, db, sql.withdrawal, withdrawal_id, me.id)
    if withdrawal is None:
        raise WithdrawalNotYetKnown
    return withdrawal


async def mine(db: Connection, me: Principal, cursor: str | None, limit: int) -> Page[Withdrawal]:
    """My withdrawals, newest first; raises BadCursor."""
    lines = await many(Withdrawal, db, sql.withdrawals, me.id, *before(cursor), limit + 1)
    return page_of(lines, limit, lambda withdrawal: (withdrawal.made_at, withdrawal.id))


async def end(db: Connection, withdrawal_id: UUID, reason: RefusalReason | None) -> None:
    """The bank has answered: its owner is told."""
    row = await db.fetchrow(sql.withdrawal_news, withdrawal_id)
    assert row is not None
    news = dict(row)
    if reason is None:
        await outbox.record(db, WithdrawalPaid(**news))
    else:
        await outbox.record(db, WithdrawalFailed(**news, reason=reason))
