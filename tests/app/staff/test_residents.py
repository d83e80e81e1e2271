"""A resident's file: found by whoever may, for a reason, a few at a time, and never without a trace."""

import httpx
import pytest

from app.db import Connection
from app.identity.models import Role
from app.types import masked_phone, new_id
from tests.app.staff.browser import problem
from tests.makers import StaffMember, a_resident, a_staff_member
from tests.statements import sql

WHY = "Người dân gọi tổng đài"


async def look_up(client: httpx.AsyncClient, who: StaffMember, phone: str) -> httpx.Response:
    body = {"phone": phone, "reason": WHY}
    return await client.post("/v1/staff/resident-look-ups", headers=who.headers, json=body)


async def open_file(client: httpx.AsyncClient, who: StaffMember, resident_id: object) -> httpx.Response:
    path = f"/v1/staff/residents/{resident_id}/openings"
    return await client.post(path, headers=who.headers, json={"reason": WHY})


async def lock(client: httpx.AsyncClient, who: StaffMember, resident_id: object) -> httpx.Response:
    path = f"/v1/staff/residents/{resident_id}/lock"
    return await client.put(path, headers=who.headers, json={"reason": WHY})


async def test_a_look_up_shows_enough_to_be_sure_and_no_more(db: Connection, desk: httpx.AsyncClient) -> None:
    operator, resident = await a_staff_member(db), await a_resident(db, name="Lê Thị Ngự Bình")
    found = await look_up(desk, operator, "0" + resident.phone[3:])
    assert (found.status_code, found.json()) == (
        201,
        {"resident_id": str(resident.id), "name": "L*** T*** N*** Bình", "level": 2, "locked": False},
    )
    [row] = await db.fetch(sql.file_openings, resident.id)
    assert (row["actor_id"], row["reason"]) == (operator.id, WHY)


async def test_opening_a_file_leaves_a_row_that_its_owner_can_read(db: Connection, desk: httpx.AsyncClient) -> None:
    clerk, resident = await a_staff_member(db, role="clerk"), await a_resident(db)
    opened = await open_file(desk, clerk, resident.id)
    assert opened.status_code == 201
    file = opened.json()
    assert (file["name"], file["phone"], file["devices"]) == (resident.name, resident.phone, 1)
    assert (file["level"], file["locked_at"]) == (2, None)
    [row] = await db.fetch(sql.file_openings, resident.id)
    assert (row["actor_id"], row["what"], row["reason"]) == (clerk.id, "Hồ sơ tài khoản", WHY)
    [audited] = await db.fetch(sql.audited, "staff.resident%")
    assert (audited["actor_id"], audited["subject"]) == (clerk.id, str(resident.id))


async def test_a_number_that_nobody_has_is_counted_and_recorded_but_not_whole(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    operator, phone = await a_staff_member(db), "+84905123456"
    assert problem(await look_up(desk, operator, phone)) == (404, "NoSuchResident")
    [row] = await db.fetch(sql.audited, "staff.resident_looked_up")
    assert row["data"] == {"phone": masked_phone(phone)}
    [budget] = [row for row in await db.fetch(sql.budgets) if str(operator.id) in row["key"]]
    assert budget["used"] == 1


async def test_staff_are_no_residents(db: Connection, desk: httpx.AsyncClient) -> None:
    operator, other = await a_staff_member(db), await a_staff_member(db, role="clerk")
    for somebody in (other.id, new_id()):
        assert problem(await open_file(desk, operator, somebody)) == (404, "NotFound")
        assert problem(await lock(desk, operator, somebody)) == (404, "NotFound")
    assert (await desk.get("/v1/staff/session", headers=other.headers)).status_code == 200


async def test_thirty_files_in_ten_minutes_and_no_more(db: Connection, desk: httpx.AsyncClient) -> None:
    operator, resident = await a_staff_member(db), await a_resident(db)
    for n in range(30):
        answer = await (open_file(desk, operator, resident.id) if n % 2 else look_up(desk, operator, resident.phone))
        assert answer.status_code == 201
    for answer in (await open_file(desk, operator, resident.id), await look_up(desk, operator, resident.phone)):
        assert problem(answer) == (429, "TooManyRequests")
    assert len(await db.fetch(sql.file_openings, resident.id)) == 30
    other = await a_staff_member(db)
    assert (await open_file(desk, other, resident.id)).status_code == 201


@pytest.mark.parametrize("role", ["agency_officer", "agency_head", "finance", "admin"])
async def test_whoever_has_no_business_with_it_opens_no_file(
    db: Connection, desk: httpx.AsyncClient, role: Role
) -> None:
    member, resident = await a_staff_member(db, role=role), await a_resident(db)
    assert problem(await look_up(desk, member, resident.phone)) == (403, "Forbidden")
    assert problem(await open_file(desk, member, resident.id)) == (403, "Forbidden")
    assert problem(await lock(desk, member, resident.id)) == (403, "Forbidden")
    assert await db.fetch(sql.file_openings, resident.id) == []


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "   "}, {"reason": "x" * 501}, {"reason": None}])
async def test_nothing_is_opened_without_a_reason(
    db: Connection, desk: httpx.AsyncClient, body: dict[str, object]
) -> None:
    operator, resident = await a_staff_member(db), await a_resident(db)
    path = f"/v1/staff/residents/{resident.id}/openings"
    assert problem(await desk.post(path, headers=operator.headers, json=body)) == (400, "Malformed")


async def test_the_hotline_locks_an_account(db: Connection, desk: httpx.AsyncClient) -> None:
    operator, resident = await a_staff_member(db), await a_resident(db)
    assert (await lock(desk, operator, resident.id)).status_code == 204
    assert (await lock(desk, operator, resident.id)).status_code == 204, "twice is once"
    assert await db.fetch(sql.session_ends, resident.id) == [("locked",)]
    assert (await look_up(desk, operator, resident.phone)).json()["locked"] is True
    [news] = await db.fetch(sql.event_rows, "AccountLocked")
    assert news["data"]["how"] == "hotline"
    clerk = await a_staff_member(db, role="clerk")
    assert problem(await lock(desk, clerk, resident.id)) == (403, "Forbidden")
