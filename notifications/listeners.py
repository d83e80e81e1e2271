"""What notifications does on others' news: tell whoever it concerns; and what it does by the clock and beside it."""

from collections.abc import Sequence
from functools import partial
from typing import get_args

import msgspec

from app import live
from app.db import Connection
from app.jobs import Afterwards, Engine, Listener, News, Scheduled
from app.outbox import Event
from notifications import deliveries, inbox, inbox_stream, sending
from notifications.broadcasts import broadcasts, going
from notifications.events import AlertCancelled, AlertPublished, AlertUpdated
from notifications.messages import Told, messages_of

_WARNINGS = {event.__name__: event for event in (AlertPublished, AlertUpdated, AlertCancelled)}
_KINDS: dict[str, type[Event]] = {event.__name__: event for event in get_args(Told)}


async def tell(db: Connection, news: Sequence[News]) -> Afterwards:
    """Write a message for everybody whom the news concerns, and have it pushed to their devices; then ring."""
    fresh = await inbox.deliver(
        db,
        [
            inbox.ToDeliver(item.event_id, item.made_at, words)
            for item in news
            for words in messages_of(msgspec.convert(item.data, _KINDS[item.kind]))  # pyright: ignore[reportArgumentType]
        ],
    )
    told = [(one.principal_id, one.seq) for one in fresh]
    await deliveries.make(db, told, good_for_s=[one.good_for_s for one in fresh])
    return partial(live.here().ring, inbox_stream.topics_of(reader for reader, _ in told))


async def warn(db: Connection, news: Sequence[News]) -> None:
    """Tell a warning to everybody whom it concerns."""
    for item in news:
        await broadcasts.of_alert(db, msgspec.convert(item.data, _WARNINGS[item.kind]))


listeners: tuple[Listener, ...] = (
    Listener(name="inbox", kinds=tuple(_KINDS), hear=tell, batch=200),
    Listener(name="warnings", kinds=tuple(_WARNINGS), hear=warn),
    Listener(name="texts_reported", kinds=("TextReported",), hear=deliveries.hear_reports, batch=200),
)

schedule: tuple[Scheduled, ...] = (Scheduled(name="sweep_deliveries", every_s=60, run=deliveries.sweep),)

engines: tuple[Engine, ...] = (
    Engine(name="broadcasts", work=going.work),
    Engine(name="push_critical", work=partial(sending.work, "critical"), side_by_side=2),
    Engine(name="push_transactional", work=partial(sending.work, "transactional")),
    Engine(name="push_bulk", work=partial(sending.work, "bulk"), side_by_side=2, close=sending.close),
)
