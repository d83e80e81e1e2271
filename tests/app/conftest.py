"""One app for all desks, a database without an app, time that passes at a word, settings of a production city."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from litestar import Litestar

from app import clock, config
from app.db import Connection, Database
from app.main import create_app
from migrations import APP_ROLE
from tests.conftest import OneConnection, Servers, client_of, cloned, settings_for
from tests.statements import sql

Later = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Desk:
    """The app that every test's `desk` is a client of; making one takes longer than most tests here."""

    app: Litestar
    database: OneConnection


_desks: dict[str, Desk] = {}


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


@pytest.fixture
async def database(template: Servers) -> AsyncIterator[Database]:
    """A pool on a database of its own: a city that nobody calls up."""
    async with cloned(template) as name:
        opened = Database(template.url(name, APP_ROLE), 8)
        yield opened
        await opened.close()


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
