"""A broadcast goes out: one row, and a cursor over the residents that is kept with what was written for them.

Each step is one transaction: of the next thousand those whom it concerns find it in their inboxes, their deliveries
are made, the cursor moves. Killed in between, nothing of it happened. A lane that is full is waited for; any number
of workers take steps, one at a broadcast at a time.

A critical one goes to topics first, to which phones have subscribed themselves, unless each device is to be known.
Phones that have subscribed to none of them, as of people who have named no ward, get a ward's one by one, as browsers
do; and after a pause a text message goes to whoever nothing says that it reached."""

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

sql = queries_beside(__file__)

CHUNK = 1000
"""So many residents does a step look at."""
FULL = 5000
"""So many deliveries that are due in a lane are enough for a while."""
NOBODY = UUID(int=0)
LANGUAGES: tuple[Language, ...] = ("vi", "en")

Phase = Literal["topics", "people", "pause", "texts"]


class _Going(msgspec.Struct, frozen=True):
    id: UUID
    lane: BroadcastLane
    phase: Phase
    reached: UUID | None
    per_device: bool
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
    if going.phase in {"pause", "texts"} and not await _texts_are_on(db):
        await db.execute(sql.end_broadcast, going.id, "done")
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
    people = await _next_people(db, going)
    told = await db.fetch(sql.tell_people, going.id, people)
    for by_topic in (True, False):
        theirs = [row for row in told if (going.by_topic and row["has_topic"]) is by_topic]
        await _push(db, going, [(row["principal_id"], row["seq"]) for row in theirs], by_topic=by_topic)
    if people:
        await db.execute(sql.keep_reached, going.id, people[-1], len(told))
    if len(people) < CHUNK:
        await _leave_people(db, going)
    return [row["principal_id"] for row in told]


async def _next_people(db: Connection, going: _Going) -> list[UUID]:
    """Whom this step looks at, in the cursor's order."""
    return [row["id"] for row in await db.fetch(sql.next_people, going.reached or NOBODY, CHUNK)]


async def _push(db: Connection, going: _Going, told: list[tuple[UUID, int]], *, by_topic: bool) -> None:
    if told:
        await deliveries.make(
            db,
            told,
            going.lane,
            broadcast_id=going.id,
            collapse_key=going.collapse_key,
            expires_at=going.expires_at,
            by_topic=by_topic,
        )


async def _leave_people(db: Connection, going: _Going) -> None:
    if going.lane == "critical" and await _texts_are_on(db):
        await db.execute(sql.enter_phase, going.id, "pause")
    else:
        await db.execute(sql.end_broadcast, going.id, "done")


async def _texts_are_on(db: Connection) -> bool:
    return bool(await policies.value(db, "notifications.texts"))


async def _text(db: Connection, going: _Going) -> None:
    people = await _next_people(db, going)
    texted = await db.fetch(sql.text_people, going.id, people)
    if people:
        await db.execute(sql.keep_texted, going.id, people[-1], len(texted))
    if len(people) < CHUNK:
        await db.execute(sql.end_broadcast, going.id, "done")
