"""The city's keys: what is made with one says so, and a new one comes in while the city is open."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from app import config, secrets
from app.cli import SEALED, secrets_group
from app.config import SANDBOX_PEPPER
from app.db import Connection
from app.identity import sessions
from app.identity.tokens import child_of, token_hash
from app.secrets import KeyNotHere, NotSealedHere, mac, seal, sealed_under, unseal
from tests.app.phones import (
    REAL_PHONE,
    WRONG,
    a_sent_code,
    problem,
    redeem,
    refreshed,
    signed_in,
    unlock,
    wrong_tries,
)
from tests.conftest import City
from tests.makers import a_machine, a_resident, a_staff_member
from tests.statements import sql

NEW_KEY = "a key that was made this morning".replace(" ", "-")
ONE, BOTH, TWO = f"1:{SANDBOX_PEPPER}", f"2:{NEW_KEY},1:{SANDBOX_PEPPER}", f"2:{NEW_KEY}"

Turn = Callable[[str], None]


@pytest.fixture
def turn(monkeypatch: pytest.MonkeyPatch) -> Iterator[Turn]:
    """Restart the process with these keys."""
    with monkeypatch.context() as environment:

        def restart(keys: str) -> None:
            environment.setenv("HUONG_PEPPER", keys)
            config.settings.cache_clear()

        yield restart
    config.settings.cache_clear()


# Sealing


@given(st.binary(max_size=200), st.text(max_size=20), st.binary(max_size=20))
def test_what_is_sealed_is_opened_for_the_same_purpose_only(plain: bytes, purpose: str, about: bytes) -> None:
    sealed = seal(purpose, plain, about=about)
    assert unseal(purpose, sealed, about=about) == plain
    assert seal(purpose, plain, about=about) != sealed
    assert len(sealed) == len(plain) + 31
    for other_purpose, other_about in ((f"{purpose}x", about), (purpose, about + b"x")):
        with pytest.raises(NotSealedHere):
            unseal(other_purpose, sealed, about=other_about)


def test_what_was_changed_anywhere_is_not_opened(turn: Turn) -> None:
    turn(BOTH)
    sealed = seal("test", b"Hue")
    for at in range(len(sealed)):
        for bit in range(8):
            changed = bytearray(sealed)
            changed[at] ^= 1 << bit
            with pytest.raises((NotSealedHere, KeyNotHere)):
                unseal("test", bytes(changed))
    for length in range(len(sealed)):
        with pytest.raises(NotSealedHere):
            unseal("test", sealed[:length])


def test_an_older_key_opens_what_it_sealed_and_seals_no_more(turn: Turn) -> None:
    turn(ONE)
    old = seal("test", b"Hue")
    turn(BOTH)
    new = seal("test", b"Hue")
    assert (sealed_under(old), sealed_under(new), secrets.newest_id()) == ("1", "2", "2")
    assert unseal("test", old) == unseal("test", new) == b"Hue"
    turn(TWO)
    with pytest.raises(KeyNotHere):
        unseal("test", old)
    turn(ONE)
    with pytest.raises(KeyNotHere):
        unseal("test", new)


def test_a_mac_says_under_which_key(turn: Turn) -> None:
    turn(ONE)
    old = mac("code", "1", "2")
    assert old != mac("code", "1\0", "2")
    turn(BOTH)
    assert mac("code", "1", "2") != old == mac("code", "1", "2", key_id="1")
    with pytest.raises(KeyNotHere):
        mac("code", "1", "2", key_id="3")


# A new key while the city is open


async def test_a_pin_is_hashed_anew_when_it_is_typed(db: Connection, desk: httpx.AsyncClient, turn: Turn) -> None:
    turn(ONE)
    resident = await a_resident(db, unlocked=False)
    turn(BOTH)
    assert problem(await unlock(desk, resident, WRONG)) == (403, "WrongPin")
    before = await db.fetchrow(sql.pin_key, resident.id)
    assert (await unlock(desk, resident)).status_code == 201
    after = await db.fetchrow(sql.pin_key, resident.id)
    assert before is not None
    assert after is not None
    assert (before["key_id"], after["key_id"]) == ("1", "2")
    assert before["hash"] != after["hash"]
    assert await wrong_tries(db, resident) == 0
    turn(TWO)
    assert (await unlock(desk, resident)).status_code == 201
    assert await db.fetchrow(sql.pin_key, resident.id) == after


async def test_a_pin_whose_key_is_not_here_is_not_wrong(db: Connection, desk: httpx.AsyncClient, turn: Turn) -> None:
    """Another machine is a key ahead: nobody loses a try, and the phone asks again."""
    turn(BOTH)
    resident = await a_resident(db, unlocked=False)
    turn(ONE)
    answer = await unlock(desk, resident)
    assert problem(answer) == (503, "KeyNotHere")
    assert answer.headers["retry-after"] == "1"
    assert await wrong_tries(db, resident) == 0


async def test_a_code_that_was_sent_before_a_new_key_signs_in_after_it(
    db: Connection, desk: httpx.AsyncClient, capsys: pytest.CaptureFixture[str], turn: Turn
) -> None:
    turn(ONE)
    challenge_id, code = await a_sent_code(db, desk, capsys, REAL_PHONE)
    turn(BOTH)
    assert (await redeem(desk, challenge_id, code)).status_code == 201


async def test_a_refresh_whose_answer_was_lost_gets_the_same_child_after_a_new_key(
    db: Connection, desk: httpx.AsyncClient, turn: Turn
) -> None:
    turn(ONE)
    session = await signed_in(desk)
    lost = (await refreshed(desk, session["refresh_token"])).json()
    turn(BOTH)
    again = (await refreshed(desk, session["refresh_token"])).json()
    assert again["refresh_token"] == lost["refresh_token"]
    assert again["access_token"] == lost["access_token"]
    grandchild = (await refreshed(desk, again["refresh_token"])).json()
    assert grandchild["refresh_token"] == child_of(again["refresh_token"], "2")
    turn(TWO)
    assert (await refreshed(desk, grandchild["refresh_token"])).status_code == 201


async def test_a_token_that_was_used_before_keys_had_ids_was_used_with_key_1(
    db: Connection, desk: httpx.AsyncClient, turn: Turn
) -> None:
    """By the release before, which is still serving beside us."""
    turn(BOTH)
    session = await signed_in(desk)
    parent = token_hash(session["refresh_token"])
    await db.execute(sql.used_by_the_release_before, parent)
    assert await db.fetchval(sessions.sql.use_refresh_token, parent, "2") == "1"


async def test_a_page_of_the_staff_outlives_a_new_key(db: Connection, desk: httpx.AsyncClient, turn: Turn) -> None:
    turn(ONE)
    member = await a_staff_member(db)
    headers = member.headers
    turn(BOTH)
    assert headers != member.headers
    for shown in (headers, member.headers):
        assert (await desk.post("/v1/inbox/reads", headers=shown, json={})).status_code != 403
    assert (await desk.delete("/v1/staff/session", headers=headers)).status_code == 204


# Commands


@pytest.fixture
def command(city: City, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`litestar secrets …` on the city's database: its exit code and its lines."""
    monkeypatch.setenv("DATABASE_URL", city.settings.database_url or "")

    async def run(*words: str) -> tuple[int, list[str]]:
        config.settings.cache_clear()
        done = await asyncio.to_thread(CliRunner().invoke, secrets_group, words)
        return done.exit_code, done.output.splitlines() or [str(done.exception)]

    return run


async def test_a_key_goes_when_nothing_needs_it(city: City, command: Callable[..., Any], turn: Turn) -> None:
    turn(ONE)
    async with city.database.transaction() as db:
        resident = await a_resident(db, unlocked=False)
        machine = await a_machine(db, ["bills.read"])
        assert await secrets.ids_in_use(db) == ["1"]
    assert await command("status") == (0, ["key 1 (is written with): 1 PINs, 1 machine keys"])
    turn(BOTH)
    assert await command("status") == (
        0, ["key 2 (is written with): nothing", "key 1: 1 PINs, 1 machine keys"],
    )  # fmt: skip
    assert await command("rotate", "--forget", "1") == (
        1, ["1 sealed anew", "key 2 (is written with): 1 machine keys", "key 1: 1 PINs", "key 1 is still needed"],
    )  # fmt: skip
    assert (await city.client.get("/v1/machine", headers=machine.sign("GET", "/v1/machine"))).status_code == 200
    assert (await unlock(city.client, resident)).status_code == 201
    assert await command("rotate", "--forget", "1") == (
        0, ["0 sealed anew", "key 2 (is written with): 1 PINs, 1 machine keys", "key 1: nothing",
            "nothing needs key 1 any more"],
    )  # fmt: skip
    turn(TWO)
    assert await command("status") == (0, ["key 2 (is written with): 1 PINs, 1 machine keys"])
    assert (await city.client.get("/v1/machine", headers=machine.sign("GET", "/v1/machine"))).status_code == 200
    assert (await command("rotate", "--forget", "2"))[0] == 1
    turn(f"3:{'x' * 32}")
    status, lines = await command("status")
    assert (status, lines[-1]) == (1, "key 2 (NOT in HUONG_PEPPER): 1 PINs, 1 machine keys")
    status, lines = await command("rotate")
    assert status == 1
    assert lines == ["huong: HUONG_PEPPER lacks a key that this needs: '2'"]


async def test_codes_and_refreshes_need_their_key_for_a_while(
    city: City, command: Callable[..., Any], turn: Turn, capsys: pytest.CaptureFixture[str]
) -> None:
    turn(ONE)
    session = await signed_in(city.client)
    assert (await refreshed(city.client, session["refresh_token"])).status_code == 201
    await city.client.post("/v1/sign-in/codes", json={"phone": REAL_PHONE})
    await city.worker.drain()
    capsys.readouterr()
    turn(BOTH)
    assert (await command("rotate", "--forget", "1"))[1][2] == "key 1: 1 one-time codes, 1 refreshes"


async def test_a_secret_that_somebody_replaces_meanwhile_is_theirs(db: Connection, turn: Turn) -> None:
    turn(ONE)
    machine = await a_machine(db, ["bills.read"])
    [row] = await db.fetch(SEALED[0].rows, UUID(int=0), 10)
    assert row["about"] == machine.key_id.bytes
    assert await db.fetchval(SEALED[0].reseal, row["id"], b"older", b"newer") is None
    assert await db.fetchval(SEALED[0].reseal, row["id"], row["sealed"], b"newer") == row["id"]


async def test_everything_that_is_sealed_can_be_sealed_anew(db: Connection) -> None:
    assert {row["table_name"] for row in await db.fetch(sql.sealed_columns)} == {place.table for place in SEALED}


async def test_a_fresh_pair_is_one_that_production_takes(command: Callable[..., Any]) -> None:
    status, [pair] = await command("new", "--id", "2027")
    assert status == 0
    assert list(config.read({"HUONG_PEPPER": pair}).keys) == ["2027"]
    assert (await command("new"))[1] != (await command("new"))[1]
    assert (await command("new", "--id", "N E W"))[0] == 1
