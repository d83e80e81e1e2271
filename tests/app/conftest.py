"""A database without an app, and a city that commits for all."""

from collections.abc import AsyncIterator

import pytest

from app.db import Database
from migrations import APP_ROLE
from tests.conftest import City, Servers, cloned, open_city, settings_for
from tests.statements import sql


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
