"""The tests' ground: one PostgreSQL and one Redis for the run, a migrated template, and two fixtures.

`db` is one connection that is rolled back (a savepoint per request of `desk`); `city` is a database of its own,
cloned from the template, with the real pool, the till and a worker: for payments, races, time and processes."""

import asyncio
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

os.environ["HUONG_MODE"] = "sandbox"
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="huong-data-")
os.environ.setdefault("HUONG_LOG_LEVEL", "warning")
os.environ.setdefault("HUONG_RATE_PER_MINUTE", "1000000000")  # tests are quicker than people
os.environ.setdefault("HUONG_STRANGER_RATE_PER_MINUTE", "1000000000")

import asyncpg
import httpx
import pytest
import uvicorn
from litestar import Litestar

import migrations
from app import client, clock, config, embedded, live
from app import db as db_module
from app.config import Settings
from app.connections import Connection as ServedConnection
from app.db import Connection, Database, prepare_connection
from app.live import Live
from app.main import create_app
from app.observe import calm_garbage_collection
from app.sandbox.stand_ins import create_stand_ins
from app.worker import Worker
from dossiers.sandbox.parties import parties as dossier_parties
from notifications.sandbox.parties import browsers
from notifications.sandbox.parties import parties as notification_parties
from tests.statements import sql
from wallet.sandbox.parties import parties
from wallet.till import Till

TEMPLATE = "huong_template"
client.BUILT = Path(os.environ["DATA_DIR"]) / "no client"
"""The API alone, whether or not a client was built beside it; with one: tests/client."""
db_module.ACQUIRE_TIMEOUT_S = 10.0
"""Two processes of tests and their servers share two cores: who waits for a connection is not sent away as soon."""
_clones = count(1)
Later = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Servers:
    """Where the run's PostgreSQL and Redis are."""

    superuser_url: str
    redis_url: str | None

    def url(self, database: str, role: str) -> str:
        """The address of a database for a role, on the same server."""
        return migrations.elsewhere(self.superuser_url, database, role)


def pytest_collection_finish() -> None:
    """Thousands of tests are objects too, which the collector need not look at again whenever one makes a few."""
    calm_garbage_collection()


@pytest.fixture(scope="session", autouse=True)
def data_dir() -> Iterator[Path]:
    """Where the run's uploads are."""
    path = Path(os.environ["DATA_DIR"])
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """DATABASE_URL and REDIS_URL if given (a superuser's), else servers of our own in a folder of their own."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield Servers(given, os.environ.get("REDIS_URL"))
        return
    with tempfile.TemporaryDirectory(prefix="huong-test-", dir=_memory(), ignore_cleanup_errors=True) as folder:
        data_dir = Path(folder)
        data_dir.chmod(0o755)
        postgres = embedded.start_postgres(data_dir, durable=False)
        redis = embedded.start_redis(data_dir)
        try:
            yield Servers(postgres.owner_url, redis.url if redis else None)
        finally:
            postgres.stop()
            if redis:
                redis.stop()


def _memory() -> str | None:
    """Where files are in memory, if there is enough: a clone is 300 files, which takes a disk half a second."""
    with suppress(OSError):
        there = os.statvfs("/dev/shm")
        if there.f_bavail * there.f_frsize > 4 << 30 and not there.f_flag & os.ST_NOEXEC:
            return "/dev/shm"
    return None


@pytest.fixture(scope="session")
async def template(servers: Servers) -> Servers:
    """A migrated database that others are cloned from."""
    await _drop(servers, TEMPLATE)
    await migrations.make_database(servers.superuser_url, TEMPLATE)
    await migrations.migrate(servers.url(TEMPLATE, migrations.OWNER_ROLE), migrations.APP_ROLE, "sandbox")
    return servers


async def _drop(servers: Servers, database: str) -> None:
    connection = await asyncpg.connect(servers.superuser_url)
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
    finally:
        await connection.close()


@asynccontextmanager
async def cloned(servers: Servers, template: str = TEMPLATE) -> AsyncGenerator[str]:
    """The name of a fresh clone of a template, dropped at the end."""
    name = f"huong_test_{os.getpid()}_{next(_clones)}"
    connection = await asyncpg.connect(servers.superuser_url)
    try:
        await connection.execute(
            f"CREATE DATABASE {name} TEMPLATE {template} OWNER {migrations.OWNER_ROLE} STRATEGY file_copy"
        )
        yield name
    finally:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.close()


def settings_for(servers: Servers, database: str) -> Settings:
    """This run's settings for a database, as the app role."""
    return config.read(
        {
            **os.environ,
            "DATABASE_URL": servers.url(database, migrations.APP_ROLE),
            "DATABASE_OWNER_URL": servers.url(database, migrations.OWNER_ROLE),
            "REDIS_URL": servers.redis_url or "",
        }
    )


@dataclass(frozen=True)
class City:
    """A whole city: its app with the till running, a client, and a worker that works when asked."""

    app: Litestar
    client: httpx.AsyncClient
    database: Database
    worker: Worker
    settings: Settings


@pytest.fixture(scope="session")
def kept_app(template: Servers) -> Litestar:
    """One app for all cities: making one takes longer than to clone a database."""
    return create_app(settings_for(template, TEMPLATE))


@pytest.fixture
async def city(template: Servers, kept_app: Litestar) -> AsyncIterator[City]:
    """A city with a database of its own, and an app that remembers nobody."""
    async with cloned(template) as name:
        settings = settings_for(template, name)
        database: Database = kept_app.state.database
        database.url, database.settings = settings.database_url or "", {}
        clock.set_offset(timedelta())  # another app may have been of another day
        kept_app.state.till, kept_app.state.live = Till(database, settings.till_lanes), Live(settings.redis_url)
        forget_callers(kept_app)
        async with _opened(kept_app, settings) as opened:
            yield opened


@pytest.fixture
async def redis_city(city: City, template: Servers, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[City]:
    """A city whose worker rings through the run's Redis, and whose API hears it."""
    if template.redis_url is None:
        pytest.fail("these tests need a Redis")
    monkeypatch.setenv("REDIS_URL", template.redis_url)
    config.settings.cache_clear()
    live.here.cache_clear()
    city.app.state.live.start()
    async with asyncio.timeout(5):
        while not city.app.state.live.heard:  # noqa: ASYNC110 - it rings no bell when it begins to hear
            await asyncio.sleep(0.01)
    yield city
    await city.app.state.live.close()
    await live.here().close()
    monkeypatch.undo()
    config.settings.cache_clear()
    live.here.cache_clear()


@asynccontextmanager
async def open_city(settings: Settings) -> AsyncGenerator[City]:
    """Another app on a database, as another process would be."""
    async with _opened(create_app(settings), settings) as opened:
        yield opened


def forget_callers(app: Litestar) -> None:
    """As if nobody had called yet."""
    for door in (app.state.bearer, app.state.staff_cookie, app.state.signatures):
        door.seen.clear()


@asynccontextmanager
async def _opened(app: Litestar, settings: Settings) -> AsyncGenerator[City]:
    """The app without a socket, its lifespan kept."""
    database: Database = app.state.database
    app.state.till.start()
    async with client_of(app) as client:
        try:
            yield City(app, client, database, Worker(database), settings)
        finally:
            await app.state.live.close()
            await app.state.till.close()
            await database.close()


@asynccontextmanager
async def served(app: Litestar) -> AsyncGenerator[int]:
    """The port on which the app is served, in this event loop, as `litestar serve` serves it."""
    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, http=ServedConnection, server_header=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it has no event to wait for
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


def client_of(app: Litestar) -> httpx.AsyncClient:
    """A client on the app, in this event loop."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # pyright: ignore[reportArgumentType]
    return httpx.AsyncClient(transport=transport, base_url="http://huong.test")


class OneConnection(Database):
    """A pool of one connection, so that a test can roll everything back."""

    def __init__(self, connection: Connection) -> None:
        super().__init__("", 1)
        self.connection = connection
        self.turn = asyncio.Lock()

    @asynccontextmanager
    async def acquire(self) -> AsyncGenerator[Connection]:
        async with self.turn:
            yield self.connection


@pytest.fixture(scope="session")
async def shared_database(template: Servers) -> AsyncIterator[str]:
    """One clone for all tests that roll back."""
    async with cloned(template) as name:
        yield name


@pytest.fixture(scope="session")
async def kept_connection(template: Servers, shared_database: str) -> AsyncIterator[Connection]:
    """The connection that every test's `db` is: a new one would learn its types and statements anew."""
    connection = await asyncpg.connect(template.url(shared_database, migrations.APP_ROLE))
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


@dataclass(frozen=True)
class Desk:
    """The app that every test's `desk` is a client of; making one takes longer than most tests."""

    app: Litestar
    database: OneConnection


@pytest.fixture(scope="session")
def kept_desk(template: Servers, shared_database: str, kept_connection: Connection) -> Desk:
    """One app for all desks."""
    database = OneConnection(kept_connection)
    app = create_app(settings_for(template, shared_database), database)
    app.state.live = Live(None)
    app.state.live.closing = True  # a desk's client reads whole answers, and would wait for ever for a stream's end
    return Desk(app, database)


@pytest.fixture
def desk_app(kept_desk: Desk, db: Connection) -> Desk:
    """The app, on this test's connection, remembering nobody."""
    kept_desk.database.connection = db
    forget_callers(kept_desk.app)
    return kept_desk


@pytest.fixture
async def desk(desk_app: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose requests all use `db`. It cannot pay: the till has connections of its own (see `city`)."""
    async with client_of(desk_app.app) as client:
        yield client


@dataclass(frozen=True)
class StandIns:
    """The sandbox's outside parties, on a real socket; this process's settings point at them."""

    url: str

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(verify=False)  # nothing is encrypted here, and to load whom to trust takes long

    async def behave(self, party: str, mischief: str, *, at: str | None = None, times: int = 1) -> None:
        """Have `citizen`, `staff` or `face` do something wrong next; see app/sandbox/behaviour.py."""
        said: dict[str, str | int] = {"next": mischief, "times": times} | ({"at": at} if at else {})
        async with self._client() as client:
            (await client.put(f"{self.url}/{party}/behaviour", json=said)).raise_for_status()

    async def consent(self, authorize_url: str, login_hint: str) -> tuple[str, str]:
        """Sign in at the provider as a person of the sandbox (or `new:<name>`); the code and the state."""
        query = await self.answer(authorize_url, login_hint)
        return query["code"], query["state"]

    async def answer(self, authorize_url: str, login_hint: str) -> dict[str, str]:
        """What the provider sends back to our callback, be it a code or an error."""
        async with self._client() as client:
            url = httpx.URL(authorize_url).copy_merge_params({"login_hint": login_hint, "prompt": "none"})
            answer = await client.get(url)
        assert answer.status_code == 303, answer.text
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))

    async def match_face(self, url: str, answer: str = "match") -> None:
        """Open the face match's page and answer it at once: `match` or `refuse`."""
        async with self._client() as client:
            (await client.get(url, params={"auto": answer})).raise_for_status()


@pytest.fixture(scope="session")
def stand_ins() -> Iterator[StandIns]:
    """The stand-ins of the whole run."""
    with served_stand_ins() as served:
        yield served


def _bound_before_a_free_port() -> socket.socket:
    """A free port; the next one, where the stand-in of FCM will listen, is free too."""
    while True:
        bound = socket.socket()
        bound.bind(("127.0.0.1", 0))
        with socket.socket() as next_, suppress(OSError, OverflowError):
            next_.bind(("127.0.0.1", bound.getsockname()[1] + 1))
            return bound
        bound.close()


@contextmanager
def served_stand_ins() -> Generator[StandIns]:
    """Stand-ins as the settings have them, on a free port at which the settings point for so long.

    A thread of their own serves them: a test that waits for them does not keep them waiting."""
    before = os.environ.get("HUONG_SANDBOX_PORT")
    with _bound_before_a_free_port() as listening:
        listening.listen()  # whoever knocks before the thread is there waits
        port = listening.getsockname()[1]
        os.environ["HUONG_SANDBOX_PORT"] = str(port)
        config.settings.cache_clear()
        server = uvicorn.Server(
            uvicorn.Config(
                create_stand_ins(
                    config.settings(),
                    parties(config.settings()),
                    dossier_parties(config.settings()),
                    notification_parties(config.settings()),
                    browsers(config.settings()),
                ),
                log_config=None,
                ws="none",
                timeout_graceful_shutdown=1,
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="stand-ins")
        thread.start()
        try:
            yield StandIns(f"http://localhost:{port}")
        finally:
            server.should_exit = True
            thread.join()
            os.environ.pop("HUONG_SANDBOX_PORT")
            if before is not None:
                os.environ["HUONG_SANDBOX_PORT"] = before
            config.settings.cache_clear()


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
