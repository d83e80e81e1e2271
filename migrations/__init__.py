"""Migrations: numbered files in dbmate's format, then the repeatable SQL of the packages, then the app role's rights.

A repeatable file begins with `-- repeatable:` and stands beside the Python that calls it (`wallet/ledger.sql`); it is
applied again whenever its text changes. A function whose signature changes gets a new name, so that the release
before goes on working while machines change over.
"""

import hashlib
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from app.db import Connection

HERE = Path(__file__).parent
ROOT = HERE.parent
_LOCK = 0x4875_6F6E_67  # "Huong"
OWNER_ROLE, APP_ROLE = "huong_owner", "huong_app"


class WrongMode(Exception):
    """The database belongs to another kind of city; one line for the person at the shell."""


async def migrate(owner_url: str, app_role: str, mode: str) -> list[str]:
    """Bring the database up to date; returns the names of what was applied.

    Runs as the owner under an advisory lock, each file in a transaction of its own; raises WrongMode before anything
    else happens if the database is stamped with another mode."""
    connection = await asyncpg.connect(owner_url, timeout=10)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)  # however long another machine migrates
        await connection.execute("SET lock_timeout = '10s'")
        await _check_mode(connection, mode)
        applied = [
            *[name for path in versioned() if (name := await _apply_once(connection, path))],
            *[name for path in repeatable() if (name := await _apply_changed(connection, path))],
        ]
        await connection.execute(
            "INSERT INTO installation (mode) VALUES ($1) ON CONFLICT (only_row) DO NOTHING", mode
        )
        await _grant(connection, app_role)
        return applied
    finally:
        await connection.close()


def versioned() -> list[Path]:
    """The numbered files, oldest first."""
    return sorted(HERE.glob("[0-9]*.sql"))


def repeatable() -> list[Path]:
    """The packages' own SQL, the ledger before what reads it."""
    files = [path for path in sorted(ROOT.glob("[a-z]*/*.sql")) if _is_repeatable(path)]
    return sorted(files, key=lambda path: (path.stem != "ledger", path))


def role_of(url: str) -> str:
    """The user that a connection URL names."""
    return unquote(urlsplit(url).username or "postgres")


def _is_repeatable(path: Path) -> bool:
    with path.open(encoding="utf-8") as file:
        return file.readline().startswith("-- repeatable:")


async def _check_mode(connection: Connection, mode: str) -> None:
    if await connection.fetchval("SELECT to_regclass('installation') IS NULL"):
        return
    stamped = await connection.fetchval("SELECT mode FROM installation")
    if stamped is not None and stamped != mode:
        raise WrongMode(f"this database is a {stamped} city; HUONG_MODE={mode} must not touch it")


async def _apply_once(connection: Connection, path: Path) -> str | None:
    version = path.name.partition("_")[0]
    await connection.execute("CREATE TABLE IF NOT EXISTS schema_migrations (version text PRIMARY KEY)")
    if await connection.fetchval("SELECT 1 FROM schema_migrations WHERE version = $1", version):
        return None
    async with connection.transaction():
        await connection.execute(up(path))
        await connection.execute("INSERT INTO schema_migrations (version) VALUES ($1)", version)
    return path.name


def up(path: Path) -> str:
    """The part of a dbmate file that goes forward."""
    text = path.read_text(encoding="utf-8")
    part = re.search(r"^-- migrate:up\b.*?\n(.*?)(?=^-- migrate:down\b|\Z)", text, re.MULTILINE | re.DOTALL)
    if part is None:
        raise ValueError(f"{path.name} has no `-- migrate:up`")
    return part.group(1)


async def _apply_changed(connection: Connection, path: Path) -> str | None:
    name, text = f"{path.parent.name}/{path.name}", path.read_text(encoding="utf-8")
    digest = hashlib.sha256(text.encode()).hexdigest()
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS repeatable_sql (name text PRIMARY KEY, digest text NOT NULL)"
    )
    if await connection.fetchval("SELECT digest FROM repeatable_sql WHERE name = $1", name) == digest:
        return None
    async with connection.transaction():
        await connection.execute(text)
        await connection.execute(
            "INSERT INTO repeatable_sql VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET digest = excluded.digest",
            name,
            digest,
        )
    return name


async def _grant(connection: Connection, app_role: str) -> None:
    """The app role reads and writes, but never changes what is written in the ledger."""
    if app_role == await connection.fetchval("SELECT current_user"):
        return
    role = await connection.fetchval("SELECT quote_ident($1)", app_role)
    await connection.execute((HERE / "grants.sql").read_text(encoding="utf-8").replace(":app", role))


async def make_database(superuser_url: str, name: str) -> None:
    """On a server of our own: the owner and the app role, and a database that the owner owns."""
    connection = await asyncpg.connect(superuser_url, timeout=10)
    password = await connection.fetchval(
        "SELECT quote_nullable($1)", unquote(urlsplit(superuser_url).password or "") or None
    )
    try:
        for role in (OWNER_ROLE, APP_ROLE):
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
                await connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD {password}")
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await connection.execute(f"CREATE DATABASE {name} OWNER {OWNER_ROLE}")
    finally:
        await connection.close()


def elsewhere(url: str, database: str, role: str) -> str:
    """The same server's address for another database and role; roles of `make_database` share the url's password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    password = f":{parts.password}" if parts.password else ""
    return urlunsplit(parts._replace(netloc=f"{role}{password}@{host}", path=f"/{database}"))
