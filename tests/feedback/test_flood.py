"""Many people report at once, over bad networks: nothing is lost, nothing is there twice."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from app import config
from tests.conftest import City
from tests.feedback import flood
from tests.feedback.makers import words
from tests.makers import a_resident
from tests.serving import a_server

REPORTS = 200


@pytest.fixture
def product(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A folder of the city's own, and the product's own limits."""
    with monkeypatch.context() as environment:
        environment.setenv("DATA_DIR", str(tmp_path))
        environment.delenv("HUONG_RATE_PER_MINUTE", raising=False)
        environment.delenv("HUONG_STRANGER_RATE_PER_MINUTE", raising=False)
        config.settings.cache_clear()
        yield
    config.settings.cache_clear()


@pytest.mark.usefixtures("product")
async def test_a_flood_of_reports_loses_nothing(city: City, unused_tcp_port: int) -> None:
    async with city.database.transaction() as db:
        residents, operators = await flood.plant(db, REPORTS)
    environment = {
        **os.environ, "DATABASE_URL": city.settings.database_url or "", "REDIS_URL": city.settings.redis_url or "",
        "HUONG_TRUSTED_PROXIES": "127.0.0.1",
    }  # fmt: skip
    async with a_server(environment, unused_tcp_port):
        ebb = await flood.let_loose(flood.Flood(unused_tcp_port, residents, operators, at_once=24, width=480))
    await city.worker.drain()
    assert await flood.faults(city.database, ebb) == []
    assert len(ebb.filed) == REPORTS


async def test_who_files_the_same_twice_at_once_has_filed_it_once(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    path = f"/v1/feedback/reports/{uuid4()}"
    answers = await asyncio.gather(*(city.client.put(path, headers=me.headers, json=words()) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json()["code"] for answer in answers}) == 1
