"""A shop's own machines act for it by keys that its owner makes, as far as these go, and for no other shop."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from app.machines import signing
from notifications.messages import messages_of
from tests.conftest import City
from tests.makers import Machine, Resident, Shop, a_resident, a_shop
from tests.statements import sql
from wallet.events import ApiKeyMade

ALL = ["orders.read", "orders.write", "refunds.write", "takings.read", "webhooks.read", "webhooks.write"]


async def shop_of(city: City) -> Shop:
    async with city.database.transaction() as db:
        return await a_shop(db)


async def ask_key(
    city: City, shop: Shop, who: Resident | None = None, key_id: UUID | None = None, **body: Any
) -> httpx.Response:
    path = f"/v1/merchants/{shop.id}/api-keys/{key_id or uuid4()}"
    wanted = {"name": "Máy tính tiền", "scopes": ALL, **body}
    return await city.client.put(path, headers=(who or shop.owner).headers, json=wanted)


async def a_key(city: City, shop: Shop, *scopes: str) -> Machine:
    made = await ask_key(city, shop, scopes=list(scopes) or ALL)
    assert made.status_code == 201, made.text
    return Machine(UUID(made.json()["id"]), uuid4(), made.json()["key"])


async def call(city: City, machine: Machine, method: str, path: str, body: Any = None) -> httpx.Response:
    request = city.client.build_request(method, path, json=body) if body is not None else None
    content = request.content if request else b""
    headers = machine.sign(method, path, content) | ({"content-type": "application/json"} if content else {})
    return await city.client.request(method, path, headers=headers, content=content)


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:huong:problem:")


async def test_a_till_asks_for_an_amount_and_sees_that_it_is_paid(city: City) -> None:
    shop = await shop_of(city)
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=100_000)
    machine = await a_key(city, shop)
    path = f"/v1/merchants/{shop.id}/orders/{uuid4()}"
    body = {"terminal_id": str(shop.terminal_id), "amount": 60_000, "reference": "HD-17"}
    order = await call(city, machine, "PUT", path, body)
    assert order.status_code == 201, order.text
    paid = {"kind": "merchant", "qr": order.json()["text"]}
    await city.client.put(f"/v1/wallet/payments/{uuid4()}", headers=payer.headers, json=paid)
    assert (await call(city, machine, "GET", path)).json()["status"] == "paid"
    takings = await call(city, machine, "GET", f"/v1/merchants/{shop.id}/takings")
    assert [line["amount"] for line in takings.json()["items"]] == [60_000]


async def test_a_machine_gives_back_what_the_shop_took(city: City) -> None:
    shop = await shop_of(city)
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=5_000_000)
    payment_id = uuid4()
    paid = {"kind": "merchant", "qr": shop.qr, "amount": 3_000_000}
    await city.client.put(f"/v1/wallet/payments/{payment_id}", headers=payer.headers, json=paid)
    # More than a person gives back without an open wallet: a machine has none.
    body = {"payment_id": str(payment_id), "amount": 2_500_000, "reason": "hết bún"}
    path = f"/v1/wallet/refunds/{uuid4()}"
    poor = await a_key(city, shop, "orders.write", "takings.read")
    assert problem(await call(city, poor, "PUT", path, body)) == (403, "Forbidden")
    stranger = await a_key(city, await shop_of(city))
    assert problem(await call(city, stranger, "PUT", path, body)) == (404, "NotFound")
    machine = await a_key(city, shop, "refunds.write")
    assert (await call(city, machine, "PUT", path, body)).status_code == 201
    assert (await call(city, machine, "PUT", path, body)).status_code == 200
    assert (await call(city, machine, "GET", path)).json()["status"] == "paid"


async def test_a_machine_does_what_its_scopes_say_and_nothing_else(city: City) -> None:
    shop = await shop_of(city)
    machine = await a_key(city, shop, "takings.read")
    mine = f"/v1/merchants/{shop.id}"
    order = {"terminal_id": str(shop.terminal_id), "amount": 1_000}
    assert (await call(city, machine, "GET", f"{mine}/takings")).status_code == 200
    for method, path, body in (
        ("PUT", f"orders/{uuid4()}", order),
        ("GET", f"orders/{uuid4()}", None),
        ("GET", "webhook-endpoints", None),
        ("PUT", f"webhook-endpoints/{uuid4()}", {"events": ["payment.received"]}),
        ("GET", "api-keys", None),
        ("PUT", f"api-keys/{uuid4()}", {"name": "x", "scopes": ALL}),
        ("GET", "bank-account", None),
        ("GET", "settlements", None),
    ):
        assert problem(await call(city, machine, method, f"{mine}/{path}", body)) == (403, "Forbidden"), path
    assert problem(await call(city, machine, "GET", "/v1/wallet")) == (403, "Forbidden")


async def test_a_machine_of_one_shop_is_nobody_at_another(city: City) -> None:
    shop, other = await shop_of(city), await shop_of(city)
    machine = await a_key(city, shop)
    order = {"terminal_id": str(other.terminal_id), "amount": 1_000}
    for method, path, body in (
        ("PUT", f"orders/{uuid4()}", order),
        ("GET", "takings", None),
        ("GET", "webhook-endpoints", None),
        ("GET", "webhook-messages", None),
        ("PUT", f"webhook-endpoints/{uuid4()}", {"events": ["payment.received"]}),
    ):
        answer = await call(city, machine, method, f"/v1/merchants/{other.id}/{path}", body)
        assert problem(answer) == (404, "NotFound"), path


async def test_a_machine_looks_after_its_shops_webhooks(city: City) -> None:
    shop = await shop_of(city)
    machine = await a_key(city, shop, "webhooks.write")
    path = f"/v1/merchants/{shop.id}/webhook-endpoints/{uuid4()}"
    made = await call(city, machine, "PUT", path, {"events": ["payment.received"]})
    assert made.json()["secret"].startswith("whsec_")
    tested = await call(city, machine, "POST", f"{path}/test-messages", {})
    listed = await call(city, machine, "GET", f"/v1/merchants/{shop.id}/webhook-messages")
    assert [item["id"] for item in listed.json()["items"]] == [tested.json()["id"]]
    assert (await call(city, machine, "DELETE", path)).status_code == 204


async def test_the_key_is_shown_once_and_the_same_again_is_the_same(city: City) -> None:
    shop, key_id = await shop_of(city), uuid4()
    made = await ask_key(city, shop, key_id=key_id)
    again = await ask_key(city, shop, key_id=key_id)
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json()["key"].startswith(made.json()["keyid"])
    assert again.json() == {**made.json(), "key": None}
    listed = await city.client.get(f"/v1/merchants/{shop.id}/api-keys", headers=shop.owner.headers)
    assert listed.json()["items"] == [again.json()]
    others: list[dict[str, Any]] = [{"name": "Khác"}, {"scopes": ["orders.read"]}]
    for other in others:
        assert problem(await ask_key(city, shop, key_id=key_id, **other)) == (409, "ApiKeyIdTaken")
    theirs = await shop_of(city)
    assert problem(await ask_key(city, theirs, key_id=key_id)) == (409, "ApiKeyIdTaken")
    assert problem(await ask_key(city, shop, key_id=shop.owner.id)) == (409, "ApiKeyIdTaken")


async def test_the_same_key_asked_for_at_once_is_made_once(city: City) -> None:
    shop, key_id = await shop_of(city), uuid4()
    answers = await asyncio.gather(*(ask_key(city, shop, key_id=key_id) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]


async def test_a_revoked_key_opens_nothing_and_does_not_come_back(city: City) -> None:
    shop = await shop_of(city)
    machine = await a_key(city, shop)
    takings = f"/v1/merchants/{shop.id}/takings"
    assert (await call(city, machine, "GET", takings)).status_code == 200
    path = f"/v1/merchants/{shop.id}/api-keys/{machine.id}"
    stranger = await shop_of(city)
    wrong = f"/v1/merchants/{stranger.id}/api-keys/{machine.id}"
    assert problem(await city.client.delete(wrong, headers=stranger.owner.headers)) == (404, "NotFound")
    assert (await city.client.delete(path, headers=shop.owner.headers)).status_code == 204
    assert problem(await city.client.delete(path, headers=shop.owner.headers)) == (404, "NotFound")
    assert problem(await call(city, machine, "GET", takings)) == (401, "KeyRefused")
    assert problem(await ask_key(city, shop, key_id=machine.id)) == (409, "ApiKeyIdTaken")
    listed = await city.client.get(f"/v1/merchants/{shop.id}/api-keys", headers=shop.owner.headers)
    assert listed.json()["items"] == []


async def test_a_key_opens_nothing_of_a_shop_that_is_closed(city: City) -> None:
    shop = await shop_of(city)
    machine = await a_key(city, shop)
    async with city.database.transaction() as db:
        await db.execute(sql.close_shop, shop.id)
    answer = await call(city, machine, "GET", f"/v1/merchants/{shop.id}/takings")
    assert problem(answer) == (404, "NotFound")


async def test_a_key_takes_an_open_wallet_and_an_owner(city: City) -> None:
    shop = await shop_of(city)
    async with city.database.transaction() as db:
        stranger = await a_resident(db)
        await db.execute(sql.lock, shop.owner.session_id)
    assert problem(await ask_key(city, shop)) == (403, "WalletLocked")
    assert problem(await ask_key(city, shop, stranger)) == (404, "NotFound")
    listed = await city.client.get(f"/v1/merchants/{shop.id}/api-keys", headers=stranger.headers)
    assert problem(listed) == (404, "NotFound")


async def test_a_shop_has_ten_keys_at_most(city: City) -> None:
    shop = await shop_of(city)
    for _ in range(10):
        await a_key(city, shop, "orders.read")
    assert problem(await ask_key(city, shop)) == (409, "TooManyOfThem")


@pytest.mark.parametrize("scopes", [[], ["bills.write"], ["payments.write"], ["orders.read"] * 11])
async def test_a_shops_key_has_a_shops_scopes(city: City, scopes: list[str]) -> None:
    assert problem(await ask_key(city, await shop_of(city), scopes=scopes)) == (400, "Malformed")


async def test_an_unsigned_key_opens_nothing(city: City) -> None:
    shop = await shop_of(city)
    machine = await a_key(city, shop)
    shown = await city.client.get(f"/v1/merchants/{shop.id}/takings", headers=machine.plain)
    assert shown.status_code in {401, 403}
    forged = signing.sign(machine.key, "GET", f"{city.settings.public_url}/v1/merchants/{uuid4()}/takings")
    answer = await city.client.get(f"/v1/merchants/{shop.id}/takings", headers=forged)
    assert problem(answer) == (401, "BadSignature")


async def test_the_owner_is_told_of_a_new_key(city: City) -> None:
    shop = await shop_of(city)
    machine = await a_key(city, shop)
    async with city.database.acquire() as db:
        [row] = await db.fetch(sql.event_rows, "ApiKeyMade")
        audited = [row["action"] for row in await db.fetch(sql.audit_of, str(machine.id))]
    event = msgspec.convert(row["data"], ApiKeyMade)
    [words] = messages_of(event)
    assert (words.principal_id, "Máy tính tiền" in words.body["vi"]) == (shop.owner.id, True)
    assert audited == ["machines.machine_made", "machines.key_made"]
