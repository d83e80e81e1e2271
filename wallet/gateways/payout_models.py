"""The nouns of money that leaves for banks. Amounts are whole đồng."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from app.types import Answer
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
