"""The city's time. Its twin in SQL is `city_now()`; nothing else in the domain asks what time it is.

And the days on which the city works: Monday to Friday, but for holidays, and the Saturdays that make up for a day
that was swapped. Which these are stands in the table `calendar_day`, which `calendar_from` reads; at which hours, in
`working_spell`; `working_time` reads both."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from app.db import Connection, many, queries_beside
from app.types import Answer

sql = queries_beside(__file__)

CITY_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
MIDNIGHT = time()
MINUTES_A_DAY = 24 * 60

_offset = timedelta()


def city_now() -> datetime:
    """This moment, aware, in UTC, moved by the sandbox's clock setting."""
    return datetime.now(UTC) + _offset


def machine_now() -> datetime:
    """This moment by the machine's own clock, aware, in UTC: for the log, which a moved city must not confuse."""
    return datetime.now(UTC)


def city_today() -> date:
    """The calendar day in Huế."""
    return city_now().astimezone(CITY_ZONE).date()


def set_offset(offset: timedelta) -> None:
    """Move the city's clock (sandbox and simulations only; config refuses it in production)."""
    global _offset
    _offset = offset


def offset() -> timedelta:
    """By how much it was moved, for a process of ours that has to know too."""
    return _offset


class Calendar(msgspec.Struct, frozen=True):
    """Holidays and make-up days. After `known_until` nothing is known of them: every Monday to Friday counts."""

    holidays: frozenset[date]
    make_ups: frozenset[date]
    known_until: date


class Spell(msgspec.Struct, frozen=True):
    """A stretch of working hours, in minutes after midnight."""

    starts_minute: int
    ends_minute: int


class WorkingTime(msgspec.Struct, frozen=True):
    """When the city works: on which days, and from when to when, morning first. Raises ValueError for spells that
    are none, or not apart."""

    calendar: Calendar
    spells: tuple[Spell, ...]

    def __post_init__(self) -> None:
        if not self.spells or any(one.ends_minute > other.starts_minute for one, other in pairwise(self.spells)):
            raise ValueError(self.spells)


class CalendarDay(Answer):
    """A day that is not like others of its weekday."""

    day_on: date
    kind: Literal["holiday", "make_up"]
    name_vi: str
    name_en: str


async def calendar_from(db: Connection, start: date) -> Calendar:
    """The calendar from a day on."""
    days = await many(CalendarDay, db, sql.calendar_days, start, None)
    return Calendar(
        holidays=frozenset(day.day_on for day in days if day.kind == "holiday"),
        make_ups=frozenset(day.day_on for day in days if day.kind == "make_up"),
        known_until=(await calendar_end(db)) or date.min,
    )


async def working_time(db: Connection, from_day: date) -> WorkingTime:
    """Days and hours from a day on."""
    return WorkingTime(await calendar_from(db, from_day), tuple(await working_spells(db)))


async def calendar_end(db: Connection) -> date | None:
    """The last day of the last year that the calendar knows; None: it is empty."""
    return await db.fetchval(sql.calendar_end)


async def working_spells(db: Connection) -> list[Spell]:
    """When the city's counters are open on a working day, morning first."""
    return await many(Spell, db, sql.working_spells)


def is_working_day(day: date, calendar: Calendar) -> bool:
    """Does the city work on this day?"""
    return day in calendar.make_ups or (day.weekday() < 5 and day not in calendar.holidays)


def add_working_days(start: date, days: int, calendar: Calendar) -> date:
    """The working day that is so many after `start`, which is not counted itself; 0: `start`, or the next one."""
    day = start
    while days == 0 and not is_working_day(day, calendar):
        day += timedelta(days=1)
    for _ in range(days):
        day += timedelta(days=1)
        while not is_working_day(day, calendar):
            day += timedelta(days=1)
    return day


def working_days(start: date, end: date, calendar: Calendar) -> int:
    """How many working days there are after `start`, up to `end`; 0 if `end` is not after it.

    The inverse of `add_working_days`: `working_days(start, add_working_days(start, n, …), …)` is n."""
    return sum(
        is_working_day(start + timedelta(days=nth), calendar) for nth in range(1, max(0, (end - start).days) + 1)
    )


def day_received(moment: datetime, time: WorkingTime, cut_off_minute: int = MINUTES_A_DAY) -> date:
    """The working day that something counts as received on, from which `add_working_days` goes on: that of an aware
    moment, or the next one if the city does not work then or it is past `cut_off_minute` after midnight."""
    local = moment.astimezone(CITY_ZONE)
    is_late = local > _at(local.date(), cut_off_minute)
    return add_working_days(local.date(), 1 if is_late else 0, time.calendar)


def closing(day: date, time: WorkingTime) -> datetime:
    """When the city closes on a working day, in UTC: the last moment of something that is due on it."""
    return _at(day, time.spells[-1].ends_minute).astimezone(UTC)


def add_working_minutes(start: datetime, minutes: int, time: WorkingTime) -> datetime:
    """The moment, in UTC, by which the city has worked so many minutes since an aware `start`.

    A start outside working hours counts from the next opening, also with 0 minutes; what ends as the city closes ends
    then, not at the next opening. Raises ValueError for minutes below 0."""
    if minutes < 0:
        raise ValueError(minutes)
    left, local = timedelta(minutes=minutes), start.astimezone(CITY_ZONE)
    for opens, closes in _openings(local, time):
        begins = max(opens, local)
        if left <= closes - begins:
            return (begins + left).astimezone(UTC)
        left -= closes - begins
    raise AssertionError("openings never end")


def working_minutes(start: datetime, end: datetime, time: WorkingTime) -> int:
    """How many whole minutes the city works between two aware moments; 0 if `end` is not after `start`.

    The inverse of `add_working_minutes`: `working_minutes(start, add_working_minutes(start, n, …), …)` is n."""
    worked, begins, ends = timedelta(), start.astimezone(CITY_ZONE), end.astimezone(CITY_ZONE)
    for opens, closes in _openings(begins, time):
        if opens >= ends:
            break
        worked += max(min(closes, ends) - max(opens, begins), timedelta())
    return worked // timedelta(minutes=1)


def _openings(local: datetime, time: WorkingTime) -> Iterator[tuple[datetime, datetime]]:
    """When the city opens and closes again, from the spell on that has not ended before a moment of Huế. What lies in
    one zone is compared and added by its clock's hands, without a look at the zone."""
    day = local.date() - timedelta(days=1)  # whose last spell may end at midnight
    while True:
        if is_working_day(day, time.calendar):
            for spell in time.spells:
                closes = _at(day, spell.ends_minute)
                if closes >= local:
                    yield _at(day, spell.starts_minute), closes
        day += timedelta(days=1)


def _at(day: date, minute: int) -> datetime:
    return datetime.combine(day, MIDNIGHT, CITY_ZONE) + timedelta(minutes=minute)


async def write_calendar(db: Connection, days: list[CalendarDay]) -> int:
    """Keep days that the calendar does not know yet; returns how many these were."""
    added = 0
    for day in days:
        status = await db.execute(sql.keep_calendar_day, day.day_on, day.kind, day.name_vi, day.name_en)
        added += status.endswith(" 1")
    return added


def year_from_the_library(year: int) -> list[CalendarDay]:
    """A year's holidays and make-up days as the `holidays` library has them.

    Before the government has decided on a year's swaps, the library cannot know them: write it again when it has."""
    # Takes a moment to load, and only the command line needs it.
    import holidays

    vi = holidays.country_holidays("VN", years=year, language="vi")
    en = holidays.country_holidays("VN", years=year, language="en_US")
    off = [CalendarDay(day, "holiday", vi[day], en[day]) for day in vi if day.year == year]
    on = [
        CalendarDay(day, "make_up", "Làm bù", "Make-up working day")
        for day in vi.weekend_workdays
        if day.year == year
    ]
    return sorted(off + on, key=lambda day: day.day_on)
