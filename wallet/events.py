"""News of money, as the ledger's function writes it."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from app.outbox import Event
from wallet.models import RefusalReason, TopUpFailure, TopUpMethod


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


class BillerDayEnded(Event):
    """What was collected for a biller is to be sent to its bank."""

    biller: str
    remitted_on: date


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


class BillReminder(Event):
    """A bill of a code that a resident keeps is due soon."""

    principal_id: UUID
    bill_id: UUID
    biller: str
    biller_name: str
    biller_name_en: str
    customer_code: str
    nickname: str | None
    period: str
    amount: int
    due_on: date


class AutopayAnnounced(Event):
    """A bill will pay itself on `pay_on`."""

    autopay_id: UUID
    principal_id: UUID
    bill_id: UUID
    biller: str
    biller_name: str
    biller_name_en: str
    customer_code: str
    period: str
    amount: int
    pay_on: date


AutopayFailure = Literal[
    "balance", "above_ceiling", "limit", "needs_proof", "locked", "money_out_waits", "biller", "other"
]


class AutopayFailed(Event):
    """A bill did not pay itself; it is tried again on `again_on`, or not at all."""

    autopay_id: UUID
    principal_id: UUID
    bill_id: UUID
    biller: str
    biller_name: str
    biller_name_en: str
    customer_code: str
    period: str
    amount: int
    why: AutopayFailure
    again_on: date | None


class PaymentRefunded(Event):
    """A payment, or a part of it, is back in its payer's wallet.

    No `merchant_id` and `owner_id`: it was a bill, and its biller has agreed."""

    refund_id: UUID
    payment_id: UUID
    payer_id: UUID
    amount: int
    payee_name: str
    payee_name_en: str
    merchant_id: UUID | None
    owner_id: UUID | None
    reason: str


class DisputeOpened(Event):
    """Somebody disputes a movement of theirs; it is answered by the end of `due_on`."""

    dispute_id: UUID
    principal_id: UUID
    kind: Literal["trace", "complaint"]
    due_on: date


class DisputeNoted(Event):
    """Something was added to a dispute: `told` is whoever did not write it."""

    dispute_id: UUID
    told: UUID
    by_staff: bool


class DisputeAnswered(Event):
    """A dispute is answered."""

    dispute_id: UUID
    principal_id: UUID
    outcome: Literal["refunded", "rejected", "corrected"]


class DisputeOverdue(Event):
    """Nobody answered a dispute in time."""

    dispute_id: UUID
    due_on: date
    told: list[UUID]


class MoneyFrozen(Event):
    """By an authority's order an account, or `amount` of it, does not pay out. `merchant_name`: if it is a shop's."""

    freeze_id: UUID
    owner_id: UUID
    merchant_name: str | None
    amount: int | None


class MoneyReleased(Event):
    """An authority's order was lifted."""

    freeze_id: UUID
    owner_id: UUID
    merchant_name: str | None
    amount: int | None


class SuspicionsFound(Event):
    """The night's watch has noticed something: compliance looks at it."""

    day_on: date
    cases: int
    told: list[UUID]


class ChargeAsked(Event):
    """A shop has read a resident's code, and asks for more than it takes without asking."""

    charge_id: UUID
    payer_id: UUID
    amount: int
    merchant_name: str
    terminal_name: str


class TransferTaken(Event):
    """A merchant was paid from a bank's app. `payer`: the sender's masked name, where the bank told it."""

    transfer_id: UUID
    merchant_id: UUID
    owner_id: UUID
    merchant_name: str
    amount: int
    payer: str | None
    order_id: UUID | None
    order_reference: str | None


class TransferCredited(Event):
    """Money that waited in suspense has been found to be a resident's, and is in their wallet."""

    transfer_id: UUID
    principal_id: UUID
    amount: int


class CashToppedUp(Event):
    """Cash was handed over at a counter for a resident's wallet."""

    cash_receipt_id: UUID
    principal_id: UUID
    number: str
    amount: int


class CashReceiptVoided(Event):
    """A receipt counts for nothing, and what it had put into a resident's wallet is taken out again."""

    cash_receipt_id: UUID
    principal_id: UUID
    number: str
    amount: int


class TakingRefunded(Event):
    """What a merchant was paid from a bank, or a part of it, is back at the sender's bank."""

    refund_id: UUID
    taking_id: UUID
    merchant_id: UUID
    owner_id: UUID
    merchant_name: str
    amount: int


class TakingRefundFailed(Event):
    """The sender's bank did not take it: it is the merchant's again."""

    refund_id: UUID
    taking_id: UUID
    merchant_id: UUID
    owner_id: UUID
    merchant_name: str
    amount: int
    reason: RefusalReason


class TopUpPaid(Event):
    """Money that a resident put in is in their wallet."""

    top_up_id: UUID
    principal_id: UUID
    amount: int
    method: TopUpMethod


class TopUpInReview(Event):
    """A resident paid the gateway, which suspects fraud: the money waits."""

    top_up_id: UUID
    principal_id: UUID
    amount: int


class TopUpFailed(Event):
    """The gateway took no money from a resident who meant to top up. `reason` is never that they cancelled it."""

    top_up_id: UUID
    principal_id: UUID
    amount: int
    reason: TopUpFailure


class WebhooksWritten(Event):
    """So many messages to merchants' systems wait to be sent: somebody is to send them now."""

    messages: int


class WebhookDisabled(Event):
    """A merchant's system is told nothing any more: it said that it is gone, or took nothing for days.

    `host`: of its address, whose rest may be a secret. `unsent`: how many messages wait as dead letters."""

    webhook_endpoint_id: UUID
    merchant_id: UUID
    owner_id: UUID
    merchant_name: str
    host: str
    because: Literal["gone", "failing"]
    unsent: int


class ApiKeyMade(Event):
    """A key was made with which a machine acts for a merchant."""

    api_key_id: UUID
    merchant_id: UUID
    owner_id: UUID
    merchant_name: str
    name: str


class MerchantApproved(Event):
    """Finance has looked at a merchant: it may take payments."""

    merchant_id: UUID
    owner_id: UUID
    merchant_name: str


class MerchantStopped(Event):
    """Finance has suspended a merchant, and says why: it takes no payments for now."""

    merchant_id: UUID
    owner_id: UUID
    merchant_name: str
    reason: str


class MerchantReinstated(Event):
    """A merchant that was suspended takes payments again."""

    merchant_id: UUID
    owner_id: UUID
    merchant_name: str


class CashierInvited(Event):
    """A shop asks a resident to work at its counter."""

    cashier_id: UUID
    principal_id: UUID
    merchant_id: UUID
    merchant_name: str


class CashierAccepted(Event):
    """Whom a shop's owner has invited works there now. `cashier_name`: as the owner wrote it."""

    cashier_id: UUID
    merchant_id: UUID
    owner_id: UUID
    merchant_name: str
    cashier_name: str


class CashierRemoved(Event):
    """Somebody works at a shop's counter no longer."""

    cashier_id: UUID
    principal_id: UUID
    merchant_id: UUID
    merchant_name: str
