"""Where a merchant's own systems hear what happens: put by its owner, or by a machine of its own; with a secret."""

from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from app import guarded
from app.audit import records
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import NotFound, Refusal
from app.guarded import NotReached
from app.identity.models import Principal
from app.secrets import Sealed, seal
from app.types import new_id
from wallet.merchants import webhook_signatures
from wallet.merchants.merchants import TooManyOfThem
from wallet.merchants.webhook_models import (
    PutWebhookEndpoint,
    WebhookEndpoint,
    WebhookEndpoints,
    WebhookSecret,
)

sql = queries_beside(__file__)

MOST_ENDPOINTS = 10
OLD_SIGNS_S = 24 * 3600
"""How long the secret before the newest signs along."""

PURPOSE = "webhook secret"
SEALED = Sealed(
    table="webhook_secret",
    purpose=PURPOSE,
    rows=sql.sealed_webhook_secrets,
    reseal=sql.seal_webhook_secret_anew,
)


class WebhookEndpointIdTaken(Refusal):
    """Mã điểm nhận thông báo này đã được dùng hoặc đã gỡ; hãy tạo mã mới.

    This endpoint's id is in use or was removed; make a new one."""


class WebhookAddressRefused(Refusal):
    """Không gửi thông báo đến địa chỉ này được: địa chỉ phải là https, công khai và không kèm tên đăng nhập.

    Nothing can be sent to this address: it must be https, public, and without a user name."""

    status = 400


async def put(
    db: Connection, me: Principal, merchant_id: UUID, endpoint_id: UUID, wanted: PutWebhookEndpoint
) -> tuple[WebhookEndpoint, bool]:
    """Make an endpoint, or have it be so from now on; one that was disabled is told again.

    Returns it, and if it is new. What its name stands for is looked at when something is sent, each time. Raises
    NotFound, WebhookAddressRefused, TooManyOfThem, WebhookEndpointIdTaken."""
    await need_to_act(db, me, merchant_id)
    _check_address(wanted.url)
    if await db.fetchval(sql.other_webhook_endpoints, merchant_id, endpoint_id) >= MOST_ENDPOINTS:
        raise TooManyOfThem(most=MOST_ENDPOINTS)
    events = sorted(set(wanted.events))
    new = await db.fetchval(
        sql.put_webhook_endpoint, endpoint_id, merchant_id, wanted.url, events, wanted.description
    )
    if new is None:
        raise WebhookEndpointIdTaken
    what = "wallet.webhook_endpoint_made" if new else "wallet.webhook_endpoint_changed"
    host = wanted.url and host_of(wanted.url)
    await records.record(db, me, what, endpoint_id, merchant=str(merchant_id), host=host, events=events)
    endpoint = await one(WebhookEndpoint, db, sql.webhook_endpoint, endpoint_id, merchant_id)
    if new:
        endpoint.secret = await _new_secret(db, endpoint_id)
    return endpoint, new


async def need_to_act(db: Connection, me: Principal, merchant_id: UUID) -> None:
    """It is my merchant, or I am one of its machines (whose scopes the door has looked at); raises NotFound."""
    if await db.fetchval(sql.merchant_i_act_for, merchant_id, me.id) is None:
        raise NotFound


def host_of(url: str) -> str:
    """What may be told of an address: its path and query are often a secret."""
    return urlsplit(url).hostname or "?"


def _check_address(url: str | None) -> None:
    try:
        if url is not None:
            guarded.read(url)
    except NotReached:
        raise WebhookAddressRefused from None


async def _new_secret(db: Connection, endpoint_id: UUID) -> str:
    secret_id, secret = new_id(), webhook_signatures.new_secret()
    await db.execute(
        sql.keep_webhook_secret, secret_id, endpoint_id, seal(PURPOSE, secret.encode(), about=secret_id.bytes)
    )
    return secret


async def all_of(db: Connection, me: Principal, merchant_id: UUID) -> WebhookEndpoints:
    """A merchant's endpoints, without their secrets; raises NotFound."""
    await need_to_act(db, me, merchant_id)
    return WebhookEndpoints(items=await many(WebhookEndpoint, db, sql.webhook_endpoints, merchant_id))


async def remove(db: Connection, me: Principal, merchant_id: UUID, endpoint_id: UUID) -> None:
    """An endpoint hears nothing any more, not even what waits for it; raises NotFound."""
    await need_to_act(db, me, merchant_id)
    if await db.fetchval(sql.remove_webhook_endpoint, endpoint_id, merchant_id) is None:
        raise NotFound
    await db.execute(sql.drop_webhook_secrets, endpoint_id)
    await db.fetchval(sql.bury_webhook_messages, endpoint_id)
    await records.record(db, me, "wallet.webhook_endpoint_removed", endpoint_id, merchant=str(merchant_id))


class Locked(msgspec.Struct, frozen=True):
    """An endpoint while nobody else changes it."""

    url: str | None
    disabled: bool


async def lock(db: Connection, me: Principal, merchant_id: UUID, endpoint_id: UUID) -> Locked:
    """An endpoint of a merchant for which I act, until the transaction ends; raises NotFound."""
    await need_to_act(db, me, merchant_id)
    locked = await maybe(Locked, db, sql.lock_webhook_endpoint, endpoint_id, merchant_id)
    if locked is None:
        raise NotFound
    return locked


async def rotate_secret(db: Connection, me: Principal, merchant_id: UUID, endpoint_id: UUID) -> WebhookSecret:
    """A new secret; the one before it signs along for a day, and the one before that no longer. Raises NotFound."""
    await lock(db, me, merchant_id, endpoint_id)
    until: datetime | None = await db.fetchval(sql.retire_webhook_secrets, endpoint_id, OLD_SIGNS_S)
    secret = await _new_secret(db, endpoint_id)
    await records.record(db, me, "wallet.webhook_secret_rotated", endpoint_id, merchant=str(merchant_id))
    return WebhookSecret(secret=secret, old_signs_until=until)


async def forget_old_secrets(db: Connection) -> None:
    """Drop secrets that no longer sign along."""
    await db.execute(sql.forget_webhook_secrets)
