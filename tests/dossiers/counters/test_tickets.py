"""Clerks give, call and end numbers; nobody is called twice, and nobody waits for ever."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import httpx

from app.db import Connection
from dossiers.counters import tickets
from tests.conftest import City, Later
from tests.dossiers.counters.visiting import (
    COUNTER,
    a_clerk,
    a_working_day,
    arrive,
    at,
    book,
    call,
    put,
    served,
    sql,
    until,
)
from tests.makers import a_resident, a_staff_member

QUEUE = f"/v1/staff/counters/{COUNTER}/tickets"


async def test_a_number_is_given_called_served_and_ended(desk: httpx.AsyncClient, db: Connection) -> None:
    clerk, ticket_id = await a_clerk(db, 1), uuid4()
    given = await put(desk, clerk, ticket_id, state="waiting", field="certification")
    assert (given.status_code, given.json()["label"], given.json()["version"]) == (201, "B001", 1)
    again = await put(desk, clerk, ticket_id, state="waiting", field="certification")
    assert (again.status_code, again.json()) == (200, given.json())
    for version, state, more in ((1, "called", {"window": 1}), (2, "serving", {}), (3, "served", {})):
        moved = await put(desk, clerk, ticket_id, state=state, version=version, **more)
        assert (moved.status_code, moved.json()["state"], moved.json()["version"]) == (200, state, version + 1)
        repeated = await put(desk, clerk, ticket_id, state=state, version=version, **more)
        assert repeated.json() == moved.json(), "its answer was lost on the way"
    [line] = (await desk.get(QUEUE, headers=clerk.headers)).json()["items"]
    assert line["ended_at"] is not None
    assert (await desk.get(QUEUE, headers=clerk.headers, params={"state": "waiting"})).json()["items"] == []


async def test_a_number_goes_no_other_way(desk: httpx.AsyncClient, db: Connection) -> None:
    clerk, ticket_id = await a_clerk(db, 1), uuid4()
    assert (await put(desk, clerk, ticket_id, state="called", window=1, version=1)).status_code == 404
    await put(desk, clerk, ticket_id, state="waiting")
    allowed = {(one, other) for one, others in tickets.MAY_FOLLOW.items() for other in others}
    assert len(allowed) == 5
    for state in ("serving", "served"):
        refused = await put(desk, clerk, ticket_id, state=state, version=1)
        assert refused.json()["type"] == "urn:huong:problem:TicketOutOfTurn"
    for body, why in (
        ({"state": "called", "window": 1}, "VersionNeeded"),
        ({"state": "called", "version": 1}, "WindowNeeded"),
        ({"state": "called", "version": 1, "window": 9}, "UnknownWindow"),
        ({"state": "waiting", "field": "land"}, "TicketIdTaken"),
    ):
        assert (await put(desk, clerk, ticket_id, **body)).json()["type"] == f"urn:huong:problem:{why}", body
    assert (await put(desk, clerk, ticket_id, state="missed", version=1)).status_code == 200
    ended = await put(desk, clerk, ticket_id, state="called", window=1, version=2)
    assert ended.json()["type"] == "urn:huong:problem:TicketOutOfTurn"


async def test_whoever_saw_an_older_version_is_told_who_changed_it(desk: httpx.AsyncClient, db: Connection) -> None:
    first, second, ticket_id = await a_clerk(db, 1), await a_clerk(db), uuid4()
    await put(desk, first, ticket_id, state="waiting")
    await put(desk, first, ticket_id, state="called", window=1, version=1)
    late = await put(desk, second, ticket_id, state="missed", version=1)
    assert late.status_code == 409
    problem = late.json()
    assert (problem["type"], problem["version"], problem["state"]) == ("urn:huong:problem:TicketChanged", 2, "called")
    assert "T***" in problem["by"]


async def test_numbers_have_no_gap_though_some_are_refused(desk: httpx.AsyncClient, db: Connection) -> None:
    clerk = await a_clerk(db, 1)
    labels = []
    for field in ("certification", "no_such_field", "land", "no_such_field", "tax"):
        answer = await put(desk, clerk, uuid4(), state="waiting", field=field)
        labels.append(answer.json().get("label") or answer.json()["type"].rpartition(":")[2])
    assert labels == ["B001", "UnknownField", "B002", "UnknownField", "B003"]


async def test_numbers_of_many_clerks_at_once_have_no_gap(city: City) -> None:
    async with city.database.transaction() as db:
        clerks = [await a_clerk(db) for _ in range(3)]
    await asyncio.gather(*(put(city.client, clerk, uuid4(), state="waiting") for clerk in clerks * 4))
    async with city.database.acquire() as db:
        assert [row["number"] for row in await db.fetch(sql.tickets, COUNTER)] == list(range(1, 13))


async def test_another_counters_clerk_does_not_touch_the_queue(desk: httpx.AsyncClient, db: Connection) -> None:
    clerk, stranger = await a_clerk(db, 1), await a_staff_member(db, role="clerk", agency="counter-city")
    ticket_id = uuid4()
    await put(desk, clerk, ticket_id, state="waiting")
    assert (await put(desk, stranger, ticket_id, state="missed", version=1)).status_code == 403
    assert (await call(desk, stranger, 1)).status_code == 403
    assert (await desk.get(QUEUE, headers=stranger.headers)).status_code == 403
    theirs = f"/v1/staff/counters/counter-city/tickets/{ticket_id}"
    wrong = await desk.put(theirs, headers=stranger.headers, json={"state": "missed", "version": 1})
    assert wrong.status_code == 404


async def test_a_window_has_one_person_at_a_time(desk: httpx.AsyncClient, db: Connection) -> None:
    clerk = await a_clerk(db, 1)
    nobody = await call(desk, clerk, 1)
    assert nobody.json()["type"] == "urn:huong:problem:NobodyWaits"
    for _ in range(2):
        await put(desk, clerk, uuid4(), state="waiting")
    first = (await call(desk, clerk, 1)).json()
    busy = await call(desk, clerk, 1)
    assert (busy.status_code, busy.json()["type"]) == (409, "urn:huong:problem:WindowBusy")
    await served(desk, clerk, first)
    assert (await call(desk, clerk, 1)).json()["label"] == "B002"
    assert (await call(desk, clerk, 7)).json()["type"] == "urn:huong:problem:UnknownWindow"


async def test_the_same_call_again_gives_the_same_number(desk: httpx.AsyncClient, db: Connection) -> None:
    clerk, call_id = await a_clerk(db, 1, 2), uuid4()
    refused = await call(desk, clerk, 1, call_id)
    assert refused.json()["type"] == "urn:huong:problem:NobodyWaits"
    for _ in range(2):
        await put(desk, clerk, uuid4(), state="waiting")
    first = await call(desk, clerk, 1, call_id)
    assert first.json()["label"] == "B001", "a refused call leaves no trace of its id"
    assert (await call(desk, clerk, 1, call_id)).json() == first.json()
    assert (await call(desk, clerk, 2, call_id)).json()["type"] == "urn:huong:problem:CallIdTaken"


async def test_clerks_who_call_at_once_never_get_the_same_number(city: City) -> None:
    windows = range(1, 7)
    async with city.database.transaction() as db:
        clerk = await a_clerk(db, *windows)
    for _ in windows:
        await put(city.client, clerk, uuid4(), state="waiting")
    answers = await asyncio.gather(*(call(city.client, clerk, window) for window in windows))
    assert [answer.status_code for answer in answers] == [200] * 6, [answer.text for answer in answers]
    assert {answer.json()["label"] for answer in answers} == {f"B00{number}" for number in windows}


async def test_the_same_call_twice_at_once_is_one(city: City) -> None:
    async with city.database.transaction() as db:
        clerk, call_id = await a_clerk(db, 1), uuid4()
    for _ in range(3):
        await put(city.client, clerk, uuid4(), state="waiting")
    answers = await asyncio.gather(*(call(city.client, clerk, 1, call_id) for _ in range(3)))
    assert [answer.json().get("label") for answer in answers] == ["B001"] * 3


async def test_two_who_booked_then_one_who_walked_in(desk: httpx.AsyncClient, db: Connection, later: Later) -> None:
    day, people = await a_working_day(db), [await a_resident(db) for _ in range(5)]
    hours = ((9, 0), (8, 30), (9, 0), (9, 0), (9, 30))
    visits = [
        (who, (await book(desk, who, at(day, *hour))).json()["id"]) for who, hour in zip(people, hours, strict=True)
    ]
    for hour, minute, coming in ((8, 45, visits[:2]), (9, 1, visits[2:])):
        await later(until(at(day, hour, minute)))
        for who, booking_id in coming:
            assert (await arrive(desk, who, booking_id)).status_code == 200
    clerk = await a_clerk(db, 1)
    for _ in range(3):
        await put(desk, clerk, uuid4(), state="waiting")
    called = []
    for _ in range(8):
        ticket = (await call(desk, clerk, 1)).json()
        called.append(ticket["label"])
        await served(desk, clerk, ticket)
    # A002 was booked for the earliest time, A005 for a time that has not come.
    assert called == ["A002", "A001", "B001", "A003", "A004", "B002", "B003", "A005"]
    assert await db.fetchval(sql.events_of, "TicketCalled") == 5


async def test_a_window_passes_over_whom_it_cannot_serve(desk: httpx.AsyncClient, db: Connection) -> None:
    clerk = await a_clerk(db, 1, fields=("certification",))
    for field in ("land", "certification"):
        await put(desk, clerk, uuid4(), state="waiting", field=field)
    assert (await call(desk, clerk, 1)).json()["label"] == "B002"


async def test_at_the_days_end_whoever_waited_has_missed_it(
    desk: httpx.AsyncClient, db: Connection, later: Later
) -> None:
    clerk = await a_clerk(db, 1, 2)
    for _ in range(3):
        await put(desk, clerk, uuid4(), state="waiting")
    first = (await call(desk, clerk, 1)).json()
    await put(desk, clerk, first["id"], state="serving", version=first["version"])
    await call(desk, clerk, 2)
    await tickets.end_days(db)
    assert [row["state"] for row in await db.fetch(sql.tickets, COUNTER)] == ["serving", "called", "waiting"]
    await later(timedelta(days=1).total_seconds())
    await tickets.end_days(db)
    assert [row["state"] for row in await db.fetch(sql.tickets, COUNTER)] == ["served", "missed", "missed"]
    assert (await put(desk, clerk, uuid4(), state="waiting")).json()["label"] == "B001", "a new day"
