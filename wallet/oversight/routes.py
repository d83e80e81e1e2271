"""The doors of watching over money: refunds, disputes, freezes, compliance, reconciliation."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import Router, get, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Stream

from app.deps import Db, Door
from app.identity import possession
from app.identity.possession import ProofHeader
from app.replies import Reply
from app.types import Nothing, Page
from wallet.oversight import disputes, freezes, reconciliations, refunds, reports, suspicions
from wallet.oversight.models import (
    AnswerDispute,
    AssignDispute,
    CaseStatus,
    CloseDifference,
    Difference,
    DifferenceKind,
    Dispute,
    DisputeLine,
    DisputeQueue,
    Freeze,
    FreezeStatus,
    LiftFreeze,
    MakeRefund,
    OpenDispute,
    OptionalParty,
    Party,
    ProposeFreeze,
    ProposeRefund,
    Reconciliation,
    Refund,
    Refunds,
    RefundStatus,
    ReviewCase,
    StaffDispute,
    StaffDisputeLine,
    StaffRefund,
    SuspicionRules,
    SuspiciousCase,
    WriteNote,
    WriteStaffNote,
)
from wallet.papers.models import FromDay, ToDay
from wallet.papers.tables import MEDIA_TYPES

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]


# Refunds


@put(
    "/v1/wallet/refunds/{refund_id:uuid}",
    status_code=201,
    responses={200: ResponseSpec(Refund)},
    who=("resident", "scope:refunds.write"),
)
async def make_refund(
    db: Db, request: Door, refund_id: FromPath[UUID], data: JSONBody[MakeRefund], proof: ProofHeader = None
) -> Reply[Refund]:
    """Give back what my shop was paid, all or a part of it: 201 when it is new, 200 when it had been done before.

    To the payer's wallet at once; to the sender of a bank transfer when their bank has answered: ask for its fate."""
    await possession.check(request, proof)
    refund, replayed = await refunds.make(db, request.me, refund_id, data)
    return Reply(refund, status_code=200 if replayed else 201)


@get("/v1/wallet/refunds/{refund_id:uuid}", who=("resident", "scope:refunds.write"))
async def get_refund(db: Db, request: Door, refund_id: FromPath[UUID]) -> Refund:
    """The fate of a refund; 404: send it again with the same id."""
    return await refunds.show(db, request.me, refund_id)


@get("/v1/wallet/payments/{payment_id:uuid}/refunds")
async def list_payment_refunds(db: Db, request: Door, payment_id: FromPath[UUID]) -> Refunds:
    """What was given back of a payment that I made, or that my shop got."""
    return await refunds.of_payment(db, request.me, payment_id)


@get("/v1/merchants/{merchant_id:uuid}/refunds")
async def list_merchant_refunds(
    db: Db, request: Door, merchant_id: FromPath[UUID], cursor: Cursor = None, limit: Limit = 20
) -> Page[Refund]:
    """What my shop gave back, newest first."""
    return await refunds.of_merchant(db, request.me, merchant_id, cursor, limit)


@put("/v1/staff/refunds/{refund_id:uuid}", who=("finance",))
async def propose_refund(
    db: Db, request: Door, refund_id: FromPath[UUID], data: JSONBody[ProposeRefund]
) -> StaffRefund:
    """Propose to give back a payment to a merchant, or a bill whose biller agrees; somebody else approves it."""
    return await refunds.propose(db, request.me, refund_id, data)


@put("/v1/staff/refunds/{refund_id:uuid}/approval", who=("finance",))
async def approve_refund(db: Db, request: Door, refund_id: FromPath[UUID], data: JSONBody[Nothing]) -> StaffRefund:
    """The second pair of eyes: the money goes back now."""
    return await refunds.approve(db, request.me, refund_id)


@put("/v1/staff/refunds/{refund_id:uuid}/refusal", who=("finance",))
async def refuse_refund(db: Db, request: Door, refund_id: FromPath[UUID], data: JSONBody[Nothing]) -> StaffRefund:
    """No; or I take my own proposal back."""
    return await refunds.refuse(db, request.me, refund_id)


@get("/v1/staff/refunds", who=("finance",))
async def list_staff_refunds(
    db: Db, status: FromQuery[RefundStatus | None] = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[StaffRefund]:
    """What finance proposed to give back, newest first."""
    return await refunds.page(db, status, cursor, limit)


# Disputes


@put("/v1/wallet/disputes/{dispute_id:uuid}", status_code=201, responses={200: ResponseSpec(Dispute)})
async def open_dispute(
    db: Db, request: Door, dispute_id: FromPath[UUID], data: JSONBody[OpenDispute]
) -> Reply[Dispute]:
    """Ask what became of a movement of mine, or complain of it: 201 when it is new, 200 when it was there before."""
    dispute, new = await disputes.ask(db, request.me, dispute_id, data)
    return Reply(dispute, status_code=201 if new else 200)


@get("/v1/wallet/disputes/{dispute_id:uuid}")
async def get_dispute(db: Db, request: Door, dispute_id: FromPath[UUID]) -> Dispute:
    """A dispute of mine, with all that was said."""
    return await disputes.show(db, request.me, dispute_id)


@get("/v1/wallet/disputes")
async def list_disputes(db: Db, request: Door, cursor: Cursor = None, limit: Limit = 20) -> Page[DisputeLine]:
    """My disputes, newest first."""
    return await disputes.mine(db, request.me, cursor, limit)


@put("/v1/wallet/disputes/{dispute_id:uuid}/notes/{note_id:uuid}")
async def add_dispute_note(
    db: Db, request: Door, dispute_id: FromPath[UUID], note_id: FromPath[UUID], data: JSONBody[WriteNote]
) -> Dispute:
    """Add to my dispute."""
    return await disputes.add_note(db, request.me, dispute_id, note_id, data)


@put("/v1/wallet/disputes/{dispute_id:uuid}/withdrawal")
async def withdraw_dispute(db: Db, request: Door, dispute_id: FromPath[UUID], data: JSONBody[Nothing]) -> Dispute:
    """I need no answer any more."""
    return await disputes.withdraw(db, request.me, dispute_id)


@get("/v1/staff/disputes", who=disputes.WHO_LOOKS)
async def list_staff_disputes(
    db: Db, request: Door, queue: FromQuery[DisputeQueue] = "due", cursor: Cursor = None, limit: Limit = 20
) -> Page[StaffDisputeLine]:
    """Disputes that wait for an answer, the soonest due first; or closed ones.

    `due`: all that wait; `due_soon`: those due within two working days; `overdue`; `mine`: those assigned to me;
    `closed`: answered or withdrawn ones, newest first."""
    return await disputes.queue(db, request.me, queue, cursor, limit)


@get("/v1/staff/disputes/{dispute_id:uuid}", who=disputes.WHO_LOOKS)
async def get_staff_dispute(db: Db, request: Door, dispute_id: FromPath[UUID]) -> StaffDispute:
    """A dispute with what it is about. Its asker can see that somebody looked."""
    return await disputes.open_one(db, request.me, dispute_id)


@put("/v1/staff/disputes/{dispute_id:uuid}/assignment", who=disputes.WHO_LOOKS)
async def assign_dispute(
    db: Db, request: Door, dispute_id: FromPath[UUID], data: JSONBody[AssignDispute]
) -> StaffDispute:
    """I look into it, or somebody whom I name."""
    return await disputes.assign(db, request.me, dispute_id, data)


@put("/v1/staff/disputes/{dispute_id:uuid}/notes/{note_id:uuid}", who=disputes.WHO_LOOKS)
async def add_staff_dispute_note(
    db: Db, request: Door, dispute_id: FromPath[UUID], note_id: FromPath[UUID], data: JSONBody[WriteStaffNote]
) -> StaffDispute:
    """Ask whoever disputes something, or note something for staff alone."""
    return await disputes.add_staff_note(db, request.me, dispute_id, note_id, data)


@put("/v1/staff/disputes/{dispute_id:uuid}/answer", who=disputes.WHO_ANSWERS)
async def answer_dispute(
    db: Db, request: Door, dispute_id: FromPath[UUID], data: JSONBody[AnswerDispute]
) -> StaffDispute:
    """What came of it."""
    return await disputes.answer(db, request.me, dispute_id, data)


# Freezes


@put("/v1/staff/freezes/{freeze_id:uuid}", who=("compliance",))
async def propose_freeze(db: Db, request: Door, freeze_id: FromPath[UUID], data: JSONBody[ProposeFreeze]) -> Freeze:
    """Propose that an authority's order is carried out; somebody else approves it."""
    return await freezes.propose(db, request.me, freeze_id, data)


@put("/v1/staff/freezes/{freeze_id:uuid}/approval", who=("compliance",))
async def approve_freeze(db: Db, request: Door, freeze_id: FromPath[UUID], data: JSONBody[Nothing]) -> Freeze:
    """The second pair of eyes: it holds from now on. Money may still come in."""
    return await freezes.approve(db, request.me, freeze_id)


@put("/v1/staff/freezes/{freeze_id:uuid}/refusal", who=("compliance",))
async def refuse_freeze(db: Db, request: Door, freeze_id: FromPath[UUID], data: JSONBody[Nothing]) -> Freeze:
    """No; or I take my own proposal back."""
    return await freezes.refuse(db, request.me, freeze_id)


@put("/v1/staff/freezes/{freeze_id:uuid}/lift", who=("compliance",))
async def propose_freeze_lift(db: Db, request: Door, freeze_id: FromPath[UUID], data: JSONBody[LiftFreeze]) -> Freeze:
    """Propose that it ends; it holds on until somebody else approves."""
    return await freezes.propose_lift(db, request.me, freeze_id, data)


@put("/v1/staff/freezes/{freeze_id:uuid}/lift-approval", who=("compliance",))
async def approve_freeze_lift(db: Db, request: Door, freeze_id: FromPath[UUID], data: JSONBody[Nothing]) -> Freeze:
    """The second pair of eyes: it ends now."""
    return await freezes.lift(db, request.me, freeze_id)


@put("/v1/staff/freezes/{freeze_id:uuid}/lift-refusal", who=("compliance",))
async def refuse_freeze_lift(db: Db, request: Door, freeze_id: FromPath[UUID], data: JSONBody[Nothing]) -> Freeze:
    """It goes on; or I take my own proposal back."""
    return await freezes.refuse_lift(db, request.me, freeze_id)


@get("/v1/staff/freezes/{freeze_id:uuid}", who=("compliance",))
async def get_freeze(db: Db, freeze_id: FromPath[UUID]) -> Freeze:
    """A freeze, and who did what."""
    return await freezes.show(db, freeze_id)


@get("/v1/staff/freezes", who=("compliance",))
async def list_freezes(
    db: Db, status: FromQuery[FreezeStatus | None] = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[Freeze]:
    """Freezes and proposals, newest first."""
    return await freezes.page(db, status, cursor, limit)


# Compliance


@get("/v1/staff/compliance/large-values", who=("compliance",), media_type=MEDIA_TYPES["csv"])
async def export_large_values(request: Door, from_on: FromDay, to_on: ToDay) -> Stream:
    """Movements of large value as a CSV, by day; at most 92 days."""
    return await reports.large_values(request.app.state.database, request.me, from_on, to_on)


@get("/v1/staff/compliance/suspicious", who=("compliance",), media_type=MEDIA_TYPES["csv"])
async def export_suspicions(request: Door, from_on: FromDay, to_on: ToDay) -> Stream:
    """What the night noticed, and what came of it, as a CSV, by day; at most 92 days."""
    return await reports.suspicions(request.app.state.database, request.me, from_on, to_on)


@get("/v1/staff/compliance/rules", who=("compliance",))
async def list_suspicion_rules(db: Db, request: Door) -> SuspicionRules:
    """What the night looks for."""
    return await suspicions.rules(db, request.lang)


@get("/v1/staff/compliance/cases", who=("compliance",))
async def list_suspicious_cases(
    db: Db,
    request: Door,
    status: FromQuery[CaseStatus | None] = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[SuspiciousCase]:
    """What the night noticed, newest first."""
    return await suspicions.page(db, status, cursor, limit, request.lang)


@put("/v1/staff/compliance/cases/{case_id:uuid}/review", who=("compliance",))
async def review_suspicious_case(
    db: Db, request: Door, case_id: FromPath[UUID], data: JSONBody[ReviewCase]
) -> SuspiciousCase:
    """Say what came of looking at it."""
    return await suspicions.review(db, request.me, case_id, data, request.lang)


# Reconciliation


@put(
    "/v1/staff/reconciliations/{reconciliation_id:uuid}",
    status_code=201,
    responses={200: ResponseSpec(Reconciliation)},
    request_max_body_size=reconciliations.MOST_FILE_BYTES,
    who=("finance",),
    takes="text/csv",
    most_bytes=reconciliations.MOST_FILE_BYTES,
)
async def reconcile(
    request: Door, reconciliation_id: FromPath[UUID], party: Party, on: FromQuery[date]
) -> Reply[Reconciliation]:
    """Hold another side's file about a day against our books.

    201 when it is new, 200 when that very file was read before.
    `party`: `gateway`, `bank`, or `biller:` and its code. The body is the file: CSV with a head that names a
    reference and an amount (or one column for money in and one for money out), in Vietnamese or English, parted by
    commas, semicolons, tabs or bars."""
    database, file = request.app.state.database, await request.csv()
    made, new = await reconciliations.reconcile(database, request.me, reconciliation_id, party, on, file)
    return Reply(made, status_code=201 if new else 200)


@get("/v1/staff/reconciliations", who=("finance",))
async def list_reconciliations(
    db: Db, party: OptionalParty = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[Reconciliation]:
    """Reconciliations, newest first."""
    return await reconciliations.page(db, party, cursor, limit)


@get("/v1/staff/reconciliations/{reconciliation_id:uuid}", who=("finance",))
async def get_reconciliation(db: Db, reconciliation_id: FromPath[UUID]) -> Reconciliation:
    """How a file compared with our books."""
    return await reconciliations.show(db, reconciliation_id)


@get("/v1/staff/reconciliations/{reconciliation_id:uuid}/differences", who=("finance",))
async def list_differences(
    db: Db,
    reconciliation_id: FromPath[UUID],
    kind: FromQuery[DifferenceKind | None] = None,
    open_only: FromQuery[bool] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Difference]:
    """What does not agree, in the order of the file; then what is in our books alone."""
    return await reconciliations.differences(db, reconciliation_id, kind, open_only, cursor, limit)


@get(
    "/v1/staff/reconciliations/{reconciliation_id:uuid}/differences.csv",
    who=("finance",),
    media_type=MEDIA_TYPES["csv"],
)
async def export_differences(request: Door, reconciliation_id: FromPath[UUID]) -> Stream:
    """The same as a CSV, all of them."""
    return await reconciliations.differences_file(request.app.state.database, reconciliation_id)


@put("/v1/staff/reconciliations/{reconciliation_id:uuid}/differences/{difference_id:uuid}/closure", who=("finance",))
async def close_difference(
    db: Db,
    request: Door,
    reconciliation_id: FromPath[UUID],
    difference_id: FromPath[UUID],
    data: JSONBody[CloseDifference],
) -> Difference:
    """Say what a difference was, and what was done about it."""
    return await reconciliations.close(db, request.me, reconciliation_id, difference_id, data)


router = Router(
    "/",
    route_handlers=[
        make_refund, get_refund, list_payment_refunds, list_merchant_refunds, propose_refund, approve_refund,
        refuse_refund, list_staff_refunds,
        open_dispute, get_dispute, list_disputes, add_dispute_note, withdraw_dispute, list_staff_disputes,
        get_staff_dispute, assign_dispute, add_staff_dispute_note, answer_dispute,
        propose_freeze, approve_freeze, refuse_freeze, propose_freeze_lift, approve_freeze_lift, refuse_freeze_lift,
        get_freeze, list_freezes,
        export_large_values, export_suspicions, list_suspicion_rules, list_suspicious_cases, review_suspicious_case,
        reconcile, list_reconciliations, get_reconciliation, list_differences, export_differences, close_difference,
    ],
    tags=["wallet"],
)  # fmt: skip
