"""Messages on their way to phones: each once, as their owner wants it, and traced."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from app.clock import city_now
from app.db import Connection
from app.types import new_id
from notifications import deliveries, sending
from notifications.transports.face import Outcome, Push
from tests.conftest import City, OneConnection
from tests.makers import Resident, a_resident, a_staff_member
from tests.notifications.phones import Carrier, always, another_phone, paid, report_commented, sql, with_phone


async def send(db: Connection, lane: Any = "transactional") -> int:
    return await sending.work(lane, OneConnection(db))


async def states(db: Connection, resident: Resident) -> list[tuple[str, str | None]]:
    return [(row["state"], row["why"]) for row in await db.fetch(sql.deliveries, resident.id)]


async def a_waking_resident(db: Connection, name: str = "Lê Thị Ngự Bình") -> Resident:
    resident = await a_resident(db, name=name)
    await with_phone(db, resident)
    await db.execute(sql.awake, resident.id)
    return resident


async def test_two_phones_are_one_line_and_two_pushes(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    resident = await a_waking_resident(db)
    await another_phone(db, resident)
    await paid(db, resident, 1)
    await paid(db, resident, 1)
    assert len((await desk.get("/v1/notifications/inbox", headers=resident.headers)).json()["items"]) == 1
    assert await send(db) == 2
    assert [(push.title, push.body, push.lane) for push in carrier.got] == [
        ("Đã chuyển tiền", "50.000 ₫ cho T*** Cảnh.", "transactional")
    ] * 2
    assert {push.target for push in carrier.got} == {
        row["target"] for row in await db.fetch(sql.targets, resident.id)
    }
    assert await states(db, resident) == [("accepted", None)] * 2
    assert await send(db) == 0


async def test_without_amounts_a_push_says_that_there_is_something(db: Connection, carrier: Carrier) -> None:
    resident = await a_waking_resident(db)
    await db.execute(deliveries.sql.keep_preferences, resident.id, [], True, False, 1320, 360, "burst", False, [])
    await paid(db, resident, 1)
    await send(db)
    [push] = carrier.got
    assert "50.000" not in push.title + push.body
    assert push.title == "Ví của bạn có thay đổi"
    assert push.link is not None


async def test_what_is_muted_comes_to_the_inbox_only(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    resident = await a_waking_resident(db)
    await db.execute(
        deliveries.sql.keep_preferences, resident.id, ["money"], True, False, 1320, 360, "burst", True, []
    )
    await paid(db, resident, 1)
    assert await states(db, resident) == []
    assert len((await desk.get("/v1/notifications/inbox", headers=resident.headers)).json()["items"]) == 1


async def quiet_now(db: Connection, resident: Resident) -> None:
    """It is quiet for two more hours."""
    minute = (await db.fetchval(sql.minute_of_day)) or 0
    await db.execute(
        deliveries.sql.keep_preferences,
        resident.id, [], True, True, (minute - 60) % 1440, (minute + 120) % 1440, "burst", True, [],
    )  # fmt: skip


async def test_a_quiet_night_ends_in_one_push_for_each_matter(db: Connection, carrier: Carrier) -> None:
    resident = await a_waking_resident(db)
    await quiet_now(db, resident)
    for event_id in range(1, 4):
        await paid(db, resident, event_id)
    for event_id in range(4, 6):
        await report_commented(db, resident, event_id)
    rows = await db.fetch(sql.deliveries, resident.id)
    assert {(row["category"], row["first_seq"], row["last_seq"]) for row in rows} == {
        ("money", 1, 3), ("report", 4, 5)
    }  # fmt: skip
    hour = timedelta(hours=1)
    assert all(hour < row["due_at"] - city_now() < 2 * hour + timedelta(minutes=2) for row in rows)
    assert await send(db) == 0
    await db.execute(sql.due_now)
    await send(db)
    assert {(push.title, push.link) for push in carrier.got} == {
        ("3 giao dịch mới", "/inbox"), ("2 phản ánh có cập nhật", "/inbox")
    }  # fmt: skip


async def test_what_concerns_the_accounts_safety_wakes(db: Connection, carrier: Carrier) -> None:
    resident = await a_waking_resident(db)
    await quiet_now(db, resident)
    await db.execute(sql.plant_account_message, resident.id)
    await deliveries.make(db, [(resident.id, 1)])
    assert await send(db) == 1


async def test_a_storm_of_news_is_one_push_at_once_and_one_for_the_rest(db: Connection, carrier: Carrier) -> None:
    resident, one_report = await a_waking_resident(db), new_id()
    await report_commented(db, resident, 1)
    assert await send(db) == 1
    assert carrier.got[0].title == "Phản ánh có bình luận"
    for event_id in (2, 3, 4):
        await report_commented(db, resident, event_id)
    await report_commented(db, resident, 5, one_report)
    await report_commented(db, resident, 6, one_report)
    assert await send(db) == 0, "ten minutes are not over"
    [_, waiting] = await db.fetch(sql.deliveries, resident.id)
    assert timedelta(minutes=9) < waiting["due_at"] - city_now() <= timedelta(minutes=10)
    await db.execute(sql.due_now)
    assert await send(db) == 1
    assert carrier.got[1].title == "4 phản ánh có cập nhật"
    await db.execute(sql.age_deliveries, timedelta(minutes=11))
    await report_commented(db, resident, 7)
    assert await send(db) == 1
    assert carrier.got[2].title == "Phản ánh có bình luận"


async def test_several_news_of_one_report_are_the_last_of_them(db: Connection, carrier: Carrier) -> None:
    resident, report_id = await a_waking_resident(db), new_id()
    await report_commented(db, resident, 1, report_id)
    await report_commented(db, resident, 2, report_id)
    assert await send(db) == 1
    assert [push.title for push in carrier.got] == ["Phản ánh có bình luận"]


async def test_a_daily_digest_comes_in_the_evening(db: Connection, carrier: Carrier) -> None:
    resident = await a_waking_resident(db)
    await db.execute(deliveries.sql.keep_preferences, resident.id, [], True, False, 1320, 360, "daily", True, [])
    for event_id in (1, 2):
        await report_commented(db, resident, event_id)
    [waiting] = await db.fetch(sql.deliveries, resident.id)
    assert waiting["due_at"] == await db.fetchval(sql.next_minute_of_day, 18 * 60, city_now())


async def test_what_was_read_meanwhile_is_not_pushed(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    resident = await a_waking_resident(db)
    await paid(db, resident, 1)
    await desk.put("/v1/notifications/inbox/read", headers=resident.headers, json={"up_to": 1})
    await send(db)
    assert (carrier.got, await states(db, resident)) == ([], [("cancelled", "read")])


async def test_whoever_signs_out_is_pushed_nothing(db: Connection, carrier: Carrier) -> None:
    resident = await a_waking_resident(db)
    await paid(db, resident, 1)
    await db.execute(sql.end_session, resident.session_id)
    await send(db)
    assert (carrier.got, await states(db, resident)) == ([], [("cancelled", "signed_out")])


async def test_what_nobody_needs_any_more_expires(db: Connection, carrier: Carrier) -> None:
    resident = await a_waking_resident(db)
    await paid(db, resident, 1)
    await paid(db, resident, 2)
    await db.execute(sql.expire)
    assert await send(db) == 2
    assert (carrier.got, await states(db, resident)) == ([], [("expired", "expired")] * 2)
    await paid(db, resident, 3)
    await db.execute(sql.expire)
    await deliveries.sweep(db)
    assert (await states(db, resident))[2] == ("expired", "expired")


async def test_a_target_that_is_nobodys_is_dropped(db: Connection, carrier: Carrier) -> None:
    resident = await a_waking_resident(db)
    carrier.answer = always(Outcome("gone", "UNREGISTERED"))
    await paid(db, resident, 1)
    await send(db)
    assert await states(db, resident) == [("failed", "UNREGISTERED")]
    assert await db.fetch(sql.targets, resident.id) == []


async def test_a_phone_that_has_a_new_target_by_then_keeps_it(
    db: Connection, carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident = await a_waking_resident(db)
    carrier.answer = always(Outcome("gone", "UNREGISTERED"))

    async def send_slowly(pushes: Sequence[Push]) -> list[Outcome]:
        await with_phone(db, resident, "the-new-token")
        return await Carrier.send(carrier, pushes)

    monkeypatch.setattr(carrier, "send", send_slowly)
    await paid(db, resident, 1)
    await send(db)
    assert await states(db, resident) == [("failed", "UNREGISTERED")]
    assert [row["target"] for row in await db.fetch(sql.targets, resident.id)] == ["the-new-token"]


async def test_whoever_says_not_now_is_asked_again_when_they_said(db: Connection, carrier: Carrier) -> None:
    resident = await a_waking_resident(db)
    carrier.answer = always(Outcome("again", "QUOTA_EXCEEDED", after_s=120))
    await paid(db, resident, 1)
    await send(db)
    [waiting] = await db.fetch(sql.deliveries, resident.id)
    assert (waiting["state"], waiting["why"], waiting["attempts"]) == ("queued", "QUOTA_EXCEEDED", 1)
    assert 119 < (waiting["due_at"] - city_now()).total_seconds() < 133
    assert await send(db) == 0
    carrier.answer = always(Outcome("accepted"))
    await db.execute(sql.due_now)
    assert await send(db) == 1
    assert (await states(db, resident))[0][0] == "accepted"


async def test_the_phone_says_that_it_has_it(db: Connection, desk: httpx.AsyncClient, carrier: Carrier) -> None:
    resident, other = await a_waking_resident(db), await a_resident(db)
    await paid(db, resident, 1)
    await send(db)
    path = f"/v1/notifications/receipts/{carrier.got[0].delivery_id}"
    refused = await desk.put(path, headers=other.headers, json={})
    assert refused.status_code == 404, refused.text
    first = (await desk.put(path, headers=resident.headers, json={})).json()
    assert first["opened_at"] is None
    opened = (await desk.put(path, headers=resident.headers, json={"opened": True})).json()
    assert opened["delivered_at"] == first["delivered_at"]
    assert opened["opened_at"] is not None
    again = (await desk.put(path, headers=resident.headers, json={})).json()
    assert again == opened
    assert await states(db, resident) == [("delivered", None)]


async def test_an_operator_sees_what_was_sent_and_why_not(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    resident, operator = await a_waking_resident(db), await a_staff_member(db, role="operator")
    carrier.answer = always(Outcome("refused", "INVALID_ARGUMENT"))
    for event_id in (1, 2, 3):
        await paid(db, resident, event_id)
    await send(db)
    seen, cursor = list[dict[str, Any]](), None
    for _ in range(2):
        query = {"phone": resident.phone, "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await desk.get("/v1/staff/messages", headers=operator.headers, params=query)).json()
        seen, cursor = [*seen, *page["items"]], page["next"]
    assert cursor is None
    assert [(one["state"], one["why"], one["channel"]) for one in seen] == [
        ("failed", "INVALID_ARGUMENT", "push")
    ] * 3
    failed = (await desk.get("/v1/staff/deliveries/failed", headers=operator.headers)).json()["items"]
    assert {one["id"] for one in seen} == {one["id"] for one in failed}
    log = (await desk.get("/v1/me/access-log", headers=resident.headers)).json()["items"]
    assert log, "whose messages were looked at can see it"
    unknown = await desk.get("/v1/staff/messages", headers=operator.headers, params={"phone": "0987654321"})
    assert unknown.status_code == 404
    carrier.answer = always(Outcome("accepted"))
    path = f"/v1/staff/deliveries/{seen[0]['id']}/resend"
    assert (await desk.put(path, headers=operator.headers, json={})).json()["state"] == "queued"
    assert await send(db) == 1
    assert (await desk.put(path, headers=operator.headers, json={})).json()["state"] == "accepted"


async def test_a_worker_that_comes_back_too_late_ends_nothing(db: Connection, carrier: Carrier) -> None:
    resident = await a_waking_resident(db)
    await paid(db, resident, 1)
    [first] = await db.fetch(sending.sql.claim_deliveries, "transactional", 10, 60)
    assert await send(db) == 0, "it is somebody's"
    await db.execute(sql.lose_leases)
    assert [await send(db), await send(db)] == [1, 1], "taken up, sent"
    assert await states(db, resident) == [("accepted", None)]
    late = [[first["id"]], [first["fence"]], ["failed"], ["late"], [None], [0.0]]
    await db.execute(sending.sql.settle_deliveries, *late)
    assert await states(db, resident) == [("accepted", None)]


async def test_two_workers_share_a_lane_and_send_nothing_twice(city: City, carrier: Carrier) -> None:
    async with city.database.transaction() as db:
        people = [await a_waking_resident(db) for _ in range(30)]
        for nth, resident in enumerate(people):
            for event_id in range(20):
                await paid(db, resident, nth * 100 + event_id)
    sending.BATCH, kept = 50, sending.BATCH
    try:
        while any(await asyncio.gather(*(sending.work("transactional", city.database) for _ in range(4)))):
            pass
    finally:
        sending.BATCH = kept
    assert Counter(Counter(push.delivery_id for push in carrier.got).values()) == {1: 600}


async def test_the_worker_tells_and_sends(city: City, carrier: Carrier) -> None:
    async with city.database.transaction() as db:
        resident = await a_waking_resident(db)
        await paid(db, resident, 1)
    await city.worker.drain()
    assert [push.title for push in carrier.got] == ["Đã chuyển tiền"]


async def test_a_lane_is_not_held_up_by_another(db: Connection, carrier: Carrier) -> None:
    resident = await a_waking_resident(db)
    await paid(db, resident, 1)
    assert await send(db, "bulk") == 0
    assert await send(db, "critical") == 0
    assert await send(db) == 1


async def test_no_news_comes_twice_to_one_device(db: Connection) -> None:
    resident = await a_waking_resident(db)
    await paid(db, resident, 1)
    with pytest.raises(asyncpg.UniqueViolationError):
        await deliveries.make(db, [(resident.id, 1)])


async def test_who_reads_english_is_told_in_english(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    resident = await a_waking_resident(db)
    await desk.patch("/v1/me", headers=resident.headers, json={"language": "en"})
    for event_id in (1, 2):
        await report_commented(db, resident, event_id)
    await send(db)
    assert carrier.got[0].title == "2 reports have news"


async def test_nobody_looks_through_the_whole_city(db: Connection, desk: httpx.AsyncClient) -> None:
    operator = await a_staff_member(db, role="operator")
    statuses = [
        (await desk.get("/v1/staff/messages", headers=operator.headers, params={"phone": f"09876{n:05}"})).status_code
        for n in range(61)
    ]
    assert statuses == [404] * 60 + [429]
