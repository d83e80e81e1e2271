"""The catalogue's files: each is valid, in both languages, and loaded once."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.db import Connection
from dossiers.procedures import loading, versions
from dossiers.procedures.checking import DefinitionBroken, check_references, findings
from dossiers.procedures.definitions import AskFee, AskSupplement, Extend, IssueResult, Spawn

CATALOGUE = loading.read()
THE_CITYS = {
    "1.001193", "1.000656", "1.000894", "1.004873", "1.004859", "1.004837", "1.004884", "2.000635", "2.000815",
    "2.000884", "1.004222", "1.004194", "1.001612", "1.013978", "1.012783",
}  # fmt: skip
JOINED = {"1.001193", "1.001612", "1.013978"}
VIETNAMESE = set("ăâđêôơưàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ")


def kinds(code: str) -> set[type]:
    return {type(effect) for action in CATALOGUE[code].flow.actions for effect in action.effects}


def test_the_fifteen_are_there_and_those_that_join_in() -> None:
    assert set(CATALOGUE) >= THE_CITYS
    children = {
        child.procedure
        for definition in CATALOGUE.values()
        for action in definition.flow.actions
        for effect in action.effects
        if isinstance(effect, Spawn)
        for child in effect.children
    }
    assert children <= set(CATALOGUE)
    assert set(CATALOGUE) - THE_CITYS <= children
    assert {code for code in CATALOGUE if Spawn in kinds(code)} == JOINED


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_file_is_valid(code: str) -> None:
    assert findings(CATALOGUE[code]) == []
    assert 5 <= len(CATALOGUE[code].form["properties"]) <= 15
    assert {AskSupplement, Extend, IssueResult} <= kinds(code)
    assert any(state.outcome == "stopped" for state in CATALOGUE[code].flow.states)


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_file_speaks_both_languages(code: str) -> None:
    told: list[tuple[str, str]] = []
    left: list[Any] = [json.loads((loading.CATALOGUE / f"{code}.json").read_text(encoding="utf-8"))]
    while left:
        match left.pop():
            case {"vi": vi, "en": en}:
                told.append((vi, en))
            case {"title": vi, "title_en": en} as field:
                told.append((vi, en))
                left += [value for value in field.values() if isinstance(value, dict | list)]
            case dict() as inside:
                left += inside.values()
            case list() as inside:
                left += inside
            case _:
                pass
    assert len(told) > 20
    assert [pair for pair in told if pair[0] == pair[1]] == []
    assert [en for _, en in told if VIETNAMESE & set(en.lower().replace("(đồng)", ""))] == []


def test_names_are_unique() -> None:
    for language in ("vi", "en"):
        names = Counter(getattr(definition.name, language) for definition in CATALOGUE.values())
        assert names.most_common(1)[0][1] == 1


def test_the_catalogue_shows_every_way_of_a_flow() -> None:
    assert {definition.flow.supplement for definition in CATALOGUE.values()} == {"restart", "pause"}
    assert any(AskFee in kinds(code) for code in CATALOGUE)
    assert {definition.result.electronic for definition in CATALOGUE.values()} == {True, False}
    consulted = [
        state.desk.agency
        for definition in CATALOGUE.values()
        for state in definition.flow.states
        if state.desk and state.desk.agency
    ]
    assert set(consulted) == {"justice", "land-registry"}


def test_a_copy_costs_eight_thousand_for_each() -> None:
    term = CATALOGUE["2.000635"].term("copy", "counter")
    assert term is not None
    assert term.fee_of({"copies": 3}) == 24_000


async def test_everything_that_a_file_names_is_there(db: Connection) -> None:
    await loading.load(db)
    assert {code: await check_references(db, one) for code, one in CATALOGUE.items()} == {
        code: [] for code in CATALOGUE
    }


async def test_it_loads_twice_to_nothing_and_a_changed_file_once(db: Connection, tmp_path: Path) -> None:
    assert await loading.load(db) == len(CATALOGUE)
    assert await loading.load(db) == 0
    for path in loading.CATALOGUE.glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    changed = msgspec.structs.replace(CATALOGUE["1.000656"], online_level="partial")
    (tmp_path / "1.000656.json").write_bytes(msgspec.json.encode(changed))
    assert await loading.load(db, folder=tmp_path) == 1
    assert (await versions.current(db, "1.000656")).version == 2
    assert await loading.load(db, folder=tmp_path) == 0
    assert await loading.load(db) == 0, "what was once published from a file does not come back over what followed"
    assert (await versions.current(db, "1.000656")).definition == changed


async def test_a_broken_file_loads_nothing(db: Connection, tmp_path: Path) -> None:
    good, flow = CATALOGUE["1.004837"], CATALOGUE["1.000656"].flow
    broken = msgspec.structs.replace(CATALOGUE["1.000656"], flow=msgspec.structs.replace(flow, start="nowhere"))
    (tmp_path / "1.004837.json").write_bytes(msgspec.json.encode(good))
    (tmp_path / "1.000656.json").write_bytes(msgspec.json.encode(broken))
    with pytest.raises(DefinitionBroken) as refused:
        await loading.load(db, folder=tmp_path)
    assert refused.value.members["errors"][0]["field"] == "1.000656: flow.start"
    with pytest.raises(versions.UnknownProcedure):
        await versions.current(db, "1.004837")
    (tmp_path / "1.000656.json").write_text("{")
    with pytest.raises(loading.BadProcedureFile, match=r"1\.000656\.json"):
        await loading.load(db, folder=tmp_path)
