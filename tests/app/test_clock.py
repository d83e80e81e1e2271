"""Working hours: what is due when, and how long something took, beside an oracle that counts minute by minute."""

from datetime import UTC, date, datetime, time, timedelta

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clock import (
    CITY_ZONE,
    Calendar,
    Spell,
    WorkingTime,
    add_working_days,
    add_working_minutes,
    closing,
    day_received,
    is_working_day,
    working_minutes,
    working_time,
)
from app.db import Connection

MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    """A moment by the clocks of Huế: `2026-02-13 16:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=CITY_ZONE)


@pytest.mark.parametrize(
    ("start", "minutes", "due"),
    [
        ("2026-03-09 08:00", 60, "2026-03-09 09:00"),
        ("2026-03-09 08:00:30", 60, "2026-03-09 09:00:30"),
        ("2026-03-09 10:30", 60, "2026-03-09 11:30"),  # as the morning ends, not as the afternoon begins
        ("2026-03-09 10:30", 61, "2026-03-09 13:31"),
        ("2026-03-09 11:30", 0, "2026-03-09 11:30"),
        ("2026-03-09 11:30", 1, "2026-03-09 13:31"),
        ("2026-03-09 12:10", 0, "2026-03-09 13:30"),
        ("2026-03-09 06:00", 30, "2026-03-09 08:00"),
        ("2026-03-09 08:00", 450, "2026-03-10 08:00"),  # a day's work
        ("2026-03-06 16:50", 20, "2026-03-09 07:40"),  # over a weekend
        ("2026-03-07 10:00", 240, "2026-03-09 11:30"),  # from a Saturday
        ("2026-02-13 16:00", 120, "2026-02-23 08:30"),  # Tết of 2026
        ("2026-02-18 09:00", 450, "2026-02-23 17:00"),  # from within it
        ("2027-02-03 16:00", 60, "2027-02-03 17:00"),  # as Tết of 2027 begins
        ("2027-02-03 16:00", 61, "2027-02-11 07:31"),
        ("2026-01-01 09:00", 450, "2026-01-05 17:00"),  # Friday was swapped
        ("2026-01-09 17:00", 1, "2026-01-10 07:31"),  # ... for this Saturday
        ("2025-04-25 16:59", 2, "2025-04-26 07:31"),
        ("2026-08-21 16:00", 450 + 60, "2026-08-22 17:00"),
        ("2026-08-28 16:00", 61, "2026-09-03 07:31"),  # Monday was swapped, and two days of the National Day
    ],
)
async def test_working_hours_are_counted_as_the_government_has_it(
    db: Connection, start: str, minutes: int, due: str
) -> None:
    hours = await working_time(db, at(start).date())
    found = add_working_minutes(at(start), minutes, hours)
    assert (found, found.tzinfo) == (at(due), UTC)
    assert working_minutes(at(start), found, hours) == minutes


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        ("2026-03-09 08:00", "2026-03-09 08:00", 0),
        ("2026-03-09 09:00", "2026-03-09 08:00", 0),
        ("2026-03-09 11:30", "2026-03-09 13:30", 0),
        ("2026-03-09 17:00", "2026-03-10 07:30", 0),
        ("2026-03-09 08:00:31", "2026-03-09 08:02:30", 1),  # whole minutes
        ("2026-03-09 11:29:30", "2026-03-09 13:30:30", 1),  # whose halves add up
        ("2026-02-13 17:00", "2026-02-23 07:30", 0),
        ("2026-01-02 00:00", "2026-01-11 00:00", 6 * 450),
    ],
)
async def test_how_long_the_city_worked(db: Connection, start: str, end: str, minutes: int) -> None:
    assert working_minutes(at(start), at(end), await working_time(db, at(start).date())) == minutes


async def test_a_clock_that_stands_still_goes_on_where_it_stopped(db: Connection) -> None:
    hours = await working_time(db, date(2026, 2, 1))
    due = add_working_minutes(at("2026-02-12 08:00"), 3 * 450, hours)
    left = working_minutes(at("2026-02-13 09:00"), due, hours)
    assert (due, left) == (at("2026-02-24 08:00"), 2 * 450 - 60)
    assert add_working_minutes(at("2026-03-01 20:00"), left, hours) == at("2026-03-03 16:00")


async def test_what_comes_late_counts_from_the_next_working_day(db: Connection) -> None:
    hours = await working_time(db, date(2026, 1, 1))
    three = 15 * 60
    received = {
        text: day_received(at(text), hours, three).isoformat()
        for text in ("2026-02-13 15:00", "2026-02-13 15:01", "2026-02-13 23:59", "2026-02-18 09:00")
    }
    assert list(received.values()) == ["2026-02-13", *3 * ["2026-02-23"]]
    assert day_received(at("2026-02-13 23:59"), hours) == date(2026, 2, 13)
    assert day_received(at("2026-01-09 15:30"), hours, three) == date(2026, 1, 10)
    assert day_received(datetime(2026, 2, 12, 17, tzinfo=UTC), hours) == date(2026, 2, 13)  # midnight in Huế


async def test_a_deadline_in_days_ends_as_the_city_closes(db: Connection) -> None:
    hours = await working_time(db, date(2025, 4, 1))
    received = day_received(at("2025-04-24 14:59"), hours, 15 * 60)
    due = closing(add_working_days(received, 10, hours.calendar), hours)
    assert (due, due.tzinfo) == (at("2025-05-12 17:00"), UTC)


async def test_the_city_works_on_the_days_on_which_the_library_has_it_work(db: Connection) -> None:
    """But for one swap that the library has not heard of."""
    hours, library = (
        await working_time(db, date(2024, 1, 1)),
        holidays.country_holidays("VN", years=range(2024, 2028)),
    )
    swapped = {date(2026, 1, 2): False, date(2026, 1, 10): True}
    for number in range(366 + 3 * 365):
        day = date(2024, 1, 1) + timedelta(days=number)
        midnight = datetime.combine(day, time(), CITY_ZONE)
        worked = working_minutes(midnight, midnight + timedelta(days=1), hours)
        assert worked == (450 if swapped.get(day, library.is_working_day(day)) else 0), day


@pytest.mark.parametrize(
    "spells", [(), (Spell(450, 690), Spell(680, 1050)), (Spell(810, 1050), Spell(450, 690))], ids=str
)
def test_hours_that_are_none_are_a_mistake(spells: tuple[Spell, ...]) -> None:
    with pytest.raises(ValueError):
        WorkingTime(Calendar(frozenset(), frozenset(), date.max), spells)


def test_no_minutes_below_none() -> None:
    with pytest.raises(ValueError):
        add_working_minutes(at("2026-03-09 08:00"), -1, WorkingTime(NO_HOLIDAYS, (Spell(450, 690),)))


NO_HOLIDAYS = Calendar(frozenset(), frozenset(), date.max)
DAYS = st.dates(date(2026, 2, 1), date(2026, 3, 1))
MOMENTS = st.datetimes(datetime(2026, 2, 1), datetime(2026, 3, 1), timezones=st.just(CITY_ZONE))  # noqa: DTZ001
WHOLE_MINUTES = MOMENTS.map(lambda moment: moment.replace(second=0, microsecond=0))


@st.composite
def hours_of_some_city(draw: st.DrawFn) -> WorkingTime:
    """Any calendar, and up to three spells, that may touch each other and midnight."""
    bounds = sorted(draw(st.lists(st.integers(0, 1440), min_size=2, max_size=6, unique=True)))
    spells = tuple(Spell(*pair) for pair in zip(bounds[::2], bounds[1::2], strict=False))
    calendar = st.builds(Calendar, st.frozensets(DAYS), st.frozensets(DAYS), st.just(date.max))
    return WorkingTime(draw(calendar), spells)


def works_in_the_minute_from(moment: datetime, hours: WorkingTime) -> bool:
    minute = moment.hour * 60 + moment.minute
    is_open = any(spell.starts_minute <= minute < spell.ends_minute for spell in hours.spells)
    return is_open and is_working_day(moment.date(), hours.calendar)


def counted(start: datetime, end: datetime, hours: WorkingTime) -> int:
    """The oracle, minute by minute."""
    return sum(works_in_the_minute_from(start + n * MINUTE, hours) for n in range((end - start) // MINUTE))


@given(WHOLE_MINUTES, WHOLE_MINUTES, hours_of_some_city())
def test_minutes_are_counted_as_one_by_one(start: datetime, end: datetime, hours: WorkingTime) -> None:
    end = min(end, start + timedelta(days=2))
    assert working_minutes(start, end, hours) == counted(start, end, hours)


@given(WHOLE_MINUTES, st.integers(0, 600), hours_of_some_city())
def test_what_is_due_is_found_as_minute_by_minute(start: datetime, minutes: int, hours: WorkingTime) -> None:
    due = add_working_minutes(start, minutes, hours).astimezone(CITY_ZONE)
    if due - start < timedelta(days=2):
        assert counted(start, due, hours) == minutes
    before = due - MINUTE
    if minutes > 0:  # the first such moment
        assert works_in_the_minute_from(before, hours)
    elif due > start:  # nobody works before it, and somebody from it on
        assert works_in_the_minute_from(due, hours)
        assert not works_in_the_minute_from(before, hours)
    else:
        assert works_in_the_minute_from(start, hours) or works_in_the_minute_from(before, hours)


@given(MOMENTS, st.integers(0, 2_000), hours_of_some_city())
def test_one_is_the_inverse_of_the_other(start: datetime, minutes: int, hours: WorkingTime) -> None:
    assert working_minutes(start, add_working_minutes(start, minutes, hours), hours) == minutes


@given(MOMENTS, MOMENTS, hours_of_some_city())
def test_the_minutes_left_end_within_a_minute_before_the_deadline(
    start: datetime, end: datetime, hours: WorkingTime
) -> None:
    left = working_minutes(start, end, hours)
    if left > 0:
        assert working_minutes(add_working_minutes(start, left, hours), end, hours) == 0
        assert add_working_minutes(start, left, hours) <= end


@given(MOMENTS, st.integers(0, 1_000), st.integers(0, 1_000), hours_of_some_city())
def test_so_many_minutes_and_so_many_more(start: datetime, some: int, more: int, hours: WorkingTime) -> None:
    halfway = add_working_minutes(start, some, hours)
    assert halfway >= start
    assert add_working_minutes(halfway, more, hours) == add_working_minutes(start, some + more, hours)


@given(DAYS, st.integers(1, 40), hours_of_some_city())
def test_a_day_is_a_day_of_working_hours(day: date, days: int, hours: WorkingTime) -> None:
    """Two ways to count whole days end as the city closes on the same one."""
    of_a_day = sum(spell.ends_minute - spell.starts_minute for spell in hours.spells)
    midnight = datetime.combine(day, time(), CITY_ZONE) + timedelta(days=1)
    due = closing(add_working_days(day, days, hours.calendar), hours)
    assert add_working_minutes(midnight, days * of_a_day, hours) == due
