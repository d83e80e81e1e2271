"""Grants: one admin proposes, another approves, one alone takes back; and none outlives its day."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.clock import city_now
from app.db import Connection
from app.staff import members
from app.types import new_id
from tests.app.staff.browser import problem
from tests.conftest import City, Desk, Later
from tests.makers import StaffMember, a_resident, a_staff_member
from tests.statements import sql

REASON = {"reason": "Chuyển công tác"}


def wanted(member: StaffMember | UUID, **other: object) -> dict[str, Any]:
    member_id = member if isinstance(member, UUID) else member.id
    return {
        "principal_id": str(member_id),
        "agency": "city",
        "role": "finance",
        "reason": "Quyết định 123/QĐ-UBND",
        **other,
    }


async def put(
    client: httpx.AsyncClient, who: StaffMember, grant_id: object, verb: str = "", body: Any = None
) -> httpx.Response:
    path = f"/v1/staff/grants/{grant_id}" + (f"/{verb}" if verb else "")
    return await client.put(path, headers=who.headers, json={} if body is None else body)


async def roles_of(client: httpx.AsyncClient, member: StaffMember) -> list[tuple[str, str]]:
    seen = (await client.get("/v1/staff/session", headers=member.headers)).json()
    return [(grant["agency"], grant["role"]) for grant in seen["grants"]]


@pytest.fixture
async def admins(db: Connection) -> tuple[StaffMember, StaffMember]:
    return await a_staff_member(db, role="admin"), await a_staff_member(db, role="admin")


Admins = tuple[StaffMember, StaffMember]


# Two pairs of eyes


async def test_a_role_holds_when_another_admin_has_approved_it(
    db: Connection, desk: httpx.AsyncClient, admins: Admins
) -> None:
    one, other = admins
    member, grant_id = await a_staff_member(db, role=None), new_id()
    proposed = await put(desk, one, grant_id, body=wanted(member))
    assert (proposed.status_code, proposed.json()["status"]) == (200, "proposed")
    assert await roles_of(desk, member) == []
    approved = await put(desk, other, grant_id, "approval")
    assert (approved.status_code, approved.json()["status"]) == (200, "active")
    assert (approved.json()["proposed_by"], approved.json()["approved_by"]) == (str(one.id), str(other.id))
    assert await roles_of(desk, member) == [("city", "finance")]
    [row] = await db.fetch(sql.role_rows, member.id)
    assert row["grant_id"] == grant_id
    actions = [row["action"] for row in await db.fetch(sql.audited, "staff.grant%")]
    assert actions == ["staff.grant_proposed", "staff.grant_approved"]


async def test_neither_who_proposed_nor_who_receives_approves(
    db: Connection, desk: httpx.AsyncClient, admins: Admins
) -> None:
    one, other = admins
    grant_id = new_id()
    await put(desk, one, grant_id, body=wanted(other))
    for admin in admins:
        assert problem(await put(desk, admin, grant_id, "approval")) == (403, "SecondPairOfEyesNeeded")
    assert await roles_of(desk, other) == [("city", "admin")]
    third = await a_staff_member(db, role="admin")
    assert (await put(desk, third, grant_id, "approval")).status_code == 200


async def test_only_admins_propose_and_approve(db: Connection, desk: httpx.AsyncClient, admins: Admins) -> None:
    member, grant_id = await a_staff_member(db, role="compliance"), new_id()
    assert problem(await put(desk, member, grant_id, body=wanted(member, role="admin"))) == (403, "Forbidden")
    await put(desk, admins[0], grant_id, body=wanted(member))
    for verb in ("approval", "refusal", "revocation"):
        assert problem(await put(desk, member, grant_id, verb, REASON)) == (403, "Forbidden")


async def test_ten_approvals_at_once_make_one_role(city: City) -> None:
    async with city.database.transaction() as db:
        one, *others = [await a_staff_member(db, role="admin") for _ in range(6)]
        member, grant_id = await a_staff_member(db, role=None), new_id()
    assert (await put(city.client, one, grant_id, body=wanted(member))).status_code == 200
    answers = await asyncio.gather(*(put(city.client, admin, grant_id, "approval") for admin in others * 2))
    approvers = {answer.json()["approved_by"] for answer in answers if answer.status_code == 200}
    assert len(approvers) == 1
    refused = [problem(answer) for answer in answers if answer.status_code != 200]
    assert refused == [(409, "GrantIsDecided")] * 8
    async with city.database.acquire() as db:
        assert len(await db.fetch(sql.role_rows, member.id)) == 1
        assert len(await db.fetch(sql.audited, "staff.grant_approved")) == 1


async def test_yes_and_no_at_once_are_one_of_them(city: City) -> None:
    async with city.database.transaction() as db:
        one, other, third = [await a_staff_member(db, role="admin") for _ in range(3)]
        member = await a_staff_member(db, role=None)
    for _ in range(5):
        grant_id = new_id()
        await put(city.client, one, grant_id, body=wanted(member))
        answers = await asyncio.gather(
            put(city.client, other, grant_id, "approval"), put(city.client, third, grant_id, "refusal", REASON)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_the_same_proposal_at_once_is_one(city: City) -> None:
    async with city.database.transaction() as db:
        one, member = await a_staff_member(db, role="admin"), await a_staff_member(db, role=None)
    grant_id = new_id()
    answers = await asyncio.gather(*(put(city.client, one, grant_id, body=wanted(member)) for _ in range(10)))
    assert [answer.status_code for answer in answers] == [200] * 10
    assert len({answer.content for answer in answers}) == 1
    async with city.database.acquire() as db:
        assert len(await db.fetch(sql.audited, "staff.grant_proposed")) == 1


async def test_a_proposal_of_somebody_who_is_no_admin_any_more_is_void(
    db: Connection, desk: httpx.AsyncClient, admins: Admins
) -> None:
    one, other = admins
    await a_staff_member(db, role="admin")
    member, grant_id = await a_staff_member(db, role=None), new_id()
    await put(desk, one, grant_id, body=wanted(member, role="admin"))
    [theirs] = await db.fetch(sql.role_rows, one.id)
    assert (await put(desk, other, theirs["grant_id"], "revocation", REASON)).status_code == 200
    assert problem(await put(desk, other, grant_id, "approval")) == (409, "ProposerIsGone")


# What is proposed


async def test_the_same_proposal_is_the_same_and_other_content_is_refused(
    db: Connection, desk: httpx.AsyncClient, admins: Admins
) -> None:
    one, other = admins
    member, grant_id = await a_staff_member(db, role=None), new_id()
    until = (city_now() + timedelta(days=30)).isoformat()
    first = await put(desk, one, grant_id, body=wanted(member, until=until))
    again = await put(desk, one, grant_id, body=wanted(member, until=until))
    assert (again.status_code, again.json()) == (200, first.json())
    for changed in ({"role": "admin"}, {"until": None}, {"reason": "Khác"}, {"principal_id": str(one.id)}):
        answer = await put(desk, one, grant_id, body=wanted(member, until=until) | changed)
        assert problem(answer) == (409, "GrantIdTaken")
    assert problem(await put(desk, other, grant_id, body=wanted(member, until=until))) == (409, "GrantIdTaken")


async def test_what_cannot_be_proposed(db: Connection, desk: httpx.AsyncClient, admins: Admins) -> None:
    one, _ = admins
    member, resident = await a_staff_member(db, role=None), await a_resident(db)

    async def refused(member: StaffMember | UUID, **other: object) -> tuple[int, str]:
        return problem(await put(desk, one, new_id(), body=wanted(member, **other)))

    assert await refused(new_id()) == (404, "UnknownMember")
    assert await refused(resident.id) == (404, "UnknownMember")
    assert await refused(member, agency="nowhere") == (404, "UnknownAgency")
    assert await refused(member, until="2020-01-01T00:00:00Z") == (400, "GrantEndsInThePast")
    for body in ({"until": "2030-01-01T00:00:00"}, {"until": "soon"}, {"role": "root"}, {"reason": ""},
                 {"reason": " "}, {"agency": "a b"}, {"until": "9999-12-31T23:59:59-23:59"}):  # fmt: skip
        assert (await refused(member, **body))[0] == 400, body
    assert problem(await put(desk, one, new_id(), "approval")) == (404, "NotFound")


async def test_who_has_left_is_granted_nothing(db: Connection, desk: httpx.AsyncClient, admins: Admins) -> None:
    one, other = admins
    member, grant_id = await a_staff_member(db, role=None), new_id()
    await put(desk, one, grant_id, body=wanted(member))
    await desk.put(f"/v1/staff/members/{member.id}/closure", headers=one.headers, json=REASON)
    assert problem(await put(desk, other, grant_id, "approval")) == (409, "GrantIsDecided")
    assert problem(await put(desk, one, new_id(), body=wanted(member))) == (404, "UnknownMember")


# How it ends


async def test_a_grant_stops_when_its_time_is_up(
    db: Connection, desk: httpx.AsyncClient, desk_app: Desk, admins: Admins, later: Later
) -> None:
    one, other = admins
    member, grant_id = await a_staff_member(db, role=None), new_id()
    until = city_now() + timedelta(minutes=10)
    await put(desk, one, grant_id, body=wanted(member, role="compliance", until=until.isoformat()))
    await put(desk, other, grant_id, "approval")
    assert (await desk.get("/v1/staff/members", headers=member.headers)).status_code == 200
    await later(601)
    desk_app.app.state.staff_cookie.seen.clear()
    assert problem(await desk.get("/v1/staff/members", headers=member.headers)) == (403, "Forbidden")
    assert await roles_of(desk, member) == []
    listed = await desk.get("/v1/staff/grants", headers=one.headers, params={"principal_id": str(member.id)})
    assert [grant["status"] for grant in listed.json()["items"]] == ["expired"]


async def test_a_proposal_that_waited_too_long_is_not_approved(
    db: Connection, desk: httpx.AsyncClient, admins: Admins, later: Later
) -> None:
    one, other = admins
    member, grant_id = await a_staff_member(db, role=None), new_id()
    until = city_now() + timedelta(minutes=5)
    await put(desk, one, grant_id, body=wanted(member, until=until.isoformat()))
    await later(301)
    assert problem(await put(desk, other, grant_id, "approval")) == (400, "GrantEndsInThePast")


async def test_a_later_grant_of_the_same_role_takes_the_place_of_the_first(
    db: Connection, desk: httpx.AsyncClient, admins: Admins
) -> None:
    one, other = admins
    member, first, second = await a_staff_member(db, role=None), new_id(), new_id()
    until = (city_now() + timedelta(days=1)).isoformat()
    for grant_id, body in ((first, wanted(member, until=until)), (second, wanted(member))):
        await put(desk, one, grant_id, body=body)
        assert (await put(desk, other, grant_id, "approval")).status_code == 200
    listed = await desk.get("/v1/staff/grants", headers=one.headers, params={"principal_id": str(member.id)})
    assert [(grant["id"], grant["status"]) for grant in listed.json()["items"]] == [
        (str(second), "active"),
        (str(first), "replaced"),
    ]
    assert problem(await put(desk, one, first, "revocation", REASON)) == (409, "GrantIsNotActive")
    assert await roles_of(desk, member) == [("city", "finance")]


async def test_no_is_no(db: Connection, desk: httpx.AsyncClient, admins: Admins) -> None:
    one, other = admins
    member, grant_id = await a_staff_member(db, role=None), new_id()
    await put(desk, one, grant_id, body=wanted(member))
    refused = await put(desk, other, grant_id, "refusal", REASON)
    assert (refused.status_code, refused.json()["status"]) == (200, "refused")
    assert (await put(desk, other, grant_id, "refusal", REASON)).json() == refused.json()
    assert problem(await put(desk, other, grant_id, "approval")) == (409, "GrantIsDecided")
    assert problem(await put(desk, one, grant_id, "revocation", REASON)) == (409, "GrantIsNotActive")


async def test_one_admin_takes_a_role_back(db: Connection, desk: httpx.AsyncClient, admins: Admins) -> None:
    member = await a_staff_member(db, role="finance")
    [row] = await db.fetch(sql.role_rows, member.id)
    revoked = await put(desk, admins[0], row["grant_id"], "revocation", REASON)
    assert (revoked.status_code, revoked.json()["status"]) == (200, "revoked")
    assert await roles_of(desk, member) == []
    assert (await put(desk, admins[0], row["grant_id"], "revocation", REASON)).json() == revoked.json()
    assert problem(await put(desk, admins[1], row["grant_id"], "revocation", REASON)) == (409, "GrantIsNotActive")


async def test_the_last_admin_stays(db: Connection, desk: httpx.AsyncClient, admins: Admins) -> None:
    one, other = admins
    [mine], [theirs] = [await db.fetch(sql.role_rows, admin.id) for admin in admins]
    assert (await put(desk, other, theirs["grant_id"], "revocation", REASON)).status_code == 200, "who wants to, goes"
    assert problem(await put(desk, one, mine["grant_id"], "revocation", REASON)) == (409, "LastAdmin")
    assert await roles_of(desk, one) == [("city", "admin")]
    assert problem(await put(desk, other, mine["grant_id"], "revocation", REASON)) == (403, "Forbidden")


async def test_of_two_admins_neither_makes_themselves_the_only_one(
    db: Connection, desk: httpx.AsyncClient, admins: Admins
) -> None:
    one, other = admins
    [theirs] = await db.fetch(sql.role_rows, other.id)
    assert problem(await put(desk, one, theirs["grant_id"], "revocation", REASON)) == (409, "LastAdmins")
    closure = f"/v1/staff/members/{other.id}/closure"
    assert problem(await desk.put(closure, headers=one.headers, json=REASON)) == (409, "LastAdmins")
    assert await roles_of(desk, other) == [("city", "admin")]
    await members.invite_first_admin(db, "ba@hue.example", "Người Thứ Ba", "city")
    assert (await put(desk, one, theirs["grant_id"], "revocation", REASON)).status_code == 200
    assert (await desk.put(closure, headers=one.headers, json=REASON)).status_code == 200, "no admin any more"


async def test_of_three_admins_who_revoke_each_other_two_are_left(city: City) -> None:
    async with city.database.transaction() as db:
        admins = [await a_staff_member(db, role="admin") for _ in range(3)]
        granted = [(await db.fetch(sql.role_rows, admin.id))[0]["grant_id"] for admin in admins]
    answers = await asyncio.gather(
        *(put(city.client, admins[n], granted[(n + 1) % 3], "revocation", REASON) for n in range(3))
    )
    assert [answer.status_code for answer in answers].count(200) == 1
    assert {problem(answer) for answer in answers if answer.status_code != 200} <= {
        (409, "LastAdmins"),
        (403, "Forbidden"),
    }


async def test_an_admin_for_a_while_does_not_count(db: Connection, desk: httpx.AsyncClient, admins: Admins) -> None:
    one, other = admins
    passing = await a_staff_member(db, role=None)
    for_a_day = {"role": "admin", "until": (city_now() + timedelta(days=1)).isoformat()}
    grant_id = new_id()
    await put(desk, one, grant_id, body=wanted(passing, **for_a_day))
    assert (await put(desk, other, grant_id, "approval")).status_code == 200
    [mine], [theirs] = [await db.fetch(sql.role_rows, admin.id) for admin in admins]
    assert problem(await put(desk, passing, theirs["grant_id"], "revocation", REASON)) == (409, "LastAdmins")
    shorter = new_id()
    await put(desk, one, shorter, body=wanted(other, **for_a_day))
    assert problem(await put(desk, passing, shorter, "approval")) == (409, "LastAdmins")
    assert (await put(desk, other, theirs["grant_id"], "revocation", REASON)).status_code == 200
    assert problem(await put(desk, one, mine["grant_id"], "revocation", REASON)) == (409, "LastAdmin")
    assert (await put(desk, one, grant_id, "revocation", REASON)).status_code == 200


async def test_grants_are_listed_by_member_and_agency_in_pages(
    db: Connection, desk: httpx.AsyncClient, admins: Admins
) -> None:
    one, _ = admins
    officer = await a_staff_member(db, role="agency_officer", agency="urban-management")
    member = await a_staff_member(db, role="clerk", agency="counter-thuan-hoa")
    listed = (await desk.get("/v1/staff/grants", headers=one.headers, params={"agency": "urban-management"})).json()
    assert [grant["principal_id"] for grant in listed["items"]] == [str(officer.id)]
    compliance = await a_staff_member(db, role="compliance")
    seen: list[str] = []
    query: dict[str, str] = {"limit": "2"}
    while True:
        page = (await desk.get("/v1/staff/grants", headers=compliance.headers, params=query)).json()
        seen += [grant["principal_id"] for grant in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen[:3] == [str(compliance.id), str(member.id), str(officer.id)]
    assert problem(await desk.get("/v1/staff/grants", headers=officer.headers)) == (403, "Forbidden")
