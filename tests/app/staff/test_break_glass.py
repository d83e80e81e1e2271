"""Break-glass: at once, loudly, for an hour at most; and somebody else looks at it."""

import asyncio
from typing import Any

import httpx
import pytest

from app.db import Connection
from app.types import new_id
from tests.app.conftest import Later
from tests.app.staff.browser import problem
from tests.conftest import City, Desk
from tests.makers import StaffMember, a_resident, a_staff_member
from tests.statements import sql

STORM = {"agency": "ioc", "role": "supervisor", "reason": "Bão số 9, trưởng ca không liên lạc được", "minutes": 30}


async def take(
    client: httpx.AsyncClient, who: StaffMember, break_glass_id: object = None, **other: object
) -> httpx.Response:
    path = f"/v1/staff/break-glass/{break_glass_id or new_id()}"
    return await client.put(path, headers=who.headers, json={**STORM, **other})


async def review(client: httpx.AsyncClient, who: StaffMember, break_glass_id: object, finding: str) -> httpx.Response:
    path = f"/v1/staff/break-glass/{break_glass_id}/review"
    return await client.put(path, headers=who.headers, json={"finding": finding})


async def roles_of(client: httpx.AsyncClient, member: StaffMember) -> list[tuple[str, str]]:
    seen: Any = (await client.get("/v1/staff/session", headers=member.headers)).json()
    return [(grant["agency"], grant["role"]) for grant in seen["grants"]]


@pytest.fixture
async def member(db: Connection) -> StaffMember:
    return await a_staff_member(db, role="operator", agency="ioc")


async def test_the_role_is_there_at_once_and_goes_by_itself(
    db: Connection, desk: httpx.AsyncClient, desk_app: Desk, member: StaffMember, later: Later
) -> None:
    assert await roles_of(desk, member) == [("ioc", "operator")]
    opened = await take(desk, member, role="compliance", minutes=10)
    assert (opened.status_code, opened.json()["reviewed_at"]) == (200, None)
    assert await roles_of(desk, member) == [("ioc", "compliance"), ("ioc", "operator")]
    assert (await desk.get("/v1/staff/members", headers=member.headers)).status_code == 200
    await later(601)
    desk_app.app.state.staff_cookie.seen.clear()
    assert await roles_of(desk, member) == [("ioc", "operator")]
    assert problem(await desk.get("/v1/staff/members", headers=member.headers)) == (403, "Forbidden")


async def test_every_admin_and_compliance_find_it_in_their_inbox(city: City) -> None:
    async with city.database.transaction() as db:
        member = await a_staff_member(db, role="operator", agency="ioc", name="Trần Trực Đêm")
        watchers = [await a_staff_member(db, role="admin"), await a_staff_member(db, role="compliance")]
        bystander = await a_staff_member(db, role="finance")
    opened = await take(city.client, member)
    assert opened.status_code == 200, opened.text
    await city.worker.drain()
    async with city.database.acquire() as db:
        for watcher in watchers:
            [told] = await db.fetch(sql.inbox_titles, watcher.id)
            assert told["title"] == "Mở quyền khẩn cấp"
            assert "Trần Trực Đêm" in told["body"]
            assert STORM["reason"] in told["body"]
        assert await db.fetch(sql.inbox_titles, bystander.id) == []
        [row] = await db.fetch(sql.audited, "staff.break_glass_opened")
        assert (row["actor_id"], row["subject"]) == (member.id, opened.json()["id"])
        assert (row["data"]["role"], row["data"]["agency"]) == ("supervisor", "ioc")


@pytest.mark.parametrize(
    "other",
    [
        {"role": "admin"}, {"minutes": 61}, {"minutes": 0}, {"minutes": -1}, {"minutes": 1.5}, {"reason": "gấp"},
        {"reason": " " * 30}, {"reason": "x" * 501}, {"agency": "a b"},
    ],
)  # fmt: skip
async def test_what_cannot_be_taken(desk: httpx.AsyncClient, member: StaffMember, other: dict[str, object]) -> None:
    assert problem(await take(desk, member, **other)) == (400, "Malformed")


async def test_an_agency_that_is_none(desk: httpx.AsyncClient, member: StaffMember) -> None:
    assert problem(await take(desk, member, agency="nowhere")) == (404, "UnknownAgency")


async def test_whoever_was_granted_nothing_takes_nothing(db: Connection, desk: httpx.AsyncClient) -> None:
    """Nor does a role that was taken open another."""
    nobody, resident = await a_staff_member(db, role=None), await a_resident(db)
    assert problem(await take(desk, nobody, agency="city")) == (403, "Forbidden")
    path = f"/v1/staff/break-glass/{new_id()}"
    assert problem(await desk.put(path, headers=resident.headers, json=STORM)) == (403, "Forbidden")


async def test_three_times_a_day(desk: httpx.AsyncClient, member: StaffMember, later: Later) -> None:
    ids = [new_id() for _ in range(3)]
    for break_glass_id in ids:
        assert (await take(desk, member, break_glass_id)).status_code == 200
    fourth = await take(desk, member)
    assert problem(fourth) == (429, "TooManyRequests")
    assert int(fourth.headers["retry-after"]) > 0
    assert (await take(desk, member, ids[0])).status_code == 200, "the same again costs nothing"
    assert await roles_of(desk, member) == [("ioc", "operator"), ("ioc", "supervisor")]


async def test_the_same_again_is_the_same_and_lasts_no_longer(
    db: Connection, desk: httpx.AsyncClient, member: StaffMember, later: Later
) -> None:
    break_glass_id = new_id()
    first = await take(desk, member, break_glass_id)
    await later(60)
    again = await take(desk, member, break_glass_id)
    assert (again.status_code, again.json()) == (200, first.json())
    assert problem(await take(desk, member, break_glass_id, minutes=60)) == (409, "BreakGlassIdTaken")
    other = await a_staff_member(db, role="operator", agency="ioc")
    assert problem(await take(desk, other, break_glass_id)) == (409, "BreakGlassIdTaken")
    assert len(await db.fetch(sql.event_rows, "BreakGlassOpened")) == 1


async def test_the_same_at_once_is_one(city: City) -> None:
    async with city.database.transaction() as db:
        member = await a_staff_member(db, role="operator", agency="ioc")
    break_glass_id = new_id()
    answers = await asyncio.gather(*(take(city.client, member, break_glass_id) for _ in range(10)))
    assert [answer.status_code for answer in answers] == [200] * 10
    async with city.database.acquire() as db:
        assert len(await db.fetch(sql.event_rows, "BreakGlassOpened")) == 1


async def test_somebody_else_reviews_it(db: Connection, desk: httpx.AsyncClient) -> None:
    one, other = await a_staff_member(db, role="compliance"), await a_staff_member(db, role="compliance")
    opened = (await take(desk, one, agency="city")).json()
    assert problem(await review(desk, one, opened["id"], "Ổn")) == (403, "AnotherMustReview")
    reviewed = await review(desk, other, opened["id"], "Đúng quy trình")
    assert (reviewed.status_code, reviewed.json()["reviewed_by"]) == (200, str(other.id))
    assert (await review(desk, other, opened["id"], "Đúng quy trình")).json() == reviewed.json()
    assert problem(await review(desk, other, opened["id"], "Sai")) == (409, "AlreadyReviewed")
    assert problem(await review(desk, other, new_id(), "Ổn")) == (404, "NotFound")
    listed = (await desk.get("/v1/staff/break-glass", headers=other.headers)).json()
    assert listed["items"] == [reviewed.json()]


async def test_two_who_broke_the_glass_do_not_review_each_other(
    db: Connection, desk: httpx.AsyncClient, member: StaffMember
) -> None:
    other = await a_staff_member(db, role="operator", agency="ioc")
    opened = [(await take(desk, who, role="compliance")).json()["id"] for who in (member, other)]
    assert (await desk.get("/v1/staff/break-glass", headers=member.headers)).status_code == 200
    assert problem(await review(desk, member, opened[1], "Ổn")) == (403, "Forbidden")
    assert problem(await review(desk, other, opened[0], "Ổn")) == (403, "Forbidden")
