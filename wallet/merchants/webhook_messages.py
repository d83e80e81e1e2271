"""What is told to merchants' systems: news become messages, one for each endpoint that wants to hear them.

    waiting → delivered
       ↓ ↑        ↑ replayed
       dead ──────┘

A message to an endpoint without a url is `kept` from its start, to one that is disabled it is `dead`."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app import budgets, outbox
from app.budgets import Budget
from app.clock import city_now
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import NotFound, Refusal
from app.identity.models import Principal
from app.jobs import News
from app.staff.pages import before, page_of
from app.types import Page, new_id
from wallet import events
from wallet.events import WebhooksWritten
from wallet.merchants import webhook_models as models
from wallet.merchants.webhook_endpoints import lock, need_to_act
from wallet.merchants.webhook_models import (
    Data,
    MessageStatus,
    ReplayMessages,
    Said,
    WebhookEvent,
    WebhookMessage,
    WebhookMessageWithTries,
    WebhookReplays,
    WebhookTry,
)

sql = queries_beside(__file__)

KINDS = (
    "MerchantPaid", "TransferTaken", "PaymentRefunded", "TakingRefunded", "TakingRefundFailed", "SettlementPaid",
    "SettlementFailed",
)  # fmt: skip
"""The news that merchants' systems may hear."""
TESTS_A_MINUTE, REPLAYS_A_MINUTE = 10, 60
MOST_REPLAYED = 1000
"""At once."""


class WebhookEndpointDisabled(Refusal):
    """Điểm nhận thông báo này đang tắt; hãy lưu lại địa chỉ của nó để bật.

    This endpoint is disabled; put its address again to switch it on."""


class WebhookMessageKept(Refusal):
    """Điểm nhận này không có địa chỉ: thông báo được giữ lại để hệ thống của bạn tự lấy.

    This endpoint has no address: its messages are kept, for your system to fetch."""


class _Told(msgspec.Struct, frozen=True):
    """What a merchant's systems hear of a piece of news."""

    merchant_id: UUID
    event: WebhookEvent
    data: Data


async def write(db: Connection, news: Sequence[News]) -> None:
    """On what concerns merchants: a message for each endpoint that wants it; then they are sent."""
    told = [(one, what) for one in news if (what := _told(one)) is not None]
    written: int = await db.fetchval(
        sql.write_webhook_messages,
        [what.merchant_id for _, what in told],
        [what.event for _, what in told],
        [one.event_id for one, _ in told],
        [_body(what.event, one.made_at, what.data) for one, what in told],
    )
    if written:
        await outbox.record(db, WebhooksWritten(messages=written))


def _told(news: News) -> _Told | None:
    """Never who the payer is, but for the masked name. None: no merchant is concerned."""
    match news.kind:
        case "MerchantPaid":
            return _paid_from_wallet(msgspec.convert(news.data, events.MerchantPaid))
        case "TransferTaken":
            return _paid_from_bank(msgspec.convert(news.data, events.TransferTaken))
        case "PaymentRefunded":
            return _refunded_to_wallet(msgspec.convert(news.data, events.PaymentRefunded))
        case "TakingRefunded":
            return _refunded_to_bank(msgspec.convert(news.data, events.TakingRefunded))
        case "TakingRefundFailed":
            return _not_refunded(msgspec.convert(news.data, events.TakingRefundFailed))
        case "SettlementPaid":
            return _settled(msgspec.convert(news.data, events.SettlementPaid))
        case "SettlementFailed":
            return _not_settled(msgspec.convert(news.data, events.SettlementFailed))
        case _:
            raise ValueError(f"no merchant hears of {news.kind}")


def _paid_from_wallet(paid: events.MerchantPaid) -> _Told:
    data = models.PaymentReceived(
        payment_id=paid.payment_id,
        merchant_id=paid.merchant_id,
        amount=paid.amount,
        method="wallet",
        payer=paid.payer_name,
        terminal_id=paid.terminal_id,
        terminal=paid.terminal_name,
        order_id=paid.order_id,
        order_reference=paid.order_reference,
        memo=paid.memo,
    )
    return _Told(paid.merchant_id, "payment.received", data)


def _paid_from_bank(taken: events.TransferTaken) -> _Told:
    data = models.PaymentReceived(
        payment_id=taken.transfer_id,
        merchant_id=taken.merchant_id,
        amount=taken.amount,
        method="bank_transfer",
        payer=taken.payer,
        order_id=taken.order_id,
        order_reference=taken.order_reference,
    )
    return _Told(taken.merchant_id, "payment.received", data)


def _refunded_to_wallet(refunded: events.PaymentRefunded) -> _Told | None:
    if refunded.merchant_id is None:
        return None
    data = models.PaymentRefunded(
        refund_id=refunded.refund_id,
        payment_id=refunded.payment_id,
        merchant_id=refunded.merchant_id,
        amount=refunded.amount,
        method="wallet",
        reason=refunded.reason,
    )
    return _Told(refunded.merchant_id, "payment.refunded", data)


def _refunded_to_bank(refunded: events.TakingRefunded) -> _Told:
    data = models.PaymentRefunded(
        refund_id=refunded.refund_id,
        payment_id=refunded.taking_id,
        merchant_id=refunded.merchant_id,
        amount=refunded.amount,
        method="bank_transfer",
    )
    return _Told(refunded.merchant_id, "payment.refunded", data)


def _not_refunded(failed: events.TakingRefundFailed) -> _Told:
    data = models.RefundFailed(
        refund_id=failed.refund_id,
        payment_id=failed.taking_id,
        merchant_id=failed.merchant_id,
        amount=failed.amount,
        reason=failed.reason,
    )
    return _Told(failed.merchant_id, "refund.failed", data)


def _settled(settled: events.SettlementPaid) -> _Told:
    data = models.SettlementPaid(
        settlement_id=settled.settlement_id,
        merchant_id=settled.merchant_id,
        settled_on=settled.settled_on,
        amount=settled.amount,
        fee=settled.fee,
        bank=settled.bank_name,
        account=settled.account,
    )
    return _Told(settled.merchant_id, "settlement.paid", data)


def _not_settled(failed: events.SettlementFailed) -> _Told:
    data = models.SettlementFailed(
        settlement_id=failed.settlement_id,
        merchant_id=failed.merchant_id,
        settled_on=failed.settled_on,
        amount=failed.amount,
        bank=failed.bank_name,
        account=failed.account,
        reason=failed.reason,
    )
    return _Told(failed.merchant_id, "settlement.failed", data)


def _body(event: str, at: datetime, data: Data) -> bytes:
    return msgspec.json.encode(Said(type=event, timestamp=at, data=data))


async def write_test(db: Connection, me: Principal, merchant_id: UUID, endpoint_id: UUID) -> WebhookMessage:
    """A message to one endpoint that says nothing but that it came.

    Raises NotFound, WebhookEndpointDisabled, TooManyRequests."""
    endpoint = await lock(db, me, merchant_id, endpoint_id)
    if endpoint.disabled:
        raise WebhookEndpointDisabled
    await budgets.spend(db, Budget(f"webhook test {merchant_id}", TESTS_A_MINUTE, 60))
    message_id = new_id()
    tested = models.Tested(merchant_id=merchant_id, endpoint_id=endpoint_id)
    await db.execute(sql.write_webhook_test, message_id, endpoint_id, _body("webhook.test", city_now(), tested))
    if endpoint.url is not None:
        await outbox.record(db, WebhooksWritten(messages=1))
    return await one(WebhookMessage, db, sql.webhook_message, message_id, merchant_id)


async def page(
    db: Connection,
    me: Principal,
    merchant_id: UUID,
    status: MessageStatus | None,
    endpoint_id: UUID | None,
    cursor: str | None,
    limit: int,
) -> Page[WebhookMessage]:
    """A merchant's messages, newest first; of one state and one endpoint, if these are named.

    Raises NotFound, BadCursor."""
    await need_to_act(db, me, merchant_id)
    lines = await many(
        WebhookMessage, db, sql.webhook_messages, merchant_id, *before(cursor), status, endpoint_id, limit + 1
    )
    return page_of(lines, limit, lambda line: (line.made_at, line.id))


async def show(db: Connection, me: Principal, merchant_id: UUID, message_id: UUID) -> WebhookMessageWithTries:
    """A message, and how its tries came out; raises NotFound."""
    await need_to_act(db, me, merchant_id)
    message = await maybe(WebhookMessage, db, sql.webhook_message, message_id, merchant_id)
    if message is None:
        raise NotFound
    tries = await many(WebhookTry, db, sql.webhook_tries, message_id)
    return WebhookMessageWithTries(**msgspec.structs.asdict(message), tries=tries)


async def replay(db: Connection, me: Principal, merchant_id: UUID, message_id: UUID) -> WebhookMessage:
    """Send a message once more now, under the same id and with all its tries before it; a dead letter too.

    Raises NotFound, WebhookEndpointDisabled, WebhookMessageKept, TooManyRequests."""
    endpoint_id: UUID | None = await db.fetchval(sql.endpoint_of_webhook_message, message_id, merchant_id)
    if endpoint_id is None:
        raise NotFound
    await _may_replay(db, me, merchant_id, endpoint_id)
    await db.execute(sql.replay_webhook_message, message_id)
    await outbox.record(db, WebhooksWritten(messages=1))
    return await one(WebhookMessage, db, sql.webhook_message, message_id, merchant_id)


async def replay_since(
    db: Connection, me: Principal, merchant_id: UUID, endpoint_id: UUID, wanted: ReplayMessages
) -> WebhookReplays:
    """Send what did not come through at an endpoint since then once more: its dead letters, the oldest first.

    Raises NotFound, WebhookEndpointDisabled, WebhookMessageKept, TooManyRequests."""
    await _may_replay(db, me, merchant_id, endpoint_id)
    replayed: int = await db.fetchval(
        sql.replay_webhook_messages, merchant_id, endpoint_id, wanted.since, MOST_REPLAYED
    )
    if replayed:
        await outbox.record(db, WebhooksWritten(messages=replayed))
    return WebhookReplays(messages=replayed, more=replayed == MOST_REPLAYED)


async def _may_replay(db: Connection, me: Principal, merchant_id: UUID, endpoint_id: UUID) -> None:
    endpoint = await lock(db, me, merchant_id, endpoint_id)
    if endpoint.disabled:
        raise WebhookEndpointDisabled
    if endpoint.url is None:
        raise WebhookMessageKept
    await budgets.spend(db, Budget(f"webhook replay {merchant_id}", REPLAYS_A_MINUTE, 60))
