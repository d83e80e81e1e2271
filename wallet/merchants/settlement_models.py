"""The nouns of settling with merchants. Amounts are whole đồng."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from app.types import Answer, Body, Dong
from wallet.models import AccountName, AccountNumber, BankBin, CategoryCode, RefusalReason

SettlementStatus = Literal["sent", "paid", "failed"]


class PutBankAccount(Body):
    """Where a merchant's money shall go. `account_name` as the bank has it, with or without accents."""

    bank_bin: BankBin
    account_number: AccountNumber
    account_name: AccountName


class MerchantBankAccount(Answer):
    """Where a merchant's money goes, from `usable_from` on. The number is masked but for its last four."""

    merchant_id: UUID
    bank_bin: str
    bank_name: str
    account_number: str
    account_name: str
    usable_from: datetime
    changed_at: datetime


class Settlement(Answer):
    """What a merchant took in, closed and sent to its bank: opening + takings - refunds + others - fee - amount =
    closing. `run` 0 is the night's own, others were asked for. `failed`: the bank refused, and the money waits."""

    id: UUID
    merchant_id: UUID
    settled_on: date
    run: int
    opening: int
    takings: int
    takings_count: int
    refunds: int
    refunds_count: int
    others: int
    fee: int
    amount: int
    closing: int
    status: SettlementStatus
    reason: RefusalReason | None
    bank_bin: str
    bank_name: str
    account_number: str
    account_name: str
    made_at: datetime
    resolved_at: datetime | None


class ProposeFeeRule(Body):
    """What the city takes of each taking: basis points (hundredths of a percent) and a fixed part, together at most
    `most`. For one merchant, for a category, or (neither) for all; from a moment on that lies ahead."""

    basis_points: Annotated[int, Meta(ge=0, le=1000)]
    effective_from: Annotated[datetime, Meta(tz=True)]
    fixed: Annotated[int, Meta(ge=0, le=100_000)] = 0
    most: Dong | None = None
    merchant_id: UUID | None = None
    category_code: CategoryCode | None = None


class FeeRule(Answer):
    """A rule of fees; it counts once another member of finance has approved it."""

    id: UUID
    basis_points: int
    fixed: int
    most: int | None
    merchant_id: UUID | None
    category_code: str | None
    effective_from: datetime
    proposed_by: UUID | None
    approved_by: UUID | None
    made_at: datetime
    approved_at: datetime | None
