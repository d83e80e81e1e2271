"""A text is handed over once, whatever the gateway does; what it says is read as what it means."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from app import config, outside
from app.clock import city_now
from app.texts import gateway
from app.texts.models import Text
from tests.conftest import StandIns
from tests.texting import Phones

PHONE = "+84900000411"
STRANGER = "+84905123411"


def a_text(**other: Any) -> Text:
    in_time = city_now() + timedelta(minutes=5)
    plain = Text(reference=uuid4(), to=PHONE, kind="critical", words="Lũ lên nhanh.", expires_at=in_time)
    return msgspec.structs.replace(plain, **other)


async def test_a_text_is_taken_once_however_often_it_is_handed_over(phones: Phones) -> None:
    text = a_text()
    outcomes = [await gateway.send(text) for _ in range(3)]
    assert {(outcome.kind, outcome.name) for outcome in outcomes} == {("accepted", outcomes[0].name)}
    assert outcomes[0].name.startswith("vn-")
    [got, *_] = await phones.got(PHONE)
    assert (got["words"], got["by"], got["brand"], got["segments"], got["asked"]) == (
        text.words,
        "sms",
        "TP.HUE",
        1,
        3,
    )


async def test_what_has_fields_goes_by_zalo_first(phones: Phones) -> None:
    await gateway.send(a_text(kind="code", fields={"code": "271828"}))
    [got, *_] = await phones.got(PHONE)
    assert (got["by"], got["fields"]) == ("zns", {"code": "271828"})


@pytest.mark.parametrize(
    ("mischief", "why"),
    [
        ("down", "answered 503"),
        ("not_json", "malformed: DecodeError"),
        ("garbage", "malformed: ValidationError"),
        ("moved", "answered 307"),
        ("unknown_sender", "answered 403"),
        ("silence", "answered 503"),
        ("huge", f"longer than {outside.MOST_ANSWER_BYTES} bytes"),
    ],
)
async def test_a_gateway_in_trouble_is_asked_again(phones: Phones, mischief: str, why: str) -> None:
    await phones.misbehave(mischief)
    text = a_text()
    outcome = await gateway.send(text)
    assert (outcome.kind, outcome.why) == ("again", why)
    assert (await gateway.send(text)).kind == "accepted"
    assert [got["reference"] for got in await phones.got(PHONE)].count(str(text.reference)) == 1


async def test_a_slow_gateway_keeps_nobody_waiting_for_long(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "ANSWER_WITHIN_S", 0.3)
    await phones.misbehave("slow")
    outcome = await gateway.send(a_text())
    assert (outcome.kind, outcome.why) == ("again", "TimeoutError")


async def test_a_busy_gateway_is_left_in_peace_for_as_long_as_it_asks(
    phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr(gateway, "monotonic", lambda: now_s)
    await phones.misbehave("busy", retry_after_s=40)
    busy = await gateway.send(a_text())
    assert (busy.kind, busy.after_s) == ("again", 40)
    assert (await gateway.send(a_text(kind="code"))).kind == "accepted", "no code waits because of a warning"
    text = a_text()
    now_s += 39
    left = await gateway.send(text)
    assert (left.kind, left.after_s) == ("again", 1)
    assert str(text.reference) not in {got["reference"] for got in await phones.got(PHONE)}
    now_s += 2
    assert (await gateway.send(text)).kind == "accepted"


@pytest.mark.parametrize(("mischief", "kind"), [("invalid_number", "gone"), ("blocked", "refused")])
async def test_a_no_is_a_no(phones: Phones, mischief: str, kind: str) -> None:
    await phones.misbehave(mischief)
    outcome = await gateway.send(a_text())
    assert (outcome.kind, outcome.why) == (kind, mischief)


async def test_what_is_too_late_or_another_text_is_refused(phones: Phones) -> None:
    late = await gateway.send(a_text(expires_at=city_now() - timedelta(seconds=1)))
    assert (late.kind, late.why) == ("refused", "expired")
    text = a_text()
    await gateway.send(text)
    other = await gateway.send(a_text(reference=text.reference, words="Khác."))
    assert (other.kind, other.why) == ("refused", "another text has this reference")


async def test_the_gateway_takes_nothing_from_strangers(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = config.settings()
    with monkeypatch.context() as patched:
        patched.setenv("HUONG_TEXT_KEY", "another key")
        patched.setenv("HUONG_TEXT_URL", str(settings.text_url))
        config.settings.cache_clear()
        outcome = await gateway.send(a_text(to=STRANGER))
    config.settings.cache_clear()
    assert (outcome.kind, outcome.why) == ("again", "answered 401")
    assert await phones.got(STRANGER) == []


async def test_a_phone_outside_the_sandbox_is_masked(phones: Phones) -> None:
    await gateway.send(a_text(to=STRANGER))
    [got, *_] = await phones.got(STRANGER)
    assert got["to"] == "+84905***411"
    page = await phones.client.get("", headers={"accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "Lũ lên nhanh." in page.text
    assert STRANGER not in page.text


async def test_words_on_the_page_are_no_markup(phones: Phones) -> None:
    await gateway.send(a_text(words="<script>1</script>\nđường"))
    page = await phones.client.get("", headers={"accept": "text/html"})
    assert "&lt;script&gt;1&lt;/script&gt;<br>đường" in page.text


@pytest.mark.usefixtures("stand_ins")
async def test_where_nobody_is_nothing_was_sent(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    gateway.forget_peace()
    with monkeypatch.context() as patched:
        patched.setenv("HUONG_TEXT_URL", f"http://127.0.0.1:{unused_tcp_port}")
        config.settings.cache_clear()
        outcome = await gateway.send(a_text())
    config.settings.cache_clear()
    assert (outcome.kind, outcome.why) == ("again", gateway.NOBODY_THERE)


def test_a_wait_is_read_as_seconds_or_as_a_date(stand_ins: StandIns) -> None:
    in_a_minute = (city_now() + timedelta(seconds=60)).strftime("%a, %d %b %Y %H:%M:%S %z")
    assert outside.wanted_wait_s("120") == 120
    assert outside.wanted_wait_s("0") == 0
    assert 55 < (outside.wanted_wait_s(in_a_minute) or 0) <= 60
    assert outside.wanted_wait_s("Sun, 06 Nov 1994 08:49:37 GMT") == 0
    assert [outside.wanted_wait_s(text) for text in (None, "", "soon", "-1", "1.5", "٣")] == [None] * 6
