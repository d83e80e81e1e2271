"""Break-glass: at once, loudly, for an hour at most; and somebody else looks at it."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from app.clock import city_now
from app.db import Connection
from app.types import new_id
from tests.app.staff.browser import problem
from tests.conftest import City, Desk, Later
from tests.makers import StaffMember, a_resident, a_staff_member, with_role
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


async def end(client: httpx.AsyncClient, who: StaffMember, break_glass_id: object) -> httpx.Response:
    return await client.put(f"/v1/staff/break-glass/{break_glass_id}/end", headers=who.headers, json={})


@pytest.mark.parametrize("ends", ["holder", "admin", "compliance"])
async def test_it_is_ended_before_its_time(
    db: Connection, desk: httpx.AsyncClient, member: StaffMember, ends: str, later: Later
) -> None:
    opened = (await take(desk, member, role="compliance")).json()
    assert (await desk.get("/v1/staff/members", headers=member.headers)).status_code == 200
    who = member if ends == "holder" else await a_staff_member(db, role="admin" if ends == "admin" else "compliance")
    await later(60)
    ended = await end(desk, who, opened["id"])
    assert (ended.status_code, ended.json()["until"] < opened["until"]) == (200, True)
    assert problem(await desk.get("/v1/staff/members", headers=member.headers)) == (403, "Forbidden")
    await later(60)
    assert (await end(desk, who, opened["id"])).json() == ended.json()
    again = await take(desk, member, opened["id"], role="compliance")
    assert (again.json(), await roles_of(desk, member)) == (ended.json(), [("ioc", "operator")])
    [row] = await db.fetch(sql.audited, "staff.break_glass_ended")
    assert (row["actor_id"], row["subject"]) == (who.id, opened["id"])


async def test_nobody_else_ends_it_or_learns_of_it(
    db: Connection, desk: httpx.AsyncClient, member: StaffMember
) -> None:
    """Nor does somebody whose own emergency is one of compliance."""
    opened = (await take(desk, member)).json()["id"]
    other = await a_staff_member(db, role="operator", agency="ioc")
    await take(desk, other, role="compliance")
    theirs, unknown = [await end(desk, other, break_glass_id) for break_glass_id in (opened, new_id())]
    assert problem(theirs) == problem(unknown) == (404, "NotFound")
    assert ("ioc", "supervisor") in await roles_of(desk, member)


async def test_it_goes_with_the_last_role_that_was_granted(db: Connection, desk: httpx.AsyncClient) -> None:
    admin = await a_staff_member(db, role="admin")
    member = await with_role(db, await a_staff_member(db, role="operator", agency="ioc"), "clerk", "city")
    await take(desk, member, role="compliance")
    rows = await db.fetch(sql.role_rows, member.id)
    for row, left in zip(rows, (2, 0), strict=True):
        path = f"/v1/staff/grants/{row['grant_id']}/revocation"
        revoked = await desk.put(path, headers=admin.headers, json={"reason": "Chuyển công tác"})
        assert revoked.status_code == 200
        assert len(await roles_of(desk, member)) == left
    assert problem(await desk.get("/v1/staff/members", headers=member.headers)) == (403, "Forbidden")


async def test_it_goes_when_what_was_granted_ends_by_itself(
    db: Connection, desk: httpx.AsyncClient, member: StaffMember, later: Later
) -> None:
    one, other = [await a_staff_member(db, role="admin") for _ in range(2)]
    until, grant_id = city_now() + timedelta(minutes=5), new_id()
    body = {"principal_id": str(member.id), "agency": "ioc", "role": "operator", "reason": "Trực thay"}
    await desk.put(f"/v1/staff/grants/{grant_id}", headers=one.headers, json=body | {"until": until.isoformat()})
    approved = await desk.put(f"/v1/staff/grants/{grant_id}/approval", headers=other.headers, json={})
    assert approved.status_code == 200
    opened = await take(desk, member)
    assert datetime.fromisoformat(opened.json()["until"]) == until
    await later(301)
    assert await roles_of(desk, member) == []


async def test_the_last_role_goes_while_the_glass_is_broken(city: City) -> None:
    """Whichever is first: nobody is left with an emergency alone."""
    for _ in range(8):
        async with city.database.transaction() as db:
            admin, member = await a_staff_member(db, role="admin"), await a_staff_member(db, agency="ioc")
            [row] = await db.fetch(sql.role_rows, member.id)
        path = f"/v1/staff/grants/{row['grant_id']}/revocation"
        revoked, opened = await asyncio.gather(
            city.client.put(path, headers=admin.headers, json={"reason": "Chuyển công tác"}),
            take(city.client, member),
        )
        assert revoked.status_code == 200
        assert opened.status_code in {200, 403}
        assert await roles_of(city.client, member) == []


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
