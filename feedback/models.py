"""Nouns of field reports: what residents say of the street, what the city does about it, and what everybody may
read."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.types import Answer, Body, Code, Dong, LongText, Paragraph, PhoneText, Reason, ShortText

ReportStatus = Literal[
    "submitted", "verified", "rejected", "assigned", "in_progress", "resolved", "closed", "duplicate"
]
Channel = Literal["app", "hotline", "open311"]
StepKind = Literal[
    "filed",
    "verified",
    "rejected",
    "assigned",
    "started",
    "asked",
    "informed",
    "lapsed",
    "resolved",
    "returned",
    "extension_asked",
    "extended",
    "extension_refused",
    "merged",
    "reopened",
    "rated",
    "closed",
    "redacted",
    "fined",
]
ActorKind = Literal["reporter", "staff", "city"]
Part = Literal["filed", "informed", "resolved", "reopened"]
RatingWord = Literal["satisfied", "acceptable", "unsatisfied"]
Queue = Literal["new", "verified", "mine", "due_soon", "overdue", "extensions", "reopened", "confidential", "all"]
"""What a list of the staff's holds: not looked at yet; verified and nobody's; open ones of my agencies; with less
than their category's warning left; late; more time asked for; opened again; complaints about officers; all that I may
see."""

Lat = Annotated[float, Meta(ge=-90, le=90, description="degrees, WGS 84")]
Lng = Annotated[float, Meta(ge=-180, le=180, description="degrees, WGS 84")]
Address = ShortText
Uploads = Annotated[list[UUID], Meta(max_length=6)]
Version = Annotated[int, Meta(ge=1, le=1_000_000, description="the report's, as it was last seen")]
Moment = Annotated[datetime, Meta(tz=True)]


class ReportCategory(Answer):
    """What a report may be about, in the caller's language, and its rules. Minutes are of working hours.

    `photo`: one is needed to file. `after_photo`: one is needed to answer. `evidence`: send the untouched file; the
    public never sees it as it is. `place_precision_m`: how exactly the public sees the place."""

    code: str
    group: str
    name: str
    hint: str
    photo: bool
    after_photo: bool
    private: bool
    evidence: bool
    place_precision_m: int
    due_minutes: int


# What a resident sends


class FileReport(Body):
    """What is wrong, where, and pictures that were uploaded before. `private`: nobody but the city reads it.
    `share_name`: the agency may see who I am. `address`: in my words."""

    category: Code
    text: LongText
    lat: Lat
    lng: Lng
    address: Address | None = None
    uploads: Uploads = msgspec.field(default_factory=list)
    private: bool = False
    share_name: bool = False
    urgent: bool = False


class Complain(Body):
    """A complaint about an officer: read by the supervisor in charge only, never published."""

    text: LongText
    lat: Lat
    lng: Lng
    address: Address | None = None
    uploads: Uploads = msgspec.field(default_factory=list)
    share_name: bool = False


class FollowReport(Body):
    """`follow`: hear what becomes of it; false: no more. `affected`: I meet the same trouble."""

    follow: bool = True
    affected: bool = False


class RateReport(Body):
    """How the answer was, once."""

    rating: RatingWord
    comment: Paragraph | None = None


class ReopenReport(Body):
    """Why the answer is none."""

    reason: Paragraph
    uploads: Uploads = msgspec.field(default_factory=list)


class GiveInformation(Body):
    """What the city asked for."""

    text: LongText
    uploads: Uploads = msgspec.field(default_factory=list)


class WriteComment(Body):
    """Something to say to a report."""

    text: Paragraph


# What staff send


class FileForCaller(FileReport):
    """What somebody told the hotline, and who they are as far as they said."""

    caller_phone: PhoneText | None = None
    caller_name: ShortText | None = None


class VerifyReport(Body):
    """Whether it is a matter for the city; if not, why. `false_report`: it was made up, which is a strike."""

    version: Version
    accepted: bool
    reason: Paragraph | None = None
    false_report: bool = False


class AssignReport(Body):
    """Who shall deal with it; no `agency`: whoever the routing table says. `note`: for them."""

    version: Version
    agency: Code | None = None
    note: Paragraph | None = None


class StartReport(Body):
    """Somebody is on it."""

    version: Version


class AskReporter(Body):
    """What the agency must know; its clock stands still until the answer."""

    version: Version
    text: Paragraph


class ResolveReport(Body):
    """The answer, and pictures of what was done."""

    version: Version
    text: LongText
    uploads: Uploads = msgspec.field(default_factory=list)


class ReturnReport(Body):
    """Why it is not ours: back to the operations centre."""

    version: Version
    reason: Paragraph


class AskExtension(Body):
    """Until when, and why it takes longer."""

    version: Version
    until: Moment
    reason: Reason


class DecideExtension(Body):
    """Whether the agency gets the time it asked for."""

    version: Version
    approved: bool
    reason: Reason | None = None


class MergeReport(Body):
    """The report (its id) that this one repeats: its followers go along."""

    version: Version
    of: UUID


Fraction = Annotated[float, Meta(ge=0, le=1)]


class Rectangle(Body):
    """What is covered, in fractions of the picture as it is shown: from the left, from the top."""

    x: Fraction
    y: Fraction
    width: Annotated[float, Meta(gt=0, le=1)]
    height: Annotated[float, Meta(gt=0, le=1)]


class RedactPicture(Body):
    """What of a picture nobody shall see. An empty list: somebody looked, and all of it may be seen."""

    version: Version
    rectangles: Annotated[list[Rectangle], Meta(max_length=50)]


class WriteReportNote(Body):
    """For the city's people only."""

    text: Paragraph


class HideComment(Body):
    """Why nobody shall read it."""

    reason: Reason


# What is answered


class Picture(Answer):
    """A picture, as two files for everybody who has their names."""

    upload_id: UUID
    part: Part
    large: str
    small: str
    width: int
    height: int


class Place(Answer):
    """Where. `approximate`: the ward was guessed from the nearest centre; `precision_m`: how exactly it is told."""

    lat: float
    lng: float
    address: str | None
    ward: str
    ward_name: str
    approximate: bool
    precision_m: int = 0


class Step(Answer):
    """Something that was done to a report."""

    kind: StepKind
    by: ActorKind
    agency: str | None
    text: str | None
    made_at: datetime


class PublicReport(Answer):
    """A report as everybody may read it: no reporter, and no more of the place than its category says."""

    id: UUID
    code: str
    category: str
    category_name: str
    status: ReportStatus
    text: str
    place: Place
    urgent: bool
    agency: str | None
    agency_name: str | None
    answer: str | None
    made_at: datetime
    updated_at: datetime
    first_due_at: datetime
    due_at: datetime
    waits_for_reporter: bool
    resolved_at: datetime | None
    reopened: int
    followers: int
    rating: RatingWord | None
    pictures: list[Picture]


class PublicComment(Answer):
    """What somebody said, and nobody reads who."""

    id: UUID
    mine: bool
    text: str
    made_at: datetime


class ShownReport(PublicReport):
    """The same with its steps and comments, and what it is to me."""

    steps: list[Step]
    comments: list[PublicComment]
    following: bool
    mine: bool


class MyReport(Answer):
    """A report of mine, whole. `question`: what the city asks me, and the clock waits."""

    id: UUID
    code: str
    category: str
    category_name: str
    status: ReportStatus
    text: str
    place: Place
    private: bool
    share_name: bool
    urgent: bool
    agency: str | None
    agency_name: str | None
    answer: str | None
    question: str | None
    duplicate_of: str | None
    made_at: datetime
    updated_at: datetime
    first_due_at: datetime
    due_at: datetime
    resolved_at: datetime | None
    may_reopen_until: datetime | None
    reopened: int
    followers: int
    rating: RatingWord | None
    rating_comment: str | None
    mine: bool
    pictures: list[Picture]
    steps: list[Step]
    comments: list[PublicComment]


class MyReportLine(Answer):
    """A line of my list."""

    id: UUID
    code: str
    category: str
    category_name: str
    status: ReportStatus
    text: str
    ward_name: str
    question: bool
    made_at: datetime
    due_at: datetime
    picture: str | None
    mine: bool


class NearbyReport(Answer):
    """An open report close by, that may be about the same: `distance_m` in metres."""

    id: UUID
    code: str
    category: str
    category_name: str
    status: ReportStatus
    text: str
    distance_m: int
    followers: int
    following: bool
    made_at: datetime
    picture: str | None
    looks_alike: bool = False
    """One of its pictures looks like one of those asked about."""


class StaffStep(Step):
    """What was done, by whom, and what the report's version was then."""

    version: int
    actor_id: UUID | None
    actor_name: str | None
    for_reporter: bool


class StaffPicture(Picture):
    """A picture as officers see it: the hash of its untouched file (SHA-256, hexadecimal), if it is kept, and where
    and when the phone says that it was taken."""

    redacted: bool
    sha256: str | None
    original: bool
    lat: float | None
    lng: float | None
    taken_at: datetime | None


class StaffFile(Answer):
    """A video or a paper of a report."""

    upload_id: UUID
    part: Part
    media_type: str
    size: int
    sha256: str
    original: bool


class Note(Answer):
    """What the city's people tell each other."""

    id: UUID
    author_name: str | None
    text: str
    made_at: datetime


class Extension(Answer):
    """More time that was asked for, and what came of it."""

    until: datetime
    reason: str
    asked_by: UUID
    made_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    approved: bool | None
    decision_reason: str | None


class Reporter(Answer):
    """Who reported, as far as the agency may know: nothing without consent. Of whoever called, or wrote through
    somebody else's form, the centre sees what they gave."""

    name: str | None
    phone: str | None
    email: str | None
    strikes: int


class StaffReport(Answer):
    """A report as staff see it. `routed_to`: whom the routing table proposes."""

    id: UUID
    code: str
    channel: Channel
    category: str
    category_name: str
    status: ReportStatus
    version: int
    text: str
    place: Place
    private: bool
    confidential: bool
    urgent: bool
    reporter: Reporter
    agency: str | None
    agency_name: str | None
    routed_to: str
    answer: str | None
    question: str | None
    duplicate_of: UUID | None
    made_at: datetime
    updated_at: datetime
    first_due_at: datetime
    due_at: datetime
    overdue_at: datetime | None
    resolved_at: datetime | None
    reopened: int
    returned: int
    extended: int
    followers: int
    rating: RatingWord | None
    rating_comment: str | None
    pictures: list[StaffPicture]
    files: list[StaffFile]
    steps: list[StaffStep]
    notes: list[Note]
    comments: list[PublicComment]
    extensions: list[Extension]


class StaffReportLine(Answer):
    """A line of a queue."""

    id: UUID
    code: str
    category: str
    category_name: str
    status: ReportStatus
    version: int
    text: str
    ward_name: str
    urgent: bool
    agency: str | None
    routed_to: str
    made_at: datetime
    due_at: datetime
    overdue: bool
    waits_for_reporter: bool
    reopened: int
    picture: str | None


# Fines

FineStatus = Literal["notice", "decided", "paid", "cancelled"]
Plate = Annotated[
    str,
    Meta(
        min_length=4,
        max_length=20,
        pattern=r"^(?=(?:[ .-]*[0-9A-Za-zĐđ]){4})(?=.*[0-9])[0-9A-Za-zĐđ .-]*$(?!\n)",
        description="a vehicle's, with or without spaces, dashes and dots",
    ),
]
DecisionNumber = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=40,
        pattern=r"^(?=.*[0-9])[0-9A-Za-z\u00c0-\u1ef9 ./_-]*$(?!\n)",
        description="as the paper has it: 123/QĐ-XPHC",
    ),
]


class PutFine(Body):
    """A notice: whose vehicle, and what was violated. With `decision_number` and `amount` it is a decision.

    `decided_on`: today, unless said. `due_on`: the last day to pay; ten days after it, unless the decision gives
    more."""

    version: Version
    plate: Plate
    violation: Reason
    offender_name: ShortText | None = None
    decision_number: DecisionNumber | None = None
    amount: Dong | None = None
    decided_on: date | None = None
    due_on: date | None = None


class CancelFine(Body):
    """Why there is none after all."""

    version: Version
    reason: Reason


class StaffFine(Answer):
    """A fine as its agency sees it. `version`: the report's. `late_amount`: what its bill holds beside the fine.

    Plate and name are null once they are forgotten."""

    report_id: UUID
    version: int
    status: FineStatus
    plate: str | None
    violation: str
    offender_name: str | None
    decision_number: str | None
    amount: int | None
    late_amount: int
    decided_on: date | None
    due_on: date | None
    biller: str | None
    reference: str | None
    bill_id: UUID | None
    paid_at: datetime | None
    paid_amount: int | None
    cancelled_at: datetime | None
    cancel_reason: str | None
    made_at: datetime


class LookUpFine(Body):
    """What stands on the decision."""

    plate: Plate
    decision_number: DecisionNumber


class PublicFine(Answer):
    """A fine, to whoever has the decision. Amounts are whole đồng; `total` is what there is to pay today.

    While it is `due` it is paid with a wallet by `bill_id`, or from any bank's app: `page` is a page to scan from,
    `public_bill` the same as JSON, `vietqr` the same for whoever is signed in."""

    status: Literal["due", "paid", "cancelled"]
    decision_number: str
    decided_on: date
    violation: str
    agency_name: str
    amount: int
    late_amount: int
    total: int
    due_on: date
    paid_at: datetime | None
    biller: str
    reference: str
    bill_id: UUID | None
    page: str | None
    public_bill: str | None
    vietqr: str | None
