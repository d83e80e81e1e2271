"""What the operations centre does: looks at what came in, says whose it is, merges what repeats, gives more time, and
covers in pictures what nobody shall see."""

from uuid import UUID

from app import outbox
from app.audit import records
from app.clock import city_now
from app.db import Connection, Database, queries_beside
from app.errors import Language, NotFound, Refusal, refusing
from app.identity.models import Principal
from app.staff.members import UnknownAgency
from app.types import new_id
from app.uploads import pictures
from feedback import deadlines, queues, steps
from feedback.events import ReportHandedOver
from feedback.models import (
    AssignReport,
    DecideExtension,
    HideComment,
    MergeReport,
    RedactPicture,
    StaffReport,
    VerifyReport,
)
from feedback.steps import CENTRE, LOOKERS, MOST_NOTES, Locked

sql = queries_beside(__file__)


class ReasonNeeded(Refusal):
    """Hãy cho biết lý do.

    Say why, in a few words."""

    status = 400


class CannotMerge(Refusal):
    """Không gộp được vào phản ánh này.

    It cannot be merged into that report."""


class NoExtensionWaits(Refusal):
    """Không có đề nghị gia hạn nào đang chờ.

    Nobody waits for more time."""


class ExtensionPast(Refusal):
    """Hạn được đề nghị đã qua; chỉ còn có thể từ chối.

    The time that was asked for is over; it can only be refused."""


class OwnExtension(Refusal):
    """Đề nghị gia hạn phải do người khác duyệt.

    Somebody else must decide about the time that you asked for."""

    status = 403


async def verify(
    db: Connection, me: Principal, report_id: UUID, wanted: VerifyReport, language: Language
) -> StaffReport:
    """Take it as a matter for the city, or not, with a reason for its reporter.

    Raises NotFound, ReportChanged, StepOutOfTurn, ReasonNeeded."""
    report = await steps.lock_for(db, me, report_id, CENTRE)
    if not await steps.is_done(db, me, report, wanted):
        steps.need(report, "submitted")
        if wanted.accepted:
            await db.execute(sql.verify_report, report.id)
            await steps.record(db, report, me, "verified", wanted.reason, audience="everybody", wanted=wanted)
        else:
            await _reject(db, me, report, wanted)
    return await queues.show(db, me, report_id, language)


async def _reject(db: Connection, me: Principal, report: Locked, wanted: VerifyReport) -> None:
    if wanted.reason is None:
        raise ReasonNeeded
    await db.execute(sql.reject_report, report.id)
    if wanted.false_report:
        await db.execute(sql.strike, report.id, me.id)
    await steps.record(db, report, me, "rejected", wanted.reason, audience="reporter", wanted=wanted)


async def assign(
    db: Connection, me: Principal, report_id: UUID, wanted: AssignReport, language: Language
) -> StaffReport:
    """Hand it to an agency, or to another one. Raises NotFound, ReportChanged, StepOutOfTurn, UnknownAgency."""
    report = await steps.lock_for(db, me, report_id, CENTRE)
    if not await steps.is_done(db, me, report, wanted):
        steps.need(report, "verified", "assigned", "in_progress")
        agency = wanted.agency or await db.fetchval(sql.route, report.category, report.ward)
        with refusing(report_agency_code_fkey=UnknownAgency):
            await db.execute(sql.assign_report, report.id, agency)
        if wanted.note is not None:
            await db.execute(sql.write_note, new_id(), report.id, me.id, wanted.note, MOST_NOTES)
        await steps.record(db, report, me, "assigned", audience="everybody", agency=agency, wanted=wanted)
        await tell_agency(db, report, agency, again=False)
    return await queues.show(db, me, report_id, language)


async def tell_agency(db: Connection, report: Locked, agency: str, *, again: bool) -> None:
    """The agency's people hear that the report is theirs."""
    officers = await steps.supervisors(db) if report.confidential else await steps.officers_of(db, agency)
    await outbox.record(
        db,
        ReportHandedOver(
            report_id=report.id,
            code=report.code,
            category=report.category_vi,
            category_en=report.category_en,
            agency=agency,
            urgent=report.urgent,
            again=again,
            due_at=await db.fetchval(steps.sql.due_at, report.id),
            officer_ids=officers,
        ),
    )


async def merge(
    db: Connection, me: Principal, report_id: UUID, wanted: MergeReport, language: Language
) -> StaffReport:
    """It repeats another report, open or answered: its reporter and followers go along, and it is on no list any
    more.

    The other may itself have been merged: then it is the one that that became. Nothing that may be public is merged
    into what is private, and nobody hears of one that is not public. Raises NotFound, ReportChanged, StepOutOfTurn,
    CannotMerge."""
    original_id = await db.fetchval(sql.merged_into, wanted.of)
    if original_id is None or original_id == report_id:
        raise CannotMerge
    # In the order of their ids, so that two that are merged crosswise wait for each other only once.
    await db.fetch(sql.lock_reports, [report_id, original_id])
    report = await steps.lock_for(db, me, report_id, CENTRE)
    original = await steps.lock_for(db, me, original_id, CENTRE)
    if not await steps.is_done(db, me, report, wanted):
        steps.need(report, "submitted", "verified", "assigned", "in_progress")
        hidden = original.confidential or report.confidential or (original.private and not report.private)
        if hidden or original.status in {"rejected", "duplicate"}:
            raise CannotMerge
        is_known = await db.fetchval(sql.is_public, original.id) is not None
        await db.execute(sql.carry_followers, report.id, original.id)
        await db.execute(sql.merge_report, report.id, original.id)
        which = original.code if is_known else None
        await steps.record(db, report, me, "merged", which, audience="everybody", wanted=wanted)
    return await queues.show(db, me, report_id, language)


async def decide_extension(
    db: Connection, me: Principal, report_id: UUID, wanted: DecideExtension, language: Language
) -> StaffReport:
    """Give the agency the time that it asked for, or not. The first deadline stays what it was.

    Raises NotFound, ReportChanged, StepOutOfTurn, NoExtensionWaits, ExtensionPast, OwnExtension,
    ReasonNeeded."""
    report = await steps.lock_for(db, me, report_id, ("supervisor",))
    if not await steps.is_done(db, me, report, wanted):
        await _decide_extension(db, me, report, wanted)
    return await queues.show(db, me, report_id, language)


async def _decide_extension(db: Connection, me: Principal, report: Locked, wanted: DecideExtension) -> None:
    steps.need(report, "assigned", "in_progress")
    waiting = await db.fetchrow(sql.waiting_extension, report.id)
    if waiting is None:
        raise NoExtensionWaits
    if waiting["asked_by"] == me.id:
        raise OwnExtension
    if not wanted.approved and wanted.reason is None:
        raise ReasonNeeded
    until = waiting["until"]
    if wanted.approved and until <= city_now():
        raise ExtensionPast
    await db.execute(sql.decide_extension, report.id, me.id, wanted.approved, wanted.reason)
    if wanted.approved:
        warn_at = await deadlines.warning_before(db, until, report.warn_minutes)
        await db.execute(sql.extend_report, report.id, until, warn_at)
        await steps.record(db, report, me, "extended", waiting["reason"], audience="everybody", wanted=wanted)
    else:
        await steps.record(db, report, me, "extension_refused", wanted.reason, audience="nobody", wanted=wanted)


async def redact(
    database: Database, me: Principal, report_id: UUID, upload_id: UUID, wanted: RedactPicture, language: Language
) -> StaffReport:
    """Cover parts of a picture. Its files are made anew under new names, and the old ones are gone; of evidence this
    is what lets the public see it at all. Raises NotFound, ReportChanged, and what a picture may not be.

    In short transactions of its own: none is open while it is drawn."""
    async with database.deed() as db:
        report = await steps.lock_for(db, me, report_id, LOOKERS)
        if await steps.is_done(db, me, report, wanted, upload_id):
            return await queues.show(db, me, report_id, language)
        if await db.fetchval(sql.report_has_upload, report.id, upload_id) is None:
            raise NotFound
    await pictures.redact(database, upload_id, wanted.rectangles)
    async with database.deed() as db:
        report = await steps.lock_for(db, me, report_id, LOOKERS)
        await steps.record(db, report, me, "redacted", audience="nobody", wanted=wanted, beside=upload_id)
        return await queues.show(db, me, report_id, language)


async def hide_comment(
    db: Connection, me: Principal, report_id: UUID, comment_id: UUID, wanted: HideComment, language: Language
) -> StaffReport:
    """Nobody reads this comment any more; raises NotFound."""
    report = await steps.lock_for(db, me, report_id, CENTRE)
    if await db.fetchval(sql.hide_comment, report_id, comment_id, me.id) is None:
        raise NotFound
    await records.record(db, me, "report.comment_hidden", report.code, comment=str(comment_id), reason=wanted.reason)
    return await queues.show(db, me, report_id, language)
