"""Statements stand in `queries.sql`, each with what it is for; each is understood by the database, and used."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest

from app.db import Connection
from tests.house.reading import (
    PACKAGES,
    ROOT,
    file_of,
    imports,
    nodes_of,
    nothing,
    product,
    python_under,
    said,
    texts,
)

_HEADER = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_SQL_IN_PYTHON = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|VALUES|SET|LOCK|TRUNCATE|CREATE|ALTER|DROP|GRANT|REVOKE|COPY)\s"
)
MAY_HOLD_SQL = {"migrations/__init__.py"}
_OUTLIVES_ITS_TRANSACTION = re.compile(
    r"\bpg_(?:try_)?advisory_lock(?:_shared)?\s*\(|\bWITH\s+HOLD\b|\bTEMP(?:ORARY)?\b", re.IGNORECASE
)
_BEGINS = re.compile(r";|\$\w*\$|\b(?:BEGIN|THEN|ELSE|LOOP)\b", re.IGNORECASE)
_IS_THE_SESSIONS = re.compile(r"\s*(?:LISTEN|PREPARE|DISCARD|SET(?!\s+LOCAL\b))\s", re.IGNORECASE)
_SET_CONFIG = re.compile(r"\bset_config\s*\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)", re.IGNORECASE)
TESTS = ROOT / "tests"


class Statement(NamedTuple):
    """A statement by its name, in the folder of the package it belongs to."""

    folder: Path
    name: str
    text: str

    def __str__(self) -> str:
        return f"{said(self.folder)}/queries.sql: {self.name}"


@cache
def files() -> tuple[Path, ...]:
    return tuple(path for package in (*PACKAGES, "tests") for path in sorted((ROOT / package).rglob("queries.sql")))


@cache
def statements() -> tuple[Statement, ...]:
    return tuple(statement for path in files() for statement in _statements(path))


def _statements(path: Path) -> Iterator[Statement]:
    _, *parts = _HEADER.split(path.read_text(encoding="utf-8"))
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        yield Statement(path.parent, name, text.strip())


def uses(files: list[Path] | tuple[Path, ...]) -> set[tuple[Path, Path, str]]:
    """Every `sql.<name>` and `<module>.sql.<name>`: the folder that says it, the folder that it names, the name."""
    return {(path.parent, folder, name) for path in files for folder, name in _uses(path)}


def _uses(path: Path) -> Iterator[tuple[Path, str]]:
    imported = imports(path)
    for node in nodes_of(path):
        if not isinstance(node, ast.Attribute):
            continue
        match node.value:
            case ast.Name("sql" | "_sql" as word):
                home = file_of(imported[word]) if word in imported else path
            case ast.Attribute(ast.Name(module), "sql" | "_sql"):
                home = file_of(imported[module])
            case _:
                continue
        assert home is not None
        yield home.parent, node.attr


async def test_every_statement_is_understood_and_allowed(db: Connection) -> None:
    """PREPARE looks at names and types, EXPLAIN at the app role's rights too (a test may want to be refused)."""
    wrong: list[str] = []
    for statement in statements():
        try:
            async with db.transaction():
                await db.prepare(statement.text)
                if not statement.folder.is_relative_to(TESTS):
                    await db.execute(f"EXPLAIN (GENERIC_PLAN) {statement.text}")
        except asyncpg.PostgresError as problem:
            wrong.append(f"{statement}: {problem}")
    nothing(wrong)


def test_every_statement_says_what_it_is_for() -> None:
    nothing(one for one in statements() if not re.match(r"-- \S", one.text))


def test_no_two_statements_of_a_package_share_a_name() -> None:
    named = Counter((one.folder, one.name) for one in statements())
    nothing(f"{said(folder)}: {name}" for (folder, name), times in named.items() if times > 1)


def test_nothing_stands_before_the_first_statement() -> None:
    """The loader would pass over it in silence."""
    nothing(said(path) for path in files() if not path.read_text(encoding="utf-8").startswith("-- name: "))


def test_every_statement_is_used_by_its_package() -> None:
    used = {(folder, name) for user, folder, name in uses(product()) if user == folder}
    used |= {(folder, name) for _, folder, name in uses(python_under("tests")) if folder.is_relative_to(TESTS)}
    named = {text.value for path in python_under("tests") for text in texts(path)}
    used |= {(one.folder, one.name) for one in statements() if one.folder == TESTS and one.name in named}
    nothing(one for one in statements() if (one.folder, one.name) not in used)


def test_every_statement_that_is_asked_for_is_there() -> None:
    there = {(one.folder, one.name) for one in statements()}
    asked = uses((*product(), *python_under("bench")))
    missing = [(user, folder, name) for user, folder, name in asked if (folder, name) not in there]
    nothing(f"{said(user)} asks for {name} of {said(folder)}" for user, folder, name in missing)


def test_nothing_is_left_behind_on_a_connection() -> None:
    """The pool gives it to the next who asks as it is (app/db.py)."""
    left = [one for one in statements() if not one.folder.is_relative_to(TESTS) and _is_left(one.text)]
    others = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.sql")) if path not in files()]
    listening = [
        f"{said(path)}:{node.lineno}"
        for path in product()
        if said(path) != "app/worker.py"  # on a connection of its own
        for node in nodes_of(path)
        if isinstance(node, ast.Attribute) and node.attr in {"add_listener", "add_log_listener", "add_query_logger"}
    ]
    nothing([*left, *(said(path) for path in others if _is_left(path.read_text(encoding="utf-8"))), *listening])


@pytest.mark.parametrize(
    ("statement", "is_left"),
    [
        ("SELECT pg_advisory_lock(7)", True),
        ("SELECT pg_advisory_xact_lock(hashtextextended('x', 0))", False),
        ("SELECT set_config('huong.clock_offset', coalesce($1, ''), false)", True),
        ("SELECT set_config('huong.clock_offset', $1, true), false", False),
        ("-- For all.\nSET timezone = 'UTC'", True),
        ("SET LOCAL timezone = 'UTC'", False),
        ("LISTEN huong_news", True),
        ("SELECT 1; /* and */ SET timezone = 'UTC'", True),
        ("SELECT set_config('a', 'b', is_local => false)", True),
        ("SELECT set_config('a', 'b', 'f')", True),
        ("SELECT set_config('a', coalesce(nullif($1, ''), lower('B')), is_local => true)", False),
        ("SELECT 1 AS one INTO TEMP ones", True),
        ("CREATE TEMPORARY VIEW ones AS SELECT 1", True),
        ("CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN\nSET timezone = 'UTC'; END $$", True),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql\nSET timezone = 'UTC' AS $$ SELECT 1 $$", False),
        ("UPDATE wallet SET name = $1", False),
        ("INSERT INTO wallet VALUES (1) ON CONFLICT (id) DO UPDATE\nSET name = 'Huế'", False),
    ],
)
def test_what_is_left_behind_is_seen(statement: str, *, is_left: bool) -> None:
    assert _is_left(statement) == is_left


def _is_left(text: str) -> bool:
    bare = re.sub(r"--[^\n]*(?:\n|$)|/\*.*?\*/", " ", text, flags=re.DOTALL)
    settings = [re.search(r"(?:,|=>)\s*true\s*$", given, re.IGNORECASE) for given in _SET_CONFIG.findall(bare)]
    return (
        _OUTLIVES_ITS_TRANSACTION.search(bare) is not None
        or None in settings
        or any(map(_IS_THE_SESSIONS.match, _BEGINS.split(bare)))
    )


def test_python_holds_no_sql() -> None:
    held = [
        f"{said(path)}:{text.lineno}"
        for path in product()
        if said(path) not in MAY_HOLD_SQL
        for text in texts(path)
        if _SQL_IN_PYTHON.match(str(text.value))
    ]
    nothing(held)
