"""Where devices are reached: a target is one device's, and moves with its phone."""

import httpx
import pytest

from app.db import Connection
from app.types import new_id
from tests.makers import a_resident
from tests.notifications.phones import another_phone, sql, with_phone
from tests.notifications.transports.test_web_push import target_of

TOKEN = {
    "platform": "android",
    "target_kind": "token",
    "target": "fcm-token-1",
    "locale": "vi",
    "app_version": "1.2.0",
}
BROWSER = {**TOKEN, "platform": "web", "target_kind": "web_push"}
DEVICES = "/v1/notifications/devices"


async def test_a_phone_says_where_it_is_reached_and_where_no_more(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    device_id = await db.fetchval(sql.device_of_session, resident.session_id)
    registered = await desk.put(f"{DEVICES}/{device_id}", headers=resident.headers, json=TOKEN)
    assert registered.status_code == 200
    [listed] = (await desk.get(DEVICES, headers=resident.headers)).json()["items"]
    assert listed == registered.json()
    assert (listed["id"], listed["target_kind"], listed["app_version"]) == (str(device_id), "token", "1.2.0")
    newer = await desk.put(
        f"{DEVICES}/{device_id}", headers=resident.headers, json={**TOKEN, "target": "fcm-token-2"}
    )
    assert newer.status_code == 200
    assert [row["target"] for row in await db.fetch(sql.targets, resident.id)] == ["fcm-token-2"]
    assert (await desk.delete(f"{DEVICES}/{device_id}", headers=resident.headers)).status_code == 204
    assert (await desk.delete(f"{DEVICES}/{device_id}", headers=resident.headers)).status_code == 404
    assert (await desk.get(DEVICES, headers=resident.headers)).json()["items"] == []


async def test_a_target_moves_with_its_phone(db: Connection, desk: httpx.AsyncClient) -> None:
    first, second = await a_resident(db), await a_resident(db)
    await with_phone(db, first, "the-phones-token")
    await with_phone(db, second, "the-phones-token")
    assert await db.fetch(sql.targets, first.id) == []
    assert [row["target"] for row in await db.fetch(sql.targets, second.id)] == ["the-phones-token"]


async def test_a_session_speaks_for_its_own_device_only(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    other = await another_phone(db, resident)
    for device_id in (other, new_id()):
        answer = await desk.put(f"{DEVICES}/{device_id}", headers=resident.headers, json=TOKEN)
        assert answer.status_code == 404
    assert (await desk.delete(f"{DEVICES}/{other}", headers=resident.headers)).status_code == 204


@pytest.mark.parametrize(
    "target",
    [
        "not-json-at-all",
        '{"endpoint":"https://fcm.googleapis.com/fcm/send/1"}',
        target_of("http://fcm.googleapis.com/fcm/send/1"),
        target_of("https://elsewhere.example/1"),
        target_of("https://fcm.googleapis.com/fcm/send/1", p256dh=""),
        target_of("https://fcm.googleapis.com/fcm/send/1", auth="AAAA"),
    ],
)
async def test_a_browser_gives_a_whole_subscription(db: Connection, desk: httpx.AsyncClient, target: str) -> None:
    resident = await a_resident(db)
    device_id = await db.fetchval(sql.device_of_session, resident.session_id)
    answer = await desk.put(f"{DEVICES}/{device_id}", headers=resident.headers, json={**BROWSER, "target": target})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:huong:problem:BadSubscription")


async def test_a_browser_with_new_keys_is_the_same_browser(db: Connection, desk: httpx.AsyncClient) -> None:
    first, second = await a_resident(db), await a_resident(db)
    for resident, auth in ((first, "A" * 22), (second, "B" * 21 + "A")):
        device_id = await db.fetchval(sql.device_of_session, resident.session_id)
        browser = {**BROWSER, "target": target_of("https://fcm.googleapis.com/fcm/send/1", auth=auth)}
        answer = await desk.put(f"{DEVICES}/{device_id}", headers=resident.headers, json=browser)
        assert answer.status_code == 200, answer.text
    assert await db.fetch(sql.targets, first.id) == []
    assert len(await db.fetch(sql.targets, second.id)) == 1


@pytest.mark.parametrize(
    "change",
    [{"platform": "windows"}, {"target": "short"}, {"target": "has space in it"}, {"locale": "fr"},
     {"app_version": ""}, {"target_kind": "topic"}, {"more": 1}],
)  # fmt: skip
async def test_what_is_no_device_is_refused(
    db: Connection, desk: httpx.AsyncClient, change: dict[str, object]
) -> None:
    resident = await a_resident(db)
    device_id = await db.fetchval(sql.device_of_session, resident.session_id)
    answer = await desk.put(f"{DEVICES}/{device_id}", headers=resident.headers, json=TOKEN | change)
    assert answer.status_code == 400
