"""The partner's face match over a real socket: what comes of it, and every way in which it can go wrong."""

from datetime import timedelta

import pytest

from app import config, face, outside
from app.clock import city_now
from app.face import FaceNotConfigured, FaceUnavailable
from tests.conftest import Later, StandIns

ME, CHALLENGE = "person-at-the-provider", bytes(range(32))


@pytest.fixture(autouse=True)
async def _honest(stand_ins: StandIns) -> None:
    await stand_ins.behave("face", "slow", times=0)


@pytest.mark.parametrize(("answer", "outcome"), [("match", "matched"), ("refuse", "refused")])
async def test_it_is_pending_until_the_person_has_looked_into_the_page(
    stand_ins: StandIns, answer: str, outcome: str
) -> None:
    asked = await face.ask(ME, CHALLENGE)
    assert asked.url.startswith(stand_ins.url)
    assert timedelta(seconds=240) < asked.expires_at - city_now() < timedelta(seconds=301)
    assert await face.outcome(asked.reference, ME, CHALLENGE) == "pending"
    await stand_ins.match_face(asked.url, answer)
    assert await face.outcome(asked.reference, ME, CHALLENGE) == outcome
    await stand_ins.match_face(asked.url, "match")
    assert await face.outcome(asked.reference, ME, CHALLENGE) == outcome, "what is decided stays"


async def test_a_match_is_for_one_person_and_one_challenge(stand_ins: StandIns) -> None:
    asked = await face.ask(ME, CHALLENGE)
    await stand_ins.match_face(asked.url)
    assert await face.outcome(asked.reference, "another", CHALLENGE) == "refused"
    assert await face.outcome(asked.reference, ME, bytes(32)) == "refused"
    assert await face.outcome(asked.reference, ME, CHALLENGE) == "matched"


@pytest.mark.parametrize("lie", ["wrong_challenge", "wrong_subject"])
async def test_a_match_that_the_partner_gives_for_something_else_is_none(stand_ins: StandIns, lie: str) -> None:
    asked = await face.ask(ME, CHALLENGE)
    await stand_ins.match_face(asked.url)
    await stand_ins.behave("face", lie)
    assert await face.outcome(asked.reference, ME, CHALLENGE) == "refused"


async def test_two_who_are_asked_at_once_are_two(stand_ins: StandIns) -> None:
    first, second = await face.ask(ME, CHALLENGE), await face.ask(ME, CHALLENGE)
    await stand_ins.match_face(first.url)
    assert await face.outcome(second.reference, ME, CHALLENGE) == "pending"


async def test_when_the_time_is_up_it_is_refused(stand_ins: StandIns, later: Later) -> None:
    asked = await face.ask(ME, CHALLENGE)
    await later(301)
    await stand_ins.match_face(asked.url)
    assert await face.outcome(asked.reference, ME, CHALLENGE) == "refused"


@pytest.mark.parametrize("reference", ["unknown", "../../citizen/jwks", "x?y#z", "Hương"])
async def test_a_reference_that_nobody_was_given_is_refused(stand_ins: StandIns, reference: str) -> None:
    assert await face.outcome(reference, ME, CHALLENGE) == "refused"


@pytest.mark.parametrize("trouble", ["slow", "down", "not_json", "huge", "moved"])
async def test_a_partner_in_trouble_is_a_503(
    stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr(outside, "ANSWER_WITHIN_S", 0.5)
    await stand_ins.behave("face", trouble, at="asked")
    with pytest.raises(FaceUnavailable) as refused:
        await face.ask(ME, CHALLENGE)
    assert refused.value.retry_after_s
    asked = await face.ask(ME, CHALLENGE)
    await stand_ins.match_face(asked.url)
    await stand_ins.behave("face", trouble)
    with pytest.raises(FaceUnavailable):
        await face.outcome(asked.reference, ME, CHALLENGE)
    assert await face.outcome(asked.reference, ME, CHALLENGE) == "matched"


async def test_another_key_opens_nothing(stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = await face.ask(ME, CHALLENGE)
    with monkeypatch.context() as environment:
        environment.setenv("HUONG_FACE_KEY", "another")
        config.settings.cache_clear()
        with pytest.raises(FaceUnavailable):
            await face.ask(ME, CHALLENGE)
        with pytest.raises(FaceUnavailable):
            await face.outcome(asked.reference, ME, CHALLENGE)
    config.settings.cache_clear()


@pytest.mark.usefixtures("production")
async def test_a_city_without_a_partner_says_so() -> None:
    with pytest.raises(FaceNotConfigured):
        await face.ask(ME, CHALLENGE)
    with pytest.raises(FaceNotConfigured):
        await face.outcome("reference", ME, CHALLENGE)
