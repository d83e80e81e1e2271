"""The city's time. Its twin in SQL is `city_now()`; nothing else in the domain asks what time it is.

And the days on which the city works: Monday to Friday, but for holidays, and the Saturdays that make up for a day
that was swapped. Which these are stands in the table `calendar_day`, which `calendar_from` reads."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from app.db import Connection, many, queries_beside

sql = queries_beside(__file__)

CITY_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")

_offset = timedelta()


def city_now() -> datetime:
    """This moment, aware, in UTC, moved by the sandbox's clock setting."""
    return datetime.now(UTC) + _offset


def city_today() -> date:
    """The calendar day in Huế."""
    return city_now().astimezone(CITY_ZONE).date()


def set_offset(offset: timedelta) -> None:
    """Move the city's clock (sandbox and simulations only; config refuses it in production)."""
    global _offset
    _offset = offset


class Calendar(msgspec.Struct, frozen=True):
    """Holidays and make-up days. After `known_until` nothing is known of them: every Monday to Friday counts."""

    holidays: frozenset[date]
    make_ups: frozenset[date]
    known_until: date


class Spell(msgspec.Struct, frozen=True):
    """A stretch of working hours, in minutes after midnight."""

    starts_minute: int
    ends_minute: int


class CalendarDay(msgspec.Struct, frozen=True):
    """A day that is not like others of its weekday."""

    day_on: date
    kind: str
    name_vi: str
    name_en: str


async def calendar_from(db: Connection, start: date) -> Calendar:
    """The calendar from a day on."""
    days = await many(CalendarDay, db, sql.calendar_days, start)
    return Calendar(
        holidays=frozenset(day.day_on for day in days if day.kind == "holiday"),
        make_ups=frozenset(day.day_on for day in days if day.kind == "make_up"),
        known_until=(await calendar_end(db)) or date.min,
    )


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
