"""A push in FCM's words: the same as Google's own encoder makes of it, and never longer than FCM takes."""

import json
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

import msgspec
import pytest
from firebase_admin._messaging_encoder import MessageEncoder
from hypothesis import given
from hypothesis import strategies as st

from notifications.models import Category
from notifications.transports import firebase
from notifications.transports.face import Lane, Push
from notifications.transports.fcm_message import (
    MOST_BYTES,
    MOST_TOPIC_BYTES,
    MOST_TTL_S,
    Encoder,
    message_of,
    shortened,
    target_of,
    ttl_s,
)
from tests.notifications.transports.pushing import Fcms, a_push, kinds

NOW = datetime(2026, 10, 30, 6, tzinfo=UTC)
TARGETS = [
    ("token", "fJ3x:APA91bH"),
    ("fid", "dJ4kS0aXQ0m"),
    ("topic", "ward-19777"),
    ("topic", "/topics/city"),
    ("condition", "'ward-19777' in topics && !('quiet' in topics)"),
]
LINKS = [None, "huong://app/alerts/1", "https://hue.example/alerts/1?a=1&b=2"]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=400) | st.sampled_from(
    [
        '"Lũ" \\ cấp 3',
        "Ngập\u2028sâu\u2029",
        "🌊🏠👨‍👩‍👧‍👦",
        "Nước sông Hương lên nhanh",
        "\x00\x1f\t\r\n",
        "e\u0302\u0323",
    ]
)
long_texts = st.builds(str.__mul__, st.text(min_size=1, max_size=30), st.integers(1, 600))
pushes = st.builds(
    Push,
    delivery_id=st.uuids(),
    target_kind=st.sampled_from(["token", "fid", "condition"]),
    target=texts.filter(bool),
    lane=st.sampled_from(get_args(Lane)),
    category=st.sampled_from(get_args(Category)),
    title=texts,
    body=texts | long_texts.filter(str.isprintable),
    link=st.none() | st.text(max_size=100).map("huong://app/".__add__) | st.just("https://hue.example/1"),
    collapse_key=st.from_regex(r"[A-Za-z0-9_-]{1,32}", fullmatch=True),
    tag=st.from_regex(r"[A-Za-z0-9_-]{0,32}", fullmatch=True),
    expires_at=st.datetimes(datetime(2026, 10, 29), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)


def googles(push: Push) -> Any:
    """What Google's encoder makes of it."""
    return {"message": json.loads(json.dumps(firebase.message_of(push, NOW), cls=MessageEncoder))}


def ours(push: Push) -> Any:
    return json.loads(Encoder(NOW).encode(push))


@pytest.mark.parametrize(("kind", "target"), TARGETS)
@pytest.mark.parametrize("lane", get_args(Lane))
@pytest.mark.parametrize("link", LINKS)
def test_it_is_what_googles_own_encoder_makes_of_it(kind: Any, target: str, lane: Lane, link: str | None) -> None:
    push = a_push(target, target_kind=kind, lane=lane, link=link, expires_at=NOW + timedelta(seconds=123.7))
    assert ours(push) == googles(push)


@given(pushes)
def test_so_it_is_with_all_that_can_be_said(push: Push) -> None:
    assert ours(push) == googles(push)


@given(st.lists(pushes, min_size=1, max_size=5), st.lists(st.tuples(st.uuids(), texts.filter(bool)), max_size=5))
def test_what_is_spliced_reads_like_what_is_written_whole(all_: list[Push], others: list[tuple[UUID, str]]) -> None:
    encoder = Encoder(NOW)
    same = [
        msgspec.structs.replace(all_[0], delivery_id=delivery_id, target=target) for delivery_id, target in others
    ]
    for push in (*all_, *same):
        assert json.loads(encoder.encode(push)) == message_of(push, NOW)


def test_the_same_words_for_two_readers_take_each_its_own_place() -> None:
    """A warning's two supervisors read the same, as their 5th and 9th message."""
    encoder, one = Encoder(NOW), a_push(tag="m5", expires_at=NOW + timedelta(hours=1))
    for push in (one, msgspec.structs.replace(one, target="another", tag="m9")):
        message = json.loads(encoder.encode(push))["message"]
        assert message["android"]["notification"]["tag"] == push.tag
        assert message["apns"]["headers"]["apns-collapse-id"] == push.tag


@given(pushes, st.booleans())
def test_it_is_never_longer_than_fcm_takes(push: Push, to_topic: bool) -> None:
    if to_topic:
        push = msgspec.structs.replace(push, target_kind="condition")
    most = MOST_TOPIC_BYTES if push.target_kind == "condition" else MOST_BYTES
    encoded = Encoder(NOW).encode(push)
    assert len(encoded) - len(msgspec.json.encode(push.target)) - len(push.target_kind) + 2 <= most


def test_a_warning_breaks_through_and_the_news_does_not() -> None:
    critical, bulk = (ours(a_push(lane=lane))["message"] for lane in ("critical", "bulk"))
    assert [one["android"]["priority"] for one in (critical, bulk)] == ["high", "normal"]
    assert critical["android"]["notification"]["notification_priority"] == "PRIORITY_MAX"
    assert [one["apns"]["headers"]["apns-priority"] for one in (critical, bulk)] == ["10", "5"]
    levels = [one["apns"]["payload"]["aps"]["interruption-level"] for one in (critical, bulk)]
    assert levels == ["time-sensitive", "passive"]
    assert "sound" not in bulk["apns"]["payload"]["aps"]
    assert [one["webpush"]["headers"]["Urgency"] for one in (critical, bulk)] == ["high", "low"]


def test_a_newer_one_takes_the_place_of_an_older_one_everywhere() -> None:
    message = ours(a_push(collapse_key="alert-7"))["message"]
    assert message["android"]["collapse_key"] == message["android"]["notification"]["tag"] == "alert-7"
    assert message["apns"]["headers"]["apns-collapse-id"] == "alert-7"
    assert message["webpush"]["headers"]["Topic"] == message["webpush"]["notification"]["tag"] == "alert-7"


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(minutes=2, seconds=3.9), 123),
        (timedelta(0), 0),
        (timedelta(days=-1), 0),
        (timedelta(60), MOST_TTL_S),
    ],
)
def test_it_lives_as_long_as_it_is_of_use(left: timedelta, said: int) -> None:
    push = a_push(expires_at=NOW + left)
    assert ttl_s(push, NOW) == said
    message = ours(push)["message"]
    assert message["android"]["ttl"] == f"{said}s"
    assert message["webpush"]["headers"]["TTL"] == str(said)
    assert message["apns"]["headers"]["apns-expiration"] == str(int((NOW + left).timestamp()))


def test_a_browser_opens_https_only() -> None:
    assert "fcm_options" not in ours(a_push(link="http://hue.example/"))["message"]["webpush"]
    assert ours(a_push(link="https://hue.example/"))["message"]["webpush"]["fcm_options"] == {
        "link": "https://hue.example/"
    }


def test_a_topic_is_named_without_its_prefix() -> None:
    assert target_of(a_push("/topics/city", target_kind="topic")) == "city"
    assert target_of(a_push("/topics/city")) == "/topics/city"


def test_what_is_too_long_ends_at_a_word() -> None:
    text = "Hãy đến nơi cao ngay. " * 400
    body = ours(a_push(body=text))["message"]["notification"]["body"]
    assert len(body) > 2000
    assert body.endswith("…")
    assert text.startswith(body[:-1])
    assert text[len(body) - 1] == " "


@given(texts | long_texts, st.integers(0, 200))
def test_shortened_text_is_a_beginning_that_fits(text: str, most_bytes: int) -> None:
    short = shortened(text, most_bytes)
    assert len(msgspec.json.encode(short)) - 2 <= most_bytes
    if short != text:
        assert not short or short.endswith("…")
        assert text.startswith(short[:-1])
        rest = text[len(short) - 1 :] if short else ""
        assert not rest or not short[:-1] or not unicodedata.category(rest[0]).startswith("M")


async def test_the_longest_is_taken(fcm: Fcms) -> None:
    sender = fcm.sender()
    whole = [
        a_push(body='Lụt "lớn"\n' * 2000, title="Cảnh báo " * 200, target_kind=kind, target="city")
        for kind in ("token", "topic")
    ]
    assert kinds(await sender.send(whole)) == ["accepted", "accepted"]
    await sender.close()
