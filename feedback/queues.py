"""Reports as the city's people see them: queues, and one report whole. Whoever opens a complaint, or sees whose a
report is, leaves a trace of it."""

from datetime import datetime
from uuid import UUID

import msgspec
from litestar.response import Stream

from app.audit import records
from app.db import Connection, many, maybe, queries_beside
from app.errors import Forbidden, Language, NotFound
from app.identity.models import Principal
from app.staff.pages import before, page_of
from app.types import Page
from app.uploads import uploads
from feedback import steps
from feedback.models import Queue, StaffReport, StaffReportLine

sql = queries_beside(__file__)


class Sought(msgspec.Struct, frozen=True):
    """Which of a queue's reports: of a category, in a ward, at an agency, with these words or this code."""

    category: str | None = None
    ward: str | None = None
    agency: str | None = None
    q: str | None = None


async def listed(
    db: Connection, me: Principal, queue: Queue, sought: Sought, cursor: str | None, limit: int, language: Language
) -> Page[StaffReportLine]:
    """A queue of those that I may see: what is due first comes first; `all` the newest. Raises BadCursor,
    Forbidden."""
    sees_all = bool(me.agencies_as(*steps.CENTRE))
    supervises = bool(me.agencies_as("supervisor"))
    if queue == "confidential" and not supervises:
        raise Forbidden
    lines = await many(
        StaffReportLine,
        db,
        sql.staff_reports_newest if queue == "all" else sql.staff_reports_by_due,
        queue,
        sees_all,
        supervises,
        me.agencies_as(*steps.AGENCY),
        sought.category,
        sought.ward,
        sought.agency,
        sought.q,
        *before(cursor),
        limit + 1,
        language,
    )
    return page_of(lines, limit, _age if queue == "all" else _due)


def _age(line: StaffReportLine) -> tuple[datetime, UUID]:
    return line.made_at, line.id


def _due(line: StaffReportLine) -> tuple[datetime, UUID]:
    return line.due_at, line.id


async def open_one(db: Connection, me: Principal, report_id: UUID, language: Language) -> StaffReport:
    """A report whole, if I may see it; the audit has who saw a complaint, or whose a report is. Raises NotFound."""
    report = await show(db, me, report_id, language)
    if report.confidential or report.reporter.name or report.reporter.phone or report.reporter.email:
        await records.record(db, me, "report.opened", report.code)
    return report


async def show(db: Connection, me: Principal, report_id: UUID, language: Language) -> StaffReport:
    """A report whole, if I may see it; who its reporter is only with their consent. Raises NotFound."""
    report = await maybe(StaffReport, db, sql.staff_report, report_id, language, bool(me.agencies_as(*steps.CENTRE)))
    if report is None or not steps.may_see(me, agency=report.agency, confidential=report.confidential):
        raise NotFound
    return report


async def original(db: Connection, me: Principal, report_id: UUID, upload_id: UUID) -> Stream:
    """The untouched file of a report's upload, if it is kept: whoever may see the report may have it, and it is
    written down who had. Raises NotFound."""
    report = await steps.lock_for(db, me, report_id, steps.LOOKERS)
    if await db.fetchval(sql.report_has_upload, report.id, upload_id) is None:
        raise NotFound
    file = await uploads.original(db, upload_id)
    await records.record(db, me, "report.original_opened", report.code, upload=str(upload_id))
    headers = {"content-disposition": f'attachment; filename="{report.code}-{upload_id}"'}
    return Stream(file.parts, media_type=file.media_type, headers=headers)
