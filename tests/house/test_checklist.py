"""Each line of the checklist is a test that bears its number: who renames or deletes the last one sees it here."""

import ast

from tests.house.reading import ROOT, nodes_of, nothing, python_under

LINES = {
    *("c21", "c22", "c23", "c24", "c26", "c27", "c28", "c29", "c30", "c31", "c32"),
    *("d33", "d35", "d36"),
    *("e38", "e39", "e40"),
}
"""Lines that can be tried by a program."""


def numbers() -> set[str]:
    """The numbers that tests bear: `test_c21_…` is of c21."""
    functions = [
        node.name
        for path in python_under("tests")
        for node in nodes_of(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return {name.split("_")[1] for name in functions if name.startswith("test_")}


def test_every_line_of_the_checklist_has_a_test() -> None:
    nothing(LINES - numbers())


def test_whoever_reads_of_them_finds_them() -> None:
    assert 'grep -rn "def test_[a-f][0-9]" tests' in (ROOT / "docs/security.md").read_text(encoding="utf-8")
