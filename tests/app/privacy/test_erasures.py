"""To be forgotten: what goes, what is kept by law, and what stands against it."""

import asyncio
import re
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.db import Connection, Database
from app.identity import verifications
from app.privacy import access, erasures
from app.worker import HOLDINGS, SCHEDULE, Worker
from tests.app.phones import PLAY_PHONE, ask_for_code, bearer, problem, signed_in
from tests.conftest import City, OneConnection
from tests.makers import PIN, Resident, a_biller, a_resident, a_shop, a_staff_member, fund
from tests.statements import sql
from wallet import ledger

NAME = "Tôn Nữ Thị Hương Giang"


async def erase(client: httpx.AsyncClient, headers: dict[str, str], pin: str = PIN) -> httpx.Response:
    """POST the wish, with the PIN."""
    return await client.post("/v1/me/erasures", headers=headers, json={"pin": pin})


async def tables_that_name(db: Connection, text: str) -> set[str]:
    """Every table in which any column of any row holds this text."""
    found: set[str] = set()
    for row in await db.fetch(sql.tables_of_ours):
        table: str = row["table"]
        if await db.fetchval(f"SELECT EXISTS (SELECT FROM {table} AS t WHERE strpos(t::text, $1) > 0)", text):
            found.add(table)
    return found


async def a_full_life(city: City, client: httpx.AsyncClient) -> tuple[UUID, dict[str, str]]:
    """Somebody whose number and name are everywhere that the city may put them."""
    session = await signed_in(client, PLAY_PHONE, id=str(uuid4()), name=f"Điện thoại của {NAME}", platform="android")
    headers, me = bearer(session), UUID(session["me"]["id"])

    async def put(path: str, body: dict[str, Any], method: str = "PUT") -> None:
        answer = await client.request(method, path, headers=headers, json=body)
        assert answer.is_success, answer.text

    await put("/v1/me", {"name": NAME}, "PATCH")
    await put("/v1/me/pin", {"pin": PIN})
    await put("/v1/wallet/unlocks", {"pin": PIN}, "POST")
    async with city.database.transaction() as db:
        await db.execute(verifications.sql.prove_identity, uuid4(), me, "https://id.example", "1", NAME, None)
        await db.execute(verifications.sql.raise_level, me, NAME)
        await fund(db, me, 30_000)
        await a_biller(db)
        friend = await a_resident(db, balance=5_000)
        officer = await a_staff_member(db, role="clerk")
        await access.opened(db, officer.me, me, "Hồ sơ", "Người dân đến quầy")
    send = {"kind": "person", "phone": friend.phone, "amount": 35_000 - 5_000, "memo": f"Của {NAME}"}
    await put(f"/v1/wallet/payments/{uuid4()}", send)
    back = {"kind": "person", "phone": PLAY_PHONE, "amount": 5_000}
    assert (await client.put(f"/v1/wallet/payments/{uuid4()}", headers=friend.headers, json=back)).status_code == 201
    await put(f"/v1/wallet/payments/{uuid4()}", {"kind": "person", "phone": friend.phone, "amount": 5_000})
    kept = {"biller": "dien-luc-hue", "customer_code": "PP03000000001", "nickname": f"Nhà {NAME}"}
    await put(f"/v1/wallet/customer-codes/{uuid4()}", kept)
    await put(f"/v1/me/data-requests/{uuid4()}", {"kind": "complaint", "text": f"{NAME}, số {PLAY_PHONE}, hỏi."})
    await put("/v1/me/consents/marketing", {"given": True, "version": 1})
    await put("/v1/me/exports", {}, "POST")
    wrong = {"phone": PLAY_PHONE, "pin": "135790"}
    assert (await client.post("/v1/sign-in/emergency-locks", json=wrong)).status_code == 202
    await ask_for_code(client, PLAY_PHONE)
    await city.worker.drain()
    return me, headers


async def test_f45_nothing_names_me_once_i_am_erased_but_what_the_law_keeps(city: City) -> None:
    me, headers = await a_full_life(city, city.client)
    async with city.database.acquire() as db:
        named, numbered = await tables_that_name(db, NAME), await tables_that_name(db, PLAY_PHONE[3:])
    assert named >= {"principal", "device", "customer_code", "data_request", "identity_proof", "message", "event"}
    assert numbered >= {"principal", "one_time_code", "budget", "data_request"}

    asked = await erase(city.client, headers)
    assert (asked.status_code, asked.json()["status"]) == (202, "pending"), asked.text
    told = asked.json()
    assert {"Danh tính đã xác thực", "Tài khoản ví"} <= {hold["what"] for hold in told["holds"]}
    assert all(re.search("Luật", hold["reason"]) and hold["until"] > "2027" for hold in told["holds"])
    assert "Mã khách hàng đã lưu" in told["erases"]
    assert "Cửa hàng của bạn" not in {hold["what"] for hold in told["holds"]}, "what is not there is not held"
    await city.worker.drain()

    async with city.database.acquire() as db:
        # The law keeps who it was and what the transfer said; the friend keeps the message.
        assert await tables_that_name(db, NAME) == {"identity_proof", "transfer", "message"}
        assert await tables_that_name(db, PLAY_PHONE[3:]) == set()
        kept = await db.fetchrow(sql.principal_row, me)
        assert kept is not None
        assert (kept["phone"], kept["name"], kept["screen_name"], kept["level"]) == (None, None, "***", 1)
        assert kept["closed_at"] is not None
        assert [row["end_reason"] for row in await db.fetch(sql.session_ends, me)] == ["erased"]
        assert all(law.broken == 0 for law in await ledger.check(db))
        done = [row["done"] for row in await db.fetch(sql.processing_rows, me)]
        assert done[-2:] == ["erasure_asked", "erasure_done"]
        actions = [(row["actor_kind"], row["action"]) for row in await db.fetch(sql.audit_actions, str(me))]
        assert actions[-2:] == [("resident", "privacy.erasure_asked"), ("city", "privacy.erasure_done")]
    city.app.state.bearer.seen.clear()
    assert (await city.client.get("/v1/me", headers=headers)).status_code == 401


async def test_f45_the_same_number_makes_somebody_new(city: City) -> None:
    me, headers = await a_full_life(city, city.client)
    await erase(city.client, headers)
    await city.worker.drain()
    session = await signed_in(city.client, PLAY_PHONE)
    assert UUID(session["me"]["id"]) != me
    assert (session["confirmed"], session["me"]["name"], session["me"]["has_pin"]) == (True, None, False)
    path = "/v1/wallet/movements"
    assert (await city.client.get(path, headers=bearer(session))).json()["items"] == []
    async with city.database.transaction() as db:  # the person may be verified again, for that account is theirs
        again = UUID(session["me"]["id"])
        await db.execute(verifications.sql.prove_identity, uuid4(), again, "https://id.example", "1", NAME, None)


async def test_a_wrong_pin_erases_nothing_and_is_counted(desk: httpx.AsyncClient, db: Connection) -> None:
    me = await a_resident(db)
    answer = await erase(desk, me.headers, "135791")
    assert problem(answer) == (403, "WrongPin")
    row = await db.fetchrow(sql.pin_row, me.id)
    assert row is not None
    assert row["wrong_tries"] == 1
    assert not await db.fetch(sql.erasure_rows, me.id)
    newcomer = await a_resident(db, with_pin=False)
    assert problem(await erase(desk, newcomer.headers)) == (409, "PinNotSet")


async def test_asked_twice_it_is_one_erasure(desk: httpx.AsyncClient, db: Connection) -> None:
    me = await a_resident(db)
    first, second = await erase(desk, me.headers), await erase(desk, me.headers)
    assert first.json()["erasure_id"] == second.json()["erasure_id"]
    await Worker(OneConnection(db)).drain()
    assert [row["status"] for row in await db.fetch(sql.erasure_rows, me.id)] == ["done"]


async def test_money_and_an_open_shop_stand_against_it(desk: httpx.AsyncClient, db: Connection) -> None:
    me = await a_resident(db, balance=1)
    shop = await a_shop(db, owner=me)
    answer = await erase(desk, me.headers | {"accept-language": "en"})
    assert problem(answer) == (409, "ErasureMustWait")
    assert [one["what"] for one in answer.json()["against"]] == ["The wallet", "Your shops"]
    await db.execute(sql.close_shop, shop.id)
    answer = await erase(desk, me.headers)
    assert [one["what"] for one in answer.json()["against"]] == ["Tài khoản ví"]
    poor = await a_resident(db)
    assert (await erase(desk, poor.headers)).status_code == 202


async def test_money_that_comes_between_the_asking_and_the_doing_stops_it(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    me = await a_resident(db)
    assert (await erase(desk, me.headers)).status_code == 202
    await fund(db, me.id, 1000)
    await Worker(OneConnection(db)).drain()
    assert [row["status"] for row in await db.fetch(sql.erasure_rows, me.id)] == ["refused"]
    row = await db.fetchrow(sql.principal_row, me.id)
    assert row is not None
    assert (row["phone"], row["name"], row["closed_at"]) == (me.phone, me.name, None)
    inbox = (await desk.get("/v1/notifications/inbox", headers=me.headers)).json()["items"]
    assert inbox[0]["title"] == "Tài khoản chưa bị xóa"


async def test_a_payment_and_an_erasure_at_once_lose_no_money(city: City) -> None:
    async with city.database.transaction() as db:
        leaving = [await a_resident(db) for _ in range(12)]
        payers = [await a_resident(db, balance=1000) for _ in leaving]
    for me in leaving:
        assert (await erase(city.client, me.headers)).status_code == 202

    async def pay(payer: Resident, me: Resident) -> int:
        body = {"kind": "person", "phone": me.phone, "amount": 1000}
        path = f"/v1/wallet/payments/{uuid4()}"
        return (await city.client.put(path, headers=payer.headers, json=body)).status_code

    *statuses, _, _ = await asyncio.gather(
        *(pay(payer, me) for payer, me in zip(payers, leaving, strict=True)), city.worker.drain(), _drained(city)
    )
    await city.worker.drain()
    async with city.database.acquire() as db:
        for status, me in zip(statuses, leaving, strict=True):
            [erasure] = await db.fetch(sql.erasure_rows, me.id)
            account = await db.fetchrow(sql.account_row, me.id)
            assert account is not None
            if status == 201:
                assert (erasure["status"], account["posted"], account["closed_at"]) == ("refused", 1000, None)
            else:
                assert (erasure["status"], account["posted"]) == ("done", 0)
                assert account["closed_at"] is not None
        assert all(law.broken == 0 for law in await ledger.check(db))


async def _drained(city: City) -> None:
    await Worker(city.database).drain()


async def test_what_arrives_behind_an_erasure_is_swept_away(db: Connection, desk: httpx.AsyncClient) -> None:
    me = await a_resident(db)
    await erase(desk, me.headers)
    crew = Worker(OneConnection(db), schedule=[task for task in SCHEDULE if task.name == "sweep_erasures"])
    await crew.drain()
    await db.execute(sql.many_messages, me.id, 2, 0)
    await crew.keep_schedule()
    assert await db.fetchval(sql.kept_messages, me.id) == 2, "not yet"
    await db.execute(sql.move_clock, "120 seconds")
    try:
        await crew.keep_schedule()
    finally:
        await db.execute(sql.move_clock, "0 seconds")
    assert await db.fetchval(sql.kept_messages, me.id) == 0
    [row] = await db.fetch(sql.erasure_rows, me.id)
    assert row["swept_at"] is not None


async def test_payments_of_the_erased_keep_their_ids_and_no_names(city: City) -> None:
    async with city.database.transaction() as db:
        me, friend = await a_resident(db, balance=1000, name=NAME), await a_resident(db, balance=500)
    sent, received = uuid4(), uuid4()
    for payment_id, payer, payee, amount in ((received, friend, me, 500), (sent, me, friend, 1500)):
        body = {"kind": "person", "phone": payee.phone, "amount": amount}
        paid = await city.client.put(f"/v1/wallet/payments/{payment_id}", headers=payer.headers, json=body)
        assert paid.status_code == 201, paid.text
    await erase(city.client, me.headers)
    await city.worker.drain()
    async with city.database.acquire() as db:
        rows = [await db.fetchrow(sql.payment_names, payment_id) for payment_id in (sent, received)]
    assert [tuple(row) for row in rows if row is not None] == [
        ("***", "L*** T*** N*** Bình", f"{friend.phone[:6]}***{friend.phone[-3:]}"),
        ("L*** T*** N*** Bình", "***", None),
    ]


async def test_an_erasure_is_done_once(database: Database) -> None:
    async with database.transaction() as db:
        await erasures.carry_out(db, uuid4(), HOLDINGS)  # of nobody: nothing happens


@pytest.mark.parametrize("holding", HOLDINGS, ids=[holding.name for holding in HOLDINGS])
async def test_every_holding_can_be_read_erased_and_forgotten(db: Connection, holding: Any) -> None:
    me = await a_resident(db)
    await db.fetch(holding.rows, me.id)
    if holding.forget:
        assert holding.kept_days
        assert isinstance(await db.fetchval(holding.forget, holding.kept_days, 10), int)
    if holding.against:
        assert await db.fetchval(holding.against.stands, me.id) is False
    if holding.erase:
        await db.execute(holding.erase, me.id)
