"""Payments through the front door: what is paid once, what is refused, and what a refusal leaves behind."""

from binascii import crc_hqx
from collections.abc import Mapping
from datetime import date
from uuid import UUID, uuid4

import httpx
import pytest

from app.types import new_id
from tests.conftest import City
from tests.makers import Resident, Shop, a_bill, a_biller, a_resident, a_shop, fund
from tests.statements import sql
from wallet import bills, ledger


async def pay(city: City, payer: Resident, payment_id: object, body: Mapping[str, object]) -> httpx.Response:
    return await city.client.put(f"/v1/wallet/payments/{payment_id}", headers=payer.headers, json=body)


async def balance(city: City, account_id: object) -> int:
    async with city.database.acquire() as db:
        return await db.fetchval(sql.balance, account_id)


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:huong:problem:")


async def test_the_same_request_again_is_answered_the_same_and_pays_once(city: City) -> None:
    async with city.database.transaction() as db:
        payer, shop = await a_resident(db, balance=100_000), await a_shop(db)
    body = {"kind": "merchant", "qr": shop.qr, "amount": 30_000, "memo": "bún bò"}
    payment_id = uuid4()
    first = await pay(city, payer, payment_id, body)
    again = await pay(city, payer, payment_id, body)
    fate = await city.client.get(f"/v1/wallet/payments/{payment_id}", headers=payer.headers)
    assert (first.status_code, again.status_code, fate.status_code) == (201, 200, 200)
    assert first.content == again.content == fate.content
    assert await balance(city, payer.id) == 70_000
    assert await balance(city, shop.id) == 30_000


async def test_a_replay_is_answered_after_the_wallet_has_locked_itself(city: City) -> None:
    async with city.database.transaction() as db:
        payer, shop = await a_resident(db, balance=100_000), await a_shop(db)
    body = {"kind": "merchant", "qr": shop.qr, "amount": 30_000}
    payment_id = uuid4()
    assert (await pay(city, payer, payment_id, body)).status_code == 201
    async with city.database.transaction() as db:
        await db.execute(sql.lock, payer.session_id)
    assert (await pay(city, payer, payment_id, body)).status_code == 200
    assert refused(await pay(city, payer, uuid4(), body)) == (403, "WalletLocked")


@pytest.mark.parametrize(
    "other", [{"amount": 30_001}, {"memo": "other words"}, {"kind": "person", "phone": "+84905123456", "qr": None}]
)
async def test_c22_other_content_under_the_same_id_is_refused(city: City, other: dict[str, object]) -> None:
    async with city.database.transaction() as db:
        payer, shop = await a_resident(db, balance=100_000), await a_shop(db)
    body: dict[str, object] = {"kind": "merchant", "qr": shop.qr, "amount": 30_000}
    payment_id = uuid4()
    await pay(city, payer, payment_id, body)
    changed = {key: value for key, value in {**body, **other}.items() if value is not None}
    assert refused(await pay(city, payer, payment_id, changed)) == (409, "PaymentIdTaken")
    assert await balance(city, payer.id) == 70_000


async def test_c22_another_payers_id_is_refused_and_its_fate_is_not_shown(city: City) -> None:
    async with city.database.transaction() as db:
        payer, other = await a_resident(db, balance=100_000), await a_resident(db, balance=100_000)
        shop = await a_shop(db)
    body = {"kind": "merchant", "qr": shop.qr, "amount": 30_000}
    payment_id = uuid4()
    await pay(city, payer, payment_id, body)
    assert refused(await pay(city, other, payment_id, body)) == (409, "PaymentIdTaken")
    assert await balance(city, other.id) == 100_000
    theirs = await city.client.get(f"/v1/wallet/payments/{payment_id}", headers=other.headers)
    nobodys = await city.client.get(f"/v1/wallet/payments/{uuid4()}", headers=other.headers)
    assert refused(theirs) == refused(nobodys) == (404, "NotYetKnown")


async def test_a_refused_payment_leaves_no_trace_and_its_id_may_come_again(city: City) -> None:
    async with city.database.transaction() as db:
        payer, shop = await a_resident(db, balance=10_000), await a_shop(db)
    body = {"kind": "merchant", "qr": shop.qr, "amount": 30_000}
    payment_id = uuid4()
    assert refused(await pay(city, payer, payment_id, body)) == (409, "InsufficientFunds")
    assert (await city.client.get(f"/v1/wallet/payments/{payment_id}", headers=payer.headers)).status_code == 404
    async with city.database.transaction() as db:
        await fund(db, payer.id, 20_000)
    assert (await pay(city, payer, payment_id, body)).status_code == 201
    assert await balance(city, payer.id) == 0


async def test_a_bill_is_paid_once_whoever_pays(city: City) -> None:
    async with city.database.transaction() as db:
        child, parent = await a_resident(db, balance=1_000_000), await a_resident(db, balance=1_000_000)
        await a_biller(db)
        bill_id = await a_bill(db, amount=412_500)
    body: dict[str, object] = {"kind": "bill", "bill_id": str(bill_id)}
    paid = await pay(city, child, uuid4(), body)
    assert (paid.status_code, paid.json()["amount"], paid.json()["payee"]) == (
        201,
        412_500,
        {"name": "Điện lực Huế", "detail": "PP03000000001"},
    )
    assert refused(await pay(city, parent, uuid4(), body)) == (409, "BillNotDue")
    shown = await city.client.get(
        "/v1/wallet/bills?biller=dien-luc-hue&customer_code=PP03000000001", headers=parent.headers
    )
    [bill] = shown.json()["items"]
    assert (bill["status"], bill["customer_name"]) == ("paid", "L*** T*** N*** Bình")


async def test_a_withdrawn_or_unknown_bill_is_not_paid(city: City) -> None:
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=1_000_000)
        await a_biller(db)
        bill_id = await a_bill(db)
        assert await bills.withdraw(db, bill_id)
        assert not await bills.withdraw(db, bill_id)
    assert refused(await pay(city, payer, uuid4(), {"kind": "bill", "bill_id": str(bill_id)})) == (409, "BillNotDue")
    assert refused(await pay(city, payer, uuid4(), {"kind": "bill", "bill_id": str(uuid4())})) == (404, "UnknownBill")


async def test_the_payer_sees_a_masked_name_and_both_sides_see_the_movement(city: City) -> None:
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=100_000, name="Trần Văn Vọng Cảnh")
        payee = await a_resident(db, name="Hồ Thị Kim Phụng")
    read = await city.client.post("/v1/wallet/payee-readings", headers=payer.headers, json={"phone": payee.phone})
    assert read.json() == {"name": "H*** T*** K*** Phụng"}
    local = "0" + payee.phone.removeprefix("+84")
    paid = await pay(city, payer, uuid4(), {"kind": "person", "phone": local, "amount": 40_000, "memo": "tiền chợ"})
    assert paid.json()["payee"]["name"] == "H*** T*** K*** Phụng"
    mine = (await city.client.get("/v1/wallet/movements", headers=payer.headers)).json()["items"]
    theirs = (await city.client.get("/v1/wallet/movements", headers=payee.headers)).json()["items"]
    assert (mine[0]["amount"], mine[0]["counterparty"], mine[0]["memo"]) == (
        -40_000,
        "H*** T*** K*** Phụng",
        "tiền chợ",
    )
    assert (theirs[0]["amount"], theirs[0]["counterparty"]) == (40_000, "T*** V*** V*** Cảnh")
    assert theirs[0]["id"] == mine[0]["id"] == paid.json()["id"]


async def test_a_phone_number_is_the_same_however_it_is_typed(city: City) -> None:
    async with city.database.transaction() as db:
        payer, payee = await a_resident(db, balance=100_000), await a_resident(db)
    payment_id = uuid4()
    typed = [payee.phone, "0" + payee.phone.removeprefix("+84")]
    answers = [await pay(city, payer, payment_id, {"kind": "person", "phone": p, "amount": 1}) for p in typed]
    assert [answer.status_code for answer in answers] == [201, 200]


async def test_nobody_pays_themselves_or_a_number_without_a_wallet(city: City) -> None:
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=100_000)
        shop = await a_shop(db, owner=payer)
    to_self: dict[str, object] = {"kind": "person", "phone": payer.phone, "amount": 1}
    assert refused(await pay(city, payer, uuid4(), to_self)) == (409, "PaymentToSelf")
    unknown: dict[str, object] = {"kind": "person", "phone": "+84905999999", "amount": 1}
    assert refused(await pay(city, payer, uuid4(), unknown)) == (404, "UnknownPayee")
    own_shop = await pay(city, payer, uuid4(), {"kind": "merchant", "qr": shop.qr, "amount": 1})
    assert own_shop.status_code == 201, "an owner may buy in the own shop: it is another account"


@pytest.mark.parametrize("amount", [0, -1, 1.5, "1.5", True, 10**12 + 1, 2**63, 10**30, "một", None])
async def test_an_amount_is_a_whole_number_of_dong_in_range(city: City, amount: object) -> None:
    async with city.database.transaction() as db:
        payer, payee = await a_resident(db, balance=100_000), await a_resident(db)
    answer = await pay(city, payer, uuid4(), {"kind": "person", "phone": payee.phone, "amount": amount})
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:huong:problem:Malformed"
    assert await balance(city, payer.id) == 100_000


async def an_order(city: City, shop: Shop, **changes: object) -> dict[str, object]:
    order_id = uuid4()
    body = {"terminal_id": str(shop.terminal_id), "amount": 60_000, "reference": "B12", **changes}
    placed = await city.client.put(
        f"/v1/merchants/{shop.id}/orders/{order_id}", headers=shop.owner.headers, json=body
    )
    assert placed.status_code == 201
    return placed.json()


async def test_c28_an_order_is_paid_once_at_its_own_amount(city: City) -> None:
    async with city.database.transaction() as db:
        payer, shop = await a_resident(db, balance=200_000), await a_shop(db)
    order = await an_order(city, shop)
    body: dict[str, object] = {"kind": "merchant", "qr": order["text"]}
    assert refused(await pay(city, payer, uuid4(), {**body, "amount": 1})) == (409, "AmountDiffers")
    paid = await pay(city, payer, uuid4(), body)
    assert (paid.status_code, paid.json()["amount"]) == (201, 60_000)
    assert refused(await pay(city, payer, uuid4(), body)) == (409, "OrderAlreadyPaid")
    shown = await city.client.get(f"/v1/merchants/{shop.id}/orders/{order['id']}", headers=shop.owner.headers)
    assert (shown.json()["status"], shown.json()["payment_id"]) == ("paid", paid.json()["id"])
    takings = await city.client.get(f"/v1/merchants/{shop.id}/takings", headers=shop.owner.headers)
    [taking] = takings.json()["items"]
    assert (taking["amount"], taking["reference"], taking["order_id"]) == (60_000, "B12", order["id"])


async def test_an_order_expires(city: City) -> None:
    async with city.database.transaction() as db:
        payer, shop = await a_resident(db, balance=200_000), await a_shop(db)
    order = await an_order(city, shop)
    async with city.database.transaction() as db:
        await db.execute(sql.expire_order, order["id"])
    body: dict[str, object] = {"kind": "merchant", "qr": order["text"]}
    assert refused(await pay(city, payer, uuid4(), body)) == (409, "OrderExpired")
    shown = await city.client.get(f"/v1/merchants/{shop.id}/orders/{order['id']}", headers=shop.owner.headers)
    assert shown.json()["status"] == "expired"
    read = await city.client.post("/v1/wallet/qr-readings", headers=payer.headers, json={"text": order["text"]})
    assert read.json()["payable"] is False


async def test_a_sticker_needs_an_amount_and_a_revoked_one_pays_nobody(city: City) -> None:
    async with city.database.transaction() as db:
        payer, shop = await a_resident(db, balance=200_000), await a_shop(db)
    assert refused(await pay(city, payer, uuid4(), {"kind": "merchant", "qr": shop.qr})) == (400, "AmountMissing")
    async with city.database.transaction() as db:
        await db.execute(sql.revoke_terminal, shop.terminal_id)
    answer = await pay(city, payer, uuid4(), {"kind": "merchant", "qr": shop.qr, "amount": 1})
    assert refused(answer) == (404, "UnknownTerminal")


async def test_c28_a_forged_order_amount_in_the_qr_is_not_believed(city: City) -> None:
    async with city.database.transaction() as db:
        payer, shop = await a_resident(db, balance=200_000), await a_shop(db)
    order = await an_order(city, shop)
    text = str(order["text"])
    assert "540560000" in text
    forged = sealed(text.replace("540560000", "540510000")[:-4])
    assert refused(await pay(city, payer, uuid4(), {"kind": "merchant", "qr": forged})) == (409, "AmountDiffers")
    read = await city.client.post("/v1/wallet/qr-readings", headers=payer.headers, json={"text": forged})
    assert read.json()["amount"] == 60_000


def sealed(unsealed: str) -> str:
    return f"{unsealed}{crc_hqx(unsealed.encode(), 0xFFFF):04X}"


async def test_others_qr_codes_are_recognised_and_not_paid(city: City) -> None:
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=200_000)
    bank = sealed("00020101021138540010A00000072701240006970436011003512345670208QRIBFTTA53037045802VN6304")
    read = await city.client.post("/v1/wallet/qr-readings", headers=payer.headers, json={"text": bank})
    assert (read.status_code, read.json()["scheme"], read.json()["payable"]) == (200, "vietqr", False)
    answer = await pay(city, payer, uuid4(), {"kind": "merchant", "qr": bank, "amount": 1000})
    assert refused(answer) == (409, "QrNotPayable")
    assert "VietQR" in answer.json()["title"]
    broken = await pay(city, payer, uuid4(), {"kind": "merchant", "qr": bank[:-1] + "X", "amount": 1000})
    assert refused(broken) == (400, "BrokenQr")


async def test_numbers_without_a_wallet_are_not_sorted_out_by_paying_them(city: City) -> None:
    async with city.database.transaction() as db:
        curious, friend = await a_resident(db, balance=1_000), await a_resident(db)
    body: dict[str, object] = {"kind": "person", "phone": "+84905999999", "amount": 10**12}
    answers = [await pay(city, curious, uuid4(), body) for _ in range(20)]
    assert {refused(answer) for answer in answers} == {(404, "UnknownPayee")}
    to_friend: dict[str, object] = {"kind": "person", "phone": friend.phone, "amount": 1}
    for refusal in (await pay(city, curious, uuid4(), body), await pay(city, curious, uuid4(), to_friend)):
        assert refused(refusal) == (429, "TooManyUnknownPayees")


async def test_bills_of_one_code_after_another_are_budgeted(city: City) -> None:
    async with city.database.transaction() as db:
        curious = await a_resident(db)
        await a_biller(db)
    path = "/v1/wallet/bills?biller=dien-luc-hue&customer_code=PP03"
    answers = [await city.client.get(f"{path}{n:09}", headers=curious.headers) for n in range(31)]
    assert [answer.status_code for answer in answers] == [200] * 30 + [429]


async def test_a_payee_look_up_is_budgeted(city: City) -> None:
    async with city.database.transaction() as db:
        curious = await a_resident(db)
    answers = [
        await city.client.post("/v1/wallet/payee-readings", headers=curious.headers, json={"phone": "+84905999999"})
        for _ in range(21)
    ]
    assert [answer.status_code for answer in answers] == [404] * 20 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_a_frozen_or_closed_account_pays_nobody(city: City) -> None:
    async with city.database.transaction() as db:
        payer, shop = await a_resident(db, balance=200_000), await a_shop(db)
        await db.execute(sql.freeze, payer.id)
    body: dict[str, object] = {"kind": "merchant", "qr": shop.qr, "amount": 1}
    assert refused(await pay(city, payer, uuid4(), body)) == (409, "AccountFrozen")
    async with city.database.transaction() as db:
        await db.execute(sql.close_account, payer.id)
    assert refused(await pay(city, payer, uuid4(), body)) == (409, "AccountClosed")


async def test_signing_out_stops_a_payment_at_once_even_with_a_cached_token(city: City) -> None:
    async with city.database.transaction() as db:
        payer, shop = await a_resident(db, balance=200_000), await a_shop(db)
    body: dict[str, object] = {"kind": "merchant", "qr": shop.qr, "amount": 1}
    assert (await pay(city, payer, uuid4(), body)).status_code == 201
    async with city.database.transaction() as db:
        await db.execute(sql.end_session, payer.session_id)
    assert refused(await pay(city, payer, uuid4(), body)) == (403, "WalletLocked")


async def test_a_bill_issued_again_is_the_same_bill_and_another_is_refused(city: City) -> None:
    async with city.database.transaction() as db:
        await a_biller(db)

        async def issued(amount: int) -> object:
            return await bills.issue(
                db,
                biller="dien-luc-hue",
                reference="once",
                customer_code="PP03000000001",
                customer_name="L*** Bình",
                period="11/2026",
                amount=amount,
                due_on=date(2026, 11, 30),
                subject="dossier 7",
            )

        assert await issued(5_000) == await issued(5_000)
        with pytest.raises(bills.BillAlreadyIssued):
            await issued(6_000)
        bill_id = await issued(5_000)
        assert isinstance(bill_id, UUID)
        assert await bills.withdraw(db, bill_id)
        with pytest.raises(bills.BillAlreadyIssued):
            await issued(5_000)


async def test_the_ledger_is_sound_and_names_what_is_not(city: City) -> None:
    async with city.database.transaction() as db:
        payer, shop = await a_resident(db, balance=200_000), await a_shop(db)
    for _ in range(3):
        await pay(city, payer, new_id(), {"kind": "merchant", "qr": shop.qr, "amount": 1_000})
    async with city.database.transaction() as db:
        assert {law.law: law.broken for law in await ledger.check(db) if law.broken} == {}
        await db.execute(sql.tamper_with_balance, payer.id)
        broken = [law.law for law in await ledger.check(db) if law.broken]
        assert broken == ["a balance is the sum of its entries, and its version their count"]
    metrics = (await city.client.get("/metrics")).text
    assert (
        'huong_ledger_broken{law="a balance is the sum of its entries, and its version their count"} 1.0' in metrics
    )
