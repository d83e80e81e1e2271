"""Short words for tests of warnings: what is written, by whom, and what became of it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

from app.clock import city_now
from tests.makers import StaffMember


def words(**other: Any) -> dict[str, Any]:
    """A warning of heavy rain for the whole city, as the operations centre sends it: moderate, so that one may."""
    return {
        "msg_type": "Alert",
        "status": "Actual",
        "categories": ["Met"],
        "event_vi": "Mưa lớn",
        "event_en": "Heavy rain",
        "urgency": "Expected",
        "severity": "Moderate",
        "certainty": "Likely",
        "expires_at": in_hours(12),
        "headline_vi": "Mưa lớn từ chiều nay",
        "headline_en": "Heavy rain from this afternoon",
        "description_vi": "Lượng mưa 100–200 mm.",
        "description_en": "100 to 200 mm of rain.",
    } | other


def in_hours(hours: float) -> str:
    """A moment from now, as JSON has it."""
    return (city_now() + timedelta(hours=hours)).isoformat()


async def put(
    desk: httpx.AsyncClient, who: StaffMember, *, alert_id: UUID | None = None, **other: Any
) -> httpx.Response:
    """Whatever the answer is."""
    alert_id = alert_id or uuid4()
    return await desk.put(f"/v1/staff/alerts/{alert_id}", headers=who.headers, json=words(**other))


async def written(
    desk: httpx.AsyncClient, who: StaffMember, *, alert_id: UUID | None = None, **other: Any
) -> dict[str, Any]:
    """A warning that was written, as its writer sees it."""
    answer = await put(desk, who, alert_id=alert_id, **other)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def approval(desk: httpx.AsyncClient, who: StaffMember, alert_id: object) -> httpx.Response:
    """Whatever the answer to the second pair of eyes is."""
    return await desk.put(f"/v1/staff/alerts/{alert_id}/approval", headers=who.headers, json={})


async def in_force(desk: httpx.AsyncClient, **asked: Any) -> list[str]:
    """The ids of what everybody sees in force, newest first."""
    answer = await desk.get("/v1/alerts", params=asked)
    assert answer.status_code == 200, answer.text
    return [alert["id"] for alert in answer.json()["items"]]


def problem(answer: httpx.Response) -> tuple[int, str]:
    """How it said no, and that it did so in both languages."""
    said = answer.json()
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert said["title"]
    assert said["title_translated"].keys() <= {"vi", "en"}
    return answer.status_code, said["type"].rpartition(":")[2]


def moment(text: str) -> datetime:
    """A moment as JSON has it."""
    return datetime.fromisoformat(text)
