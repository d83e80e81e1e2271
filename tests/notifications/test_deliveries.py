"""Messages on their way to phones: each once, as their owner wants it, and traced."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from app.clock import city_now
from app.config import BadSetting, Settings
from app.db import Connection
from app.errors import Unavailable
from app.jobs import News
from app.outbox import Event
from app.types import new_id
from dossiers.events import CounterBooked, TicketCalled
from notifications import deliveries, listeners, sending
from notifications.transports import Carriers
from notifications.transports.face import Outcome, Push
from tests.conftest import City, OneConnection
from tests.makers import Resident, a_resident, a_staff_member
from tests.notifications.phones import Carrier, always, another_phone, paid, report_commented, sql, with_phone
from wallet.events import ChargeAsked, MoneyFrozen, PaymentRefunded


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
    await db.execute(sql.awake, resident.id)
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


async def test_what_a_topic_does_not_take_is_seen_and_sent_again(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    operator = await a_staff_member(db, role="operator")
    await db.execute(sql.plant_topic, operator.id, timedelta(hours=1))
    carrier.answer = always(Outcome("refused", "INVALID_ARGUMENT"))
    assert await send(db, "critical") == 1
    [failed] = (await desk.get("/v1/staff/deliveries/failed", headers=operator.headers)).json()["items"]
    assert (failed["channel"], failed["state"], failed["first_seq"]) == ("topic", "failed", None)
    path = f"/v1/staff/deliveries/{failed['id']}/resend"
    assert (await desk.put(path, headers=operator.headers, json={})).json()["state"] == "queued"
    carrier.answer = always(Outcome("accepted"))
    assert await send(db, "critical") == 1
    assert [push.target for push in carrier.got] == ["city.vi", "city.vi"]


async def test_a_broadcast_that_is_over_is_not_sent_again(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    operator = await a_staff_member(db, role="operator")
    delivery_id = await db.fetchval(sql.plant_topic, operator.id, timedelta(seconds=-1))
    assert await send(db, "critical") == 1
    path = f"/v1/staff/deliveries/{delivery_id}/resend"
    assert (await desk.put(path, headers=operator.headers, json={})).json()["state"] == "expired"
    assert (await send(db, "critical"), carrier.got) == (0, [])


async def test_whoever_wants_each_by_itself_gets_each_by_itself(db: Connection, carrier: Carrier) -> None:
    resident = await a_waking_resident(db)
    await db.execute(deliveries.sql.keep_preferences, resident.id, [], True, False, 1320, 360, "none", True, [])
    for event_id in (1, 2):
        await report_commented(db, resident, event_id)
    assert await send(db) == 2
    assert [push.title for push in carrier.got] == ["Phản ánh có bình luận"] * 2


async def test_what_is_tried_again_at_night_waits_for_the_morning(db: Connection, carrier: Carrier) -> None:
    resident = await a_waking_resident(db)
    carrier.answer = always(Outcome("again", "UNAVAILABLE"))
    await paid(db, resident, 1)
    await send(db)
    await quiet_now(db, resident)
    carrier.answer = always(Outcome("accepted"))
    await db.execute(sql.due_now)
    await send(db)
    [waiting] = await db.fetch(sql.deliveries, resident.id)
    assert (len(carrier.got), waiting["state"], waiting["why"]) == (1, "queued", "quiet")
    assert timedelta(hours=1) < waiting["due_at"] - city_now() < timedelta(hours=2, minutes=1)


async def test_what_is_muted_while_it_waits_is_not_pushed(db: Connection, carrier: Carrier) -> None:
    resident = await a_waking_resident(db)
    await paid(db, resident, 1)
    await db.execute(
        deliveries.sql.keep_preferences, resident.id, ["money"], True, False, 1320, 360, "burst", True, []
    )
    await send(db)
    assert (carrier.got, await states(db, resident)) == ([], [("cancelled", "muted")])


async def test_several_that_open_no_screen_are_counted(db: Connection, carrier: Carrier) -> None:
    resident = await a_waking_resident(db)
    for event_id in (1, 2):
        await report_commented(db, resident, event_id)
    await db.execute(sql.forget_links, resident.id)
    await send(db)
    assert [push.title for push in carrier.got] == ["2 phản ánh có cập nhật"]


async def told(db: Connection, event_id: int, event: Event) -> None:
    news = News(event_id, type(event).__name__, msgspec.to_builtins(event), city_now())
    await listeners.tell(db, [news])


@pytest.mark.parametrize("digest", ["burst", "daily"])
async def test_whose_turn_it_is_at_the_counter_hears_it_at_once(
    db: Connection, carrier: Carrier, digest: str
) -> None:
    resident = await a_waking_resident(db)
    await db.execute(deliveries.sql.keep_preferences, resident.id, [], True, False, 1320, 360, digest, True, [])
    booking = CounterBooked(
        booking_id=new_id(), resident_id=resident.id, agency="Thuận Hóa", agency_en="Thuận Hóa", starts_at=city_now()
    )
    await told(db, 1, booking)
    await send(db)
    carrier.got.clear()
    for event_id, label in ((2, "A012"), (3, "A013")):
        called = TicketCalled(
            ticket_id=new_id(), booking_id=booking.booking_id, resident_id=resident.id,
            agency="Thuận Hóa", agency_en="Thuận Hóa", label=label, window=4,
        )  # fmt: skip
        await told(db, event_id, called)
        await send(db)
    assert [push.title for push in carrier.got] == ["Mời số A012", "Mời số A013"]
    assert all(push.expires_at - city_now() <= timedelta(minutes=30) for push in carrier.got)


async def test_a_shop_that_waits_for_an_answer_is_not_kept_for_the_morning(db: Connection, carrier: Carrier) -> None:
    resident = await a_waking_resident(db)
    await quiet_now(db, resident)
    asked = ChargeAsked(
        charge_id=new_id(), payer_id=resident.id, amount=90_000, merchant_name="Bún bò", terminal_name="Quầy 1"
    )
    await told(db, 1, asked)
    assert await send(db) == 1
    [push] = carrier.got
    assert push.title == "Cửa hàng đề nghị thu tiền"
    assert push.expires_at - city_now() <= timedelta(minutes=3)


async def test_without_amounts_no_push_says_one_whatever_it_is_about(db: Connection, carrier: Carrier) -> None:
    resident = await a_waking_resident(db)
    await db.execute(deliveries.sql.keep_preferences, resident.id, [], True, False, 1320, 360, "burst", False, [])
    await told(db, 1, MoneyFrozen(freeze_id=new_id(), owner_id=resident.id, merchant_name=None, amount=7_000_000))
    await send(db)
    [push] = carrier.got
    assert (push.title, push.body) == ("Tạm dừng chi tiền theo yêu cầu", "Mở hộp thư để xem.")


async def test_whoever_pays_at_their_own_shop_is_told_once(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    resident, other = await a_waking_resident(db), await a_waking_resident(db)
    refunded = PaymentRefunded(
        refund_id=new_id(), payment_id=new_id(), payer_id=resident.id, amount=1000, reason="Thiếu hàng",
        payee_name="Bún bò", payee_name_en="Bún bò", owner_id=resident.id, merchant_id=new_id(),
    )  # fmt: skip
    await told(db, 1, refunded)
    await paid(db, other, 2)
    [line] = (await desk.get("/v1/notifications/inbox", headers=resident.headers)).json()["items"]
    assert line["title"] == "Đã hoàn tiền", "what concerns the payer goes before what concerns the shop"


async def test_what_a_dead_worker_had_is_taken_up_while_the_lane_is_busy(db: Connection, carrier: Carrier) -> None:
    resident = await a_waking_resident(db)
    await paid(db, resident, 1)
    await db.fetch(sending.sql.claim_deliveries, "transactional", 10, 60)
    await db.execute(sql.lose_leases)
    await deliveries.sweep(db)
    assert await states(db, resident) == [("queued", "lease")]


async def test_a_warning_is_tried_again_every_minute_however_long_it_takes(db: Connection, carrier: Carrier) -> None:
    operator = await a_staff_member(db, role="operator")
    await db.execute(sql.plant_topic, operator.id, timedelta(hours=1))
    carrier.answer = always(Outcome("again", "UNAVAILABLE"))
    for _ in range(8):
        await db.execute(sql.due_now)
        assert await send(db, "critical") == 1
    assert await db.fetchval(sql.latest_due_at) - city_now() <= timedelta(seconds=66)


async def test_a_carrier_that_breaks_keeps_no_other_from_carrying(
    db: Connection, carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Carrier):
        async def send(self, pushes: Sequence[Push]) -> list[Outcome]:
            raise RuntimeError("it says that it never raises")

    def complete(carriers: Carriers, _: Settings) -> None:
        carriers |= {"token": carrier, "topic": Broken()}

    monkeypatch.setattr(sending.transports, "complete", complete)
    operator, resident = await a_staff_member(db, role="operator"), await a_waking_resident(db)
    await db.execute(sql.plant_topic, operator.id, timedelta(hours=1))
    await paid(db, resident, 1)
    await db.execute(sql.hurry)
    assert await send(db, "critical") == 2
    assert (await states(db, resident), await db.fetchval(sql.why_of_topic)) == (
        [("accepted", None)], "RuntimeError"
    )  # fmt: skip


async def test_bad_credentials_of_one_keep_no_other_from_carrying(
    db: Connection, carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def complete(carriers: Carriers, _: Settings) -> None:
        carriers["token"] = carrier
        raise BadSetting("HUONG_FCM_CREDENTIALS: it must be a service account's JSON")

    monkeypatch.setattr(sending.transports, "complete", complete)
    resident = await a_waking_resident(db)
    await paid(db, resident, 1)
    assert await send(db) == 1
    assert await states(db, resident) == [("accepted", None)]


async def test_how_it_came_out_is_written_down_though_the_database_was_away(
    db: Connection, carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident, database = await a_waking_resident(db), OneConnection(db)
    await paid(db, resident, 1)
    tries, transaction = 0, database.transaction

    def away_at_first() -> Any:
        nonlocal tries
        tries += 1
        if tries <= 2:
            raise Unavailable
        return transaction()

    monkeypatch.setattr(database, "transaction", away_at_first)
    monkeypatch.setattr(sending, "SETTLE_AGAIN_S", 0.01)
    assert await sending.work("transactional", database) == 1
    assert (tries, await states(db, resident)) == (3, [("accepted", None)])
