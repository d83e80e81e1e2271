"""Signing in, codes and PINs: the lines of the security checklist, one by one."""

import asyncio
from contextlib import nullcontext
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.db import Connection
from app.identity import bearer as bearer_module
from app.identity import codes, pins
from app.identity.bearer import CACHE_LIFE_S
from app.secrets import mac
from tests.app.phones import (
    REAL_PHONE,
    WRONG,
    a_device,
    a_sent_code,
    ask_for_code,
    bearer,
    codes_worker,
    headers_of,
    me,
    printed,
    problem,
    redeem,
    refreshed,
    signed_in,
    tries,
    unlock,
    wrong_for,
    wrong_tries,
)
from tests.conftest import City, Desk, Later, open_city
from tests.makers import PIN, a_biller, a_resident
from tests.statements import sql


async def test_b11_a_known_and_an_unknown_number_get_the_same_answer(db: Connection, desk: httpx.AsyncClient) -> None:
    known = await ask_for_code(desk, (await a_resident(db)).phone)
    unknown = await ask_for_code(desk, REAL_PHONE)
    assert known.status_code == unknown.status_code == 202
    assert set(known.json()) == set(unknown.json()) == {"challenge_id", "expires_at", "resend_at"}
    assert headers_of(known) == headers_of(unknown)
    assert len(known.content) == len(unknown.content)


async def test_b11_a_known_and_an_unknown_number_take_the_same_steps(db: Connection, desk: httpx.AsyncClient) -> None:
    """Time is what the database is asked, and the code is drawn and sent by the worker, in no request."""
    known = (await a_resident(db)).phone
    steps: dict[str, list[str]] = {known: [], REAL_PHONE: []}
    for phone, asked in steps.items():
        with db.query_logger(partial(_note, asked)):
            await ask_for_code(desk, phone)
            await asyncio.sleep(0.01)  # the log is written a little later
    assert steps[known] == steps[REAL_PHONE]
    assert len(steps[known]) > 3


def _note(asked: list[str], record: Any) -> None:
    if "SAVEPOINT" not in record.query:
        asked.append(record.query)


async def test_b12_of_a_hundred_guesses_of_a_code_five_are_looked_at(
    town: City, neighbour: City, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge_id = (await ask_for_code(town.client, REAL_PHONE)).json()["challenge_id"]
    await town.worker.drain()
    [(_, code)] = printed(capsys)
    looked_at: list[str] = []

    def counted(purpose: str, *parts: str, key_id: str) -> bytes:
        looked_at.append(parts[-1])
        return mac(purpose, *parts, key_id=key_id)

    monkeypatch.setattr(codes, "mac", counted)
    places = (town.client, neighbour.client)
    guesses = wrong_for(code, 100)
    answers = await asyncio.gather(*(redeem(places[n % 2], challenge_id, guess) for n, guess in enumerate(guesses)))
    assert {answer.status_code for answer in answers} <= {401, 503}
    async with town.database.acquire() as db:
        kept = await db.fetchrow(sql.code_row, UUID(challenge_id))
    assert kept is not None
    assert 1 <= len(looked_at) == kept["tries"] <= 5

    for guess in wrong_for(code, 5 - len(looked_at)):
        await redeem(town.client, challenge_id, guess)
    assert problem(await redeem(town.client, challenge_id, code)) == (401, "WrongCode")
    assert len(looked_at) == 5


@pytest.mark.parametrize("in_one_process", [True, False])
async def test_b12_of_a_hundred_guesses_of_a_pin_five_are_looked_at(
    town: City, neighbour: City, monkeypatch: pytest.MonkeyPatch, in_one_process: bool
) -> None:
    """A process takes one PIN of somebody at a time; between processes it is the PIN's row that keeps count."""
    async with town.database.transaction() as db:
        resident = await a_resident(db)
    looked_at: list[str] = []

    def counted(purpose: str, pin: str, key_id: str) -> bytes:
        looked_at.append(pin)
        return mac(purpose, pin, key_id=key_id)

    monkeypatch.setattr(pins, "mac", counted)
    if not in_one_process:
        monkeypatch.setattr(pins, "_alone", nullcontext)
    places = (town.client, neighbour.client)
    guesses = [f"{n:06}" for n in range(100_001, 100_101)]
    answers = await asyncio.gather(*(unlock(places[n % 2], resident, guess) for n, guess in enumerate(guesses)))
    assert {answer.status_code for answer in answers} <= {403, 429, 503}
    assert 1 <= len(looked_at) <= 5
    assert len(set(looked_at)) == len(looked_at)

    await tries(town.client, resident, 5 - len(looked_at))
    assert problem(await unlock(town.client, resident, PIN)) == (403, "PinLocked")
    assert len(looked_at) == 5


async def test_b12_of_a_hundred_guesses_that_would_lock_a_phone_five_are_looked_at(
    town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town.database.transaction() as db:
        resident = await a_resident(db)
    looked_at: list[str] = []

    async def counted(_kept: object, pin: str) -> bool:
        looked_at.append(pin)
        return False

    monkeypatch.setattr(pins, "is_right", counted)
    answers = await asyncio.gather(
        *(
            town.client.post("/v1/sign-in/emergency-locks", json={"phone": resident.phone, "pin": f"{n:06}"})
            for n in range(100)
        )
    )
    assert {answer.status_code for answer in answers} <= {202, 429, 503}
    assert 1 <= len(looked_at) <= 5


async def test_b13_the_code_that_was_sent_signs_in_once(
    db: Connection, desk: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    challenge_id, code = await a_sent_code(db, desk, capsys)
    opened = await redeem(desk, challenge_id, code)
    assert opened.status_code == 201
    assert opened.json()["me"]["phone"] == REAL_PHONE
    assert problem(await redeem(desk, challenge_id, code)) == (401, "WrongCode")


async def test_b13_a_code_opens_its_own_challenge_only(
    db: Connection, desk: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, _ = await a_sent_code(db, desk, capsys)
    _, code_of_another = await a_sent_code(db, desk, capsys, "+84905123457")
    kept = await db.fetchrow(sql.code_row, UUID(mine))
    assert kept is not None
    assert kept["code_mac"] != mac("code", mine, code_of_another) or pytest.skip("one chance in a million")
    assert problem(await redeem(desk, mine, code_of_another)) == (401, "WrongCode")


async def test_b13_a_code_opens_what_it_was_asked_for_and_nothing_else(
    db: Connection, desk: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    resident = await a_resident(db)
    wanted = {"phone": resident.phone, "purpose": "lock"}
    challenge_id = (await desk.post("/v1/sign-in/codes", json=wanted)).json()["challenge_id"]
    await codes_worker(db).drain()
    [(_, code)] = printed(capsys)
    assert problem(await redeem(desk, challenge_id, code)) == (401, "WrongCode")

    challenge_id, code = await a_sent_code(db, desk, capsys)
    shown = {"phone": REAL_PHONE, "challenge_id": challenge_id, "code": code}
    assert (await desk.post("/v1/sign-in/emergency-locks", json=shown)).status_code == 202
    assert (await redeem(desk, challenge_id, code)).status_code == 201  # it was no lock's code, and is still good


async def test_b13_the_right_code_sent_twice_at_once_opens_one_session(
    town: City, capsys: pytest.CaptureFixture[str]
) -> None:
    challenge_id = (await ask_for_code(town.client, REAL_PHONE)).json()["challenge_id"]
    await town.worker.drain()
    [(_, code)] = printed(capsys)
    answers = await asyncio.gather(*(redeem(town.client, challenge_id, code) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401, 401, 401]


async def test_b14_one_code_in_thirty_seconds_however_the_number_is_written(
    desk: httpx.AsyncClient, later: Later
) -> None:
    assert (await ask_for_code(desk, "0905123456")).status_code == 202
    again = await ask_for_code(desk, "+84 (905) 123.456")
    assert problem(again) == (429, "TooManyCodes")
    assert 1 <= int(again.headers["retry-after"]) <= 30
    await later(31)
    assert (await ask_for_code(desk, REAL_PHONE)).status_code == 202


async def test_b14_three_codes_in_ten_minutes_and_six_in_a_day(desk: httpx.AsyncClient, later: Later) -> None:
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


async def test_b14_being_refused_wears_out_nobodys_budget(db: Connection, desk: httpx.AsyncClient) -> None:
    answers = [await ask_for_code(desk, REAL_PHONE) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [202, 429, 429, 429, 429]
    assert {row["used"] for row in await db.fetch(sql.budgets)} == {1}


@pytest.mark.parametrize(
    ("budget", "most"), [("code address 127.0.0.1", 60), ("code prefix +84905", 3000), ("code everywhere", 20_000)]
)
async def test_b14_an_address_a_prefix_and_the_city_have_budgets_of_their_own(
    db: Connection, desk: httpx.AsyncClient, budget: str, most: int
) -> None:
    await ask_for_code(desk, "+84905000001")
    await db.execute(sql.use_up_budget, budget, most - 1)
    assert (await ask_for_code(desk, "+84905000002")).status_code == 202
    refused = await ask_for_code(desk, "+84905000003")
    assert problem(refused) == (429, "TooManyCodes")
    assert 1 <= int(refused.headers["retry-after"]) <= 3600


async def test_b14_a_device_has_a_budget_of_its_own(db: Connection, desk: httpx.AsyncClient) -> None:
    mine, other = a_device(), a_device()

    async def asked(number: int, device_id: str) -> httpx.Response:
        body = {"phone": f"+8490500000{number}", "device_id": device_id}
        return await desk.post("/v1/sign-in/codes", json=body)

    assert (await asked(1, mine)).status_code == 202
    await db.execute(sql.use_up_budget, f"code device {mine}", 10)
    assert problem(await asked(2, mine)) == (429, "TooManyCodes")
    assert (await asked(2, other)).status_code == 202


async def test_b14_a_household_of_ipv6_is_one_address(db: Connection, desk_app: Desk) -> None:
    async def asked(phone: str, address: str) -> int:
        async with _from(desk_app, address) as client:
            return (await ask_for_code(client, phone)).status_code

    assert await asked("+84905000001", "2001:db8::1") == 202
    await db.execute(sql.use_up_budget, "code address 2001:db8::/64", 60)
    assert await asked("+84905000002", "2001:db8::2") == 429
    assert await asked("+84905000002", "2001:db8:0:1::2") == 202


def _from(desk_app: Desk, address: str) -> httpx.AsyncClient:
    app: Any = desk_app.app
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, client=(address, 1)), base_url="http://huong.test"
    )


async def test_b14_an_address_has_tries_of_its_own_however_many_challenges_there_are(
    db: Connection, desk: httpx.AsyncClient, desk_app: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    challenge_id, code = await a_sent_code(db, desk, capsys)
    [guess] = wrong_for(code, 1)
    assert problem(await redeem(desk, challenge_id, guess)) == (401, "WrongCode")
    await db.execute(sql.use_up_budget, "code tries 127.0.0.1", 120)
    refused = await redeem(desk, challenge_id, code)
    assert problem(refused) == (429, "TooManyTries")
    assert 1 <= int(refused.headers["retry-after"]) <= 3600
    async with _from(desk_app, "198.51.100.1") as elsewhere:
        assert (await redeem(elsewhere, challenge_id, code)).status_code == 201


async def test_b14_who_is_looked_up_too_often_is_not_told(db: Connection, desk: httpx.AsyncClient) -> None:
    """Names behind numbers and customer codes: nobody reads the city's phone book."""
    resident, friend = await a_resident(db), await a_resident(db)
    bills = {"biller": await a_biller(db), "customer_code": "PP03000000001"}
    lookups = {
        "payee": partial(desk.post, "/v1/wallet/payee-readings", json={"phone": friend.phone}),
        "bills": partial(desk.get, "/v1/wallet/bills", params=bills),
    }
    for budget, look_up in lookups.items():
        assert (await look_up(headers=resident.headers)).status_code == 200, budget
        await db.execute(sql.use_up_budget, f"{budget} {resident.id}", 1000)
        assert (await look_up(headers=resident.headers)).status_code == 429, budget


async def test_b14_twenty_requests_at_once_for_one_number_make_one_code(town: City) -> None:
    answers = await asyncio.gather(*(ask_for_code(town.client, REAL_PHONE) for _ in range(20)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(202) == 1
    assert set(statuses) <= {202, 429, 503}


async def test_b15_the_lock_survives_a_restart(town: City) -> None:
    async with town.database.transaction() as db:
        resident = await a_resident(db)
    assert (await tries(town.client, resident, 5))[-1] == ("PinLocked", None)
    async with open_city(town.settings) as restarted:
        assert problem(await unlock(restarted.client, resident, PIN)) == (403, "PinLocked")


async def test_b15_the_count_is_shared_by_all_processes_and_survives_the_refused_request(town: City) -> None:
    async with town.database.transaction() as db:
        resident = await a_resident(db)
    async with open_city(town.settings) as other:
        left = [(await tries(place.client, resident, 1))[0][1] for place in (town, other, town, other)]
    assert left == [4, 3, 2, 1]
    async with town.database.acquire() as db:
        assert await wrong_tries(db, resident) == 4


async def test_b15_a_request_that_is_rolled_back_gives_no_try_back(town: City) -> None:
    async with town.database.transaction() as db:
        resident = await a_resident(db)
    for _ in range(5):
        wanted = {"pin": "846201", "old_pin": WRONG}
        assert (await town.client.put("/v1/me/pin", headers=resident.headers, json=wanted)).status_code == 403
    for pin in (PIN, "846201"):
        assert problem(await unlock(town.client, resident, pin)) == (403, "PinLocked")


async def test_b16_a_lost_answer_is_given_again_with_what_is_left_of_its_time(
    db: Connection, desk: httpx.AsyncClient, later: Later
) -> None:
    session = await signed_in(desk)
    first = await refreshed(desk, session["refresh_token"])
    await later(59)
    again = await refreshed(desk, session["refresh_token"])
    assert (again.status_code, again.json()) == (201, first.json() | {"expires_in": 841})
    assert await db.fetchrow(sql.refresh_tokens, UUID(session["me"]["id"])) == (2, 1)
    assert (await me(desk, again.json())).status_code == 200


async def test_b16_a_refresh_token_used_again_a_minute_later_ends_the_session(
    db: Connection, desk: httpx.AsyncClient, later: Later
) -> None:
    session = await signed_in(desk)
    child = (await refreshed(desk, session["refresh_token"])).json()
    await later(61)
    assert problem(await refreshed(desk, session["refresh_token"])) == (401, "RefreshRefused")
    assert await db.fetch(sql.session_ends, UUID(session["me"]["id"])) == [("refresh_reused",)]
    assert problem(await refreshed(desk, child["refresh_token"])) == (401, "RefreshRefused")
    for held in (session, child):
        assert problem(await me(desk, held)) == (401, "SignInRequired")


async def test_b16_a_refresh_token_used_again_after_its_child_ends_the_session(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    session = await signed_in(desk)
    child = (await refreshed(desk, session["refresh_token"])).json()
    grandchild = (await refreshed(desk, child["refresh_token"])).json()
    assert problem(await refreshed(desk, session["refresh_token"])) == (401, "RefreshRefused")
    assert await db.fetch(sql.session_ends, UUID(session["me"]["id"])) == [("refresh_reused",)]
    assert problem(await refreshed(desk, grandchild["refresh_token"])) == (401, "RefreshRefused")
    assert problem(await me(desk, grandchild)) == (401, "SignInRequired")


async def test_b16_twenty_refreshes_at_once_have_one_child(town: City, neighbour: City) -> None:
    session = await signed_in(town.client, "+84900000779")
    places = (town.client, neighbour.client) * 10
    answers = await asyncio.gather(*(refreshed(place, session["refresh_token"]) for place in places))
    assert {answer.status_code for answer in answers} == {201}
    assert len({(answer.json()["access_token"], answer.json()["refresh_token"]) for answer in answers}) == 1
    async with town.database.acquire() as db:
        assert await db.fetchrow(sql.refresh_tokens, UUID(session["me"]["id"])) == (2, 1)
    assert (await refreshed(town.client, answers[0].json()["refresh_token"])).status_code == 201


async def test_b17_signing_out_counts_elsewhere_within_five_seconds(
    town: City, neighbour: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 1000.0
    monkeypatch.setattr(bearer_module, "monotonic", lambda: seconds)
    session = await signed_in(town.client)
    assert (await me(neighbour.client, session)).status_code == 200
    assert (await town.client.delete("/v1/sign-in/sessions/current", headers=bearer(session))).status_code == 204
    assert (await me(town.client, session)).status_code == 401
    seconds += 4.9
    assert (await me(neighbour.client, session)).status_code == 401
    assert CACHE_LIFE_S < 5
