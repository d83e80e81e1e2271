"""The doors of notifications."""

from typing import Annotated

from litestar import Router, get, put
from litestar.params import JSONBody, QueryParameter

from app.deps import Db, Door
from app.types import Page
from notifications import inbox
from notifications.models import Message, ReadUpTo, Unread, WebPushKey
from notifications.transports import web_push


@get("/v1/notifications/inbox", who=("resident", "staff"))
async def list_inbox(
    db: Db,
    request: Door,
    cursor: Annotated[str | None, QueryParameter(max_length=200)] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
) -> Page[Message]:
    """My messages, newest first."""
    return await inbox.page(db, request.me, cursor, limit)


@put("/v1/notifications/inbox/read", who=("resident", "staff"))
async def read_inbox(db: Db, request: Door, data: JSONBody[ReadUpTo]) -> Unread:
    """I have read everything up to there."""
    return await inbox.read(db, request.me, data.up_to)


@get("/v1/notifications/web-push-key", public=True)
async def get_web_push_key() -> WebPushKey:
    """What a browser subscribes to this city's messages with."""
    return web_push.city_key()


router = Router("/", route_handlers=[list_inbox, read_inbox, get_web_push_key], tags=["notifications"])
