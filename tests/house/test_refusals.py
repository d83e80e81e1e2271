"""A no is a class with words in two languages, and the ledger's function knows the same ones."""

import ast
import re
from collections import Counter
from string import Formatter
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from app.errors import Refusal, problem_of
from tests.house.doors import subclasses
from tests.house.reading import ROOT, nodes_of, nothing, product, said
from wallet.ledger import REFUSALS

STATUSES = {400, 401, 403, 404, 405, 409, 412, 413, 415, 429, 460, 500, 503}
YES = {"applied", "replayed"}
"""What the ledger's function says when it does not refuse."""
FILLED_BY_THE_LEDGER = {"allowed", "left"}
"""Holes that a verdict of the ledger's function fills, from columns of these names."""

ALL = sorted(subclasses(Refusal), key=lambda refusal: refusal.__name__)

VIETNAMESE = re.compile("[À-ỹ]")


def holes(refusal: type[Refusal]) -> set[str]:
    """What its words leave open, in either language."""
    return {name for _, name, _, _ in Formatter().parse(refusal.__doc__ or "") if name is not None}


def fills_its_own(refusal: type[Refusal]) -> bool:
    """It is made from one of a closed list of reasons, and knows the words of each."""
    return bool(holes(refusal)) and "__init__" in vars(refusal)


def every(refusal: type[Refusal]) -> list[Refusal]:
    """One of it; one for each of its reasons, if it fills its own holes."""
    make: Any = refusal
    if fills_its_own(refusal):
        [reasons] = [hint for hint in get_type_hints(refusal.__init__).values() if get_origin(hint) is Literal]
        return [make(reason) for reason in get_args(reasons)]
    return [make(**dict.fromkeys(holes(refusal), 17))]


@pytest.mark.parametrize("refusal", ALL, ids=[refusal.__name__ for refusal in ALL])
def test_it_has_words_in_both_languages(refusal: type[Refusal]) -> None:
    for one in every(refusal):
        vi, en = one.words("vi"), one.words("en")
        for words in (vi, en):
            assert re.fullmatch(r"[A-ZÀ-Ỹ][^{}]{8,200}[.?]", words), words
        assert vi.count("17") == en.count("17"), f"{en} leaves out what the other language says"
        assert VIETNAMESE.search(vi), vi
        assert not VIETNAMESE.search(en), en


@pytest.mark.parametrize("refusal", ALL, ids=[refusal.__name__ for refusal in ALL])
def test_it_becomes_a_problem(refusal: type[Refusal]) -> None:
    for one in every(refusal):
        problem = problem_of(one, "en", "request")
        assert problem["type"] == f"urn:huong:problem:{refusal.__name__}"
        assert problem["status"] in STATUSES
        assert problem["title_translated"].keys() == {"vi"}


def test_no_two_share_a_name() -> None:
    assert len(ALL) > 30
    nothing(name for name, times in Counter(refusal.__name__ for refusal in ALL).items() if times > 1)


def test_whoever_refuses_fills_the_holes() -> None:
    """Where a refusal with holes is named, it is made, and with everything that its words need."""
    needs = {
        refusal.__name__: holes(refusal)
        for refusal in ALL
        if holes(refusal) and not fills_its_own(refusal) and refusal.__name__ not in REFUSALS
    }
    made: set[str] = set()
    wrong: list[str] = []
    for path in product():
        given = {
            id(node.func): {keyword.arg for keyword in node.keywords}
            for node in nodes_of(path)
            if isinstance(node, ast.Call)
        }
        for node in nodes_of(path):
            if isinstance(node, ast.Name | ast.Attribute):
                name = node.id if isinstance(node, ast.Name) else node.attr
                if name in needs:
                    made.add(name)
                    if not needs[name] <= given.get(id(node), set()):
                        wrong.append(f"{said(path)}:{node.lineno} {name} needs {needs[name]}")
    assert made == needs.keys()
    nothing(wrong)


def test_the_ledgers_function_and_its_python_know_the_same_refusals() -> None:
    text = re.sub(r"--[^\n]*", "", (ROOT / "wallet/ledger.sql").read_text(encoding="utf-8"))
    judging = re.search(r"CASE(?:(?!\bCASE\b).)*END AS verdict", text, re.DOTALL)
    assert judging is not None
    verdicts = set(re.findall(r"(?:THEN|ELSE)\s+'(\w+)'", judging[0]))
    assert verdicts > YES
    assert verdicts - YES == REFUSALS.keys()
    assert len(re.findall(r"\b(?:THEN|ELSE)\b", judging[0])) == len(re.findall(r"(?:THEN|ELSE)\s+'", judging[0]))
    nothing(name for name, refusal in REFUSALS.items() if refusal.__name__ != name)
    filled = {name: holes(refusal) for name, refusal in REFUSALS.items() if holes(refusal)}
    assert filled == dict.fromkeys(
        ("MonthLimitReached", "EssentialLimitReached", "DayLimitReached"), FILLED_BY_THE_LEDGER
    )
