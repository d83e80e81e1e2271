"""The doors of field reports for residents, and for everybody who reads."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.deps import Db, Door
from app.replies import Reply
from app.types import Page
from feedback import categories, reports, voices
from feedback.models import (
    Complain,
    FileReport,
    FollowReport,
    GiveInformation,
    MyReport,
    MyReportLine,
    NearbyReport,
    PublicReport,
    RateReport,
    ReopenReport,
    ReportCategory,
    ReportStatus,
    ShownReport,
    WriteComment,
)
from feedback.open_routes import router as open_router
from feedback.reports import Wanted
from feedback.staff_routes import router as staff_router

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]
CodeText = Annotated[str | None, QueryParameter(min_length=1, max_length=40)]
Words = Annotated[str | None, QueryParameter(min_length=1, max_length=100)]
Degrees = Annotated[float, QueryParameter(ge=-180, le=180)]


@get("/v1/feedback/categories", public=True)
async def list_report_categories(db: Db, request: Door) -> list[ReportCategory]:
    """What may be reported, and by which rules."""
    return await categories.all_of_them(db, request.lang)


@put("/v1/feedback/reports/{report_id:uuid}", status_code=201, responses={200: ResponseSpec(MyReport)})
async def file_report(
    db: Db, request: Door, report_id: FromPath[UUID], data: JSONBody[FileReport]
) -> Reply[MyReport]:
    """File a report: 201 when it is new, 200 when it was filed before under this id."""
    report, new = await reports.file(db, request.me, report_id, data, request.address, request.lang)
    return Reply(report, status_code=201 if new else 200)


@put("/v1/feedback/complaints/{complaint_id:uuid}", status_code=201, responses={200: ResponseSpec(MyReport)})
async def file_complaint(
    db: Db, request: Door, complaint_id: FromPath[UUID], data: JSONBody[Complain]
) -> Reply[MyReport]:
    """Complain about an officer: only the supervisor in charge reads it. 201 when it is new."""
    report, new = await reports.complain(db, request.me, complaint_id, data, request.address, request.lang)
    return Reply(report, status_code=201 if new else 200)


@get("/v1/feedback/reports", public=True)
async def list_reports(
    db: Db,
    request: Door,
    bbox: Annotated[str | None, QueryParameter(max_length=100)] = None,
    category: CodeText = None,
    status: FromQuery[ReportStatus | None] = None,
    ward: CodeText = None,
    q: Words = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[PublicReport]:
    """Public reports, newest first. `bbox`: west,south,east,north in degrees; `q`: words, accents or not."""
    return await reports.listed(db, Wanted(bbox, category, status, ward, q), cursor, limit, request.lang)


@get("/v1/feedback/reports/nearby", public=True)
async def list_nearby_reports(
    db: Db,
    request: Door,
    lat: Degrees,
    lng: Degrees,
    category: CodeText = None,
    uploads: Annotated[list[UUID] | None, QueryParameter(max_items=6)] = None,
) -> list[NearbyReport]:
    """Open reports within 250 m, before filing one more: of my uploads those that look alike are marked."""
    return await reports.nearby(db, request.user, lat, lng, category, uploads or [], request.lang)


@get("/v1/feedback/reports/mine")
async def list_my_reports(db: Db, request: Door, cursor: Cursor = None, limit: Limit = 20) -> Page[MyReportLine]:
    """What I reported and what I follow."""
    return await reports.mine(db, request.me, cursor, limit, request.lang)


@get("/v1/feedback/reports/{report_id:uuid}", public=True)
async def get_report(db: Db, request: Door, report_id: FromPath[UUID]) -> ShownReport | MyReport:
    """A public report with its steps; one of mine, whole."""
    return await reports.show(db, request.user, report_id, request.lang)


@put("/v1/feedback/reports/{report_id:uuid}/follow")
async def follow_report(
    db: Db, request: Door, report_id: FromPath[UUID], data: JSONBody[FollowReport]
) -> ShownReport | MyReport:
    """Hear what becomes of it, or no more."""
    return await voices.follow(db, request.me, report_id, data, request.lang)


@put("/v1/feedback/reports/{report_id:uuid}/information")
async def give_report_information(
    db: Db, request: Door, report_id: FromPath[UUID], data: JSONBody[GiveInformation]
) -> MyReport:
    """Answer what the city asks about my report."""
    return await voices.inform(db, request.me, report_id, data, request.lang)


@put("/v1/feedback/reports/{report_id:uuid}/rating")
async def rate_report(db: Db, request: Door, report_id: FromPath[UUID], data: JSONBody[RateReport]) -> MyReport:
    """How the answer was."""
    return await voices.rate(db, request.me, report_id, data, request.lang)


@put("/v1/feedback/reports/{report_id:uuid}/reopening")
async def reopen_report(db: Db, request: Door, report_id: FromPath[UUID], data: JSONBody[ReopenReport]) -> MyReport:
    """The answer is none: have it opened again."""
    return await voices.reopen(db, request.me, report_id, data, request.lang)


@put("/v1/feedback/reports/{report_id:uuid}/comments/{comment_id:uuid}")
async def comment_on_report(
    db: Db, request: Door, report_id: FromPath[UUID], comment_id: FromPath[UUID], data: JSONBody[WriteComment]
) -> ShownReport | MyReport:
    """Say something to a report."""
    return await voices.comment(db, request.me, report_id, comment_id, data, request.lang)


router = Router(
    "/",
    route_handlers=[
        list_report_categories,
        file_report,
        file_complaint,
        list_reports,
        list_nearby_reports,
        list_my_reports,
        get_report,
        follow_report,
        give_report_information,
        rate_report,
        reopen_report,
        comment_on_report,
        open_router,
        staff_router,
    ],
    tags=["feedback"],
)
