"""What my data may be used for: decided by me, kept for ever."""

import asyncio

import asyncpg
import httpx
import pytest

from app.db import Connection
from app.privacy import consents
from app.privacy.consents import PURPOSES
from tests.app.phones import problem
from tests.conftest import City
from tests.makers import Resident, a_resident
from tests.statements import sql


async def decide(
    client: httpx.AsyncClient, me: Resident, purpose: str, given: bool, version: int = 1
) -> httpx.Response:
    """PUT a decision."""
    body = {"given": given, "version": version}
    return await client.put(f"/v1/me/consents/{purpose}", headers=me.headers, json=body)


async def given_by(client: httpx.AsyncClient, me: Resident) -> dict[str, bool]:
    """What I have consented to."""
    answer = await client.get("/v1/me/consents", headers=me.headers)
    assert answer.status_code == 200
    return {consent["purpose"]: consent["given"] for consent in answer.json()}


async def test_f45_nothing_but_the_service_is_consented_to_unless_i_say_so(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    me = await a_resident(db)
    assert await given_by(desk, me) == {purpose: purpose == "service" for purpose in PURPOSES}
    assert not await consents.is_given(db, me.id, "marketing")


async def test_f45_a_consent_is_given_and_withdrawn_and_both_stay(desk: httpx.AsyncClient, db: Connection) -> None:
    me, other = await a_resident(db), await a_resident(db)
    for given in (True, True, False, True):
        answer = await decide(desk, me, "statistics", given)
        assert (answer.status_code, answer.json()["given"]) == (200, given)
    assert (await given_by(desk, me))["statistics"]
    assert not (await given_by(desk, other))["statistics"]
    assert await consents.is_given(db, me.id, "statistics")
    rows = [tuple(row) for row in await db.fetch(sql.consent_rows, me.id)]
    assert rows == [("statistics", 1, True), ("statistics", 1, False), ("statistics", 1, True)]
    done = [row["done"] for row in await db.fetch(sql.processing_rows, me.id)]
    assert done == ["consent_given", "consent_withdrawn", "consent_given"]
    assert {row["action"] for row in await db.fetch(sql.audit_actions, str(me.id))} == {"privacy.consent_decided"}


async def test_what_the_service_needs_stays_and_what_is_unknown_is_not_there(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    me = await a_resident(db)
    assert problem(await decide(desk, me, "service", False)) == (409, "ServiceNeedsThis")
    assert (await decide(desk, me, "service", True)).status_code == 200
    assert problem(await decide(desk, me, "world-peace", True)) == (404, "NotFound")
    assert problem(await decide(desk, me, "marketing", True, version=2)) == (409, "ConsentWordsChanged")


async def test_new_words_ask_anew(desk: httpx.AsyncClient, db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    me = await a_resident(db)
    await decide(desk, me, "marketing", True)
    known = PURPOSES["marketing"]
    monkeypatch.setitem(PURPOSES, "marketing", type(known)(2, known.title, known.words))
    answer = await desk.get("/v1/me/consents", headers=me.headers | {"accept-language": "en"})
    [consent] = [one for one in answer.json() if one["purpose"] == "marketing"]
    assert (consent["given"], consent["outdated"], consent["version"]) == (False, True, 2)
    assert consent["title"] == "News and offers"
    assert not await consents.is_given(db, me.id, "marketing")


async def test_two_decisions_at_once_leave_one_of_them(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    await asyncio.gather(*(decide(city.client, me, "statistics", True) for _ in range(8)))
    async with city.database.acquire() as db:
        assert len(await db.fetch(sql.consent_rows, me.id)) == 1


@pytest.mark.parametrize(
    "statement", [sql.change_consents, sql.drop_openings, sql.change_processing, sql.change_breaches]
)
async def test_what_was_written_down_cannot_be_changed(db: Connection, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute(statement)


async def test_f45_i_see_one_purpose_as_it_stands_in_the_list(desk: httpx.AsyncClient, db: Connection) -> None:
    headers = (await a_resident(db)).headers
    decided = {"given": True, "version": 1}
    assert (await desk.put("/v1/me/consents/statistics", headers=headers, json=decided)).status_code == 200
    for consent in (await desk.get("/v1/me/consents", headers=headers)).json():
        shown = await desk.get(f"/v1/me/consents/{consent['purpose']}", headers=headers)
        assert (shown.status_code, shown.json()) == (200, consent)
    assert (await desk.get("/v1/me/consents/elephant", headers=headers)).status_code == 404
