"""What notifications does on others' news: tell whoever it concerns."""

from collections.abc import Sequence
from typing import get_args

import msgspec

from app.db import Connection
from app.jobs import Listener, News
from app.outbox import Event
from notifications import inbox
from notifications.messages import Told, messages_of

_KINDS: dict[str, type[Event]] = {event.__name__: event for event in get_args(Told)}


async def tell(db: Connection, news: Sequence[News]) -> None:
    """Write a message for everybody whom the news concerns."""
    await inbox.deliver(
        db,
        [
            inbox.ToDeliver(item.event_id, item.made_at, words)
            for item in news
            for words in messages_of(msgspec.convert(item.data, _KINDS[item.kind]))  # pyright: ignore[reportArgumentType]
        ],
    )


listeners = (Listener(name="inbox", kinds=tuple(_KINDS), hear=tell, batch=200),)
