"""From the deed to the browser and the phone: over real sockets, and back with what the carrier says."""

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from app import outbox
from app.db import Connection
from app.texts.events import TextReported
from app.worker import Worker
from notifications import listeners, sending
from tests.conftest import OneConnection, StandIns
from tests.makers import Resident, a_resident
from tests.notifications.phones import paid, sql
from tests.notifications.transports.browsers import Browser, PushService
from tests.texting import Phones, the_phones


@pytest.fixture
async def database(db: Connection) -> AsyncIterator[OneConnection]:
    """Whose worker has carriers of its own."""
    one = OneConnection(db)
    yield one
    await sending.close(one)


@pytest.fixture
async def phones(stand_ins: StandIns) -> AsyncIterator[Phones]:
    async with the_phones(stand_ins) as there:
        yield there


@pytest.fixture
async def service(stand_ins: StandIns) -> AsyncIterator[PushService]:
    async with httpx.AsyncClient(verify=False, base_url=f"{stand_ins.url}/web-push") as client:
        there = PushService(client)
        await there.misbehave("down", times=0)
        yield there


async def with_browser(db: Connection, desk: httpx.AsyncClient, resident: Resident, browser: Browser) -> UUID:
    device_id: UUID = await db.fetchval(sql.device_of_session, resident.session_id)
    body = {
        "platform": "web",
        "target_kind": "web_push",
        "target": browser.target,
        "locale": "vi",
        "app_version": "1.0.0",
    }
    answer = await desk.put(f"/v1/notifications/devices/{device_id}", headers=resident.headers, json=body)
    assert answer.status_code == 200, answer.text
    await db.execute(sql.awake, resident.id)
    return device_id


async def states(db: Connection, resident: Resident) -> list[tuple[str, str | None]]:
    return [(row["state"], row["why"]) for row in await db.fetch(sql.deliveries, resident.id)]


async def reported(db: Connection, delivery_id: UUID, *states: str, why: str = "") -> None:
    for state in states:
        await outbox.record(db, TextReported(reference=delivery_id, state=state, why=why))  # pyright: ignore[reportArgumentType]
    await Worker(OneConnection(db), listeners.listeners, ()).drain()


async def test_a_payment_is_shown_by_the_payers_browser(
    db: Connection, desk: httpx.AsyncClient, database: OneConnection, service: PushService
) -> None:
    resident, browser = await a_resident(db), await service.a_browser()
    await with_browser(db, desk, resident, browser)
    await paid(db, resident, 1)
    assert await sending.work("transactional", database) == 1
    assert await states(db, resident) == [("accepted", None)]
    [message] = await browser.shows()
    assert (message["shown"]["title"], message["shown"]["body"]) == ("Đã chuyển tiền", "50.000 ₫ cho T*** Cảnh.")
    assert message["urgency"] == "normal"


async def test_a_browser_that_has_ended_its_subscription_is_forgotten(
    db: Connection, desk: httpx.AsyncClient, database: OneConnection, service: PushService
) -> None:
    resident, browser = await a_resident(db), await service.a_browser()
    await with_browser(db, desk, resident, browser)
    await browser.end()
    await paid(db, resident, 1)
    await sending.work("transactional", database)
    assert await states(db, resident) == [("failed", "answered 410")]
    assert await db.fetch(sql.targets, resident.id) == []


async def a_text(db: Connection, database: OneConnection) -> tuple[Resident, UUID]:
    """A warning that went by text."""
    resident = await a_resident(db)
    await paid(db, resident, 1)
    delivery_id: UUID = await db.fetchval(sql.plant_text, resident.id)
    await sending.work("critical", database)
    return resident, delivery_id


async def test_a_warning_goes_by_text_and_the_carrier_says_that_the_phone_has_it(
    db: Connection, database: OneConnection, phones: Phones
) -> None:
    resident, delivery_id = await a_text(db, database)
    assert await states(db, resident) == [("accepted", None)]
    [text] = await phones.got(resident.phone)
    assert (text["reference"], text["kind"]) == (str(delivery_id), "critical")
    await reported(db, delivery_id, "delivered")
    assert await states(db, resident) == [("delivered", None)]


async def test_a_text_that_did_not_arrive_has_failed_until_it_does(
    db: Connection, database: OneConnection, phones: Phones
) -> None:
    resident, delivery_id = await a_text(db, database)
    await reported(db, delivery_id, "failed", why="absent")
    assert await states(db, resident) == [("failed", "absent")]
    await reported(db, delivery_id, "delivered")
    assert await states(db, resident) == [("delivered", None)]
    await reported(db, delivery_id, "failed")
    assert await states(db, resident) == [("delivered", None)], "what a phone has, it has"


async def test_a_report_of_nothing_of_ours_harms_nobody(
    db: Connection, database: OneConnection, phones: Phones
) -> None:
    resident, _ = await a_text(db, database)
    await reported(db, UUID(int=7), "failed")
    assert await states(db, resident) == [("accepted", None)]
