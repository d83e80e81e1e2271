"""A code reaches the phone by text, once, and works: whatever fails or is killed on the way."""

import asyncio
import re
from uuid import UUID

import httpx
import pytest

from app import config, jobs
from app.db import Connection, queries_beside
from app.identity import codes
from app.secrets import mac
from app.texts import gateway
from app.texts.lengths import is_gsm_7, segments
from app.texts.models import Text, TextOutcome
from app.worker import Worker
from tests.app.phones import ask_for_code, codes_worker, redeem
from tests.conftest import City, Later, served
from tests.makers import a_resident
from tests.statements import sql as statements
from tests.texting import Phones

sql = queries_beside(__file__)

PHONES = (f"+8490512{number:04}" for number in range(1000, 9999))


@pytest.fixture
def phone() -> str:
    """A number that no other test has."""
    return next(PHONES)


def code_in(text: dict[str, str]) -> str:
    found = re.match(r"[0-9]{6}", text["words"])
    assert found, text
    return found[0]


async def asked(desk: httpx.AsyncClient, phone: str) -> str:
    answer = await ask_for_code(desk, phone)
    assert answer.status_code == 202, answer.text
    return answer.json()["challenge_id"]


async def test_a_code_reaches_the_phone_and_opens_a_session(
    db: Connection, desk: httpx.AsyncClient, phones: Phones, phone: str
) -> None:
    challenge_id = await asked(desk, phone)
    await codes_worker(db).drain()
    [text] = await phones.got(phone)
    assert (text["reference"], text["kind"], text["by"], text["segments"]) == (challenge_id, "code", "zns", 1)
    assert text["fields"] == {"code": code_in(text), "purpose": "đăng nhập"}
    assert (await redeem(desk, challenge_id, code_in(text))).status_code == 201


async def test_it_is_written_down_by_which_channel_once(
    db: Connection, desk: httpx.AsyncClient, phones: Phones
) -> None:
    me = await a_resident(db)
    await asked(desk, me.phone)
    await phones.misbehave("silence")
    await codes_worker(db).drain()
    assert await db.fetch(statements.processing_rows, me.id) == [], "not sent, as far as we know"
    await _hurry(db)
    [row] = await db.fetch(statements.processing_rows, me.id)
    assert (row["done"], row["detail"]) == ("code_sent", {"channel": "text"})


async def _hurry(db: Connection) -> None:
    await db.execute(sql.hurry_jobs)
    await codes_worker(db).drain()


@pytest.mark.parametrize("mischief", ["down", "not_json", "garbage", "silence", "unknown_sender"])
async def test_a_gateway_in_trouble_gets_the_same_code_again_and_the_phone_gets_one(
    db: Connection, desk: httpx.AsyncClient, phones: Phones, phone: str, mischief: str
) -> None:
    challenge_id = await asked(desk, phone)
    await phones.misbehave(mischief)
    await codes_worker(db).drain()
    [job] = await db.fetch(statements.job_rows)
    assert (job["state"], job["attempts"]) == ("ready", 1)
    assert job["last_error"].startswith("CodeWaits: ")
    await _hurry(db)
    [text] = await phones.got(phone)
    assert await db.fetch(statements.job_rows) == []
    assert (await redeem(desk, challenge_id, code_in(text))).status_code == 201


class Killed(BaseException):
    """The worker is gone."""


@pytest.mark.parametrize("when", ["after the draw", "before the answer", "before it is written down"])
async def test_a_killed_worker_leaves_one_text_whose_code_works(
    db: Connection,
    desk: httpx.AsyncClient,
    phones: Phones,
    phone: str,
    when: str,
    monkeypatch: pytest.MonkeyPatch,
    later: Later,
) -> None:
    challenge_id = await asked(desk, phone)
    really_send = gateway.send

    async def send(text: Text) -> TextOutcome:
        if when == "before the answer":
            await really_send(text)
        if when != "before it is written down":
            raise Killed
        return await really_send(text)

    async def write_down(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(gateway, "send", send)
        patched.setattr(codes, "_write_down", write_down)
        with pytest.raises(Killed):
            await codes_worker(db).drain()
    drawn = await db.fetchval(sql.code_mac, UUID(challenge_id))
    assert drawn is not None, "its HMAC is kept before it is sent"

    await later(jobs.LEASE_S + 1)
    await codes_worker(db).drain()
    [text] = await phones.got(phone)
    assert mac("code", challenge_id, code_in(text)) == drawn
    assert text["asked"] == (1 if when == "after the draw" else 2)
    assert await db.fetch(statements.job_rows) == []
    assert (await redeem(desk, challenge_id, code_in(text))).status_code == 201


async def test_a_code_that_would_come_too_late_is_not_sent(
    db: Connection, desk: httpx.AsyncClient, phones: Phones, phone: str, later: Later
) -> None:
    await asked(desk, phone)
    await phones.misbehave("down")
    await codes_worker(db).drain()
    await later(291)
    await _hurry(db)
    assert await phones.got(phone) == []
    assert await db.fetch(statements.job_rows) == []


async def test_a_replaced_code_is_not_sent_when_the_gateway_is_back(
    db: Connection, desk: httpx.AsyncClient, phones: Phones, phone: str, later: Later
) -> None:
    await asked(desk, phone)
    await phones.misbehave("down")
    await codes_worker(db).drain()
    await later(31)
    challenge_id = await asked(desk, phone)
    await _hurry(db)
    [text] = await phones.got(phone)
    assert text["reference"] == challenge_id


@pytest.mark.parametrize("mischief", ["invalid_number", "blocked"])
async def test_a_number_that_gets_no_texts_is_given_up(
    db: Connection, desk: httpx.AsyncClient, phones: Phones, phone: str, mischief: str
) -> None:
    await asked(desk, phone)
    await phones.misbehave(mischief)
    await codes_worker(db).drain()
    assert await phones.got(phone) == []
    assert await db.fetch(statements.job_rows) == []


async def test_a_key_that_was_changed_meanwhile_draws_the_same_code(
    db: Connection, desk: httpx.AsyncClient, phones: Phones, phone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge_id = await asked(desk, phone)
    await phones.misbehave("silence")
    await codes_worker(db).drain()
    with monkeypatch.context() as patched:
        patched.setenv("HUONG_PEPPER", f"2:{'n' * 40},1:{config.SANDBOX_PEPPER}")
        config.settings.cache_clear()
        await _hurry(db)
        [text] = await phones.got(phone)
        assert text["asked"] == 2
        assert (await redeem(desk, challenge_id, code_in(text))).status_code == 201
    config.settings.cache_clear()


async def test_two_workers_at_once_send_one_text(city: City, phones: Phones, phone: str) -> None:
    challenge_ids = [await asked(city.client, next(PHONES)) for _ in range(9)] + [await asked(city.client, phone)]
    await asyncio.gather(*(Worker(city.database, codes.listeners, ()).drain() for _ in range(2)))
    [text] = await phones.got(phone)
    assert text["asked"] == 1
    assert (await redeem(city.client, challenge_ids[-1], code_in(text))).status_code == 201


async def test_production_sends_by_text_and_prints_nothing(
    db: Connection,
    desk: httpx.AsyncClient,
    phones: Phones,
    phone: str,
    production: None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    sent: list[Text] = []

    async def send(text: Text) -> TextOutcome:
        sent.append(text)
        return TextOutcome("accepted", name="vn-1")

    monkeypatch.setattr(gateway, "send", send)
    monkeypatch.setenv("HUONG_TEXT_URL", "https://texts.example/v1")
    monkeypatch.setenv("HUONG_TEXT_KEY", "the gateway's key")
    config.settings.cache_clear()
    challenge_id = await asked(desk, phone)
    await codes_worker(db).drain()
    [text] = sent
    code = text.words[:6]
    assert code not in "".join(capfd.readouterr())
    assert (await redeem(desk, challenge_id, code)).status_code == 201


def test_what_a_code_is_for_is_said_in_one_segment_and_bound_to_the_city() -> None:
    said = codes.words("sign_in", "271828", "https://huong.hue.gov.vn")
    assert said == (
        "271828 la ma dang nhap, dung trong 5 phut. Khong dua ma cho bat ky ai.\n"
        "271828: sign-in code. Never share it.\n\n@huong.hue.gov.vn #271828"
    )
    for purpose in ("sign_in", "step_up", "change_phone", "lock"):
        for url in ("https://huong.hue.gov.vn", "http://localhost:8000", f"https://{'x' * 60}.vn"):
            words = codes.words(purpose, "271828", url)
            assert is_gsm_7(words)
            assert segments(words) == 1
            assert words.startswith("271828 ")
            assert ("@huong" in words) is (url == "https://huong.hue.gov.vn")


async def test_drawn_codes_have_nothing_to_do_with_each_other(
    db: Connection, desk: httpx.AsyncClient, phones: Phones
) -> None:
    drawn: set[str] = set()
    for _ in range(12):
        phone = next(PHONES)
        await asked(desk, phone)
        await codes_worker(db).drain()
        drawn.add(code_in((await phones.got(phone))[0]))
    assert len(drawn) > 10


async def test_who_runs_the_city_sees_which_codes_did_not_arrive(
    city: City, phones: Phones, phone: str, capfd: pytest.CaptureFixture[str]
) -> None:
    challenge_id = await asked(city.client, phone)
    await city.worker.drain()
    async with served(city.app) as port:
        url = f"http://127.0.0.1:{port}/v1/gateways/texts/reports"
        await phones.report(challenge_id, "failed", why="absent", city_url=url)
    await city.worker.drain()
    said = "".join(capfd.readouterr())
    assert "code did not arrive" in said
    assert f"{phone[:6]}***{phone[-3:]}" in said
    assert phone not in said


@pytest.mark.usefixtures("production")
async def test_a_gateway_without_a_key_is_no_channel(
    db: Connection, desk: httpx.AsyncClient, phone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUONG_TEXT_URL", "https://texts.example/v1")
    config.settings.cache_clear()
    challenge_id = await asked(desk, phone)
    await codes_worker(db).drain()
    [job] = await db.fetch(statements.job_rows)
    assert job["last_error"].startswith("NoCodeChannel: ")
    assert await db.fetchval(sql.code_mac, UUID(challenge_id)) is None, "nothing is drawn that nobody can send"
