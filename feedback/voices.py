"""What residents do with a report after it was filed: follow it, answer what they are asked, rate the answer, have it
opened again, comment."""

from datetime import timedelta
from uuid import UUID

from app import outbox, policies
from app.budgets import Budget, spend
from app.clock import city_now
from app.db import Connection, queries_beside
from app.errors import Language, NotFound, Refusal
from app.identity.models import Principal
from feedback import deadlines, reports, steps, triage
from feedback.events import ReportCommented, ReporterAnswered
from feedback.models import (
    FollowReport,
    GiveInformation,
    MyReport,
    RateReport,
    ReopenReport,
    ShownReport,
    WriteComment,
)
from feedback.steps import Locked

sql = queries_beside(__file__)

MOST_COMMENTS = 200
MOST_COMMENTS_AN_HOUR = 20


class NothingAsked(Refusal):
    """Thành phố không hỏi gì về phản ánh này, hoặc bạn đã trả lời.

    The city asks nothing about this report, or you have answered."""


class NotAnsweredYet(Refusal):
    """Phản ánh này chưa có kết quả xử lý.

    This report has no answer yet."""


class RatedAlready(Refusal):
    """Bạn đã đánh giá kết quả này.

    You have rated this answer already."""


class TooLateToReopen(Refusal):
    """Đã quá {days} ngày kể từ khi có kết quả; hãy gửi phản ánh mới.

    The answer is more than {days} days old; file a new report."""


class CommentIdTaken(Refusal):
    """Mã này đã được dùng cho một ý kiến khác; hãy tạo mã mới.

    This comment's id is taken; make a new one."""


class TooManyComments(Refusal):
    """Phản ánh này đã có {most} ý kiến.

    This report has {most} comments already."""


async def follow(
    db: Connection, me: Principal, report_id: UUID, wanted: FollowReport, language: Language
) -> ShownReport | MyReport:
    """Hear what becomes of a public report, or no more. Raises NotFound."""
    if await db.fetchval(sql.is_public, report_id) is None:
        raise NotFound
    if wanted.follow:
        await db.execute(sql.follow_report, report_id, me.id, wanted.affected)
    else:
        await db.execute(sql.unfollow_report, report_id, me.id)
    return await reports.show(db, me, report_id, language)


async def _lock_mine(db: Connection, me: Principal, report_id: UUID) -> Locked:
    report = await steps.lock(db, report_id)
    if report.reporter_id != me.id:
        raise NotFound
    return report


async def inform(
    db: Connection, me: Principal, report_id: UUID, wanted: GiveInformation, language: Language
) -> MyReport:
    """Answer what the city asks me; its clock runs again. The same answer again changes nothing.

    Raises NotFound, NothingAsked, and what an upload may not be."""
    report = await _lock_mine(db, me, report_id)
    if report.asked_at is None or not report.is_open:
        if await db.fetchval(sql.said_last, report.id, "informed", wanted.text):
            return await reports.show_mine(db, me, report_id, language)
        raise NothingAsked
    due_at = await deadlines.restart(db, report)
    await reports.take_uploads(db, me.id, report.id, wanted.uploads, "informed", keep=report.keeps_original)
    await steps.record(db, report, me, "informed", wanted.text, audience="reporter", by="reporter")
    people = await steps.responsible(db, report.agency, confidential=report.confidential)
    await outbox.record(
        db, ReporterAnswered(report_id=report.id, code=report.code, due_at=due_at, officer_ids=people)
    )
    return await reports.show_mine(db, me, report_id, language)


async def rate(db: Connection, me: Principal, report_id: UUID, wanted: RateReport, language: Language) -> MyReport:
    """How the answer was; who is content closes the report. The same rating again changes nothing.

    Raises NotFound, NotAnsweredYet, RatedAlready."""
    report = await _lock_mine(db, me, report_id)
    if report.status not in {"resolved", "closed"}:
        raise NotAnsweredYet
    if report.rating is not None:
        if await db.fetchval(sql.is_rated_so, report.id, wanted.rating, wanted.comment):
            return await reports.show_mine(db, me, report_id, language)
        raise RatedAlready
    await db.execute(sql.rate_report, report.id, wanted.rating, wanted.comment)
    await steps.record(db, report, me, "rated", wanted.comment, audience="reporter", by="reporter")
    return await reports.show_mine(db, me, report_id, language)


async def reopen(
    db: Connection, me: Principal, report_id: UUID, wanted: ReopenReport, language: Language
) -> MyReport:
    """The answer is none: back to the agency, with a deadline of its own. What was before stays on record.

    Raises NotFound, NotAnsweredYet, TooLateToReopen, and what an upload may not be."""
    report = await _lock_mine(db, me, report_id)
    if report.status == "assigned" and await db.fetchval(sql.said_last, report.id, "reopened", wanted.reason):
        return await reports.show_mine(db, me, report_id, language)
    if report.status not in {"resolved", "closed"} or report.resolved_at is None or report.agency is None:
        raise NotAnsweredYet
    days = await policies.value(db, "feedback.reopen_days")
    if city_now() > report.resolved_at + timedelta(days=days):
        raise TooLateToReopen(days=days)
    due = await deadlines.of_new(db, report.due_minutes, report.warn_minutes)
    await db.execute(sql.reopen_report, report.id, due.due_at, due.warn_at)
    await reports.take_uploads(db, me.id, report.id, wanted.uploads, "reopened", keep=report.keeps_original)
    await steps.record(db, report, me, "reopened", wanted.reason, audience="everybody", by="reporter")
    await triage.tell_agency(db, report, report.agency, again=True)
    return await reports.show_mine(db, me, report_id, language)


async def comment(
    db: Connection, me: Principal, report_id: UUID, comment_id: UUID, wanted: WriteComment, language: Language
) -> ShownReport | MyReport:
    """Say something to a public report or to mine, under the phone's id; the same again is the same comment.

    Raises NotFound, CommentIdTaken, TooManyComments, TooManyRequests."""
    await add_comment(db, me, report_id, comment_id, wanted)
    return await reports.show(db, me, report_id, language)


async def add_comment(
    db: Connection,
    me: Principal,
    report_id: UUID,
    comment_id: UUID,
    wanted: WriteComment,
    *,
    most_an_hour: int = MOST_COMMENTS_AN_HOUR,
    author_name: str | None = None,
) -> bool:
    """The same for whoever needs no answer; whether it is new. `author_name`: who says it, if it is not me."""
    report = await steps.lock(db, report_id)
    if report.reporter_id != me.id and await db.fetchval(sql.is_public, report_id) is None:
        raise NotFound
    if await db.fetchval(sql.is_my_comment, comment_id, report.id, me.id, wanted.text):
        return False
    await spend(db, Budget(f"comments {me.id}", most_an_hour, 3600))
    if await db.fetchval(sql.comments_of, report.id) >= MOST_COMMENTS:
        raise TooManyComments(most=MOST_COMMENTS)
    names = "\n".join(filter(None, (report.reporter_names, author_name)))
    words = await db.fetchval(sql.write_comment, comment_id, report.id, me.id, wanted.text, names)
    if words is None:
        raise CommentIdTaken
    if report.reporter_id not in {None, me.id}:
        assert report.reporter_id is not None
        await outbox.record(
            db, ReportCommented(report_id=report.id, code=report.code, reporter_id=report.reporter_id, words=words)
        )
    return True
