"""What everybody is told: by a cursor that is never lost, to whom it concerns, with a second pair of eyes."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app import live
from app.clock import city_now
from app.db import Connection
from app.jobs import News
from app.types import new_id
from notifications import deliveries, sending
from notifications.broadcasts import broadcasts, going
from notifications.events import AlertPublished, AlertUpdated
from notifications.transports.face import Outcome
from tests.conftest import City, OneConnection
from tests.makers import Resident, StaffMember, a_resident, a_staff_member
from tests.notifications.phones import Carrier, sql, with_phone

BROADCASTS = "/v1/staff/broadcasts"
WARD, OTHER_WARD = "19777", "19803"


def words(**other: Any) -> dict[str, Any]:
    return {
        "title": {"vi": "Cúp nước phường Thuận Hóa", "en": "No water in Thuận Hóa"},
        "body": {"vi": "Từ 8 giờ đến 11 giờ ngày mai.", "en": "From 8 to 11 tomorrow."},
        "expires_at": (city_now() + timedelta(hours=6)).isoformat(),
        **other,
    }


CORRECT = {
    "title": {"vi": "Đính chính: cúp nước từ 13 giờ", "en": "Correction: no water from 13:00"},
    "body": {"vi": "Từ 13 giờ đến 15 giờ.", "en": "From 13:00 to 15:00."},
}


async def go(db: Connection) -> None:
    """Until there is nothing to do."""
    database = OneConnection(db)
    lanes = ("critical", "transactional", "bulk")
    while await going.work(database) or sum([await sending.work(lane, database) for lane in lanes]):
        pass


async def a_reader(db: Connection, *wards: str, awake: bool = True) -> Resident:
    """Somebody with a phone, who cares for these wards."""
    resident = await a_resident(db)
    await with_phone(db, resident)
    keep = sending.sql.keep_preferences
    await db.execute(keep, resident.id, [], True, not awake, 0, 1439, "burst", True, list(wards))
    return resident


async def inbox_of(desk: httpx.AsyncClient, resident: Resident) -> list[str]:
    items = (await desk.get("/v1/notifications/inbox", headers=resident.headers)).json()["items"]
    return [item["title"] for item in items]


async def made(desk: httpx.AsyncClient, who: StaffMember, **other: Any) -> dict[str, Any]:
    answer = await desk.put(f"{BROADCASTS}/{new_id()}", headers=who.headers, json=words(**other))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def approved(db: Connection, desk: httpx.AsyncClient, broadcast: dict[str, Any]) -> dict[str, Any]:
    supervisor = await a_staff_member(db, role="supervisor")
    answer = await desk.put(f"{BROADCASTS}/{broadcast['id']}/approval", headers=supervisor.headers, json={})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_notice_reaches_those_who_care_for_its_wards(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    operator = await a_staff_member(db, role="operator")
    here, there, anywhere = await a_reader(db, WARD), await a_reader(db, OTHER_WARD), await a_reader(db)
    broadcast = await made(desk, operator, wards=[WARD], link="/alerts")
    assert (broadcast["state"], broadcast["wards"], broadcast["told"]) == ("going", [WARD], 0)
    await go(db)
    assert await inbox_of(desk, here) == ["Cúp nước phường Thuận Hóa"]
    assert (await inbox_of(desk, there), await inbox_of(desk, anywhere)) == ([], [])
    [push] = carrier.got
    assert (push.lane, push.link, push.collapse_key) == ("bulk", "/alerts", UUID(broadcast["id"]).hex)
    done = (await desk.get(f"{BROADCASTS}/{broadcast['id']}", headers=operator.headers)).json()
    assert (done["state"], done["told"], done["deliveries"]) == ("done", 1, {"accepted": 1})
    assert done["reach"] == [{"ward": WARD, "told": 1, "reached": 0}]
    await desk.put(f"/v1/notifications/receipts/{push.delivery_id}", headers=here.headers, json={})
    seen = (await desk.get(f"{BROADCASTS}/{broadcast['id']}", headers=operator.headers)).json()
    assert (seen["received"], seen["reach"]) == (1, [{"ward": WARD, "told": 1, "reached": 1}])


@pytest.mark.usefixtures("carrier")
async def test_whoever_listens_is_rung_for_once_it_is_in_their_inbox(
    db: Connection, desk: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: dict[str, list[str]] = {}

    class Bells:
        async def ring(self, topics: list[str]) -> None:
            rung.update({topic: await inbox_of(desk, here) for topic in topics})

    monkeypatch.setattr(live, "here", Bells)
    here, _ = await a_reader(db, WARD), await a_reader(db, OTHER_WARD)
    await made(desk, await a_staff_member(db, role="operator"), wards=[WARD])
    await go(db)
    assert rung == {f"inbox:{here.id}": ["Cúp nước phường Thuận Hóa"]}


async def test_a_notice_waits_for_the_morning_and_a_warning_wakes(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    operator, sleeper = await a_staff_member(db, role="operator"), await a_reader(db, awake=False)
    await made(desk, operator)
    await go(db)
    assert (carrier.got, await inbox_of(desk, sleeper)) == ([], ["Cúp nước phường Thuận Hóa"])
    await approved(db, desk, await made(desk, operator, lane="critical", per_device=True))
    await go(db)
    assert [push.lane for push in carrier.got] == ["critical"]


async def test_two_notices_of_one_night_are_each_a_push_of_their_own(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    operator, sleeper = await a_staff_member(db, role="operator"), await a_reader(db, awake=False)
    first, second = await made(desk, operator), await made(desk, operator)
    await go(db)
    waiting = await db.fetch(sql.deliveries, sleeper.id)
    assert [(row["state"], row["first_seq"] == row["last_seq"]) for row in waiting] == [("queued", True)] * 2
    path = f"{BROADCASTS}/{first['id']}/correction"
    right = {**CORRECT, "correction_id": str(new_id()), "expires_at": words()["expires_at"]}
    assert (await desk.put(path, headers=operator.headers, json=right)).status_code == 200
    await go(db)
    await db.execute(sql.awake, sleeper.id)
    await db.execute(sql.due_now)
    await go(db)
    told = [push.collapse_key for push in carrier.got]
    assert sorted(told) == sorted(UUID(one["id"]).hex for one in (first, second))


async def test_a_warning_wants_a_second_pair_of_eyes(db: Connection, desk: httpx.AsyncClient) -> None:
    author = await a_staff_member(db, role="supervisor")
    broadcast = await made(desk, author, lane="critical")
    assert broadcast["state"] == "waiting"
    own = await desk.put(f"{BROADCASTS}/{broadcast['id']}/approval", headers=author.headers, json={})
    assert (own.status_code, own.json()["type"]) == (403, "urn:huong:problem:BroadcastNeedsSecondPairOfEyes")
    await go(db)
    assert (await approved(db, desk, broadcast))["state"] == "going"
    assert (await approved(db, desk, broadcast))["approved_by"] is not None, "twice is once"


async def test_a_warning_for_a_ward_reaches_those_who_named_none_too(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    operator = await a_staff_member(db, role="operator")
    here, there, anywhere = await a_reader(db, WARD), await a_reader(db, OTHER_WARD), await a_reader(db)
    await approved(db, desk, await made(desk, operator, lane="critical", per_device=True, wards=[WARD]))
    await go(db)
    assert [len(await inbox_of(desk, one)) for one in (here, there, anywhere)] == [1, 0, 1]
    assert len(carrier.got) == 2


async def test_a_warning_goes_by_topic_in_both_languages(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    operator, reader = await a_staff_member(db, role="operator"), await a_reader(db, WARD)
    broadcast = await approved(db, desk, await made(desk, operator, lane="critical", wards=[WARD]))
    await go(db)
    assert {(push.target_kind, push.target, push.title) for push in carrier.got} == {
        ("topic", f"ward.{WARD}.vi", "Cúp nước phường Thuận Hóa"),
        ("topic", f"ward.{WARD}.en", "No water in Thuận Hóa"),
    }
    path = f"/v1/notifications/receipts/{carrier.got[0].delivery_id}"
    for _ in range(2):
        assert (await desk.put(path, headers=reader.headers, json={"opened": True})).status_code == 200
    seen = (await desk.get(f"{BROADCASTS}/{broadcast['id']}", headers=operator.headers)).json()
    assert (seen["received"], seen["reach"][0]["reached"]) == (1, 1)


async def test_whom_a_warning_did_not_reach_gets_a_text(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    operator = await a_staff_member(db, role="operator")
    reached, read, without_phone = await a_reader(db), await a_reader(db), await a_resident(db)
    broadcast = await approved(db, desk, await made(desk, operator, lane="critical", per_device=True))
    await go(db)
    by_target = {push.target: push for push in carrier.got}
    [target] = [row["target"] for row in await db.fetch(sql.targets, reached.id)]
    await desk.put(f"/v1/notifications/receipts/{by_target[target].delivery_id}", headers=reached.headers, json={})
    await desk.put("/v1/notifications/inbox/read", headers=read.headers, json={"up_to": 1})
    carrier.got.clear()
    await go(db)
    assert carrier.got == [], "the pause is not over"
    await db.execute(sql.end_pause)
    await go(db)
    assert [(push.target_kind, push.target) for push in carrier.got] == [("phone", without_phone.phone)]
    done = (await desk.get(f"{BROADCASTS}/{broadcast['id']}", headers=operator.headers)).json()
    assert (done["state"], done["texts"], done["told"]) == ("done", 1, 3)


async def test_what_is_withdrawn_goes_no_further(db: Connection, desk: httpx.AsyncClient, carrier: Carrier) -> None:
    operator, reader = await a_staff_member(db, role="operator"), await a_reader(db)
    broadcast = await made(desk, operator)
    database = OneConnection(db)
    while await going.work(database):
        pass
    other = await made(desk, operator)
    path = f"{BROADCASTS}/{other['id']}/cancellation"
    assert (await desk.put(path, headers=operator.headers, json={})).json()["state"] == "cancelled"
    assert (await desk.put(path, headers=operator.headers, json={})).json()["state"] == "cancelled"
    late = await desk.put(f"{BROADCASTS}/{broadcast['id']}/cancellation", headers=operator.headers, json={})
    assert late.json()["type"] == "urn:huong:problem:BroadcastIsOver"
    await go(db)
    assert (len(carrier.got), len(await inbox_of(desk, reader))) == (1, 1)


async def test_what_waits_when_it_is_withdrawn_is_not_sent(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    operator, reader = await a_staff_member(db, role="operator"), await a_reader(db)
    broadcast = await approved(db, desk, await made(desk, operator, lane="critical", per_device=True))
    database = OneConnection(db)
    while await going.work(database):
        pass
    await desk.put(f"{BROADCASTS}/{broadcast['id']}/cancellation", headers=operator.headers, json={})
    await go(db)
    assert carrier.got == []
    [row] = await db.fetch(sql.deliveries, reader.id)
    assert (row["state"], row["why"]) == ("cancelled", "withdrawn")


async def test_the_right_words_take_the_wrong_ones_place(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    operator, reader = await a_staff_member(db, role="operator"), await a_reader(db)
    wrong = await made(desk, operator)
    await go(db)
    right = {**CORRECT, "correction_id": str(new_id()), "expires_at": words()["expires_at"]}
    path = f"{BROADCASTS}/{wrong['id']}/correction"
    first = (await desk.put(path, headers=operator.headers, json=right)).json()
    again = (await desk.put(path, headers=operator.headers, json=right)).json()
    assert (first["id"], first["corrects"], again["id"]) == (right["correction_id"], wrong["id"], first["id"])
    other = await desk.put(path, headers=operator.headers, json={**right, "correction_id": str(new_id())})
    assert other.json()["type"] == "urn:huong:problem:BroadcastIsCorrected"
    await go(db)
    assert await inbox_of(desk, reader) == ["Đính chính: cúp nước từ 13 giờ", "Cúp nước phường Thuận Hóa"]
    assert len({push.collapse_key for push in carrier.got}) == 1


async def test_a_corrected_warning_waits_for_eyes_and_the_wrong_one_stops(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    operator, reader = await a_staff_member(db, role="operator"), await a_reader(db)
    wrong = await approved(db, desk, await made(desk, operator, lane="critical", per_device=True))
    right = {**CORRECT, "correction_id": str(new_id()), "expires_at": words()["expires_at"]}
    path = f"{BROADCASTS}/{wrong['id']}/correction"
    assert (await desk.put(path, headers=operator.headers, json=right)).json()["state"] == "waiting"
    await go(db)
    assert (carrier.got, await inbox_of(desk, reader)) == ([], [])
    await approved(db, desk, {"id": right["correction_id"]})
    await go(db)
    assert await inbox_of(desk, reader) == ["Đính chính: cúp nước từ 13 giờ"]


@pytest.mark.parametrize(
    ("change", "status", "type_"),
    [
        ({"expires_at": "2026-01-01T00:00:00+07:00"}, 400, "BroadcastExpiry"),
        ({"expires_at": "2099-01-01T00:00:00+07:00"}, 400, "BroadcastExpiry"),
        ({"wards": ["99999"]}, 400, "NoSuchWard"),
        ({"wards": []}, 400, "Malformed"),
        ({"lane": "transactional"}, 400, "Malformed"),
        ({"title": {"vi": "Chỉ tiếng Việt"}}, 400, "Malformed"),
        ({"link": "https://elsewhere.example"}, 400, "Malformed"),
    ],
)
async def test_what_cannot_be_told_is_refused(
    db: Connection, desk: httpx.AsyncClient, change: dict[str, Any], status: int, type_: str
) -> None:
    operator = await a_staff_member(db, role="operator")
    answer = await desk.put(f"{BROADCASTS}/{new_id()}", headers=operator.headers, json=words() | change)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:huong:problem:{type_}")


async def test_one_id_is_one_broadcast(db: Connection, desk: httpx.AsyncClient) -> None:
    operator, path, said = await a_staff_member(db, role="operator"), f"{BROADCASTS}/{new_id()}", words()
    first = await desk.put(path, headers=operator.headers, json=said)
    assert (await desk.put(path, headers=operator.headers, json=said)).json() == first.json()
    other = await desk.put(path, headers=operator.headers, json=said | {"category": "dossier"})
    assert (other.status_code, other.json()["type"]) == (409, "urn:huong:problem:BroadcastIdTaken")


async def test_what_is_too_late_expires(db: Connection, desk: httpx.AsyncClient, carrier: Carrier) -> None:
    operator, reader = await a_staff_member(db, role="operator"), await a_reader(db)
    broadcast = await made(desk, operator)
    await db.execute(sql.expire_broadcast)
    await go(db)
    shown = (await desk.get(f"{BROADCASTS}/{broadcast['id']}", headers=operator.headers)).json()
    assert (shown["state"], carrier.got, await inbox_of(desk, reader)) == ("expired", [], [])


async def test_workers_that_are_cut_off_lose_nobody_and_tell_nobody_twice(city: City, carrier: Carrier) -> None:
    """Three at once, cancelled wherever they are, again and again."""
    going.CHUNK, sending.BATCH, kept = 40, 25, (going.CHUNK, sending.BATCH)
    failing = Counter[UUID]()

    def now_and_then(push: Any) -> Outcome:
        failing[push.delivery_id] += 1
        if failing[push.delivery_id] % 3 == 1:
            return Outcome("again", "UNAVAILABLE", after_s=0.01)
        return Outcome("accepted")

    carrier.answer = now_and_then
    async with city.database.transaction() as db:
        await db.execute(sql.plant_devices, 1, 600)
        operator = await a_staff_member(db, role="operator")
    broadcast_id = new_id()
    told = await city.client.put(f"{BROADCASTS}/{broadcast_id}", headers=operator.headers, json=words())
    assert told.status_code == 200

    async def works() -> None:
        while True:
            await going.work(city.database)
            await sending.work("bulk", city.database)
            await asyncio.sleep(0)

    try:
        for _ in range(8):
            workers = [asyncio.create_task(works()) for _ in range(3)]
            await asyncio.sleep(0.15)
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            async with city.database.transaction() as db:
                await db.execute(sql.lose_leases)
    finally:
        going.CHUNK, sending.BATCH = kept
    async with asyncio.timeout(20):
        while True:
            await going.work(city.database)
            await sending.work("bulk", city.database)
            async with city.database.acquire() as db:
                states = {row["state"]: row["count"] for row in await db.fetch(sql.delivery_states, broadcast_id)}
                if set(states) == {"accepted"} and states["accepted"] == 600:
                    break
    async with city.database.acquire() as db:
        row = await db.fetchrow(sql.messages_of_broadcast, broadcast_id)
    assert row is not None
    assert (row["messages"], row["twice"]) == (600, 0)
    assert len({push.target for push in carrier.got}) == 600


async def a_warning(db: Connection, writer: StaffMember, **other: Any) -> AlertPublished | AlertUpdated:
    told: dict[str, Any] = {
        "alert_id": new_id(),
        "writer_id": writer.id,
        "severity": "Severe",
        "wards": [],
        "headline_vi": "Lũ trên sông Hương vượt báo động III",
        "headline_en": "The Hương is above alarm III",
        "body_vi": "Người dân vùng thấp trũng di chuyển lên cao.",
        "body_en": "Move to higher ground.",
        "expires_at": city_now() + timedelta(hours=6),
        **other,
    }
    told["first_id"] = told.get("first_id", told["alert_id"])
    return AlertUpdated(**told) if "replaced_ids" in told else AlertPublished(**told)


async def test_a_grave_warning_wakes_everybody_by_their_topic(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    operator, sleeper = await a_staff_member(db, role="operator"), await a_reader(db, awake=False)
    warning = await a_warning(db, operator)
    await broadcasts.of_alert(db, warning)
    await broadcasts.of_alert(db, warning)
    await go(db)
    assert {push.target for push in carrier.got} == {"city.vi", "city.en"}
    assert {push.collapse_key for push in carrier.got} == {warning.alert_id.hex}
    assert await inbox_of(desk, sleeper) == ["Lũ trên sông Hương vượt báo động III"]


async def test_an_update_stops_what_it_takes_the_place_of(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    operator, reader = await a_staff_member(db, role="operator"), await a_reader(db)
    first = await a_warning(db, operator)
    await broadcasts.of_alert(db, first)
    update = await a_warning(
        db,
        operator,
        first_id=first.alert_id,
        replaced_ids=[first.alert_id],
        severity="Moderate",
        headline_vi="Nước đang rút",
    )
    await broadcasts.of_alert(db, update)
    await go(db)
    assert await inbox_of(desk, reader) == ["Nước đang rút"]
    assert [(push.lane, push.collapse_key) for push in carrier.got] == [("bulk", first.alert_id.hex)]


async def test_a_warning_that_is_over_by_then_is_told_to_nobody(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    operator, reader = await a_staff_member(db, role="operator"), await a_reader(db)
    await broadcasts.of_alert(db, await a_warning(db, operator, expires_at=city_now() - timedelta(minutes=1)))
    await go(db)
    assert (carrier.got, await inbox_of(desk, reader)) == ([], [])


async def test_the_gateway_says_how_texts_ended(db: Connection, desk: httpx.AsyncClient, carrier: Carrier) -> None:
    operator = await a_staff_member(db, role="operator")
    people = [await a_resident(db) for _ in range(2)]
    await approved(db, desk, await made(desk, operator, lane="critical", per_device=True))
    await go(db)
    await db.execute(sql.end_pause)
    await go(db)
    references = {push.target: push.delivery_id for push in carrier.got}
    first, second = (references[one.phone] for one in people)

    def told(reference: UUID, state: str, why: str = "") -> News:
        return News(1, "TextReported", {"reference": str(reference), "state": state, "why": why}, city_now())

    await deliveries.hear_reports(db, [told(first, "delivered"), told(second, "failed", "NO_SUBSCRIBER")])
    await deliveries.hear_reports(db, [told(first, "failed", "LATE"), told(new_id(), "delivered")])
    rows = [(await db.fetch(sql.deliveries, one.id))[0] for one in people]
    assert [(row["state"], row["why"]) for row in rows] == [("delivered", None), ("failed", "NO_SUBSCRIBER")]
