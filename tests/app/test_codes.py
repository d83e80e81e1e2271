"""One-time codes: asked for by anybody, sent by the worker, good once, for five tries and five minutes."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from app.db import Connection
from app.identity import codes
from app.identity.tokens import mac
from app.types import new_id
from tests.app.conftest import Later
from tests.app.phones import (
    PLAY_PHONE,
    REAL_PHONE,
    all_but_request_id,
    ask_for_code,
    codes_worker,
    headers_of,
    printed,
    problem,
    redeem,
)
from tests.conftest import City
from tests.makers import a_resident
from tests.statements import sql


async def a_sent_code(
    db: Connection, desk: httpx.AsyncClient, capsys: pytest.CaptureFixture[str], phone: str = REAL_PHONE
) -> tuple[str, str]:
    """A challenge and the code that was sent for it."""
    asked = await ask_for_code(desk, phone)
    assert asked.status_code == 202
    await codes_worker(db).drain()
    [(_, code)] = printed(capsys)
    return asked.json()["challenge_id"], code


def wrong_for(code: str, count: int) -> list[str]:
    """So many guesses, none of them right."""
    return [guess for guess in (f"{n:06}" for n in range(1, count + 2)) if guess != code][:count]


async def test_a_known_and_an_unknown_number_get_the_same_answer(db: Connection, desk: httpx.AsyncClient) -> None:
    known = await ask_for_code(desk, (await a_resident(db)).phone)
    unknown = await ask_for_code(desk, REAL_PHONE)
    assert known.status_code == unknown.status_code == 202
    assert set(known.json()) == set(unknown.json()) == {"challenge_id", "expires_at", "resend_at"}
    assert headers_of(known) == headers_of(unknown)


async def test_the_answer_says_how_long_the_code_lives_and_when_to_ask_again(desk: httpx.AsyncClient) -> None:
    asked = (await ask_for_code(desk)).json()
    expires_at, resend_at = (datetime.fromisoformat(asked[name]) for name in ("expires_at", "resend_at"))
    assert abs(expires_at - resend_at - timedelta(minutes=4, seconds=30)) < timedelta(seconds=1)
    assert abs(resend_at - datetime.now(UTC) - timedelta(seconds=30)) < timedelta(seconds=10)


@pytest.mark.parametrize("phone", ["0234 382 2222", "+1 555 123 4567", "0905 123 4567", "12345678", "+++++++++"])
async def test_a_number_that_is_no_vietnamese_mobile_is_refused(desk: httpx.AsyncClient, phone: str) -> None:
    assert problem(await ask_for_code(desk, phone)) == (400, "BadPhone")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"phone": None},
        {"phone": 905123456},
        {"phone": "0905"},
        {"phone": "not a phone"},
        {"phone": "0905123456" * 3},
        {"phone": "0905123456", "channel": "sms"},
    ],
)
async def test_a_malformed_request_for_a_code_is_refused(desk: httpx.AsyncClient, body: dict[str, object]) -> None:
    assert problem(await desk.post("/v1/sign-in/codes", json=body)) == (400, "Malformed")


async def test_only_the_hmac_of_a_sent_code_is_kept(
    db: Connection, desk: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    challenge_id = (await ask_for_code(desk, REAL_PHONE)).json()["challenge_id"]
    kept = await db.fetchrow(sql.code_row, UUID(challenge_id))
    assert kept is not None
    assert (kept["code_mac"], kept["tries"]) == (None, 0)

    await codes_worker(db).drain()
    [(to_whom, code)] = printed(capsys)
    kept = await db.fetchrow(sql.code_row, UUID(challenge_id))
    assert kept is not None
    assert to_whom == "+84905***456"
    assert kept["code_mac"] == mac("code", challenge_id, code)
    assert code not in {str(value) for value in kept.values()}
    news = await db.fetch(sql.event_rows, "CodeRequested")
    assert [item["data"] for item in news] == [{"challenge_id": challenge_id}]
    assert await db.fetch(sql.job_rows) == []


async def test_the_code_that_was_sent_signs_in_once(
    db: Connection, desk: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    challenge_id, code = await a_sent_code(db, desk, capsys)
    opened = await redeem(desk, challenge_id, code)
    assert opened.status_code == 201
    assert opened.json()["me"]["phone"] == REAL_PHONE
    assert problem(await redeem(desk, challenge_id, code)) == (401, "WrongCode")


async def test_a_code_that_was_not_sent_yet_cannot_be_guessed(desk: httpx.AsyncClient) -> None:
    challenge_id = (await ask_for_code(desk, REAL_PHONE)).json()["challenge_id"]
    assert problem(await redeem(desk, challenge_id, "123456")) == (401, "WrongCode")


async def test_a_wrong_code_and_an_unknown_challenge_look_the_same(
    db: Connection, desk: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    challenge_id, code = await a_sent_code(db, desk, capsys)
    [guess] = wrong_for(code, 1)
    wrong, unknown = await redeem(desk, challenge_id, guess), await redeem(desk, str(uuid4()), guess)
    assert problem(wrong) == (401, "WrongCode")
    assert wrong.headers["www-authenticate"] == "Bearer"
    assert all_but_request_id(wrong) == all_but_request_id(unknown)


async def test_a_code_opens_its_own_challenge_only(
    db: Connection, desk: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, _ = await a_sent_code(db, desk, capsys)
    _, code_of_another = await a_sent_code(db, desk, capsys, "+84905123457")
    kept = await db.fetchrow(sql.code_row, UUID(mine))
    assert kept is not None
    assert kept["code_mac"] != mac("code", mine, code_of_another) or pytest.skip("one chance in a million")
    assert problem(await redeem(desk, mine, code_of_another)) == (401, "WrongCode")


async def test_the_fifth_try_may_still_be_right(
    db: Connection, desk: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    challenge_id, code = await a_sent_code(db, desk, capsys)
    for guess in wrong_for(code, 4):
        assert problem(await redeem(desk, challenge_id, guess)) == (401, "WrongCode")
    assert (await redeem(desk, challenge_id, code)).status_code == 201


async def test_after_five_wrong_tries_the_right_code_is_refused(
    db: Connection, desk: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    challenge_id, code = await a_sent_code(db, desk, capsys)
    for guess in [*wrong_for(code, 5), code]:
        assert problem(await redeem(desk, challenge_id, guess)) == (401, "WrongCode")


async def test_of_a_hundred_guesses_at_once_five_are_looked_at(
    town: City, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge_id = (await ask_for_code(town.client, REAL_PHONE)).json()["challenge_id"]
    await town.worker.drain()
    [(_, code)] = printed(capsys)
    looked_at: list[str] = []

    def counted(purpose: str, *parts: str) -> bytes:
        looked_at.append(parts[-1])
        return mac(purpose, *parts)

    monkeypatch.setattr(codes, "mac", counted)
    answers = await asyncio.gather(*(redeem(town.client, challenge_id, guess) for guess in wrong_for(code, 100)))
    assert {answer.status_code for answer in answers} <= {401, 503}
    async with town.database.acquire() as db:
        kept = await db.fetchrow(sql.code_row, UUID(challenge_id))
    assert kept is not None
    assert 1 <= len(looked_at) == kept["tries"] <= 5

    for guess in wrong_for(code, 5 - len(looked_at)):
        await redeem(town.client, challenge_id, guess)
    assert problem(await redeem(town.client, challenge_id, code)) == (401, "WrongCode")
    assert len(looked_at) == 5


async def test_the_right_code_sent_twice_at_once_opens_one_session(
    town: City, capsys: pytest.CaptureFixture[str]
) -> None:
    challenge_id = (await ask_for_code(town.client, REAL_PHONE)).json()["challenge_id"]
    await town.worker.drain()
    [(_, code)] = printed(capsys)
    answers = await asyncio.gather(*(redeem(town.client, challenge_id, code) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401, 401, 401]


async def test_a_code_lives_five_minutes(
    db: Connection, desk: httpx.AsyncClient, capsys: pytest.CaptureFixture[str], later: Later
) -> None:
    challenge_id, code = await a_sent_code(db, desk, capsys)
    await later(301)
    assert problem(await redeem(desk, challenge_id, code)) == (401, "WrongCode")


async def test_a_new_code_replaces_the_old_one(
    db: Connection, desk: httpx.AsyncClient, capsys: pytest.CaptureFixture[str], later: Later
) -> None:
    old_challenge, old_code = await a_sent_code(db, desk, capsys)
    await later(31)
    new_challenge, new_code = await a_sent_code(db, desk, capsys)
    assert problem(await redeem(desk, old_challenge, old_code)) == (401, "WrongCode")
    assert (await redeem(desk, new_challenge, new_code)).status_code == 201


async def test_a_late_worker_sends_no_code_that_could_not_be_used(
    db: Connection, desk: httpx.AsyncClient, capsys: pytest.CaptureFixture[str], later: Later
) -> None:
    await ask_for_code(desk, REAL_PHONE)
    await later(31)
    await ask_for_code(desk, REAL_PHONE)
    await codes_worker(db).drain()
    assert len(printed(capsys)) == 1

    await later(31)
    await ask_for_code(desk, REAL_PHONE)
    await later(301)
    await codes_worker(db).drain()
    assert printed(capsys) == []
    assert await db.fetch(sql.job_rows) == []


async def test_one_code_in_thirty_seconds_however_the_number_is_written(
    desk: httpx.AsyncClient, later: Later
) -> None:
    assert (await ask_for_code(desk, "0905123456")).status_code == 202
    again = await ask_for_code(desk, "+84 (905) 123.456")
    assert problem(again) == (429, "TooManyCodes")
    assert 1 <= int(again.headers["retry-after"]) <= 30
    await later(31)
    assert (await ask_for_code(desk, REAL_PHONE)).status_code == 202


async def test_three_codes_in_ten_minutes_and_six_in_a_day(desk: httpx.AsyncClient, later: Later) -> None:
    for pause_s in (0, 31, 31):
        await later(pause_s)
        assert (await ask_for_code(desk, REAL_PHONE)).status_code == 202
    fourth = await ask_for_code(desk, REAL_PHONE)  # too soon for both: the longer wait is the answer
    assert problem(fourth) == (429, "TooManyCodes")
    assert 500 <= int(fourth.headers["retry-after"]) <= 600 - 62

    for pause_s in (601, 31, 31):  # the refused one used nothing: three are left of the day's six
        await later(pause_s)
        assert (await ask_for_code(desk, REAL_PHONE)).status_code == 202
    await later(601)
    seventh = await ask_for_code(desk, REAL_PHONE)
    assert problem(seventh) == (429, "TooManyCodes")
    assert 80_000 <= int(seventh.headers["retry-after"]) <= 86_400

    await later(86_400)
    assert (await ask_for_code(desk, REAL_PHONE)).status_code == 202


async def test_being_refused_wears_out_nobodys_budget(db: Connection, desk: httpx.AsyncClient) -> None:
    answers = [await ask_for_code(desk, REAL_PHONE) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [202, 429, 429, 429, 429]
    assert {row["used"] for row in await db.fetch(sql.budgets)} == {1}


async def test_a_refused_request_leaves_the_live_code_alone(
    db: Connection, desk: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    challenge_id, code = await a_sent_code(db, desk, capsys)
    assert (await ask_for_code(desk, REAL_PHONE)).status_code == 429
    await codes_worker(db).drain()
    assert printed(capsys) == []
    assert (await redeem(desk, challenge_id, code)).status_code == 201


@pytest.mark.parametrize(
    ("budget", "most"), [("code address 127.0.0.1", 60), ("code prefix +84905", 3000), ("code everywhere", 20_000)]
)
async def test_an_address_a_prefix_and_the_city_have_budgets_of_their_own(
    db: Connection, desk: httpx.AsyncClient, budget: str, most: int
) -> None:
    await ask_for_code(desk, "+84905000001")
    await db.execute(sql.use_up_budget, budget, most - 1)
    assert (await ask_for_code(desk, "+84905000002")).status_code == 202
    refused = await ask_for_code(desk, "+84905000003")
    assert problem(refused) == (429, "TooManyCodes")
    assert 1 <= int(refused.headers["retry-after"]) <= 3600


async def test_twenty_requests_at_once_for_one_number_make_one_code(town: City) -> None:
    answers = await asyncio.gather(*(ask_for_code(town.client, REAL_PHONE) for _ in range(20)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(202) == 1
    assert set(statuses) <= {202, 429, 503}


async def test_the_sandbox_code_opens_play_numbers_only(desk: httpx.AsyncClient) -> None:
    play = (await ask_for_code(desk, PLAY_PHONE)).json()["challenge_id"]
    real = (await ask_for_code(desk, REAL_PHONE)).json()["challenge_id"]
    assert (await redeem(desk, play, "000000")).status_code == 201
    assert problem(await redeem(desk, real, "000000")) == (401, "WrongCode")


@pytest.mark.usefixtures("production")
async def test_production_knows_no_sandbox_code(db: Connection, desk: httpx.AsyncClient) -> None:
    assert problem(await ask_for_code(desk, PLAY_PHONE)) == (400, "BadPhone")
    left_by_a_sandbox = new_id()
    await db.execute(codes.sql.make_code, left_by_a_sandbox, PLAY_PHONE, "sign_in")
    assert problem(await redeem(desk, str(left_by_a_sandbox), "000000")) == (401, "WrongCode")


@pytest.mark.usefixtures("production")
async def test_production_without_a_channel_sends_nothing_and_tries_again(
    db: Connection, desk: httpx.AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    challenge_id = (await ask_for_code(desk, REAL_PHONE)).json()["challenge_id"]
    await codes_worker(db).drain()
    assert "the code for" not in "".join(capfd.readouterr())
    kept = await db.fetchrow(sql.code_row, UUID(challenge_id))
    assert kept is not None
    assert kept["code_mac"] is None
    [job] = await db.fetch(sql.job_rows)
    assert (job["state"], job["attempts"]) == ("ready", 1)
    assert job["last_error"].startswith("NoCodeChannel(")
    assert 0 < job["due_in_s"] < 3
