"""The breach register and its 72 hours."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.clock import city_now
from app.db import Connection
from app.worker import SCHEDULE, Worker
from tests.app.phones import problem
from tests.conftest import Later, OneConnection
from tests.makers import StaffMember, a_resident, a_staff_member
from tests.statements import sql


def known(**more: Any) -> dict[str, Any]:
    """What is known of a breach."""
    return {
        "found_at": (city_now() - timedelta(hours=1)).isoformat(),
        "what": "Tệp sao lưu bị gửi nhầm địa chỉ.",
        "kinds_of_data": ["phone", "name"],
        "harm": "Người nhận biết số điện thoại của cư dân.",
        "measures": "Đã yêu cầu xóa; đang xác minh.",
    } | more


async def put(
    client: httpx.AsyncClient, officer: StaffMember, breach_id: UUID, body: dict[str, Any], beneath: str = ""
) -> httpx.Response:
    """PUT a breach, its notification or its closure."""
    return await client.put(f"/v1/staff/breaches/{breach_id}{beneath}", headers=officer.headers, json=body)


@pytest.fixture
async def officer(db: Connection) -> StaffMember:
    return await a_staff_member(db, role="compliance")


async def test_a_breach_from_its_finding_to_what_was_learnt(
    desk: httpx.AsyncClient, db: Connection, officer: StaffMember
) -> None:
    breach_id, first = uuid4(), known()
    written = await put(desk, officer, breach_id, first)
    assert (written.status_code, written.json()["version"], written.json()["hours_left"]) == (200, 1, 70)
    found_at = datetime.fromisoformat(first["found_at"])
    assert datetime.fromisoformat(written.json()["notify_by"]) == found_at + timedelta(hours=72)
    assert (await put(desk, officer, breach_id, first)).json()["version"] == 1, "the same is no new version"
    more = first | {"people_affected": 1200, "happened_at": first["found_at"]}
    assert (await put(desk, officer, breach_id, more)).json()["version"] == 2
    lessons = {"lessons": "Mã hóa mọi bản sao lưu."}
    assert problem(await put(desk, officer, breach_id, lessons, "/closure")) == (409, "BreachNotNotified")
    sent = {"sent_at": city_now().isoformat(), "reference": "A05/2026/17"}
    told = await put(desk, officer, breach_id, sent, "/notification")
    assert (told.status_code, told.json()["hours_left"], told.json()["reference"]) == (200, None, "A05/2026/17")
    assert (await put(desk, officer, breach_id, sent, "/notification")).status_code == 200
    other = sent | {"reference": "khác"}
    assert problem(await put(desk, officer, breach_id, other, "/notification")) == (409, "BreachAlreadyNotified")
    closed = await put(desk, officer, breach_id, lessons, "/closure")
    assert (closed.json()["lessons"], closed.json()["version"]) == (lessons["lessons"], 2)
    assert problem(await put(desk, officer, breach_id, known(), "")) == (409, "BreachClosed")
    assert problem(await put(desk, officer, breach_id, {"lessons": "Khác"}, "/closure")) == (409, "BreachClosed")
    [line, *_] = (await desk.get("/v1/staff/breaches", headers=officer.headers)).json()["items"]
    assert (line["breach_id"], line["people_affected"]) == (str(breach_id), 1200)
    actions = [row["action"] for row in await db.fetch(sql.audit_actions, str(breach_id))]
    assert actions == [
        "privacy.breach_reported", "privacy.breach_reported", "privacy.breach_notified", "privacy.breach_closed"
    ]  # fmt: skip


async def test_a_later_version_wins_no_time(desk: httpx.AsyncClient, officer: StaffMember) -> None:
    breach_id = uuid4()
    first = await put(desk, officer, breach_id, known(found_at=(city_now() - timedelta(hours=70)).isoformat()))
    later = await put(desk, officer, breach_id, known())
    assert later.json()["version"] == 2
    assert later.json()["notify_by"] == first.json()["notify_by"]
    assert later.json()["hours_left"] == 1


@pytest.mark.parametrize(
    "more",
    [
        {"found_at": "2026-11-01T08:00:00"},
        {"found_at": "hôm qua"},
        {"kinds_of_data": []},
        {"kinds_of_data": ["secrets"]},
        {"kinds_of_data": ["phone"] * 21},
        {"people_affected": 0},
        {"people_affected": 1.0},
        {"what": " "},
        {"notified_at": "2026-11-01T08:00:00Z"},
    ],
)
async def test_a_breach_is_written_down_properly(
    desk: httpx.AsyncClient, officer: StaffMember, more: dict[str, Any]
) -> None:
    assert problem(await put(desk, officer, uuid4(), known(**more))) == (400, "Malformed")


async def test_nothing_is_found_in_the_future(desk: httpx.AsyncClient, officer: StaffMember) -> None:
    tomorrow = (city_now() + timedelta(days=1)).isoformat()
    assert problem(await put(desk, officer, uuid4(), known(found_at=tomorrow))) == (400, "BreachInTheFuture")
    await put(desk, officer, breach_id := uuid4(), known())
    sent = {"sent_at": tomorrow, "reference": "1"}
    assert problem(await put(desk, officer, breach_id, sent, "/notification")) == (400, "BreachInTheFuture")
    assert problem(await put(desk, officer, uuid4(), {"lessons": "x"}, "/closure")) == (404, "NotFound")


async def test_the_register_is_compliances(desk: httpx.AsyncClient, db: Connection) -> None:
    for nosy in (await a_resident(db), await a_staff_member(db, role="admin")):
        assert problem(await desk.get("/v1/staff/breaches", headers=nosy.headers)) == (403, "Forbidden")


async def test_the_clock_is_heard_at_24_hours_and_when_it_is_late_once_each(
    desk: httpx.AsyncClient, db: Connection, officer: StaffMember, later: Later
) -> None:
    await put(desk, officer, uuid4(), known(found_at=city_now().isoformat()))
    notified = uuid4()
    await put(desk, officer, notified, known(found_at=city_now().isoformat()))
    await put(desk, officer, notified, {"sent_at": city_now().isoformat(), "reference": "1"}, "/notification")
    crew = Worker(OneConnection(db), schedule=[task for task in SCHEDULE if task.name == "watch_breaches"])
    heard: list[list[str]] = []
    for hours in (47, 2, 1, 23, 1):
        await later(hours * 3600)
        await crew.keep_schedule()
        await crew.drain()
        rows = await db.fetch(sql.event_rows, "BreachClock")
        heard.append(["late" if row["data"]["late"] else "soon" for row in rows])
    assert heard == [[], ["soon"], ["soon"], ["soon", "late"], ["soon", "late"]]
    assert await db.fetchval(sql.kept_messages, officer.id) == 2
