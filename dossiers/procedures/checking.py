"""A definition held against itself: everything that cannot be so, told at once and in both languages.

What cannot be seen in it alone (that an agency, a field or another procedure is there) is `check_references`."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import msgspec

from app.db import Connection, queries_beside
from app.errors import Language, Refusal
from dossiers.procedures.definitions import (
    FRAME,
    Action,
    AskFee,
    AskSupplement,
    Child,
    Definition,
    Flow,
    IssueResult,
    Spawn,
    State,
)
from dossiers.procedures.models import DefinitionFinding
from dossiers.procedures.schema_check import wrong_with

sql = queries_beside(__file__)

DAY_MINUTES = 450
"""The working minutes of a day: 07:30 to 11:30 and 13:30 to 17:00."""
MOST_STEPS = 50_000
"""How many steps are followed to find the longest way through a flow."""
HEAD = "agency_head"
END_STATUS = {"done": (9,), "stopped": (8,)}


class DefinitionBroken(Refusal):
    """Định nghĩa thủ tục chưa dùng được; hãy sửa những điểm được nêu.

    The procedure's definition cannot be used; mend what is named."""

    status = 400


class Finding(msgspec.Struct, frozen=True):
    """Something that cannot be so: where, which rule, and what to do about it."""

    field: str
    code: str
    vi: str
    en: str

    def told(self, language: Language) -> DefinitionFinding:
        """In one language."""
        return DefinitionFinding(field=self.field, code=self.code, message=self.vi if language == "vi" else self.en)


def check(definition: Definition, language: Language) -> None:
    """Raises DefinitionBroken, whose `errors` are all that was found."""
    refuse(findings(definition), language)


def refuse(found: Iterable[Finding], language: Language) -> None:
    """Raises DefinitionBroken if there is anything."""
    errors = [msgspec.to_builtins(finding.told(language)) for finding in found]
    if errors:
        raise DefinitionBroken(errors=errors)


def findings(definition: Definition) -> list[Finding]:
    """Everything that cannot be so, in the order in which a definition is read; of a good one, nothing."""
    found = [finding for rule in RULES for finding in rule(definition)]
    if not any(finding.code in STRUCTURE for finding in found):
        found += [finding for rule in WAYS for finding in rule(definition)]
    return found


# Names


def _names_once(definition: Definition) -> Iterator[Finding]:
    flow = definition.flow
    for what, codes in (
        ("papers", [paper.code for paper in definition.papers]),
        ("cases", [case.code for case in definition.cases]),
        ("flow.states", [state.code for state in flow.states]),
        ("flow.actions", [action.code for action in flow.actions]),
        ("agencies", definition.agencies),
    ):
        for code in (code for code, times in Counter(codes).items() if times > 1):
            yield Finding(f"{what}.{code}", "twice", f"Mã {code} bị dùng hai lần", f"The code {code} is used twice")
    for case in definition.cases:
        for channel in (one for one, times in Counter(term.channel for term in case.terms).items() if times > 1):
            yield Finding(
                f"cases.{case.code}.terms.{channel}", "twice",
                f"Kênh {channel} có hai mức thời hạn", f"The channel {channel} has two terms",
            )  # fmt: skip


def _frame_is_not_named(definition: Definition) -> Iterator[Finding]:
    for state in definition.flow.states:
        if state.code in FRAME:
            yield Finding(
                f"flow.states.{state.code}", "frame",
                f"{state.code} là trạng thái chung, không đặt trong quy trình",
                f"{state.code} is a state of the frame, which no flow names",
            )  # fmt: skip


def _what_is_named_is_there(definition: Definition) -> Iterator[Finding]:
    flow, cases = definition.flow, {case.code for case in definition.cases}
    states = {state.code for state in flow.states}
    for paper in definition.papers:
        for code in (code for code in paper.cases if code not in cases):
            yield _missing(f"papers.{paper.code}.cases.{code}", "trường hợp", "case", code)
    if flow.start not in states:
        yield _missing("flow.start", "trạng thái", "state", flow.start)
    for action in flow.actions:
        for code in (code for code in (*action.from_, action.to) if code is not None and code not in states):
            yield _missing(f"flow.actions.{action.code}", "trạng thái", "state", code)
    papers = {paper.code for paper in definition.papers}
    for where, child in _children(flow):
        for code in (code for code in child.fields.values() if code not in _form_fields(definition)):
            yield _missing(f"{where}.fields.{code}", "mục biểu mẫu", "field of the form", code)
        for code in (code for code in child.papers.values() if code not in papers):
            yield _missing(f"{where}.papers.{code}", "giấy tờ", "paper", code)


def _missing(where: str, what_vi: str, what_en: str, code: str) -> Finding:
    return Finding(where, "missing", f"Không có {what_vi} {code}", f"There is no {what_en} {code}")


def _form_fields(definition: Definition) -> Mapping[str, Any]:
    fields = definition.form.get("properties")
    return fields if isinstance(fields, dict) else {}


def _children(flow: Flow) -> Iterator[tuple[str, Child]]:
    for action in flow.actions:
        for effect in action.effects:
            if isinstance(effect, Spawn):
                yield from ((f"flow.actions.{action.code}.{child.procedure}", child) for child in effect.children)


# Terms, fees, form


def _terms_are_within_the_law(definition: Definition) -> Iterator[Finding]:
    for case in definition.cases:
        for term in case.terms:
            where = f"cases.{case.code}.terms.{term.channel}"
            if term.days > term.statutory_days:
                yield Finding(
                    where, "longer_than_the_law", "Thời hạn dài hơn thời hạn luật định",
                    "The term is longer than what the law gives",
                )  # fmt: skip
            if term.fee_per_field is not None:
                counted = _form_fields(definition).get(term.fee_per_field)
                if not isinstance(counted, dict) or counted.get("type") != "integer" or "maximum" not in counted:
                    yield Finding(
                        where, "fee_per_field", "Phí tính theo một mục không phải số nguyên có giới hạn của biểu mẫu",
                        "The fee counts what is no bounded whole number of the form",
                    )  # fmt: skip


def _fees_are_asked_for(definition: Definition) -> Iterator[Finding]:
    asked = any(isinstance(effect, AskFee) for action in definition.flow.actions for effect in action.effects)
    terms = [term for case in definition.cases for term in case.terms]
    if asked and not any(term.fee and term.fee_at != "acceptance" for term in terms):
        yield Finding(
            "cases", "no_fee_to_ask", "Quy trình yêu cầu nộp phí nhưng không có phí nào thu sau khi tiếp nhận",
            "The flow asks for a fee, but none is due after acceptance",
        )  # fmt: skip
    if not asked and any(term.fee and term.fee_at == "supplement" for term in terms):
        yield Finding(
            "flow.actions", "fee_never_asked", "Có phí thu khi bổ sung nhưng quy trình không yêu cầu nộp",
            "A fee is due on the way, but no action asks for it",
        )  # fmt: skip


def _form_is_a_schema(definition: Definition) -> Iterator[Finding]:
    return (Finding(*wrong) for wrong in wrong_with(definition.form))


# States and actions, each by itself


def _states_are_whole(definition: Definition) -> Iterator[Finding]:
    for state in definition.flow.states:
        where = f"flow.states.{state.code}"
        if state.outcome is not None:
            if state.clock != "stop":
                yield Finding(
                    where, "end_runs", "Trạng thái kết thúc phải dừng đồng hồ", "Where it ends the clock stops"
                )
            if state.national not in END_STATUS[state.outcome]:
                yield Finding(
                    where, "end_status", "Mã trạng thái quốc gia của kết thúc phải là 8 (dừng) hoặc 9 (xong)",
                    "An end's national status is 8 (stopped) or 9 (done); 10 follows by itself",
                )  # fmt: skip
        elif state.clock == "stop" or state.national in {8, 9, 10}:
            yield Finding(
                where, "stops_before_the_end", "Chỉ trạng thái kết thúc mới dừng đồng hồ và có mã 8, 9, 10",
                "Only at an end does the clock stop and the national status say 8, 9 or 10",
            )  # fmt: skip
        elif state.national in {1, 3, 7}:
            yield Finding(
                where, "frame_status", "Mã 1, 3, 7 là của trạng thái chung", "1, 3 and 7 are the frame's statuses"
            )
        if state.clock == "run" and state.desk is not None and state.limit_minutes is None:
            yield Finding(where, "no_limit", "Thiếu thời hạn của bước này", "This step has no limit")
        if state.clock != "run" and state.limit_minutes is not None:
            yield Finding(
                where, "limit_without_clock", "Đồng hồ không chạy thì không có thời hạn",
                "Where the clock does not run there is no limit",
            )  # fmt: skip


def _actions_are_somebodys(definition: Definition) -> Iterator[Finding]:
    flow = definition.flow
    for action in flow.actions:
        where = f"flow.actions.{action.code}"
        if bool(action.roles) == (action.on is not None):
            yield Finding(
                where, "nobodys", "Hành động cần có vai trò hoặc sự kiện, không cả hai",
                "An action is by roles or on a happening, and not both",
            )  # fmt: skip
        for state in (state for state in map(flow.state, action.from_) if state is not None and action.roles):
            # A head may act where nobody sits: a wait is ended so.
            if not {HEAD, state.desk.role if state.desk else HEAD} & set(action.roles):
                yield Finding(
                    where, "not_their_desk", f"Không ai tại bước {state.code} được làm hành động này",
                    f"Nobody at {state.code} may do this",
                )  # fmt: skip


def _effects_fit(definition: Definition) -> Iterator[Finding]:
    flow = definition.flow
    for action in flow.actions:
        where = f"flow.actions.{action.code}"
        kinds = Counter(msgspec.to_builtins(effect)["effect"] for effect in action.effects)
        kinds.pop("print", None)
        for kind in (kind for kind, times in kinds.items() if times > 1):
            yield Finding(where, "twice", f"Tác động {kind} bị lặp lại", f"The effect {kind} is there twice")
        if (action.to is None) != ("extend" in kinds):
            yield Finding(
                where, "extension_moves", "Chỉ hành động gia hạn ở nguyên tại chỗ, và gia hạn luôn ở nguyên tại chỗ",
                "An extension stays where it is, and nothing else does",
            )  # fmt: skip
        if "extend" in kinds and len(kinds) > 1:
            yield Finding(where, "extension_does_more", "Gia hạn không kèm việc khác", "An extension does no more")
        target = None if action.to is None else flow.state(action.to)
        if target is not None:
            for effect in action.effects:
                yield from _leads_on(flow, where, effect, target)


def _leads_on(flow: Flow, where: str, effect: object, target: State) -> Iterator[Finding]:
    match effect:
        case AskSupplement():
            if (target.national, target.clock) != (5, "pause"):
                yield Finding(
                    where, "supplement_state", "Chờ bổ sung phải có mã 5 và tạm dừng đồng hồ",
                    "Waiting for papers has status 5 and a paused clock",
                )  # fmt: skip
            yield from _exactly_one(flow, where, target, "supplemented")
        case AskFee():
            if (target.national, target.clock) != (6, "pause"):
                yield Finding(
                    where, "fee_state", "Chờ nộp phí phải có mã 6 và tạm dừng đồng hồ",
                    "Waiting for payment has status 6 and a paused clock",
                )  # fmt: skip
            yield from _exactly_one(flow, where, target, "fee_paid")
        case Spawn():
            yield from _exactly_one(flow, where, target, "joined")
            yield from _exactly_one(flow, where, target, "child_refused")
        case _:
            return


def _exactly_one(flow: Flow, where: str, target: State, happening: str) -> Iterator[Finding]:
    ways = [action for action in flow.actions if action.on == happening and target.code in action.from_]
    if len(ways) != 1:
        yield Finding(
            where, f"on_{happening}", f"Bước {target.code} cần đúng một hành động on: {happening}",
            f"{target.code} needs exactly one action on: {happening}",
        )  # fmt: skip


def _happenings_can_happen(definition: Definition) -> Iterator[Finding]:
    flow = definition.flow
    causes = {
        "supplemented": AskSupplement, "fee_paid": AskFee, "joined": Spawn, "child_refused": Spawn,
        "result_signed": IssueResult,
    }  # fmt: skip
    for action in (action for action in flow.actions if action.on is not None):
        cause = causes[str(action.on)]
        entered = {other.to for other in flow.actions if any(isinstance(effect, cause) for effect in other.effects)}
        if not set(action.from_) <= entered:
            yield Finding(
                f"flow.actions.{action.code}", "never_happens",
                f"Sự kiện {action.on} không thể xảy ra tại bước này", f"{action.on} cannot happen there",
            )  # fmt: skip


# Ways through the flow


def _all_are_reached(definition: Definition) -> Iterator[Finding]:
    flow = definition.flow
    reached = _reached(flow, lambda action: True)
    for state in flow.states:
        if state.code not in reached:
            yield Finding(
                f"flow.states.{state.code}", "unreachable", "Không có đường tới bước này", "No way leads here"
            )
        ways = [action for action in flow.actions if action.to is not None and state.code in action.from_]
        if state.outcome is not None and ways:
            yield Finding(
                f"flow.states.{state.code}",
                "end_goes_on",
                "Đã kết thúc thì không có đường ra",
                "An end has no way out",
            )
        if state.outcome is None and not any(end.outcome for end in map(flow.state, _from(flow, state.code)) if end):
            yield Finding(
                f"flow.states.{state.code}",
                "dead_end",
                "Từ bước này không tới được kết thúc",
                "No end can be reached",
            )
    if not any(state.outcome == "done" for state in flow.states):
        yield Finding("flow.states", "never_done", "Không có kết thúc thành công", "Nothing is ever done")


def _reached(flow: Flow, goes: Callable[[Action], bool]) -> set[str]:
    return _from(flow, flow.start, goes)


def _from(flow: Flow, start: str, goes: Callable[[Action], bool] = lambda action: True) -> set[str]:
    reached, left = {start}, [start]
    while left:
        here = left.pop()
        for action in flow.actions:
            if here in action.from_ and action.to is not None and action.to not in reached and goes(action):
                reached.add(action.to)
                left.append(action.to)
    return reached


def _a_result_is_on_the_way(definition: Definition) -> Iterator[Finding]:
    flow = definition.flow
    without = _reached(flow, lambda action: not any(isinstance(effect, IssueResult) for effect in action.effects))
    for state in flow.states:
        if state.outcome == "done" and state.code in without:
            yield Finding(
                f"flow.states.{state.code}", "no_result", "Có đường tới kết thúc mà không ban hành kết quả",
                "A way leads here on which no result is issued",
            )  # fmt: skip


def _percent_does_not_fall(definition: Definition) -> Iterator[Finding]:
    """Along the shortest way to each end that is done; the ways back may fall."""
    flow = definition.flow
    for state in (state for state in flow.states if state.outcome == "done"):
        way = [flow.state(code) for code in _shortest(flow, state.code)]
        for before, after in pairwise(way):
            if before is not None and after is not None and after.percent < before.percent:
                yield Finding(
                    f"flow.states.{after.code}", "percent_falls",
                    f"Tỷ lệ hoàn thành giảm sau bước {before.code}", f"The percentage falls after {before.code}",
                )  # fmt: skip


def _shortest(flow: Flow, end: str) -> list[str]:
    before: dict[str, str | None] = {flow.start: None}
    left = deque([flow.start])
    while left:
        here = left.popleft()
        for action in flow.actions:
            if here in action.from_ and action.to is not None and action.to not in before:
                before[action.to] = here
                left.append(action.to)
    way: list[str] = []
    code: str | None = end if end in before else None
    while code is not None:
        way.append(code)
        code = before[code]
    return way[::-1]


def _limits_add_up(definition: Definition) -> Iterator[Finding]:
    given = min(max(term.days, 1) * DAY_MINUTES for case in definition.cases for term in case.terms)
    needed = _longest_minutes(definition.flow)
    if needed is None:
        yield Finding("flow", "tangled", "Quy trình có quá nhiều đường đi", "The flow has too many ways through it")
    elif needed > given:
        yield Finding(
            "flow.states", "limits_too_long",
            f"Các bước cộng lại {needed} phút, thời hạn ngắn nhất chỉ có {given} phút",
            f"The steps add up to {needed} minutes, the shortest term has {given}",
        )  # fmt: skip


def _longest_minutes(flow: Flow) -> int | None:
    """Working time of the longest way from start to an end that passes no state twice; None: there are too many."""
    nexts = {
        state.code: sorted({action.to for action in flow.actions if action.to and state.code in action.from_})
        for state in flow.states
    }
    minutes = {state.code: (state.limit_minutes or 0) if state.clock == "run" else 0 for state in flow.states}
    ends = {state.code for state in flow.states if state.outcome is not None}
    longest, steps = 0, 0
    left = [(flow.start, frozenset({flow.start}), minutes[flow.start])]
    while left:
        here, passed, spent = left.pop()
        steps += 1
        if steps > MOST_STEPS:
            return None
        if here in ends:
            longest = max(longest, spent)
        left.extend((to, passed | {to}, spent + minutes[to]) for to in nexts[here] if to not in passed)
    return longest


RULES: tuple[Callable[[Definition], Iterator[Finding]], ...] = (
    _names_once, _frame_is_not_named, _what_is_named_is_there, _terms_are_within_the_law, _fees_are_asked_for,
    _form_is_a_schema, _states_are_whole, _actions_are_somebodys, _effects_fit, _happenings_can_happen,
)  # fmt: skip
WAYS = (_all_are_reached, _a_result_is_on_the_way, _percent_does_not_fall, _limits_add_up)
"""Rules about a flow whose names are in order."""
STRUCTURE = {"twice", "missing"}


# What is elsewhere


async def check_references(
    db: Connection, definition: Definition, coming: Mapping[str, Definition] | None = None
) -> list[Finding]:
    """Whatever a definition names that is not there: its field, agencies, the procedures of its children.

    `coming`: definitions that are published together with it."""
    return [
        *await _agencies_are_there(db, definition),
        *[finding for where, child in _children(definition.flow)
          for finding in await _child_fits(db, definition, where, child, coming or {})],
    ]  # fmt: skip


async def _agencies_are_there(db: Connection, definition: Definition) -> list[Finding]:
    named = {f"agencies.{code}": code for code in definition.agencies}
    for state in definition.flow.states:
        if state.desk is not None and state.desk.agency is not None:
            named[f"flow.states.{state.code}.desk"] = state.desk.agency
    for where, child in _children(definition.flow):
        if child.agency is not None:
            named[f"{where}.agency"] = child.agency
    there = {row["agency_code"] for row in await db.fetch(sql.agencies_there, list(named.values()))}
    found = [_missing(where, "cơ quan", "agency", code) for where, code in named.items() if code not in there]
    if not await db.fetchval(sql.field_is_there, definition.field):
        found.append(_missing("field", "lĩnh vực", "field", definition.field))
    if not definition.agencies and not definition.wards:
        found.append(
            Finding("agencies", "nowhere", "Không có nơi tiếp nhận", "There is nowhere to file it"),
        )
    return found


async def _child_fits(
    db: Connection, definition: Definition, where: str, child: Child, coming: Mapping[str, Definition]
) -> list[Finding]:
    theirs = coming.get(child.procedure)
    if theirs is None:
        row = await db.fetchrow(sql.definition_in_force, child.procedure)
        theirs = None if row is None else msgspec.convert(row["definition"], Definition)
    if theirs is None:
        return [_missing(where, "thủ tục", "procedure", child.procedure)]
    found: list[Finding] = []
    if theirs.case(child.case) is None:
        found.append(_missing(where, "trường hợp", "case", child.case))
    fields, papers = _form_fields(theirs), {paper.code for paper in theirs.papers}
    found += [
        _missing(where, "mục biểu mẫu", "field of the form", code) for code in child.fields if code not in fields
    ]
    found += [_missing(where, "giấy tờ", "paper", code) for code in child.papers if code not in papers]
    found += [
        Finding(where, "field_not_given", f"Thiếu mục bắt buộc {code}", f"The required field {code} is not given")
        for code in theirs.form.get("required", ())
        if code not in child.fields
    ]
    accepts = (
        child.agency in theirs.agencies
        if child.agency is not None
        else (theirs.wards or not definition.wards) and set(definition.agencies) <= set(theirs.agencies)
    )
    if not accepts:
        found.append(
            Finding(where, "not_accepted", "Cơ quan đó không nhận thủ tục này", "That agency does not take it")
        )
    return found
