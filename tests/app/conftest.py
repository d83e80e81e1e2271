"""One connection and one app for all desks, a database without an app, time that passes, a production's settings."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import httpx
import pytest
from litestar import Litestar

from app import clock, config
from app.db import Connection, Database, prepare_connection
from app.main import create_app
from migrations import APP_ROLE
from tests.conftest import City, OneConnection, Servers, client_of, cloned, open_city, settings_for
from tests.statements import sql

Later = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Desk:
    """The app that every test's `desk` is a client of; making one takes longer than most tests here."""

    app: Litestar
    database: OneConnection


_desks: dict[str, Desk] = {}


@pytest.fixture(scope="session")
async def kept_connection(template: Servers, shared_database: str) -> AsyncIterator[Connection]:
    """The connection that every test's `db` is: a new one would learn its types and statements anew."""
    connection = await asyncpg.connect(template.url(shared_database, APP_ROLE))
    await prepare_connection(connection)
    yield connection
    await connection.close()


@pytest.fixture
async def db(kept_connection: Connection) -> AsyncIterator[Connection]:
    """A connection as the app role, rolled back at the end."""
    transaction = kept_connection.transaction()
    await transaction.start()
    try:
        yield kept_connection
    finally:
        await transaction.rollback()


@pytest.fixture
def desk_app(template: Servers, shared_database: str, db: Connection) -> Desk:
    """The app, on this test's connection, remembering nobody."""
    if shared_database not in _desks:
        database = OneConnection(db)
        _desks[shared_database] = Desk(create_app(settings_for(template, shared_database), database), database)
    opened = _desks[shared_database]
    opened.database.connection = db
    opened.app.state.bearer.seen.clear()
    return opened


@pytest.fixture
async def desk(desk_app: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose requests all use `db`."""
    async with client_of(desk_app.app) as client:
        yield client


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
    yield one_town
    if one_town.database.settings:
        one_town.database.settings = {}
        await one_town.database.close()
    async with one_town.database.acquire() as db:
        await db.execute(sql.forget_the_day)


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
