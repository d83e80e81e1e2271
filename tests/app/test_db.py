"""The database's door: statements by name, rows as Structs, a pool that waits for its server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import asyncpg
import msgspec
import pytest

from app import clock
from app import db as db_module
from app.clock import city_now
from app.db import SESSION_SETTINGS, Connection, Database, Queries, many, maybe, one
from app.errors import Unavailable
from app.identity import sessions
from app.main import create_app
from app.types import new_id
from migrations import APP_ROLE
from tests.conftest import City, Servers, settings_for
from tests.makers import a_resident
from tests.statements import sql


@pytest.fixture
def address(template: Servers, shared_database: str) -> str:
    """The app role's address of a database that nobody writes to."""
    return template.url(shared_database, APP_ROLE)


@pytest.fixture
async def shared(address: str) -> AsyncIterator[Database]:
    """A pool on it."""
    opened = Database(address, 4)
    yield opened
    await opened.close()


class Counted(msgspec.Struct, frozen=True):
    n: int
    text: str


# Statements


def test_a_statement_is_an_attribute_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "queries.sql"
    file.write_text(
        "-- What stands before the first name is for people.\n"
        "-- name: first\n-- One.\nSELECT 1;\n\n"
        "-- name: second\n-- Two,\n-- on lines.\nSELECT 'Huế',\n    $1::int;\n",
        encoding="utf-8",
    )
    queries = Queries(file)
    assert set(queries.statements) == {"first", "second"}
    assert queries.first == "-- One.\nSELECT 1"
    assert queries.second == "-- Two,\n-- on lines.\nSELECT 'Huế',\n    $1::int"


def test_a_statement_that_is_not_there_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no_such_statement"):
        _ = sql.no_such_statement


# Rows


async def test_rows_are_structs(db: Connection) -> None:
    assert await many(Counted, db, sql.count_to, 3) == [Counted(1, "1"), Counted(2, "2"), Counted(3, "3")]
    assert await one(Counted, db, sql.count_to, 1) == Counted(1, "1")
    assert await maybe(Counted, db, sql.count_to, 1) == Counted(1, "1")
    assert await maybe(Counted, db, sql.count_to, 0) is None
    assert await many(Counted, db, sql.count_to, 0) == []


async def test_a_row_that_must_be_there_and_is_not_is_a_mistake(db: Connection) -> None:
    with pytest.raises(msgspec.ValidationError):
        await one(Counted, db, sql.count_to, 0)


@pytest.mark.parametrize("value", [None, True, 7, "Huế", [1, [2, {}]], {"a": {"b": [None, "\u2028"]}}, 2**53])
async def test_jsonb_goes_there_and_back(db: Connection, value: object) -> None:
    assert await db.fetchval(sql.echo_json, value) == value


# The pool


async def test_a_pool_is_made_at_first_use(address: str) -> None:
    database = Database(address, 2)
    assert database.in_use == 0
    async with database.acquire() as db:
        assert database.in_use == 1
        assert await db.fetchval(sql.my_pid) > 0
    assert database.in_use == 0
    await database.close()
    await database.close()


async def test_a_database_that_is_away_is_unavailable_and_is_asked_again(address: str) -> None:
    database = Database("postgresql://huong_app@/huong?host=/nonexistent", 2)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await database.acquire().__aenter__()
    database.url = address
    async with database.acquire() as db:
        assert await db.fetchval(sql.setting, "application_name") == "huong"
    await database.close()


async def test_a_pool_that_is_lent_out_makes_nobody_wait_for_ever(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db_module, "ACQUIRE_TIMEOUT_S", 0.05)
    database = Database(address, 1)
    async with database.acquire():
        with pytest.raises(Unavailable) as refused:
            await database.acquire().__aenter__()
    assert refused.value.retry_after_s == 1
    async with database.acquire():
        pass
    await database.close()


async def test_twenty_at_once_make_one_pool(address: str) -> None:
    database = Database(address, 2)

    async def ask() -> int:
        async with database.acquire() as db:
            return await db.fetchval(sql.my_pid)

    assert len(set(await asyncio.gather(*(ask() for _ in range(20))))) <= 2
    await database.close()


async def test_a_connection_comes_back_without_a_question_more(address: str) -> None:
    database = Database(address, 1)
    asked: list[str] = []
    async with database.acquire() as db:
        first = await db.fetchval(sql.my_pid)
        db.add_query_logger(lambda record: asked.append(record.query))
    async with database.acquire() as db:
        assert await db.fetchval(sql.my_pid) == first
    assert asked == [sql.my_pid]
    await database.close()


async def test_a_transaction_that_somebody_left_open_is_not_the_next_ones(address: str) -> None:
    database = Database(address, 1)
    async with database.acquire() as db:
        first = await db.fetchval(sql.my_pid)
        await db.execute("BEGIN")
        await db.execute(sql.be_patient)
        await db.execute(sql.hold_a_lock)
    async with database.acquire() as db:
        assert await db.fetchval(sql.my_pid) == first
        assert not db.is_in_transaction()
        assert await db.fetchval(sql.setting, "statement_timeout") == SESSION_SETTINGS["statement_timeout"]
        assert await db.fetchval(sql.my_advisory_locks) == 0
    await database.close()


async def test_every_connection_has_its_limits(shared: Database) -> None:
    own = await shared.connect("huong test", lock_timeout="1s")
    async with shared.acquire() as pooled:
        for name, value in SESSION_SETTINGS.items():
            assert (await pooled.fetchval(sql.setting, name)).lower() == value.lower()
        assert await own.fetchval(sql.setting, "lock_timeout") == "1s"
        assert await own.fetchval(sql.setting, "statement_timeout") == SESSION_SETTINGS["statement_timeout"]
        assert await own.fetchval(sql.setting, "application_name") == "huong test"
    await own.close()


async def test_a_statement_that_takes_too_long_is_stopped(shared: Database) -> None:
    shared.settings["statement_timeout"] = "20ms"
    async with shared.acquire() as db:
        with pytest.raises(asyncpg.QueryCanceledError):
            await db.execute(sql.sleep, 5)


async def test_a_transaction_commits_at_its_end_and_rolls_back_at_an_exception(database: Database) -> None:
    kept, lost = new_id(), new_id()

    async def plant(id_: object, problem: Exception | None) -> None:
        async with database.transaction() as db:
            await db.execute(sessions.sql.plant_principal, id_, "resident", None, "Nguyễn Văn A")
            if problem is not None:
                raise problem

    await plant(kept, None)
    with pytest.raises(ZeroDivisionError):
        await plant(lost, ZeroDivisionError())
    async with database.acquire() as db:
        assert (await sessions.profile(db, kept)).name == "Nguyễn Văn A"
        with pytest.raises(msgspec.ValidationError):
            await sessions.profile(db, lost)


async def test_a_connection_that_was_ended_is_dropped_in_silence_and_replaced(shared: Database) -> None:
    for _ in range(3):
        async with shared.acquire() as db, shared.acquire() as other:
            await other.execute(sql.end_backend, await db.fetchval(sql.my_pid))
            async with asyncio.timeout(5):
                with suppress(asyncpg.InterfaceError):  # it is nobody's any more
                    while not db.is_closed():  # noqa: ASYNC110 - it tells nobody
                        await asyncio.sleep(0.001)
    for _ in range(3):
        async with shared.acquire() as db:
            assert await db.fetchval(sql.my_pid) > 0


async def test_whoever_meets_an_end_first_is_asked_to_come_again(city: City) -> None:
    """It was on its way while the connection was given back; nobody was there to hear of it."""
    async with city.database.transaction() as db:
        resident = await a_resident(db)
    statuses: list[int] = []
    for _ in range(5):
        async with city.database.acquire() as db, city.database.acquire() as other:
            await other.execute(sql.end_backend, await db.fetchval(sql.my_pid))
        statuses += [(await city.client.get("/v1/me", headers=resident.headers)).status_code for _ in range(3)]
    assert set(statuses) <= {200, 503}
    assert statuses[2::3] == [200] * 5


# The clock


async def test_the_citys_clock_shows_the_same_in_sql_and_in_python(template: Servers, shared_database: str) -> None:
    day_s = 86_400
    settings = msgspec.structs.replace(settings_for(template, shared_database), clock_offset_s=-3 * day_s)
    present = city_now()
    moved: Database = create_app(settings).state.database
    try:
        async with moved.acquire() as db:
            in_sql = await db.fetchval(sql.server_clock)
        in_python = city_now()
    finally:
        await moved.close()
        clock.set_offset(timedelta())
    assert abs((in_sql - in_python).total_seconds()) < 5
    assert abs((present - in_sql).total_seconds() - 3 * day_s) < 5
    assert abs((city_now() - present).total_seconds()) < 5


async def test_a_job_has_more_time_than_a_request(city: City) -> None:
    for seconds, shown in ((5, "5s"), (60, "1min")):
        database = Database(city.database.url, 1, statement_timeout_s=seconds)
        async with database.acquire() as db:
            assert await db.fetchval(sql.statement_timeout) == shown
        await database.close()
