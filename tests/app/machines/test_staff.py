"""Administrators look after machines: register, change, close; make and revoke keys; all of it audited."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.clock import city_now
from app.db import Connection
from app.machines import key_text, keys
from app.types import new_id
from tests.app.phones import problem
from tests.conftest import City, Later
from tests.makers import StaffMember, a_machine, a_resident, a_staff_member
from tests.statements import sql

MACHINE: dict[str, Any] = {
    "name": "Cổng thanh toán Điện lực Huế",
    "agency": "city",
    "scopes": ["bills.write", "bills.read", "bills.read"],
    "addresses": ["203.0.113.7", "2001:DB8::/64"],
}


@pytest.fixture
async def admin(db: Connection) -> StaffMember:
    return await a_staff_member(db, role="admin")


def at(machine_id: UUID, *more: object) -> str:
    return "/".join(["/v1/staff/machines", str(machine_id), *map(str, more)])


async def put(desk: httpx.AsyncClient, admin: StaffMember, machine_id: UUID, **other: Any) -> httpx.Response:
    return await desk.put(at(machine_id), headers=admin.headers, json=MACHINE | other)


async def make_key(desk: httpx.AsyncClient, admin: StaffMember, machine_id: UUID, **body: Any) -> httpx.Response:
    return await desk.post(at(machine_id, "keys"), headers=admin.headers, json=body)


# A machine


async def test_a_machine_is_registered_once_however_often_it_is_put(
    desk: httpx.AsyncClient, db: Connection, admin: StaffMember
) -> None:
    machine_id = new_id()
    put_once, put_again = [await put(desk, admin, machine_id) for _ in range(2)]
    assert put_once.status_code == 200
    assert put_once.json() == put_again.json()
    made = put_once.json()
    assert (made["scopes"], made["addresses"]) == (["bills.read", "bills.write"], ["203.0.113.7/32", "2001:db8::/64"])
    assert (made["plain_key"], made["last_used_at"], made["closed_at"]) == (False, None, None)
    [row] = await db.fetch(sql.audited, "machines.%")
    assert (row["actor_id"], row["action"], row["subject"]) == (admin.id, "machines.machine_made", str(machine_id))


async def test_a_machine_changes_and_the_audit_knows_what_it_was(
    desk: httpx.AsyncClient, db: Connection, admin: StaffMember
) -> None:
    machine_id = new_id()
    await put(desk, admin, machine_id)
    changed = await put(desk, admin, machine_id, scopes=["statistics.read"], agency=None, plain_key=True)
    assert (changed.json()["scopes"], changed.json()["agency"], changed.json()["plain_key"]) == (
        ["statistics.read"], None, True,
    )  # fmt: skip
    row = (await db.fetch(sql.audited, "machines.machine_changed"))[0]
    assert row["data"]["before"]["scopes"] == ["bills.read", "bills.write"]
    assert row["data"]["after"]["scopes"] == ["statistics.read"]


async def test_a_scope_that_was_taken_back_opens_nothing_at_once_here(
    desk: httpx.AsyncClient, db: Connection, admin: StaffMember
) -> None:
    machine = await a_machine(db, ["bills.read"])
    for scopes in (["bills.read"], []):
        await put(desk, admin, machine.id, scopes=scopes, addresses=[])
        answer = await desk.get("/v1/machine", headers=machine.sign("GET", "/v1/machine"))
        assert answer.json()["scopes"] == scopes


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": ["everything"]}, {"scopes": "bills.read"}, {"addresses": ["203.0.113.7/24"]},
        {"addresses": ["203.0.113.0/33"]}, {"addresses": ["999.0.0.1"]}, {"addresses": ["::1/129"]},
        {"addresses": ["hue.example"]}, {"addresses": ["10.0.0.0/8"] * 51}, {"name": ""}, {"plain_key": None},
        {"addresses": [":" * 49]}, {"addresses": ["1/١"]},
    ],
)  # fmt: skip
async def test_what_is_no_machine_is_not_registered(
    desk: httpx.AsyncClient, admin: StaffMember, wrong: dict[str, Any]
) -> None:
    assert problem(await put(desk, admin, new_id(), **wrong)) == (400, "Malformed")


async def test_an_agency_must_be_there(desk: httpx.AsyncClient, admin: StaffMember) -> None:
    machine_id = new_id()
    assert problem(await put(desk, admin, machine_id, agency="nowhere")) == (404, "UnknownAgency")
    assert (await put(desk, admin, machine_id)).status_code == 200


async def test_a_machine_takes_nobodys_id(desk: httpx.AsyncClient, db: Connection, admin: StaffMember) -> None:
    for taken in ((await a_resident(db)).id, admin.id):
        assert problem(await put(desk, admin, taken)) == (409, "MachineIdTaken")


async def test_machines_are_listed_newest_first_and_shown_with_their_keys(
    desk: httpx.AsyncClient, db: Connection, admin: StaffMember
) -> None:
    made = [await a_machine(db) for _ in range(3)]
    listed: list[str] = []
    page: dict[str, Any] = {"next": ""}
    while page["next"] is not None:
        cursor = {"cursor": page["next"]} if page["next"] else {}
        params = {"limit": "2", **cursor}
        page = (await desk.get("/v1/staff/machines", headers=admin.headers, params=params)).json()
        listed += [machine["id"] for machine in page["items"]]
    assert listed == [str(machine.id) for machine in reversed(made)]
    shown = await desk.get(at(made[0].id), headers=admin.headers)
    assert [key["id"] for key in shown.json()["keys"]] == [str(made[0].key_id)]
    assert made[0].key[30:] not in shown.text
    assert problem(await desk.get(at(admin.id), headers=admin.headers)) == (404, "NotFound")


async def test_a_closed_machine_and_its_keys_are_closed_for_good(
    desk: httpx.AsyncClient, db: Connection, admin: StaffMember
) -> None:
    machine = await a_machine(db)
    assert (await desk.get("/v1/machine", headers=machine.sign("GET", "/v1/machine"))).status_code == 200
    reason = {"reason": "Hết hợp đồng"}
    closed = [await desk.put(at(machine.id, "closure"), headers=admin.headers, json=reason) for _ in range(2)]
    assert closed[0].json()["close_reason"] == "Hết hợp đồng"
    assert closed[0].json() == closed[1].json()
    answer = await desk.get("/v1/machine", headers=machine.sign("GET", "/v1/machine"))
    assert problem(answer) == (401, "KeyRefused")
    assert problem(await make_key(desk, admin, machine.id)) == (409, "MachineIsClosed")
    assert problem(await put(desk, admin, machine.id)) == (409, "MachineIsClosed")
    assert len(await db.fetch(sql.audited, "machines.machine_closed")) == 1
    unknown = await desk.put(at(uuid4(), "closure"), headers=admin.headers, json=reason)
    assert problem(unknown) == (404, "NotFound")


async def test_only_whoever_was_granted_admin_looks_after_machines(desk: httpx.AsyncClient, db: Connection) -> None:
    machine = await a_machine(db)
    for role in ("operator", "compliance", "agency_head"):
        other = await a_staff_member(db, role=role)
        assert problem(await put(desk, other, machine.id)) == (403, "Forbidden")
        assert problem(await make_key(desk, other, machine.id)) == (403, "Forbidden")
    itself = machine.sign("PUT", at(machine.id), b"{}")
    answer = await desk.put(at(machine.id), headers=itself | {"content-type": "application/json"}, content=b"{}")
    assert problem(answer) == (403, "Forbidden")


# Its keys


async def test_a_key_is_shown_once_and_kept_sealed(
    desk: httpx.AsyncClient, db: Connection, admin: StaffMember
) -> None:
    machine_id = new_id()
    await put(desk, admin, machine_id, addresses=[])
    made = (await make_key(desk, admin, machine_id)).json()
    key_id, secret = key_text.read(made["key"])
    assert (str(key_id), made["keyid"]) == (made["key_id"], made["key"][:30])
    kept = await db.fetchrow(sql.machine_key, key_id)
    assert kept is not None
    assert secret not in kept["sealed"]
    good = await keys.good(db, key_id)
    assert good is not None
    assert good.text() == made["key"]
    assert secret.hex() not in repr(good)
    audited = repr([dict(row) for row in await db.fetch(sql.audited, "machines.%")])
    assert made["key_id"] in audited
    assert made["key"][30:] not in audited


async def test_two_keys_live_and_one_makes_room_for_another(
    desk: httpx.AsyncClient, db: Connection, admin: StaffMember
) -> None:
    machine = await a_machine(db)
    second = await make_key(desk, admin, machine.id)
    assert second.status_code == 201
    assert problem(await make_key(desk, admin, machine.id)) == (409, "TwoKeysLive")
    answer = await desk.get("/v1/machine", headers=machine.sign("GET", "/v1/machine"))
    assert answer.status_code == 200
    revoked = await desk.delete(at(machine.id, "keys", machine.key_id), headers=admin.headers)
    assert revoked.status_code == 204
    answer = await desk.get("/v1/machine", headers=machine.sign("GET", "/v1/machine"))
    assert problem(answer) == (401, "KeyRefused")
    assert (await make_key(desk, admin, machine.id)).status_code == 201
    again = await desk.delete(at(machine.id, "keys", machine.key_id), headers=admin.headers)
    assert problem(again) == (404, "NotFound")
    kept = await db.fetchrow(sql.machine_key, machine.key_id)
    assert kept is not None
    assert (kept["sealed"], kept["revoked_by"]) == (None, admin.id)


async def test_ten_administrators_at_once_make_two_keys(town: City) -> None:
    async with town.database.transaction() as db:
        admin = await a_staff_member(db, role="admin")
    machine_id = new_id()
    puts = await asyncio.gather(*(put(town.client, admin, machine_id) for _ in range(5)))
    assert [answer.status_code for answer in puts] == [200] * 5
    answers = await asyncio.gather(*(make_key(town.client, admin, machine_id) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [409] * 8
    assert {problem(answer)[1] for answer in answers if answer.status_code == 409} == {"TwoKeysLive"}


async def test_a_key_that_ended_by_itself_makes_room(
    desk: httpx.AsyncClient, db: Connection, admin: StaffMember, later: Later
) -> None:
    machine_id = new_id()
    await put(desk, admin, machine_id)
    soon = (city_now() + timedelta(minutes=1)).isoformat()
    assert [(await make_key(desk, admin, machine_id, expires_at=soon)).status_code for _ in range(2)] == [201, 201]
    assert problem(await make_key(desk, admin, machine_id)) == (409, "TwoKeysLive")
    await later(61)
    assert (await make_key(desk, admin, machine_id)).status_code == 201
    past = (city_now() - timedelta(seconds=1)).isoformat()
    assert problem(await make_key(desk, admin, machine_id, expires_at=past)) == (400, "KeyEndsInThePast")


async def test_a_key_is_revoked_under_its_own_machine_only(
    desk: httpx.AsyncClient, db: Connection, admin: StaffMember
) -> None:
    one, other = await a_machine(db), await a_machine(db)
    crossed = await desk.delete(at(one.id, "keys", other.key_id), headers=admin.headers)
    assert problem(crossed) == (404, "NotFound")
    answer = await desk.get("/v1/machine", headers=other.sign("GET", "/v1/machine"))
    assert answer.status_code == 200
    assert problem(await make_key(desk, admin, uuid4())) == (404, "NotFound")
