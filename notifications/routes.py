"""The doors of notifications."""

from typing import Annotated, Any

from litestar import Request, Router, get, put
from litestar.params import HeaderParameter, JSONBody, QueryParameter

from app.deps import Db, Door
from app.streams import EventStream
from app.types import Page
from notifications import inbox, inbox_stream
from notifications.models import Message, ReadUpTo, Unread


@get("/v1/notifications/inbox", who=("resident", "staff"))
async def list_inbox(
    db: Db,
    request: Door,
    cursor: Annotated[str | None, QueryParameter(max_length=200)] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
) -> Page[Message]:
    """My messages, newest first."""
    return await inbox.page(db, request.me, cursor, limit)


async def ring_for_reader(request: Request[Any, Any, Any]) -> None:
    """The reader's other devices hear that it was read, once that is committed."""
    await request.app.state.live.ring(inbox_stream.topics_of([request.user.id]))


@put("/v1/notifications/inbox/read", who=("resident", "staff"), after_response=ring_for_reader)
async def read_inbox(db: Db, request: Door, data: JSONBody[ReadUpTo]) -> Unread:
    """I have read everything up to there."""
    return await inbox.read(db, request.me, data.up_to)


@get("/v1/notifications/stream", who=("resident", "staff"), media_type="text/event-stream")
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


router = Router("/", route_handlers=[list_inbox, read_inbox, stream_inbox], tags=["notifications"])
