"""The screen on the wall, and what a counter is like."""

from uuid import uuid4

import httpx

from app.db import Connection
from dossiers.counters import screens
from tests.conftest import Later
from tests.dossiers.counters.visiting import (
    COUNTER,
    a_clerk,
    a_working_day,
    at,
    book,
    call,
    put,
    served,
    until,
)
from tests.makers import a_resident, a_staff_member

SCREEN = f"/v1/dossiers/counters/{COUNTER}"


async def test_the_screen_says_whether_it_is_open_and_who_is_called(
    desk: httpx.AsyncClient, db: Connection, later: Later
) -> None:
    day = await a_working_day(db)
    await later(until(at(day, 9)))
    clerk = await a_clerk(db, 1, 2)
    for _ in range(3):
        await put(desk, clerk, uuid4(), state="waiting")
    await call(desk, clerk, 2)
    screen = (await desk.get(SCREEN)).json()
    assert screen["is_open"]
    assert len(screen["hours"]) == 2
    assert screen["windows"] == [
        {"window": 1, "label": None, "state": None},
        {"window": 2, "label": "B001", "state": "called"},
    ]
    assert (screen["waiting"], screen["waiting_minutes"]) == (2, None)
    assert len(screen["next_times"]) == 5
    for hour, minute in ((7, 29), (11, 30), (12, 0), (17, 0)):
        await later(until(at(day, hour, minute)))
        assert not (await desk.get(SCREEN)).json()["is_open"], (hour, minute)


async def test_the_wait_is_told_from_what_was_served(desk: httpx.AsyncClient, db: Connection, later: Later) -> None:
    await later(until(at(await a_working_day(db), 9)))
    clerk = await a_clerk(db, 1)
    for _ in range(7):
        await put(desk, clerk, uuid4(), state="waiting")
    for minutes in (4, 6, 20):
        assert (await desk.get(SCREEN)).json()["waiting_minutes"] is None
        ticket = (await call(desk, clerk, 1)).json()
        begun = await put(desk, clerk, ticket["id"], state="serving", version=ticket["version"])
        await later(minutes * 60)
        await put(desk, clerk, ticket["id"], state="served", version=begun.json()["version"])
    screen = (await desk.get(SCREEN)).json()
    assert screen["waiting"] == 4
    assert screen["waiting_minutes"] in {24, 25}, "the median of 4, 6 and 20, times four, and some milliseconds"
    await later(31 * 60)
    assert (await desk.get(SCREEN)).json()["waiting_minutes"] is None, "no window is at work"


def test_the_wait_is_shared_by_the_windows() -> None:
    assert screens.waiting_minutes(4, 3, 6.0, 2) == 12
    assert screens.waiting_minutes(0, 3, 6.0, 2) == 0
    assert screens.waiting_minutes(4, 2, 6.0, 2) is None
    assert screens.waiting_minutes(4, 3, 6.0, 0) is None


async def test_the_page_is_for_a_wall(desk: httpx.AsyncClient, db: Connection, later: Later) -> None:
    await later(until(at(await a_working_day(db), 9)))
    clerk, who = await a_clerk(db, 1), await a_resident(db, name="Lê Thị Ngự Bình")
    await put(desk, clerk, uuid4(), state="waiting")
    await call(desk, clerk, 1)
    await book(desk, who, at(await a_working_day(db, 1), 9))
    page = await desk.get(f"/c/{COUNTER}")
    assert page.headers["content-type"].startswith("text/html")
    assert 'http-equiv="refresh"' in page.text
    assert "B001" in page.text
    assert "phường Thuận Hóa" in page.text
    assert "<script" not in page.text
    assert "Bình" not in page.text
    for address in ("/c/justice", "/v1/dossiers/counters/justice", "/v1/dossiers/counters/justice/times"):
        assert (await desk.get(address)).status_code == 404


async def test_a_head_says_what_the_counter_is_like(desk: httpx.AsyncClient, db: Connection) -> None:
    head = await a_staff_member(db, role="agency_head", agency=COUNTER)
    clerk, address = await a_clerk(db), f"/v1/staff/counters/{COUNTER}"
    windows = [{"number": 1, "fields": ["land"]}, {"number": 2, "fields": []}]
    put_it = await desk.put(address, headers=head.headers, json={"slot_minutes": 60, "places": 2, "windows": windows})
    assert put_it.json() == {"agency": COUNTER, "slot_minutes": 60, "places": 2, "windows": windows}
    day = await a_working_day(db)
    free = (await desk.get(f"{SCREEN}/times", params={"on": day.isoformat()})).json()
    assert [time["free"] for time in free] == [2] * (4 + 3)
    body = {"slot_minutes": 60, "places": 2, "windows": windows[1:]}
    assert [w["number"] for w in (await desk.put(address, headers=head.headers, json=body)).json()["windows"]] == [2]
    await put(desk, clerk, uuid4(), state="waiting")
    assert (await call(desk, clerk, 1)).json()["type"] == "urn:huong:problem:UnknownWindow"
    ticket = (await call(desk, clerk, 2)).json()
    await served(desk, clerk, ticket)
    twice = {**body, "windows": [windows[0], windows[0]]}
    assert (await desk.put(address, headers=head.headers, json=twice)).json()["type"].endswith("WindowNamedTwice")
    unknown = {**body, "windows": [{"number": 1, "fields": ["no_such"]}]}
    assert (await desk.put(address, headers=head.headers, json=unknown)).json()["type"].endswith("UnknownField")
    other = await a_staff_member(db, role="agency_head", agency="counter-city")
    assert (await desk.put(address, headers=other.headers, json=body)).status_code == 403
