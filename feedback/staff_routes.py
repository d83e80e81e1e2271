"""The doors of field reports for the operations centre and the agencies."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Stream

from app.db import Database
from app.deps import Db, Door
from app.replies import Reply
from app.types import Page
from app.uploads import kinds
from feedback import handling, queues, reports, triage
from feedback.models import (
    AskExtension,
    AskReporter,
    AssignReport,
    DecideExtension,
    FileForCaller,
    HideComment,
    MergeReport,
    Queue,
    RedactPicture,
    ResolveReport,
    ReturnReport,
    StaffReport,
    StaffReportLine,
    StartReport,
    VerifyReport,
    WriteReportNote,
)
from feedback.queues import Sought

CENTRE = ("operator", "supervisor")
AGENCY = ("agency_officer", "agency_head", "supervisor")
EVERYBODY = ("operator", "supervisor", "agency_officer", "agency_head")
Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]
CodeText = Annotated[str | None, QueryParameter(min_length=1, max_length=40)]
Words = Annotated[str | None, QueryParameter(min_length=1, max_length=100)]


@get("/v1/staff/reports", who=EVERYBODY)
async def list_staff_reports(
    db: Db,
    request: Door,
    queue: FromQuery[Queue] = "new",
    category: CodeText = None,
    ward: CodeText = None,
    agency: CodeText = None,
    q: Words = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[StaffReportLine]:
    """A queue of the reports that I may see."""
    sought = Sought(category, ward, agency, q)
    return await queues.listed(db, request.me, queue, sought, cursor, limit, request.lang)


@get("/v1/staff/reports/{report_id:uuid}", who=EVERYBODY)
async def get_staff_report(db: Db, request: Door, report_id: FromPath[UUID]) -> StaffReport:
    """A report whole."""
    return await queues.open_one(db, request.me, report_id, request.lang)


@put("/v1/staff/reports/{report_id:uuid}", who=CENTRE, status_code=201, responses={200: ResponseSpec(StaffReport)})
async def file_report_for_caller(
    db: Db, request: Door, report_id: FromPath[UUID], data: JSONBody[FileForCaller]
) -> Reply[StaffReport]:
    """File what somebody told the hotline: 201 when it is new."""
    report, new = await reports.file_for_caller(db, request.me, report_id, data, request.lang)
    return Reply(report, status_code=201 if new else 200)


@put("/v1/staff/reports/{report_id:uuid}/verification", who=CENTRE)
async def verify_report(
    db: Db, request: Door, report_id: FromPath[UUID], data: JSONBody[VerifyReport]
) -> StaffReport:
    """Take it as a matter for the city, or not."""
    return await triage.verify(db, request.me, report_id, data, request.lang)


@put("/v1/staff/reports/{report_id:uuid}/assignment", who=CENTRE)
async def assign_report(
    db: Db, request: Door, report_id: FromPath[UUID], data: JSONBody[AssignReport]
) -> StaffReport:
    """Hand it to an agency."""
    return await triage.assign(db, request.me, report_id, data, request.lang)


@put("/v1/staff/reports/{report_id:uuid}/start", who=AGENCY)
async def start_report(db: Db, request: Door, report_id: FromPath[UUID], data: JSONBody[StartReport]) -> StaffReport:
    """Somebody is on it."""
    return await handling.start(db, request.me, report_id, data, request.lang)


@put("/v1/staff/reports/{report_id:uuid}/question", who=EVERYBODY)
async def ask_reporter(db: Db, request: Door, report_id: FromPath[UUID], data: JSONBody[AskReporter]) -> StaffReport:
    """Ask whoever reported; the clock stands still."""
    return await handling.ask(db, request.me, report_id, data, request.lang)


@put("/v1/staff/reports/{report_id:uuid}/resolution", who=AGENCY)
async def resolve_report(
    db: Db, request: Door, report_id: FromPath[UUID], data: JSONBody[ResolveReport]
) -> StaffReport:
    """Answer it, with pictures of what was done."""
    return await handling.resolve(db, request.me, report_id, data, request.lang)


@put("/v1/staff/reports/{report_id:uuid}/return", who=AGENCY, status_code=204)
async def return_report(db: Db, request: Door, report_id: FromPath[UUID], data: JSONBody[ReturnReport]) -> None:
    """It is not ours: back to the operations centre. We see it no more."""
    await handling.hand_back(db, request.me, report_id, data)


@put("/v1/staff/reports/{report_id:uuid}/extension", who=AGENCY)
async def ask_extension(
    db: Db, request: Door, report_id: FromPath[UUID], data: JSONBody[AskExtension]
) -> StaffReport:
    """Ask for more time."""
    return await handling.ask_extension(db, request.me, report_id, data, request.lang)


@put("/v1/staff/reports/{report_id:uuid}/extension-approval", who=("supervisor",))
async def decide_extension(
    db: Db, request: Door, report_id: FromPath[UUID], data: JSONBody[DecideExtension]
) -> StaffReport:
    """Give the time that was asked for, or not."""
    return await triage.decide_extension(db, request.me, report_id, data, request.lang)


@put("/v1/staff/reports/{report_id:uuid}/duplicate", who=CENTRE)
async def merge_report(db: Db, request: Door, report_id: FromPath[UUID], data: JSONBody[MergeReport]) -> StaffReport:
    """It repeats another: its followers go along."""
    return await triage.merge(db, request.me, report_id, data, request.lang)


@put("/v1/staff/reports/{report_id:uuid}/redactions/{redaction_id:uuid}", who=EVERYBODY)
async def redact_picture(
    request: Door, report_id: FromPath[UUID], redaction_id: FromPath[UUID], data: JSONBody[RedactPicture]
) -> StaffReport:
    """Cover what of a picture (by its upload's id) nobody shall see."""
    database: Database = request.app.state.database
    return await triage.redact(database, request.me, report_id, redaction_id, data, request.lang)


@get(
    "/v1/staff/reports/{report_id:uuid}/originals/{original_id:uuid}",
    who=EVERYBODY,
    gives=sorted(kinds.TAKEN["photo"] | kinds.TAKEN["video"]),
)
async def get_report_original(
    db: Db, request: Door, report_id: FromPath[UUID], original_id: FromPath[UUID]
) -> Stream:
    """The untouched file of an upload (by its id), where it is kept. Who had it is in the audit."""
    return await queues.original(db, request.me, report_id, original_id)


@put("/v1/staff/reports/{report_id:uuid}/notes/{note_id:uuid}", who=EVERYBODY)
async def write_report_note(
    db: Db, request: Door, report_id: FromPath[UUID], note_id: FromPath[UUID], data: JSONBody[WriteReportNote]
) -> StaffReport:
    """A note for the city's people."""
    return await handling.write_note(db, request.me, report_id, note_id, data, request.lang)


@put("/v1/staff/reports/{report_id:uuid}/comments/{comment_id:uuid}/hiding", who=CENTRE)
async def hide_comment(
    db: Db, request: Door, report_id: FromPath[UUID], comment_id: FromPath[UUID], data: JSONBody[HideComment]
) -> StaffReport:
    """Nobody reads this comment any more."""
    return await triage.hide_comment(db, request.me, report_id, comment_id, data, request.lang)


router = Router(
    "/",
    route_handlers=[
        list_staff_reports,
        get_staff_report,
        file_report_for_caller,
        verify_report,
        assign_report,
        start_report,
        ask_reporter,
        resolve_report,
        return_report,
        ask_extension,
        decide_extension,
        merge_report,
        redact_picture,
        get_report_original,
        write_report_note,
        hide_comment,
    ],
)
