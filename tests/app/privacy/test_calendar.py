"""The working calendar: which days the city works on, and when something is due."""

import asyncio
from datetime import date, timedelta

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from app import cli, config
from app.clock import (
    Calendar,
    Spell,
    add_working_days,
    calendar_end,
    calendar_from,
    is_working_day,
    working_spells,
    write_calendar,
    year_from_the_library,
)
from app.db import Connection
from migrations import APP_ROLE
from tests.conftest import Servers, cloned


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2025-04-24", 10, "2025-05-12"),  # Saturday 26 April makes up for Friday 2 May
        ("2025-12-31", 1, "2026-01-05"),  # Friday 2 January was swapped
        ("2026-01-09", 1, "2026-01-10"),  # ... for this Saturday
        ("2026-02-13", 5, "2026-02-27"),  # Tết
        ("2024-05-03", 1, "2024-05-04"),  # a Saturday that makes up
        ("2026-11-20", 2, "2026-11-25"),  # the Day of Vietnamese Culture
        ("2026-03-07", 0, "2026-03-09"),  # a Saturday: the next working day
        ("2026-03-09", 0, "2026-03-09"),
    ],
)
async def test_working_days_are_counted_as_the_government_has_it(
    db: Connection, start: str, days: int, due: str
) -> None:
    first = date.fromisoformat(start)
    assert add_working_days(first, days, await calendar_from(db, first)).isoformat() == due


async def test_the_calendar_knows_its_end_and_the_hours(db: Connection) -> None:
    assert await calendar_end(db) == date(2027, 12, 31)
    assert (await calendar_from(db, date(2026, 1, 1))).known_until == date(2027, 12, 31)
    assert await working_spells(db) == [Spell(450, 690), Spell(810, 1020)]


async def test_another_year_is_written_once(db: Connection) -> None:
    days = year_from_the_library(2028)
    assert date(2028, 9, 2) in {day.day_on for day in days if day.kind == "holiday"}
    assert await write_calendar(db, days) == len(days) > 8
    assert await write_calendar(db, days) == 0
    assert await calendar_end(db) == date(2028, 12, 31)


async def test_what_the_migration_seeded_is_what_the_library_says_and_one_swap_more(db: Connection) -> None:
    calendar = await calendar_from(db, date(2024, 1, 1))
    library = [day for year in range(2024, 2028) for day in year_from_the_library(year)]
    holidays = {day.day_on for day in library if day.kind == "holiday"}
    make_ups = {day.day_on for day in library if day.kind == "make_up"}
    assert make_ups == {date(2024, 5, 4), date(2025, 4, 26), date(2026, 8, 22)}
    assert calendar.holidays == holidays | {date(2026, 1, 2)}
    assert calendar.make_ups == make_ups | {date(2026, 1, 10)}


async def test_the_command_writes_a_year_and_says_what(template: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    async with cloned(template) as name:
        monkeypatch.setenv("DATABASE_URL", template.url(name, APP_ROLE))
        config.settings.cache_clear()
        try:
            first = await asyncio.to_thread(CliRunner().invoke, cli.calendar, ["2029"])
            again = await asyncio.to_thread(CliRunner().invoke, cli.calendar, ["2029"])
        finally:
            monkeypatch.delenv("DATABASE_URL")
            config.settings.cache_clear()
    assert first.exit_code == 0, first.output
    assert "2029-09-02 holiday  Quốc khánh" in first.output
    assert "\n0 of " in again.output


DAYS = st.dates(date(2024, 1, 1), date(2027, 1, 1))
CALENDARS = st.builds(Calendar, holidays=st.frozensets(DAYS), make_ups=st.frozensets(DAYS), known_until=DAYS)


@given(DAYS, st.integers(1, 60), CALENDARS)
def test_so_many_working_days_lie_between(start: date, days: int, calendar: Calendar) -> None:
    due = add_working_days(start, days, calendar)
    between = [start + timedelta(days=n) for n in range(1, (due - start).days + 1)]
    assert sum(is_working_day(day, calendar) for day in between) == days
    assert is_working_day(due, calendar)
