"""The first screen says what warnings there are, and stays as quick as it was."""

import json
from typing import Any

import httpx

from app.cli import plant_once
from app.db import Connection
from tests.conftest import City
from tests.makers import Resident, a_resident, a_staff_member
from tests.notifications.alerts.warning import approval, in_force, in_hours, written
from tests.statements import sql


async def _alerts(desk: httpx.AsyncClient, resident: Resident, language: str = "vi") -> list[dict[str, Any]]:
    answer = await desk.get("/v1/home", headers=resident.headers | {"accept-language": language})
    assert answer.status_code == 200, answer.text
    return answer.json()["notifications"]["alerts"]


async def test_the_first_screen_shows_what_is_for_the_whole_city(desk: httpx.AsyncClient, db: Connection) -> None:
    resident, operator = await a_resident(db), await a_staff_member(db)
    chief = await a_staff_member(db, role="supervisor")
    assert await _alerts(desk, resident) == []
    rain = await written(desk, operator)
    flood = await written(desk, operator, severity="Extreme", headline_vi="Lũ trên sông Hương", headline_en="Flood")
    assert [one["id"] for one in await _alerts(desk, resident)] == [rain["id"]]
    await approval(desk, chief, flood["id"])
    first, second = await _alerts(desk, resident, "en")
    assert (first["id"], first["severity"], first["headline"]) == (flood["id"], "Extreme", "Flood")
    assert first["link"] == f"/alerts/{flood['id']}"
    assert (second["id"], second["headline"]) == (rain["id"], rain["headline_en"])
    assert (await _alerts(desk, resident))[0]["headline"] == "Lũ trên sông Hương"


async def test_a_wards_warning_is_on_the_first_screen_of_whoever_cares_for_it(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    here, elsewhere, nowhere = [await a_resident(db) for _ in range(3)]
    for resident, ward in ((here, "19777"), (elsewhere, "20161")):
        kept = await desk.put("/v1/notifications/preferences", headers=resident.headers, json={"wards": [ward]})
        assert kept.status_code == 200, kept.text
    alert = await written(desk, await a_staff_member(db), wards=["19777", "19786"])
    assert [one["id"] for one in await _alerts(desk, here)] == [alert["id"]]
    assert (await _alerts(desk, elsewhere), await _alerts(desk, nowhere)) == ([], [])


async def test_it_shows_five_at_most(desk: httpx.AsyncClient, db: Connection) -> None:
    resident, operator = await a_resident(db), await a_staff_member(db)
    made = [(await written(desk, operator, expires_at=in_hours(2 + n)))["id"] for n in range(7)]
    assert [one["id"] for one in await _alerts(desk, resident)] == made[:1:-1]


async def test_a_grave_one_is_not_pushed_out_by_newer_ones(desk: httpx.AsyncClient, db: Connection) -> None:
    resident, operator = await a_resident(db), await a_staff_member(db)
    flood = await written(desk, operator, severity="Extreme")
    await approval(desk, await a_staff_member(db, role="supervisor"), flood["id"])
    newer = [(await written(desk, operator))["id"] for _ in range(6)]
    assert [one["id"] for one in await _alerts(desk, resident)] == [flood["id"], *newer[:1:-1]]


async def test_a_wards_grave_warning_is_on_the_first_screen_of_whoever_named_no_ward(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    """As it is pushed to them: they may live there."""
    elsewhere, nowhere, said_so = [await a_resident(db) for _ in range(3)]
    for resident, wards in ((elsewhere, ["20161"]), (said_so, [])):
        kept = await desk.put("/v1/notifications/preferences", headers=resident.headers, json={"wards": wards})
        assert kept.status_code == 200, kept.text
    flood = await written(desk, await a_staff_member(db), severity="Severe", wards=["19777"])
    await approval(desk, await a_staff_member(db, role="supervisor"), flood["id"])
    assert [len(await _alerts(desk, one)) for one in (elsewhere, nowhere, said_so)] == [0, 1, 1]


async def test_years_of_warnings_cost_the_first_screen_nothing(city: City) -> None:
    """Twenty thousand that are over: the look-up touches a handful of pages, since it begins where time is now."""
    async with city.database.transaction() as db:
        operator, resident = await a_staff_member(db), await a_resident(db)
        await db.execute(sql.plant_old_alerts, operator.id, 20_000)
    alert = await written(city.client, operator)
    async with city.database.acquire() as db:
        await db.fetchval(sql.explain_home, resident.id)  # the first time it is planned too
        [plan] = json.loads(await db.fetchval(sql.explain_home, resident.id))
    assert plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"] < 50
    assert await in_force(city.client) == [alert["id"]]


async def test_a_sandbox_has_a_warning_and_a_day_of_readings_and_not_twice(city: City) -> None:
    await plant_once(city.database, most_dossiers=1)
    [alert] = (await city.client.get("/v1/alerts")).json()["items"]
    assert (alert["severity"], alert["wards"], alert["ended"]) == ("Moderate", [], None)
    flood = (await city.client.get("/v1/alerts/flood")).json()
    assert [len(river["levels"]) for river in flood["rivers"]] == [24] * 4
    assert {river["trend"] for river in flood["rivers"]} <= {"rising", "steady"}
    assert all(one["inflow_m3_s"] > 0 and one["level_m"] > 30 for one in flood["reservoirs"])
    await plant_once(city.database, most_dossiers=1)
    assert len((await city.client.get("/v1/alerts")).json()["items"]) == 1
