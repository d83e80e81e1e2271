"""Billers as those see them who look after them, and as their own machines do."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from app.types import Answer, Body, Code, Dong, ShortText
from wallet.models import BillerKind, BillStatus

Adapter = Literal["none", "http"]
ConnectionStatus = Literal["proposed", "active", "refused", "replaced"]
CallState = Literal["ready", "calling", "unknown", "paid", "refused"]

Pattern = Annotated[str, Meta(min_length=3, max_length=100, pattern=r"^\^[0-9A-Za-z\[\]{}()|,?+*.\\-]+\$$(?!\n)")]
"""A regular expression over the whole of a customer code."""
Url = Annotated[str, Meta(min_length=8, max_length=300, pattern=r"^https?://[\x21-\x7e]+$(?!\n)")]
Secret = Annotated[str, Meta(min_length=32, max_length=200, pattern=r"^[\x21-\x7e]+$(?!\n)")]
Period = Annotated[str, Meta(min_length=1, max_length=20, pattern=r"^[0-9A-Za-z ./-]+$(?!\n)")]
InvoiceText = Annotated[str, Meta(min_length=1, max_length=60, pattern=r"^[0-9A-Za-z ./_-]+$(?!\n)")]


class PutBiller(Body):
    """Who issues bills. `essential`: its bills count in the limit of essential services."""

    kind: BillerKind
    name_vi: ShortText
    name_en: ShortText
    customer_code_pattern: Pattern
    customer_code_example: Code
    essential: bool = False


class ProposeConnection(Body):
    """How a biller's own system is asked: its address, our key there, and the secret that signs (kept sealed)."""

    url: Url
    key_id: Code
    secret: Secret
    timeout_ms: Annotated[int, Meta(ge=100, le=6000)] = 6000


class BillerConnection(Answer):
    """How a biller's own system is asked. `made_by` null: a sandbox's seed."""

    id: UUID
    url: str
    key_id: str
    timeout_ms: int
    status: ConnectionStatus
    made_by: UUID | None
    made_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None


class StaffBiller(Answer):
    """A biller, how its system is asked, which machines speak for it, and how many payments wait for its answer."""

    code: str
    kind: BillerKind
    name_vi: str
    name_en: str
    customer_code_pattern: str
    customer_code_example: str
    essential: bool
    adapter: Adapter
    unavailable_until: datetime | None
    connections: list[BillerConnection]
    machines: list[UUID]
    calls_open: int


class StaffBillers(Answer):
    """The city's billers."""

    items: list[StaffBiller]


class BillerCall(Answer):
    """Where the asking of a biller stands for one payment.

    `ready`: nothing is under way; `calling`: it is being asked; `unknown`: it did not say, and is inquired."""

    payment_id: UUID
    biller: str
    reference: str
    customer_code: str
    amount: int
    state: CallState
    attempts: int
    inquiries: int
    asked_at: datetime | None
    next_at: datetime | None
    biller_reference: str | None
    reason: str | None
    made_at: datetime
    resolved_at: datetime | None


class PublishBill(Body):
    """A bill, by its biller. The name is kept masked; `period` as the customer knows it, `11/2026`."""

    customer_code: Code
    customer_name: ShortText
    period: Period
    amount: Dong
    due_on: date


class BillerBill(Answer):
    """A bill as its biller sees it."""

    id: UUID
    reference: str
    customer_code: str
    customer_name: str
    period: str
    amount: int
    due_on: date
    status: BillStatus
    paid_at: datetime | None
    payment_id: UUID | None


class BillerPayment(Answer):
    """What was paid to a biller: a line to reconcile with. `payment_id` is what its system was told."""

    payment_id: UUID
    reference: str
    customer_code: str
    amount: int
    paid_at: datetime


class GiveEInvoice(Body):
    """How the electronic invoice of a paid bill is looked up."""

    number: InvoiceText
    look_up_code: InvoiceText | None = None
    url: Url | None = None


class BillEInvoice(Answer):
    """The biller's electronic invoice; what we print is a receipt."""

    number: str
    look_up_code: str | None
    url: str | None
