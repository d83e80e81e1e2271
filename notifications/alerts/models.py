"""The nouns of warnings. Their words are those of the Common Alerting Protocol 1.2 (OASIS, CAP-v1.2-os)."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.staff.models import Moment
from app.types import ONE_LINE, Answer, Body, Code, LongLine, LongText, Reason, ShortText

MsgType = Literal["Alert", "Update", "Cancel"]
AlertStatus = Literal["Actual", "Exercise", "System", "Test", "Draft"]
PublicStatus = Literal["Actual", "Exercise", "Test"]
AlertState = Literal["draft", "proposed", "refused", "published"]
AlertCategory = Literal[
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other"
]
ResponseType = Literal["Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None"]
Urgency = Literal["Immediate", "Expected", "Future", "Past", "Unknown"]
Severity = Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"]
Certainty = Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"]
Ended = Literal["updated", "cancelled", "expired"]

GRAVE: frozenset[Severity] = frozenset(("Extreme", "Severe"))
"""Of these, what is meant goes out only once two people have seen it."""

Headline = Annotated[str, Meta(min_length=1, max_length=160, pattern=ONE_LINE)]
Contact = Annotated[str, Meta(min_length=1, max_length=200, pattern=ONE_LINE)]
Web = Annotated[str, Meta(min_length=9, max_length=300, pattern=r"^https://[!-;=?-~]+$(?!\n)")]


class AlertParameter(Body):
    """A value that goes with a warning, such as a river's level, by a name for it."""

    name: ShortText
    value: LongLine


class PutAlert(Body, kw_only=True):
    """A warning, in both languages; its scope is Public. `wards`: their codes; none: the whole city. `effective_at`:
    null: once it is published. `reference_ids`: the warnings that an Update or a Cancel takes the place of, by the
    ids under which they were put."""

    msg_type: MsgType
    status: AlertStatus
    note: Reason | None = None
    reference_ids: Annotated[list[UUID], Meta(max_length=10)] = msgspec.field(default_factory=list[UUID])
    categories: Annotated[list[AlertCategory], Meta(min_length=1, max_length=5)]
    event_vi: ShortText
    event_en: ShortText
    response_types: Annotated[list[ResponseType], Meta(max_length=5)] = msgspec.field(
        default_factory=list[ResponseType]
    )
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    effective_at: Moment | None = None
    onset_at: Moment | None = None
    expires_at: Moment
    headline_vi: Headline
    headline_en: Headline
    description_vi: LongText
    description_en: LongText
    instruction_vi: LongText | None = None
    instruction_en: LongText | None = None
    web: Web | None = None
    contact: Contact | None = None
    parameters: Annotated[list[AlertParameter], Meta(max_length=20)] = msgspec.field(
        default_factory=list[AlertParameter]
    )
    wards: Annotated[list[Code], Meta(max_length=100)] = msgspec.field(default_factory=list[Code])


class RefuseAlert(Body):
    """Why a draft or a proposal goes nowhere."""

    reason: Reason


class AlertValue(Answer):
    """A value that goes with a warning, by a name for it."""

    name: str
    value: str


class StaffAlert(Answer):
    """A warning as those see it who write them. `sender` and `sent_at`, by which CAP names it beside its id, are
    there once it is published; `in_force`: it is published and Actual, and its time is not over."""

    id: UUID
    state: AlertState
    needs_approval: bool
    in_force: bool
    msg_type: MsgType
    status: AlertStatus
    scope: Literal["Public"]
    note: str | None
    reference_ids: list[UUID]
    replaced_by: UUID | None
    categories: list[AlertCategory]
    event_vi: str
    event_en: str
    response_types: list[ResponseType]
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    effective_at: datetime | None
    onset_at: datetime | None
    expires_at: datetime
    headline_vi: str
    headline_en: str
    description_vi: str
    description_en: str
    instruction_vi: str | None
    instruction_en: str | None
    web: str | None
    contact: str | None
    parameters: list[AlertValue]
    wards: list[str]
    agency: str
    written_by: UUID
    made_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    decision_reason: str | None
    sender: str | None
    sent_at: datetime | None


class AlertWard(Answer):
    """A ward for which a warning is."""

    code: str
    name: str


class AlertReference(Answer):
    """A warning of before, whose place this one takes; CAP names it by `identifier`, `sender` and `sent_at`."""

    id: UUID
    identifier: str
    sender: str
    sent_at: datetime
    msg_type: MsgType
    headline: str


class Alert(Answer):
    """A warning in the caller's language. `wards`: none: it is for the whole city. `ended`: why it is not in force
    any more, `replaced_by` which one took its place. `references`: the chain of those before it, oldest first. `cap`:
    the same as a CAP 1.2 document, in both languages."""

    id: UUID
    identifier: str
    sender: str
    sender_name: str
    sent_at: datetime
    status: AlertStatus
    msg_type: MsgType
    scope: Literal["Public"]
    in_force: bool
    ended: Ended | None
    replaced_by: UUID | None
    references: list[AlertReference]
    note: str | None
    categories: list[AlertCategory]
    event: str
    response_types: list[ResponseType]
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    effective_at: datetime
    onset_at: datetime | None
    expires_at: datetime
    headline: str
    description: str
    instruction: str | None
    web: str | None
    contact: str | None
    parameters: list[AlertValue]
    wards: list[AlertWard]
    cap: str


# Water

LevelM = Annotated[float, Meta(ge=-1000, le=1000, description="metres above the station's zero, to the centimetre")]
FlowM3S = Annotated[float, Meta(ge=-1_000_000, le=1_000_000, description="cubic metres a second, to the litre")]


class PutReading(Body):
    """What a station has measured; at least one of the three."""

    station: Code
    measured_at: Moment
    level_m: LevelM | None = None
    inflow_m3_s: FlowM3S | None = None
    discharge_m3_s: FlowM3S | None = None


class WithdrawReading(Body):
    """Why a reading was a mistake."""

    reason: Reason


class PostReadings(Body):
    """Readings of a machine, each taken or not by itself."""

    readings: Annotated[list[PutReading], Meta(max_length=500)]


class Reading(Answer):
    """A reading as it is kept. `withdrawn_at`: it was a mistake."""

    id: UUID
    station: str
    measured_at: datetime
    level_m: float | None
    inflow_m3_s: float | None
    discharge_m3_s: float | None
    made_at: datetime
    withdrawn_at: datetime | None


class ReadingRefused(Answer):
    """A reading that was not taken: its place in what was sent, from 0, the problem's name, and its words."""

    position: int
    station: str
    measured_at: datetime
    problem: str
    title: str


class ReadingsTaken(Answer):
    """How many readings are new, how many were known already, and which were not taken."""

    taken: int
    known: int
    refused: list[ReadingRefused]


Trend = Literal["rising", "falling", "steady"]


class Level(Answer):
    """A level at a moment."""

    at: datetime
    level_m: float


class RiverLevel(Answer):
    """A river at a gauge: its newest level, above which alarm it is (0: below the first; null: it has none, or
    nothing was measured for a day), where it goes, and the levels of the last day, oldest first."""

    code: str
    name: str
    river: str
    level_m: float | None
    measured_at: datetime | None
    alarm: int | None
    alarm_levels_m: list[float]
    trend: Trend | None
    levels: list[Level]


class ReservoirLevel(Answer):
    """A reservoir: its newest level, what flows in, and what is let out."""

    code: str
    name: str
    river: str
    level_m: float | None
    inflow_m3_s: float | None
    discharge_m3_s: float | None
    measured_at: datetime | None
    trend: Trend | None


class FloodedRoad(Answer):
    """A public field report of water on a road that somebody of the city has accepted and nobody has ended yet."""

    report_id: UUID
    code: str
    text: str
    address: str | None
    ward: str
    ward_name: str
    lat: float
    lng: float
    made_at: datetime


class Hotline(Answer):
    """Whom to call."""

    number: str
    name: str


class Sos(Answer):
    """As what an SOS is filed with `PUT /v1/feedback/reports/{report_id}`."""

    category: str
    urgent: bool


class Flood(Answer):
    """What people look for in a flood, in the caller's language."""

    rivers: list[RiverLevel]
    reservoirs: list[ReservoirLevel]
    flooded_roads: list[FloodedRoad]
    hotlines: list[Hotline]
    sos: Sos
