"""The doors of warnings and of what people look for in a flood: everybody's, the operations centre's, a machine's."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, post, put
from litestar.datastructures import CacheControlHeader, ResponseHeader
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.deps import Db, Door
from app.types import Nothing, Page
from notifications.alerts import alerts, cap, feed, flood, proposals, readings
from notifications.alerts.models import (
    Alert,
    AlertCategory,
    AlertState,
    Flood,
    PostReadings,
    PublicStatus,
    PutAlert,
    PutReading,
    Reading,
    ReadingsTaken,
    RefuseAlert,
    StaffAlert,
    WithdrawReading,
)

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]
Ward = Annotated[
    str | None, QueryParameter(max_length=40, description="a ward's code; the whole city's are with them")
]
StateQuery = Annotated[AlertState | None, QueryParameter(name="state", description="only these")]

A_MOMENT = CacheControlHeader(public=True, max_age=15)
BY_LANGUAGE = ResponseHeader(name="vary", value="accept-language")


@get("/v1/alerts", public=True, cache_control=A_MOMENT, response_headers=[BY_LANGUAGE])
async def list_alerts(
    db: Db,
    request: Door,
    ward: Ward = None,
    category: FromQuery[AlertCategory | None] = None,
    status: FromQuery[PublicStatus] = "Actual",
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[Alert]:
    """Warnings that are in force, newest first. Exercises and tests only to whoever asks for them by `status`."""
    return await alerts.page(db, ward, category, status, cursor, limit, request.lang)


@get("/v1/alerts/{alert_id:uuid}", public=True, cache_control=A_MOMENT, response_headers=[BY_LANGUAGE])
async def get_alert(db: Db, request: Door, alert_id: FromPath[UUID]) -> Alert:
    """A warning that went out, also when it is over."""
    return await alerts.show(db, alert_id, request.lang)


@get("/v1/alerts/{alert_id:uuid}/cap", public=True, media_type=cap.MEDIA_TYPE, cache_control=A_MOMENT)
async def get_alert_cap(db: Db, alert_id: FromPath[UUID]) -> bytes:
    """The same as a document of the Common Alerting Protocol 1.2, in both languages."""
    return await cap.show(db, alert_id)


@get(
    "/v1/alerts/feed.atom",
    public=True,
    media_type=feed.MEDIA_TYPE,
    cache_control=A_MOMENT,
    response_headers=[BY_LANGUAGE],
)
async def get_alerts_feed(db: Db, request: Door, ward: Ward = None) -> bytes:
    """Warnings in force, and all-clears, as an Atom feed (RFC 4287) whose entries link to CAP documents."""
    return await feed.show(db, ward, request.lang)


@get("/v1/alerts/flood", public=True, cache_control=A_MOMENT, response_headers=[BY_LANGUAGE])
async def show_flood(db: Db, request: Door) -> Flood:
    """What people look for in a flood: rivers, reservoirs, roads under water, whom to call."""
    return await flood.show(db, request.lang)


@put("/v1/staff/alerts/{alert_id:uuid}", who=("operator", "supervisor"))
async def put_alert(db: Db, request: Door, alert_id: FromPath[UUID], data: JSONBody[PutAlert]) -> StaffAlert:
    """Write a warning under an id that I make: it goes out, or waits for somebody else's approval.

    A Draft stays one and may be written anew. One that is meant (Actual) and severe or extreme, or takes the place of
    such a one, waits."""
    return await proposals.put(db, request.me, alert_id, data)


@put("/v1/staff/alerts/{alert_id:uuid}/approval", who=("supervisor",))
async def approve_alert(db: Db, request: Door, alert_id: FromPath[UUID], data: JSONBody[Nothing]) -> StaffAlert:
    """The second pair of eyes, not the writer's: it goes out."""
    return await proposals.approve(db, request.me, alert_id)


@put("/v1/staff/alerts/{alert_id:uuid}/refusal", who=("operator", "supervisor"))
async def refuse_alert(db: Db, request: Door, alert_id: FromPath[UUID], data: JSONBody[RefuseAlert]) -> StaffAlert:
    """A draft or a proposal goes nowhere; or I take my own back."""
    return await proposals.refuse(db, request.me, alert_id, data.reason)


@get("/v1/staff/alerts", who=("operator", "supervisor"))
async def list_staff_alerts(
    db: Db, which: StateQuery = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[StaffAlert]:
    """Warnings and drafts, the one written last first."""
    return await proposals.page(db, which, cursor, limit)


@get("/v1/staff/alerts/{alert_id:uuid}", who=("operator", "supervisor"))
async def get_staff_alert(db: Db, alert_id: FromPath[UUID]) -> StaffAlert:
    """One of them, whatever became of it."""
    return await proposals.show(db, alert_id)


@put("/v1/staff/river-readings/{river_reading_id:uuid}", who=("operator", "supervisor"))
async def put_river_reading(
    db: Db, request: Door, river_reading_id: FromPath[UUID], data: JSONBody[PutReading]
) -> Reading:
    """Write down what a gauge or a reservoir shows, under an id that I make."""
    return await readings.put(db, request.me, river_reading_id, data)


@put("/v1/staff/river-readings/{river_reading_id:uuid}/withdrawal", who=("operator", "supervisor"))
async def withdraw_river_reading(
    db: Db, request: Door, river_reading_id: FromPath[UUID], data: JSONBody[WithdrawReading]
) -> Reading:
    """A reading was a mistake: nobody sees it any more."""
    return await readings.withdraw(db, request.me, river_reading_id, data.reason)


@post("/v1/readings", status_code=200, who=("scope:readings.write",))
async def post_readings(db: Db, request: Door, data: JSONBody[PostReadings]) -> ReadingsTaken:
    """What a machine has measured: taken or not, each by itself; the same again is known."""
    return await readings.take(db, request.me, data, request.lang)


router = Router(
    "/",
    route_handlers=[
        list_alerts, get_alert, get_alert_cap, get_alerts_feed, show_flood, put_alert, approve_alert, refuse_alert,
        list_staff_alerts, get_staff_alert, put_river_reading, withdraw_river_reading, post_readings,
    ],
    tags=["alerts"],
)  # fmt: skip
