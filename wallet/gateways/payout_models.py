"""The nouns of money that leaves for banks. Amounts are whole đồng."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from app.types import Answer, Body, Reason
from wallet.models import RefusalReason

PayoutKind = Literal["withdrawal", "settlement", "refund", "return", "remittance"]
PayoutStatus = Literal["ready", "sending", "unknown", "paid", "refused"]
WithdrawalStatus = Literal["pending", "paid", "failed"]


class Bank(Answer):
    """A bank to which money can be sent."""

    bin: str
    code: str
    short_name: str
    name: str


class Banks(Answer):
    """All banks to which money can be sent."""

    items: list[Bank]


class Withdrawal(Answer):
    """A withdrawal and its fate. `pending`: the money is held until the bank has answered; `failed`: it is back.

    `account_number` is masked but for its last four."""

    id: UUID
    status: WithdrawalStatus
    amount: int
    bank_bin: str
    bank_name: str
    account_number: str
    account_name: str
    reason: RefusalReason | None
    made_at: datetime
    resolved_at: datetime | None


class FindPayout(Body):
    """What became of a payout, as the bank's papers have it; `bank_reference` is needed for one that was paid."""

    status: Literal["paid", "refused"]
    note: Reason
    bank_reference: (
        Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[0-9A-Za-z ._/-]+$(?!\n)")] | None
    ) = None


class ApproveFinding(Body):
    """The finding that was looked at: one that was written anew meanwhile is another."""

    status: Literal["paid", "refused"]
    found_at: datetime


class PayoutFinding(Answer):
    """What one member of finance found out about a payout; once another has approved it, it is the payout's end."""

    payout_id: UUID
    status: Literal["paid", "refused"]
    bank_reference: str | None
    note: str
    found_by: UUID
    found_at: datetime
    approved_by: UUID | None
    approved_at: datetime | None


class Payout(Answer):
    """Money on its way to a bank, as finance sees it. `attempts`: how often the bank was told to pay."""

    id: UUID
    kind: PayoutKind
    status: PayoutStatus
    amount: int
    bank_bin: str
    bank_name: str
    account_number: str
    account_name: str
    content: str
    reason: RefusalReason | None
    bank_reference: str | None
    attempts: int
    next_at: datetime
    made_at: datetime
    resolved_at: datetime | None
