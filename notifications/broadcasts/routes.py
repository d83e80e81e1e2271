"""The doors of those who tell the city something."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, put
from litestar.params import FromPath, JSONBody, QueryParameter

from app.deps import Db, Door
from app.types import Nothing, Page
from notifications.broadcasts import broadcasts
from notifications.broadcasts.models import Broadcast, BroadcastProgress, CorrectBroadcast, MakeBroadcast

WRITERS = ("operator", "supervisor")


@put("/v1/staff/broadcasts/{broadcast_id:uuid}", who=WRITERS)
async def make_broadcast(
    db: Db, request: Door, broadcast_id: FromPath[UUID], data: JSONBody[MakeBroadcast]
) -> Broadcast:
    """Tell everybody something, or everybody who cares for some wards; a critical one waits for an approval."""
    return await broadcasts.make(db, request.me, broadcast_id, data)


@get("/v1/staff/broadcasts", who=WRITERS)
async def list_broadcasts(
    db: Db,
    request: Door,
    cursor: Annotated[str | None, QueryParameter(max_length=200)] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
) -> Page[Broadcast]:
    """What was told, newest first."""
    return await broadcasts.listed(db, cursor, limit)


@get("/v1/staff/broadcasts/{broadcast_id:uuid}", who=WRITERS)
async def get_broadcast(db: Db, request: Door, broadcast_id: FromPath[UUID]) -> BroadcastProgress:
    """How far a broadcast is, and whom it reached, by ward."""
    return await broadcasts.progress(db, broadcast_id)


@put("/v1/staff/broadcasts/{broadcast_id:uuid}/approval", who=("supervisor",))
async def approve_broadcast(
    db: Db, request: Door, broadcast_id: FromPath[UUID], data: JSONBody[Nothing]
) -> Broadcast:
    """A second pair of eyes: a critical one goes out."""
    return await broadcasts.approve(db, request.me, broadcast_id)


@put("/v1/staff/broadcasts/{broadcast_id:uuid}/cancellation", who=WRITERS)
async def cancel_broadcast(db: Db, request: Door, broadcast_id: FromPath[UUID], data: JSONBody[Nothing]) -> Broadcast:
    """Withdraw it: whoever has not been told is not."""
    return await broadcasts.cancel(db, request.me, broadcast_id)


@put("/v1/staff/broadcasts/{broadcast_id:uuid}/correction", who=WRITERS)
async def correct_broadcast(
    db: Db, request: Door, broadcast_id: FromPath[UUID], data: JSONBody[CorrectBroadcast]
) -> Broadcast:
    """The right words for the same people, in the place of the wrong ones; answers the new broadcast."""
    return await broadcasts.correct(db, request.me, broadcast_id, data)


router = Router(
    "/",
    route_handlers=[
        make_broadcast, list_broadcasts, get_broadcast, approve_broadcast, cancel_broadcast, correct_broadcast,
    ],
    tags=["notifications"],
)  # fmt: skip
