"""A definition is held against itself: a good one is left alone, and each thing that can be wrong is told."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db import Connection
from dossiers.procedures import loading
from dossiers.procedures.checking import DefinitionBroken, check, check_references, findings
from dossiers.procedures.definitions import Definition

CATALOGUE = loading.read()
Raw = dict[str, Any]


def raw(code: str) -> Raw:
    """A good definition, to be spoilt."""
    return deepcopy(msgspec.to_builtins(CATALOGUE[code]))


def codes(spoilt: Raw) -> set[str]:
    return {finding.code for finding in findings(msgspec.convert(spoilt, Definition))}


def state(one: Raw, code: str) -> Raw:
    return next(state for state in one["flow"]["states"] if state["code"] == code)


def action(one: Raw, code: str) -> Raw:
    return next(action for action in one["flow"]["actions"] if action["code"] == code)


def drop_action(one: Raw, code: str) -> None:
    one["flow"]["actions"].remove(action(one, code))


def add_state(one: Raw, code: str, **parts: Any) -> None:
    name = {"vi": "Bước thử", "en": "A step to try"}
    one["flow"]["states"].append({"code": code, "name": name, "national": 4, "percent": 50, **parts})


def add_action(one: Raw, code: str, from_: str, to: str | None, **parts: Any) -> None:
    name = {"vi": "Việc thử", "en": "Something to try"}
    one["flow"]["actions"].append({"code": code, "name": name, "from": [from_], "to": to, **parts})


# Each spoils a good definition in one way; all of them have these states and actions.


def paper_twice(one: Raw) -> None:
    one["papers"] += [deepcopy(one["papers"][0])]


def case_twice(one: Raw) -> None:
    one["cases"] += [deepcopy(one["cases"][0])]


def state_twice(one: Raw) -> None:
    one["flow"]["states"] += [deepcopy(state(one, "approval"))]


def channel_twice(one: Raw) -> None:
    one["cases"][0]["terms"] = [one["cases"][0]["terms"][0]] * 2


def frame_named(one: Raw) -> None:
    add_state(one, "draft")
    add_action(one, "to_draft", "received", "draft", roles=["clerk"])


def no_start(one: Raw) -> None:
    one["flow"]["start"] = "nowhere"


def action_to_nowhere(one: Raw) -> None:
    action(one, "return")["to"] = "nowhere"


def paper_of_no_case(one: Raw) -> None:
    one["papers"][0]["cases"] = ["nowhere"]


def nobody_comes(one: Raw) -> None:
    add_state(one, "island")
    add_action(one, "leave", "island", "done", roles=["agency_head"])


def nobody_leaves(one: Raw) -> None:
    add_state(one, "pit")
    add_action(one, "fall", "appraisal", "pit", roles=["agency_officer"])


def two_turn_for_ever(one: Raw) -> None:
    add_state(one, "here")
    add_state(one, "there")
    add_action(one, "fall", "appraisal", "here", roles=["agency_officer"])
    add_action(one, "to", "here", "there", roles=["agency_head"])
    add_action(one, "fro", "there", "here", roles=["agency_head"])


def end_goes_on(one: Raw) -> None:
    add_action(one, "rise", "stopped", "appraisal", roles=["agency_head"])


def end_runs(one: Raw) -> None:
    state(one, "done")["clock"] = "run"


def end_of_another_status(one: Raw) -> None:
    state(one, "stopped")["national"] = 9


def stops_before_the_end(one: Raw) -> None:
    state(one, "received")["national"] = 9


def status_of_the_frame(one: Raw) -> None:
    state(one, "received")["national"] = 1


def desk_without_limit(one: Raw) -> None:
    state(one, "appraisal")["limit_minutes"] = None


def limit_of_a_pause(one: Raw) -> None:
    state(one, "supplement")["limit_minutes"] = 60


def limits_too_long(one: Raw) -> None:
    shortest = min(term["days"] for case in one["cases"] for term in case["terms"])
    state(one, "appraisal")["limit_minutes"] = max(shortest, 1) * 450


def supplement_runs(one: Raw) -> None:
    state(one, "supplement")["clock"] = "run"


def supplement_of_another_status(one: Raw) -> None:
    state(one, "supplement")["national"] = 4


def supplement_goes_nowhere(one: Raw) -> None:
    action(one, "supplemented").update(on=None, roles=["agency_officer"])


def supplement_goes_two_ways(one: Raw) -> None:
    add_action(one, "other_way", "supplement", "approval", on="supplemented")


def nobodys_action(one: Raw) -> None:
    action(one, "return")["roles"] = []


def action_by_roles_and_by_itself(one: Raw) -> None:
    action(one, "supplemented")["roles"] = ["agency_officer"]


def another_desk(one: Raw) -> None:
    action(one, "ask_supplement")["roles"] = ["clerk"]


def no_result(one: Raw) -> None:
    add_action(one, "short_cut", "approval", "done", roles=["agency_head"])


def never_done(one: Raw) -> None:
    state(one, "done").update(outcome="stopped", national=8)


def percent_falls(one: Raw) -> None:
    state(one, "approval")["percent"] = 5


def extension_moves(one: Raw) -> None:
    action(one, "extend")["to"] = "approval"


def another_stays(one: Raw) -> None:
    action(one, "return")["to"] = None


def extends_twice(one: Raw) -> None:
    action(one, "extend")["effects"] = [{"effect": "extend"}, {"effect": "extend"}]


def extends_and_issues(one: Raw) -> None:
    action(one, "extend")["effects"] += [{"effect": "issue_result"}]


def never_happens(one: Raw) -> None:
    add_action(one, "paid", "received", "appraisal", on="fee_paid")


def longer_than_the_law(one: Raw) -> None:
    one["cases"][0]["terms"][0]["days"] = 250


def counts_what_is_no_number(one: Raw) -> None:
    one["cases"][0]["terms"][0]["fee_per_field"] = next(
        name for name, field in one["form"]["properties"].items() if field["type"] == "string"
    )


def fee_never_asked(one: Raw) -> None:
    one["cases"][0]["terms"][0].update(fee=1000, fee_at="supplement")
    one["flow"]["actions"] = [action for action in one["flow"]["actions"] if action["code"] != "ask_fee"]


def form_is_open(one: Raw) -> None:
    one["form"]["additionalProperties"] = True


def form_is_no_schema(one: Raw) -> None:
    one["form"]["required"] = "everything"


def form_refers(one: Raw) -> None:
    next(iter(one["form"]["properties"].values()))["$ref"] = "https://example.vn/schema.json"


def form_of_one_language(one: Raw) -> None:
    del next(iter(one["form"]["properties"].values()))["title_en"]


def text_without_end(one: Raw) -> None:
    one["form"]["properties"]["words"] = {"type": "string", "title": "Chữ", "title_en": "Words"}


def slow_pattern(one: Raw) -> None:
    words = {"type": "string", "title": "Chữ", "title_en": "Words", "maxLength": 100, "pattern": "^(a+)+$"}
    one["form"]["properties"]["words"] = words


def choices_without_names(one: Raw) -> None:
    kind = {"type": "string", "title": "Loại", "title_en": "Kind", "enum": ["a", "b"]}
    one["form"]["properties"]["kind"] = kind


SPOILT: dict[Callable[[Raw], None], str] = {
    paper_twice: "twice", case_twice: "twice", state_twice: "twice", channel_twice: "twice", frame_named: "frame",
    no_start: "missing", action_to_nowhere: "missing", paper_of_no_case: "missing", nobody_comes: "unreachable",
    nobody_leaves: "dead_end", two_turn_for_ever: "dead_end", end_goes_on: "end_goes_on", end_runs: "end_runs",
    end_of_another_status: "end_status", stops_before_the_end: "stops_before_the_end",
    status_of_the_frame: "frame_status", desk_without_limit: "no_limit", limit_of_a_pause: "limit_without_clock",
    limits_too_long: "limits_too_long", supplement_runs: "supplement_state",
    supplement_of_another_status: "supplement_state", supplement_goes_nowhere: "on_supplemented",
    supplement_goes_two_ways: "on_supplemented", nobodys_action: "nobodys",
    action_by_roles_and_by_itself: "nobodys", another_desk: "not_their_desk", no_result: "no_result",
    never_done: "never_done", percent_falls: "percent_falls", extension_moves: "extension_moves",
    another_stays: "extension_moves", extends_twice: "twice", extends_and_issues: "extension_does_more",
    never_happens: "never_happens", longer_than_the_law: "longer_than_the_law",
    counts_what_is_no_number: "fee_per_field", fee_never_asked: "fee_never_asked", form_is_open: "schema_not_closed",
    form_is_no_schema: "schema_invalid", form_refers: "schema_keyword", form_of_one_language: "field_title",
    text_without_end: "field_unbounded", slow_pattern: "schema_pattern", choices_without_names: "choices_unnamed",
}  # fmt: skip


@given(st.sampled_from(sorted(CATALOGUE)), st.sampled_from(list(SPOILT)))
def test_whatever_is_spoilt_is_found(code: str, spoil: Callable[[Raw], None]) -> None:
    one = raw(code)
    assert codes(one) == set()
    spoil(one)
    assert SPOILT[spoil] in codes(one), (code, spoil.__name__)


@pytest.mark.parametrize("spoil", SPOILT, ids=[spoil.__name__ for spoil in SPOILT])
def test_each_way_to_spoil_one_is_found(spoil: Callable[[Raw], None]) -> None:
    one = raw("1.001193")
    spoil(one)
    assert SPOILT[spoil] in codes(one)


@given(st.sampled_from(sorted(CATALOGUE)), st.randoms())
def test_order_makes_no_good_definition_a_bad_one(code: str, random: Any) -> None:
    one = raw(code)
    for part in (one["papers"], one["cases"], one["flow"]["states"], one["flow"]["actions"]):
        random.shuffle(part)
    assert codes(one) == set()


@pytest.mark.parametrize("code", ["1.001193", "1.001612", "1.013978"])
@pytest.mark.parametrize("happening", ["joined", "child_refused"])
def test_children_lead_on_when_they_are_done_and_when_one_is_not(code: str, happening: str) -> None:
    one = raw(code)
    drop_action(one, happening)
    assert f"on_{happening}" in codes(one)


def test_a_child_takes_what_its_parent_has() -> None:
    one = raw("1.001193")
    child = action(one, "join_agencies")["effects"][0]["children"][0]
    child["fields"]["child_name"], child["papers"] = "nothing", {"birth_notice": "nothing"}
    found = findings(msgspec.convert(one, Definition))
    assert [finding.code for finding in found] == ["missing", "missing"]


def test_a_fee_pauses_and_is_there_to_be_asked_for() -> None:
    one = raw("1.012783")
    state(one, "payment")["national"] = 4
    assert codes(one) == {"fee_state"}
    one = raw("1.012783")
    for case in one["cases"]:
        for term in case["terms"]:
            term["fee_at"] = "acceptance"
    assert codes(one) == {"no_fee_to_ask"}
    one = raw("1.012783")
    drop_action(one, "fee_paid")
    assert "on_fee_paid" in codes(one)


def test_the_longest_way_counts_and_a_way_back_does_not() -> None:
    """Of 1.000656 the steps take 30, 180, 120 and 60 minutes of the day's 450."""
    one = raw("1.000656")
    state(one, "appraisal")["limit_minutes"] = 240
    assert codes(one) == set()
    state(one, "appraisal")["limit_minutes"] = 241
    assert codes(one) == {"limits_too_long"}


def test_a_flow_with_too_many_ways_is_answered_soon() -> None:
    one = raw("1.000656")
    for number in range(20):
        add_state(one, f"m{number}")
    for number in range(20):
        add_action(one, f"in{number}", "appraisal", f"m{number}", roles=["agency_officer"])
        everywhere = [f"m{other}" for other in range(20)]
        add_action(one, f"to{number}", "received", f"m{number}", roles=["agency_head"])
        one["flow"]["actions"][-1]["from"] = everywhere
    add_action(one, "home", "m0", "approval", roles=["agency_head"])
    assert codes(one) == {"tangled"}


def test_all_that_is_wrong_is_told_at_once_in_the_readers_language() -> None:
    one = raw("1.000656")
    percent_falls(one)
    supplement_runs(one)
    with pytest.raises(DefinitionBroken) as refused:
        check(msgspec.convert(one, Definition), "vi")
    told = {error["field"]: error["message"] for error in refused.value.members["errors"]}
    assert told["flow.states.approval"] == "Tỷ lệ hoàn thành giảm sau bước appraisal"
    assert "flow.actions.ask_supplement" in told
    with pytest.raises(DefinitionBroken) as refused:
        check(msgspec.convert(one, Definition), "en")
    assert "The percentage falls after appraisal" in str(refused.value.members["errors"])


async def test_what_is_elsewhere_must_be_there(db: Connection) -> None:
    await loading.load(db)
    one = raw("1.001193")
    one["field"] = "astronomy"
    one["agencies"] = ["district-phu-vang", "no-such-agency"]
    first, second = action(one, "join_agencies")["effects"][0]["children"]
    first["procedure"] = "9.999999"
    second.update(case="nowhere", agency="tax", fields={"person_name": "child_name", "nothing": "child_sex"})
    found = {(one.field, one.code) for one in await check_references(db, msgspec.convert(one, Definition))}
    where = "flow.actions.join_agencies.1.004222"
    assert found == {
        ("field", "missing"), ("agencies.district-phu-vang", "missing"), ("agencies.no-such-agency", "missing"),
        ("flow.actions.join_agencies.9.999999", "missing"), (where, "missing"), (where, "field_not_given"),
        (where, "not_accepted"),
    }  # fmt: skip
    one = raw("1.000656")
    one["wards"] = False
    assert [one.code for one in await check_references(db, msgspec.convert(one, Definition))] == ["nowhere"]
