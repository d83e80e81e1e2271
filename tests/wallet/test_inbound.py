"""Money from any bank's app: told by SePay, by Casso or by both, credited once or not at all, and never dropped."""

import asyncio
import csv
import hmac
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app import config
from app.clock import city_now, city_today
from app.config import settings
from app.db import Connection
from tests.conftest import City, StandIns, served
from tests.makers import Resident, Shop, a_bill, a_biller, a_resident, a_shop, a_staff_member
from tests.statements import sql
from tests.wallet import telling
from tests.wallet.banking import broken_laws, money, told
from tests.wallet.billing import a_known_bill, a_water_company
from tests.wallet.telling import (
    CASSO,
    SEPAY,
    balance,
    casso,
    check_suspense,
    items,
    notices,
    of_casso,
    of_sepay,
    refused,
    sepay,
)
from wallet import ledger, qr
from wallet.gateways import notices as reading
from wallet.gateways import top_ups, transfer_codes
from wallet.gateways.notices import Notice
from wallet.sandbox import bank

pytestmark = pytest.mark.usefixtures("stand_ins")

AMOUNT = 200_000


# Makers


async def someone(city: City) -> Resident:
    async with city.database.transaction() as db:
        return await a_resident(db)


async def a_top_up(city: City, who: Resident, amount: int = AMOUNT) -> tuple[UUID, str]:
    """One by bank transfer: its id and its code."""
    top_up_id = uuid4()
    body = {"amount": amount, "method": "bank_transfer"}
    answer = await city.client.put(f"/v1/wallet/top-ups/{top_up_id}", headers=who.headers, json=body)
    assert answer.status_code == 201, answer.text
    return top_up_id, answer.json()["code"]


async def a_due_bill(city: City, amount: int = 412_500) -> tuple[UUID, str]:
    """A bill's id, and the code that somebody has asked for."""
    async with city.database.transaction() as db:
        await a_biller(db)
        bill_id = await a_bill(db, amount=amount)
    return bill_id, (await vietqr(city, bill_id))["code"]


async def vietqr(city: City, bill_id: UUID) -> dict[str, Any]:
    me = await someone(city)
    answer = await city.client.get(f"/v1/wallet/bills/{bill_id}/vietqr", headers=me.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def a_shop_there(city: City) -> tuple[Shop, str]:
    """A shop, and its virtual account, as its sticker says."""
    async with city.database.transaction() as db:
        shop = await a_shop(db)
    account = qr.read(shop.qr).account
    assert account is not None
    return shop, account


async def an_order(city: City, shop: Shop, amount: int = 60_000, **other: object) -> tuple[UUID, qr.Reading]:
    """An order, and what any bank's app reads from its QR."""
    order_id = uuid4()
    body = {"terminal_id": str(shop.terminal_id), "amount": amount, "reference": "Ban 5", **other}
    path = f"/v1/merchants/{shop.id}/orders/{order_id}"
    answer = await city.client.put(path, headers=shop.owner.headers, json=body)
    assert answer.status_code == 201, answer.text
    return order_id, qr.read(answer.json()["text"])


async def only(city: City) -> telling.Told:
    """The one notice."""
    [notice] = await notices(city)
    return notice


async def check_all(city: City) -> None:
    await check_suspense(city)
    assert await broken_laws(city) == []


# Top-ups


async def test_a_transfer_with_a_top_ups_code_is_in_the_wallet_and_is_told(city: City) -> None:
    me = await someone(city)
    top_up_id, code = await a_top_up(city, me)
    heard = await sepay(city, of_sepay(AMOUNT, f"MBVCB.3278907687.{code.lower()}.CT tu 0123499999 TON THAT HUONG"))
    assert (heard.status_code, heard.json()) == (200, {"success": True})
    assert await balance(city, me.id) == AMOUNT
    shown = await city.client.get(f"/v1/wallet/top-ups/{top_up_id}", headers=me.headers)
    assert shown.json()["status"] == "paid"
    async with city.database.acquire() as db:
        assert len(await told(db, "TopUpPaid")) == 1
    assert ((await only(city)).status, (await only(city)).matched_kind) == ("matched", "top_up")
    await check_all(city)


async def test_a_code_is_found_in_whatever_banks_make_of_the_words(city: City) -> None:
    me = await someone(city)
    for words in ("{}", "NAP VI {} GD 123", "QR  -  {}-241126-14:02", "IBFT{}XYZ"):
        _, code = await a_top_up(city, me)
        spaced = f"{code[:5]} {code[5:]}" if words == "NAP VI {} GD 123" else code
        await casso(city, of_casso(AMOUNT, words.format(spaced)))
    assert await balance(city, me.id) == 4 * AMOUNT


@pytest.mark.parametrize("told_by", [(sepay, of_sepay), (casso, of_casso)], ids=["sepay", "casso"])
async def test_c30_told_twenty_times_at_once_it_is_credited_once(city: City, told_by: Any) -> None:
    tell, of = told_by
    me = await someone(city)
    _, code = await a_top_up(city, me)
    body = of(AMOUNT, code)
    answers = await asyncio.gather(*(tell(city, body) for _ in range(20)))
    while [answer for answer in answers if answer.status_code == 503]:  # the pool was busy: it is told again
        answers = await asyncio.gather(*(tell(city, body) for answer in answers if answer.status_code == 503))
    assert {answer.status_code for answer in answers} == {200}
    assert (await only(city)).status == "matched"
    assert await balance(city, me.id) == AMOUNT
    await check_all(city)


async def test_told_by_both_at_once_it_is_credited_once_and_the_other_is_kept_for_staff(city: City) -> None:
    me = await someone(city)
    _, code = await a_top_up(city, me)
    await asyncio.gather(
        sepay(city, of_sepay(AMOUNT, code, referenceCode="ft26329000001")),
        casso(city, of_casso(AMOUNT, code, reference="FT26329000001")),
    )
    first, second = sorted(await notices(city), key=lambda notice: notice.status)
    assert (first.status, first.matched_kind) == ("duplicate", "inbound_transfer")
    assert (second.status, second.matched_kind) == ("matched", "top_up")
    assert await balance(city, me.id) == AMOUNT
    await check_all(city)


async def test_told_twice_under_two_ids_it_is_credited_once(city: City) -> None:
    shop, account = await a_shop_there(city)
    body = of_sepay(50_000, "an sang", subAccount=account)
    for number in (1, 2, 2):
        assert (await sepay(city, {**body, "id": number})).status_code == 200
    assert sorted(notice.status for notice in await notices(city)) == ["duplicate", "matched"]
    assert await balance(city, shop.id) == 50_000
    await check_all(city)


@pytest.mark.parametrize("amount", [AMOUNT - 1, AMOUNT + 1000])
async def test_another_amount_than_the_top_ups_waits_in_suspense(city: City, amount: int) -> None:
    me = await someone(city)
    _, code = await a_top_up(city, me)
    await sepay(city, of_sepay(amount, code))
    assert ((await only(city)).status, (await only(city)).why) == ("suspense", "wrong_amount")
    assert (await balance(city, me.id), await balance(city, ledger.SUSPENSE)) == (0, amount)
    await sepay(city, of_sepay(AMOUNT, code))
    assert await balance(city, me.id) == AMOUNT, "the right amount may still come"
    await check_all(city)


async def test_what_comes_late_or_a_second_time_waits_in_suspense(city: City) -> None:
    me = await someone(city)
    (paid_id, paid), (late_id, late) = await a_top_up(city, me), await a_top_up(city, me)
    async with city.database.transaction() as db:
        await db.execute(sql.expire_top_up, late_id)
    for code in (paid, paid, late):
        await sepay(city, of_sepay(AMOUNT, code))
    assert paid_id != late_id
    assert [notice.why for notice in await notices(city)] == [None, "already_paid", "late"]
    assert (await balance(city, me.id), await balance(city, ledger.SUSPENSE)) == (AMOUNT, 2 * AMOUNT)
    await check_all(city)


@pytest.mark.parametrize("told_by", [(sepay, of_sepay), (casso, of_casso)], ids=["sepay", "casso"])
async def test_c30_a_notice_before_our_commit_waits_until_two_of_finance_say_whose_it_is(
    city: City, told_by: Any
) -> None:
    """Nobody else sees the top-up yet; its code is known to whoever was shown it a moment later."""
    tell, of = told_by
    me, top_up_id = await someone(city), uuid4()
    wanted = top_ups.AskTopUp(amount=AMOUNT, method="bank_transfer")
    async with city.database.transaction() as db:
        asked, _ = await top_ups.ask(db, me.me, top_up_id, wanted, None, top_ups.AskedFrom("203.0.113.7", "vi"))
        body = of(AMOUNT, asked.code)
        assert (await tell(city, body)).status_code == 200, "it is kept, and need not be told again"
    assert ((await only(city)).status, (await only(city)).why) == ("suspense", "unmatched")
    assert (await tell(city, body)).status_code == 200
    assert (await balance(city, me.id), await balance(city, ledger.SUSPENSE)) == (0, AMOUNT)
    await check_all(city)

    async with city.database.transaction() as db:
        one, another = await a_staff_member(db, role="finance"), await a_staff_member(db, role="finance")
    [item] = await items(city, one)
    path = f"/v1/staff/suspense/{item['id']}/resolution"
    body = {"kind": "top_up", "phone": me.phone, "note": f"Mã {asked.code} là của khách này"}
    proposed = await city.client.put(path, headers=one.headers, json=body)
    assert proposed.status_code == 200, proposed.text
    decision = {"resolution_id": proposed.json()["resolution"]["id"]}
    alone = await city.client.put(f"{path}/approval", headers=one.headers, json=decision)
    assert refused(alone) == (403, "ResolutionNeedsSecondPairOfEyes")
    approved = await city.client.put(f"{path}/approval", headers=another.headers, json=decision)
    assert (approved.status_code, approved.json()["status"]) == (200, "resolved"), approved.text
    assert (await balance(city, me.id), await balance(city, ledger.SUSPENSE)) == (AMOUNT, 0)
    async with city.database.acquire() as db:
        [credited] = await told(db, "TransferCredited")
    assert (credited["principal_id"], credited["amount"]) == (str(me.id), AMOUNT)
    shown = await city.client.get(f"/v1/wallet/top-ups/{top_up_id}", headers=me.headers)
    assert shown.json()["status"] == "paid", "it waits for no other money"
    await tell(city, of(AMOUNT, asked.code))
    assert (await balance(city, me.id), await balance(city, ledger.SUSPENSE)) == (AMOUNT, AMOUNT)
    await check_all(city)


async def test_words_that_only_look_like_a_code_are_passed_over(city: City) -> None:
    shop, account = await a_shop_there(city)
    unknown = transfer_codes.make(transfer_codes.TOP_UP)
    await sepay(city, of_sepay(50_000, f"{unknown} {transfer_codes.make('HUB')} HUO00000000", subAccount=account))
    assert await balance(city, shop.id) == 50_000


# Bills


async def test_a_bills_vietqr_is_paid_from_any_bank_and_the_bill_is_paid(city: City) -> None:
    bill_id, _ = await a_due_bill(city)
    shown = await vietqr(city, bill_id)
    reading_ = qr.read(shown["text"])
    assert (reading_.scheme, reading_.dynamic, reading_.amount, reading_.note) == (
        "vietqr",
        True,
        412_500,
        shown["code"],
    )
    assert (reading_.bank_bin, reading_.account) == (settings().partner_bank_bin, settings().bank_account)
    assert shown == await vietqr(city, bill_id), "its code stays the same"
    await casso(city, of_casso(412_500, reading_.note or ""))
    async with city.database.acquire() as db:
        assert await db.fetchval(sql.balance, await db.fetchval(sql.biller_account, "dien-luc-hue")) == 412_500
        [paid] = await told(db, "BillPaid")
        assert await db.fetchval(sql.bill_status, bill_id) == "paid"
    assert (paid["bill_id"], paid["payer_id"]) == (str(bill_id), None)
    assert (await only(city)).matched_kind == "bill"
    me = await someone(city)
    again = await city.client.get(f"/v1/wallet/bills/{bill_id}/vietqr", headers=me.headers)
    assert refused(again) == (409, "BillNotDue")
    unknown = await city.client.get(f"/v1/wallet/bills/{uuid4()}/vietqr", headers=me.headers)
    assert refused(unknown) == (404, "UnknownBill")
    await check_all(city)


async def test_one_bill_that_ten_pay_at_once_is_paid_by_one_and_the_others_wait(city: City) -> None:
    _, code = await a_due_bill(city, 100_000)
    bodies = [of_sepay(100_000, code) for _ in range(10)]
    for body in bodies[:2]:
        body["transferAmount"] = 99_000
    answers = await asyncio.gather(*(sepay(city, body) for body in bodies))
    assert {answer.status_code for answer in answers} <= {200, 503}
    for body in bodies:
        assert (await sepay(city, body)).status_code == 200
    whys = sorted(notice.why or "" for notice in await notices(city))
    assert whys.count("") == 1
    assert set(whys) <= {"", "already_paid", "wrong_amount"}
    assert len(whys) == 10
    await check_all(city)


@pytest.mark.parametrize(
    ("customer_code", "status", "waits"), [("HW000901", "paid", "resolved"), ("HW000902", "due", "open")]
)
async def test_a_biller_that_is_asked_decides_and_what_it_refuses_waits(
    city: City, stand_ins: StandIns, customer_code: str, status: str, waits: str
) -> None:
    async with city.database.transaction() as db:
        bill_id = await a_known_bill(db, await a_water_company(db, stand_ins), customer_code, 100_000)
    code = (await vietqr(city, bill_id))["code"]
    await sepay(city, of_sepay(100_000, code))
    assert ((await only(city)).why, (await only(city)).waits) == ("asks_biller", "resolving")
    assert await money(city, ledger.SUSPENSE) == (100_000, 100_000)
    await check_all(city)
    for _ in range(2):
        await city.worker.drain()
        await city.worker.keep_schedule()
    async with city.database.acquire() as db:
        assert await db.fetchval(sql.bill_status, bill_id) == status
    notice = await only(city)
    assert (notice.status, notice.waits) == ("matched" if status == "paid" else "suspense", waits)
    await check_all(city)


# Shops


async def test_the_sticker_is_paid_from_any_bank_and_the_owner_is_told(city: City) -> None:
    shop, account = await a_shop_there(city)
    await casso(city, of_casso(45_000, "bun bo", virtualAccountNumber=account))
    await sepay(city, of_sepay(5_000, "them cha", accountNumber=account))
    assert await balance(city, shop.id) == 50_000
    async with city.database.acquire() as db:
        first, second = await told(db, "TransferTaken")
    assert (first["owner_id"], first["amount"], first["payer"]) == (str(shop.owner.id), 45_000, "N*** V*** A")
    assert (second["payer"], second["order_id"]) == (None, None)
    takings = await city.client.get(f"/v1/merchants/{shop.id}/takings", headers=shop.owner.headers)
    assert [line["amount"] for line in takings.json()["items"]] == [5_000, 45_000]
    await city.worker.drain()
    inbox = (await city.client.get("/v1/notifications/inbox", headers=shop.owner.headers)).json()["items"]
    assert len([message for message in inbox if "45.000" in json.dumps(message, ensure_ascii=False)]) == 1
    await check_all(city)


async def test_an_orders_qr_is_paid_from_any_bank_once(city: City) -> None:
    shop, account = await a_shop_there(city)
    order_id, reading_ = await an_order(city, shop)
    assert reading_.account == account
    assert reading_.note is not None
    body = of_casso(60_000, reading_.note, virtualAccountNumber=account)
    await casso(city, body)
    shown = await city.client.get(f"/v1/merchants/{shop.id}/orders/{order_id}", headers=shop.owner.headers)
    assert shown.json()["status"] == "paid"
    await casso(city, of_casso(60_000, reading_.note, virtualAccountNumber=account))
    assert [notice.why for notice in await notices(city)] == [None, "already_paid"]
    async with city.database.acquire() as db:
        [taken] = await told(db, "TransferTaken")
    assert (taken["order_id"], taken["order_reference"]) == (str(order_id), "Ban 5")
    assert await balance(city, shop.id) == 60_000
    await check_all(city)


async def test_an_order_that_is_over_or_of_another_amount_waits_in_suspense(city: City) -> None:
    shop, account = await a_shop_there(city)
    over_id, over = await an_order(city, shop)
    _, dear = await an_order(city, shop)
    async with city.database.transaction() as db:
        await db.execute(sql.expire_order, over_id)
    await casso(city, of_casso(60_000, over.note or "", virtualAccountNumber=account))
    await casso(city, of_casso(61_000, dear.note or "", virtualAccountNumber=account))
    assert [notice.why for notice in await notices(city)] == ["late", "wrong_amount"]
    async with city.database.acquire() as db:
        assert await told(db, "TransferTaken") == [], "nobody hears of what did not happen"
    await check_all(city)


async def test_a_wallet_and_a_bank_pay_one_order_at_once_and_one_of_them_does(city: City) -> None:
    shop, account = await a_shop_there(city)
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=100_000)
    _, order = await an_order(city, shop)
    path = f"/v1/merchants/{shop.id}/orders/{uuid4()}"
    body = {"terminal_id": str(shop.terminal_id), "amount": 60_000}
    placed = (await city.client.put(path, headers=shop.owner.headers, json=body)).json()
    note = qr.read(placed["text"]).note or ""
    assert note != order.note
    paid, heard = await asyncio.gather(
        city.client.put(
            f"/v1/wallet/payments/{uuid4()}", headers=payer.headers, json={"kind": "merchant", "qr": placed["text"]}
        ),
        casso(city, of_casso(60_000, note, virtualAccountNumber=account)),
    )
    assert heard.status_code == 200
    by_wallet = paid.status_code == 201
    assert by_wallet or refused(paid) == (409, "OrderAlreadyPaid")
    assert (await only(city)).why == ("already_paid" if by_wallet else None)
    assert await balance(city, shop.id) == 60_000
    await check_all(city)


async def test_a_shop_that_takes_no_money_now_leaves_it_in_suspense(city: City) -> None:
    shop, account = await a_shop_there(city)
    async with city.database.transaction() as db:
        await db.execute(sql.suspend_merchant, shop.id)
    await casso(city, of_casso(45_000, "bun bo", virtualAccountNumber=account))
    assert (await only(city)).why == "closed"
    assert await balance(city, shop.id) == 0
    await check_all(city)


# Neither known nor ours


async def test_what_nobody_knows_waits_in_suspense(city: City) -> None:
    await sepay(city, of_sepay(1, ""))
    await casso(city, of_casso(10**12, "chuc mung nam moi"))
    assert [notice.why for notice in await notices(city)] == ["unmatched", "unmatched"]
    assert await balance(city, ledger.GUARANTEE) == -(10**12) - 1
    await check_all(city)


async def test_without_the_banks_own_name_nobody_can_tell_whether_it_was_told_before(city: City) -> None:
    me = await someone(city)
    _, code = await a_top_up(city, me)
    for empty in (None, "", "  "):
        await sepay(city, of_sepay(AMOUNT, code, referenceCode=empty))
    assert [notice.why for notice in await notices(city)] == ["no_reference"] * 3
    assert await balance(city, me.id) == 0
    await check_all(city)


async def test_another_account_than_ours_is_written_down_and_not_in_our_books(city: City) -> None:
    me = await someone(city)
    _, code = await a_top_up(city, me)
    for _ in range(2):
        await sepay(city, of_sepay(AMOUNT, code, accountNumber="0123499999", id=1))
    assert (await only(city)).status == "elsewhere"
    assert (await balance(city, me.id), await balance(city, ledger.GUARANTEE)) == (0, 0)


async def test_money_that_left_is_none_of_our_business_here(city: City) -> None:
    left = await sepay(city, of_sepay(AMOUNT, "", transferType="out"))
    gone = await casso(city, of_casso(-AMOUNT, ""))
    assert left.json() == gone.json() == {"success": True}
    assert await notices(city) == []


# Forged, stale, garbage


async def test_c30_a_wrong_key_or_signature_is_heard_by_nobody(city: City) -> None:
    body = of_sepay(AMOUNT, "")
    for key in ("", "wrong", settings().sepay_key[:-1], f"{settings().sepay_key}x", "ключ"):
        forged = await city.client.post(SEPAY, headers={b"authorization": f"Apikey {key}".encode()}, json=body)
        assert refused(forged) == (401, "WrongWebhookSecret"), key
    bearer = await city.client.post(SEPAY, headers={"authorization": f"Bearer {settings().sepay_key}"}, json=body)
    assert bearer.status_code == 401
    assert refused(await casso(city, of_casso(AMOUNT, ""), secret="wrong")) == (401, "WrongWebhookSecret")
    for digits in (309, 4000, 5000):
        headers = {"x-casso-signature": f"t={int(city_now().timestamp() * 1000)},v1={'0' * 128}"}
        forged = await city.client.post(CASSO, headers=headers, content=b'{"data":{"amount":%s}}' % (b"9" * digits))
        assert refused(forged) == (401, "WrongWebhookSecret"), digits
    for signature in ("", "t=1", "t=,v1=", "v1=00,t=1", f"t={'9' * 15},v1={'0' * 128}", "t=١,v1=00"):
        headers = {b"x-casso-signature": signature.encode()}
        forged = await city.client.post(CASSO, headers=headers, json=of_casso(AMOUNT, ""))
        assert refused(forged) == (401, "WrongWebhookSecret"), signature
    assert await notices(city) == []


@pytest.mark.parametrize(("late_s", "status"), [(301, 401), (-301, 401), (290, 200), (-290, 200)])
async def test_c30_a_signature_counts_for_five_minutes(city: City, late_s: float, status: int) -> None:
    assert (await casso(city, of_casso(AMOUNT, ""), late_s=late_s)).status_code == status


async def test_a_signature_is_of_this_body_and_no_other(city: City) -> None:
    body = of_casso(AMOUNT, "Lê Thị Ngự Bình nạp “ví” \u2028 10%")
    assert (await casso(city, body)).status_code == 200
    signed, text = telling.signature_of(body), json.dumps(body)
    dearer = text.replace(str(AMOUNT), str(AMOUNT + 1))
    answer = await city.client.post(CASSO, headers={"x-casso-signature": signed}, content=dearer)
    assert refused(answer) == (401, "WrongWebhookSecret")
    at, hexed = signed.split(",v1=")
    answer = await city.client.post(CASSO, headers={"x-casso-signature": f"{at},v1={hexed.upper()}"}, content=text)
    assert answer.status_code == 200, "hex is hex"


def test_cassos_signature_is_openssls() -> None:
    """`printf '%s' "$TEXT" | openssl dgst -sha512 -hmac casso-secret`, over a body as its documents have them."""
    body = '{"error": 0, "data": {"b": "Nạp ví", "a": {"z": 1.0, "y": [3, {"d": null, "c": true}]}, "amount": 5}}'
    in_order = reading._in_order(body.encode())  # pyright: ignore[reportPrivateUsage]
    assert in_order.decode() == '{"data":{"a":{"y":[3,{"c":true,"d":null}],"z":1},"amount":5,"b":"Nạp ví"},"error":0}'
    assert hmac.digest(b"casso-secret", b"1732435357000." + in_order, "sha512").hex() == VECTOR


VECTOR = (
    "7945815cddeb0bd95849434c1f38ba0549d9fcb44f7a7b6fef0c3ba5a4d7bf68"
    "8be901385c13c7c6da472fe4a762a89361f4bd3e8c3247ed86c7f789e37cd6d2"
)


CASSOS_KEY = "mgExMrjj4i7a1p8Cs6LmFbpCd8lbw4sSX4LZXPag7TKazeIogtR90tvWYTkwQbvs"
CASSOS_SIGNATURE = (
    "t=1727948258788,v1=ed0a4bd2e826d5cb69988cdb141e6c1a080e21f3b57eb72cd78192220042b9e7"
    "dde0868fc667faea8e224900fa7904e7c88dfa098032fb2d6b6996856e8b7ff3"
)
CASSOS_BODY: dict[str, Any] = {
    "error": 0,
    "data": {
        "id": 0,
        "reference": "MA_GIAO_DICH_THU_NGHIEM",
        "description": "giao dich thu nghiem",
        "amount": 599000,
        "runningBalance": 25000000,
        "transactionDateTime": "2024-10-03 15:06:37",
        "accountNumber": "88888888",
        "bankName": "VPBank",
        "bankAbbreviation": "VPB",
        "virtualAccountNumber": "",
        "virtualAccountName": "",
        "counterAccountName": "NGUYEN VAN A",
        "counterAccountNumber": "8888888888",
        "counterAccountBankId": "970415",
        "counterAccountBankName": "VietinBank",
    },
}
"""A notice that Casso signed to be tried with, and its signature."""


def test_c30_a_notice_that_casso_itself_signed_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"x-casso-signature": CASSOS_SIGNATURE}
    signed_at = datetime(2024, 10, 3, 9, 37, 38, tzinfo=UTC)
    with pytest.raises(reading.WrongWebhookSecret):
        reading.of_casso(headers, json.dumps(CASSOS_BODY).encode(), CASSOS_KEY)  # it is years old
    monkeypatch.setattr(reading, "city_now", lambda: signed_at)
    for spaces in (None, 2):
        body = json.dumps(CASSOS_BODY, indent=spaces).encode()
        assert reading.of_casso(headers, body, CASSOS_KEY) == Notice(
            source="casso", told_as="0", account_number="88888888", bank_reference="MA_GIAO_DICH_THU_NGHIEM",
            amount=599_000, content="giao dich thu nghiem", sender_bank_bin="970415", sender_account="8888888888",
            sender_name="NGUYEN VAN A", occurred_at=datetime(2024, 10, 3, 8, 6, 37, tzinfo=UTC),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "key", "signature"),
    [
        ({"amount": 599001}, CASSOS_KEY, CASSOS_SIGNATURE),
        ({"counterAccountName": "NGUYEN VAN Ạ"}, CASSOS_KEY, CASSOS_SIGNATURE),
        ({"more": None}, CASSOS_KEY, CASSOS_SIGNATURE),
        ({}, CASSOS_KEY[:-1], CASSOS_SIGNATURE),
        ({}, CASSOS_KEY, CASSOS_SIGNATURE.replace("t=1727948258788", "t=1727948258789")),
        ({}, CASSOS_KEY, CASSOS_SIGNATURE[:-1] + "4"),
    ],
)
def test_c30_whatever_is_changed_in_it_it_is_refused(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, object], key: str, signature: str
) -> None:
    monkeypatch.setattr(reading, "city_now", lambda: datetime(2024, 10, 3, 9, 37, 38, tzinfo=UTC))
    body = {**CASSOS_BODY, "data": {**CASSOS_BODY["data"], **change}}
    with pytest.raises(reading.WrongWebhookSecret):
        reading.of_casso({"x-casso-signature": signature}, json.dumps(body).encode(), key)


def test_a_notice_as_sepays_documents_have_it_is_read() -> None:
    body = {
        "id": 92704,
        "gateway": "Vietcombank",
        "transactionDate": "2023-03-25 14:02:37",
        "accountNumber": "0123499999",
        "code": None,
        "content": "chuyen tien mua iphone",
        "transferType": "in",
        "transferAmount": 2277000,
        "accumulated": 19077000,
        "subAccount": None,
        "referenceCode": "MBVCB.3278907687",
        "description": "",
    }
    shown = {"authorization": "Apikey of ours"}
    assert reading.of_sepay(shown, json.dumps(body).encode(), "of ours") == Notice(
        source="sepay", told_as="92704", account_number="0123499999", bank_reference="MBVCB.3278907687",
        amount=2_277_000, content="chuyen tien mua iphone",
        occurred_at=datetime(2023, 3, 25, 7, 2, 37, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("number", "written"),
    [("1.0", "1"), ("0.000001", "0.000001"), ("1e-7", "1e-7"), ("1E3", "1000"), ("-0.0", "0"), ("1e21", "1e+21"),
     ("9007199254740993", "9007199254740992"), ("123456789012345678901", "123456789012345680000")],
)  # fmt: skip
def test_numbers_are_signed_as_javascript_writes_them(number: str, written: str) -> None:
    """`node -p 'JSON.stringify(JSON.parse(number))'`."""
    assert reading._in_order(number.encode()) == written.encode()  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize(
    "change",
    [
        {"transferAmount": 0},
        {"transferAmount": -5},
        {"transferAmount": 1.5},
        {"transferAmount": "200000"},
        {"transferAmount": 10**12 + 1},
        {"transferAmount": None},
        {"transferType": "sideways"},
        {"id": None},
        {"id": ""},
        {"id": -1},
        {"accountNumber": 1900190019},
        {"content": ["a"]},
    ],
)
async def test_a_notice_that_makes_no_sense_is_refused(city: City, change: dict[str, object]) -> None:
    assert refused(await sepay(city, {**of_sepay(AMOUNT, ""), **change})) == (400, "Malformed")
    assert await notices(city) == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 60_000, b'{"data":{"amount":0}}'])
async def test_garbage_is_refused_by_both(city: City, body: bytes) -> None:
    key = {"authorization": f"Apikey {settings().sepay_key}"}
    assert (await city.client.post(SEPAY, headers=key, content=body)).status_code == 400
    unsigned = await city.client.post(CASSO, headers={"x-casso-signature": f"t=1,v1={'0' * 128}"}, content=body)
    assert unsigned.status_code == 401
    assert refused(await casso(city, of_casso(0, ""))) == (400, "Malformed")


async def test_odd_text_and_odd_moments_are_kept_as_far_as_they_can_be(city: City) -> None:
    await sepay(city, of_sepay(1, "a\u0000b\u0085\n c" + "x" * 900, transactionDate="yesterday"))
    await casso(
        city,
        of_casso(2, "", id="abc-1", transactionDateTime="2026-11-24T14:02:37+07:00", counterAccountBankId="VCB",
                 counterAccountNumber="0-1", counterAccountName="  "),
    )  # fmt: skip
    assert [notice.status for notice in await notices(city)] == ["suspense", "suspense"]


async def test_what_is_not_agreed_on_is_closed(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as environment:
        environment.setenv("HUONG_MODE", "production")
        environment.setenv("HUONG_PEPPER", "a pepper of at least 32 characters")
        config.settings.cache_clear()
        for path in (SEPAY, CASSO):
            answer = await city.client.post(path, headers={"authorization": "Apikey "}, json={})
            assert refused(answer) == (404, "NotFound")
    config.settings.cache_clear()


# By the stand-in, over a socket


@pytest.mark.parametrize(
    ("mischief", "credited", "whys"),
    [
        (None, 2, [None, None]),
        ("duplicate", 2, [None, None]),
        ("reorder", 2, [None, None]),
        ("delay", 2, [None, None]),
        ("wrong_amount", 1, ["wrong_amount", None]),
        ("bad_signature", 1, [None]),
        ("silence", 1, [None]),
    ],
)
@pytest.mark.parametrize("via", ["sepay", "casso", "both"])
async def test_c30_the_stand_in_of_the_bank_tells_the_city(
    city: City,
    stand_ins: StandIns,
    monkeypatch: pytest.MonkeyPatch,
    via: str,
    mischief: str | None,
    credited: int,
    whys: list[str | None],
) -> None:
    """Something goes wrong with the first of two transfers; the bank's own statement names both."""
    monkeypatch.setattr(bank, "DELAY_S", 0.4)
    me = await someone(city)
    codes = [(await a_top_up(city, me))[1] for _ in range(2)]
    async with served(city.app) as port, httpx.AsyncClient(base_url=stand_ins.url) as client:
        behaviour = {"next": mischief or "silence", "at": "webhook", "times": 1 if mischief else 0}
        behaviour["city_url"] = f"http://localhost:{port}"
        (await client.put("/bank/behaviour", json=behaviour)).raise_for_status()
        references = [await _transfers(client, code, via) for code in codes]
        async with asyncio.timeout(10):
            while len(await notices(city)) < len(whys) * (2 if via == "both" else 1):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        statement = await client.get("/bank/statement.csv", params={"on": city_today().isoformat()})
    lines = [line for line in csv.DictReader(io.StringIO(statement.text)) if line["content"] in codes]
    assert [(line["reference"], line["side"], line["amount"]) for line in lines] == [
        (reference, "in", str(AMOUNT)) for reference in references
    ]
    assert await balance(city, me.id) == credited * AMOUNT
    counted = [notice for notice in await notices(city) if notice.status != "duplicate"]
    assert [notice.why for notice in counted] == whys
    await check_all(city)


async def _transfers(client: httpx.AsyncClient, code: str, via: str) -> str:
    """Somebody does, at the bank; its reference."""
    sent = {"account_number": settings().bank_account, "amount": AMOUNT, "content": code, "via": via}
    answer = await client.post("/bank/customers/transfer", json=sent, timeout=20)
    answer.raise_for_status()
    return answer.json()["reference"]


HANGS_UP = 0


@dataclass
class Stumbling:
    """A city that answers with these first, and then is itself."""

    city: City
    answers: list[int]
    heard: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.heard += 1
        if self.heard > len(self.answers):
            await self.city.app(scope, receive, send)
            return
        status, headers = self.answers[self.heard - 1], [(b"content-length", b"5")]
        await send({"type": "http.response.start", "status": status or 200, "headers": headers})
        if status != HANGS_UP:
            await send({"type": "http.response.body", "body": b"wrong"})


@pytest.mark.parametrize(
    ("answers", "heard", "credited"),
    [
        ([503, 503], 3, AMOUNT),
        ([HANGS_UP, 500], 3, AMOUNT),
        ([500] * 9, 4, 0),
        ([401], 1, 0),
    ],
    ids=["the city is busy", "nobody answers", "it never gets well", "it does not believe it"],
)
@pytest.mark.parametrize("via", ["sepay", "casso"])
async def test_the_stand_in_of_the_bank_tells_again_what_the_city_could_not_take(
    city: City,
    stand_ins: StandIns,
    monkeypatch: pytest.MonkeyPatch,
    via: str,
    answers: list[int],
    heard: int,
    credited: int,
) -> None:
    monkeypatch.setattr(bank, "TELL_AGAIN_AFTER_S", (0.1, 0.1, 0.1))
    me = await someone(city)
    _, code = await a_top_up(city, me)
    there = Stumbling(city, answers)
    async with served(there) as port, httpx.AsyncClient(base_url=stand_ins.url) as client:  # pyright: ignore[reportArgumentType]
        behaviour = {"city_url": f"http://localhost:{port}"}
        (await client.put("/bank/behaviour", json=behaviour)).raise_for_status()
        await _transfers(client, code, via)
        async with asyncio.timeout(10):
            while there.heard < heard or await balance(city, me.id) < credited:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)  # it would be told again within a fifth of this
    assert there.heard == heard
    assert await balance(city, me.id) == credited
    assert len(await notices(city)) == (1 if credited else 0)
    await check_all(city)


# Bills for everybody


async def test_a_bill_is_shown_to_whoever_has_its_reference(db: Connection, desk: httpx.AsyncClient) -> None:
    await a_biller(db)
    bill_id = await a_bill(db)
    reference = await db.fetchval(sql.bill_reference, bill_id)
    shown = (await desk.get(f"/v1/public/bills/dien-luc-hue/{reference}")).json()
    assert (shown["customer_name"], shown["amount"], shown["status"]) == ("L*** T*** N*** Bình", 412_500, "due")
    assert qr.read(shown["transfer"]["text"]).note == shown["transfer"]["code"]
    page = await desk.get(f"/pay/dien-luc-hue/{reference}")
    assert page.headers["content-type"].startswith("text/html")
    assert "script" not in page.headers["content-security-policy"]
    for words in ("412.500 ₫", shown["transfer"]["code"], "L*** T*** N*** Bình", "<svg", "Pay a bill"):
        assert words in page.text
    await db.execute(sql.withdraw_bill_row, bill_id)
    assert (await desk.get(f"/v1/public/bills/dien-luc-hue/{reference}")).json()["transfer"] is None
    assert "<svg" not in (await desk.get(f"/pay/dien-luc-hue/{reference}")).text
    none = await desk.get("/pay/dien-luc-hue/none", headers={"accept": "text/html,*/*"})
    assert (none.status_code, "Không tìm thấy hóa đơn" in none.text) == (404, True)
    assert refused(await desk.get("/pay/dien-luc-hue/none")) == (404, "NotFound")


async def test_whoever_tries_references_out_waits_even_for_those_that_there_are(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    await a_biller(db)
    reference = await db.fetchval(sql.bill_reference, await a_bill(db))
    paths = [f"/v1/public/bills/dien-luc-hue/{uuid4()}" for _ in range(10)]
    paths += [f"/pay/dien-luc-hue/{uuid4()}" for _ in range(10)]
    for path in paths:
        assert (await desk.get(path)).status_code == 404
    for path in (paths[0], f"/v1/public/bills/dien-luc-hue/{reference}", f"/pay/dien-luc-hue/{reference}"):
        answer = await desk.get(path)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 500


# The staff


async def test_finance_sees_every_notice(city: City) -> None:
    async with city.database.transaction() as db:
        member = await a_staff_member(db, role="finance")
    for number in (1, 2, 3):
        await sepay(city, of_sepay(number, "", referenceCode="SAME", id=number, transferAmount=7))
    path = "/v1/staff/inbound-transfers"
    first = (await city.client.get(path, headers=member.headers, params={"limit": "2"})).json()
    rest = (await city.client.get(path, headers=member.headers, params={"cursor": first["next"]})).json()
    assert [one["told_as"] for one in first["items"] + rest["items"]] == ["3", "2", "1"]
    duplicates = (await city.client.get(path, headers=member.headers, params={"status": "duplicate"})).json()
    assert {one["matched_id"] for one in duplicates["items"]} == {rest["items"][0]["id"]}
