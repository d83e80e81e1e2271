"""A broadcast goes out: one row, and a cursor over the residents that is kept with what was written for them.

Each step is one transaction: the next thousand find it in their inboxes, their deliveries are made, the cursor moves.
Killed in between, nothing of it happened. A lane that is full is waited for, so there are never many rows ahead of
what is sent; any number of workers take steps, one at a broadcast at a time.

A critical one goes to topics first, to which phones have subscribed themselves, unless each device is to be known;
and after a pause a text message goes to whoever nothing says that it reached."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from app import live, policies
from app.db import Connection, Database, maybe, queries_beside
from app.errors import Language
from notifications import deliveries
from notifications.broadcasts.models import BroadcastLane
from notifications.inbox_stream import topics_of
from notifications.models import Category

sql = queries_beside(__file__)

CHUNK = 1000
FULL = 5000
"""So many deliveries that are due in a lane are enough for a while."""
LANGUAGES: tuple[Language, ...] = ("vi", "en")

Phase = Literal["topics", "people", "pause", "texts"]


class _Going(msgspec.Struct, frozen=True):
    id: UUID
    lane: BroadcastLane
    phase: Phase
    per_device: bool
    category: Category
    collapse_key: str
    ward_codes: list[str]
    expires_at: datetime
    expired: bool

    @property
    def by_topic(self) -> bool:
        """Do phones hear of it by their topics?"""
        return self.lane == "critical" and not self.per_device


async def work(database: Database) -> int:
    """Take one step with one broadcast; returns how many: 0 or 1."""
    async with database.transaction() as db:
        pause = await policies.value(db, "notifications.texts_after_minutes")
        going = await maybe(_Going, db, sql.claim_broadcast, FULL, pause)
        if going is None:
            return 0
        readers = await _step(db, going)
    if readers:
        await live.here().ring(topics_of(readers))
    return 1


async def _step(db: Connection, going: _Going) -> list[UUID]:
    """Whose inboxes it has reached."""
    if going.expired:
        await db.execute(sql.end_broadcast, going.id, "done" if going.phase in {"pause", "texts"} else "expired")
        return []
    match going.phase:
        case "topics":
            if going.by_topic:
                await db.execute(sql.make_topics, going.id, topics(going.ward_codes))
            await db.execute(sql.enter_phase, going.id, "people")
        case "people":
            return await _tell(db, going)
        case "pause":
            await db.execute(sql.enter_phase, going.id, "texts")
        case "texts":
            await _text(db, going)
    return []


def topics(ward_codes: list[str]) -> list[str]:
    """The topics that phones subscribe to: `city.vi`, or `ward.20146.vi` for each ward that they care for."""
    places = [f"ward.{code}" for code in ward_codes] or ["city"]
    return [f"{place}.{language}" for place in places for language in LANGUAGES]


async def _tell(db: Connection, going: _Going) -> list[UUID]:
    told = [(row["principal_id"], row["seq"]) for row in await db.fetch(sql.tell_people, going.id, CHUNK)]
    if told:
        await deliveries.make(
            db,
            told,
            going.lane,
            broadcast_id=going.id,
            collapse_key=going.collapse_key,
            expires_at=going.expires_at,
            by_topic=going.by_topic,
        )
        await db.execute(sql.keep_reached, going.id, max(principal_id for principal_id, _ in told), len(told))
    if len(told) < CHUNK:
        await _leave_people(db, going)
    return [reader for reader, _ in told]


async def _leave_people(db: Connection, going: _Going) -> None:
    if going.lane == "critical" and await policies.value(db, "notifications.texts"):
        await db.execute(sql.enter_phase, going.id, "pause")
    else:
        await db.execute(sql.end_broadcast, going.id, "done")


async def _text(db: Connection, going: _Going) -> None:
    rows = await db.fetch(sql.text_people, going.id, CHUNK)
    if rows:
        last = max(row["principal_id"] for row in rows)
        await db.execute(sql.keep_texted, going.id, last, sum(row["texted"] for row in rows))
    if len(rows) < CHUNK:
        await db.execute(sql.end_broadcast, going.id, "done")
