"""The nouns of money that comes in: bank transfers, what waits in suspense, cash at a counter. Amounts in đồng."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.types import MOST_DONG, Answer, Body, Code, Dong, Memo, PhoneText, Reason, ShortText
from wallet.models import AccountName, AccountNumber, BankBin, BillStatus

InboundStatus = Literal["proposed", "refused", "matched", "suspense", "duplicate", "elsewhere", "mistake"]
MatchedKind = Literal["top_up", "bill", "order", "merchant", "inbound_transfer"]
SuspenseSource = Literal["inbound_transfer", "cash_receipt", "top_up"]
SuspenseReason = Literal[
    "unmatched", "no_reference", "late", "wrong_amount", "already_paid", "closed", "asks_biller", "biller_refused",
    "bank_refused",
]  # fmt: skip
"""Why money waits. `asks_biller`: it is held for a bill whose biller has not answered yet."""
SuspenseStatus = Literal["open", "proposed", "resolving", "resolved"]
ResolutionKind = Literal["top_up", "bill", "merchant", "cash_close", "return", "gateway", "reserve", "mistake"]
ResolutionStatus = Literal["proposed", "approved", "refused", "failed"]
CashStatus = Literal["paid", "pending", "refused", "void_asked", "voided"]


class Heard(Answer):
    """What a source waits for: it is told no more of this."""

    success: bool = True


class InboundTransfer(Answer):
    """A notice of money that came in, and what became of it. `duplicate`: the same transfer was told before, so no
    money was booked for this one; `elsewhere`: it came in on an account that is not ours; `proposed`, `refused`: a
    member of finance told of it, and no other agreed; `mistake`: it was wrong, and its booking was undone."""

    id: UUID
    source: Literal["sepay", "casso", "finance"]
    told_as: str
    account_number: str
    virtual_account: str | None
    bank_reference: str | None
    amount: int
    content: str
    sender_bank_bin: str | None
    sender_account: str | None
    sender_name: str | None
    occurred_at: datetime
    status: InboundStatus
    matched_kind: MatchedKind | None
    matched_id: UUID | None
    made_at: datetime


class TellTransfer(Body, tag_field="kind", tag="tell"):
    """A transfer of which no machine has told us, as the bank's statement has it.

    `virtual_account`: the shop's, if it came in through one."""

    amount: Dong
    bank_reference: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[0-9A-Za-z ._/-]+$(?!\n)")]
    content: Memo
    occurred_at: Annotated[datetime, Meta(tz=True)]
    note: Reason
    virtual_account: AccountNumber | None = None
    sender_bank_bin: BankBin | None = None
    sender_account: AccountNumber | None = None
    sender_name: AccountName | None = None


class RetellTransfer(Body, tag_field="kind", tag="retell"):
    """A notice that was taken for a transfer that we knew, or for none of ours, is one of its own after all."""

    transfer_id: UUID
    note: Reason


ProposeTransfer = TellTransfer | RetellTransfer


class InboundProposal(InboundTransfer):
    """A transfer that a member of finance told of."""

    note: str
    proposed_by: UUID
    decided_by: UUID | None
    decided_at: datetime | None


class BillTransfer(Answer):
    """How a bill is paid from any bank's app: scan `text`, or transfer exactly `amount` with `code` in its words."""

    text: str
    code: str
    amount: int
    bank_bin: str
    account_number: str
    account_name: str


class PublicBill(Answer):
    """A bill, to whoever has its reference. The name is masked; `transfer` is there while it is due."""

    biller: str
    biller_name: str
    reference: str
    customer_name: str
    period: str
    amount: int
    due_on: date
    status: BillStatus
    transfer: BillTransfer | None


class CreditWallet(Body, tag_field="kind", tag="top_up"):
    """It is this person's: into their wallet."""

    phone: PhoneText
    note: Reason


class CreditBill(Body, tag_field="kind", tag="bill"):
    """It pays this bill, which must be due and of exactly this amount."""

    bill_id: UUID
    note: Reason


class CreditMerchant(Body, tag_field="kind", tag="merchant"):
    """It is this shop's."""

    merchant_id: UUID
    note: Reason


class CreditDrawer(Body, tag_field="kind", tag="cash_close"):
    """It is what the bank got of a counter's drawers up to this one, the oldest first.

    Several may go in one trip, and one in several."""

    cash_close_id: UUID
    note: Reason


class SendBack(Body, tag_field="kind", tag="return"):
    """It goes back to the account that it came from; another one (all three fields) where that was not told."""

    note: Reason
    bank_bin: BankBin | None = None
    account_number: AccountNumber | None = None
    account_name: AccountName | None = None


class CreditGateway(Body, tag_field="kind", tag="gateway"):
    """It is what the payment gateway owed us, and has paid to our bank."""

    note: Reason


class KeepInReserve(Body, tag_field="kind", tag="reserve"):
    """It is the city's own."""

    note: Reason


class CallMistake(Body, tag_field="kind", tag="mistake"):
    """It is not there: the bank's notice was wrong, the gateway has not got it, or it is not in the drawer. The
    booking is undone."""

    note: Reason


Resolve = (
    CreditWallet | CreditBill | CreditMerchant | CreditDrawer | SendBack | CreditGateway | KeepInReserve | CallMistake
)


class DecideResolution(Body):
    """Yes or no to this proposal, and to no other that took its place meanwhile."""

    resolution_id: UUID


class SuspenseResolution(Answer):
    """Whose money it is, as somebody says. `whose`: a masked name, a biller, a shop, a counter's agency;
    `failed`: the biller or the bank did not take it after all."""

    id: UUID
    kind: ResolutionKind
    whose: str | None
    bill_id: UUID | None
    merchant_id: UUID | None
    cash_close_id: UUID | None
    bank_bin: str | None
    account_number: str | None
    account_name: str | None
    note: str
    status: ResolutionStatus
    proposed_by: UUID
    made_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None


class SuspenseItem(Answer):
    """Money that waits, what is known of it, and the latest word on whose it is.

    `resolving`: a biller or a bank has been asked and has not answered."""

    id: UUID
    source: SuspenseSource
    source_id: UUID
    amount: int
    reason: SuspenseReason
    status: SuspenseStatus
    content: str | None
    bank_reference: str | None
    sender_bank_bin: str | None
    sender_account: str | None
    sender_name: str | None
    occurred_at: datetime | None
    resolution: SuspenseResolution | None
    made_at: datetime
    resolved_at: datetime | None


class CashForBill(Body, tag_field="kind", tag="bill"):
    """The cash pays this bill, exactly."""

    bill_id: UUID


class CashForTopUp(Body, tag_field="kind", tag="top_up"):
    """The cash goes into the wallet of whoever has this number."""

    phone: PhoneText


class TakeCash(Body):
    """Cash that somebody hands over at a counter of `agency`."""

    agency: Code
    wanted: CashForBill | CashForTopUp = msgspec.field(name="for")
    amount: Dong
    payer_name: ShortText | None = None


class VoidReceipt(Body):
    """Why a receipt shall count for nothing."""

    reason: Reason


class CashReceipt(Answer):
    """What the paper says. `payee`: the biller, or whose wallet (masked).

    `pending`: the biller was asked and has not answered; `refused`: it did not take the payment, so the cash goes
    back by voiding the receipt, or finance says what becomes of it."""

    id: UUID
    number: str
    agency: str
    on: date
    clerk_id: UUID
    kind: Literal["bill", "top_up"]
    bill_id: UUID | None
    payee: str
    amount: int
    payer_name: str | None
    status: CashStatus
    void_reason: str | None
    void_asked_by: UUID | None
    voided_by: UUID | None
    made_at: datetime


class CloseCash(Body):
    """What was counted in a counter's drawer at the end of its day."""

    agency: Code
    on: date
    counted: Annotated[int, Meta(ge=0, le=MOST_DONG)]


class CashClose(Answer):
    """A counter's day. `expected`: the receipts that count; `difference`: what was counted beyond it, or less;
    `deposited`: what the bank has got of it so far, `outstanding`: what of the counted it has not."""

    id: UUID
    agency: str
    on: date
    receipts: int
    expected: int
    counted: int
    difference: int
    deposited: int
    outstanding: int
    closed_by: UUID
    made_at: datetime
