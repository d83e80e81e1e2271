"""The doors of notifications."""

from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, put
from litestar.params import FromPath, JSONBody, QueryParameter

from app.deps import Db, Door
from app.types import Nothing, Page
from notifications import deliveries, devices, inbox, preferences
from notifications.broadcasts.routes import router as broadcasts_router
from notifications.models import (
    Delivery,
    KeepPreferences,
    Message,
    Preferences,
    PushDevice,
    PushDevices,
    ReadUpTo,
    Receive,
    Received,
    RegisterDevice,
    Unread,
)

READERS = ("resident", "staff")
DESK = ("operator", "supervisor")
Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]
Number = Annotated[str, QueryParameter(min_length=8, max_length=20, description="the number of a resident's phone")]


@get("/v1/notifications/inbox", who=READERS)
async def list_inbox(db: Db, request: Door, cursor: Cursor = None, limit: Limit = 20) -> Page[Message]:
    """My messages, newest first."""
    return await inbox.page(db, request.me, cursor, limit)


@put("/v1/notifications/inbox/read", who=READERS)
async def read_inbox(db: Db, request: Door, data: JSONBody[ReadUpTo]) -> Unread:
    """I have read everything up to there."""
    return await inbox.read(db, request.me, data.up_to)


@get("/v1/notifications/devices")
async def list_push_devices(db: Db, request: Door) -> PushDevices:
    """My devices that are reached by push, the one seen last first."""
    return await devices.mine(db, request.me)


@put("/v1/notifications/devices/{device_id:uuid}")
async def register_push_device(
    db: Db, request: Door, device_id: FromPath[UUID], data: JSONBody[RegisterDevice]
) -> PushDevice:
    """Where this device is reached from now on. A target moves with its phone: it is no other device's any more."""
    return await devices.register(db, request.me, device_id, data)


@delete("/v1/notifications/devices/{device_id:uuid}", status_code=204)
async def remove_push_device(db: Db, request: Door, device_id: FromPath[UUID]) -> None:
    """Push nothing to one of my devices any more."""
    await devices.remove(db, request.me, device_id)


@get("/v1/notifications/preferences")
async def get_preferences(db: Db, request: Door) -> Preferences:
    """What I want to be told, and when."""
    return await preferences.mine(db, request.me)


@put("/v1/notifications/preferences")
async def put_preferences(db: Db, request: Door, data: JSONBody[KeepPreferences]) -> Preferences:
    """What I want to be told from now on, all of it."""
    return await preferences.keep(db, request.me, data)


@put("/v1/notifications/receipts/{receipt_id:uuid}")
async def receive_delivery(db: Db, request: Door, receipt_id: FromPath[UUID], data: JSONBody[Receive]) -> Received:
    """This device has a message, and its owner has perhaps opened it. A receipt's id is its delivery's."""
    return await deliveries.receive(db, request.me, receipt_id, data)


@get("/v1/staff/messages", who=DESK)
async def trace_messages(
    db: Db, request: Door, phone: Number, cursor: Cursor = None, limit: Limit = 20
) -> Page[Delivery]:
    """What was sent to somebody's phones: when, how it came out, why not; newest first. They can see who asked."""
    return await deliveries.of_phone(db, request.me, phone, cursor, limit)


@get("/v1/staff/deliveries/failed", who=DESK)
async def list_failed_deliveries(db: Db, request: Door, cursor: Cursor = None, limit: Limit = 20) -> Page[Delivery]:
    """What could not be sent, newest first."""
    return await deliveries.failed(db, cursor, limit)


@put("/v1/staff/deliveries/{delivery_id:uuid}/resend", who=DESK)
async def resend_delivery(db: Db, request: Door, delivery_id: FromPath[UUID], data: JSONBody[Nothing]) -> Delivery:
    """Send once more what failed or came too late."""
    return await deliveries.resend(db, request.me, delivery_id)


router = Router(
    "/",
    route_handlers=[
        list_inbox, read_inbox, list_push_devices, register_push_device, remove_push_device, get_preferences,
        put_preferences, receive_delivery, trace_messages, list_failed_deliveries, resend_delivery,
        broadcasts_router,
    ],
    tags=["notifications"],
)  # fmt: skip
