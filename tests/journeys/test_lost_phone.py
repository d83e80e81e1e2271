"""A phone is stolen: the thief guesses at the PIN, its owner signs in elsewhere, shows the PIN and puts it out."""

from uuid import UUID, uuid4

import msgspec

from tests.app.phones import bearer, problem, refreshed, signed_in
from tests.conftest import City, open_city
from tests.makers import PIN, a_bill, a_biller, fund

PHONE = "+84900000042"


async def test_a_stolen_phone_is_put_out_and_the_money_is_still_there(city: City) -> None:
    stolen = await signed_in(city.client, PHONE, name="Điện thoại cũ")
    me = UUID(stolen["me"]["id"])
    async with city.database.transaction() as db:
        await a_biller(db)
        bill_id = await a_bill(db, amount=412_500)
        await fund(db, me, 1_000_000)
    assert (await city.client.put("/v1/me/pin", headers=bearer(stolen), json={"pin": PIN})).status_code == 204

    guesses = ("246801", "246802", "246803", "246804", "246805")
    answers = [
        await city.client.post("/v1/wallet/unlocks", headers=bearer(stolen), json={"pin": guess}) for guess in guesses
    ]
    assert [problem(answer)[1] for answer in answers] == ["WrongPin"] * 4 + ["PinLocked"]
    payment = {"kind": "bill", "bill_id": str(bill_id)}
    refused = await city.client.put(f"/v1/wallet/payments/{uuid4()}", headers=bearer(stolen), json=payment)
    assert problem(refused) == (403, "WalletLocked")

    new = await signed_in(city.client, PHONE, name="Điện thoại mới", platform="ios")
    assert new["me"]["id"] == stolen["me"]["id"]
    assert new["confirmed"] is False
    assert problem(await city.client.get("/v1/wallet", headers=bearer(new))) == (403, "NotConfirmed")

    async with open_city(msgspec.structs.replace(city.settings, clock_offset_s=16 * 60)) as quarter_later:
        client = quarter_later.client
        renewed = (await refreshed(client, new["refresh_token"])).json()
        headers = bearer(renewed)
        assert (await client.post("/v1/wallet/unlocks", headers=headers, json={"pin": PIN})).status_code == 201
        listed = (await client.get("/v1/sign-in/sessions", headers=headers)).json()
        assert [(item["device_name"], item["current"]) for item in listed] == [
            ("Điện thoại mới", True),
            ("Điện thoại cũ", False),
        ]
        put_out = await client.delete(f"/v1/sign-in/sessions/{listed[1]['id']}", headers=headers)
        assert put_out.status_code == 204
        assert problem(await refreshed(client, stolen["refresh_token"])) == (401, "RefreshRefused")
        paid = await client.put(f"/v1/wallet/payments/{uuid4()}", headers=headers, json=payment)
        assert (paid.status_code, paid.json()["balance_after"]) == (201, 587_500)

        await quarter_later.worker.drain()
        inbox = (await client.get("/v1/notifications/inbox", headers=headers)).json()["items"]
    told = [message["title"] for message in inbox]
    assert told == ["Đã thanh toán hóa đơn", "Đăng nhập mới", "Đăng nhập mới"]
    assert "Điện thoại mới" in inbox[1]["body"]
