"""What notifications does on others' news: tell whoever it concerns."""

from collections.abc import Sequence
from functools import partial
from typing import get_args

import msgspec

from app import live
from app.db import Connection
from app.jobs import Afterwards, Listener, News
from app.outbox import Event
from notifications import inbox, inbox_stream
from notifications.messages import Told, messages_of

_KINDS: dict[str, type[Event]] = {event.__name__: event for event in get_args(Told)}


async def tell(db: Connection, news: Sequence[News]) -> Afterwards:
    """Write a message for everybody whom the news concerns; then ring for them."""
    messages = [
        inbox.ToDeliver(item.event_id, item.made_at, words)
        for item in news
        for words in messages_of(msgspec.convert(item.data, _KINDS[item.kind]))  # pyright: ignore[reportArgumentType]
    ]
    await inbox.deliver(db, messages)
    topics = inbox_stream.topics_of(message.words.principal_id for message in messages)
    return partial(live.here().ring, topics)


listeners = (Listener(name="inbox", kinds=tuple(_KINDS), hear=tell, batch=200),)
