"""Migrations: from nothing to a city, twice is nothing, never over another city's data, and back again."""

import asyncio
import re
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import asyncpg
import pytest

import migrations
from app.db import Connection, Database
from migrations import APP_ROLE, OWNER_ROLE, WrongMode, migrate, role_of, versioned
from tests.conftest import Servers
from tests.makers import a_resident
from tests.statements import sql

_names = count(1)


@pytest.fixture
async def empty(servers: Servers) -> AsyncIterator[str]:
    """The name of an empty database of the owner's."""
    name = f"huong_test_empty_{next(_names)}"
    await migrations.make_database(servers.superuser_url, name)
    yield name
    connection = await asyncpg.connect(servers.superuser_url)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture
async def owner(servers: Servers, empty: str) -> AsyncIterator[Connection]:
    """The owner's own connection."""
    connection = await asyncpg.connect(servers.url(empty, OWNER_ROLE))
    yield connection
    await connection.close()


async def up(servers: Servers, database: str, mode: str = "sandbox") -> list[str]:
    """Migrate as the command does; the names of what was applied."""
    return await migrate(servers.url(database, OWNER_ROLE), APP_ROLE, mode)


def down(path: Path) -> str:
    """The part of a file that goes back."""
    part = re.search(r"^-- migrate:down\b.*?\n(.*)\Z", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert part is not None, f"{path.name} has no way back"
    return part.group(1)


async def tables(db: Connection) -> set[str]:
    """The schema's tables."""
    return {row["tablename"] for row in await db.fetch(sql.tables)}


# Forward


async def test_an_empty_database_becomes_a_city_and_the_second_run_finds_nothing_to_do(
    servers: Servers, empty: str, owner: Connection
) -> None:
    applied = await up(servers, empty)
    numbered = [path.name for path in versioned()]
    assert applied[: len(numbered)] == numbered
    assert applied[len(numbered)] == "wallet/ledger.sql"
    assert await owner.fetchrow(sql.stamp) == ("sandbox", [name.partition("_")[0] for name in numbered])
    assert {"principal", "transfer", "entry", "event", "job"} < await tables(owner)
    assert await up(servers, empty) == []


async def test_two_machines_that_migrate_at_once_apply_everything_once(servers: Servers, empty: str) -> None:
    first, second = await asyncio.gather(up(servers, empty), up(servers, empty))
    assert sorted(map(len, (first, second)))[0] == 0
    assert {*first, *second} >= {path.name for path in versioned()}


async def test_a_database_of_another_mode_is_left_as_it_is(servers: Servers, empty: str, owner: Connection) -> None:
    await up(servers, empty, "production")
    await owner.execute(sql.forget_migration, versioned()[-1].name.partition("_")[0])
    with pytest.raises(WrongMode, match="this database is a production city; HUONG_MODE=sandbox must not touch it"):
        await up(servers, empty, "sandbox")
    assert await owner.fetchrow(sql.stamp) == (
        "production",
        [path.name.partition("_")[0] for path in versioned()[:-1]],
    )


async def test_a_migration_that_fails_leaves_nothing_and_keeps_what_was_before(
    servers: Servers, empty: str, owner: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, broken = tmp_path / "0001_good.sql", tmp_path / "0002_broken.sql"
    good.write_text("-- migrate:up\nCREATE TABLE good ();\n-- migrate:down\nDROP TABLE good;\n")
    monkeypatch.setattr(migrations, "versioned", lambda: [good, broken])
    cannot_be_stamped = "ALTER TABLE schema_migrations ADD CONSTRAINT no_second CHECK (version <> '0002')"
    for problem in ("SELECT 1/0", cannot_be_stamped):
        broken.write_text(f"-- migrate:up\nCREATE TABLE half ();\n{problem};\n")
        with pytest.raises((asyncpg.DivisionByZeroError, asyncpg.CheckViolationError)):
            await up(servers, empty)
        assert await tables(owner) == {"good", "schema_migrations"}
    broken.write_text("-- migrate:up\nCREATE TABLE whole ();\n")
    with pytest.raises(asyncpg.UndefinedTableError):  # nothing made `installation`; but the file itself went through
        await up(servers, empty)
    assert {"good", "whole"} < await tables(owner)
    assert "half" not in await tables(owner)


def test_a_file_without_a_way_forward_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "0001_empty.sql"
    file.write_text("CREATE TABLE thing ();\n")
    with pytest.raises(ValueError, match=r"0001_empty.sql has no `-- migrate:up`"):
        migrations.up(file)


def test_the_way_forward_ends_where_the_way_back_begins(tmp_path: Path) -> None:
    file = tmp_path / "0001_thing.sql"
    file.write_text("-- migrate:up\nCREATE TABLE thing ();\n-- migrate:down\nDROP TABLE thing;\n")
    assert migrations.up(file) == "CREATE TABLE thing ();\n"
    assert down(file) == "DROP TABLE thing;\n"


async def test_repeatable_sql_is_applied_again_when_its_text_changes(
    servers: Servers, empty: str, owner: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await up(servers, empty)
    (tmp_path / "bells").mkdir()
    file = tmp_path / "bells" / "bells.sql"
    monkeypatch.setattr(migrations, "repeatable", lambda: [file])
    for number in (1, 2):
        file.write_text(
            "-- repeatable: how often it rings\n"
            f"CREATE OR REPLACE FUNCTION rings() RETURNS int LANGUAGE sql AS 'SELECT {number}';\n"
        )
        assert await up(servers, empty) == ["bells/bells.sql"]
        assert await up(servers, empty) == []
        assert await owner.fetchval("SELECT rings()") == number


# Back


async def test_every_migration_can_be_taken_back_and_applied_again(
    servers: Servers, empty: str, owner: Connection
) -> None:
    everything = await up(servers, empty)
    before = await tables(owner)
    for path in reversed(versioned()):
        await owner.execute(down(path))
    assert await tables(owner) == {"schema_migrations", "repeatable_sql"}
    await owner.execute(sql.forget_all_migrations)
    assert await up(servers, empty) == [name for name in everything if "/" not in name]
    assert await tables(owner) == before


# Rights


async def test_nobody_rewrites_what_money_did(servers: Servers, database: Database) -> None:
    async with database.transaction() as db:
        await a_resident(db, balance=1_000)
        name = await db.fetchval(sql.database)
    owner = await asyncpg.connect(servers.url(name, OWNER_ROLE))
    for statement in (
        sql.rewrite_transfers,
        sql.rewrite_entries,
        sql.drop_transfers,
        sql.drop_entries,
        sql.empty_transfers,
        sql.empty_entries,
    ):
        async with database.acquire() as db:
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for table"):
                await db.execute(statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="is append-only"):
            await owner.execute(statement)
    await owner.close()


async def test_the_app_role_makes_no_tables_and_changes_no_stamp(db: Connection) -> None:
    for statement in (sql.forget_all_migrations, "UPDATE installation SET mode = 'production'", "CREATE TABLE t ()"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with db.transaction():
                await db.execute(statement)


@pytest.mark.parametrize(
    ("url", "role"),
    [
        ("postgresql://huong_app@db/huong", "huong_app"),
        ("postgresql://a%40b:secret@db/huong", "a@b"),
        ("postgresql:///huong", "postgres"),
    ],
)
def test_the_role_is_read_from_the_address(url: str, role: str) -> None:
    assert role_of(url) == role


def test_another_database_on_the_same_server_keeps_password_and_socket() -> None:
    url = "postgresql://postgres:s3cret@/postgres?host=/run/pg"
    assert migrations.elsewhere(url, "huong", "huong_app") == "postgresql://huong_app:s3cret@/huong?host=/run/pg"
    url = "postgresql://postgres@db:5433/postgres"
    assert migrations.elsewhere(url, "huong", "huong_app") == "postgresql://huong_app@db:5433/huong"
