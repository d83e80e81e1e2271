"""Devices: the phones and browsers of a resident, by the ids that they made; each may hold a key of its own."""

from base64 import urlsafe_b64decode
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers

from app import outbox
from app.audit import records
from app.db import Connection, many, queries_beside
from app.errors import NotFound, Refusal
from app.identity import possession
from app.identity.events import DeviceKeyAdded
from app.identity.models import Device, DeviceKey, Principal
from app.identity.possession import Asked, PossessionRequired, PublicKey

sql = queries_beside(__file__)


class BadDeviceKey(Refusal):
    """Khóa của thiết bị không phải là một điểm trên đường cong P-256.

    The device's key is not a point on the curve P-256."""

    status = 400


class DeviceKeyTaken(Refusal):
    """Thiết bị này đã có khóa khác; hãy ký yêu cầu bằng khóa đó, hoặc đăng nhập lại.

    This device has another key; sign the request with that one, or sign in again."""


async def mine(db: Connection, me: Principal) -> list[Device]:
    """My devices, the one seen last first; those that I removed are left out."""
    return await many(Device, db, sql.devices_of, me.id, me.device_id)


async def remove(db: Connection, me: Principal, device_id: UUID) -> None:
    """End a device's sessions and drop its key: who signs in there again signs in on a new device.

    Raises NotFound."""
    if await db.fetchval(sql.remove_device, me.id, device_id) is None:
        raise NotFound
    await db.execute(sql.end_removed_device, me.id, device_id)
    await records.record(db, me, "identity.device_removed", device_id)


async def keep_key(db: Connection, me: Principal, device_id: UUID, wanted: DeviceKey, asked: Asked) -> None:
    """Give the device that asks its key; the same key again changes nothing.

    Another key takes the place of the one that the device has only if the request is proved with that one. Raises
    NotFound (it is not the device that asks), BadDeviceKey, DeviceKeyTaken (with what is wrong with the proof)."""
    key: PublicKey = msgspec.to_builtins(wanted)
    _need_point(key)
    held = await db.fetchrow(sql.device_for_update, me.id, device_id) if device_id == me.device_id else None
    if held is None:
        raise NotFound
    if held["public_key"] == key:
        return
    if held["public_key"] is not None:
        await _prove_old_key(db, me, device_id, held["public_key"], asked)
    await db.execute(sql.keep_device_key, me.id, device_id, key)
    thumbprint = possession.thumbprint_of(key)
    await records.record(db, me, "identity.device_key_set", device_id, thumbprint=thumbprint)
    await outbox.record(db, DeviceKeyAdded(principal_id=me.id, device_name=held["name"]))


def _need_point(key: PublicKey) -> None:
    x, y = urlsafe_b64decode(key["x"] + "="), urlsafe_b64decode(key["y"] + "=")
    try:
        EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), SECP256R1()).public_key()
    except ValueError:
        raise BadDeviceKey from None


async def _prove_old_key(db: Connection, me: Principal, device_id: UUID, key: PublicKey, asked: Asked) -> None:
    try:
        await possession.verify_once(db, me.id, device_id, key, asked)
    except PossessionRequired as refusal:
        raise DeviceKeyTaken(**refusal.members) from None
