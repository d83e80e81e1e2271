"""What I ask of whoever holds my data, and the clock of two working days."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from prometheus_client import REGISTRY

from app.clock import add_working_days, calendar_from, city_today
from app.db import Connection
from app.privacy import data_requests
from app.worker import SCHEDULE, Worker
from tests.app.phones import problem
from tests.conftest import OneConnection
from tests.makers import Resident, StaffMember, a_resident, a_staff_member
from tests.statements import sql

LETTER = "Xin cho biết:\n\t- ai đã xem hồ sơ của tôi?\n"


async def ask(client: httpx.AsyncClient, me: Resident, data_request_id: UUID, **body: str) -> httpx.Response:
    """PUT a letter."""
    letter = {"kind": "access", "text": LETTER} | body
    return await client.put(f"/v1/me/data-requests/{data_request_id}", headers=me.headers, json=letter)


async def answer(
    client: httpx.AsyncClient,
    officer: StaffMember,
    data_request_id: UUID,
    text: str = "Đã gửi bản sao.",
    granted: bool = True,
) -> httpx.Response:
    """PUT an answer."""
    path = f"/v1/staff/data-requests/{data_request_id}/answer"
    return await client.put(path, headers=officer.headers, json={"text": text, "granted": granted})


async def listed(client: httpx.AsyncClient, officer: StaffMember, **query: Any) -> list[dict[str, Any]]:
    """What compliance sees."""
    found = await client.get("/v1/staff/data-requests", headers=officer.headers, params=query)
    assert found.status_code == 200, found.text
    return found.json()["items"]


async def test_a_request_is_due_in_two_working_days_and_answered(desk: httpx.AsyncClient, db: Connection) -> None:
    me, officer = await a_resident(db), await a_staff_member(db, role="compliance")
    request_id = uuid4()
    asked = await ask(desk, me, request_id)
    today = city_today()
    due_on = add_working_days(today, 2, await calendar_from(db, today))
    assert (asked.status_code, asked.json()["due_on"]) == (201, due_on.isoformat())
    [seen] = [one for one in await listed(desk, officer) if one["data_request_id"] == str(request_id)]
    assert (seen["resident_id"], seen["text"], seen["overdue"]) == (str(me.id), LETTER, False)
    answered = await answer(desk, officer, request_id)
    assert (answered.status_code, answered.json()["granted"]) == (200, True), answered.text
    assert str(request_id) not in {one["data_request_id"] for one in await listed(desk, officer)}
    assert str(request_id) in {one["data_request_id"] for one in await listed(desk, officer, open=False)}
    [mine] = (await desk.get("/v1/me/data-requests", headers=me.headers)).json()["items"]
    assert (mine["answer"], mine["granted"]) == ("Đã gửi bản sao.", True)
    await Worker(OneConnection(db)).drain()
    inbox = (await desk.get("/v1/notifications/inbox", headers=me.headers)).json()["items"]
    assert inbox[0]["title"] == "Yêu cầu về dữ liệu đã được trả lời"
    openings = (await desk.get("/v1/me/access-log", headers=me.headers)).json()["items"]
    assert len(openings) == 3, "the list was looked at before and after the answer"
    assert all(opening["opened_as"] == [{"agency": "city", "role": "compliance"}] for opening in openings)
    [deed] = await db.fetch(sql.audit_actions, str(request_id))
    assert (deed["actor_id"], deed["action"]) == (officer.id, "privacy.data_request_answered")


async def test_the_same_again_is_the_same_and_something_else_is_not(desk: httpx.AsyncClient, db: Connection) -> None:
    me, other, officer = await a_resident(db), await a_resident(db), await a_staff_member(db, role="compliance")
    request_id = uuid4()
    assert [(await ask(desk, me, request_id)).status_code for _ in range(2)] == [201, 200]
    assert problem(await ask(desk, me, request_id, text="Khác")) == (409, "DataRequestIdTaken")
    assert problem(await ask(desk, other, request_id)) == (409, "DataRequestIdTaken")
    assert [(await answer(desk, officer, request_id)).status_code for _ in range(2)] == [200, 200]
    assert problem(await answer(desk, officer, request_id, granted=False)) == (409, "AlreadyAnswered")
    assert problem(await answer(desk, officer, uuid4())) == (404, "NotFound")


async def test_only_compliance_sees_what_is_asked(desk: httpx.AsyncClient, db: Connection) -> None:
    me, clerk, admin = (
        await a_resident(db),
        await a_staff_member(db, role="clerk"),
        await a_staff_member(db, role="admin"),
    )
    await ask(desk, me, request_id := uuid4())
    for nosy in (me, clerk, admin):
        assert problem(await desk.get("/v1/staff/data-requests", headers=nosy.headers)) == (403, "Forbidden")
    assert problem(await answer(desk, clerk, request_id)) == (403, "Forbidden")


@pytest.mark.parametrize("text", ["", "  \n ", "a\x00b", "a\x08b", "\u202eabc", "x" * 4001])
async def test_a_letter_is_a_letter(desk: httpx.AsyncClient, db: Connection, text: str) -> None:
    assert problem(await ask(desk, await a_resident(db), uuid4(), text=text)) == (400, "Malformed")


async def test_twenty_a_day_and_pages(desk: httpx.AsyncClient, db: Connection) -> None:
    me = await a_resident(db)
    ids = [uuid4() for _ in range(20)]
    for request_id in ids:
        assert (await ask(desk, me, request_id)).status_code == 201
    assert problem(await ask(desk, me, uuid4())) == (429, "TooManyRequests")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await desk.get(
            "/v1/me/data-requests", headers=me.headers, params={"limit": "7"} | ({"cursor": cursor} if cursor else {})
        )
        seen += [one["data_request_id"] for one in page.json()["items"]]
        cursor = page.json()["next"]
    assert seen == [str(request_id) for request_id in reversed(ids)]


async def test_compliance_is_told_once_of_what_is_overdue(desk: httpx.AsyncClient, db: Connection) -> None:
    me, officer = await a_resident(db), await a_staff_member(db, role="compliance")
    await ask(desk, me, request_id := uuid4())
    await db.execute(sql.late_data_request, request_id)
    crew = Worker(OneConnection(db), schedule=[task for task in SCHEDULE if task.name == "watch_data_requests"])
    for _ in range(2):
        await db.execute(sql.make_schedule_due, "watch_data_requests", 3600)
        await crew.keep_schedule()
        await crew.drain()
    inbox = (await desk.get("/v1/notifications/inbox", headers=officer.headers)).json()["items"]
    assert [message["title"] for message in inbox] == ["Yêu cầu về dữ liệu quá hạn"]
    await data_requests.measure(db)
    assert REGISTRY.get_sample_value("huong_data_requests_overdue") == 1
    [late] = await listed(desk, officer)
    assert late["overdue"]
    await answer(desk, officer, request_id)
    await data_requests.measure(db)
    assert REGISTRY.get_sample_value("huong_data_requests_overdue") == 0


async def test_the_soonest_due_come_first(desk: httpx.AsyncClient, db: Connection) -> None:
    me, officer = await a_resident(db), await a_staff_member(db, role="compliance")
    ids = [uuid4() for _ in range(5)]
    for request_id in ids:
        await ask(desk, me, request_id)
    await db.execute(sql.late_data_request, ids[3])
    first = await desk.get("/v1/staff/data-requests", headers=officer.headers, params={"limit": 2})
    assert first.json()["items"][0]["data_request_id"] == str(ids[3])
    rest = await listed(desk, officer, limit=10, cursor=first.json()["next"])
    assert len(rest) == 3
    dates = [date.fromisoformat(one["due_on"]) for one in (*first.json()["items"], *rest)]
    assert dates == sorted(dates)
