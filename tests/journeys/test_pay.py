"""A resident signs in, pays a bill and a merchant's QR; both find a message."""

from uuid import UUID, uuid4

from tests.conftest import City
from tests.makers import PIN, a_bill, a_biller, a_shop, fund


async def signed_in(city: City, phone: str) -> dict[str, str]:
    """Sign in as a stranger does: a code, then a session."""
    sent = await city.client.post("/v1/sign-in/codes", json={"phone": phone})
    assert sent.status_code == 202
    opened = await city.client.post(
        "/v1/sign-in/sessions", json={"challenge_id": sent.json()["challenge_id"], "code": "000000"}
    )
    assert opened.status_code == 201
    return {"authorization": f"Bearer {opened.json()['access_token']}"}


async def test_a_stranger_signs_in_sets_a_pin_and_pays(city: City) -> None:
    headers = await signed_in(city, "+84900000009")
    me = (await city.client.get("/v1/me", headers=headers)).json()
    async with city.database.transaction() as db:
        await a_biller(db)
        bill_id = await a_bill(db, amount=412_500)
        shop = await a_shop(db)
        await fund(db, UUID(me["id"]), 1_000_000)

    assert (await city.client.put("/v1/me/pin", headers=headers, json={"pin": PIN})).status_code == 204
    assert (await city.client.post("/v1/wallet/unlocks", headers=headers, json={"pin": PIN})).status_code == 201

    bill_payment = f"/v1/wallet/payments/{uuid4()}"
    paid = await city.client.put(bill_payment, headers=headers, json={"kind": "bill", "bill_id": str(bill_id)})
    assert (paid.status_code, paid.json()["balance_after"]) == (201, 587_500)

    paid = await city.client.put(
        f"/v1/wallet/payments/{uuid4()}", headers=headers, json={"kind": "merchant", "qr": shop.qr, "amount": 45_000}
    )
    assert (paid.status_code, paid.json()["payee"]) == (201, {"name": "Bún bò bên chợ", "detail": "Quầy 1"})

    await city.worker.drain()
    mine = (await city.client.get("/v1/notifications/inbox", headers=headers)).json()["items"]
    assert [message["title"] for message in mine] == [
        "Thanh toán thành công",
        "Đã thanh toán hóa đơn",
        "Đăng nhập mới",
    ]
    theirs = (await city.client.get("/v1/notifications/inbox", headers=shop.owner.headers)).json()["items"]
    assert [message["title"] for message in theirs] == ["Bún bò bên chợ: đã nhận tiền"]

    home = (await city.client.get("/v1/home", headers=headers)).json()
    assert home["wallet"]["available"] == 542_500
    assert home["notifications"]["unread"] == 3
    assert [line["amount"] for line in home["wallet"]["movements"]] == [-45_000, -412_500, 1_000_000]
