"""The doors of webhooks: for a shop's owner, and for machines that may look after them."""

from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.deps import Db, Door
from app.replies import Reply
from app.types import Nothing, Page
from wallet.merchants import webhook_endpoints, webhook_messages
from wallet.merchants.webhook_models import (
    MessageStatus,
    PutWebhookEndpoint,
    ReplayMessages,
    WebhookEndpoint,
    WebhookEndpoints,
    WebhookMessage,
    WebhookMessageWithTries,
    WebhookReplays,
    WebhookSecret,
)

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]
READS = ("resident", "scope:webhooks.read", "scope:webhooks.write")
WRITES = ("resident", "scope:webhooks.write")


@put(
    "/v1/merchants/{merchant_id:uuid}/webhook-endpoints/{webhook_endpoint_id:uuid}",
    status_code=201,
    responses={200: ResponseSpec(WebhookEndpoint)},
    who=WRITES,
)
async def put_webhook_endpoint(
    db: Db,
    request: Door,
    merchant_id: FromPath[UUID],
    webhook_endpoint_id: FromPath[UUID],
    data: JSONBody[PutWebhookEndpoint],
) -> Reply[WebhookEndpoint]:
    """Where my shop's systems hear what happens: 201 with its secret when it is new, 200 when it is changed."""
    endpoint, new = await webhook_endpoints.put(db, request.me, merchant_id, webhook_endpoint_id, data)
    return Reply(endpoint, status_code=201 if new else 200)


@get("/v1/merchants/{merchant_id:uuid}/webhook-endpoints", who=READS)
async def list_webhook_endpoints(db: Db, request: Door, merchant_id: FromPath[UUID]) -> WebhookEndpoints:
    """Where my shop's systems hear what happens."""
    return await webhook_endpoints.all_of(db, request.me, merchant_id)


@delete("/v1/merchants/{merchant_id:uuid}/webhook-endpoints/{webhook_endpoint_id:uuid}", status_code=204, who=WRITES)
async def remove_webhook_endpoint(
    db: Db, request: Door, merchant_id: FromPath[UUID], webhook_endpoint_id: FromPath[UUID]
) -> None:
    """It hears nothing any more."""
    await webhook_endpoints.remove(db, request.me, merchant_id, webhook_endpoint_id)


@post(
    "/v1/merchants/{merchant_id:uuid}/webhook-endpoints/{webhook_endpoint_id:uuid}/secret-rotations",
    status_code=201,
    who=WRITES,
)
async def rotate_webhook_secret(
    db: Db,
    request: Door,
    merchant_id: FromPath[UUID],
    webhook_endpoint_id: FromPath[UUID],
    data: JSONBody[Nothing],
) -> WebhookSecret:
    """A new secret, shown this once; the one before it signs along for a day."""
    return await webhook_endpoints.rotate_secret(db, request.me, merchant_id, webhook_endpoint_id)


@post(
    "/v1/merchants/{merchant_id:uuid}/webhook-endpoints/{webhook_endpoint_id:uuid}/test-messages",
    status_code=201,
    who=WRITES,
)
async def send_webhook_test(
    db: Db,
    request: Door,
    merchant_id: FromPath[UUID],
    webhook_endpoint_id: FromPath[UUID],
    data: JSONBody[Nothing],
) -> WebhookMessage:
    """Have a `webhook.test` sent there: do messages come through?"""
    return await webhook_messages.write_test(db, request.me, merchant_id, webhook_endpoint_id)


@post(
    "/v1/merchants/{merchant_id:uuid}/webhook-endpoints/{webhook_endpoint_id:uuid}/replays",
    status_code=201,
    who=WRITES,
)
async def replay_webhook_messages(
    db: Db,
    request: Door,
    merchant_id: FromPath[UUID],
    webhook_endpoint_id: FromPath[UUID],
    data: JSONBody[ReplayMessages],
) -> WebhookReplays:
    """Have all that did not come through there since a moment sent once more, a thousand at once."""
    return await webhook_messages.replay_since(db, request.me, merchant_id, webhook_endpoint_id, data)


@get("/v1/merchants/{merchant_id:uuid}/webhook-messages", who=READS)
async def list_webhook_messages(
    db: Db,
    request: Door,
    merchant_id: FromPath[UUID],
    status: FromQuery[MessageStatus | None] = None,
    endpoint_id: FromQuery[UUID | None] = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[WebhookMessage]:
    """Messages of the last thirty days, newest first; `status=dead`: those that came through nowhere."""
    return await webhook_messages.page(db, request.me, merchant_id, status, endpoint_id, cursor, limit)


@get("/v1/merchants/{merchant_id:uuid}/webhook-messages/{webhook_message_id:uuid}", who=READS)
async def get_webhook_message(
    db: Db, request: Door, merchant_id: FromPath[UUID], webhook_message_id: FromPath[UUID]
) -> WebhookMessageWithTries:
    """A message, and how its tries came out."""
    return await webhook_messages.show(db, request.me, merchant_id, webhook_message_id)


@post(
    "/v1/merchants/{merchant_id:uuid}/webhook-messages/{webhook_message_id:uuid}/replays",
    status_code=201,
    who=WRITES,
)
async def replay_webhook_message(
    db: Db,
    request: Door,
    merchant_id: FromPath[UUID],
    webhook_message_id: FromPath[UUID],
    data: JSONBody[Nothing],
) -> WebhookMessage:
    """Have it sent once more now, under the same id."""
    return await webhook_messages.replay(db, request.me, merchant_id, webhook_message_id)


router = Router(
    "/",
    route_handlers=[
        put_webhook_endpoint, list_webhook_endpoints, remove_webhook_endpoint, rotate_webhook_secret,
        send_webhook_test, replay_webhook_messages, list_webhook_messages, get_webhook_message,
        replay_webhook_message,
    ],
    tags=["wallet"],
)  # fmt: skip
