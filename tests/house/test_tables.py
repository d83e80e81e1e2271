"""How the tables are named and typed, and who may speak of which."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

import migrations
from app.db import Connection, many
from tests.house.reading import DOMAINS, PACKAGES, ROOT, nodes_of, nothing, product, said
from tests.house.statements import sql

OURS_BY_HABIT = {"schema_migrations"}
"""dbmate's own name for its table."""

NOT_PLURAL = ("ss", "us", "is")
MEASURES = {"ward.area_km2", "report.public_lat", "report.public_lng"} | {
    f"{table}.{column}" for table in ("ward", "report", "upload", "upload_evidence") for column in ("lat", "lng")
}
"""The only numbers that are not whole."""

MONEY = re.compile(r"^(\w+_)?(amount|balance|posted|pending|floor|fee)(_\w+)?$")
MOMENT = re.compile(r"^(\w+_)?(at|until|from)$")


class Column(msgspec.Struct, frozen=True):
    table: str
    column: str
    type: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column} {self.type}"


class Constraint(msgspec.Struct, frozen=True):
    name: str
    kind: Literal["c", "f", "p", "u", "n", "x", "t"]
    table: str


async def columns(db: Connection) -> list[Column]:
    return await many(Column, db, sql.columns)


async def test_a_table_is_singular_and_in_snake_case(db: Connection) -> None:
    tables = {column.table for column in await columns(db)} - OURS_BY_HABIT
    assert "payment" in tables
    nothing(table for table in tables if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", table))
    nothing(table for table in tables if table.endswith("s") and not table.endswith(NOT_PLURAL))


async def test_a_column_is_in_snake_case(db: Connection) -> None:
    nothing(one for one in await columns(db) if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", one.column))


async def test_money_is_whole(db: Connection) -> None:
    money = [one for one in await columns(db) if MONEY.match(one.column)]
    assert len(money) >= 10
    nothing(one for one in money if one.type != "bigint")
    floating = ("numeric", "real", "double precision", "money")
    found = {f"{one.table}.{one.column}" for one in await columns(db) if one.type.startswith(floating)}
    assert found == MEASURES


async def test_a_moment_knows_its_zone_and_says_that_it_is_one(db: Connection) -> None:
    there = await columns(db)
    assert sum(bool(MOMENT.match(one.column)) for one in there) > 30
    nothing(one for one in there if bool(MOMENT.match(one.column)) is not (one.type == "timestamp with time zone"))
    nothing(one for one in there if one.type.startswith("time") and one.type != "timestamp with time zone")
    nothing(one for one in there if one.type == "date" and not one.column.endswith("_on"))


async def test_an_id_is_a_uuid_unless_the_city_counts_it(db: Connection) -> None:
    counted = {("event", "id"), ("job", "id"), ("job", "event_id"), ("message", "event_id")}
    counted |= {("audit", "id"), ("audit_link", "audit_id"), ("audit_waiting", "audit_id")}
    named = {(table, "key_id") for table in ("pin", "one_time_code", "refresh_token")}  # as HUONG_PEPPER names them
    for one in await columns(db):
        if one.column == "id" or one.column.endswith("_id"):
            where = (one.table, one.column)
            wanted = "bigint" if where in counted else "text" if where in named else "uuid"
            assert one.type == wanted, one


async def test_a_rule_has_a_name(db: Connection) -> None:
    """PostgreSQL's own names say where, ours say which rule: a Refusal answers to the name."""
    rules = [one for one in await many(Constraint, db, sql.constraints) if one.kind in "cuxt"]
    assert len(rules) > 30
    nothing(one.name for one in rules if re.search(r"_(check|key|excl)\d*$", one.name))
    nothing(one.name for one in rules if not one.name.startswith(one.table))


async def test_every_rule_that_a_verb_refuses_by_is_there(db: Connection) -> None:
    there = {one.name for one in await many(Constraint, db, sql.constraints)}
    there |= {row["name"] for row in await db.fetch(sql.unique_indexes)}
    named = {
        keyword.arg
        for path in product()
        for node in nodes_of(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "refusing"
        for keyword in node.keywords
    }
    assert named
    assert named <= there


# The clock


def bare(text: str) -> str:
    """SQL without its comments."""
    return re.sub(r"--[^\n]*", "", text)


@cache
def scripts() -> dict[Path, str]:
    """The product's SQL, without comments and without city_now's own definition."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.sql"))]
    own = re.compile(r"CREATE FUNCTION city_now\(\).*?\$\$;", re.DOTALL)
    return {path: own.sub("", bare(path.read_text(encoding="utf-8"))) for path in paths}


def test_sql_asks_only_city_now_what_time_it_is() -> None:
    clock = re.compile(
        r"(?<!\w)(?:(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\("
        r"|current_timestamp|current_date|current_time|localtimestamp|localtime)(?!\w)",
        re.IGNORECASE,
    )
    assert any("city_now()" in text for text in scripts().values())
    nothing(f"{said(path)}: {found[0]}" for path, text in scripts().items() for found in clock.finditer(text))


# Whose table is it?


def owners() -> dict[str, str]:
    """Each table's package: the domain whose name its migration bears, else the ground."""
    owned: dict[str, str] = {}
    for path in migrations.versioned():
        word = re.split(r"[_.]", path.name)[1]
        for table in re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", bare(path.read_text(encoding="utf-8"))):
            owned[table] = word if word in DOMAINS else "app"
    return owned


def test_sql_speaks_of_its_own_tables_and_the_grounds() -> None:
    """One domain asks another's verbs, never its tables; the ground knows no domain at all."""
    owned = owners()
    assert set(owned.values()) == {"app", *DOMAINS}
    spoken = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|ONLY|TABLE|USING)\s+(\w+)")
    for path, text in scripts().items():
        package = path.relative_to(ROOT).parts[0]
        if package != "migrations":
            for table in spoken.findall(text):
                assert owned.get(table, "app") in {package, "app"}, f"{said(path)} speaks of {table}"
