"""A database without an app, a city that commits for all, time that passes, a production's settings."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta

import pytest

from app import clock, config
from app.db import Connection, Database
from migrations import APP_ROLE
from tests.conftest import City, Servers, cloned, open_city, settings_for
from tests.statements import sql

Later = Callable[[float], Awaitable[None]]


@pytest.fixture(scope="session")
async def second_database(template: Servers) -> AsyncIterator[str]:
    """One clone for all tests that commit and mind nobody."""
    async with cloned(template) as name:
        yield name


@pytest.fixture
async def database(template: Servers, second_database: str) -> AsyncIterator[Database]:
    """A pool without an app, on a database whose queue is empty."""
    opened = Database(template.url(second_database, APP_ROLE), 8)
    yield opened
    async with opened.acquire() as db:
        await db.execute(sql.forget_the_day)
    await opened.close()


@pytest.fixture(scope="session")
async def one_town(template: Servers, second_database: str) -> AsyncIterator[City]:
    """The city that is every test's `town`."""
    async with open_city(settings_for(template, second_database)) as opened:
        yield opened


@pytest.fixture
async def town(one_town: City) -> AsyncIterator[City]:
    """A city like `city`, in less time: who was there before still is, but what they did is forgotten."""
    one_town.app.state.bearer.seen.clear()
    one_town.app.state.staff_cookie.seen.clear()
    one_town.app.state.signatures.seen.clear()
    yield one_town
    if one_town.database.settings:
        one_town.database.settings = {}
        await one_town.database.close()
    async with one_town.database.acquire() as db:
        await db.execute(sql.forget_the_day)


@pytest.fixture
async def neighbour(town: City) -> AsyncIterator[City]:
    """Another process on the same database."""
    async with open_city(town.settings) as opened:
        yield opened


@pytest.fixture
async def later(db: Connection) -> AsyncIterator[Later]:
    """Let so many seconds pass, in Python and on `db`."""
    passed = timedelta()

    async def move(seconds: float) -> None:
        nonlocal passed
        passed += timedelta(seconds=seconds)
        clock.set_offset(passed)
        await db.execute(sql.move_clock, f"{passed.total_seconds()} seconds")

    yield move
    clock.set_offset(timedelta())


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process's settings are a production city's; the database stays the test's own."""
    with monkeypatch.context() as environment:
        environment.setenv("HUONG_MODE", "production")
        environment.setenv("HUONG_PEPPER", "a pepper of at least 32 characters")
        config.settings.cache_clear()
        yield
    config.settings.cache_clear()
