"""The inbox: numbered per resident, read up to a number."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from app.db import Connection, many, queries_beside
from app.identity.models import Principal
from app.types import Page, cursor_of, key_of
from notifications.models import Message, Unread
from notifications.words import Words

sql = queries_beside(__file__)


class ToDeliver(msgspec.Struct, frozen=True):
    """A message, and the news that it tells."""

    event_id: int
    at: datetime
    words: Words


class Fresh(NamedTuple):
    """A message that is new in an inbox: whose, its place there, and for how long it is good (`Words.good_for_s`)."""

    principal_id: UUID
    seq: int
    good_for_s: int | None


async def deliver(db: Connection, messages: Sequence[ToDeliver]) -> list[Fresh]:
    """Put messages into inboxes, in each reader's language; one that is there already is not put twice, and of what
    the same news tells the same reader twice (who pays at their own shop) the first. Answers those that are new."""
    readers = {message.words.principal_id for message in messages}
    languages = {row["id"]: row["language"] for row in await db.fetch(sql.languages, list(readers))}
    wanted = {
        (message.words.principal_id, message.event_id): message
        for message in reversed(messages)
        if message.words.principal_id in languages
    }
    known = list(wanted.values())
    fresh = await db.fetch(
        sql.deliver,
        [message.words.principal_id for message in known],
        [message.event_id for message in known],
        [message.words.category for message in known],
        [message.words.title[languages[message.words.principal_id]] for message in known],
        [message.words.body[languages[message.words.principal_id]] for message in known],
        [message.words.link for message in known],
        [message.at for message in known],
    )
    return [
        Fresh(principal_id, seq, wanted[principal_id, event_id].words.good_for_s)
        for principal_id, seq, event_id in fresh
    ]


async def page(db: Connection, me: Principal, cursor: str | None, limit: int) -> Page[Message]:
    """My messages, newest first, one query a page; raises BadCursor."""
    key = key_of(cursor, tuple[int])
    messages = await many(Message, db, sql.inbox, me.id, key and key[0], limit + 1)
    more = len(messages) > limit
    return Page(items=messages[:limit], next=cursor_of(messages[limit - 1].seq) if more else None)


async def read(db: Connection, me: Principal, up_to: int) -> Unread:
    """I have read everything up to there."""
    unread: int | None = await db.fetchval(sql.read_up_to, me.id, up_to)
    return Unread(unread=unread or 0)
