"""A whole city in which time passes, and an outside world that is honest again at the beginning of each test."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta

import pytest

from app import clock
from tests.conftest import City
from tests.statements import sql
from wallet.gateways import breaker

Passing = Callable[[City, float], Awaitable[None]]


@pytest.fixture
async def passing() -> AsyncIterator[Passing]:
    """Let so many seconds pass in a city: in Python, and on its connections, which are made anew."""
    passed = timedelta()

    async def move(city: City, seconds: float) -> None:
        nonlocal passed
        passed += timedelta(seconds=seconds)
        clock.set_offset(passed)
        city.database.settings = {"huong.clock_offset": f"{passed.total_seconds()} seconds"}
        await city.database.close()
        async with city.database.acquire() as db:
            await db.execute(sql.cut, "huong till")

    yield move
    clock.set_offset(timedelta())


@pytest.fixture(autouse=True)
def _nobody_was_asked_yet() -> Iterator[None]:
    yield
    breaker.forget()
