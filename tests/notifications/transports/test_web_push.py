"""Messages to browsers: sealed as RFC 8291 says, signed as RFC 8292 says; what services answer is understood."""

import asyncio
import os
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import http_ece
import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from app import config
from app.clock import city_now
from notifications.transports import web_push
from notifications.transports.face import NO_PLACE, Lane, Transport
from notifications.transports.web_push import Keys, NotABrowser, Subscription, WebPush
from tests.conftest import StandIns
from tests.notifications.transports.browsers import PushService, a_push

# RFC 8291, Appendix A.
PLAIN = b"When I grow up, I want to be a watermelon"
AS_PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
UA_PUBLIC = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
UA_PRIVATE = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
SEALED = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A"
    "_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
WATERMELON = Subscription("https://fcm.googleapis.com/fcm/send/abc", Keys(UA_PUBLIC, AUTH))


def unbase64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def private_key(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(unbase64(text), "big"), ec.SECP256R1())


@pytest.fixture
async def service(stand_ins: StandIns) -> AsyncIterator[PushService]:
    async with httpx.AsyncClient(verify=False, base_url=f"{stand_ins.url}/web-push") as client:
        there = PushService(client)
        await there.misbehave("down", times=0)
        yield there
        await there.misbehave("down", times=0)


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = WebPush()
    yield made
    await made.close()


def test_the_standards_example_is_sealed_as_the_standard_seals_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as fixed:
        fixed.setattr(ec, "generate_private_key", Mock(return_value=private_key(AS_PRIVATE)))
        fixed.setattr(os, "urandom", Mock(return_value=unbase64(SALT)))
        sealed = web_push.seal(WATERMELON, PLAIN)
    assert urlsafe_b64encode(sealed).decode().rstrip("=") == SEALED


def test_the_standards_example_is_opened() -> None:
    opened = http_ece.decrypt(
        unbase64(SEALED), private_key=private_key(UA_PRIVATE), auth_secret=unbase64(AUTH), version="aes128gcm"
    )
    assert opened == PLAIN


def test_what_is_sealed_is_opened_by_this_browser_only_and_never_the_same() -> None:
    sealed = [web_push.seal(WATERMELON, PLAIN) for _ in range(2)]
    assert sealed[0][:86] != sealed[1][:86], "another salt and another key each time"
    for one in sealed:
        key, secret = private_key(UA_PRIVATE), unbase64(AUTH)
        assert len(one) == len(PLAIN) + 103
        assert http_ece.decrypt(one, private_key=key, auth_secret=secret, version="aes128gcm") == PLAIN
        with pytest.raises(Exception, match=r"Decryption|^$"):
            http_ece.decrypt(one, private_key=key, auth_secret=bytes(16), version="aes128gcm")


async def test_a_browser_shows_what_was_pushed(service: PushService, transport: Transport) -> None:
    browser = await service.a_browser()
    push = a_push(browser.target)
    [outcome] = await transport.send([push])
    [message] = await browser.shows()
    assert (outcome.kind, outcome.name) == ("accepted", message["message_id"])
    assert message["shown"] == {
        "title": "Đã nhận 50.000 ₫",
        "body": "Bún bò bên chợ đã nhận 50.000 ₫.",
        "tag": "payment-1",
        "link": "/payments/1",
        "category": "money",
        "delivery_id": str(push.delivery_id),
        "badge": "/badge.png",
    }
    assert (message["topic"], message["urgency"]) == ("payment-1", "normal")
    assert 3590 <= message["ttl_s"] <= 3600


async def test_a_browser_that_subscribed_with_our_key_hears_us(service: PushService, transport: Transport) -> None:
    ours = await service.a_browser(application_server_key=web_push.city_key().key)
    theirs = await service.a_browser(application_server_key=UA_PUBLIC)
    outcomes = await transport.send([a_push(ours.target), a_push(theirs.target)])
    assert [(outcome.kind, outcome.why) for outcome in outcomes] == [("accepted", ""), ("refused", "answered 403")]


@pytest.mark.parametrize(("lane", "urgency"), [("critical", "high"), ("transactional", "normal"), ("bulk", "low")])
async def test_what_is_urgent_says_so(service: PushService, transport: Transport, lane: Lane, urgency: str) -> None:
    browser = await service.a_browser()
    await transport.send([a_push(browser.target, lane=lane)])
    assert [message["urgency"] for message in await browser.shows()] == [urgency]


async def test_a_newer_one_takes_the_place_of_an_older(service: PushService, transport: Transport) -> None:
    browser = await service.a_browser()
    for title in ("Báo động 2", "Báo động 3"):
        await transport.send([a_push(browser.target, title=title, collapse_key="alert-7")])
    await transport.send([a_push(browser.target, title="Khác", collapse_key="alert-8")])
    assert [message["shown"]["title"] for message in await browser.shows()] == ["Khác", "Báo động 3"]


@pytest.mark.parametrize(
    ("mischief", "kind", "why"),
    [
        ("unknown", "gone", "answered 404"),
        ("gone", "gone", "answered 410"),
        ("too_large", "refused", "answered 413"),
        ("not_yours", "refused", "answered 403"),
        ("moved", "refused", "answered 307"),
        ("down", "again", "answered 503"),
    ],
)
async def test_a_service_in_trouble_is_understood(
    service: PushService, transport: Transport, mischief: str, kind: str, why: str
) -> None:
    browser = await service.a_browser()
    await service.misbehave(mischief)
    [outcome] = await transport.send([a_push(browser.target)])
    assert (outcome.kind, outcome.why) == (kind, why)
    assert await browser.shows() == []
    [again] = await transport.send([a_push(browser.target)])
    assert again.kind == "accepted"


async def test_a_subscription_that_was_ended_is_gone(service: PushService, transport: Transport) -> None:
    browser = await service.a_browser()
    await browser.end()
    [outcome] = await transport.send([a_push(browser.target)])
    assert (outcome.kind, outcome.why) == ("gone", "answered 410")


async def test_a_busy_service_says_when_to_come_again(service: PushService, transport: Transport) -> None:
    browser = await service.a_browser()
    at = (city_now() + timedelta(seconds=120)).strftime("%a, %d %b %Y %H:%M:%S %z")
    for said, least, most in (("17", 17, 17), (at, 110, 120), ("soon", None, None)):
        await service.misbehave("busy", retry_after=said)
        [outcome] = await transport.send([a_push(browser.target)])
        assert outcome.kind == "again"
        if least is None or most is None:
            assert outcome.after_s is None
        else:
            assert outcome.after_s is not None
            assert least <= outcome.after_s <= most


async def test_a_slow_or_missing_service_is_tried_again(
    service: PushService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_push, "WITHIN_S", 0.3)
    browser, transport = await service.a_browser(), WebPush()
    await service.misbehave("slow")
    [slow] = await transport.send([a_push(browser.target)])
    assert (slow.kind, slow.why) == ("again", "TimeoutError")
    await transport.close()


async def test_who_waits_behind_a_slow_service_for_too_long_comes_again(
    service: PushService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_push, "WITHIN_S", 0.6)
    monkeypatch.setattr(web_push, "PLACE_WITHIN_S", 0.3)
    browser, transport = await service.a_browser(), WebPush(at_once=1)
    first = a_push(browser.target)
    assert [outcome.kind for outcome in await transport.send([first])] == ["accepted"]
    await service.misbehave("slow")
    outcomes = await transport.send([a_push(browser.target) for _ in range(3)])
    assert [outcome.why for outcome in outcomes] == ["TimeoutError", NO_PLACE.why, NO_PLACE.why]
    await transport.close()


async def test_a_warning_does_not_wait_behind_the_news(service: PushService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_push, "WITHIN_S", 1.0)
    browser, transport = await service.a_browser(), WebPush(at_once=1)
    await service.misbehave("slow")
    news = asyncio.create_task(transport.send([a_push(browser.target, lane="bulk")]))
    await asyncio.sleep(0.2)
    [outcome] = await transport.send([a_push(browser.target, lane="critical")])
    assert (outcome.kind, news.done()) == ("accepted", False)
    await news
    await transport.close()


async def test_each_has_its_outcome_in_order(service: PushService, transport: Transport) -> None:
    browsers = [await service.a_browser() for _ in range(40)]
    for browser in browsers[::3]:
        await browser.end()
    pushes = [a_push(browser.target, title=f"Tin {number}") for number, browser in enumerate(browsers)]
    outcomes = await transport.send(pushes)
    assert [outcome.kind for outcome in outcomes] == [
        "gone" if number % 3 == 0 else "accepted" for number in range(40)
    ]
    for number in (1, 2, 38):
        assert [message["shown"]["title"] for message in await browsers[number].shows()] == [f"Tin {number}"]
    assert await transport.send([]) == []


async def test_the_event_loop_seals_nothing(
    service: PushService, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, really = await service.a_browser(), web_push.seal
    sealers: set[threading.Thread] = set()

    def seal(subscription: Subscription, plain: bytes) -> bytes:
        sealers.add(threading.current_thread())
        return really(subscription, plain)

    monkeypatch.setattr(web_push, "seal", seal)
    outcomes = await transport.send([a_push(browser.target, collapse_key=f"key-{n}") for n in range(30)])
    assert {outcome.kind for outcome in outcomes} == {"accepted"}
    assert len(sealers) == 1
    assert threading.current_thread() not in sealers


async def test_what_is_too_late_or_for_no_browser_is_refused(service: PushService, transport: Transport) -> None:
    browser = await service.a_browser()
    outcomes = await transport.send(
        [
            a_push(browser.target, expires_at=city_now()),
            a_push("+84905123456", target_kind="phone"),
            a_push(browser.target, title="x" * 4000),
        ]
    )
    assert [(one.kind, one.why) for one in outcomes] == [
        ("refused", "expired"),
        ("refused", "no browser's subscription"),
        ("refused", "too long"),
    ]
    assert await browser.shows() == []


async def test_a_long_body_is_cut_until_it_fits(service: PushService, transport: Transport) -> None:
    browser = await service.a_browser()
    [outcome] = await transport.send([a_push(browser.target, body='"Lũ" 🌊 ' * 900)])
    assert outcome.kind == "accepted"
    [message] = await browser.shows()
    assert 4080 < message["bytes"] <= 4096
    assert message["shown"]["body"].endswith("…")
    assert message["shown"]["body"].startswith('"Lũ" 🌊')


def test_a_time_to_live_is_at_most_four_weeks() -> None:
    push = a_push(target_of("https://fcm.googleapis.com/x"), expires_at=city_now() + timedelta(days=400))
    ready = web_push._ready(push, _Signs())  # pyright: ignore[reportPrivateUsage, reportArgumentType]
    assert isinstance(ready, tuple)
    assert ready[2]["ttl"] == str(28 * 86_400)


class _Signs:
    def headers(self, _origin: str) -> dict[str, str]:
        return {}


def target_of(endpoint: str, p256dh: str = UA_PUBLIC, auth: str = AUTH) -> str:
    return msgspec.json.encode({"endpoint": endpoint, "keys": {"p256dh": p256dh, "auth": auth}}).decode()


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/abc:APA91b",
        "https://FCM.googleapis.com:443/wp/abc",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAAA",
        "https://wns2-sg2p.notify.windows.com/w/?token=BQYA%2fAA",
        "https://web.push.apple.com/QGxyz",
    ],
)
def test_the_browsers_that_people_have_are_known(endpoint: str) -> None:
    _, url = web_push.read(target_of(endpoint))
    assert url.scheme == "https"


def test_an_address_is_called_as_it_was_given() -> None:
    """A token with escapes is not rewritten: to the service it would be another."""
    _, url = web_push.read(target_of("https://wns2-sg2p.notify.windows.com/w/?token=BQYA%2fAA%3d%3d"))
    assert str(url).endswith("?token=BQYA%2fAA%3d%3d")


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/fcm/send/abc",
        "https://fcm.googleapis.com:8443/fcm/send/abc",
        "https://fcm.googleapis.com.evil.example/fcm/send/abc",
        "https://evil.example/fcm.googleapis.com",
        "https://fcm.googleapis.com@evil.example/",
        "https://evil.example\\@fcm.googleapis.com/",
        "https://user:password@fcm.googleapis.com/",
        "https://notify.windows.com/w/",
        "https://xnotify.windows.com/w/",
        "https://127.0.0.1/web-push/abc",
        "https://[::1]/web-push/abc",
        "https://localhost/web-push/abc",
        "http://localhost:1/web-push/abc",
        "http://169.254.169.254/latest/meta-data",
        "https://fcm.googleapis.com/" + "a" * 1000,
        "https://fcm.googleapis.com/#here",
        "https://fcm.googleapis.com/x\r\nhost: evil.example",
        "https://fcm.googleapis.com/đ",
        " https://fcm.googleapis.com/x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "//fcm.googleapis.com/x",
        "/web-push/abc",
        "",
        "https://",
        "https://fcm.googleapis.com:0x1bb/",
    ],
)
async def test_nobody_else_is_called(stand_ins: StandIns, transport: Transport, endpoint: str) -> None:
    with pytest.raises(NotABrowser, match="address_refused"):
        web_push.read(target_of(endpoint))
    [outcome] = await transport.send([a_push(target_of(endpoint))])
    assert (outcome.kind, outcome.why) == ("gone", "address_refused")


async def test_the_stand_in_is_called_where_browsers_are_and_nowhere_else(stand_ins: StandIns) -> None:
    _, url = web_push.read(target_of(f"{stand_ins.url}/web-push/abc"))
    assert url.path == "/web-push/abc"
    for other in (f"{stand_ins.url}/bank/transfers", f"{stand_ins.url}/web-push/../bank", f"{stand_ins.url}/"):
        with pytest.raises(NotABrowser):
            web_push.read(target_of(other))


def test_the_city_says_which_services_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("HUONG_PUSH_HOSTS", "push.example, *.push.example")
        config.settings.cache_clear()
        for host in ("push.example", "eu.push.example"):
            assert web_push.read(target_of(f"https://{host}/x"))[1].host == host
        for host in ("fcm.googleapis.com", "push.example.com", "xpush.example"):
            with pytest.raises(NotABrowser):
                web_push.read(target_of(f"https://{host}/x"))
    config.settings.cache_clear()


@pytest.mark.usefixtures("production")
def test_production_knows_no_stand_in() -> None:
    with pytest.raises(NotABrowser):
        web_push.read(target_of(f"{config.settings().stand_ins_url}/web-push/abc"))


async def test_a_listed_name_that_leads_into_our_own_network_is_not_called(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(_self: object, host: str, port: int, _family: object) -> list[dict[str, Any]]:
        return [{"hostname": host, "host": "10.0.0.5", "port": port, "family": 2, "proto": 6, "flags": 0}]

    monkeypatch.setattr(web_push.ThreadedResolver, "resolve", resolve)
    [outcome] = await transport.send([a_push(target_of("https://fcm.googleapis.com/x"))])
    assert (outcome.kind, outcome.why) == ("again", "ClientConnectorDNSError")


@pytest.mark.parametrize(
    "target",
    [
        "",
        "x",
        "{}",
        '{"endpoint": "https://fcm.googleapis.com/x"}',
        target_of("https://fcm.googleapis.com/x", p256dh="BAAA"),
        target_of("https://fcm.googleapis.com/x", p256dh="ơ"),
        target_of("https://fcm.googleapis.com/x", p256dh=urlsafe_b64encode(b"\x04" + b"\x01" * 64).decode()),
        target_of("https://fcm.googleapis.com/x", auth="AAAA"),
    ],
)
async def test_what_is_no_subscription_is_gone(transport: Transport, target: str) -> None:
    [outcome] = await transport.send([a_push(target)])
    assert (outcome.kind, outcome.why) == ("gone", "malformed")


async def test_the_key_is_there_for_browsers(desk: httpx.AsyncClient) -> None:
    answer = await desk.get("/v1/notifications/web-push-key")
    assert answer.status_code == 200
    point = unbase64(answer.json()["key"])
    assert (len(point), point[0]) == (65, 4)


@pytest.mark.usefixtures("production")
async def test_without_a_key_the_city_pushes_to_no_browser(
    desk: httpx.AsyncClient, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("", "o" * 40, "not base64!"):
        monkeypatch.setenv("HUONG_VAPID_PRIVATE_KEY", key)
        config.settings.cache_clear()
        answer = await desk.get("/v1/notifications/web-push-key")
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:huong:problem:WebPushNotConfigured")
        [outcome] = await transport.send([a_push(target_of("https://fcm.googleapis.com/x"))])
        assert (outcome.kind, outcome.why) == ("again", "the city has no key")


@pytest.mark.parametrize("subject", ["", "huong@example.com", "http://example.com"])
async def test_without_somebody_to_write_to_nothing_is_pushed(
    service: PushService, transport: Transport, monkeypatch: pytest.MonkeyPatch, subject: str
) -> None:
    browser = await service.a_browser()
    nameless = msgspec.structs.replace(config.settings(), vapid_subject=subject)
    with monkeypatch.context() as patched:
        patched.setattr(web_push, "settings", lambda: nameless)
        [outcome] = await transport.send([a_push(browser.target)])
    assert (outcome.kind, outcome.why) == ("again", "the city has no key")
    assert await browser.shows() == []


async def test_what_no_header_may_say_is_refused(service: PushService, transport: Transport) -> None:
    browser = await service.a_browser()
    outcomes = await transport.send([a_push(browser.target, collapse_key="a\r\nb: c"), a_push(browser.target)])
    assert [outcome.kind for outcome in outcomes] == ["refused", "accepted"]
    assert len(await browser.shows()) == 1


def test_a_signature_is_kept_for_six_hours_and_is_one_services(stand_ins: StandIns) -> None:
    signing = web_push._Signing(web_push._vapid(config.settings().vapid_private_key), "mailto:huong@example.com")  # pyright: ignore[reportPrivateUsage]
    first, again = (signing.headers("https://fcm.googleapis.com") for _ in range(2))
    assert first == again
    assert signing.headers("https://web.push.apple.com") != first
    token = first["Authorization"].removeprefix("vapid t=").partition(",k=")[0]
    claims = msgspec.json.decode(unbase64(token.split(".")[1]))
    assert claims["aud"] == "https://fcm.googleapis.com"
    assert claims["sub"] == "mailto:huong@example.com"
    assert 6 * 3600 - 5 <= claims["exp"] - city_now().timestamp() <= 12 * 3600
