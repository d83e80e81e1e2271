"""Where is it? What a code tells everybody, and what it tells whoever has the receipt."""

import asyncio
import re
from typing import Any

import httpx
import pytest

from app.db import Connection
from dossiers.look_ups import BadDossierCode, read_code
from tests.conftest import City
from tests.dossiers.makers import an_office, filed, problem, the_procedures
from tests.dossiers.test_races import submitted
from tests.makers import a_resident

DOOR = "/v1/dossiers/look-ups"


async def a_receipt(db: Connection, desk: httpx.AsyncClient) -> tuple[dict[str, Any], str]:
    """A dossier in hand, and the digits on its receipt."""
    await the_procedures(db)
    person, office = await a_resident(db), await an_office(db, desk)
    dossier = await filed(db, desk, person)
    await office.to_appraisal(dossier["id"])
    mine = (await desk.get(f"/v1/dossiers/{dossier['id']}", headers=person.headers)).json()
    return mine, mine["pin"]


def wrong(pin: str) -> str:
    """Other digits."""
    return f"{(int(pin) + 1) % 10_000:04}"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("H57.31-261122-0001", "H57.31-261122-0001"),
        (" h57.01.15-261122-0001 ", "H57.01.15-261122-0001"),
        ("H57.01.15 - 20261122 - 00001", "H57.01.15-20261122-00001"),
        ("000.00.16.H57-221010-0003", "000.00.16.H57-221010-0003"),
    ],
)
def test_a_code_is_taken_in_every_form_that_there_was(typed: str, code: str) -> None:
    assert read_code(typed) == code


@pytest.mark.parametrize(
    "typed", ["H57-1-1", "PA12345678", "Z57.31-261122-0001", "H57.31-261122-001", "H57.31.-261122-0001"]
)
def test_what_is_no_code_is_none(typed: str) -> None:
    with pytest.raises(BadDossierCode):
        read_code(typed)


async def test_a_code_alone_tells_how_far_it_is_and_nothing_else(db: Connection, desk: httpx.AsyncClient) -> None:
    dossier, _ = await a_receipt(db, desk)
    found = await desk.post(DOOR, json={"code": dossier["code"].lower()})
    assert found.status_code == 200
    told = {name: value for name, value in found.json().items() if value is not None}
    assert told == {"code": dossier["code"], "percent": 40}
    unknown = await desk.post(DOOR, json={"code": "H57.31-200101-0001"})
    assert (unknown.status_code, problem(unknown)) == (404, "NoSuchDossier")


async def test_the_receipts_digits_tell_the_steps_but_nobodys_name(db: Connection, desk: httpx.AsyncClient) -> None:
    dossier, pin = await a_receipt(db, desk)
    found = await desk.post(DOOR, json={"code": dossier["code"], "pin": pin})
    assert found.json()["steps"][-1]["department"] == "Phòng clerk"
    assert found.json()["due_at"] == dossier["due_at"]
    for secret in ("Ngự Bình", "Ngự Hà", "child_name", "Tiếp Nhận", dossier["id"], "+8491"):
        assert secret not in found.text, secret


async def test_ten_wrong_tries_lock_the_code_for_that_address(db: Connection, desk: httpx.AsyncClient) -> None:
    dossier, pin = await a_receipt(db, desk)
    for _ in range(10):
        answer = await desk.post(DOOR, json={"code": dossier["code"], "pin": wrong(pin)})
        assert (answer.status_code, problem(answer)) == (403, "WrongDossierPin")
    locked = await desk.post(DOOR, json={"code": dossier["code"], "pin": pin})
    assert (locked.status_code, problem(locked)) == (429, "DossierLookUpLocked")
    assert 0 < int(locked.headers["retry-after"]) <= 3600
    assert (await desk.post(DOOR, json={"code": dossier["code"]})).status_code == 200


async def test_right_digits_wear_nothing_out(db: Connection, desk: httpx.AsyncClient) -> None:
    dossier, pin = await a_receipt(db, desk)
    for _ in range(15):
        assert (await desk.post(DOOR, json={"code": dossier["code"], "pin": pin})).status_code == 200


async def test_tries_at_the_same_moment_are_counted_too(city: City) -> None:
    async with city.database.transaction() as db:
        await the_procedures(db)
        person, office = await a_resident(db), await an_office(db, city.client)
    dossier = await submitted(city, person)
    await office.to_appraisal(dossier["id"])
    mine = (await city.client.get(f"/v1/dossiers/{dossier['id']}", headers=person.headers)).json()
    answers = await asyncio.gather(
        *(city.client.post(DOOR, json={"code": mine["code"], "pin": wrong(mine["pin"])}) for _ in range(30))
    )
    said = [answer.status_code for answer in answers]
    assert said.count(403) == 10
    assert set(said) == {403, 429}


async def test_a_pin_is_four_digits_and_on_the_owners_screen_only_when_accepted(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    await the_procedures(db)
    person = await a_resident(db)
    assert (await filed(db, desk, person))["pin"] is None
    dossier, pin = await a_receipt(db, desk)
    assert re.fullmatch(r"[0-9]{4}", pin)
    assert dossier["code"]
