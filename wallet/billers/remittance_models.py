"""The nouns of what is sent to billers. Amounts are whole đồng."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from app.types import Answer, Body, Code
from wallet.models import AccountName, AccountNumber, BankBin, RefusalReason


class ProposeBillerBankAccount(Body):
    """Where a biller's money shall go."""

    biller: Code
    bank_bin: BankBin
    account_number: AccountNumber
    account_name: AccountName


class BillerBankAccount(Answer):
    """Where a biller's money goes, once another member of finance has approved it; the last approved one counts."""

    id: UUID
    biller: str
    bank_bin: str
    account_number: str
    account_name: str
    proposed_by: UUID
    made_at: datetime
    approved_by: UUID | None
    approved_at: datetime | None


class Remittance(Answer):
    """What was collected for a biller up to the end of a day, sent to its bank."""

    id: UUID
    biller: str
    remitted_on: date
    amount: int
    status: Literal["sent", "paid", "failed"]
    reason: RefusalReason | None
    bank_name: str
    account_number: str
    made_at: datetime
    resolved_at: datetime | None
