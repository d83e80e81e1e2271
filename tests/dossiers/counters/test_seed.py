"""The sandbox's counters live, and are planted once."""

from app.cli import plant_once
from app.db import queries_beside
from dossiers.counters import seed
from tests.conftest import City

sql = queries_beside(__file__)


async def test_a_day_at_a_counter_and_no_more_the_second_time(city: City) -> None:
    await plant_once(city.database, most_dossiers=1)
    await seed.plant(city.database)
    screen = (await city.client.get(f"/v1/dossiers/counters/{seed.COUNTER}")).json()
    assert [window["label"] for window in screen["windows"]] == ["B003", "B004"]
    assert screen["waiting"] == 2
    elsewhere = (await city.client.get("/v1/dossiers/counters/counter-city")).json()
    assert [window["window"] for window in elsewhere["windows"]] == [1, 2]
    async with city.database.acquire() as db:
        first = await db.fetch(sql.tickets, seed.COUNTER)
        assert await db.fetchval(sql.events_of, "CounterBooked") == 3
    await seed.plant(city.database)
    async with city.database.acquire() as db:
        assert await db.fetch(sql.tickets, seed.COUNTER) == first
        assert await db.fetchval(sql.events_of, "CounterBooked") == 3
