"""A shop's own system hears what happens: signed, at least once, whatever goes wrong on the way, and it alone."""

import asyncio
import base64
import hmac
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from standardwebhooks import Webhook

from app import config, guarded, secrets
from app.cli import webhooks_group
from app.clock import city_now
from app.config import settings
from app.db import Connection
from app.machines import key_text
from app.outbox import record
from app.secrets import KeyUse
from app.types import new_id
from notifications.messages import messages_of
from tests.conftest import City
from tests.makers import Resident, Shop, a_resident, a_shop
from tests.statements import sql
from tests.wallet.conftest import Passing
from tests.wallet.hooks import a_hook, sent
from wallet import events
from wallet.events import WebhookDisabled
from wallet.merchants import (
    webhook_deliveries,
    webhook_endpoints,
    webhook_listening,
    webhook_messages,
    webhook_signatures,
)
from wallet.merchants.webhook_deliveries import RETRY_WAITS_S
from wallet.merchants.webhook_listening import Ear, NotHeard

HEAR_ALL = ["payment.received", "payment.refunded", "refund.failed", "settlement.failed", "settlement.paid"]


# Signatures


def test_a_signature_is_the_one_of_the_specifications_own_example() -> None:
    """The vector that the specification's libraries test themselves with."""
    secret, message_id = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    signed = webhook_signatures.sign(secret, message_id, 1_614_265_330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(min_size=1, max_size=200), st.integers(0, 2**33))
def test_a_signature_is_what_hmac_says(body: bytes, timestamp: int) -> None:
    secret = webhook_signatures.new_secret()
    key = base64.b64decode(secret[len("whsec_") :])
    assert len(key) == 32
    expected = hmac.new(key, b"msg." + str(timestamp).encode() + b"." + body, sha256).digest()
    assert webhook_signatures.sign(secret, "msg", timestamp, body) == "v1," + base64.b64encode(expected).decode()


# A shop and its system


async def shop_of(city: City) -> tuple[Shop, Resident]:
    """A shop, and somebody with money to spend there."""
    async with city.database.transaction() as db:
        shop, payer = await a_shop(db), await a_resident(db, balance=10_000_000)
        for who in (shop.owner, payer):
            await db.execute(sql.stay, who.session_id)
        return shop, payer


async def put_endpoint(
    city: City, shop: Shop, url: str | None, endpoint_id: UUID | None = None, **other: Any
) -> dict[str, Any]:
    body = {"events": HEAR_ALL, **({"url": url} if url else {}), **other}
    path = f"/v1/merchants/{shop.id}/webhook-endpoints/{endpoint_id or uuid4()}"
    answer = await city.client.put(path, headers=shop.owner.headers, json=body)
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


async def pay(city: City, shop: Shop, payer: Resident, amount: int = 45_000, **other: Any) -> str:
    payment_id = str(uuid4())
    body = {"kind": "merchant", "qr": shop.qr, "amount": amount, **other}
    paid = await city.client.put(f"/v1/wallet/payments/{payment_id}", headers=payer.headers, json=body)
    assert paid.status_code == 201, paid.text
    return payment_id


async def messages(city: City, shop: Shop, **query: Any) -> list[dict[str, Any]]:
    path = f"/v1/merchants/{shop.id}/webhook-messages"
    answer = await city.client.get(path, headers=shop.owner.headers, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def show(city: City, shop: Shop, message_id: str) -> dict[str, Any]:
    path = f"/v1/merchants/{shop.id}/webhook-messages/{message_id}"
    return (await city.client.get(path, headers=shop.owner.headers)).json()


async def do(city: City, shop: Shop, what: str) -> httpx.Response:
    return await city.client.post(f"/v1/merchants/{shop.id}/{what}", headers=shop.owner.headers, json={})


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:huong:problem:")


async def told_of(city: City, kind: str) -> list[dict[str, Any]]:
    async with city.database.acquire() as db:
        return [row["data"] for row in await db.fetch(sql.event_rows, kind)]


async def test_a_shops_system_hears_of_a_payment_at_once_and_can_trust_it(city: City) -> None:
    shop, payer = await shop_of(city)
    async with a_hook() as hook:
        endpoint = await put_endpoint(city, shop, hook.url)
        payment_id = await pay(city, shop, payer, memo="bún bò")
        await sent(city)
        [heard] = hook.heard
        assert Webhook(endpoint["secret"]).verify(heard.body, heard.headers) == heard.said
        assert not heard.is_signed_with(webhook_signatures.new_secret())
        assert heard.headers["content-type"] == "application/json"
        assert heard.said == {
            "type": "payment.received",
            "timestamp": heard.said["timestamp"],
            "data": {
                "payment_id": payment_id,
                "merchant_id": str(shop.id),
                "amount": 45_000,
                "currency": "VND",
                "method": "wallet",
                "payer": "L*** T*** N*** Bình",
                "terminal_id": str(shop.terminal_id),
                "terminal": "Quầy 1",
                "order_id": None,
                "order_reference": None,
                "memo": "bún bò",
            },
        }
        assert str(payer.id) not in heard.body.decode()
        [message] = await messages(city, shop)
        assert (message["id"], message["status"], message["attempts"]) == (heard.id, "delivered", 1)
        assert message["body"].encode() == heard.body
        await sent(city)
        assert len(hook.heard) == 1


async def test_an_order_is_named_by_the_shops_own_reference(city: City) -> None:
    shop, payer = await shop_of(city)
    order_id = uuid4()
    body = {"terminal_id": str(shop.terminal_id), "amount": 60_000, "reference": "HD-17"}
    path = f"/v1/merchants/{shop.id}/orders/{order_id}"
    order = (await city.client.put(path, headers=shop.owner.headers, json=body)).json()
    async with a_hook() as hook:
        await put_endpoint(city, shop, hook.url)
        paid = {"kind": "merchant", "qr": order["text"]}
        await city.client.put(f"/v1/wallet/payments/{uuid4()}", headers=payer.headers, json=paid)
        await sent(city)
        [heard] = hook.heard
    assert (heard.said["data"]["order_id"], heard.said["data"]["order_reference"]) == (str(order_id), "HD-17")


async def test_other_news_of_a_shop_is_told_to_whoever_wants_it_and_of_a_bill_to_nobody(city: City) -> None:
    shop, _ = await shop_of(city)
    of_shop: dict[str, Any] = {"merchant_id": shop.id, "owner_id": shop.owner.id, "merchant_name": "x"}
    refunded: dict[str, Any] = {
        "payer_id": uuid4(), "amount": 5, "payee_name": "a", "payee_name_en": "b", "reason": "hết bún",
        "payment_id": uuid4(), "refund_id": uuid4(),
    }  # fmt: skip
    bank: dict[str, Any] = {"bank_name": "Vietcombank", "account": "7890"}
    day: dict[str, Any] = {**of_shop, **bank, "settlement_id": uuid4(), "settled_on": "2026-11-20", "amount": 7}
    taking: dict[str, Any] = {**of_shop, "refund_id": uuid4(), "taking_id": uuid4(), "amount": 3}
    transfer: dict[str, Any] = {**of_shop, "transfer_id": uuid4(), "amount": 9, "order_id": None}
    async with a_hook() as hook, a_hook() as picky:
        await put_endpoint(city, shop, hook.url)
        await put_endpoint(city, shop, picky.url, events=["settlement.paid"])
        async with city.database.transaction() as db:
            await record(db, events.TransferTaken(**transfer, payer="N*** A", order_reference=None))
            await record(db, events.PaymentRefunded(**refunded, merchant_id=shop.id, owner_id=shop.owner.id))
            await record(db, events.PaymentRefunded(**refunded, merchant_id=None, owner_id=None))
            await record(db, events.TakingRefunded(**taking))
            await record(db, events.TakingRefundFailed(**taking, reason="account_closed"))
            await record(db, events.SettlementPaid(**day, fee=1))
            await record(db, events.SettlementFailed(**day, reason="name_differs"))
        await sent(city)
        heard = sorted((one.said["type"], one.said["data"]["amount"]) for one in hook.heard)
        assert heard == [
            ("payment.received", 9),
            ("payment.refunded", 3),
            ("payment.refunded", 5),
            ("refund.failed", 3),
            ("settlement.failed", 7),
            ("settlement.paid", 7),
        ]
        [paid] = picky.heard
        assert paid.said["data"] == {
            "settlement_id": str(day["settlement_id"]),
            "merchant_id": str(shop.id),
            "settled_on": "2026-11-20",
            "amount": 7,
            "fee": 1,
            "currency": "VND",
            "bank": "Vietcombank",
            "account": "7890",
        }


async def test_another_shop_hears_nothing_of_it(city: City) -> None:
    shop, payer = await shop_of(city)
    other, _ = await shop_of(city)
    async with a_hook() as hook:
        await put_endpoint(city, other, hook.url)
        await pay(city, shop, payer)
        await sent(city)
        assert not hook.heard
        assert await messages(city, other) == []


# Endpoints


async def test_the_secret_is_shown_once_and_an_endpoint_put_again_is_the_same(city: City) -> None:
    shop, _ = await shop_of(city)
    endpoint_id = uuid4()
    made = await put_endpoint(city, shop, "http://localhost:1/a", endpoint_id, description="Máy tính tiền")
    again = await put_endpoint(city, shop, "http://localhost:1/a", endpoint_id, description="Máy tính tiền")
    assert made["secret"].startswith("whsec_")
    assert again == {**made, "secret": None}
    changed = await put_endpoint(city, shop, "http://localhost:1/b", endpoint_id, events=["payment.received"])
    path = f"/v1/merchants/{shop.id}/webhook-endpoints"
    listed = (await city.client.get(path, headers=shop.owner.headers)).json()["items"]
    assert listed == [changed]
    assert (changed["url"], changed["events"], changed["description"]) == (
        "http://localhost:1/b",
        ["payment.received"],
        None,
    )


async def test_nobody_puts_or_sees_an_endpoint_of_another_shop(city: City) -> None:
    shop, stranger = await shop_of(city)
    other, _ = await shop_of(city)
    endpoint_id = uuid4()
    await put_endpoint(city, shop, "http://localhost:1/a", endpoint_id)
    body = {"events": HEAR_ALL, "url": "http://localhost:1/b"}
    path = f"webhook-endpoints/{endpoint_id}"
    for who in (stranger, other.owner):
        answer = await city.client.put(f"/v1/merchants/{shop.id}/{path}", headers=who.headers, json=body)
        assert problem(answer) == (404, "NotFound")
    theirs = await city.client.put(f"/v1/merchants/{other.id}/{path}", headers=other.owner.headers, json=body)
    assert problem(theirs) == (409, "WebhookEndpointIdTaken")
    for what in ("secret-rotations", "test-messages"):
        assert problem(await do(city, other, f"{path}/{what}")) == (404, "NotFound")
    gone = await city.client.delete(f"/v1/merchants/{other.id}/{path}", headers=other.owner.headers)
    assert problem(gone) == (404, "NotFound")


@pytest.mark.parametrize(
    "wanted",
    [
        {"url": "https://shop.example/", "events": []},
        {"url": "https://shop.example/", "events": ["payment.lost"]},
        {"url": "ftp://shop.example/", "events": HEAR_ALL},
        {"url": "https://shop.example/ x", "events": HEAR_ALL},
        {"url": "https://shop.example/\n", "events": HEAR_ALL},
        {"url": "https://shop.example\\@127.0.0.1/", "events": HEAR_ALL},
        {"url": f"https://shop.example/{'x' * 500}", "events": HEAR_ALL},
        {"url": "https://shop.example/", "events": HEAR_ALL, "secret": "whsec_mine"},
        {"url": "https://shop.example/"},
    ],
)
async def test_what_is_no_endpoint_is_refused(city: City, wanted: dict[str, Any]) -> None:
    shop, _ = await shop_of(city)
    path = f"/v1/merchants/{shop.id}/webhook-endpoints/{uuid4()}"
    answer = await city.client.put(path, headers=shop.owner.headers, json=wanted)
    assert problem(answer) == (400, "Malformed")


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/", "https://127.0.0.1/", "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/latest",
        "https://me:secret@shop.example/", "https://shop.example:0/",
    ],
)  # fmt: skip
async def test_e38_production_takes_no_address_that_is_private_or_not_encrypted(
    db: Connection, desk: httpx.AsyncClient, url: str, request: pytest.FixtureRequest
) -> None:
    shop = await a_shop(db)
    request.getfixturevalue("production")
    path = f"/v1/merchants/{shop.id}/webhook-endpoints/{uuid4()}"
    answer = await desk.put(path, headers=shop.owner.headers, json={"events": HEAR_ALL, "url": url})
    assert problem(answer) == (400, "WebhookAddressRefused")
    fine = {"events": HEAR_ALL, "url": "https://shop.example:8443/hook?a=1"}
    assert (await desk.put(path, headers=shop.owner.headers, json=fine)).status_code == 201


async def test_a_shop_has_ten_endpoints_at_most(city: City) -> None:
    shop, _ = await shop_of(city)
    ids = [uuid4() for _ in range(11)]
    for endpoint_id in ids[:10]:
        await put_endpoint(city, shop, "http://localhost:1/", endpoint_id)
    path = f"/v1/merchants/{shop.id}/webhook-endpoints"
    body = {"events": HEAR_ALL}
    eleventh = await city.client.put(f"{path}/{ids[10]}", headers=shop.owner.headers, json=body)
    assert problem(eleventh) == (409, "TooManyOfThem")
    await put_endpoint(city, shop, "http://localhost:2/", ids[0])
    assert (await city.client.delete(f"{path}/{ids[0]}", headers=shop.owner.headers)).status_code == 204
    await put_endpoint(city, shop, "http://localhost:1/", ids[10])


async def test_an_endpoint_that_was_removed_hears_nothing_not_even_what_waited(city: City, passing: Passing) -> None:
    shop, payer = await shop_of(city)
    endpoint_id = uuid4()
    path = f"/v1/merchants/{shop.id}/webhook-endpoints/{endpoint_id}"
    async with a_hook(500) as hook:
        await put_endpoint(city, shop, hook.url, endpoint_id)
        await pay(city, shop, payer)
        await sent(city)
        assert (await city.client.delete(path, headers=shop.owner.headers)).status_code == 204
        assert problem(await city.client.delete(path, headers=shop.owner.headers)) == (404, "NotFound")
        await pay(city, shop, payer)
        await passing(city, 60)
        await sent(city)
        assert len(hook.heard) == 1
    [message] = await messages(city, shop)
    assert message["status"] == "dead"
    assert problem(await do(city, shop, f"webhook-messages/{message['id']}/replays")) == (404, "NotFound")
    again = await city.client.put(path, headers=shop.owner.headers, json={"events": HEAR_ALL})
    assert problem(again) == (409, "WebhookEndpointIdTaken")


# Secrets


async def test_a_secret_changes_without_a_pause(city: City, passing: Passing) -> None:
    shop, payer = await shop_of(city)
    endpoint_id = uuid4()
    async with a_hook() as hook:
        first = (await put_endpoint(city, shop, hook.url, endpoint_id))["secret"]
        path = f"webhook-endpoints/{endpoint_id}/secret-rotations"
        second = (await do(city, shop, path)).json()["secret"]
        await pay(city, shop, payer)
        await sent(city)
        [heard] = hook.heard
        assert heard.headers["webhook-signature"].count("v1,") == 2
        assert heard.is_signed_with(first)
        assert heard.is_signed_with(second)
        third = (await do(city, shop, path)).json()["secret"]
        await pay(city, shop, payer)
        await sent(city)
        assert [hook.heard[1].is_signed_with(secret) for secret in (first, second, third)] == [False, True, True]
        await passing(city, 25 * 3600)
        await city.worker.keep_schedule()
        await do(city, shop, f"webhook-endpoints/{endpoint_id}/test-messages")
        await sent(city)
    signatures = hook.heard[2].headers["webhook-signature"].split()
    timestamp = int(hook.heard[2].headers["webhook-timestamp"])
    assert signatures == [webhook_signatures.sign(third, hook.heard[2].id, timestamp, hook.heard[2].body)]


async def test_two_rotations_at_once_leave_one_newest_secret(city: City) -> None:
    shop, _ = await shop_of(city)
    endpoint_id = uuid4()
    async with a_hook() as hook:
        await put_endpoint(city, shop, hook.url, endpoint_id)
        path = f"webhook-endpoints/{endpoint_id}/secret-rotations"
        rotated = await asyncio.gather(*(do(city, shop, path) for _ in range(8)))
        assert [answer.status_code for answer in rotated] == [201] * 8
        await do(city, shop, f"webhook-endpoints/{endpoint_id}/test-messages")
        await sent(city)
    good = [hook.heard[0].is_signed_with(answer.json()["secret"]) for answer in rotated]
    assert good.count(True) == 2


async def test_no_secret_lies_open_in_the_database_or_in_what_tells(city: City) -> None:
    shop, payer = await shop_of(city)
    endpoint_id = uuid4()
    async with a_hook() as hook:
        secret = (await put_endpoint(city, shop, hook.url, endpoint_id))["secret"]
        await pay(city, shop, payer)
        await sent(city)
    await put_endpoint(city, shop, "https://shop.example/T0PSECRET?key=T0PSECRET", endpoint_id)
    async with city.database.acquire() as db:
        [row] = await db.fetch(sql.webhook_secrets)
        told = [row["row"] for row in await db.fetch(sql.rows_that_tell)]
    raw = secret.removeprefix("whsec_")
    assert raw.encode() not in bytes(row["sealed"])
    assert base64.b64decode(raw) not in bytes(row["sealed"])
    assert not [line for line in told if raw in line or "T0PSECRET" in line]


# What goes wrong


async def test_what_fails_is_tried_again_by_the_table_with_the_same_bytes_under_the_same_id(
    city: City, passing: Passing
) -> None:
    shop, payer = await shop_of(city)
    async with a_hook([500, 302, 404, 204]) as hook:
        await put_endpoint(city, shop, hook.url)
        await pay(city, shop, payer)
        for tried, wait_s in enumerate(RETRY_WAITS_S[:3], start=1):
            await sent(city)
            assert len(hook.heard) == tried
            await passing(city, wait_s - 1)
            await sent(city)
            assert len(hook.heard) == tried, "not before its time"
            await passing(city, 1 + wait_s * 0.1)
        await sent(city)
        assert len({(heard.id, heard.body) for heard in hook.heard}) == 1
        assert len({heard.headers["webhook-timestamp"] for heard in hook.heard}) == 4
    [message] = await messages(city, shop, status="delivered")
    shown = await show(city, shop, message["id"])
    assert [one["status_code"] for one in shown["tries"]] == [204, 404, 302, 500]
    assert (shown["attempts"], shown["next_at"], shown["last_status_code"]) == (4, None, 204)


async def test_after_the_last_try_it_is_a_dead_letter_that_can_be_sent_again(city: City, passing: Passing) -> None:
    shop, payer = await shop_of(city)
    endpoint_id = uuid4()
    async with a_hook(500) as hook:
        await put_endpoint(city, shop, hook.url, endpoint_id)
        await pay(city, shop, payer)
        await sent(city)
        for wait_s in RETRY_WAITS_S:
            await passing(city, wait_s * 1.1)
            await sent(city)
        assert len(hook.heard) == len(RETRY_WAITS_S) + 1
        await passing(city, 7 * 86_400)
        await sent(city)
        assert len(hook.heard) == len(RETRY_WAITS_S) + 1
        [message] = await messages(city, shop, status="dead")
        [disabled] = await told_of(city, "WebhookDisabled")
        assert (disabled["because"], disabled["unsent"]) == ("failing", 0), "nothing got through for days"
        replay = f"webhook-messages/{message['id']}/replays"
        assert problem(await do(city, shop, replay)) == (409, "WebhookEndpointDisabled")
        on = await put_endpoint(city, shop, hook.url, endpoint_id)
        assert on["disabled_because"] is None
        hook.answer = lambda _: 200
        assert (await do(city, shop, replay)).status_code == 201
        await sent(city)
        assert hook.heard[-1].id == hook.heard[0].id
    assert [one["status"] for one in await messages(city, shop)] == ["delivered"]


async def test_a_system_that_takes_others_is_not_given_up_for_one_dead_letter(city: City, passing: Passing) -> None:
    shop, payer = await shop_of(city)
    async with a_hook(500) as hook:
        await put_endpoint(city, shop, hook.url)
        await pay(city, shop, payer)
        await sent(city)
        bad = hook.heard[0].id

        def answer(_: int) -> int:
            return 500 if hook.heard[-1].id == bad else 200

        hook.answer = answer
        for wait_s in RETRY_WAITS_S:
            await pay(city, shop, payer, 1_000)
            await passing(city, wait_s * 1.1)
            await sent(city)
    [dead] = await messages(city, shop, status="dead")
    assert dead["id"] == bad
    assert await told_of(city, "WebhookDisabled") == []


async def test_a_system_that_is_gone_is_told_nothing_more_and_its_owner_hears_of_it(
    city: City, passing: Passing
) -> None:
    shop, payer = await shop_of(city)
    async with a_hook([500, 500, 410]) as hook:
        await put_endpoint(city, shop, hook.url)
        await pay(city, shop, payer)
        await sent(city)
        await pay(city, shop, payer)
        await sent(city)
        await pay(city, shop, payer)
        await sent(city)
        assert len(hook.heard) == 3
        await pay(city, shop, payer)
        await passing(city, 60)
        await sent(city)
        assert len(hook.heard) == 3
    assert [one["status"] for one in await messages(city, shop)] == ["dead"] * 4
    [news] = await told_of(city, "WebhookDisabled")
    assert (news["because"], news["unsent"], news["host"]) == ("gone", 2, "localhost")
    async with city.database.acquire() as db:
        titles = [row["title"] for row in await db.fetch(sql.inbox_titles, shop.owner.id)]
    assert any("đã tắt thông báo" in title for title in titles)


async def test_what_happened_while_an_endpoint_was_off_is_sent_once_its_owner_asks(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_messages, "MOST_REPLAYED", 2)
    shop, payer = await shop_of(city)
    endpoint_id, since = uuid4(), city_now().isoformat()
    path = f"/v1/merchants/{shop.id}/webhook-endpoints/{endpoint_id}/replays"

    async def replayed(**body: Any) -> httpx.Response:
        return await city.client.post(path, headers=shop.owner.headers, json={"since": since, **body})

    async with a_hook([410, 204]) as hook:
        await put_endpoint(city, shop, hook.url, endpoint_id)
        await pay(city, shop, payer, 1_000)
        await sent(city)
        for amount in (2_000, 3_000):
            await pay(city, shop, payer, amount)
        await sent(city)
        assert len(hook.heard) == 1
        assert [one["status"] for one in await messages(city, shop)] == ["dead"] * 3, "nothing is lost meanwhile"
        assert problem(await replayed()) == (409, "WebhookEndpointDisabled")
        await put_endpoint(city, shop, hook.url, endpoint_id)
        later = await replayed(since=(city_now() + timedelta(hours=1)).isoformat())
        assert (later.status_code, later.json()) == (201, {"messages": 0, "more": False})
        assert (await replayed()).json() == {"messages": 2, "more": True}
        assert (await replayed()).json() == {"messages": 1, "more": False}
        await sent(city)
        assert sorted(heard.said["data"]["amount"] for heard in hook.heard[1:]) == [1_000, 2_000, 3_000]
        assert problem(await replayed(since="yesterday")) == (400, "Malformed")
        answers = [await replayed() for _ in range(webhook_messages.REPLAYS_A_MINUTE)]
        assert problem(answers[-1]) == (429, "TooManyRequests")
    stranger = await city.client.post(path, headers=payer.headers, json={"since": since})
    assert problem(stranger) == (404, "NotFound")


async def test_410_for_many_at_once_disables_once(city: City) -> None:
    shop, payer = await shop_of(city)
    async with a_hook(410, delay_s=0.05) as hook:
        await put_endpoint(city, shop, hook.url)
        for _ in range(6):
            await pay(city, shop, payer, 1_000)
        await sent(city)
    assert len(await told_of(city, "WebhookDisabled")) == 1
    assert {one["status"] for one in await messages(city, shop)} == {"dead"}


async def test_the_owner_is_told_in_words() -> None:
    for because in ("gone", "failing"):
        event = WebhookDisabled(
            webhook_endpoint_id=new_id(), merchant_id=new_id(), owner_id=new_id(), merchant_name="Bún bò",
            host="shop.example", because=because, unsent=3,
        )  # fmt: skip
        [words] = messages_of(event)
        assert words.principal_id == event.owner_id
        assert "shop.example" in words.body["en"]


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        ("http://localhost:1/", "not_connected"),
        ("http://nobody.invalid/", "name_unknown"),
    ],
)
async def test_nobody_there_is_told_to_the_shop(city: City, url: str, failure: str) -> None:
    shop, payer = await shop_of(city)
    await put_endpoint(city, shop, url)
    await pay(city, shop, payer)
    await sent(city)
    [message] = await messages(city, shop, status="waiting")
    assert (message["last_failure"], message["last_status_code"], message["attempts"]) == (failure, None, 1)


async def test_e38_nothing_is_sent_to_a_name_that_has_become_private(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: list[str], *, anywhere: bool) -> None:
        raise guarded.NotReached("address_refused")

    shop, payer = await shop_of(city)
    async with a_hook() as hook:
        await put_endpoint(city, shop, hook.url)
        await pay(city, shop, payer)
        monkeypatch.setattr(guarded, "_check", refuse)
        await sent(city)
        assert not hook.heard
    [message] = await messages(city, shop)
    assert message["last_failure"] == "address_refused"


# Others


async def test_a_system_that_takes_its_time_holds_up_its_own_messages_only(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, payer = await shop_of(city)
    other, _ = await shop_of(city)
    async with a_hook(delay_s=4.0) as slow, a_hook() as quick:
        await put_endpoint(city, shop, slow.url)
        await put_endpoint(city, other, quick.url)
        for _ in range(12):
            await pay(city, shop, payer, 1_000)
        await city.worker.drain()
        for _ in range(5):
            await pay(city, other, payer, 1_000)
        async with asyncio.timeout(3):
            while len(quick.heard) < 5:
                await city.worker.drain()
                await asyncio.sleep(0.02)
        assert slow.most_under_way <= webhook_deliveries.AT_ONCE_TO_ONE
        slow.delay_s = 0
        await sent(city)
        assert (len(slow.heard), len(quick.heard)) == (12, 5)


async def test_a_few_systems_that_take_their_time_leave_places_for_others(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_deliveries, "AT_ONCE", 4)
    monkeypatch.setattr(webhook_deliveries, "AT_ONCE_OF_ONE_SHOP", 3)
    monkeypatch.setattr(webhook_deliveries, "AT_ONCE_TO_ONE", 2)
    shop, payer = await shop_of(city)
    other, _ = await shop_of(city)
    async with a_hook(delay_s=1) as slow, a_hook() as quick:
        for _ in range(3):
            await put_endpoint(city, shop, slow.url)
        await put_endpoint(city, other, quick.url)
        for _ in range(10):
            await pay(city, shop, payer, 1_000)
        await pay(city, other, payer, 1_000)
        await city.worker.drain()
        async with asyncio.timeout(8):
            while not quick.heard:
                await city.worker.drain()
                await asyncio.sleep(0.02)
        assert len(slow.heard) <= 3, "a shop's endpoints together leave places to others"
        slow.delay_s = 0
        await sent(city)
    assert (len(slow.heard), slow.most_under_way) == (30, 3)


async def test_a_shop_whose_names_never_answer_holds_up_its_own_messages_only(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    over, resolve = threading.Event(), guarded._resolve  # pyright: ignore[reportPrivateUsage]

    def look(host: str, port: int) -> list[str]:
        return [] if "tarpit" in host and over.wait(20) else resolve(host, port)

    monkeypatch.setattr(guarded, "_resolve", look)
    shop, payer = await shop_of(city)
    other, _ = await shop_of(city)
    async with a_hook() as quick:
        for nth in range(10):
            await put_endpoint(city, shop, f"http://{nth}.tarpit.example/")
        await put_endpoint(city, other, quick.url)
        await pay(city, shop, payer, 1_000)
        await city.worker.drain()
        await pay(city, other, payer, 1_000)
        try:
            async with asyncio.timeout(3):
                while not quick.heard:
                    await city.worker.drain()
                    await asyncio.sleep(0.02)
        finally:
            over.set()
        await sent(city)


async def test_many_couriers_send_each_message_once(city: City) -> None:
    """As many processes as like to: a claim is one's own."""
    shop, payer = await shop_of(city)
    async with a_hook(delay_s=0.01) as hook:
        await put_endpoint(city, shop, hook.url)
        for _ in range(10):
            await pay(city, shop, payer, 1_000)
        async with city.database.transaction() as db:
            await city_tells(city, db)
        couriers = [webhook_deliveries.Courier() for _ in range(6)]
        while len(hook.heard) < 10:
            await asyncio.gather(*(courier.send_due(city.database) for courier in couriers))
            await asyncio.gather(*(courier.rest() for courier in couriers))
        assert len({heard.id for heard in hook.heard}) == len(hook.heard) == 10


async def city_tells(city: City, _: Connection) -> None:
    """Messages are written, nobody sends them."""
    rest = [one for one in city.worker.listeners if one.name != "webhook_deliveries"]
    city.worker.listeners = rest
    await city.worker.drain()


async def test_whoever_is_killed_while_sending_leaves_a_message_that_is_sent_again(
    city: City, passing: Passing
) -> None:
    shop, payer = await shop_of(city)
    async with a_hook(delay_s=5) as hook:
        await put_endpoint(city, shop, hook.url)
        await pay(city, shop, payer)
        await city.worker.drain()
        await hook.is_asked.wait()
        for task in asyncio.all_tasks():
            if task.get_name().startswith("webhook-"):
                task.cancel()
        await webhook_deliveries.courier_of(city.database).rest()
        hook.delay_s = 0
        await sent(city)
        assert len(hook.heard) == 1, "somebody else may have it"
        await passing(city, webhook_deliveries.LEASE_S + 1)
        await sent(city)
        assert [heard.id for heard in hook.heard] == [hook.heard[0].id] * 2
    [message] = await messages(city, shop)
    assert (message["status"], message["attempts"]) == ("delivered", 1)


async def test_an_answer_that_comes_after_the_lease_changes_nothing_but_for_the_better(
    city: City, passing: Passing
) -> None:
    shop, payer = await shop_of(city)
    for late, end in ((500, "waiting"), (200, "delivered")):
        async with a_hook(500, delay_s=1) as slow:
            endpoint = await put_endpoint(city, shop, slow.url)
            await pay(city, shop, payer)
            slow.answer = lambda n, late=late: late if n == 1 else 503
            await city.worker.drain()
            await slow.is_asked.wait()
            await passing(city, webhook_deliveries.LEASE_S + 1)
            other = webhook_deliveries.Courier()
            await other.send_due(city.database)
            await asyncio.gather(other.rest(), webhook_deliveries.courier_of(city.database).rest())
            [message] = await messages(city, shop, endpoint_id=endpoint["id"])
            assert (message["status"], len(slow.heard)) == (end, 2)
            if end == "waiting":
                assert message["attempts"] == 1, "the try whose lease had run out counts for nothing"
            await city.client.delete(
                f"/v1/merchants/{shop.id}/webhook-endpoints/{endpoint['id']}", headers=shop.owner.headers
            )


async def test_news_that_is_told_twice_is_one_message(city: City) -> None:
    shop, payer = await shop_of(city)
    async with a_hook() as hook:
        await put_endpoint(city, shop, hook.url)
        await pay(city, shop, payer)
        await sent(city)
        async with city.database.transaction() as db:
            await db.execute(sql.tell_again)
        await sent(city)
        assert len(hook.heard) == 1


# By hand


async def test_a_test_message_says_that_it_is_one(city: City) -> None:
    shop, _ = await shop_of(city)
    endpoint_id = uuid4()
    async with a_hook() as hook:
        secret = (await put_endpoint(city, shop, hook.url, endpoint_id))["secret"]
        made = await do(city, shop, f"webhook-endpoints/{endpoint_id}/test-messages")
        assert (made.status_code, made.json()["status"]) == (201, "waiting")
        await sent(city)
        [heard] = hook.heard
        assert heard.is_signed_with(secret)
        assert (heard.id, heard.said["type"]) == (made.json()["id"], "webhook.test")
        for _ in range(9):
            await do(city, shop, f"webhook-endpoints/{endpoint_id}/test-messages")
        eleventh = await do(city, shop, f"webhook-endpoints/{endpoint_id}/test-messages")
        assert problem(eleventh) == (429, "TooManyRequests")


async def test_what_was_delivered_can_be_sent_again_too(city: City) -> None:
    shop, payer = await shop_of(city)
    async with a_hook() as hook:
        await put_endpoint(city, shop, hook.url)
        await pay(city, shop, payer)
        await sent(city)
        answers = await asyncio.gather(
            *(do(city, shop, f"webhook-messages/{hook.heard[0].id}/replays") for _ in range(3))
        )
        assert [answer.status_code for answer in answers] == [201] * 3
        await sent(city)
    assert {heard.id for heard in hook.heard} == {hook.heard[0].id}
    assert len(hook.heard) in range(2, 5)


async def test_a_message_of_another_shop_is_none(city: City) -> None:
    shop, payer = await shop_of(city)
    other, _ = await shop_of(city)
    await put_endpoint(city, shop, None)
    await pay(city, shop, payer)
    await city.worker.drain()
    [message] = await messages(city, shop)
    path = f"webhook-messages/{message['id']}"
    assert problem(await do(city, other, f"{path}/replays")) == (404, "NotFound")
    theirs = await city.client.get(f"/v1/merchants/{other.id}/{path}", headers=other.owner.headers)
    assert problem(theirs) == (404, "NotFound")


async def test_without_an_address_messages_are_kept_to_be_fetched(city: City) -> None:
    shop, payer = await shop_of(city)
    endpoint = await put_endpoint(city, shop, None)
    assert endpoint["url"] is None
    payment_id = await pay(city, shop, payer)
    await sent(city)
    [message] = await messages(city, shop, endpoint_id=endpoint["id"], status="kept")
    assert payment_id in message["body"]
    replay = await do(city, shop, f"webhook-messages/{message['id']}/replays")
    assert problem(replay) == (409, "WebhookMessageKept")


async def test_messages_are_listed_newest_first_by_page_and_state(city: City) -> None:
    shop, payer = await shop_of(city)
    await put_endpoint(city, shop, None)
    ids = [await pay(city, shop, payer, 1_000) for _ in range(5)]
    await city.worker.drain()
    path = f"/v1/merchants/{shop.id}/webhook-messages"
    found: list[str] = []
    cursor: str | None = None
    while True:
        params: dict[str, Any] = {"limit": 2, "status": "kept"} | ({"cursor": cursor} if cursor else {})
        page = (await city.client.get(path, headers=shop.owner.headers, params=params)).json()
        found += [item["body"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(found) == 5
    assert all(any(payment_id in body for body in found) for payment_id in ids)
    assert await messages(city, shop, status="dead") == []
    wrong = await city.client.get(path, headers=shop.owner.headers, params={"status": "lost"})
    assert problem(wrong) == (400, "Malformed")


async def test_messages_are_forgotten_after_thirty_days(city: City, passing: Passing) -> None:
    shop, payer = await shop_of(city)
    async with a_hook() as hook:
        await put_endpoint(city, shop, hook.url)
        await pay(city, shop, payer)
        await sent(city)
    await passing(city, 31 * 86_400)
    await city.worker.keep_schedule()
    async with city.database.acquire() as db:
        assert await db.fetchval(sql.webhook_message_count) == 0


# At a developer's desk


@pytest.fixture
async def ear(city: City) -> AsyncIterator[tuple[Ear, Shop, Resident, list[str]]]:
    """A developer of the shop listens, with a key of the shop's, and a shell that shows lines."""
    shop, payer = await shop_of(city)
    wanted = {"name": "Máy của lập trình viên", "scopes": ["webhooks.write"]}
    made = await city.client.put(
        f"/v1/merchants/{shop.id}/api-keys/{uuid4()}", headers=shop.owner.headers, json=wanted
    )
    lines: list[str] = []
    transport = httpx.ASGITransport(app=city.app)  # pyright: ignore[reportArgumentType]
    async with httpx.AsyncClient(transport=transport, base_url=settings().public_url) as client:
        yield (
            Ear(
                client=client,
                key=made.json()["key"],
                merchant_id=shop.id,
                secret=webhook_signatures.new_secret(),
                forward=None,
                tell=lines.append,
            ),
            shop,
            payer,
            lines,
        )


async def test_a_developer_sees_messages_as_they_come_and_has_them_forwarded(
    city: City, ear: tuple[Ear, Shop, Resident, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_listening, "LOOK_S", 0.02)
    monkeypatch.setattr(webhook_listening, "PAGE", 2)
    listener, shop, payer, lines = ear
    async with a_hook() as hook:
        listening = asyncio.create_task(structs.replace(listener, forward=hook.url).listen())
        path = f"/v1/merchants/{shop.id}/webhook-endpoints"
        async with asyncio.timeout(10):
            while not lines:  # noqa: ASYNC110 - a shell has no event to wait for
                await asyncio.sleep(0.01)
            for amount in (1_000, 2_000, 3_000, 4_000, 5_000):
                await pay(city, shop, payer, amount)
            await city.worker.drain()
            await pay(city, shop, payer, 6_000)
            await city.worker.drain()
            while len(hook.heard) < 6:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        amounts = [heard.said["data"]["amount"] for heard in hook.heard]
        assert sorted(amounts) == [1_000, 2_000, 3_000, 4_000, 5_000, 6_000]
        assert amounts[-1] == 6_000
        assert all(heard.is_signed_with(listener.secret) for heard in hook.heard)
        assert f"→ {hook.url} 204" in lines
        left = await city.client.get(path, headers=shop.owner.headers)
        assert left.json()["items"] == [], "the endpoint is gone with whoever listened"
        again = structs.replace(listener, forward=hook.url)
        await again.replay(UUID(hook.heard[0].id))
        assert (hook.heard[-1].id, hook.heard[-1].body) == (hook.heard[0].id, hook.heard[0].body)


async def test_whoever_forwards_to_nobody_is_told_so(city: City, ear: tuple[Ear, Shop, Resident, list[str]]) -> None:
    listener, shop, payer, lines = ear
    await put_endpoint(city, shop, None)
    await pay(city, shop, payer)
    await city.worker.drain()
    [message] = await messages(city, shop)
    await structs.replace(listener, forward="http://localhost:1/").replay(UUID(message["id"]))
    assert lines[-1] == "→ http://localhost:1/ ConnectError"
    assert message["body"] in lines


@pytest.mark.parametrize("key", ["hk_test_no", "", "x"])
async def test_a_wrong_key_is_one_line(ear: tuple[Ear, Shop, Resident, list[str]], key: str) -> None:
    listener, *_ = ear
    with pytest.raises(NotHeard, match="this is no key"):
        await structs.replace(listener, key=key).listen()
    with pytest.raises(NotHeard, match="the city answered 404"):
        await structs.replace(listener, merchant_id=uuid4()).listen()


async def test_the_command_says_in_one_line_that_nobody_answers() -> None:
    key = key_text.write(uuid4(), bytes(32))
    words = ["listen", "--merchant", str(uuid4()), "--key", key, "--city", "http://localhost:1"]
    done = await asyncio.to_thread(CliRunner().invoke, webhooks_group, words)
    assert done.exit_code == 1
    assert "ConnectError" in str(done.exception) or "attempts failed" in str(done.exception)


async def test_secrets_are_sealed_anew_and_sign_as_before(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, payer = await shop_of(city)
    async with a_hook() as hook:
        secret = (await put_endpoint(city, shop, hook.url))["secret"]
        monkeypatch.setenv("HUONG_PEPPER", f"2:{'y' * 32},1:{config.SANDBOX_PEPPER}")
        config.settings.cache_clear()
        assert await secrets.seal_anew(city.database, webhook_endpoints.SEALED) == 1
        async with city.database.acquire() as db:
            assert KeyUse("2", "webhook secrets", 1) in await secrets.uses(db)
            assert "2" in await secrets.ids_in_use(db)
        await pay(city, shop, payer)
        await sent(city)
        monkeypatch.delenv("HUONG_PEPPER")
        config.settings.cache_clear()
    assert hook.heard[0].is_signed_with(secret)
