"""What phones and officers send and get about dossiers."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, field

from app.types import ONE_LINE, Answer, Body, LongLine, LongName, LongText, Paragraph, PhoneText, Reason, ShortText
from dossiers.procedures.definitions import AgencyCode, Channel, Clock, NationalStatus, ProcedureCode
from dossiers.procedures.definitions import Code as PartCode

ApplicantKind = Literal["person", "organisation"]
DeliverBy = Literal["electronic", "counter", "post"]
DossierOutcome = Literal["done", "stopped", "refused", "withdrawn"]
PaymentState = Literal["none", "later", "due", "paid", "dropped"]
DeliveryState = Literal["none", "ready", "posted", "delivered"]
DossierQueue = Literal["mine", "unit", "due_soon", "overdue", "ready"]
Satisfaction = Literal["satisfied", "acceptable", "unsatisfied"]
EventBy = Literal["applicant", "staff", "city", "portal"]
PaperKind = Literal[0, 1, 2]
"""0 original, 1 copy, 2 electronic."""

DossierVersion = Annotated[int, Meta(ge=1, le=1_000_000)]
PersonalNumber = Annotated[str, Meta(min_length=9, max_length=14, pattern=r"^[0-9]{9,14}(-[0-9]{3})?$(?!\n)")]
Email = Annotated[str, Meta(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$(?!\n)")]
DossierCode = Annotated[str, Meta(min_length=8, max_length=60, pattern=r"^[0-9A-Za-z .-]+$(?!\n)")]
PinText = Annotated[str, Meta(min_length=4, max_length=4, pattern=r"^[0-9]{4}$")]


# What is sent


class Applicant(Body):
    """Whose dossier it is: `number` is a personal number or a tax code."""

    name: LongName
    kind: ApplicantKind = "person"
    number: PersonalNumber | None = None
    phone: PhoneText | None = None
    email: Email | None = None


class GivePaper(Body):
    """A paper, by its code in the procedure: an upload of mine (purpose `paper`), or one that is stored already."""

    paper: PartCode
    upload_id: UUID | None = None
    stored_paper_id: UUID | None = None


class FileDossier(Body):
    """A draft until `submit`. `delegation_id`: for whom I act; `applicant` is me, unless said."""

    procedure: ProcedureCode
    case: PartCode
    agency: AgencyCode
    channel: Literal["online", "post"] = "online"
    applicant: Applicant | None = None
    delegation_id: UUID | None = None
    form: dict[str, Any] = field(default_factory=dict[str, Any])
    papers: Annotated[list[GivePaper], Meta(max_length=50)] = field(default_factory=list[GivePaper])
    deliver_by: DeliverBy = "electronic"
    address: LongLine | None = None
    submit: bool = False


class HandInPaper(Body):
    """A paper that lies on the counter, and how many; scanned, it is an upload of the clerk's."""

    paper: PartCode
    kind: PaperKind
    copies: Annotated[int, Meta(ge=1, le=100)] = 1
    upload_id: UUID | None = None


class FileForVisitor(Body):
    """What a clerk writes down for whoever stands at the counter, or wrote by post, and accepts it at once unless
    told otherwise."""

    procedure: ProcedureCode
    case: PartCode
    agency: AgencyCode
    applicant: Applicant
    channel: Literal["counter", "post"] = "counter"
    form: dict[str, Any] = field(default_factory=dict[str, Any])
    papers: Annotated[list[HandInPaper], Meta(max_length=50)] = field(default_factory=list[HandInPaper])
    deliver_by: DeliverBy = "counter"
    address: LongLine | None = None
    accept: bool = True


class AcceptDossier(Body):
    """It is complete, and the clock starts."""

    version: DossierVersion
    note: Reason | None = None


class RefuseDossier(Body):
    """Why it is not accepted; printed on form 03."""

    version: DossierVersion
    reason: Paragraph


class ActOnDossier(Body):
    """An action of the flow. `papers`: which are asked for; `until`: the new date; `uploads`: papers of the officer's
    (purpose `paper`)."""

    version: DossierVersion
    action: PartCode
    note: Paragraph | None = None
    uploads: Annotated[list[UUID], Meta(max_length=10)] = field(default_factory=list[UUID])
    assignee: UUID | None = None
    papers: Annotated[list[PartCode], Meta(max_length=30)] = field(default_factory=list[str])
    until: date | None = None


class IssueResult(Body):
    """What comes out: number and words of the paper. It is signed after the commit."""

    version: DossierVersion
    number: Annotated[str, Meta(min_length=1, max_length=60, pattern=ONE_LINE)]
    body: LongText
    note: Paragraph | None = None


class HandOverResult(Body):
    """The result is fetched at the counter: by whom, if by somebody else."""

    version: DossierVersion
    note: Reason | None = None


class GiveSupplement(Body):
    """What was asked for: papers, fields of the form, words."""

    papers: Annotated[list[GivePaper], Meta(max_length=50)] = field(default_factory=list[GivePaper])
    form: dict[str, Any] = field(default_factory=dict[str, Any])
    words: Paragraph | None = None


class TakeSupplement(Body):
    """What somebody brings to the counter that was asked for: papers, fields of the form, words."""

    papers: Annotated[list[HandInPaper], Meta(max_length=50)] = field(default_factory=list[HandInPaper])
    form: dict[str, Any] = field(default_factory=dict[str, Any])
    words: Paragraph | None = None


class WithdrawDossier(Body):
    """Why I want nothing of it any more."""

    reason: Reason


class RateDossier(Body):
    """How it was."""

    rating: Satisfaction
    comment: Paragraph | None = None


class PutDelegation(Body):
    """For whom I act: an organisation by its tax code, or a relative; `proof`: an upload of purpose `paper`."""

    kind: Literal["organisation", "relative"]
    name: LongName
    tax_code: Annotated[str, Meta(max_length=14, pattern=r"^([0-9]{10}(-[0-9]{3})?|[0-9]{12})$(?!\n)")] | None = None
    personal_number: Annotated[str, Meta(max_length=12, pattern=r"^[0-9]{12}$")] | None = None
    relation: ShortText | None = None
    proof_upload_id: UUID | None = None
    valid_until: Annotated[datetime, Meta(tz=True)] | None = None


class LookUpDossier(Body):
    """A code as the receipt has it, or one of the forms before it; `pin`: the receipt's four digits."""

    code: DossierCode
    pin: PinText | None = None


class MergeAgency(Body):
    """Into which agency it went; its open dossiers follow."""

    into: AgencyCode
    reason: Reason


class RehomeDossier(Body):
    """Which agency it goes on at."""

    version: DossierVersion
    agency: AgencyCode
    reason: Reason


class PutDesk(Body):
    """Which procedures a member of staff deals with at an agency; an empty list: all of them."""

    procedures: Annotated[list[ProcedureCode], Meta(max_length=3000)]


# What is answered


class DossierStep(Answer):
    """Something that was done, by which agency's department. `note`: what was said to the applicant."""

    version: int
    action: str
    name: str
    state: str
    national_status: int | None
    by: EventBy
    agency: str | None
    department: str | None
    note: str | None
    due_at: datetime | None
    made_at: datetime


class DossierPaper(Answer):
    """A paper of a dossier. `stored_paper_id` null: it was handed in on paper only."""

    position: int
    paper: str
    name: str
    kind: PaperKind
    copies: int
    stored_paper_id: UUID | None
    supplement_id: UUID | None
    from_staff: bool
    made_at: datetime


class DossierSupplement(Answer):
    """What the applicant is, or was, asked for."""

    id: UUID
    note: str
    papers: list[str]
    asked_at: datetime
    given_at: datetime | None
    words: str | None


class DossierFee(Answer):
    """The fee. Amounts are whole đồng; `bill_id` is paid like any bill, `reference` from any bank's app."""

    state: PaymentState
    amount: int
    bill_id: UUID | None
    biller: str | None
    reference: str | None
    paid_at: datetime | None


class DossierResultLine(Answer):
    """What came out. `signed`: there is a file; `link` is null while there is none, or the fee is due."""

    code: str
    number: str
    title: str
    state: Literal["made", "signed", "revoked"]
    electronic: bool
    signed_at: datetime | None
    link: str | None


class ChildDossier(Answer):
    """A dossier that was made out of another, at an agency of its own."""

    id: UUID
    code: str | None
    procedure: str
    procedure_name: str
    agency: str
    agency_name: str
    state_name: str
    national_status: int | None
    percent: int
    due_at: datetime | None
    outcome: DossierOutcome | None


class MyDossier(Answer):
    """A dossier of mine, whole. `pin` is on the receipt: whoever has it and the code sees the steps.

    `may`: what I can do now. `agency` is its code."""

    id: UUID
    code: str | None
    portal_code: str | None
    pin: str | None
    procedure: str
    procedure_version: int
    procedure_name: str
    case: str
    case_name: str
    channel: Channel
    agency: str
    agency_name: str
    applicant_kind: ApplicantKind
    applicant_name: str | None
    applicant_number: str | None
    delegation_id: UUID | None
    form: dict[str, Any]
    deliver_by: DeliverBy
    address: str | None
    delivery: DeliveryState
    tracking_number: str | None
    state: str
    state_name: str
    national_status: NationalStatus | None
    percent: int
    clock: Clock
    outcome: DossierOutcome | None
    version: int
    department: str | None
    made_at: datetime
    submitted_at: datetime | None
    accepted_at: datetime | None
    first_due_at: datetime | None
    due_at: datetime | None
    finished_at: datetime | None
    ended_at: datetime | None
    extended: bool
    overdue: bool
    fee: DossierFee
    supplement: DossierSupplement | None
    papers: list[DossierPaper]
    timeline: list[DossierStep]
    result: DossierResultLine | None
    children: list[ChildDossier]
    rating: Satisfaction | None
    rating_comment: str | None
    may: list[Literal["submit", "supplement", "pay", "withdraw", "rate"]]


class MyDossierLine(Answer):
    """A line of my list."""

    id: UUID
    code: str | None
    procedure: str
    procedure_name: str
    agency_name: str
    applicant_name: str | None
    state: str
    state_name: str
    national_status: int | None
    percent: int
    due_at: datetime | None
    overdue: bool
    payment: PaymentState
    asked: bool
    outcome: DossierOutcome | None
    made_at: datetime


class StoredPaper(Answer):
    """A paper of mine that may be handed in again, wherever a paper of this `kind` is asked for."""

    id: UUID
    kind: str
    name: str
    media_type: str | None
    size: int | None
    from_dossier: str | None
    made_at: datetime


class Delegation(Answer):
    """For whom I act. `confirmed_at`: when a clerk has seen the proof."""

    id: UUID
    kind: Literal["organisation", "relative"]
    name: str
    tax_code: str | None
    personal_number: str | None
    relation: str | None
    proof_upload_id: UUID | None
    valid_until: datetime | None
    made_at: datetime
    confirmed_at: datetime | None
    revoked_at: datetime | None


class FoundDossier(Answer):
    """To everybody: the code and the degree of completion. With the receipt's digits the steps as well."""

    code: str
    percent: int
    procedure_name: str | None = None
    agency_name: str | None = None
    state_name: str | None = None
    national_status: int | None = None
    accepted_at: datetime | None = None
    first_due_at: datetime | None = None
    due_at: datetime | None = None
    steps: list[DossierStep] | None = None


class PossibleAction(Answer):
    """What I may do with it now."""

    code: str
    name: str
    to: str | None
    needs: list[str]
    effects: list[str]


class StaffDossierStep(DossierStep):
    """The same with who did it."""

    actor_name: str | None
    note_for_applicant: bool


class StaffDossier(Answer):
    """A dossier as those who deal with it see it."""

    id: UUID
    code: str | None
    portal_code: str | None
    procedure: str
    procedure_version: int
    procedure_name: str
    case: str
    case_name: str
    channel: Channel
    agency: str
    agency_name: str
    parent_id: UUID | None
    parent_code: str | None
    applicant_kind: ApplicantKind
    applicant_name: str | None
    applicant_number: str | None
    applicant_phone: str | None
    applicant_email: str | None
    delegation: Delegation | None
    form: dict[str, Any]
    deliver_by: DeliverBy
    address: str | None
    delivery: DeliveryState
    tracking_number: str | None
    state: str
    state_name: str
    national_status: NationalStatus | None
    percent: int
    clock: Clock
    outcome: DossierOutcome | None
    version: int
    desk_agency: str | None
    desk_role: str | None
    department: str | None
    assignee_id: UUID | None
    assignee_name: str | None
    made_at: datetime
    submitted_at: datetime | None
    accepted_at: datetime | None
    first_due_at: datetime | None
    due_at: datetime | None
    step_due_at: datetime | None
    finished_at: datetime | None
    ended_at: datetime | None
    extended: bool
    overdue: bool
    fee: DossierFee
    supplements: list[DossierSupplement]
    papers: list[DossierPaper]
    timeline: list[StaffDossierStep]
    result: DossierResultLine | None
    children: list[ChildDossier]
    rating: Satisfaction | None
    rating_comment: str | None
    actions: list[PossibleAction] = field(default_factory=list[PossibleAction])


class StaffDossierLine(Answer):
    """A line of a queue."""

    id: UUID
    code: str | None
    procedure: str
    procedure_name: str
    agency: str
    applicant_name: str | None
    channel: Channel
    state: str
    state_name: str
    national_status: int | None
    version: int
    desk_role: str | None
    assignee_id: UUID | None
    turn_at: datetime
    due_at: datetime | None
    step_due_at: datetime | None
    overdue: bool
    submitted_at: datetime


class AgencyOfDossiers(Answer):
    """An agency as the one-stop mechanism counts it. `open`: how many dossiers are still open there."""

    agency: str
    name: str
    national_code: str
    level: Literal["city", "ward", "district"]
    parent: str | None
    receives: bool
    valid_from_on: date
    valid_to_on: date | None
    merged_into: str | None
    open: int


class DossierDesk(Answer):
    """Which procedures a member of staff deals with at an agency; empty: all of them."""

    member_id: UUID
    agency: str
    procedures: list[str]
