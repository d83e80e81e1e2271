"""The inbox, live: a phone hears each message as it comes, and what was read on another, and misses none.

The id of an event is the message's place in the inbox, so a phone that comes back says what it heard last and gets
what followed: up to 200, or `reset`: load the inbox anew. It ends when the session does (app/streams.py)."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from uuid import UUID

import msgspec

from app.db import Connection, Database, many, queries_beside
from app.identity.models import Principal
from app.live import Live
from app.staff.sessions import IDLE_S
from app.streams import EventStream, Mark, Stream, Telling, event, heard_last, streams_of
from notifications.models import InboxStands, Message, NewMessage, Unread

sql = queries_beside(__file__)

MOST_REPLAYED = 200
AT_ONCE = 20
"""So many of one inbox are told in one go; the next ones when the phone has taken these."""
UNKNOWN = -1
"""For up to where a phone that comes back knows the inbox to be read."""


def topics_of(readers: Iterable[UUID]) -> list[str]:
    """What is rung when these inboxes change."""
    return [f"{Inboxes.kind}:{reader}" for reader in sorted(set(readers))]


def listen(database: Database, bells: Live, most: int, me: Principal, last_event_id: str | None) -> EventStream:
    """A stream of my inbox from what the phone heard last, or from now. Raises Unavailable."""
    last = heard_last(last_event_id)
    told = None if last is None else (last, UNKNOWN)
    return streams_of(bells, database, Inboxes(), most).line(me, me.id, told)


class Inboxes:
    """Events `inbox` (where it stands, to begin with), `message`, `read` and `reset`. A stream stands at a message,
    and up to where the inbox was read when it was told."""

    kind = "inbox"
    oldest_goes = True

    async def marks(self, db: Connection, streams: Sequence[Stream]) -> list[Mark | None]:
        """The last message of each inbox, and up to where it is read."""
        readers, sessions = [stream.principal_id for stream in streams], [stream.session_id for stream in streams]
        marks: list[Mark | None] = [None] * len(streams)
        for nth, last_seq, read_up_to in await db.fetch(sql.inbox_positions, readers, sessions, IDLE_S):
            marks[nth - 1] = (last_seq, read_up_to)
        return marks

    async def tell(self, db: Connection, behind: Sequence[tuple[Stream, Mark]]) -> list[Telling]:
        """What came after the message at which each stands."""
        missing = [(nth, stream) for nth, (stream, mark) in enumerate(behind) if _may_be_replayed(stream.told, mark)]
        messages: dict[int, list[_Missed]] = {}
        if missing:
            found = await many(
                _Missed, db, sql.messages_after,
                [nth for nth, _ in missing],
                [stream.subject_id for _, stream in missing],
                [stream.told[0] for _, stream in missing if stream.told],
                [behind[nth][1][0] for nth, _ in missing],
                AT_ONCE,
            )  # fmt: skip
            messages = {nth: list(theirs) for nth, theirs in groupby(found, key=lambda missed: missed.nth)}
        return [_telling(stream.told, mark, messages.get(nth, [])) for nth, (stream, mark) in enumerate(behind)]


class _Missed(Message):
    nth: int


def _may_be_replayed(told: Mark | None, mark: Mark) -> bool:
    return told is not None and 0 < mark[0] - told[0] <= MOST_REPLAYED


def _telling(told: Mark | None, mark: Mark, messages: Sequence[_Missed]) -> Telling:
    last_seq, read_up_to = mark
    unread = last_seq - read_up_to
    if told is None:
        return Telling(event("inbox", _json(InboxStands(seq=last_seq, unread=unread)), last_seq), mark)
    if messages:
        words = b"".join(event("message", _json(_new(message, unread)), message.seq) for message in messages)
        if len(messages) == AT_ONCE and messages[-1].seq < last_seq:
            return Telling(words, (messages[-1].seq, read_up_to), more=True)
        return Telling(words, mark)
    if _may_be_replayed(told, mark) or told[0] == last_seq:
        # They were forgotten meanwhile, or there is nothing new.
        return Telling(event("read", _json(Unread(unread=unread)), last_seq), mark)
    return Telling(event("reset", _json(InboxStands(seq=last_seq, unread=unread)), last_seq), mark)


def _new(message: _Missed, unread: int) -> NewMessage:
    return NewMessage(
        seq=message.seq,
        category=message.category,
        title=message.title,
        body=message.body,
        link=message.link,
        at=message.at,
        read=message.read,
        unread=unread,
    )


def _json(data: msgspec.Struct) -> bytes:
    return msgspec.json.encode(data)
