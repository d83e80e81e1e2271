"""A code shown at a till: one charge, once, within a minute; much is confirmed by whoever shows it."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import City
from tests.makers import Resident, Shop, a_policy, a_resident, a_shop, a_staff_member
from tests.statements import sql
from wallet import ledger
from wallet.merchants import charges, pay_codes


async def a_town(city: City, balance: int = 10_000_000) -> tuple[Resident, Shop]:
    async with city.database.transaction() as db:
        return await a_resident(db, balance=balance), await a_shop(db)


async def a_code(city: City, payer: Resident) -> str:
    made = await city.client.post("/v1/wallet/pay-codes", headers=payer.headers, json={})
    assert made.status_code == 201, made.text
    return made.json()["code"]


async def charge(
    city: City, shop: Shop, code: str, amount: int = 45_000, charge_id: UUID | None = None, **more: Any
) -> httpx.Response:
    body = {"pay_code": code, "amount": amount, **more}
    url = f"/v1/merchants/{shop.id}/charges/{charge_id or uuid4()}"
    return await city.client.put(url, headers=shop.owner.headers, json=body)


async def confirm(city: City, payer: Resident, charge_id: UUID, approve: bool = True) -> httpx.Response:
    url = f"/v1/wallet/charges/{charge_id}/confirmation"
    return await city.client.put(url, headers=payer.headers, json={"approve": approve})


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def balance(city: City, account_id: UUID) -> int:
    async with city.database.acquire() as db:
        return await db.fetchval(sql.balance, account_id)


async def test_a_shop_reads_a_code_and_is_paid(city: City) -> None:
    payer, shop = await a_town(city)
    code, charge_id = await a_code(city, payer), uuid4()
    paid = await charge(city, shop, code, 45_000, charge_id, memo="2 tô")
    assert (paid.status_code, paid.json()["status"], paid.json()["terminal"]) == (200, "paid", "Quầy 1")
    again = await charge(city, shop, code, 45_000, charge_id, memo="2 tô")
    assert again.json() == paid.json()
    assert await balance(city, shop.id) == 45_000
    payment = await city.client.get(f"/v1/wallet/payments/{charge_id}", headers=payer.headers)
    assert (payment.json()["amount"], payment.json()["memo"]) == (45_000, "2 tô")
    seen = await city.client.get(f"/v1/wallet/charges/{charge_id}", headers=payer.headers)
    assert (seen.json()["merchant"], seen.json()["status"]) == ("Bún bò bên chợ", "paid")


async def test_a_code_is_for_one_charge(city: City) -> None:
    payer, shop = await a_town(city)
    code, charge_id = await a_code(city, payer), uuid4()
    assert (await charge(city, shop, code, charge_id=charge_id)).status_code == 200
    assert problem(await charge(city, shop, code)) == (404, "PayCodeNotGood")
    assert problem(await charge(city, shop, code, 45_001, charge_id)) == (409, "ChargeIdTaken")
    assert await balance(city, shop.id) == 45_000


async def test_twenty_tills_with_one_code_are_one_payment(city: City) -> None:
    payer, shop = await a_town(city)
    code = await a_code(city, payer)
    answers = await asyncio.gather(*[charge(city, shop, code) for _ in range(20)])
    assert Counter(answer.status_code for answer in answers) == {200: 1, 404: 19}
    assert await balance(city, shop.id) == 45_000


async def test_twenty_times_the_same_charge_at_once_get_one_answer(city: City) -> None:
    payer, shop = await a_town(city)
    code, charge_id = await a_code(city, payer), uuid4()
    answers = await asyncio.gather(*[charge(city, shop, code, charge_id=charge_id) for _ in range(20)])
    assert {(answer.status_code, answer.json()["status"]) for answer in answers} == {(200, "paid")}
    assert await balance(city, shop.id) == 45_000


async def test_a_newer_code_takes_the_place_of_the_one_before(city: City) -> None:
    payer, shop = await a_town(city)
    old, new = await a_code(city, payer), await a_code(city, payer)
    assert problem(await charge(city, shop, old)) == (404, "PayCodeNotGood")
    assert (await charge(city, shop, new)).json()["status"] == "paid"


async def test_a_code_lives_a_minute_and_needs_an_open_wallet(city: City) -> None:
    payer, shop = await a_town(city)
    code = await a_code(city, payer)
    async with city.database.transaction() as db:
        await db.execute(sql.expire_pay_codes)
    assert problem(await charge(city, shop, code)) == (404, "PayCodeNotGood")
    async with city.database.transaction() as db:
        await db.execute(sql.lock, payer.session_id)
    locked = await city.client.post("/v1/wallet/pay-codes", headers=payer.headers, json={})
    assert problem(locked) == (403, "WalletLocked")


async def test_much_is_confirmed_by_the_customer(city: City) -> None:
    payer, shop = await a_town(city)
    code, charge_id = await a_code(city, payer), uuid4()
    asked = await charge(city, shop, code, 2_000_001, charge_id)
    assert asked.json()["status"] == "awaiting_confirmation"
    assert await balance(city, shop.id) == 0
    await city.worker.drain()
    inbox = (await city.client.get("/v1/notifications/inbox", headers=payer.headers)).json()["items"]
    assert inbox[0]["link"] == f"/wallet/charges/{charge_id}"
    for _ in range(2):
        assert (await confirm(city, payer, charge_id)).json()["status"] == "paid"
    assert problem(await confirm(city, payer, charge_id, approve=False)) == (409, "ChargeIsDecided")
    assert (await charge(city, shop, code, 2_000_001, charge_id)).json()["status"] == "paid"
    assert await balance(city, shop.id) == 2_000_001


async def test_a_customer_declines(city: City) -> None:
    payer, shop = await a_town(city)
    code, charge_id = await a_code(city, payer), uuid4()
    await charge(city, shop, code, 2_000_001, charge_id)
    for _ in range(2):
        assert (await confirm(city, payer, charge_id, approve=False)).json()["status"] == "declined"
    assert problem(await confirm(city, payer, charge_id)) == (409, "ChargeIsDecided")
    assert await balance(city, shop.id) == 0


async def test_twenty_confirmations_and_refusals_at_once_have_one_end(city: City) -> None:
    payer, shop = await a_town(city)
    code, charge_id = await a_code(city, payer), uuid4()
    await charge(city, shop, code, 2_000_001, charge_id)
    await asyncio.gather(*[confirm(city, payer, charge_id, approve=number % 2 == 0) for number in range(20)])
    seen = (await city.client.get(f"/v1/wallet/charges/{charge_id}", headers=payer.headers)).json()["status"]
    assert seen in {"paid", "declined"}
    assert await balance(city, shop.id) == (2_000_001 if seen == "paid" else 0)


async def test_what_expired_is_not_paid(city: City) -> None:
    payer, shop = await a_town(city)
    charge_id = uuid4()
    await charge(city, shop, await a_code(city, payer), 2_000_001, charge_id)
    async with city.database.transaction() as db:
        await db.execute(sql.expire_charges)
    assert problem(await confirm(city, payer, charge_id)) == (409, "ChargeExpired")
    shown = await city.client.get(f"/v1/merchants/{shop.id}/charges/{charge_id}", headers=shop.owner.headers)
    assert shown.json()["status"] == "expired"


async def test_the_shop_does_not_hear_why_it_was_not_paid(city: City) -> None:
    payer, shop = await a_town(city, balance=1_000)
    declined = await charge(city, shop, await a_code(city, payer))
    assert (declined.status_code, declined.json()["status"]) == (200, "declined")
    assert "InsufficientFunds" not in declined.text


async def test_an_amount_that_asks_for_a_proof_is_confirmed_with_one(city: City) -> None:
    payer, shop = await a_town(city)
    async with city.database.transaction() as db:
        await a_policy(db, "step_up.goods_code_above", 10_000)
    charge_id = uuid4()
    asked = await charge(city, shop, await a_code(city, payer), 45_000, charge_id)
    assert asked.json()["status"] == "awaiting_confirmation"
    assert problem(await confirm(city, payer, charge_id)) == (403, "StepUpRequired")
    wanted = {"payment_id": str(charge_id), "payment": {"kind": "charge", "charge_id": str(charge_id)}}
    made = await city.client.post("/v1/wallet/step-ups", headers=payer.headers, json=wanted)
    assert made.status_code == 201, made.text
    async with city.database.transaction() as db:
        await db.execute(sql.prove_step_up, UUID(made.json()["step_up_id"]))
    url = f"/v1/wallet/charges/{charge_id}/confirmation"
    headers = payer.headers | {"step-up": made.json()["step_up_id"]}
    paid = await city.client.put(url, headers=headers, json={"approve": True})
    assert paid.json()["status"] == "paid", paid.text


async def test_nobody_elses_charge_is_seen_or_confirmed(city: City) -> None:
    payer, shop = await a_town(city)
    other, other_shop = await a_town(city)
    charge_id = uuid4()
    await charge(city, shop, await a_code(city, payer), 2_000_001, charge_id)
    assert (await confirm(city, other, charge_id)).status_code == 404
    url = f"/v1/wallet/charges/{charge_id}"
    assert (await city.client.get(url, headers=other.headers)).status_code == 404
    for shop_id, owner in ((shop.id, other_shop.owner), (other_shop.id, other_shop.owner)):
        url = f"/v1/merchants/{shop_id}/charges/{charge_id}"
        assert (await city.client.get(url, headers=owner.headers)).status_code == 404
    stolen = {"pay_code": await a_code(city, payer), "amount": 1}
    url = f"/v1/merchants/{shop.id}/charges/{uuid4()}"
    assert (await city.client.put(url, headers=other_shop.owner.headers, json=stolen)).status_code == 404


async def test_codes_are_not_guessed_for_long(city: City) -> None:
    _, shop = await a_town(city)
    said = Counter([problem(await charge(city, shop, "280000000000000006"))[1] for _ in range(31)])
    assert said == {"PayCodeNotGood": 30, "TooManyRequests": 1}


async def test_a_charge_that_was_cut_short_is_taken_up_by_the_same_request(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the process had been killed between the code and the money."""
    payer, shop = await a_town(city)
    code, charge_id = await a_code(city, payer), uuid4()
    with monkeypatch.context() as broken:
        broken.setattr(city.app.state.till, "closing", True)
        assert (await charge(city, shop, code, 45_000, charge_id)).status_code == 503
    assert await balance(city, shop.id) == 0
    assert (await charge(city, shop, code, 45_000, charge_id)).json()["status"] == "paid"
    async with city.database.transaction() as db:
        assert [law for law in await ledger.check(db) if law.broken] == []


@given(st.text("0123456789", min_size=17, max_size=17), st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_is_no_code(body: str, place: int, shift: int) -> None:
    code = body + pay_codes.check_digit(body)
    assert pay_codes.well_formed(code)
    wrong = code[:place] + str((int(code[place]) + shift) % 10) + code[place + 1 :]
    assert not pay_codes.well_formed(wrong)


async def test_staff_make_no_codes(city: City) -> None:
    async with city.database.transaction() as db:
        member = await a_staff_member(db)
    assert (await city.client.post("/v1/wallet/pay-codes", headers=member.headers, json={})).status_code == 403


async def test_a_charge_whose_money_moved_is_paid_whatever_its_row_says(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the process had been killed between the money and the row."""
    payer, shop = await a_town(city)
    code, charge_id = await a_code(city, payer), uuid4()
    with monkeypatch.context() as broken:
        broken.setattr(charges.sql, "charge_status", "SELECT the_end, $1::uuid, $2::text", raising=False)
        assert (await charge(city, shop, code, 45_000, charge_id)).status_code == 500
    async with city.database.transaction() as db:
        await db.execute(sql.expire_charges)
    shown = await city.client.get(f"/v1/merchants/{shop.id}/charges/{charge_id}", headers=shop.owner.headers)
    assert shown.json()["status"] == "paid"
    assert (await charge(city, shop, code, 45_000, charge_id)).json()["status"] == "paid"
    assert await balance(city, shop.id) == 45_000


async def test_a_charge_that_is_late_is_not_collected_any_more(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    payer, shop = await a_town(city)
    code, charge_id = await a_code(city, payer), uuid4()
    with monkeypatch.context() as broken:
        broken.setattr(city.app.state.till, "closing", True)
        assert (await charge(city, shop, code, 45_000, charge_id)).status_code == 503
    async with city.database.transaction() as db:
        await db.execute(sql.expire_charges)
    assert (await charge(city, shop, code, 45_000, charge_id)).json()["status"] == "expired"
    assert await balance(city, shop.id) == 0
