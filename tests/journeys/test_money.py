"""Money's whole way through the city: in by a gateway, to a biller that is asked, to a shop, back, out to a bank."""

from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from tests.conftest import City, StandIns, served
from tests.makers import a_resident, a_shop
from tests.wallet.billing import a_known_bill, a_water_company
from wallet import ledger
from wallet.gateways import breaker
from wallet.ledger import Move

RESERVE = 1_000_000_000
IPN = "/v1/gateways/vnpay/ipn"


async def test_a_dong_comes_in_goes_round_and_leaves(city: City, stand_ins: StandIns) -> None:
    async with city.database.transaction() as db:
        await ledger.move(db, Move(uuid4(), "reserve", ledger.GUARANTEE, ledger.RESERVE, RESERVE))
        resident, shop = await a_resident(db), await a_shop(db)
        biller = await a_water_company(db, stand_ins)
        bill_id = await a_known_bill(db, biller, "HW000123", 100_000)
    me = resident.headers

    # In: the phone opens the gateway's page; its notice, not the person's way back, brings the money.
    top_up = f"/v1/wallet/top-ups/{uuid4()}"
    asked = await city.client.put(top_up, headers=me, json={"amount": 500_000, "method": "vnpay"})
    async with served(city.app) as port, httpx.AsyncClient(timeout=15) as browser:
        told = {"ipn_url": f"http://localhost:{port}{IPN}"}
        (await browser.put(f"{stand_ins.url}/vnpay/behaviour", json=told)).raise_for_status()
        paid = await browser.get(f"{asked.json()['pay_url']}&auto=pay")
        assert urlsplit(paid.headers["location"]).path == "/v1/gateways/vnpay/return"
        for _ in range(50):
            if (await city.client.get(top_up, headers=me)).json()["status"] == "paid":
                break
            await browser.get(f"{stand_ins.url}/livez")
    assert (await city.client.get("/v1/wallet", headers=me)).json()["available"] == 500_000

    # To a biller that must be asked: held, then paid.
    payment = f"/v1/wallet/payments/{uuid4()}"
    held = await city.client.put(payment, headers=me, json={"kind": "bill", "bill_id": str(bill_id)})
    assert held.json()["status"] == "pending"
    await city.worker.drain()
    assert (await city.client.get(payment, headers=me)).json()["status"] == "paid"

    # To a shop by the customer's code, and a part of it back.
    code = (await city.client.post("/v1/wallet/pay-codes", headers=me, json={})).json()["code"]
    charge_id, owner = uuid4(), shop.owner.headers
    charge = {"pay_code": code, "amount": 45_000}
    charged = await city.client.put(f"/v1/merchants/{shop.id}/charges/{charge_id}", headers=owner, json=charge)
    assert charged.json()["status"] == "paid"
    refund = {"payment_id": str(charge_id), "amount": 5_000, "reason": "Thiếu một món"}
    refunded = await city.client.put(f"/v1/wallet/refunds/{uuid4()}", headers=owner, json=refund)
    assert refunded.status_code in {200, 201}, refunded.text

    # Out to a bank.
    withdrawal = f"/v1/wallet/withdrawals/{uuid4()}"
    account = {"bank_bin": "970436", "account_number": "1014567890", "account_name": "LE THI NGU BINH"}
    sent = await city.client.put(withdrawal, headers=me, json={"kind": "withdrawal", "amount": 300_000, **account})
    assert sent.json()["status"] == "pending", sent.text
    await city.worker.drain()
    assert (await city.client.get(withdrawal, headers=me)).json()["status"] == "paid"

    wallet = (await city.client.get("/v1/wallet", headers=me)).json()
    assert (wallet["available"], wallet["pending"]) == (500_000 - 100_000 - 45_000 + 5_000 - 300_000, 0)
    inbox = (await city.client.get("/v1/notifications/inbox", headers=me)).json()["items"]
    assert len(inbox) == 5
    async with city.database.transaction() as db:
        assert [law for law in await ledger.check(db) if law.broken] == []
    breaker.forget()
