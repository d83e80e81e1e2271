"""First words of tests about counters: a moment at which one is open, a clerk, a window, a booking, a number."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

from app.clock import CITY_ZONE, add_working_days, city_now, city_today, working_time
from app.db import Connection, queries_beside
from tests.makers import Resident, StaffMember, a_staff_member

sql = queries_beside(__file__)

COUNTER = "counter-thuan-hoa"


async def a_working_day(db: Connection, ahead: int = 2) -> date:
    """A working day so many days ahead, or the next one."""
    today = city_today()
    return add_working_days(today + timedelta(days=ahead), 0, (await working_time(db, today)).calendar)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """That time in Huế."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=CITY_ZONE)


def until(moment: datetime) -> float:
    """How many seconds have to pass until then."""
    return (moment - city_now()).total_seconds()


async def a_clerk(db: Connection, *windows: int, agency: str = COUNTER, fields: tuple[str, ...] = ()) -> StaffMember:
    """A clerk at the counter, where these windows are opened."""
    for number in windows:
        await db.execute(sql.open_window, agency, number, list(fields))
    return await a_staff_member(db, role="clerk", agency=agency)


async def book(
    client: httpx.AsyncClient, who: Resident, moment: datetime, booking_id: UUID | None = None, **more: Any
) -> httpx.Response:
    """Book a visit."""
    wanted = {"agency": COUNTER, "at": moment.isoformat(), **more}
    return await client.put(f"/v1/dossiers/bookings/{booking_id or uuid4()}", headers=who.headers, json=wanted)


async def arrive(client: httpx.AsyncClient, who: Resident, booking_id: str) -> httpx.Response:
    """Say that I am there."""
    return await client.put(f"/v1/dossiers/bookings/{booking_id}/arrival", headers=who.headers, json={})


async def put(client: httpx.AsyncClient, clerk: StaffMember, ticket_id: UUID | str, **said: Any) -> httpx.Response:
    """What becomes of a number."""
    return await client.put(f"/v1/staff/counters/{COUNTER}/tickets/{ticket_id}", headers=clerk.headers, json=said)


async def call(
    client: httpx.AsyncClient, clerk: StaffMember, window: int, call_id: UUID | None = None
) -> httpx.Response:
    """Whoever is next."""
    return await client.put(
        f"/v1/staff/counters/{COUNTER}/calls/{call_id or uuid4()}", headers=clerk.headers, json={"window": window}
    )


async def served(client: httpx.AsyncClient, clerk: StaffMember, ticket: dict[str, Any]) -> None:
    """A number that was called is served at once."""
    for state, version in (("serving", ticket["version"]), ("served", ticket["version"] + 1)):
        answer = await put(client, clerk, ticket["id"], state=state, version=version)
        assert answer.status_code == 200, answer.text
