"""The code as the house's tests read it: files, trees, imports."""

import ast
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES: tuple[str, ...] = tuple(PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
DOMAINS = tuple(package for package in PACKAGES if package not in {"app", "migrations"})


@cache
def product() -> tuple[Path, ...]:
    """Every Python file of the product."""
    return tuple(path for package in PACKAGES for path in python_under(package))


def python_under(folder: str) -> list[Path]:
    """Every Python file of a folder of the repository."""
    return sorted((ROOT / folder).rglob("*.py"))


def said(path: Path) -> str:
    """A path as a person says it."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """A file's syntax."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Everything in a file's syntax."""
    return tuple(ast.walk(tree(path)))


def texts(path: Path) -> Iterator[ast.Constant]:
    """The strings of a file that are not docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in nodes_of(path)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in nodes_of(path):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node


@cache
def imports(path: Path) -> dict[str, str]:
    """What a file imports, anywhere in it: its name there, and its full name."""
    found: dict[str, str] = {}
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


@cache
def file_of(dotted: str) -> Path | None:
    """The file of one of our modules, or of whatever is named inside it."""
    while dotted:
        path = ROOT.joinpath(*dotted.split("."))
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.exists():
                return file
        dotted = dotted.rpartition(".")[0]
    return None


def nothing(wrong: Iterable[object]) -> None:
    """Fails with a line for each thing that should not be there."""
    lines = sorted(str(thing) for thing in wrong)
    assert not lines, "\n" + "\n".join(lines)
