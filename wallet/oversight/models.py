"""The nouns of watching over money: refunds, disputes, freezes, suspicions, reconciliations. Amounts in đồng."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from litestar.params import QueryParameter
from msgspec import Meta

from app.types import Answer, Body, Dong, Explanation, Memo, PhoneText, Reason, ShortText
from wallet.models import RefusalReason

# Refunds

RefundStatus = Literal["proposed", "refused", "pending", "paid", "failed"]
RefundSource = Literal["merchant", "biller", "bank"]
RefundReason = Annotated[Memo, Meta(min_length=1)]


class MakeRefund(Body):
    """Give back all or a part of what a payer has paid. `payment_id`: a payment, or a transfer from a bank.

    `reason`: the payer reads it."""

    payment_id: UUID
    amount: Dong
    reason: RefundReason


class ProposeRefund(Body):
    """The same by the city's finance, of a payment to a merchant or of a bill; somebody else approves it.

    `consent`: what the biller has agreed to (its letter's number and day), where it is a bill."""

    payment_id: UUID
    amount: Dong
    reason: RefundReason
    consent: Reason | None = None


class Refund(Answer):
    """Money that is given back, and its fate. `pending`: the bank of the sender has not answered yet.

    `source`: whose money it is: a merchant's, a biller's, or a merchant's that came from a bank and goes back."""

    id: UUID
    payment_id: UUID
    source: RefundSource
    merchant_id: UUID | None
    amount: int
    reason: str
    status: RefundStatus
    failure: RefusalReason | None
    made_at: datetime
    resolved_at: datetime | None


class Refunds(Answer):
    """The refunds of one payment, oldest first, a hundred at most. `refunded`: what all of them add up to."""

    items: list[Refund]
    refunded: int


class StaffRefund(Answer):
    """A refund that finance proposed, and who did what."""

    id: UUID
    payment_id: UUID
    source: RefundSource
    merchant_id: UUID | None
    biller: str | None
    amount: int
    reason: str
    consent: str | None
    status: RefundStatus
    failure: RefusalReason | None
    proposed_by: UUID
    decided_by: UUID | None
    made_at: datetime
    decided_at: datetime | None
    resolved_at: datetime | None


# Disputes

DisputeKind = Literal["trace", "complaint"]
DisputeStatus = Literal["open", "in_review", "resolved", "withdrawn"]
DisputeOutcome = Literal["refunded", "rejected", "corrected"]
DisputeQueue = Literal["due", "due_soon", "overdue", "mine", "closed"]


class OpenDispute(Body):
    """Ask what became of a movement of mine (`trace`, tra soát), or complain of it (`complaint`, khiếu nại).

    `payment_id`: a payment, a transfer, a withdrawal, by its id."""

    payment_id: UUID
    kind: DisputeKind
    text: Reason


class WriteNote(Body):
    """What I have to add."""

    text: Reason


class WriteStaffNote(Body):
    """The same by staff; `internal`: for staff alone."""

    text: Reason
    internal: bool = False


class AssignDispute(Body):
    """Who looks into it; nobody named: I do."""

    member_id: UUID | None = None


class AnswerDispute(Body):
    """What came of it, in words for the one who asked; `refund_id`: of what was given back, if it was."""

    outcome: DisputeOutcome
    text: Reason
    refund_id: UUID | None = None


class DisputeNote(Answer):
    """A part of the conversation."""

    id: UUID
    by_staff: bool
    text: str
    made_at: datetime


class DisputeLine(Answer):
    """A dispute of mine, in a list. It is answered by the end of `due_on`."""

    id: UUID
    payment_id: UUID
    kind: DisputeKind
    status: DisputeStatus
    outcome: DisputeOutcome | None
    due_on: date
    made_at: datetime
    resolved_at: datetime | None


class Dispute(DisputeLine):
    """A dispute of mine with all that was said, oldest first. `refund_id`: what was given back."""

    text: str
    answer: str | None
    refund_id: UUID | None
    notes: list[DisputeNote]


class StaffDisputeLine(DisputeLine):
    """A dispute as whoever answers it finds it."""

    resident_id: UUID
    overdue: bool
    assigned_to: UUID | None
    assigned_name: str | None


class StaffDisputeNote(DisputeNote):
    """A part of the conversation, with what staff say among themselves."""

    internal: bool
    author_id: UUID


class DisputedMovement(Answer):
    """What a dispute is about. `kind`: of the movement; names are masked as the payer and the payee see them."""

    kind: str
    status: Literal["pending", "paid", "failed"]
    amount: int
    refunded: int
    payer: str | None
    payee: str | None
    detail: str | None
    made_at: datetime


class StaffDispute(StaffDisputeLine):
    """A dispute with all that is known of it."""

    text: str
    answer: str | None
    refund_id: UUID | None
    merchant_id: UUID | None
    movement: DisputedMovement | None
    notes: list[StaffDisputeNote]


# Freezes

FreezeStatus = Literal["proposed", "refused", "active", "lift_proposed", "lifted"]


class ProposeFreeze(Body):
    """An authority's order to freeze money. Exactly one of `phone` (a resident's) and `account_id` (a resident's or a
    merchant's id). `amount`: that much of it; without it all, and nothing goes out any more.

    `tell_owner` false: the order forbids to tell."""

    order_number: ShortText
    issued_by: ShortText
    reason: Explanation
    phone: PhoneText | None = None
    account_id: UUID | None = None
    amount: Dong | None = None
    tell_owner: bool = True


class LiftFreeze(Body):
    """Why it ends: the authority's other order."""

    reason: Explanation


class Freeze(Answer):
    """A freeze, from its proposal to its lifting. `name` is masked."""

    id: UUID
    account_id: UUID
    merchant_id: UUID | None
    name: str
    order_number: str
    issued_by: str
    reason: str
    amount: int | None
    tell_owner: bool
    status: FreezeStatus
    proposed_by: UUID
    made_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    lift_reason: str | None
    lift_proposed_by: UUID | None
    lift_proposed_at: datetime | None
    lifted_by: UUID | None
    lifted_at: datetime | None


# Suspicions

RuleCode = Literal["passes_through", "just_below", "new_device", "many_to_one"]
CaseStatus = Literal["open", "reported", "dismissed"]


class SuspicionRule(Answer):
    """What the night looks for. Which numbers count depends on the rule; null where it has no use for one."""

    code: RuleCode
    name: str
    least_count: int | None
    least_amount: int | None
    percent: int | None
    hours: int | None
    watched: bool


class SuspicionRules(Answer):
    """All rules."""

    items: list[SuspicionRule]


class Evidence(Answer):
    """Why an account was noticed on a day: how many movements in and out, how much, which (twenty at the most)."""

    count: int
    amount_in: int
    amount_out: int
    movement_ids: list[UUID]


class SuspiciousCase(Answer):
    """An account that a rule noticed on a day. Nobody tells its owner: the law forbids it."""

    id: UUID
    rule: RuleCode
    rule_name: str
    account_id: UUID
    day_on: date
    amount: int
    evidence: Evidence
    status: CaseStatus
    finding: str | None
    reviewed_by: UUID | None
    reviewed_at: datetime | None
    made_at: datetime


class ReviewCase(Body):
    """What came of looking at it: reported to the authority, or nothing to it."""

    verdict: Literal["reported", "dismissed"]
    finding: Explanation


# Reconciliations

_PARTY = r"^(gateway|bank|biller:[a-z0-9-]{2,40})$(?!\n)"
Party = Annotated[str, QueryParameter(max_length=50, pattern=_PARTY)]
OptionalParty = Annotated[str | None, QueryParameter(max_length=50, pattern=_PARTY)]
DifferenceKind = Literal["missing_here", "missing_there", "amount_differs"]
Side = Literal["in", "out"]


class Reconciliation(Answer):
    """A file of the other side's about a day, held against our books.

    `lines`: of the file. `missing_here`: in the file alone; `missing_there`: in our books alone. `version`: which
    file of that day it is; superseded by a later one. `open`: differences that nobody has closed yet."""

    id: UUID
    party: str
    day_on: date
    version: int
    sha256: str
    lines: int
    matched: int
    missing_here: int
    missing_there: int
    differing: int
    their_amount: int
    our_amount: int
    open: int
    made_by: UUID | None
    made_at: datetime
    superseded_at: datetime | None


class Difference(Answer):
    """What does not agree. `line`: of the file, counted with its head; `our_id`: of our side's movement."""

    id: UUID
    kind: DifferenceKind
    side: Side
    reference: str
    line: int | None
    our_id: UUID | None
    their_amount: int | None
    our_amount: int | None
    detail: str | None
    note: str | None
    closed_by: UUID | None
    closed_at: datetime | None


class CloseDifference(Body):
    """What it was, and what was done about it."""

    note: Reason
