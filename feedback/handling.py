"""What an agency does with a report that is its own: begins, asks, answers, hands back, asks for more time."""

from datetime import timedelta
from uuid import UUID

from app import outbox
from app.clock import city_now
from app.db import Connection, queries_beside
from app.errors import Language, Refusal, refusing
from app.identity.models import Principal
from feedback import deadlines, queues, reports, steps
from feedback.events import ExtensionAsked
from feedback.models import (
    AskExtension,
    AskReporter,
    ResolveReport,
    ReturnReport,
    StaffReport,
    StartReport,
    WriteReportNote,
)
from feedback.steps import AGENCY, LOOKERS, MOST_NOTES

sql = queries_beside(__file__)

LONGEST_EXTENSION_DAYS = 90


class AfterPhotoNeeded(Refusal):
    """Lĩnh vực này cần ảnh sau khi xử lý.

    This category needs a photo of what was done."""

    status = 400


class AskedAlready(Refusal):
    """Đã hỏi người phản ánh và đang chờ trả lời.

    The reporter was asked already, and has not answered yet."""


class NobodyToAsk(Refusal):
    """Phản ánh này không có người nhận câu hỏi trong ứng dụng; hãy gọi cho người phản ánh.

    Nobody would read the question: whoever reported this has no account. Call them."""


class BadExtension(Refusal):
    """Hạn mới phải sau hạn hiện tại và trong vòng {days} ngày.

    The new deadline must lie after the one that stands, and within {days} days."""

    status = 400


class ExtensionWaits(Refusal):
    """Đã có một đề nghị gia hạn đang chờ duyệt.

    More time was asked for already, and nobody has decided yet."""


class ReportNoteIdTaken(Refusal):
    """Mã này đã được dùng cho một ghi chú khác; hãy tạo mã mới.

    This note's id is taken; make a new one."""


async def start(
    db: Connection, me: Principal, report_id: UUID, wanted: StartReport, language: Language
) -> StaffReport:
    """Somebody is on it. Raises NotFound, ReportChanged, StepOutOfTurn."""
    report = await steps.lock_for(db, me, report_id, AGENCY)
    if not await steps.is_done(db, me, report, wanted):
        steps.need(report, "assigned")
        await db.execute(sql.start_report, report.id)
        await steps.record(db, report, me, "started", audience="everybody", agency=report.agency, wanted=wanted)
    return await queues.show(db, me, report_id, language)


async def ask(db: Connection, me: Principal, report_id: UUID, wanted: AskReporter, language: Language) -> StaffReport:
    """Ask the reporter; the clock stands still until they answer.

    Raises NotFound, ReportChanged, StepOutOfTurn, AskedAlready, NobodyToAsk."""
    report = await steps.lock_for(db, me, report_id, LOOKERS)
    if not await steps.is_done(db, me, report, wanted):
        steps.need(report, "submitted", "verified", "assigned", "in_progress")
        if report.asked_at is not None:
            raise AskedAlready
        if report.reporter_id is None:
            raise NobodyToAsk
        await db.execute(sql.ask_reporter, report.id)
        await steps.record(
            db, report, me, "asked", wanted.text, audience="reporter", agency=report.agency, wanted=wanted
        )
    return await queues.show(db, me, report_id, language)


async def resolve(
    db: Connection, me: Principal, report_id: UUID, wanted: ResolveReport, language: Language
) -> StaffReport:
    """Answer it, with pictures of what was done where the category wants one.

    Raises NotFound, ReportChanged, StepOutOfTurn, AfterPhotoNeeded, and what an upload may not be."""
    report = await steps.lock_for(db, me, report_id, AGENCY)
    if not await steps.is_done(db, me, report, wanted):
        steps.need(report, "assigned", "in_progress")
        if report.after_photo and not wanted.uploads:
            raise AfterPhotoNeeded
        if report.asked_at is not None:
            await deadlines.restart(db, report)
        await db.execute(sql.resolve_report, report.id, wanted.text, report.reporter_names)
        await reports.take_uploads(db, me.id, report.id, wanted.uploads, "resolved", keep=False, purposes=("photo",))
        await steps.record(
            db, report, me, "resolved", wanted.text, audience="everybody", agency=report.agency, wanted=wanted
        )
    return await queues.show(db, me, report_id, language)


async def hand_back(db: Connection, me: Principal, report_id: UUID, wanted: ReturnReport) -> None:
    """It is not ours: back to the operations centre, with the reason. Raises NotFound, ReportChanged,
    StepOutOfTurn."""
    if await steps.is_made(db, me, report_id, wanted):
        return  # whoever has handed it back sees it no more
    report = await steps.lock_for(db, me, report_id, AGENCY)
    await steps.is_done(db, me, report, wanted)
    steps.need(report, "assigned", "in_progress")
    await db.execute(sql.return_report, report.id)
    await steps.record(
        db, report, me, "returned", wanted.reason, audience="nobody", agency=report.agency, wanted=wanted
    )


async def ask_extension(
    db: Connection, me: Principal, report_id: UUID, wanted: AskExtension, language: Language
) -> StaffReport:
    """Ask for more time; a supervisor decides. Raises NotFound, ReportChanged, StepOutOfTurn, BadExtension,
    ExtensionWaits."""
    report = await steps.lock_for(db, me, report_id, AGENCY)
    if not await steps.is_done(db, me, report, wanted):
        steps.need(report, "assigned", "in_progress")
        now = city_now()
        if not max(now, report.due_at) < wanted.until <= now + timedelta(days=LONGEST_EXTENSION_DAYS):
            raise BadExtension(days=LONGEST_EXTENSION_DAYS)
        with refusing(report_extension_one_waits=ExtensionWaits):
            await db.execute(sql.ask_extension, report.id, wanted.until, wanted.reason, me.id)
        await steps.record(
            db, report, me, "extension_asked", wanted.reason, audience="nobody", agency=report.agency, wanted=wanted
        )
        await outbox.record(
            db,
            ExtensionAsked(
                report_id=report.id,
                code=report.code,
                until=wanted.until,
                reason=wanted.reason,
                supervisor_ids=await steps.supervisors(db),
            ),
        )
    return await queues.show(db, me, report_id, language)


async def write_note(
    db: Connection, me: Principal, report_id: UUID, note_id: UUID, wanted: WriteReportNote, language: Language
) -> StaffReport:
    """A note for the city's people, under its author's id; the same again is the same note.

    Raises NotFound, ReportNoteIdTaken."""
    report = await steps.lock_for(db, me, report_id, LOOKERS)
    made = await db.fetchval(sql.write_note, note_id, report.id, me.id, wanted.text, MOST_NOTES)
    if made is None and not await db.fetchval(sql.is_my_note, note_id, report.id, me.id, wanted.text):
        raise ReportNoteIdTaken
    return await queues.show(db, me, report_id, language)
