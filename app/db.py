"""The database's door: a lazy pool, statements by name, rows as Structs."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

from app.errors import OutcomeUnknown, Refusal, Unavailable

T = TypeVar("T")
if TYPE_CHECKING:  # the stubs are generic, the classes are not
    OwnConnection = asyncpg.Connection[asyncpg.Record]
    Connection = OwnConnection | PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:
    Connection = OwnConnection = Pool = Any

LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""How a connection that broke says so."""

NOT_OPEN = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # the database takes no connections for a while
)
"""How a server says that there is no connection to be had."""

ACQUIRE_TIMEOUT_S = 1.0
GRACE_S = 3
"""How much later than the server the client gives a statement up."""
COMMAND_TIMEOUT_S = 5.0 + GRACE_S

SESSION_SETTINGS = {
    "statement_timeout": "5s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
    "jit": "off",
}

_HEADER = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


class Queries:
    """The statements of a `queries.sql`, each an attribute by its `-- name:`."""

    def __init__(self, path: Path) -> None:
        _, *parts = _HEADER.split(path.read_text(encoding="utf-8"))
        self.statements = dict(zip(parts[::2], (part.strip().rstrip(";") for part in parts[1::2]), strict=True))

    def __getattr__(self, name: str) -> str:
        try:
            return self.statements[name]
        except KeyError:
            raise AttributeError(name) from None


def queries_beside(file: str) -> Queries:
    """The `queries.sql` in the folder of the module that asks."""
    return Queries(Path(file).with_name("queries.sql"))


async def one(type_: type[T], db: Connection, sql: str, *args: object) -> T:
    """The one row as a `type_`; a missing row is a programming error."""
    record = await db.fetchrow(sql, *args)
    return msgspec.convert(record, type_)


async def maybe(type_: type[T], db: Connection, sql: str, *args: object) -> T | None:
    """The row as a `type_`, or None."""
    record = await db.fetchrow(sql, *args)
    return None if record is None else msgspec.convert(record, type_)


async def many(type_: type[T], db: Connection, sql: str, *args: object) -> list[T]:
    """All rows as `type_`s."""
    return msgspec.convert(await db.fetch(sql, *args), list[type_])


async def prepare_connection(connection: Connection) -> None:
    """jsonb travels as msgspec JSON."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_encode_json, decoder=msgspec.json.decode, format="text"
    )


async def _as_it_was(_connection: Connection) -> None:
    """Nobody leaves anything behind on a borrowed connection: what is set, locked or opened is its transaction's, and
    asyncpg ends one that is open (tests/house/test_queries.py). Its own way of making sure, four statements each
    time, was more than a third of what a look-up costs."""


def _encode_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


async def connect(url: str, *, application: str, **settings: str) -> OwnConnection:
    """One connection outside the pool (the till's lanes, the worker's ear, migrations)."""
    connection = await asyncpg.connect(
        url,
        timeout=5,
        command_timeout=COMMAND_TIMEOUT_S,
        server_settings={**SESSION_SETTINGS, "application_name": application, **settings},
    )
    await prepare_connection(connection)
    return connection


class Database:
    """The app role's pool, made at first use: starting before PostgreSQL must not kill the process."""

    def __init__(self, url: str, connections: int, *, clock_offset_s: int = 0, statement_timeout_s: int = 5) -> None:
        self.url = url
        self.connections = connections
        self.statement_timeout_s = statement_timeout_s
        self.settings = {"huong.clock_offset": f"{clock_offset_s} seconds"} if clock_offset_s else {}
        self._pool: Pool | None = None
        self._opening = asyncio.Lock()

    async def connect(self, application: str, **settings: str) -> OwnConnection:
        """A connection of one's own, with this database's settings."""
        return await connect(self.url, application=application, **{**self.settings, **settings})

    @asynccontextmanager
    async def acquire(self) -> AsyncGenerator[Connection]:
        """A connection for a moment; raises Unavailable when none is free in time."""
        try:
            pool = self._pool or await self._open()
            connection = await pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
        except (TimeoutError, OSError, *NOT_OPEN) as cause:
            raise Unavailable from cause
        try:
            yield connection
        finally:
            # What breaks now was done before: the pool drops the connection, and nobody needs to hear of it.
            with suppress(asyncpg.PostgresError, *LOST):
                await pool.release(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        """A connection with a transaction around it: commits at the end, rolls back on any exception."""
        async with self.acquire() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def deed(self) -> AsyncGenerator[Connection]:
        """A connection with a transaction that ends as a request's does: a refusal rolls back unless it keeps."""
        async with self.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield connection
            except Refusal as refusal:
                await (transaction.commit() if refusal.keeps else transaction.rollback())
                raise
            except BaseException:
                await transaction.rollback()
                raise
            try:
                await transaction.commit()
            except LOST as cause:
                raise OutcomeUnknown from cause

    async def _open(self) -> Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self.url,
                    min_size=1,
                    max_size=self.connections,
                    max_inactive_connection_lifetime=300,
                    timeout=5,
                    command_timeout=self.statement_timeout_s + GRACE_S,
                    server_settings={
                        **SESSION_SETTINGS,
                        "statement_timeout": f"{self.statement_timeout_s}s",
                        "application_name": "huong",
                        **self.settings,
                    },
                    init=prepare_connection,
                    reset=_as_it_was,
                )
            return self._pool

    @property
    def in_use(self) -> int:
        """Connections lent out now."""
        return 0 if self._pool is None else self._pool.get_size() - self._pool.get_idle_size()

    async def close(self) -> None:
        """Give every connection back and end them."""
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), 5)
            except TimeoutError:
                self._pool.terminate()
            self._pool = None
