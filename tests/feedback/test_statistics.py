"""How the city deals with what it is told, counted by hand and by the city."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.clock import city_today
from app.db import Connection
from feedback import statistics
from tests.feedback.fining import DECISION, a_case, fined, the_treasury
from tests.feedback.makers import a_centre, filed
from tests.feedback.planted import planted
from tests.makers import a_resident, a_staff_member
from tests.statements import sql

MORNING = datetime(2026, 3, 2, 2, tzinfo=UTC)
"""A Monday, nine o'clock in Huế."""
MARCH = {"from": "2026-03-01", "to": "2026-03-31"}


def after(hours: float) -> datetime:
    return MORNING + timedelta(hours=hours)


async def reported(db: Connection, status: str, answered: float | None = None, **other: Any) -> UUID:
    """A report of that morning that is due in two days; `answered`: so many hours later somebody said something."""
    first = None if answered is None else after(answered)
    return await planted(db, status=status, made_at=MORNING, first_answered_at=first, **other)


async def shown(desk: httpx.AsyncClient, **asked: str) -> dict[str, Any]:
    answer = await desk.get("/v1/feedback/statistics", params=MARCH | asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def row(desk: httpx.AsyncClient, key: str | None, **asked: str) -> dict[str, Any]:
    [found] = [row for row in (await shown(desk, **asked))["rows"] if row["key"] == key]
    return found


async def a_month(db: Connection) -> None:
    """Ten reports, each with another fate, and a complaint, which nobody counts."""
    kept, late = {"first_resolved_at": after(24)}, {"first_resolved_at": after(50)}
    good = await reported(db, "closed", 1, **kept, rating="satisfied", rated_at=after(30))
    await reported(
        db, "resolved", 2, first_resolved_at=after(72), due_at=after(96), rating="unsatisfied", rated_at=after(80)
    )
    await reported(db, "closed", 3, **late, rating="acceptable", rated_at=after(80))
    await reported(db, "assigned", 4)
    await reported(db, "in_progress", 10, asked_at=after(10))
    await reported(db, "submitted")
    await reported(db, "rejected", 5)
    await reported(db, "duplicate", 6, duplicate_of=good)
    again = {"reopened": 1, "due_at": datetime(2099, 1, 1, tzinfo=UTC)}
    extended = await reported(db, "assigned", 7, first_resolved_at=after(60), **again)
    officer, supervisor = await a_staff_member(db), await a_staff_member(db, role="supervisor")
    await db.execute(sql.plant_extension, extended, after(72), after(40), officer.id, supervisor.id)
    await reported(db, "closed", 8, **late, **again, rating="satisfied", rated_at=after(80))
    await reported(db, "resolved", 9, **kept, private=True, confidential=True, category_code="officer_conduct")


NUMBERS = {
    "received": 10, "accepted": 7, "rejected": 1, "duplicates": 1, "resolved": 4, "open": 4, "late_now": 2,
    "measured": 7, "on_time_first": 1, "on_time_first_share": 0.1429, "on_time_extended": 3,
    "on_time_extended_share": 0.4286, "reopened": 2, "satisfied": 2, "acceptable": 1, "unsatisfied": 1,
    "satisfied_share": 0.5, "first_answer_median_h": 5.0, "first_answer_p90_h": 10.0, "fines": 0,
    "fines_amount": 0,
}  # fmt: skip


async def test_a_month_by_hand(db: Connection, desk: httpx.AsyncClient) -> None:
    await a_month(db)
    said = await shown(desk, by="agency")
    assert (said["from_on"], said["to_on"], said["by"]) == ("2026-03-01", "2026-03-31", "agency")
    assert said["total"] == NUMBERS
    assert said["rows"] == [NUMBERS | {"key": "drainage", "name": "Đơn vị quản lý hạ tầng thoát nước và chiếu sáng"}]
    assert await row(desk, "street_light", by="category") == NUMBERS | {
        "key": "street_light",
        "name": "Chiếu sáng công cộng",
    }
    assert await row(desk, "19786", by="ward") == NUMBERS | {"key": "19786", "name": "Thuận Hóa"}
    assert await row(desk, "2026-03", by="month") == NUMBERS | {"key": "2026-03", "name": "03/2026"}


async def test_days_are_those_of_hue(db: Connection, desk: httpx.AsyncClient) -> None:
    before_midnight, midnight = datetime(2026, 3, 31, 16, 59, tzinfo=UTC), datetime(2026, 3, 31, 17, tzinfo=UTC)
    await planted(db, made_at=before_midnight)
    await planted(db, made_at=midnight)
    assert (await shown(desk))["total"]["received"] == 1
    april = await shown(desk, **{"from": "2026-03-01", "to": "2026-04-01"}, by="month")
    assert [(line["key"], line["received"]) for line in april["rows"]] == [("2026-03", 1), ("2026-04", 1)]


async def test_a_month_in_which_nothing_happened(desk: httpx.AsyncClient) -> None:
    said = await shown(desk, **{"from": "2020-01-01", "to": "2020-12-31"})
    assert said["rows"] == []
    assert said["total"]["received"] == 0
    assert said["total"]["on_time_first_share"] is None
    assert said["total"]["first_answer_median_h"] is None


@pytest.mark.parametrize("by", ["agency", "category", "ward", "month"])
async def test_one_or_two_private_reports_are_seen_nowhere(db: Connection, desk: httpx.AsyncClient, by: str) -> None:
    for _ in range(2):
        await reported(db, "assigned")
        await reported(db, "assigned", private=True)
    said = await shown(desk, by=by)
    assert [line["received"] for line in said["rows"]] == [2]
    assert said["total"]["received"] == 2
    await reported(db, "assigned", private=True)
    said = await shown(desk, by=by)
    assert [line["received"] for line in said["rows"]] == [5]
    assert said["total"]["received"] == 5


async def test_a_row_of_private_reports_alone_is_none_until_there_are_three(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    for ward, times in (("19777", 2), ("19810", 3)):
        for _ in range(times):
            await reported(db, "assigned", private=True, ward_code=ward)
    said = await shown(desk, by="ward")
    assert [(line["key"], line["received"]) for line in said["rows"]] == [("19810", 3)]
    assert said["total"]["received"] == 5


async def test_what_nobody_has_yet_is_a_row_without_a_name(db: Connection, desk: httpx.AsyncClient) -> None:
    await reported(db, "verified", agency_code=None)
    found = await row(desk, None)
    assert (found["received"], found["name"]) == (1, None)


async def test_names_are_in_the_callers_language(db: Connection, desk: httpx.AsyncClient) -> None:
    await reported(db, "assigned")
    answer = await desk.get("/v1/feedback/statistics", params=MARCH, headers={"accept-language": "en"})
    assert answer.json()["rows"][0]["name"] == "Drainage and lighting"
    assert answer.headers["vary"] == "accept-language"
    assert answer.headers["etag"]


async def test_what_the_verbs_did_is_counted(db: Connection, desk: httpx.AsyncClient) -> None:
    person, centre = await a_resident(db), await a_centre(db, desk)
    report = await filed(desk, person, category="public_order", text="Tụ tập gây ồn")
    await centre.hand_over(report["id"])
    await centre.resolve(report["id"])
    url = f"/v1/feedback/reports/{report['id']}"
    rated = await desk.put(f"{url}/rating", headers=person.headers, json={"rating": "satisfied"})
    assert rated.status_code == 200
    today = str(city_today())
    found = (await shown(desk, **{"from": today, "to": today}))["total"]
    assert (found["received"], found["on_time_first"], found["on_time_first_share"], found["satisfied"]) == (
        1,
        1,
        1,
        1,
    )


async def test_fines_that_stand_are_counted(db: Connection, desk: httpx.AsyncClient) -> None:
    await the_treasury(db)
    for number, change in ((1, None), (2, "cancellation")):
        case = await a_case(db)
        await fined(desk, case, {**DECISION, "decision_number": f"{number}/QĐ-XPHC"})
        if change:
            body = {"version": 2, "reason": "Nhầm biển số"}
            assert (await desk.put(f"{case.path}-{change}", headers=case.officer.headers, json=body)).is_success
    await a_case(db)
    today = str(city_today())
    found = (await shown(desk, **{"from": today, "to": today}))["total"]
    assert (found["received"], found["fines"], found["fines_amount"]) == (3, 1, DECISION["amount"])


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"from": "2026-03-02", "to": "2026-03-01"}, "BadPeriod"),
        ({"from": "2025-01-01", "to": "2026-01-02"}, "BadPeriod"),
        ({"from": "2026-02-30"}, "Malformed"),
        ({"by": "person"}, "Malformed"),
    ],
)
async def test_what_cannot_be_asked_is_refused(desk: httpx.AsyncClient, asked: dict[str, str], problem: str) -> None:
    answer = await desk.get("/v1/feedback/statistics", params=MARCH | asked)
    assert (answer.status_code, answer.json()["type"]) == (400, f"urn:huong:problem:{problem}")


async def test_a_year_with_a_leap_day_may_be_asked(desk: httpx.AsyncClient) -> None:
    assert (await desk.get("/v1/feedback/statistics", params={"from": "2024-01-01", "to": "2024-12-31"})).is_success


async def test_nobody_counts_without_end(desk: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "ASKED_AN_HOUR", 2)
    asked = [(await desk.get("/v1/feedback/statistics", params=MARCH)).status_code for _ in range(3)]
    assert asked == [200, 200, 429]
