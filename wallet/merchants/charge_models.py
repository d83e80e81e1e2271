"""The nouns of a customer's code and of what a shop asks for it."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from app.types import Answer, Body, Dong, Memo

ChargeStatus = Literal["pending", "awaiting_confirmation", "paid", "declined", "expired"]


class PayCode(Answer):
    """What a customer shows at a till: 18 digits, also as the text of a QR. Good for one charge, for a minute."""

    code: str
    text: str
    expires_at: datetime


class AskCharge(Body):
    """A code that a shop has read, and what it asks. Without a terminal: the shop's first."""

    pay_code: Annotated[str, Meta(max_length=18, pattern=r"^28[0-9]{16}$(?!\n)")]
    amount: Dong
    terminal_id: UUID | None = None
    memo: Memo | None = None


class ShopCharge(Answer):
    """A charge as its shop sees it. Paid: there is a payment of the same id among the takings."""

    id: UUID
    amount: int
    memo: str | None
    terminal_id: UUID
    terminal: str
    payer: str | None
    status: ChargeStatus
    made_at: datetime
    expires_at: datetime
    decided_at: datetime | None


class Charge(Answer):
    """A charge as its customer sees it, who confirms it while it awaits confirmation."""

    id: UUID
    amount: int
    memo: str | None
    merchant: str
    terminal: str
    status: ChargeStatus
    made_at: datetime
    expires_at: datetime
    decided_at: datetime | None


class ConfirmCharge(Body):
    """Shall it be paid?"""

    approve: bool
