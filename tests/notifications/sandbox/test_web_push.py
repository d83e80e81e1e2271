"""The stand-in of push services takes what the standards take, and nothing else."""

from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from app.clock import city_now
from notifications.transports.web_push import Keys, Subscription, seal
from tests.conftest import Later, StandIns
from tests.notifications.transports.browsers import Browser, PushService

KEY = Vapid02(ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture
async def service(stand_ins: StandIns) -> AsyncIterator[PushService]:
    async with httpx.AsyncClient(verify=False, base_url=f"{stand_ins.url}/web-push") as client:
        there = PushService(client)
        await there.misbehave("down", times=0)
        yield there


def signed(service: PushService, **other: Any) -> dict[str, str]:
    origin = str(service.client.base_url).removesuffix("/web-push/")
    claims = {"aud": origin, "exp": int(city_now().timestamp()) + 3600, "sub": "mailto:a@example.com"} | other
    return KEY.sign(claims)


async def pushed(browser: Browser, headers: dict[str, str], body: bytes | None = None) -> httpx.Response:
    keys = browser.subscription["keys"]
    subscription = Subscription(browser.subscription["endpoint"], Keys(keys["p256dh"], keys["auth"]))
    content = seal(subscription, b"xin ch\xc3\xa0o") if body is None else body
    sent = {"ttl": "60", "content-encoding": "aes128gcm"} | headers
    return await browser.client.post(f"/{browser.id}", content=content, headers={k: v for k, v in sent.items() if v})


async def test_a_message_is_taken_and_shown(service: PushService) -> None:
    browser = await service.a_browser(name="Firefox của Lan")
    answer = await pushed(browser, signed(service))
    assert answer.status_code == 201
    assert answer.headers["ttl"] == "60"
    [message] = await browser.shows()
    assert (message["shown"], message["urgency"], message["topic"]) == ("xin chào", "normal", None)
    assert answer.headers["location"].endswith(f"/web-push/messages/{message['message_id']}")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://fcm.googleapis.com"},
        {"exp": int(city_now().timestamp()) - 1},
        {"exp": int(city_now().timestamp()) + 90_000},
    ],
)
async def test_a_signature_for_another_service_or_for_too_long_is_none(
    service: PushService, claims: dict[str, Any]
) -> None:
    browser = await service.a_browser()
    assert (await pushed(browser, signed(service, **claims))).status_code == 401
    assert await browser.shows() == []


async def test_who_does_not_sign_is_nobody(service: PushService) -> None:
    browser = await service.a_browser()
    good = signed(service)["Authorization"]
    token, _, key = good.removeprefix("vapid t=").partition(",k=")
    signed_part, _, signature = token.rpartition(".")
    spoilt = f"{signed_part}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    another = Vapid02(ec.generate_private_key(ec.SECP256R1())).sign(
        {"aud": "https://x.example", "sub": "mailto:a@b.c"}
    )
    for shown in (
        "",
        "Bearer x",
        f"vapid t={token}",
        f"vapid t={spoilt},k={key}",
        f"vapid t={token},k={urlsafe_b64encode(bytes(65)).decode().rstrip('=')}",
        f"vapid t={token},k={another['Authorization'].partition('k=')[2]}",
    ):
        assert (await pushed(browser, {"Authorization": shown})).status_code == 401, shown
    assert await browser.shows() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"ttl": ""},
        {"ttl": "-1"},
        {"ttl": "1.5"},
        {"topic": "x" * 33},
        {"topic": "a b"},
        {"urgency": "now"},
        {"content-encoding": "aesgcm"},
    ],
)
async def test_what_the_standard_does_not_know_is_refused(service: PushService, headers: dict[str, str]) -> None:
    browser = await service.a_browser()
    answer = await pushed(browser, signed(service) | headers)
    assert answer.status_code == 400
    assert await browser.shows() == []


async def test_what_is_not_sealed_for_it_a_browser_cannot_open(service: PushService) -> None:
    browser, other = await service.a_browser(), await service.a_browser()
    keys = other.subscription["keys"]
    for body in (seal(Subscription("", Keys(keys["p256dh"], keys["auth"])), b"x"), b"", b"x" * 200, b"\0" * 90):
        assert (await pushed(browser, signed(service), body)).status_code == 400
    assert (await pushed(browser, signed(service), b"x" * 4097)).status_code == 413
    assert await browser.shows() == []


async def test_words_on_the_page_are_no_markup(service: PushService) -> None:
    browser = await service.a_browser(name="<b>Lan</b>")
    keys = browser.subscription["keys"]
    words = b'{"title": "<script>", "body": "L\xc5\xa9"}'
    await pushed(browser, signed(service), seal(Subscription("", Keys(keys["p256dh"], keys["auth"])), words))
    page = await service.client.get("", headers={"accept": "text/html"})
    assert "<h2>&lt;script&gt;</h2><p>Lũ</p>" in page.text
    assert "&lt;b&gt;Lan" in page.text
    [message] = await browser.shows()
    assert message["shown"] == {"title": "<script>", "body": "Lũ"}


async def test_what_came_last_is_shown_first_though_the_clock_was_set_back(
    service: PushService, later: Later
) -> None:
    browser = await service.a_browser()
    for passed_s, words in ((7200, b"first"), (-7200, b"second")):
        await later(passed_s)
        keys = browser.subscription["keys"]
        body = seal(Subscription("", Keys(keys["p256dh"], keys["auth"])), words)
        assert (await pushed(browser, signed(service), body)).status_code == 201
    messages = (await service.client.get("")).json()["messages"]
    assert [message["shown"] for message in messages[:2]] == ["second", "first"]
