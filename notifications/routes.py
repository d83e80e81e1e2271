"""The doors of notifications."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Router, delete, get, put
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from app.deps import Db, Door
from app.streams import EventStream
from app.types import Nothing, Page
from notifications import deliveries, devices, inbox, inbox_stream, preferences
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
    WebPushKey,
)
from notifications.transports import web_push

READERS = ("resident", "staff")
DESK = ("operator", "supervisor")
Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]
Number = Annotated[str, QueryParameter(min_length=8, max_length=20, description="the number of a resident's phone")]


@get("/v1/notifications/inbox", who=READERS)
async def list_inbox(db: Db, request: Door, cursor: Cursor = None, limit: Limit = 20) -> Page[Message]:
    """My messages, newest first."""
    return await inbox.page(db, request.me, cursor, limit)


async def ring_for_reader(request: Request[Any, Any, Any]) -> None:
    """The reader's other devices hear that it was read, once that is committed."""
    await request.app.state.live.ring(inbox_stream.topics_of([request.user.id]))


@put("/v1/notifications/inbox/read", who=READERS, after_response=ring_for_reader)
async def read_inbox(db: Db, request: Door, data: JSONBody[ReadUpTo]) -> Unread:
    """I have read everything up to there."""
    return await inbox.read(db, request.me, data.up_to)


@get("/v1/notifications/stream", who=READERS, media_type="text/event-stream")
async def stream_inbox(
    request: Door,
    last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID", max_length=40)] = None,
    last_event: Annotated[str | None, QueryParameter(name="last_event_id", max_length=40)] = None,
) -> EventStream:
    """My inbox, live: server-sent events `inbox`, `message`, `read` and `reset`.

    Read with fetch and a bearer token, or by an officer's browser. `last_event_id` is for whoever cannot send the
    header, which counts first."""
    state = request.app.state
    heard = last_event_id or last_event
    return inbox_stream.listen(state.database, state.live, state.settings.streams, request.me, heard)


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


@get("/v1/notifications/web-push-key", public=True)
async def get_web_push_key() -> WebPushKey:
    """What a browser subscribes to this city's messages with."""
    return web_push.city_key()


router = Router(
    "/",
    route_handlers=[
        list_inbox, read_inbox, stream_inbox, list_push_devices, register_push_device, remove_push_device,
        get_preferences, put_preferences, receive_delivery, trace_messages, list_failed_deliveries, resend_delivery,
        get_web_push_key, broadcasts_router,
    ],
    tags=["notifications"],
)  # fmt: skip
