"""Payments: of a bill, to a merchant, to a person. The phone makes the id, so that a retry pays once."""

from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

import msgspec

from app.budgets import Budget, spend
from app.db import Connection, maybe, queries_beside
from app.errors import NotFound, Refusal
from app.identity import step_up
from app.identity.models import Principal, StepUp
from app.types import Body, phone
from wallet import qr
from wallet.ledger import Move, Moved, TooManyUnknownPayees, UnknownPayee
from wallet.models import (
    AskStepUp,
    PayBill,
    Payee,
    PayeeReading,
    Payment,
    PaymentKind,
    PayMerchant,
    PayPerson,
    QrReading,
    Scheme,
)
from wallet.till import Till

sql = queries_beside(__file__)

Wanted = PayBill | PayMerchant | PayPerson

_encoder = msgspec.json.Encoder()
_read = lru_cache(4096)(qr.read)


class QrNotPayable(Refusal):
    """Mã QR này thuộc {scheme}; hiện chưa thể trả bằng ví này.

    This QR code belongs to {scheme}; this wallet cannot pay it yet."""


class NotYetKnown(NotFound):
    """Chưa có giao dịch với mã này. Hãy gửi lại đúng yêu cầu với cùng mã, đừng tạo mã mới.

    No payment is known under this id yet. Send the same request again with the same id, never a new one."""


async def make(
    till: Till, me: Principal, payment_id: UUID, wanted: Wanted, step_up_id: UUID | None = None
) -> tuple[Payment, bool]:
    """Pay; returns the payment and whether it had been made before. `step_up_id`: a proof beside the PIN.

    Raises WalletLocked, AccountLocked, MoneyOutWaits, LevelTooLow, StepUpRequired, StrongStepUpRequired,
    InsufficientFunds, PaymentIdTaken, BrokenQr, QrNotPayable and whatever else the ledger refuses. A number without a
    wallet is counted in a short transaction of its own: the payment left no trace."""
    move = _move_for(me, payment_id, wanted)
    if step_up_id is not None:
        move = move._replace(step_up_id=step_up_id)
    try:
        moved = await till.pay(move)
    except UnknownPayee:
        async with till.database.transaction() as db:
            await spend_a_miss(db, me)
        raise
    return _payment(move, moved), moved.replayed


def _move_for(me: Principal, payment_id: UUID, wanted: Wanted) -> Move:
    if isinstance(wanted, PayPerson):
        wanted = msgspec.structs.replace(wanted, phone=phone(wanted.phone))
    fingerprint = fingerprint_of(wanted)
    match wanted:
        case PayBill():
            return Move(
                payment_id,
                "bill",
                me.id,
                amount=wanted.amount,
                session_id=me.session_id,
                bill_id=wanted.bill_id,
                fingerprint=fingerprint,
            )
        case PayMerchant():
            reading = _read(wanted.qr)
            if reading.scheme != "huong":
                raise QrNotPayable(scheme=SCHEME_NAMES[reading.scheme])
            return Move(
                payment_id,
                "merchant",
                me.id,
                amount=wanted.amount or reading.amount,
                session_id=me.session_id,
                terminal_id=reading.terminal_id,
                order_id=reading.order_id,
                memo=wanted.memo,
                fingerprint=fingerprint,
            )
        case PayPerson():
            return Move(
                payment_id,
                "person",
                me.id,
                amount=wanted.amount,
                session_id=me.session_id,
                phone=wanted.phone,
                memo=wanted.memo,
                fingerprint=fingerprint,
            )


def fingerprint_of(wanted: Body) -> bytes:
    """A digest of what is asked for, to tell a replay from another request under the same id."""
    return blake2b(_encoder.encode(wanted), digest_size=16).digest()


async def ask_step_up(db: Connection, me: Principal, wanted: AskStepUp) -> StepUp:
    """How this payment, with this id and content and no other, may be proved beside the PIN; raises BadPhone."""
    payment = wanted.payment
    if isinstance(payment, Wanted):
        fingerprint = _move_for(me, wanted.payment_id, payment).fingerprint
    else:
        fingerprint = fingerprint_of(payment)
    return await step_up.ask(db, me, wanted.payment_id, fingerprint)


def _payment(move: Move, moved: Moved) -> Payment:
    return Payment(
        id=move.id,
        kind=_kind(move),
        status=moved.status,
        amount=moved.amount,
        balance_after=moved.balance_after,
        payee=Payee(name=moved.payee_name or "", detail=moved.payee_detail),
        memo=move.memo,
        made_at=moved.made_at,
    )


def _kind(move: Move) -> PaymentKind:
    if move.kind not in {"bill", "merchant", "person"}:
        raise TypeError(f"a {move.kind} is no payment")
    return move.kind  # pyright: ignore[reportReturnType]


async def show(db: Connection, me: Principal, payment_id: UUID) -> Payment:
    """The fate of a payment of mine; raises NotYetKnown."""
    payment = await maybe(Payment, db, sql.payment, payment_id, me.id)
    if payment is None:
        raise NotYetKnown
    return payment


async def read_payee(db: Connection, me: Principal, phone_text: str) -> PayeeReading:
    """The masked name behind a phone number, before money is sent. Budgeted, so that nobody collects names.

    Raises BadPhone, UnknownPayee, TooManyRequests."""
    number = phone(phone_text)
    await spend(db, Budget(f"payee {me.id}", 20, 600), Budget(f"payee {me.id}", 100, 86_400))
    payee = await maybe(PayeeReading, db, sql.payee, number)
    if payee is None:
        await spend_a_miss(db, me)
        raise UnknownNumber
    return payee


async def spend_a_miss(db: Connection, me: Principal) -> None:
    """A number without a wallet was asked for; after 20 in ten minutes the ledger (which knows this key and these
    numbers) pays no person for a while."""
    await spend(db, Budget(f"unknown payee {me.id}", 20, 600), refusal=TooManyUnknownPayees)


class UnknownNumber(UnknownPayee):
    """Số điện thoại này chưa có ví.

    This phone number has no wallet."""

    keeps = True


SCHEME_NAMES: dict[Scheme, str] = {
    "huong": "Hương",
    "vietqr": "VietQR",
    "vnpay": "VNPAY-QR",
    "momo": "MoMo",
    "zalopay": "ZaloPay",
    "evn": "EVN",
    "emv": "EMV QR",
}


async def read_qr(db: Connection, text: str) -> QrReading:
    """What a QR says. Ours is looked up, so that the payee and the amount are the city's own; raises BrokenQr."""
    reading = _read(text)
    if reading.scheme == "huong":
        ours = await maybe(QrReading, db, sql.qr_of_ours, reading.terminal_id, reading.order_id)
        if ours is not None:
            return ours
    bank = f"{reading.bank_bin} · {reading.account}" if reading.account else None
    payee = reading.merchant_name or bank
    return QrReading(
        scheme=reading.scheme,
        payable=False,
        payee=Payee(name=payee, detail=bank) if payee else None,
        amount=reading.amount,
        order_id=reading.order_id,
        note=reading.note,
    )
