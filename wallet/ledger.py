"""The one door through which money moves: double entry, whole đồng, in the database's own function."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from app.db import Connection, one, queries_beside
from app.errors import Refusal, TooManyRequests
from app.identity.levels import LevelTooLow
from app.identity.models import Principal
from app.identity.pins import AccountLocked
from app.observe import LEDGER_BROKEN, LEDGER_CHECKED
from app.types import Page, cursor_of, grouped
from wallet.models import PaymentStatus, TransferKind, Wallet

sql = queries_beside(__file__)

CHECK_TIMEOUT_S = 3600
OVERLAP_S = 1800
"""So much of what was checked before is checked again: what had moved then and was not committed yet."""

GUARANTEE = UUID("00000000-0000-7000-8000-000000000001")
"""The account that mirrors what the partner bank holds: it stands below zero by the money that lies there."""
SETTLEMENT = UUID("00000000-0000-7000-8000-000000000002")
"""Takings that were settled and are on their way to the merchants' banks."""
GATEWAY = UUID("00000000-0000-7000-8000-000000000003")
"""What the payment gateway owes us: below zero until it pays."""
SUSPENSE = UUID("00000000-0000-7000-8000-000000000004")
"""Money that came in and is nobody's yet: unmatched, late, of a wrong amount."""
FEES = UUID("00000000-0000-7000-8000-000000000005")
RESERVE = UUID("00000000-0000-7000-8000-000000000006")
"""The city's own money at the bank: it covers wallets for what a gateway has not paid yet."""
CASH = UUID("00000000-0000-7000-8000-000000000007")
"""Cash in the counters' drawers: below zero by what lies there."""


class InsufficientFunds(Refusal):
    """Số dư không đủ.

    The balance is not enough."""


class WalletLocked(Refusal):
    """Ví đang khóa; hãy nhập mã PIN để mở.

    The wallet is locked; enter your PIN to open it."""

    status = 403


class PaymentIdTaken(Refusal):
    """Mã giao dịch này đã dùng cho một giao dịch khác; hãy tạo mã mới.

    This payment id was used for another payment; make a new one."""


class MoneyOutWaits(Refusal):
    """Tài khoản vừa được khôi phục nên tạm thời chưa thể chuyển tiền đi.

    The account was just recovered: no money goes out for a while."""

    status = 403


class StepUpRequired(Refusal):
    """Khoản này cần xác nhận thêm bằng mã gửi về điện thoại, khóa truy cập hoặc khuôn mặt.

    This payment needs a proof beside the PIN: a code, a passkey or a face match."""

    status = 403


class StrongStepUpRequired(Refusal):
    """Khoản này cần xác nhận thêm bằng khóa truy cập hoặc khuôn mặt.

    This payment needs a strong proof beside the PIN: a passkey or a face match."""

    status = 403


class UnknownBill(Refusal):
    """Không tìm thấy hóa đơn này.

    This bill is not known."""

    status = 404


class BillNotDue(Refusal):
    """Hóa đơn này đã được thanh toán hoặc đã thu hồi.

    This bill was already paid or withdrawn."""


class UnknownTerminal(Refusal):
    """Mã QR này không còn hiệu lực.

    This QR code is no longer valid."""

    status = 404


class MerchantNotActive(Refusal):
    """Đơn vị chấp nhận thanh toán này hiện không nhận tiền.

    This merchant takes no payments now."""


class UnknownOrder(Refusal):
    """Không tìm thấy đơn hàng của mã QR này.

    The order of this QR code is not known."""

    status = 404


class OrderAlreadyPaid(Refusal):
    """Đơn hàng này đã được thanh toán.

    This order was already paid."""


class OrderExpired(Refusal):
    """Mã QR của đơn hàng đã hết hạn; hãy nhờ cửa hàng tạo mã mới.

    The order's QR code has expired; ask the shop for a new one."""


class AmountDiffers(Refusal):
    """Số tiền không khớp với đơn hàng.

    The amount differs from the order's."""


class AmountMissing(Refusal):
    """Mã QR này không có số tiền; hãy nhập số tiền.

    This QR code has no amount; enter one."""

    status = 400


class UnknownPayee(Refusal):
    """Số điện thoại này chưa có ví.

    This phone number has no wallet."""

    status = 404


class TooManyUnknownPayees(TooManyRequests):
    """Bạn đã nhập quá nhiều số chưa có ví. Vui lòng thử lại sau ít phút.

    Too many numbers without a wallet were tried. Please try again in some minutes."""


class PaymentToSelf(Refusal):
    """Không thể chuyển tiền cho chính mình.

    You cannot pay yourself."""


class AccountClosed(Refusal):
    """Tài khoản này đã đóng.

    This account is closed."""


class AccountFrozen(Refusal):
    """Ví đang bị phong tỏa; vui lòng liên hệ tổng đài.

    The wallet is frozen; please call the hotline."""


class AutopayNotAllowed(Refusal):
    """Hóa đơn này không thuộc diện thanh toán tự động, hoặc vượt mức bạn đã đặt.

    This bill is not one that you let be paid by itself, or it is above your ceiling."""

    status = 403


class NotRefundable(Refusal):
    """Khoản này chưa được thanh toán hoặc không thể hoàn cho tài khoản này.

    This payment was not made, or cannot be given back to this account."""


class RefundTooMuch(Refusal):
    """Tổng số tiền hoàn vượt quá số tiền đã thanh toán.

    The refunds would be more than the payment."""


class MonthLimitReached(Refusal):
    """Vượt hạn mức tháng của ví ({allowed} đồng); trong tháng này còn {left} đồng.

    This is above the wallet's monthly limit of {allowed} VND; {left} VND of it are left."""

    status = 403


class EssentialLimitReached(Refusal):
    """Vượt hạn mức tháng của nhóm thiết yếu ({allowed} đồng); trong tháng này còn {left} đồng.

    This is above the monthly limit of {allowed} VND for essential services; {left} VND of it are left."""

    status = 403


class DayLimitReached(Refusal):
    """Vượt hạn mức ngày cho hàng hóa, dịch vụ ({allowed} đồng); hôm nay còn {left} đồng.

    This is above the daily limit of {allowed} VND for goods and services; {left} VND of it are left."""

    status = 403


REFUSALS: dict[str, type[Refusal]] = {
    refusal.__name__: refusal
    for refusal in (
        AccountLocked, LevelTooLow, MoneyOutWaits, StepUpRequired, StrongStepUpRequired,
        InsufficientFunds, WalletLocked, PaymentIdTaken, UnknownBill, BillNotDue, UnknownTerminal, MerchantNotActive,
        UnknownOrder, OrderAlreadyPaid, OrderExpired, AmountDiffers, AmountMissing, UnknownPayee, PaymentToSelf,
        TooManyUnknownPayees, AccountClosed, AccountFrozen, AutopayNotAllowed, NotRefundable, RefundTooMuch,
        MonthLimitReached, EssentialLimitReached, DayLimitReached,
    )
}  # fmt: skip
"""Every verdict of the ledger's function that is a no."""


class Move(NamedTuple):
    """One movement of money, in the order of the function's arrays. `id` is made by whoever asks."""

    id: UUID
    kind: TransferKind
    debit_id: UUID
    credit_id: UUID | None = None
    amount: int | None = None
    session_id: UUID | None = None
    bill_id: UUID | None = None
    terminal_id: UUID | None = None
    order_id: UUID | None = None
    phone: str | None = None
    memo: str | None = None
    fingerprint: bytes = b""
    step_up_id: UUID | None = None
    original_id: UUID | None = None
    held: bool = False


class Moved(NamedTuple):
    """What became of it: applied or replayed, and what the answer needs. Amounts in đồng.

    `balance_after`: what the payer may still spend. `status`: pending while the money is only held."""

    replayed: bool
    amount: int
    balance_after: int
    payee_name: str | None
    payee_detail: str | None
    made_at: datetime
    status: PaymentStatus


Verdict = Moved | Refusal


async def move_all(db: Connection, moves: Sequence[Move]) -> list[Verdict]:
    """Apply a group of movements in one round trip, each on its own merits.

    At most one movement per id, debit account, bill and order in a group. In the order of `moves`."""
    verdicts: list[Any] = [None] * len(moves)
    for row in await db.fetch(sql.move, *(list(column) for column in zip(*moves, strict=True))):
        verdicts[row["position"] - 1] = _verdict(row)
    return verdicts


def _verdict(row: asyncpg.Record) -> Verdict:
    _, name, amount, balance_after, payee_name, payee_detail, made_at, status, allowed, left = row
    if name in {"applied", "replayed"}:
        return Moved(name == "replayed", amount, balance_after, payee_name, payee_detail, made_at, status)
    if allowed is not None:
        return REFUSALS[name](allowed=grouped(allowed), left=grouped(max(left, 0)))
    return REFUSALS[name]()


async def move(db: Connection, wanted: Move) -> Moved:
    """One movement, in the caller's transaction, as its last statement; raises the Refusal that stands against it."""
    [verdict] = await move_all(db, [wanted])
    if isinstance(verdict, Refusal):
        raise verdict
    return verdict


async def wallet(db: Connection, me: Principal) -> Wallet:
    """My money; a wallet that was never touched is empty."""
    return await one(Wallet, db, sql.wallet, me.id, me.session_id)


def page_of(lines: Sequence[Any], limit: int, type_: type[Any]) -> Page[Any]:
    """A page of `type_` from one line more than it holds; lines carry the `version` that orders them."""
    items = [msgspec.convert(line, type_, from_attributes=True) for line in lines[:limit]]
    return Page(items=items, next=cursor_of(lines[limit - 1].version) if len(lines) > limit else None)


class Law(msgspec.Struct, frozen=True):
    """A law of the ledger, and how many rows break it. `whole`: all that it is about was looked at."""

    law: str
    broken: int
    whole: bool = True


async def check(db: Connection) -> list[Law]:
    """Hold the whole ledger against its laws, and keep what was found for the dashboard; all zeros is healthy."""
    return await _check(db, sql.ledger_check)


async def check_recent(db: Connection) -> list[Law]:
    """Hold what moved since the last check against the laws; what was found broken before stays so, as far as this
    check does not look at all of it."""
    return await _check(db, sql.ledger_check_recent, OVERLAP_S)


async def _check(db: Connection, statement: str, *args: object) -> list[Law]:
    """Checked is what was there when the check began; what came meanwhile is the next one's."""
    began_at = await db.fetchval(sql.take_an_hour)
    laws = msgspec.convert(await db.fetch(statement, *args, timeout=CHECK_TIMEOUT_S), list[Law])
    columns = zip(*((law.law, law.broken, law.whole) for law in laws), strict=True)
    await db.execute(sql.keep_laws, *(list(column) for column in columns), began_at)
    return laws


async def measure(db: Connection) -> None:
    """What the last check found, as metrics."""
    for row in await db.fetch(sql.last_laws):
        LEDGER_BROKEN.labels(row["law"]).set(row["broken"])
        LEDGER_CHECKED.set(row["checked_at"].timestamp())
