"""What a version of a procedure says, as data: papers, form, cases with their terms, result, and the flow.

A version is written as a draft, held against itself by `checking`, and frozen when it is published; a dossier stays
with the version that it was filed under. The rules are those of Decree 118/2025/NĐ-CP on the one-stop mechanism; the
format is described, with an example, in `docs/dossiers.md`.

A dossier's states are the frame's and the flow's. The frame is the same for every procedure, and no flow names it:

    draft ─► submitted ─► (accepted: the flow's start) …
                │  ▲ ╲
                ▼  │  ╲─► refused
            incomplete
    withdrawn: from any of these, and from any state of the flow that has not ended, unless the flow forbids it
    returned: from an end of the flow with national status 9, when the result is in its owner's hands"""

from datetime import date
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from app.types import LongLine as Line

Code = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_]*$(?!\n)")]
ProcedureCode = Annotated[str, Meta(min_length=8, max_length=8, pattern=r"^[1-9]\.[0-9]{6}$")]
AgencyCode = Annotated[str, Meta(min_length=2, max_length=40, pattern=r"^[a-z0-9-]+$(?!\n)")]

Channel = Literal["counter", "online", "post"]
OnlineLevel = Literal["info", "partial", "full"]
FlowRole = Literal["clerk", "agency_officer", "agency_head"]
Clock = Literal["run", "pause", "stop"]
NationalStatus = Literal[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
"""1 newly filed, 2 accepted, 3 not accepted, 4 in hand, 5 papers asked for, 6 payment asked for, 7 withdrawn,
8 stopped, 9 done, 10 result handed over. 5, 6 and 8 count as paused."""
Outcome = Literal["done", "stopped"]
FormNumber = Literal[1, 2, 3, 4, 5, 6, 7]
"""Forms of the one-stop mechanism: 01 receipt and appointment, 02 request for supplement, 03 refusal, 04 apology and
new date, 05 stop notice, 06 control slip, 07 register."""

FRAME = ("draft", "submitted", "incomplete", "refused", "withdrawn", "returned")
"""States that no flow may name."""


class Told(Struct, frozen=True, forbid_unknown_fields=True):
    """The same in both languages."""

    vi: Line
    en: Line


class Paper(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A paper that belongs to a dossier. `kinds`: in which of them it may be handed in, as the national data has it
    (0 original, 1 copy, 2 electronic). `cases`: only in these; empty: in all. `reusable`: kept for its owner."""

    code: Code
    name: Told
    required: bool = True
    kinds: Annotated[list[Literal[0, 1, 2]], Meta(min_length=1, max_length=3)] = field(default_factory=lambda: [1, 2])
    most: Annotated[int, Meta(ge=1, le=20)] = 1
    cases: list[Code] = []
    reusable: bool = True


class Term(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Time and fee of a case over a channel. `days`: working days, 0 the same day; `statutory_days`: what the law
    gives. `fee`: whole đồng, 0 none, due `fee_at`; `fee_per_field`: so much for each of what this whole number of the
    form counts (copies)."""

    channel: Channel
    days: Annotated[int, Meta(ge=0, le=250)]
    statutory_days: Annotated[int, Meta(ge=0, le=250)]
    fee: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    fee_at: Literal["acceptance", "supplement", "return"] = "acceptance"
    fee_per_field: Code | None = None

    def fee_of(self, form: dict[str, Any]) -> int:
        """The fee, in whole đồng, of a dossier with this form."""
        counted = form.get(self.fee_per_field, 1) if self.fee_per_field else 1
        return self.fee * counted if isinstance(counted, int) else self.fee


class Case(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case of a procedure: born here, born abroad; the time and the fee are its own, for each channel."""

    code: Code
    name: Told
    terms: Annotated[list[Term], Meta(min_length=1, max_length=3)]


class Basis(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A law that says so, with its number and what of it."""

    number: Line
    name: Told
    article: Line | None = None
    since_on: date | None = None


class Result(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What comes out. `signatures`: whose, in the order of signing; an electronic result has both, a paper one none
    of ours. `keeps`: it is kept among its owner's papers under this code, and offered wherever that paper is asked
    for."""

    name: Told
    electronic: bool = True
    signatures: list[Literal["leader", "agency"]] = field(default_factory=lambda: ["leader", "agency"])
    keeps: Code | None = None


# The flow


class Desk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who works there: a role, and the department as it is told. `agency` null: the dossier's own; else another that
    is consulted, and whose silence is no consent but is told to its head."""

    role: FlowRole
    department: Told
    agency: AgencyCode | None = None


class State(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a dossier can be. `limit_minutes`: of working time, for whoever has it; null where the clock does not
    run. `percent`: the degree of completion that everybody may know. `outcome`: it ends here."""

    code: Code
    name: Told
    national: NationalStatus
    percent: Annotated[int, Meta(ge=0, le=100)]
    clock: Clock = "run"
    desk: Desk | None = None
    limit_minutes: Annotated[int, Meta(ge=1, le=60_000)] | None = None
    outcome: Outcome | None = None


class AskSupplement(Struct, frozen=True, tag="ask_supplement", tag_field="effect", forbid_unknown_fields=True):
    """The applicant is asked for papers, in writing (form 02); what they send leads on by `on: supplemented`."""


class AskFee(Struct, frozen=True, tag="ask_fee", tag_field="effect", forbid_unknown_fields=True):
    """The fee of the case is asked for; its payment leads on by `on: fee_paid`."""


class Extend(Struct, frozen=True, tag="extend", tag_field="effect", forbid_unknown_fields=True):
    """A new date, once, with an apology (form 04), told at least a day before the old one is over."""


class IssueResult(Struct, frozen=True, tag="issue_result", tag_field="effect", forbid_unknown_fields=True):
    """The result is made and signed."""


class Print(Struct, frozen=True, tag="print", tag_field="effect", forbid_unknown_fields=True):
    """One of the forms is given out."""

    form: FormNumber


class Child(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dossier of another procedure that is made out of this one, with its own agency, code and deadline. `agency`
    null: at the same one. `fields`: of the child's form, from which of ours."""

    procedure: ProcedureCode
    case: Code
    agency: AgencyCode | None = None
    fields: dict[Code, Code] = {}
    papers: dict[Code, Code] = {}
    """Of the child's papers, from which of ours."""


class Spawn(Struct, frozen=True, kw_only=True, tag="spawn", tag_field="effect", forbid_unknown_fields=True):
    """Children are made, all at once; when the last is done `on: joined` leads on, when one is not `on:
    child_refused` does, and the others are stopped."""

    children: Annotated[list[Child], Meta(min_length=1, max_length=5)]


Effect = AskSupplement | AskFee | Extend | IssueResult | Print | Spawn
Happening = Literal["supplemented", "fee_paid", "joined", "child_refused", "result_signed"]
"""What moves a dossier on by itself."""


class Action(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way from some states to another. By `roles` at the state's desk, or by itself `on` a happening; never both.

    `to` null: it stays where it is (an extension). `needs`: what whoever does it must give."""

    code: Code
    name: Told
    from_: Annotated[list[Code], Meta(min_length=1, max_length=30)] = field(name="from")
    to: Code | None = None
    roles: list[FlowRole] = []
    on: Happening | None = None
    needs: list[Literal["note", "paper", "assignee"]] = []
    effects: list[Effect] = []


class Flow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """States and actions. `start`: where an accepted dossier is. `supplement`: what a supplement does to the
    deadline, `restart` (from zero) or `pause`."""

    start: Code
    states: Annotated[list[State], Meta(min_length=2, max_length=40)]
    actions: Annotated[list[Action], Meta(min_length=1, max_length=100)]
    supplement: Literal["restart", "pause"] = "restart"
    may_withdraw: bool = True

    def state(self, code: str) -> State | None:
        """The state of this code."""
        return next((state for state in self.states if state.code == code), None)

    def action(self, code: str) -> Action | None:
        """The action of this code."""
        return next((action for action in self.actions if action.code == code), None)

    def on(self, happening: Happening, state: str) -> Action | None:
        """What a happening does in a state."""
        return next((action for action in self.actions if action.on == happening and state in action.from_), None)


class Definition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a procedure, whole.

    `agencies`: where it may be filed, by code; `wards`: at every ward's counter. `form`: a JSON Schema (2020-12) of
    one object, whose fields have `title` (vi) and `title_en`. `for_organisations`: an organisation may be its
    applicant."""

    name: Told
    field: Code
    online_level: OnlineLevel
    wards: bool = False
    agencies: list[AgencyCode] = []
    papers: Annotated[list[Paper], Meta(max_length=30)] = []
    form: dict[str, Any]
    cases: Annotated[list[Case], Meta(min_length=1, max_length=20)]
    result: Result
    legal_basis: Annotated[list[Basis], Meta(min_length=1, max_length=20)]
    flow: Flow
    for_organisations: bool = False

    def case(self, code: str) -> Case | None:
        """The case of this code."""
        return next((case for case in self.cases if case.code == code), None)

    def term(self, case: str, channel: str) -> Term | None:
        """Time and fee of a case over a channel; None: not that way."""
        found = self.case(case)
        return next((term for term in found.terms if term.channel == channel), None) if found else None

    def papers_of(self, case: str) -> list[Paper]:
        """What belongs to a dossier of this case."""
        return [paper for paper in self.papers if not paper.cases or case in paper.cases]
