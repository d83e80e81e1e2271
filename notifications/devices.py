"""Where a device is reached by push: one target of each device, and a target moves with its phone."""

import hashlib
from uuid import UUID

from app.db import Connection, many, one, queries_beside
from app.errors import NotFound, Refusal
from app.identity.models import Principal
from notifications.models import PushDevice, PushDevices, RegisterDevice
from notifications.transports import web_push
from notifications.transports.web_push import NotABrowser

sql = queries_beside(__file__)


class BadSubscription(Refusal):
    """Đăng ký của trình duyệt không dùng được: cần endpoint của một dịch vụ đẩy và hai khóa p256dh, auth.

    The browser's subscription cannot be used: it has an endpoint of a push service and the keys p256dh and auth."""

    status = 400


async def register(db: Connection, me: Principal, device_id: UUID, wanted: RegisterDevice) -> PushDevice:
    """This device, of which this session is, is reached there from now on, and no other device is.

    Raises NotFound (it is another device), BadSubscription."""
    if device_id != me.device_id:
        raise NotFound
    target_hash = _hash(wanted)
    await db.execute(sql.lock_target, target_hash)
    await db.execute(sql.leave_target, target_hash, me.id, device_id)
    return await one(
        PushDevice,
        db,
        sql.keep_target,
        me.id,
        device_id,
        wanted.platform,
        wanted.target_kind,
        wanted.target,
        target_hash,
        wanted.locale,
        wanted.app_version,
    )


def _hash(wanted: RegisterDevice) -> bytes:
    """What makes this target one: a browser's keys may change, its endpoint stays."""
    known = _endpoint(wanted.target) if wanted.target_kind == "web_push" else wanted.target
    return hashlib.sha256(f"{wanted.target_kind} {known}".encode()).digest()


def _endpoint(target: str) -> str:
    try:
        subscription, _ = web_push.read(target)
    except NotABrowser:
        raise BadSubscription from None
    return subscription.endpoint


async def mine(db: Connection, me: Principal) -> PushDevices:
    """My devices that are reached by push, the one seen last first."""
    return PushDevices(items=await many(PushDevice, db, sql.targets_of, me.id))


async def remove(db: Connection, me: Principal, device_id: UUID) -> None:
    """Reach one of my devices no more. Raises NotFound."""
    if await db.fetchval(sql.drop_target, me.id, device_id) is None:
        raise NotFound
