"""A warning is told to whomever it concerns, its update to whoever heard it, and nobody hears the older one last."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import msgspec
import pytest

from app.db import Connection
from app.types import new_id
from notifications.broadcasts import broadcasts, going
from notifications.events import AlertCancelled, AlertPublished, AlertUpdated
from notifications.transports.face import Outcome
from tests.conftest import City, OneConnection
from tests.makers import StaffMember, a_staff_member
from tests.notifications.alerts.warning import approval, problem, put, written
from tests.notifications.phones import Carrier, always, sql
from tests.notifications.test_broadcasts import (
    BROADCASTS,
    CORRECT,
    OTHER_WARD,
    WARD,
    a_reader,
    approved,
    go,
    inbox_of,
    made,
    words,
)
from tests.statements import sql as others

KINDS = {"AlertPublished": AlertPublished, "AlertUpdated": AlertUpdated, "AlertCancelled": AlertCancelled}


async def news(db: Connection) -> list[AlertPublished | AlertUpdated | AlertCancelled]:
    """What warnings have told so far, oldest first."""
    rows = await db.fetch(others.alert_news)
    return [msgspec.convert(row["data"], KINDS[row["kind"]]) for row in rows if row["kind"] in KINDS]


async def a_grave_one(db: Connection, desk: httpx.AsyncClient, writer: StaffMember, **other: Any) -> dict[str, Any]:
    """Written by one, approved by another."""
    said: dict[str, Any] = {"severity": "Extreme"} | other
    alert = await written(desk, writer, **said)
    chief = await a_staff_member(db, role="supervisor")
    assert (await approval(desk, chief, alert["id"])).status_code == 200
    return alert


async def test_a_warning_whose_news_comes_after_its_all_clear_is_told_to_nobody(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    """The turn of the first news failed, and is tried again later."""
    operator, reader = await a_staff_member(db), await a_reader(db)
    alert = await a_grave_one(db, desk, operator)
    clear = {"msg_type": "Cancel", "reference_ids": [alert["id"]], "headline_vi": "Đã an toàn"}
    await a_grave_one(db, desk, operator, **clear)
    published, cancelled = await news(db)
    await broadcasts.of_alert(db, cancelled)
    await broadcasts.of_alert(db, published)
    await go(db)
    assert await inbox_of(desk, reader) == ["Đã an toàn"]
    assert {push.title for push in carrier.got} == {"Đã an toàn", "Heavy rain from this afternoon"}
    assert len(carrier.got) == 2


async def test_whoever_heard_a_warning_hears_its_all_clear_also_when_that_wakes_nobody(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    """They had named no ward, so that a critical one concerned them; one that is not critical would not."""
    operator = await a_staff_member(db)
    here, nowhere, there = await a_reader(db, WARD), await a_reader(db), await a_reader(db, OTHER_WARD)
    alert = await a_grave_one(db, desk, operator, wards=[WARD])
    [published] = await news(db)
    await broadcasts.of_alert(db, published)
    await go(db)
    clear = {"msg_type": "Cancel", "reference_ids": [alert["id"]], "severity": "Minor", "headline_vi": "Đã an toàn"}
    await a_grave_one(db, desk, operator, wards=[WARD], **clear)
    await broadcasts.of_alert(db, (await news(db))[1])
    await go(db)
    told = ["Đã an toàn", "Mưa lớn từ chiều nay"]
    assert [await inbox_of(desk, one) for one in (here, nowhere, there)] == [told, told, []]


async def test_an_update_of_an_update_is_told_to_whoever_heard_only_the_first(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    """The one in the middle was stopped before it had come so far."""
    operator, nowhere = await a_staff_member(db), await a_reader(db)
    alert = await a_grave_one(db, desk, operator, wards=[WARD])
    await broadcasts.of_alert(db, (await news(db))[0])
    await go(db)
    less: dict[str, Any] = {"msg_type": "Update", "severity": "Minor", "wards": [WARD]}
    second = await a_grave_one(db, desk, operator, reference_ids=[alert["id"]], **less)
    await broadcasts.of_alert(db, (await news(db))[1])
    await written(
        desk, operator, msg_type="Cancel", reference_ids=[second["id"]], wards=[WARD], headline_vi="Đã an toàn"
    )
    await broadcasts.of_alert(db, (await news(db))[2])
    await go(db)
    assert await inbox_of(desk, nowhere) == ["Đã an toàn", "Mưa lớn từ chiều nay"]


async def test_a_warning_for_a_ward_wakes_the_phones_of_those_who_named_none(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    """Their phones have subscribed to the city's topic, not to the ward's."""
    here, _, nowhere = await a_reader(db, WARD), await a_reader(db, OTHER_WARD), await a_reader(db, awake=False)
    operator = await a_staff_member(db)
    await approved(db, desk, await made(desk, operator, lane="critical", wards=[WARD]))
    await go(db)
    [target] = [row["target"] for row in await db.fetch(sql.targets, nowhere.id)]
    assert {push.target for push in carrier.got} == {f"ward.{WARD}.vi", f"ward.{WARD}.en", target}
    assert await db.fetch(sql.deliveries, here.id) == [], "that phone hears it by its topic"


async def test_a_warning_for_the_whole_city_goes_to_no_phone_by_itself(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    for wards in ([WARD], []):
        await a_reader(db, *wards)
    await approved(db, desk, await made(desk, await a_staff_member(db), lane="critical"))
    await go(db)
    assert {push.target for push in carrier.got} == {"city.vi", "city.en"}


async def test_wrong_words_that_are_still_on_their_way_do_not_come_after_the_right_ones(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    """Every inbox has them, and FCM was away when they were sent."""
    operator, reader = await a_staff_member(db), await a_reader(db)
    carrier.answer = always(Outcome("again", "UNAVAILABLE", after_s=600))
    wrong = await made(desk, operator)
    await go(db)
    carrier.answer = always(Outcome("accepted"))
    carrier.got.clear()
    right = {**CORRECT, "correction_id": str(new_id()), "expires_at": words()["expires_at"]}
    path = f"{BROADCASTS}/{wrong['id']}/correction"
    assert (await desk.put(path, headers=operator.headers, json=right)).status_code == 200
    await go(db)
    await db.execute(sql.due_now)
    await go(db)
    assert [push.title for push in carrier.got] == [CORRECT["title"]["vi"]]
    assert [row["why"] for row in await db.fetch(sql.deliveries, reader.id)] == ["withdrawn", None]


async def test_a_warning_that_is_still_on_its_way_does_not_come_after_its_update(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    operator, _ = await a_staff_member(db), await a_reader(db)
    alert = await written(desk, operator)
    carrier.answer = always(Outcome("again", "UNAVAILABLE", after_s=600))
    await broadcasts.of_alert(db, (await news(db))[0])
    await go(db)
    carrier.answer = always(Outcome("accepted"))
    carrier.got.clear()
    await written(desk, operator, msg_type="Update", reference_ids=[alert["id"]], headline_vi="Mưa đã ngớt")
    await broadcasts.of_alert(db, (await news(db))[1])
    await go(db)
    await db.execute(sql.due_now)
    await go(db)
    assert [push.title for push in carrier.got] == ["Mưa đã ngớt"]


async def test_an_update_stops_the_correction_of_what_it_takes_the_place_of_too(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    operator, reader = await a_staff_member(db), await a_reader(db)
    alert = await written(desk, operator)
    await broadcasts.of_alert(db, (await news(db))[0])
    right = {**CORRECT, "correction_id": str(new_id()), "expires_at": words()["expires_at"]}
    path = f"{BROADCASTS}/{alert['id']}/correction"
    assert (await desk.put(path, headers=operator.headers, json=right)).status_code == 200
    await written(desk, operator, msg_type="Update", reference_ids=[alert["id"]], headline_vi="Mưa đã ngớt")
    await broadcasts.of_alert(db, (await news(db))[1])
    await go(db)
    assert await inbox_of(desk, reader) == ["Mưa đã ngớt"]
    stopped = (await desk.get(f"{BROADCASTS}/{right['correction_id']}", headers=operator.headers)).json()
    assert stopped["state"] == "cancelled"


async def test_nobody_takes_a_warnings_name_for_a_notice(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    """Who did would have it told to nobody: it is told under its own id, once."""
    operator, _ = await a_staff_member(db), await a_reader(db)
    waiting = await written(desk, operator, severity="Extreme")
    squat = await desk.put(f"{BROADCASTS}/{waiting['id']}", headers=operator.headers, json=words())
    assert problem(squat) == (409, "BroadcastIdTaken")
    notice = await made(desk, operator)
    right = {**CORRECT, "correction_id": waiting["id"], "expires_at": words()["expires_at"]}
    path = f"{BROADCASTS}/{notice['id']}/correction"
    assert problem(await desk.put(path, headers=operator.headers, json=right)) == (409, "BroadcastIdTaken")
    assert problem(await put(desk, operator, alert_id=UUID(notice["id"]))) == (409, "AlertIdTaken")


async def test_the_same_notice_at_once_is_one(city: City) -> None:
    async with city.database.transaction() as db:
        operator = await a_staff_member(db, role="operator")
    path, said = f"{BROADCASTS}/{new_id()}", words()
    answers = await asyncio.gather(*(city.client.put(path, headers=operator.headers, json=said) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    other = [city.client.put(path, headers=operator.headers, json=said | {"category": "dossier"}) for _ in range(2)]
    assert {problem(answer) for answer in await asyncio.gather(*other)} == {(409, "BroadcastIdTaken")}


@pytest.mark.parametrize("link", ["//elsewhere.example/a", "/\\elsewhere.example", "/a\n"])
async def test_a_push_opens_no_other_site(db: Connection, desk: httpx.AsyncClient, link: str) -> None:
    """To a browser `//elsewhere.example` is another site."""
    operator = await a_staff_member(db)
    answer = await desk.put(f"{BROADCASTS}/{new_id()}", headers=operator.headers, json=words(link=link))
    assert problem(answer) == (400, "Malformed")


async def test_texts_that_are_switched_off_meanwhile_are_not_sent(
    db: Connection, desk: httpx.AsyncClient, carrier: Carrier
) -> None:
    operator, _ = await a_staff_member(db), await a_reader(db)
    broadcast = await approved(db, desk, await made(desk, operator, lane="critical"))
    await go(db)
    await db.execute(sql.end_pause)
    carrier.got.clear()
    await db.execute(others.set_policy, "notifications.texts", 0)
    await go(db)
    shown = (await desk.get(f"{BROADCASTS}/{broadcast['id']}", headers=operator.headers)).json()
    assert (shown["state"], shown["texts"], carrier.got) == ("done", 0, [])


async def test_what_waited_for_eyes_too_long_is_shown_as_expired(db: Connection, desk: httpx.AsyncClient) -> None:
    operator = await a_staff_member(db)
    broadcast = await made(desk, operator, lane="critical")
    await db.execute(sql.expire_broadcast)
    await go(db)
    shown = (await desk.get(f"{BROADCASTS}/{broadcast['id']}", headers=operator.headers)).json()
    assert shown["state"] == "expired"


@pytest.mark.parametrize("phase", ["people", "texts"])
async def test_the_last_step_reads_no_more_people_than_it_needs(city: City, phase: str) -> None:
    """Twenty thousand residents, of whom all but a hundred were told: a step that read all of them each time would
    take a thousand times longer in a city of a million."""
    async with city.database.transaction() as db:
        await db.execute(sql.plant_residents, 20_000)
        operator = await a_staff_member(db)
    broadcast_id = new_id()
    path, said = f"{BROADCASTS}/{broadcast_id}", words(lane="critical", per_device=True)
    assert (await city.client.put(path, headers=operator.headers, json=said)).status_code == 200
    async with city.database.transaction() as db:
        if phase == "texts":
            await db.execute(sql.plant_told, broadcast_id)
        await db.execute(sql.come_far, broadcast_id, phase)
    owner = await asyncpg.connect(city.settings.database_owner_url)
    await owner.execute("ANALYZE")
    await owner.close()
    async with city.database.transaction() as db:
        before = await db.fetchval(sql.principals_read)
        assert await going.work(OneConnection(db)) == 1
        assert await db.fetchval(sql.principals_read) - before < 1000
    shown = (await city.client.get(path, headers=operator.headers)).json()
    assert shown["told" if phase == "people" else "texts"] == 100
