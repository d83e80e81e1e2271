"""The sandbox's reports are made by the verbs, once."""

from collections import Counter

from app.cli import plant_once
from app.clock import city_now
from app.db import queries_beside
from feedback import seed
from tests.conftest import City

sql = queries_beside(__file__)


async def test_sixty_reports_in_all_states_and_no_more_the_second_time(city: City) -> None:
    await plant_once(city.database)
    async with city.database.acquire() as db:
        first = await db.fetch(sql.all_reports)
    assert len(first) == 60
    states = Counter(row["status"] for row in first)
    assert states.keys() == {
        "submitted", "verified", "rejected", "assigned", "in_progress", "resolved", "closed", "duplicate",
    }  # fmt: skip
    assert len({row["category_code"] for row in first}) == 18
    assert all(row["made_at"] <= row["updated_at"] <= city_now() for row in first), "nothing happens tomorrow"
    assert any(row["reopened"] for row in first)
    assert any(row["extended"] for row in first)
    assert any(row["asked_at"] for row in first)
    await plant_once(city.database)
    async with city.database.acquire() as db:
        assert await db.fetch(sql.all_reports) == first


async def test_a_bigger_city_lives_two_years(city: City) -> None:
    await plant_once(city.database)
    await seed.plant_city(city.database, 40)
    await seed.settle(city.database)
    async with city.database.acquire() as db:
        every = await db.fetch(sql.all_reports)
    assert len(every) == 100
    assert (max(row["made_at"] for row in every) - min(row["made_at"] for row in every)).days > 600
    late = [row for row in every if row["status"] == "resolved" and (city_now() - row["resolved_at"]).days > 11]
    assert late == [], "the clock has closed what nobody had reopened"
