"""A receipt's code: whoever holds it sees what was paid, as it stands now, and nothing more."""

from uuid import UUID, uuid4

import httpx

from app.db import Connection
from app.types import new_id
from tests.conftest import City
from tests.makers import Resident, a_resident, a_shop
from tests.statements import sql
from wallet import ledger
from wallet.ledger import Move


async def a_payment(city: City, memo: str = "2 tô") -> tuple[Resident, str]:
    async with city.database.transaction() as db:
        payer, shop = await a_resident(db, balance=1_000_000), await a_shop(db)
    payment = f"/v1/wallet/payments/{uuid4()}"
    body = {"kind": "merchant", "qr": shop.qr, "amount": 45_000, "memo": memo}
    assert (await city.client.put(payment, headers=payer.headers, json=body)).status_code == 201
    return payer, payment


async def test_whoever_holds_the_code_sees_what_was_paid(city: City) -> None:
    payer, payment = await a_payment(city)
    made = (await city.client.get(f"{payment}/receipt", headers=payer.headers)).json()
    assert (await city.client.get(f"{payment}/receipt", headers=payer.headers)).json() == made
    shown = (await city.client.get(f"/v1/receipts/{made['code']}")).json()
    assert (shown["amount"], shown["payee"], shown["status"]) == (45_000, "Bún bò bên chợ", "paid")
    assert shown["payer"] == "L*** T*** N*** Bình"
    assert payer.phone not in str(shown)
    assert "2 tô" not in str(shown)


async def test_the_page_says_the_same_in_both_languages(city: City) -> None:
    payer, payment = await a_payment(city)
    made = (await city.client.get(f"{payment}/receipt", headers=payer.headers)).json()
    page = await city.client.get(httpx.URL(made["url"]).path)
    assert page.status_code == 200
    assert "45.000 đ" in page.text
    assert "Người nhận" in page.text
    assert "Payee" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_a_code_is_read_as_people_type_it(city: City) -> None:
    payer, payment = await a_payment(city)
    code = (await city.client.get(f"{payment}/receipt", headers=payer.headers)).json()["code"]
    typed = f"{code[:4]}-{code[4:8]} {code[8:]}".lower().replace("0", "o").replace("1", "l")
    assert (await city.client.get(f"/v1/receipts/{typed}")).json()["code"] == code


async def test_a_refund_shows(city: City) -> None:
    payer, payment = await a_payment(city)
    code = (await city.client.get(f"{payment}/receipt", headers=payer.headers)).json()["code"]
    async with city.database.transaction() as db:
        await _give_back(db, payment, payer, 5_000)
    assert (await city.client.get(f"/v1/receipts/{code}")).json()["refunded"] == 5_000
    assert "Đã hoàn lại" in (await city.client.get(f"/r/{code}")).text


async def _give_back(db: Connection, payment: str, payer: Resident, amount: int) -> None:
    payment_id = UUID(payment.rpartition("/")[2])
    shop_id = await db.fetchval(sql.payee_of_payment, payment_id)
    await ledger.move(db, Move(new_id(), "refund", shop_id, payer.id, amount, original_id=payment_id))


async def test_an_unknown_code_and_somebody_elses_payment_are_not_found(city: City) -> None:
    _, payment = await a_payment(city)
    async with city.database.transaction() as db:
        other = await a_resident(db)
    assert (await city.client.get(f"{payment}/receipt", headers=other.headers)).status_code == 404
    assert (await city.client.get("/v1/receipts/000000000000")).status_code == 404
    page = await city.client.get("/r/000000000000")
    assert (page.status_code, "Không có biên nhận này" in page.text) == (404, True)
    assert (await city.client.get("/v1/receipts/%00")).status_code in {400, 404}
