"""The door of live takings."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get
from litestar.params import FromPath, HeaderParameter

from app.deps import Door
from app.streams import EventStream
from wallet.merchants import takings_stream

LastEventId = Annotated[str | None, HeaderParameter(name="Last-Event-ID", max_length=40)]


@get("/v1/merchants/{merchant_id:uuid}/takings/stream", media_type="text/event-stream")
async def stream_takings(
    request: Door, merchant_id: FromPath[UUID], last_event_id: LastEventId = None
) -> EventStream:
    """What comes in, as it comes: server-sent events `taking` and `reset`, read with fetch and a bearer token."""
    state = request.app.state
    return await takings_stream.listen(
        state.database, state.live, state.settings.streams, request.me, merchant_id, last_event_id
    )


router = Router("/", route_handlers=[stream_takings], tags=["wallet"])
