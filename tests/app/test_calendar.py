"""The working calendar as administrators see and change it."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from app.clock import add_working_days, calendar_from, city_now
from app.db import Connection
from tests.conftest import Later
from tests.makers import StaffMember, a_staff_member
from tests.statements import sql

STORM = {"kind": "holiday", "name_vi": "Nghỉ tránh bão", "name_en": "A storm"}


@pytest.fixture
async def admin(db: Connection, later: Later) -> StaffMember:
    """An administrator, in March of 2027."""
    await later((date(2027, 3, 9) - city_now().date()) / timedelta(seconds=1))
    return await a_staff_member(db, role="admin")


async def put(desk: httpx.AsyncClient, admin: StaffMember, day: str, body: dict[str, Any] = STORM) -> httpx.Response:
    return await desk.put(f"/v1/staff/calendar/{day}", headers=admin.headers, json=body)


async def test_a_day_off_moves_what_is_due_later(desk: httpx.AsyncClient, db: Connection, admin: StaffMember) -> None:
    for _ in range(2):
        assert (await put(desk, admin, "2027-03-11")).json() == {"day_on": "2027-03-11", **STORM}
    assert (await put(desk, admin, "2027-03-13", STORM | {"kind": "make_up"})).status_code == 200
    assert await due_in_march(db, 2) == date(2027, 3, 12)
    assert await due_in_march(db, 3) == date(2027, 3, 13)
    assert (await put(desk, admin, "2027-03-11", STORM | {"name_vi": "Bão số 1"})).json()["name_vi"] == "Bão số 1"
    for status in (204, 404):
        gone = await desk.delete("/v1/staff/calendar/2027-03-11", headers=admin.headers)
        assert gone.status_code == status
    assert await due_in_march(db, 2) == date(2027, 3, 11)
    told = await db.fetch(sql.audit_about, "2027-03-11")
    deeds = [row["action"] for row in told]
    assert deeds == ["calendar.day_put", "calendar.day_put", "calendar.day_dropped"]  # the same again is no deed
    assert told[1]["data"] == {"kind": "holiday", "name": "Bão số 1"}


async def due_in_march(db: Connection, days: int) -> date:
    return add_working_days(date(2027, 3, 9), days, await calendar_from(db, date(2027, 3, 9)))


async def test_the_calendar_is_listed_between_two_days(desk: httpx.AsyncClient, admin: StaffMember) -> None:
    async def listed(**span: str) -> list[str]:
        answer = await desk.get("/v1/staff/calendar", headers=admin.headers, params=span)
        return [day["day_on"] for day in answer.json()]

    assert await listed() == [
        "2027-04-16", "2027-04-30", "2027-05-01", "2027-05-03", "2027-09-02", "2027-09-03", "2027-11-24",
    ]  # fmt: skip
    assert await listed(to="2027-04-30") == ["2027-04-16", "2027-04-30"]
    assert await listed(**{"from": "2026-08-22", "to": "2026-08-31"}) == ["2026-08-22", "2026-08-31"]
    assert await listed(**{"from": "2027-12-01", "to": "2027-01-01"}) == []


async def test_neither_the_past_nor_an_unknown_year_is_changed(
    desk: httpx.AsyncClient, db: Connection, admin: StaffMember
) -> None:
    past, unknown = await put(desk, admin, "2027-03-07"), await put(desk, admin, "2028-01-03")
    gone = await desk.delete("/v1/staff/calendar/2027-02-06", headers=admin.headers)
    assert [(answer.status_code, answer.json()["type"].rpartition(":")[2]) for answer in (past, unknown, gone)] == [
        (409, "CalendarDayPast"), (409, "CalendarYearUnknown"), (409, "CalendarDayPast"),
    ]  # fmt: skip
    assert (await put(desk, admin, "2027-02-30")).status_code == 400
    assert (await put(desk, admin, "2027-04-01", STORM | {"kind": "half"})).status_code == 400
    assert (await calendar_from(db, date(2027, 1, 1))).known_until == date(2027, 12, 31)
