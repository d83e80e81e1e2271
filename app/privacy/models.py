"""What a person may know of their data, decide on it and ask about it."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from app.identity.models import Role
from app.types import Answer, Body, Pin, ShortText

Purpose = Literal["service", "statistics", "suggestions", "share_with_billers", "marketing"]
RequestKind = Literal["access", "correction", "restriction", "objection", "erasure", "complaint"]
KindOfData = Literal[
    "phone",
    "name",
    "identity",
    "account",
    "payment",
    "message",
    "device",
    "location",
    "dossier",
    "photograph",
    "other",
]

# Lines and tabs, for this is a letter; no other control characters, no lone surrogates, no marks that turn the text.
Letter = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=4000,
        pattern=r"^(?=[\s\S]*\S)[^\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]*$",
    ),
]
Moment = Annotated[datetime, Meta(tz=True)]


class Consent(Answer):
    """What my data may be used for, in words of this `version`, and what I have decided.

    `needed`: the service cannot do without it. `outdated`: I decided on older words, so it counts as not given."""

    purpose: Purpose
    version: int
    title: str
    words: str
    needed: bool
    given: bool
    outdated: bool
    decided_at: datetime | None


class DecideConsent(Body, kw_only=True):
    """`version`: of the words that I have read."""

    given: bool
    version: Annotated[int, Meta(ge=1, le=100_000)]


class Export(Answer):
    """A copy of all that is held of me. Once it is `ready`, fetch its `/file` before `expires_at`."""

    export_id: UUID
    status: Literal["pending", "ready", "failed", "expired"]
    made_at: datetime
    ready_at: datetime | None
    expires_at: datetime | None
    size_bytes: int | None


class AskErasure(Body, kw_only=True):
    """My PIN: what is erased does not come back."""

    pin: Pin


class Held(Answer):
    """What is kept although I asked, why, and until when at the latest."""

    what: str
    reason: str
    until: date


class Erasure(Answer):
    """It is done within a minute; then this account is closed on every device."""

    erasure_id: UUID
    status: Literal["pending", "done", "refused"]
    holds: list[Held]
    erases: list[str]


class AskData(Body, kw_only=True):
    """What I ask of whoever holds my data, in my own words."""

    kind: RequestKind
    text: Letter


class DataRequest(Answer):
    """What I asked; the answer comes by the end of `due_on`."""

    data_request_id: UUID
    kind: RequestKind
    text: str | None
    made_at: datetime
    due_on: date
    answered_at: datetime | None
    granted: bool | None
    answer: str | None


class StaffDataRequest(Answer):
    """What a resident asked, to whoever answers it."""

    data_request_id: UUID
    resident_id: UUID
    kind: RequestKind
    text: str | None
    made_at: datetime
    due_on: date
    overdue: bool
    answered_at: datetime | None
    granted: bool | None
    answer: str | None


class AnswerData(Body, kw_only=True):
    """What the resident is answered."""

    text: Letter
    granted: bool


class OpenedAs(Answer):
    """A role at an agency."""

    agency: str
    role: Role


class FileOpening(Answer):
    """Somebody of the city opened my file: when, as what, which part, and why. Not who: that is in the audit."""

    id: UUID
    at: datetime
    opened_as: list[OpenedAs]
    what: str
    reason: str


class Processing(Answer):
    """What was done with somebody's data, for what, by whom and by what right."""

    id: UUID
    at: datetime
    resident_id: UUID | None
    done: str
    purpose: str
    basis: str
    actor_id: UUID | None
    actor_kind: str


class ReportBreach(Body, kw_only=True):
    """What is known of a breach so far. Sent again with more, it is a new version; the old ones are kept."""

    found_at: Moment
    happened_at: Moment | None = None
    what: Letter
    kinds_of_data: Annotated[list[KindOfData], Meta(min_length=1, max_length=20)]
    people_affected: Annotated[int, Meta(ge=1, le=100_000_000)] | None = None
    harm: Letter
    measures: Letter


class NotifyBreach(Body, kw_only=True):
    """When the authority was told, and under which reference."""

    sent_at: Moment
    reference: ShortText


class CloseBreach(Body, kw_only=True):
    """What was learnt."""

    lessons: Letter


class Breach(Answer):
    """A breach as it is known now. The authority is told before `notify_by`; `hours_left` below 0: it is late."""

    breach_id: UUID
    version: int
    found_at: datetime
    happened_at: datetime | None
    what: str
    kinds_of_data: list[KindOfData]
    people_affected: int | None
    harm: str
    measures: str
    notify_by: datetime
    hours_left: int | None
    """Null once the authority was told."""
    notified_at: datetime | None
    reference: str | None
    closed_at: datetime | None
    lessons: str | None


class Retained(Answer):
    """What is held, for how long, by what right, and when what was past its time was last forgotten."""

    holding: str
    what: str
    why: str
    basis: str
    kept_days: int | None
    """Null: as long as the account lives, or what the law says of `hold`."""
    hold: str | None
    last_run_at: datetime | None
    forgotten_last: int
    forgotten: int
