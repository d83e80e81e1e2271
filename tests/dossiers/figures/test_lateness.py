"""Heads see what is late at their agency, and supervisors what is late anywhere, the worst first."""

from datetime import timedelta
from typing import Any

import httpx

from app.clock import city_now
from app.db import Connection
from tests.dossiers.figures.planted import columns, done, plant, the_procedures
from tests.makers import StaffMember, a_staff_member

DOOR = "/v1/staff/dossiers/lateness"


async def pages(desk: httpx.AsyncClient, who: StaffMember, **asked: Any) -> list[dict[str, Any]]:
    """Everything, page by page."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await desk.get(DOOR, params=asked | cursor, headers=who.headers)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= asked.get("limit", 50)
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


async def test_the_worst_comes_first_and_each_once(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    now, agencies = city_now(), ("counter-city", "counter-thuan-hoa", "land-registry")
    late = [
        columns(agency_code=agencies[number % 3], first_due_at=now - timedelta(days=number // 2))
        for number in range(1, 24)
    ]
    await plant(db, late)
    not_late = {"agency_code": "counter-city", "first_due_at": now - timedelta(days=1)}
    await plant(
        db,
        [
            columns(**not_late, paused=True),
            done(300, **not_late),
            columns(**not_late, finished_at=now),
            columns(accepted_at=None),
            columns(first_due_at=now + timedelta(days=60)),
        ],
    )
    wanted = sorted(late, key=lambda row: (row["due_at"], row["id"]))
    supervisor = await a_staff_member(db, role="supervisor")
    seen = await pages(desk, supervisor, limit=4)
    assert [line["dossier_id"] for line in seen] == [str(row["id"]) for row in wanted]
    assert seen[0]["overdue"]
    assert seen[0]["late_days"] >= 5
    assert seen[0]["name"] == "Đăng ký khai sinh"
    at_one = await pages(desk, supervisor, agency="land-registry")
    assert {line["agency"] for line in at_one} == {"land-registry"}
    head = await a_staff_member(db, role="agency_head", agency="counter-city")
    mine = await pages(desk, head, limit=3)
    assert [line["dossier_id"] for line in mine] == [
        str(row["id"]) for row in wanted if row["agency_code"] == "counter-city"
    ]
    assert await pages(desk, head, agency="counter-city") == mine


async def test_what_will_be_late_within_some_working_days(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_procedures(db)
    now = city_now()
    await plant(db, [columns(first_due_at=now + timedelta(days=days)) for days in (-30, 11, 60)])
    head = await a_staff_member(db, role="agency_head", agency="counter-city")
    seen = await pages(desk, head, within_days=10)
    assert [(line["overdue"], line["late_days"]) for line in seen] == [(True, seen[0]["late_days"]), (False, 0)]
    assert 15 <= seen[0]["late_days"] <= 22
    assert len(await pages(desk, head, within_days=0)) == 1


async def test_a_head_sees_no_other_agency(db: Connection, desk: httpx.AsyncClient) -> None:
    head = await a_staff_member(db, role="agency_head", agency="counter-city")
    answer = await desk.get(DOOR, params={"agency": "land-registry"}, headers=head.headers)
    assert answer.status_code == 403
    officer = await a_staff_member(db, role="agency_officer", agency="counter-city")
    assert (await desk.get(DOOR, headers=officer.headers)).status_code == 403
