"""Policies: changed by two, from a moment that lies ahead, and never rewritten."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from app import policies
from app.clock import city_now
from app.db import Connection
from tests.conftest import Later
from tests.makers import StaffMember, a_staff_member
from tests.statements import sql

CODE = "limit.month_general"


def wanted(value: int = 50_000_000, in_s: float = 3600) -> dict[str, Any]:
    moment = (city_now() + timedelta(seconds=in_s)).isoformat()
    return {"value": value, "effective_from": moment, "reason": "Quyết định 12 về hạn mức ví điện tử"}


async def send(
    desk: httpx.AsyncClient, member: StaffMember, change_id: UUID, verb: str, body: dict[str, Any], code: str = CODE
) -> httpx.Response:
    return await desk.put(f"/v1/staff/policies/{code}/changes/{change_id}{verb}", headers=member.headers, json=body)


async def test_what_two_have_decided_holds_from_its_moment_on(
    desk: httpx.AsyncClient, db: Connection, later: Later
) -> None:
    one, other, change_id, body = (
        await a_staff_member(db, role="compliance"),
        await a_staff_member(db, role="admin"),
        uuid4(),
        wanted(),
    )
    for _ in range(2):
        proposed = await send(desk, one, change_id, "", body)
        assert (proposed.status_code, proposed.json()["status"]) == (200, "proposed")
    assert (await send(desk, one, change_id, "", body | {"value": 1})).status_code == 409
    alone = await send(desk, one, change_id, "/approval", {})
    assert (alone.status_code, alone.json()["type"].rpartition(":")[2]) == (403, "SecondPairOfEyesNeeded")
    for _ in range(2):
        assert (await send(desk, other, change_id, "/approval", {})).json()["status"] == "approved"
    assert (await send(desk, one, change_id, "/refusal", {})).status_code == 409
    assert await policies.value(db, CODE) == 100_000_000
    listed = (await desk.get("/v1/staff/policies", headers=other.headers)).json()["items"]
    assert [item["coming"][0]["value"] for item in listed if item["code"] == CODE] == [50_000_000]
    await later(3601)
    assert await policies.value(db, CODE) == 50_000_000


async def test_no_change_is_made_in_the_past_or_of_what_is_not_there(desk: httpx.AsyncClient, db: Connection) -> None:
    one = await a_staff_member(db, role="compliance")
    assert (await send(desk, one, uuid4(), "", wanted(in_s=-1))).status_code == 400
    assert (await send(desk, one, uuid4(), "", wanted(), code="limit.nothing")).status_code == 404
    assert (await send(desk, one, uuid4(), "", wanted(value=-1))).status_code == 400
    assert (await send(desk, one, uuid4(), "/approval", {})).status_code == 404


async def test_an_approval_that_comes_too_late_changes_nothing(
    desk: httpx.AsyncClient, db: Connection, later: Later
) -> None:
    one, other = await a_staff_member(db, role="compliance"), await a_staff_member(db, role="compliance")
    change_id = uuid4()
    assert (await send(desk, one, change_id, "", wanted(in_s=600))).status_code == 200
    await later(601)
    assert (await send(desk, other, change_id, "/approval", {})).status_code == 400
    assert (await send(desk, other, change_id, "/refusal", {})).json()["status"] == "refused"


async def test_what_held_is_never_rewritten(db: Connection) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with db.transaction():
            await db.execute(sql.rewrite_policy, CODE)
