"""Warnings by text: short, once, and to phones only."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from app.texts import gateway
from app.texts.lengths import segments
from app.texts.models import Text, TextOutcome
from notifications.transports import texts as transports_texts
from notifications.transports.face import NO_PLACE, Push
from notifications.transports.texts import Texts, words
from tests.conftest import StandIns
from tests.notifications.transports.browsers import a_push
from tests.texting import Phones, the_phones

PHONE = "+84900000522"


@pytest.fixture
async def phones(stand_ins: StandIns) -> AsyncIterator[Phones]:
    async with the_phones(stand_ins) as there:
        yield there


def a_warning(number: str = PHONE, **other: object) -> Push:
    said = {"title": "Cảnh báo lũ khẩn cấp", "body": "Nước sông Hương trên báo động 3. Đưa người và xe lên cao."}
    return a_push(number, **({"target_kind": "phone", "lane": "critical", "category": "alert"} | said | other))


async def test_a_warning_reaches_the_phone_once(phones: Phones) -> None:
    warning = a_warning()
    outcomes = [(await Texts().send([warning]))[0] for _ in range(2)]
    assert {outcome.kind for outcome in outcomes} == {"accepted"}
    assert outcomes[0].name == outcomes[1].name
    got = [text for text in await phones.got(PHONE) if text["reference"] == str(warning.delivery_id)]
    assert [(text["by"], text["kind"], text["segments"]) for text in got] == [("sms", "critical", 1)]
    assert got[0]["words"] == "Canh bao lu khan cap\nNuoc song Huong tren bao dong 3. Dua nguoi va xe len cao."


async def test_each_has_its_outcome_in_order(phones: Phones) -> None:
    await phones.misbehave("invalid_number")
    outcomes = await Texts(at_once=1).send(
        [
            a_warning("+84900000523"),
            a_warning(lane="transactional"),
            a_warning(target_kind="token"),
            a_warning(delivery_id=uuid4()),
        ]
    )
    assert [(outcome.kind, outcome.why) for outcome in outcomes] == [
        ("gone", "invalid_number"),
        ("refused", "only warnings go by text"),
        ("refused", "no phone number"),
        ("accepted", ""),
    ]


async def test_what_a_slow_gateway_took_is_known_and_the_rest_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slowly(text: Text) -> TextOutcome:
        await asyncio.sleep(0.1)
        return TextOutcome("accepted", name=text.to)

    monkeypatch.setattr(gateway, "send", slowly)
    monkeypatch.setattr(transports_texts, "PLACE_WITHIN_S", 0.25)
    outcomes = await Texts(at_once=1).send([a_warning(f"+8490000053{n}") for n in range(6)])
    assert [outcome.kind for outcome in outcomes] == ["accepted"] * 3 + ["again"] * 3
    assert outcomes[-1].why == NO_PLACE.why


async def test_a_busy_gateway_is_tried_again_later(phones: Phones) -> None:
    await phones.misbehave("busy", retry_after_s=30)
    [outcome] = await Texts().send([a_warning()])
    assert (outcome.kind, outcome.after_s) == ("again", 30)


def test_a_long_warning_is_cut_to_three_segments() -> None:
    long = words("Cảnh báo lũ", "Nước sông Hương đang lên nhanh, người dân vùng trũng cần đưa tài sản lên cao. " * 12)
    assert segments(long) == 3
    assert long.startswith("Canh bao lu\nNuoc song Huong dang len nhanh")
    assert long.endswith("...")


def test_a_short_warning_keeps_its_diacritics() -> None:
    assert words("Lũ đã rút", "Cầu Trường Tiền thông xe.") == "Lũ đã rút\nCầu Trường Tiền thông xe."
