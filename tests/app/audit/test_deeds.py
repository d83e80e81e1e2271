"""What residents do to their own doors is in the audit, and so is that the audit was read."""

import asyncio

import httpx
import pytest

from app.audit import records
from app.audit.chain import head_of, link
from app.db import Connection
from tests.app.phones import PLAY_PHONE, bearer, problem, refreshed, signed_in, tries
from tests.conftest import City, Later
from tests.makers import PIN, a_resident, a_staff_member
from tests.statements import sql


async def deeds_about(db: Connection, subject: object) -> list[tuple[str, str]]:
    """What was done to somebody, and by what kind of actor."""
    return [(row["action"], row["actor_kind"]) for row in await db.fetch(sql.audit_about, str(subject))]


async def test_signing_in_and_out_is_audited(db: Connection, desk: httpx.AsyncClient) -> None:
    session = await signed_in(desk)
    me = session["me"]["id"]
    assert (await desk.put("/v1/me/pin", headers=bearer(session), json={"pin": PIN})).status_code == 204
    assert (await desk.delete("/v1/sign-in/sessions/current", headers=bearer(session))).status_code == 204
    assert await deeds_about(db, me) == [
        ("identity.signed_in", "resident"), ("identity.pin_set", "resident"), ("identity.signed_out", "resident"),
    ]  # fmt: skip
    [row, *_] = await db.fetch(sql.audit_about, me)
    assert (str(row["actor_id"]), row["data"]["new_device"], row["data"]["confirmed"]) == (me, True, True)
    assert PLAY_PHONE not in repr(row)


async def test_a_refresh_token_that_is_used_again_is_audited(db: Connection, desk: httpx.AsyncClient) -> None:
    session = await signed_in(desk)
    renewed = (await refreshed(desk, session["refresh_token"])).json()
    assert (await refreshed(desk, renewed["refresh_token"])).status_code == 201
    assert (await refreshed(desk, session["refresh_token"])).status_code == 401
    assert (await deeds_about(db, session["me"]["id"]))[-1] == ("identity.refresh_reused", "city")


async def test_a_pin_that_is_guessed_at_is_audited(db: Connection, desk: httpx.AsyncClient, later: Later) -> None:
    resident = await a_resident(db)
    await tries(desk, resident, 5)
    assert await deeds_about(db, resident.id) == [("identity.pin_locked", "city")]
    await later(901)
    await tries(desk, resident, 5)
    assert (await deeds_about(db, resident.id))[-1] == ("identity.pin_exhausted", "city")


# Reading


async def test_the_audit_is_read_by_actor_subject_and_deed(db: Connection, desk: httpx.AsyncClient) -> None:
    resident, reader = await a_resident(db), await a_staff_member(db, role="compliance")
    changed = {"pin": "846201", "old_pin": PIN}
    assert (await desk.put("/v1/me/pin", headers=resident.headers, json=changed)).status_code == 204
    for asked in ({"actor_id": str(resident.id)}, {"subject": str(resident.id)}, {"action": "identity.pin_changed"}):
        answer = await desk.get("/v1/staff/audit", headers=reader.headers, params=asked)
        assert answer.status_code == 200, answer.text
        [row] = [row for row in answer.json()["items"] if row["subject"] == str(resident.id)][-1:]
        assert (row["action"], row["actor_kind"], row["position"]) == ("identity.pin_changed", "resident", None)


async def test_reading_is_a_deed(db: Connection, desk: httpx.AsyncClient) -> None:
    reader = await a_staff_member(db, role="admin")
    asked = {"subject": "19777", "action": "staff.signed_in", "limit": 5}
    assert (await desk.get("/v1/staff/audit", headers=reader.headers, params=asked)).json()["items"] == []
    [row] = await db.fetch(sql.audit_about, "19777")
    asked = {"of_actor": None, "of_action": "staff.signed_in", "before": None}
    assert (row["actor_id"], row["action"], row["data"]) == (reader.id, "audit.read", asked)


async def test_the_audit_has_pages(db: Connection, desk: httpx.AsyncClient) -> None:
    reader = await a_staff_member(db, role="compliance")
    for _ in range(5):
        await records.record(db, reader.me, "test.done", "ground")
    seen: list[int] = []
    cursor: str | None = None
    while True:
        asked = {"subject": "ground", "action": "test.done", "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await desk.get("/v1/staff/audit", headers=reader.headers, params=asked)).json()
        seen += [row["id"] for row in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == 5
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize(
    "asked",
    [{"actor_id": "1"}, {"action": "x"}, {"subject": "\0"}, {"cursor": "x"}, {"cursor": "W10"}, {"limit": "101"},
     {"cursor": "WzFlMzBd"}, {"subject": "a\n"}],
)  # fmt: skip
async def test_what_cannot_be_asked_is_malformed(
    db: Connection, desk: httpx.AsyncClient, asked: dict[str, str]
) -> None:
    reader = await a_staff_member(db, role="compliance")
    assert (await desk.get("/v1/staff/audit", headers=reader.headers, params=asked)).status_code == 400


async def test_nobody_else_reads_it(db: Connection, desk: httpx.AsyncClient) -> None:
    for who in (
        await a_resident(db),
        await a_staff_member(db, role="supervisor"),
        await a_staff_member(db, role=None),
    ):
        assert problem(await desk.get("/v1/staff/audit", headers=who.headers)) == (403, "Forbidden")


# The chain of a city that runs


async def test_a_worker_links_beside_its_queue(city: City) -> None:
    async with city.database.transaction() as db:
        reader = await a_staff_member(db, role="compliance")
    for _ in range(3):
        assert (await city.client.get("/v1/staff/audit", headers=reader.headers)).status_code == 200
    working = asyncio.create_task(city.worker.run())
    async with asyncio.timeout(10), city.database.acquire() as db:
        while (await head_of(db)).position < 3:  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.05)
    city.worker.stop()
    await working
    page = (await city.client.get("/v1/staff/audit", headers=reader.headers, params={"limit": 5})).json()
    assert [row["position"] for row in page["items"]] == [3, 2, 1]
    numbers = (await city.client.get("/metrics")).text
    assert "huong_audit_head_position 3.0" in numbers
    assert "huong_audit_waiting 1.0" in numbers
    assert await link(city.database) == 1
