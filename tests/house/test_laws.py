"""The laws of the house that no tool knows: where things stand, what a route may hold, who asks the clock."""

import ast
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import asyncpg
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from app import schema
from app.types import Answer, Body
from tests.house.doors import Door, doors, subclasses
from tests.house.reading import (
    DOMAINS,
    PYPROJECT,
    ROOT,
    imports,
    nodes_of,
    nothing,
    product,
    python_under,
    said,
    tree,
)

# Where things stand

NO_NAMES = {
    "common", "dto", "dtos", "helper", "helpers", "manager", "managers", "misc", "repositories", "repository",
    "service", "services", "util", "utils",
}  # fmt: skip

MAY_NAME_A_DOMAIN = {"app/main.py", "app/worker.py", "app/cli.py", "app/up.py", "app/home.py"}


def test_a_file_is_named_after_what_is_in_it() -> None:
    files = [*product(), *python_under("tests"), *python_under("bench")]
    nothing(said(path) for path in files for part in path.relative_to(ROOT).parts if NO_NAMES & _words(part))


def _words(name: str) -> set[str]:
    return set(name.removesuffix(".py").split("_"))


def test_the_ground_names_no_domain() -> None:
    """Import-linter holds the layers; this one also sees a module that nobody has placed yet."""
    namers = {
        said(path)
        for path in python_under("app")
        for name in imports(path).values()
        if name.partition(".")[0] in DOMAINS
    }
    assert "app/main.py" in namers
    nothing(namers - MAY_NAME_A_DOMAIN)


def test_import_linter_knows_every_package() -> None:
    assert set(PYPROJECT["tool"]["importlinter"]["root_packages"]) == {"app", "migrations", *DOMAINS}


def test_a_route_lives_in_routes() -> None:
    """The ground's own few doors stand beside what they show."""
    modules = {door.handler.fn.__module__ for door in doors()}
    nothing(module for module in modules if not re.fullmatch(r"app\.\w+|\w+(\.\w+)?\.(\w+_)?routes", module))


# A route is one call

RULES = (ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)
NOT_A_ROUTES = {
    "transaction", "commit", "rollback", "acquire", "connect", "sql", "execute", "executemany", "fetch", "fetchrow",
    "fetchval",
}  # fmt: skip


@pytest.mark.parametrize("door", doors(), ids=[door.name for door in doors()])
def test_a_route_is_one_call(door: Door) -> None:
    function = _function_of(door)
    assert ast.get_docstring(function), "its words are the API's"
    body = function.body[1:]
    assert len(body) <= 3
    for node in (node for statement in body for node in ast.walk(statement)):
        assert not isinstance(node, RULES), ast.unparse(node)
        assert not isinstance(node, ast.Name | ast.Attribute) or ast.unparse(node).split(".")[-1] not in NOT_A_ROUTES


def _function_of(door: Door) -> ast.FunctionDef | ast.AsyncFunctionDef:
    path = Path(door.handler.fn.__code__.co_filename)
    [function] = [
        node
        for node in nodes_of(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == door.handler.fn.__name__
    ]
    return function


def test_what_travels_is_a_struct_of_its_own() -> None:
    """No row goes out as it came from the database, and nothing that is read is also written."""
    assert len(subclasses(Answer)) > 20
    for door in doors():
        answered = set(_types_in(door.hints["return"]))
        nothing(f"{door} answers {type_}" for type_ in answered if issubclass(type_, Body | Mapping | asyncpg.Record))


def _types_in(hint: Any) -> Iterator[type[Any]]:
    named = get_origin(hint) or hint
    if isinstance(named, type):
        yield named
    for part in get_args(hint):
        yield from _types_in(part)


# Words


def test_everything_public_says_what_it_is() -> None:
    nothing(thing for path in product() for thing in _wordless(path))


def _wordless(path: Path) -> Iterator[str]:
    if tree(path).body and ast.get_docstring(tree(path)) is None:
        yield f"{said(path)}: the file itself"
    for name, node in _public(tree(path)):
        if ast.get_docstring(node) is None:
            yield f"{said(path)}:{node.lineno} {name}"


Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _public(parent: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, Definition]]:
    for node in parent.body:
        if isinstance(node, Definition) and not node.name.startswith("_") and not _overrides(node):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from _public(node, f"{node.name}.")


def _overrides(node: Definition) -> bool:
    """What a base class asks for is explained there."""
    return any(isinstance(mark, ast.Name) and mark.id in {"override", "overload"} for mark in node.decorator_list)


# The clock


def test_only_the_clock_asks_what_time_it_is() -> None:
    asks = re.compile(
        r"^(?:\w+\.)*(?:(?:datetime|date)\.(?:now|today|utcnow)|time\.(?:time|time_ns|localtime|gmtime))$"
    )
    asked = {
        (said(path), ast.unparse(node.func))
        for path in product()
        for node in nodes_of(path)
        if isinstance(node, ast.Call) and asks.match(ast.unparse(node.func))
    }
    assert asked == {("app/clock.py", "datetime.now")}
    nothing(
        f"{said(path)}: {name}"
        for path in product()
        for name in imports(path).values()
        if re.fullmatch(r"time\.(?:time|time_ns|localtime|gmtime)", name)
    )


# What is locked, and what is nobody else's business


def locked() -> dict[str, tuple[str, int]]:
    """What requirements.lock names: the version and the number of hashes of each."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.findall(
        r"^([\w.-]+)==(\S+)[^\n]*\\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE
    )
    named = re.findall(r"^[\w.-]+.*$", text, re.MULTILINE)
    assert len(entries) == len(named), "an entry without a version or a hash"
    return {canonicalize_name(name): (version, hashes.count("--hash")) for name, version, hashes in entries}


def wanted() -> list[Requirement]:
    """What pyproject.toml asks for, directly."""
    groups: dict[str, list[str | dict[str, str]]] = PYPROJECT["dependency-groups"]
    asked = [*PYPROJECT["project"]["dependencies"], *(one for group in groups.values() for one in group)]
    return [Requirement(one) for one in asked if isinstance(one, str)]


def test_everything_that_is_wanted_is_locked_with_its_hashes() -> None:
    there = locked()
    assert len(wanted()) > 20
    for one in wanted():
        version, hashes = there.get(canonicalize_name(one.name), ("", 0))
        assert hashes, f"{one.name} is not locked: make lock"
        assert one.specifier.contains(version, prereleases=True), f"{one} is locked at {version}: make lock"


REGISTRY = re.compile(
    r"\b(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|yarnpkg\.com|docker\.io|ghcr\.io|quay\.io)\b"
    r"|--(?:(?:extra-)?index-url|find-links|trusted-host)|\b(?:INDEX|REGISTRY)_URL\b"
)
HERE = re.compile(r"(?<![\w.~}])/(?:home|Users|root|work|workspace)/\w[\w.-]*")
VENDORED = ("app/api_page/", "app/fonts/")


def tracked() -> dict[str, str]:
    """Every text file that git keeps."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found: dict[str, str] = {}
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.is_file() and not name.startswith(VENDORED):
            content = path.read_bytes()
            if b"\0" not in content:
                found[name] = content.decode()
    return found


def test_no_file_says_where_it_was_made() -> None:
    files = tracked()
    assert "pyproject.toml" in files
    nothing(f"{name}: {found[0]}" for name, text in files.items() for found in HERE.finditer(text))
    if len(ROOT.parts) > 2:
        nothing(name for name, text in files.items() if str(ROOT) in text)


def test_no_file_names_a_registry() -> None:
    """Where packages come from is the machine's own setting."""
    nothing(f"{name}: {found[0]}" for name, text in tracked().items() for found in REGISTRY.finditer(text))
    nothing(name for name, text in tracked().items() if name.endswith((".lock", "-lock.json")) and "://" in text)


def test_versions_agree() -> None:
    """The package's, and the one that the API tells."""
    assert PYPROJECT["project"]["version"] == schema.VERSION
