"""The nouns of webhooks: where a merchant's own systems hear what happens, and what is sent there."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.guarded import Why
from app.types import Answer, Body, ShortText
from wallet.models import RefusalReason

WebhookEvent = Literal[
    "payment.received", "payment.refunded", "refund.failed", "settlement.paid", "settlement.failed"
]
MessageStatus = Literal["waiting", "kept", "delivered", "dead"]
DisabledBecause = Literal["gone", "failing"]

HookUrl = Annotated[
    str,
    Meta(
        min_length=8,
        max_length=500,
        pattern=r"^https?://[!-\[\]-~]+$(?!\n)",
        description="https, without a user or a password; a sandbox takes http too",
    ),
]


class PutWebhookEndpoint(Body):
    """Where my shop's systems shall hear, and of what. No `url`: messages are kept, to be fetched."""

    events: Annotated[list[WebhookEvent], Meta(min_length=1, max_length=10)]
    url: HookUrl | None = None
    description: ShortText | None = None


class WebhookEndpoint(Answer):
    """An endpoint. `disabled_because`: `gone`, it answered 410; `failing`, for days it took nothing.

    `secret` (`whsec_…`) is shown once: when the endpoint is made."""

    id: UUID
    url: str | None
    events: list[WebhookEvent]
    description: str | None
    disabled_because: DisabledBecause | None
    disabled_at: datetime | None
    made_at: datetime
    secret: str | None = None


class WebhookEndpoints(Answer):
    """All endpoints of a merchant."""

    items: list[WebhookEndpoint]


class WebhookSecret(Answer):
    """A new secret, shown this once. Until `old_signs_until` the one before it signs along."""

    secret: str
    old_signs_until: datetime | None


class WebhookMessage(Answer):
    """A message to an endpoint. `body` is what is sent, byte for byte; its id travels as `webhook-id`.

    `waiting`: it is tried again at `next_at`; `kept`: the endpoint has no url, it is there to be fetched; `dead`:
    there are no more tries until somebody has it sent again."""

    id: UUID
    endpoint_id: UUID
    event: str
    status: MessageStatus
    attempts: int
    last_status_code: int | None
    last_failure: Why | None
    next_at: datetime | None
    made_at: datetime
    resolved_at: datetime | None
    body: str


class ReplayMessages(Body):
    """Since when what did not come through shall be sent once more."""

    since: Annotated[datetime, Meta(tz=True)]


class WebhookReplays(Answer):
    """How many messages are sent once more. `more`: there are others; ask again."""

    messages: int
    more: bool


class WebhookTry(Answer):
    """A try, and how it came out: the status of their answer, or why there was none."""

    number: int
    status_code: int | None
    failure: Why | None
    took_ms: int
    made_at: datetime


class WebhookMessageWithTries(WebhookMessage):
    """A message, and its fifty newest tries."""

    tries: list[WebhookTry]


# What the messages say


Method = Literal["wallet", "bank_transfer"]


class PaymentReceived(msgspec.Struct, frozen=True, kw_only=True):
    """`payment.received`: money came in, from a wallet at a terminal or from a bank's app.

    The payer's name is masked; null: the bank did not tell it. `payment_id`: the taking's, of a bank transfer."""

    payment_id: UUID
    merchant_id: UUID
    amount: int
    currency: Literal["VND"] = "VND"
    method: Method
    payer: str | None
    terminal_id: UUID | None = None
    terminal: str | None = None
    order_id: UUID | None
    order_reference: str | None
    memo: str | None = None


class PaymentRefunded(msgspec.Struct, frozen=True, kw_only=True):
    """`payment.refunded`: a payment, or a part of it, is back where it came from."""

    refund_id: UUID
    payment_id: UUID
    merchant_id: UUID
    amount: int
    currency: Literal["VND"] = "VND"
    method: Method
    reason: str | None = None


class RefundFailed(msgspec.Struct, frozen=True, kw_only=True):
    """`refund.failed`: the payer's bank did not take it; the money is the shop's again."""

    refund_id: UUID
    payment_id: UUID
    merchant_id: UUID
    amount: int
    currency: Literal["VND"] = "VND"
    method: Literal["bank_transfer"] = "bank_transfer"
    reason: RefusalReason


class SettlementPaid(msgspec.Struct, frozen=True, kw_only=True):
    """`settlement.paid`: a day's money has arrived at the shop's bank. `account`: the last four of its number."""

    settlement_id: UUID
    merchant_id: UUID
    settled_on: date
    amount: int
    fee: int
    currency: Literal["VND"] = "VND"
    bank: str
    account: str


class SettlementFailed(msgspec.Struct, frozen=True, kw_only=True):
    """`settlement.failed`: the shop's bank did not take it."""

    settlement_id: UUID
    merchant_id: UUID
    settled_on: date
    amount: int
    currency: Literal["VND"] = "VND"
    bank: str
    account: str
    reason: RefusalReason


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """`webhook.test`: somebody tries whether messages come through."""

    merchant_id: UUID
    endpoint_id: UUID


Data = PaymentReceived | PaymentRefunded | RefundFailed | SettlementPaid | SettlementFailed | Tested


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A message's body (Standard Webhooks): what happened, when, and what is to be known of it."""

    type: str
    timestamp: datetime
    data: Data
