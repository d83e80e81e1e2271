"""The PIN that opens the wallet: five wrong tries lock it, ten end every session, and nothing refunds a try."""

import asyncio

import httpx
import pytest

from app.db import Connection
from app.identity import pins
from app.identity.bearer import Bearer
from app.identity.tokens import token_hash
from app.secrets import mac
from tests.app.phones import WRONG, problem, tries, unlock, wrong_tries
from tests.conftest import City, Desk, Later, OneConnection
from tests.makers import PIN, Resident, a_resident
from tests.statements import sql

QUARTER_S = 15 * 60


async def set_pin(client: httpx.AsyncClient, who: Resident, pin: str, old: str | None = None) -> httpx.Response:
    """PUT a PIN, with the old one if there is one."""
    body = {"pin": pin} if old is None else {"pin": pin, "old_pin": old}
    return await client.put("/v1/me/pin", headers=who.headers, json=body)


# Setting and changing


async def test_a_newcomer_sets_a_pin_and_opens_the_wallet(db: Connection, desk: httpx.AsyncClient) -> None:
    newcomer = await a_resident(db, with_pin=False, unlocked=False, level=1)
    assert problem(await unlock(desk, newcomer)) == (409, "PinNotSet")
    assert (await set_pin(desk, newcomer, PIN)).status_code == 204
    assert (await desk.get("/v1/me", headers=newcomer.headers)).json()["has_pin"] is True
    assert (await unlock(desk, newcomer)).status_code == 201


async def test_what_is_kept_of_a_pin_cannot_be_tried_without_the_pepper(
    db: Connection, desk: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    newcomer = await a_resident(db, with_pin=False, level=1)
    await set_pin(desk, newcomer, PIN)
    kept = await db.fetchrow(sql.pin_row, newcomer.id)
    assert kept is not None
    assert kept["hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")

    def under_another_pepper(purpose: str, pin: str, key_id: str) -> bytes:
        return mac("another pepper", purpose, pin, key_id=key_id)

    monkeypatch.setattr(pins, "mac", under_another_pepper)
    assert problem(await unlock(desk, newcomer)) == (403, "WrongPin")


@pytest.mark.parametrize(
    "pin",
    ["000000", "999999", "123456", "654321", "890123", "210987", "121212", "123123", "112233", "332211", "159753"],
)
async def test_an_easy_pin_is_refused(db: Connection, desk: httpx.AsyncClient, pin: str) -> None:
    newcomer = await a_resident(db, with_pin=False, level=1)
    assert problem(await set_pin(desk, newcomer, pin)) == (400, "EasyPin")
    assert (await desk.get("/v1/me", headers=newcomer.headers)).json()["has_pin"] is False


@pytest.mark.parametrize("pin", ["", "25803", "2580366", "25803a", "25803６", "258036\n", "-25803", 258036, None])
async def test_a_pin_is_six_digits(db: Connection, desk: httpx.AsyncClient, pin: object) -> None:
    newcomer = await a_resident(db, with_pin=False, level=1)
    answer = await desk.put("/v1/me/pin", headers=newcomer.headers, json={"pin": pin})
    assert problem(answer) == (400, "Malformed")


async def test_a_pin_is_changed_with_the_old_one(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    assert (await set_pin(desk, resident, "846201", old=PIN)).status_code == 204
    assert problem(await unlock(desk, resident, PIN)) == (403, "WrongPin")
    assert (await unlock(desk, resident, "846201")).status_code == 201


async def test_a_pin_is_not_changed_without_the_old_one(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    assert problem(await set_pin(desk, resident, "846201")) == (409, "OldPinNeeded")
    assert (await unlock(desk, resident, PIN)).status_code == 201


async def test_a_pin_is_not_changed_with_a_wrong_old_one_and_the_try_counts(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    resident = await a_resident(db)
    refused = await set_pin(desk, resident, "846201", old=WRONG)
    assert (problem(refused), refused.json()["tries_left"]) == ((403, "WrongPin"), 4)
    assert await tries(desk, resident, 1) == [("WrongPin", 3)]
    assert (await unlock(desk, resident, PIN)).status_code == 201


async def test_an_easy_new_pin_costs_no_try(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    assert problem(await set_pin(desk, resident, "000000", old=WRONG)) == (400, "EasyPin")
    assert await wrong_tries(db, resident) == 0


# Wrong tries


async def test_wrong_tries_count_down_to_a_lock_of_a_quarter_of_an_hour(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    resident = await a_resident(db, unlocked=False)
    assert await tries(desk, resident, 4) == [("WrongPin", 4), ("WrongPin", 3), ("WrongPin", 2), ("WrongPin", 1)]
    fifth = await unlock(desk, resident, WRONG)
    assert problem(fifth) == (403, "PinLocked")
    assert fifth.headers["retry-after"] == "900"


async def test_while_it_is_locked_the_right_pin_is_refused_too(
    db: Connection, desk: httpx.AsyncClient, later: Later
) -> None:
    resident = await a_resident(db, unlocked=False)
    await tries(desk, resident, 5)
    await later(60)
    for pin in (PIN, WRONG):
        locked = await unlock(desk, resident, pin)
        assert problem(locked) == (403, "PinLocked")
        assert 800 < int(locked.headers["retry-after"]) <= QUARTER_S - 60
    assert problem(await set_pin(desk, resident, "846201", old=PIN)) == (403, "PinLocked")
    assert (await desk.get("/v1/wallet", headers=resident.headers)).json()["unlocked_until"] is None


async def test_tries_on_a_locked_pin_do_not_lengthen_the_lock(
    db: Connection, desk: httpx.AsyncClient, later: Later
) -> None:
    resident = await a_resident(db)
    await tries(desk, resident, 8)
    await later(QUARTER_S + 1)
    assert (await unlock(desk, resident, PIN)).status_code == 201


async def test_the_right_pin_forgets_the_wrong_ones(db: Connection, desk: httpx.AsyncClient, later: Later) -> None:
    resident = await a_resident(db)
    await tries(desk, resident, 4)
    assert (await unlock(desk, resident, PIN)).status_code == 201
    assert await tries(desk, resident, 5) == [
        ("WrongPin", 4), ("WrongPin", 3), ("WrongPin", 2), ("WrongPin", 1), ("PinLocked", None),
    ]  # fmt: skip
    await later(QUARTER_S + 1)
    assert (await unlock(desk, resident, PIN)).status_code == 201
    assert await tries(desk, resident, 1) == [("WrongPin", 4)]


async def test_the_tenth_wrong_try_ends_every_session(
    db: Connection, desk: httpx.AsyncClient, desk_app: Desk, later: Later
) -> None:
    resident, other = await a_resident(db, level=1), await a_resident(db)
    await tries(desk, resident, 5)
    await later(QUARTER_S + 1)
    assert await tries(desk, resident, 5) == [
        ("WrongPin", 4), ("WrongPin", 3), ("WrongPin", 2), ("WrongPin", 1), ("PinExhausted", None),
    ]  # fmt: skip
    assert await db.fetch(sql.session_ends, resident.id) == [("pin_exhausted",)]
    assert await db.fetch(sql.session_ends, other.id) == [(None,)]
    elsewhere = Bearer(desk_app.app.asgi_handler, desk_app.database, desk_app.app.state.rates)
    assert await elsewhere.principal(token_hash(resident.token)) is None


async def test_whoever_was_signed_out_for_wrong_pins_waits_before_the_next_try(
    db: Connection, desk: httpx.AsyncClient, later: Later
) -> None:
    resident = await a_resident(db, level=1)
    await tries(desk, resident, 5)
    await later(QUARTER_S + 1)
    await tries(desk, resident, 5)
    assert problem(await unlock(desk, resident, PIN)) == (403, "PinLocked")
    await later(QUARTER_S + 1)
    assert await pins_left(db, resident) == 4


async def test_after_ten_wrong_pins_a_verified_person_is_verified_again(
    db: Connection, desk: httpx.AsyncClient, later: Later
) -> None:
    resident = await a_resident(db)
    await tries(desk, resident, 5)
    await later(QUARTER_S + 1)
    assert (await tries(desk, resident, 5))[-1] == ("PinExhausted", None)
    assert await db.fetch(sql.session_ends, resident.id) == [("pin_exhausted",)]
    await later(QUARTER_S + 1)
    with pytest.raises(pins.AccountLocked):
        await pins.check(OneConnection(db), resident.me, PIN)


async def pins_left(db: Connection, who: Resident) -> int:
    """How many tries a wrong one leaves, asked past the front door (the session is over)."""
    with pytest.raises(pins.WrongPin) as refused:
        await pins.check(OneConnection(db), who.me, WRONG)
    return refused.value.members["tries_left"]


# Nothing refunds a try


async def test_a_pin_is_set_once_by_two_phones_at_once(town: City) -> None:
    async with town.database.transaction() as db:
        newcomer = await a_resident(db, with_pin=False, level=1)
    chosen = ("846201", "846202")
    answers = await asyncio.gather(*(set_pin(town.client, newcomer, pin) for pin in chosen))
    assert sorted(answer.status_code for answer in answers) in ([204, 409], [204, 429])
    winner = chosen[[answer.status_code for answer in answers].index(204)]
    assert (await unlock(town.client, newcomer, winner)).status_code == 201
