"""Residents book a visit, come or don't, and no place is given twice."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import httpx

from app.clock import working_time
from app.db import Connection
from dossiers.counters import bookings, tickets, times
from tests.conftest import City, Later
from tests.dossiers.counters.visiting import COUNTER, a_working_day, arrive, at, book, sql, until
from tests.makers import a_resident


async def test_a_day_shows_its_free_times_and_a_booking_takes_a_place(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    day, who = await a_working_day(db), await a_resident(db)
    address = f"/v1/dossiers/counters/{COUNTER}/times"
    free = (await desk.get(address, params={"on": day.isoformat()})).json()
    assert len(free) == 8 + 7, "half hours of 07:30-11:30 and 13:30-17:00"
    assert {time["free"] for time in free} == {3}
    made = await book(desk, who, at(day, 9))
    assert made.status_code == 201, made.text
    assert made.json()["state"] == "booked"
    assert made.json()["ticket"] is None
    free = (await desk.get(address, params={"on": day.isoformat()})).json()
    assert [time["free"] for time in free] == [3, 3, 3, 2, *[3] * 11]
    assert (await desk.get(address, params={"on": (day + timedelta(days=40)).isoformat()})).json() == []


async def test_nobody_works_on_a_day_off(db: Connection) -> None:
    time = await working_time(db, await a_working_day(db))
    day = await a_working_day(db)
    while day.weekday() != 6:
        day += timedelta(days=1)
    assert list(times.slots(day, time, 30)) == []


async def test_what_is_left_of_a_spell_is_no_time(db: Connection) -> None:
    day = await a_working_day(db)
    slots = list(times.slots(day, await working_time(db, day), 45))
    assert len(slots) == 5 + 4
    assert slots[4].ends_at == at(day, 11, 15)


async def test_the_same_again_is_the_same_and_another_thing_is_refused(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    day, who, other, booking_id = await a_working_day(db), await a_resident(db), await a_resident(db), uuid4()
    first = await book(desk, who, at(day, 9), booking_id, note="Sao y giấy khai sinh")
    again = await book(desk, who, at(day, 9), booking_id, note="Sao y giấy khai sinh")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert await db.fetchval(sql.events_of, "CounterBooked") == 1
    for wrong in (
        await book(desk, who, at(day, 10), booking_id, note="Sao y giấy khai sinh"),
        await book(desk, who, at(day, 9), booking_id),
        await book(desk, other, at(day, 9), booking_id, note="Sao y giấy khai sinh"),
    ):
        assert wrong.status_code == 409
        assert wrong.json()["type"] == "urn:huong:problem:BookingIdTaken"
    assert (await desk.get("/v1/dossiers/bookings", headers=other.headers)).json()["items"] == []


async def test_only_a_free_time_of_the_next_thirty_days_is_one(desk: httpx.AsyncClient, db: Connection) -> None:
    day, far, who = await a_working_day(db), await a_working_day(db, 31), await a_resident(db)
    past = await a_working_day(db, -10)
    sunday = day + timedelta(days=6 - day.weekday())
    for moment in (at(day, 9, 10), at(day, 12), at(day, 6), at(sunday, 9), at(far, 9), at(past, 9)):
        answer = await book(desk, who, moment)
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:huong:problem:NoSuchTime"), moment
    unknown = (("agency", "justice", "UnknownCounter"), ("procedure", "9.999999", "VisitForUnknownProcedure"))
    for name, code, why in unknown:
        answer = await book(desk, who, at(day, 9), uuid4(), **{name: code})
        assert (answer.status_code, answer.json()["type"]) == (400, f"urn:huong:problem:{why}")


async def test_two_visits_are_ahead_at_most(desk: httpx.AsyncClient, db: Connection) -> None:
    day, who = await a_working_day(db), await a_resident(db)
    first = await book(desk, who, at(day, 8))
    await book(desk, who, at(day, 9))
    refused = await book(desk, who, at(day, 10))
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:huong:problem:TooManyBookings")
    gone = await desk.delete(f"/v1/dossiers/bookings/{first.json()['id']}", headers=who.headers)
    assert gone.status_code == 204
    assert (await desk.delete(f"/v1/dossiers/bookings/{first.json()['id']}", headers=who.headers)).status_code == 204
    assert (await book(desk, who, at(day, 10))).status_code == 201
    listed = (await desk.get("/v1/dossiers/bookings", headers=who.headers)).json()["items"]
    assert [one["state"] for one in listed] == ["booked", "booked", "cancelled"]


async def test_a_place_that_was_cancelled_is_free_again(desk: httpx.AsyncClient, db: Connection) -> None:
    day, who, other = await a_working_day(db), await a_resident(db), await a_resident(db)
    await db.execute(sql.drop_places, COUNTER, 1)
    mine = (await book(desk, who, at(day, 9))).json()
    assert (await book(desk, other, at(day, 9))).json()["type"] == "urn:huong:problem:TimeFull"
    await desk.delete(f"/v1/dossiers/bookings/{mine['id']}", headers=who.headers)
    assert (await book(desk, other, at(day, 9))).status_code == 201


async def test_of_eight_phones_at_once_two_get_the_two_places(city: City) -> None:
    async with city.database.transaction() as db:
        day, people = await a_working_day(db), [await a_resident(db) for _ in range(8)]
        await db.execute(sql.drop_places, COUNTER, 2)
    answers = await asyncio.gather(*(book(city.client, who, at(day, 9)) for who in people))
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [409] * 6
    assert {answer.json()["type"] for answer in answers if answer.status_code == 409} == {
        "urn:huong:problem:TimeFull"
    }


async def test_one_persons_phones_at_once_book_two_visits_at_most(city: City) -> None:
    async with city.database.transaction() as db:
        day, who = await a_working_day(db), await a_resident(db)
    counters = (COUNTER, "counter-city", "land-registry", "residence-police")
    answers = await asyncio.gather(*(book(city.client, who, at(day, 9), agency=counter) for counter in counters))
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [409] * 2


async def test_the_same_booking_sent_twice_at_once_is_one(city: City) -> None:
    async with city.database.transaction() as db:
        day, who, booking_id = await a_working_day(db), await a_resident(db), uuid4()
    answers = await asyncio.gather(*(book(city.client, who, at(day, 9), booking_id) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]


async def test_a_number_is_given_near_the_time_and_once(
    desk: httpx.AsyncClient, db: Connection, later: Later
) -> None:
    day, who, other = await a_working_day(db), await a_resident(db), await a_resident(db)
    booking_id = (await book(desk, who, at(day, 9))).json()["id"]
    others = (await book(desk, other, at(day, 9))).json()["id"]
    early = await arrive(desk, who, booking_id)
    assert (early.status_code, early.json()["type"]) == (409, "urn:huong:problem:NotYourTime")
    assert (await arrive(desk, other, booking_id)).status_code == 404
    await later(until(at(day, 8, 31)))
    there = (await arrive(desk, who, booking_id)).json()
    assert (there["state"], there["ticket"]["label"], there["ticket"]["ahead"]) == ("arrived", "A001", 0)
    assert (await arrive(desk, who, booking_id)).json() == there
    after = (await arrive(desk, other, others)).json()
    assert (after["ticket"]["label"], after["ticket"]["ahead"]) == ("A002", 1)
    gone = await desk.delete(f"/v1/dossiers/bookings/{booking_id}", headers=who.headers)
    assert gone.json()["type"] == "urn:huong:problem:BookingClosed"


async def test_half_an_hour_late_is_too_late_and_the_day_after_it_was_missed(
    desk: httpx.AsyncClient, db: Connection, later: Later
) -> None:
    day, who = await a_working_day(db), await a_resident(db)
    booking_id = (await book(desk, who, at(day, 9))).json()["id"]
    await later(until(at(day, 9, 31)))
    assert (await arrive(desk, who, booking_id)).json()["type"] == "urn:huong:problem:NotYourTime"
    await bookings.end_days(db)
    [booking] = (await desk.get("/v1/dossiers/bookings", headers=who.headers)).json()["items"]
    assert booking["state"] == "booked", "its day is not over"
    await later(until(at(day + timedelta(days=1), 0, 5)))
    await bookings.end_days(db)
    await tickets.end_days(db)
    [booking] = (await desk.get("/v1/dossiers/bookings", headers=who.headers)).json()["items"]
    assert booking["state"] == "missed"


async def test_the_evening_before_whoever_comes_is_reminded_once(
    desk: httpx.AsyncClient, db: Connection, later: Later
) -> None:
    day, who = await a_working_day(db, 3), await a_resident(db)
    await book(desk, who, at(day, 9))
    evening = day - timedelta(days=1)
    for moment, reminded in ((at(evening, 17, 50), 0), (at(evening, 18, 5), 1), (at(evening, 19), 1)):
        await later(until(moment))
        if moment.hour == 19:
            assert (await book(desk, await a_resident(db), at(day, 10))).status_code == 201
        await bookings.remind(db)
        assert await db.fetchval(sql.events_of, "BookingReminder") == reminded, moment


async def test_whoever_books_is_told(city: City) -> None:
    async with city.database.transaction() as db:
        day, who = await a_working_day(db), await a_resident(db)
    await book(city.client, who, at(day, 9))
    await city.worker.drain()
    inbox = (await city.client.get("/v1/notifications/inbox", headers=who.headers)).json()
    assert "Đã đặt lịch hẹn" in str(inbox), inbox
