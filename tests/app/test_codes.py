"""One-time codes: asked for by anybody, sent by the worker, good once, for five tries and five minutes."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from app.db import Connection
from app.identity import codes
from app.secrets import mac
from app.types import new_id
from tests.app.phones import (
    PLAY_PHONE,
    REAL_PHONE,
    a_sent_code,
    all_but_request_id,
    ask_for_code,
    codes_worker,
    printed,
    problem,
    redeem,
    wrong_for,
)
from tests.conftest import Later
from tests.statements import sql


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


async def test_a_refused_request_leaves_the_live_code_alone(
    db: Connection, desk: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    challenge_id, code = await a_sent_code(db, desk, capsys)
    assert (await ask_for_code(desk, REAL_PHONE)).status_code == 429
    await codes_worker(db).drain()
    assert printed(capsys) == []
    assert (await redeem(desk, challenge_id, code)).status_code == 201


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
    assert job["last_error"].startswith("NoCodeChannel: ")
    assert 0 < job["due_in_s"] < 3
