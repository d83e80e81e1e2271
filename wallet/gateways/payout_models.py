"""The nouns of money that leaves for banks. Amounts are whole đồng."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from app.types import Answer, Body, Dong
from wallet.gateways.partner_bank import RefusalReason

PayoutKind = Literal["withdrawal", "settlement", "refund", "return", "remittance"]
PayoutStatus = Literal["ready", "sending", "unknown", "paid", "refused"]
WithdrawalStatus = Literal["pending", "paid", "failed"]

Bin = Annotated[str, Meta(max_length=6, pattern=r"^[0-9]{6}$", description="the bank's number at NAPAS")]
AccountNumber = Annotated[str, Meta(max_length=24, pattern=r"^[0-9A-Z]{4,24}$")]
AccountName = Annotated[
    str,
    Meta(min_length=2, max_length=70, pattern=r"^(?=.*[A-Za-zÀ-ỹĐđ])[0-9A-Za-zÀ-ỹĐđ .,&()'/-]+$(?!\n)"),
]


class Bank(Answer):
    """A bank to which money can be sent."""

    bin: str
    code: str
    short_name: str
    name: str


class Banks(Answer):
    """All banks to which money can be sent."""

    items: list[Bank]


class Withdraw(Body, tag_field="kind", tag="withdrawal", omit_defaults=True):
    """Send money from my wallet to a bank account. `account_name` as the bank has it, with or without accents."""

    amount: Dong
    bank_bin: Bin
    account_number: AccountNumber
    account_name: AccountName


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
    """Money on its way to a bank, as those who look after it see it. `attempts`: how often the bank was told to pay."""

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
