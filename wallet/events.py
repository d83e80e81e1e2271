"""News of money, as the ledger's function writes it."""

from datetime import date, datetime
from uuid import UUID

from app.outbox import Event
from wallet.models import RefusalReason


class BillHeld(Event):
    """The money for a bill is held: its biller is to be asked now."""

    payment_id: UUID
    bill_id: UUID
    biller: str


class BillPaymentFailed(Event):
    """A bill was not paid after all, and its money is free again. `why`: what the biller said."""

    payment_id: UUID
    payer_id: UUID | None
    amount: int
    bill_id: UUID
    biller: str
    biller_name: str
    biller_name_en: str
    reference: str
    customer_code: str
    period: str
    subject: str | None
    why: str | None


class BillPaid(Event):
    """A bill was paid. `subject` is what its issuer called it; no `payer_id`: with money that came from no wallet."""

    payment_id: UUID
    payer_id: UUID | None
    amount: int
    bill_id: UUID
    biller: str
    biller_name: str
    biller_name_en: str
    reference: str
    customer_code: str
    period: str
    subject: str | None


class MerchantPaid(Event):
    """A merchant was paid at a terminal, for an order or by the sticker."""

    payment_id: UUID
    payer_id: UUID
    amount: int
    payer_name: str
    merchant_id: UUID
    owner_id: UUID
    merchant_name: str
    terminal_id: UUID
    terminal_name: str
    order_id: UUID | None
    order_reference: str | None
    memo: str | None


class PersonPaid(Event):
    """A resident sent money to another."""

    payment_id: UUID
    payer_id: UUID
    amount: int
    payer_name: str
    payee_id: UUID
    payee_name: str
    memo: str | None


class PayoutAsked(Event):
    """Money for an account at a bank is held: the bank is to be told now."""

    payout_id: UUID


class WithdrawalPaid(Event):
    """A resident's money has arrived at their bank. `account`: the last four of its number."""

    withdrawal_id: UUID
    payer_id: UUID
    amount: int
    bank_name: str
    account: str


class WithdrawalFailed(Event):
    """The bank did not take a resident's money, and it is free again."""

    withdrawal_id: UUID
    payer_id: UUID
    amount: int
    bank_name: str
    account: str
    reason: RefusalReason


class MerchantBankChanged(Event):
    """A merchant's money goes to another account. Nothing goes there before `usable_from`."""

    merchant_id: UUID
    owner_id: UUID
    merchant_name: str
    bank_name: str
    account: str
    usable_from: datetime


class DayEnded(Event):
    """A merchant's day is to be settled."""

    merchant_id: UUID
    settled_on: date


class SettlementPaid(Event):
    """A merchant's takings have arrived at its bank."""

    settlement_id: UUID
    merchant_id: UUID
    owner_id: UUID
    merchant_name: str
    settled_on: date
    amount: int
    fee: int
    bank_name: str
    account: str


class SettlementFailed(Event):
    """A merchant's bank did not take its money: it waits for another account, or another try."""

    settlement_id: UUID
    merchant_id: UUID
    owner_id: UUID
    merchant_name: str
    settled_on: date
    amount: int
    bank_name: str
    account: str
    reason: RefusalReason
