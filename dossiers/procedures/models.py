"""What is said and asked about procedures."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.types import Answer, Body, Paragraph
from dossiers.procedures.definitions import Channel, Definition, OnlineLevel, Outcome

ReviewOutcome = Literal["keep", "simplify", "abolish"]


class Pinned(msgspec.Struct, frozen=True):
    """A procedure in the version that is in force."""

    code: str
    version: int
    definition: Definition


class ProcedureLine(Answer):
    """A procedure in a list. Days are working days, fees whole đồng; each from the least to the most, over all cases
    and channels."""

    code: str
    name: str
    field: str
    field_name: str
    online_level: OnlineLevel
    least_days: int
    most_days: int
    least_fee: int
    most_fee: int


class ShownPaper(Answer):
    """A paper that belongs to a dossier. `kinds`: 0 original, 1 copy, 2 electronic. `cases`: only in these; empty: in
    all."""

    code: str
    name: str
    required: bool
    kinds: list[int]
    most: int
    cases: list[str]


class ShownTerm(Answer):
    """Time and fee over a channel: working days, 0 the same day; whole đồng, 0 none. `fee_per_field`: the fee is for
    each of what this field of the form counts."""

    channel: Channel
    days: int
    statutory_days: int
    fee: int
    fee_at: str
    fee_per_field: str | None


class ShownCase(Answer):
    """A case, with what it takes over each channel."""

    code: str
    name: str
    terms: list[ShownTerm]


class ShownBasis(Answer):
    """A law that says so."""

    number: str
    name: str
    article: str | None


class ShownState(Answer):
    """A step as people may know it. `limit_minutes`: of working time; `agency`: another one that is consulted."""

    code: str
    name: str
    department: str | None
    agency: str | None
    limit_minutes: int | None
    percent: int
    outcome: Outcome | None


class AcceptingAgency(Answer):
    """Where it may be filed. `ward`: the code of the ward that it serves, null for the city."""

    code: str
    name: str
    ward: str | None


class ShownProcedure(Answer):
    """A procedure, whole, in the caller's language. `form` is a JSON Schema (2020-12), its fields in the order in
    which they are asked."""

    code: str
    version: int
    name: str
    field: str
    field_name: str
    online_level: OnlineLevel
    for_organisations: bool
    papers: list[ShownPaper]
    cases: list[ShownCase]
    form: dict[str, Any]
    result: str
    result_electronic: bool
    legal_basis: list[ShownBasis]
    supplement: Literal["restart", "pause"]
    may_withdraw: bool
    states: list[ShownState]
    agencies: list[AcceptingAgency]


class DefinitionFinding(Answer):
    """Something in a definition that cannot be so. `field`: where in it."""

    field: str
    code: str
    message: str


class PutProcedureVersion(Body):
    """A draft. `definition`: as docs/dossiers.md describes it. `edit`: of the draft that this one stands instead of;
    null: there is none yet."""

    definition: dict[str, Any]
    edit: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class ProcedureVersionLine(Answer):
    """A version in a list."""

    version: int
    edit: int
    made_by: UUID | None
    made_at: datetime
    published_by: UUID | None
    published_at: datetime | None
    current: bool


class ProcedureVersion(ProcedureVersionLine):
    """A version, whole. `findings`: what stands against publishing it."""

    code: str
    definition: dict[str, Any]
    findings: list[DefinitionFinding]


class PublishProcedure(Body):
    """Which edit of the draft was read, and is published."""

    edit: Annotated[int, Meta(ge=1, le=1_000_000)]


class ReviewProcedure(Body):
    """The year's look at whether a procedure is still needed."""

    year: Annotated[int, Meta(ge=2020, le=2200)]
    outcome: ReviewOutcome
    reason: Paragraph


class ProcedureReview(Answer):
    """A review. `abolished_at` is set when a second person has said `abolish` too: nobody files it any more."""

    code: str
    year: int
    outcome: ReviewOutcome
    reason: str
    made_by: UUID
    made_at: datetime
    abolished_at: datetime | None


class StaffProcedureLine(Answer):
    """A procedure as those who keep the catalogue see it. `published_version` null: only drafts. `review`: this
    year's, null: there is none yet."""

    code: str
    name: str | None
    field: str | None
    published_version: int | None
    versions: int
    review: ReviewOutcome | None
    abolished_at: datetime | None
