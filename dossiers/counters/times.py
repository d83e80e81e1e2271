"""Times at which a counter can be visited: the city's working hours, cut into stretches of equal length."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice

import msgspec

from app import policies
from app.clock import CITY_ZONE, MIDNIGHT, WorkingTime, city_now, city_today, is_working_day, working_time
from app.db import Connection, many, maybe, queries_beside
from app.errors import NotFound
from dossiers.counters.models import FreeTime

sql = queries_beside(__file__)

SHOWN_NEXT = 5


class Counter(msgspec.Struct, frozen=True):
    """A counter: how long a visit is reckoned to last, and how many are booked for the same time."""

    agency: str
    agency_vi: str
    agency_en: str
    slot_minutes: int
    places: int


class Slot(msgspec.Struct, frozen=True):
    """A time at which people can come."""

    starts_at: datetime
    ends_at: datetime


class _Taken(msgspec.Struct, frozen=True):
    starts_at: datetime
    taken: int


async def counter_of(db: Connection, agency: str) -> Counter:
    """The counter of an agency; raises NotFound."""
    counter = await maybe(Counter, db, sql.counter, agency)
    if counter is None:
        raise NotFound
    return counter


async def free_on(db: Connection, agency: str, day: date | None) -> list[FreeTime]:
    """What is still free of a day (today if none is said), earliest first; nothing if that day cannot be booked.

    Raises NotFound."""
    counter, today = await counter_of(db, agency), city_today()
    wanted, time = day or today, await working_time(db, today)
    if not today <= wanted <= await last_day(db):
        return []
    taken = await _taken(db, counter)
    return list(_free(counter, time, taken, wanted, wanted))


async def next_free(db: Connection, counter: Counter, time: WorkingTime) -> list[FreeTime]:
    """The first few free times, earliest first."""
    taken = await _taken(db, counter)
    return list(islice(_free(counter, time, taken, city_today(), await last_day(db)), SHOWN_NEXT))


async def last_day(db: Connection) -> date:
    """The last day that can be booked today."""
    return city_today() + timedelta(days=await policies.value(db, "counters.days_ahead"))


async def _taken(db: Connection, counter: Counter) -> dict[datetime, int]:
    """How many places of each time that is still to come are taken."""
    return {row.starts_at: row.taken for row in await many(_Taken, db, sql.places_taken, counter.agency)}


def _free(
    counter: Counter, time: WorkingTime, taken: dict[datetime, int], first: date, last: date
) -> Iterator[FreeTime]:
    now, day = city_now(), first
    while day <= last:
        for slot in slots(day, time, counter.slot_minutes):
            free = counter.places - taken.get(slot.starts_at, 0)
            if slot.starts_at > now and free > 0:
                yield FreeTime(starts_at=slot.starts_at, ends_at=slot.ends_at, free=free)
        day += timedelta(days=1)


def slots(day: date, time: WorkingTime, slot_minutes: int) -> Iterator[Slot]:
    """The times of a day, earliest first; what is left of a spell and too short is none. None on a day off."""
    if not is_working_day(day, time.calendar):
        return
    midnight, length = datetime.combine(day, MIDNIGHT, CITY_ZONE), timedelta(minutes=slot_minutes)
    for spell in time.spells:
        starts_at, closes_at = (midnight + timedelta(minutes=at) for at in (spell.starts_minute, spell.ends_minute))
        while starts_at + length <= closes_at:
            yield Slot(starts_at, starts_at + length)
            starts_at += length


def slot_at(moment: datetime, time: WorkingTime, slot_minutes: int) -> Slot | None:
    """The time that begins at this moment, if one does."""
    day = moment.astimezone(CITY_ZONE).date()
    return next((slot for slot in slots(day, time, slot_minutes) if slot.starts_at == moment), None)
