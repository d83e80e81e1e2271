"""The one face of whatever carries a message to a phone: FCM, web push, a text message."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from notifications.models import Category, Lane

TargetKind = Literal["token", "fid", "topic", "condition", "web_push", "phone"]
"""`token`, `fid`, `topic`, `condition`: FCM's words; `web_push`: a browser's subscription as JSON
(`{"endpoint", "keys": {"p256dh", "auth"}}`); `phone`: a number, for a text message."""


class Push(msgspec.Struct, frozen=True, kw_only=True):
    """One message for one target, in the reader's language. `link` is the app's screen that it opens, `expires_at`
    when nobody needs it any more. While the phone is away, those who carry it keep the newest of a `collapse_key` (at
    most 32 of A-Z a-z 0-9 - _, RFC 8030, 5.4) only; on the phone's screen a newer one takes the place of an older one
    of the same `tag` (by the same letters; empty: the collapse key)."""

    delivery_id: UUID
    target_kind: TargetKind
    target: str
    lane: Lane
    category: Category
    title: str
    body: str
    link: str | None
    collapse_key: str
    expires_at: datetime
    tag: str = ""

    @property
    def shown_as(self) -> str:
        """What it takes the place of on the screen."""
        return self.tag or self.collapse_key


class Outcome(msgspec.Struct, frozen=True):
    """What became of one. `accepted`: they have it, which does not say that the phone does; `name` is theirs for it.
    `again`: not now, and not before `after_s` seconds if they said so; `gone`: this target is nobody's any more;
    `refused`: they will never take this message. `why` is their word for it."""

    kind: Literal["accepted", "again", "gone", "refused"]
    why: str = ""
    after_s: float | None = None
    name: str = ""


PLACE_WITHIN_S = 25.0
"""So long a message waits to be handed over. Whoever sends is under a lease: if they had to give up on all of a
`send` for the slowest of them, those that were taken would be sent once more."""
NO_PLACE = Outcome("again", "no place in time")


async def has_place(room: asyncio.Semaphore, until: float) -> bool:
    """Take a place in there, which is then to be released; False: there was none until that time of the loop."""
    try:
        async with asyncio.timeout_at(until):
            return await room.acquire()
    except TimeoutError:
        return False


class Transport(Protocol):
    """Carries messages. `send` answers one outcome for each, in order, and raises nothing; it takes no longer than
    PLACE_WITHIN_S and the wait for an answer."""

    async def send(self, pushes: Sequence[Push]) -> list[Outcome]:
        """Hand them over, side by side."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
