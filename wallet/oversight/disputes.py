"""Disputes: somebody asks what became of a movement of theirs (tra soát), or complains of it (khiếu nại).

    open ──► in_review ──► resolved: refunded | rejected | corrected
      │          │
      └──────────┴──────► withdrawn, by its asker

How many working days an answer may take, and until when a movement may be disputed, are policies (circulars of the
State Bank on payment intermediaries: at least 60 days to ask, at most 30 working days to answer)."""

from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec
import structlog

from app import outbox, policies
from app.audit import records
from app.budgets import Budget, spend
from app.clock import add_working_days, calendar_from, city_now, city_today
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import NotFound, Refusal, refusing
from app.identity.models import Principal, Role
from app.privacy import access
from app.staff.pages import before, page_of
from app.types import Page, cursor_of, key_of
from wallet.events import DisputeAnswered, DisputeNoted, DisputeOpened, DisputeOverdue
from wallet.oversight.models import (
    AnswerDispute,
    AssignDispute,
    Dispute,
    DisputeLine,
    DisputeOutcome,
    DisputeQueue,
    DisputeStatus,
    OpenDispute,
    StaffDispute,
    StaffDisputeLine,
    WriteNote,
    WriteStaffNote,
)

sql = queries_beside(__file__)
log = structlog.get_logger()

MOST_NOTES = 100
SOON_WORKING_DAYS = 2
WHO_LOOKS: tuple[Role, ...] = ("operator", "supervisor", "finance")
WHO_ANSWERS: tuple[Role, ...] = ("supervisor", "finance")
_WHAT = "Tra soát, khiếu nại"


class DisputeIdTaken(Refusal):
    """Mã này đã được dùng cho một yêu cầu tra soát, khiếu nại khác; hãy tạo mã mới.

    This id was used for another dispute; make a new one."""


class AlreadyDisputed(Refusal):
    """Bạn đã có một yêu cầu đang chờ về giao dịch này; hãy bổ sung vào yêu cầu đó.

    You have a dispute about this movement that waits for its answer; add to that one."""


class TooLateToDispute(Refusal):
    """Giao dịch này đã quá {days} ngày nên không còn nhận tra soát, khiếu nại.

    This movement is more than {days} days old, and can be disputed no more."""


class DisputeIsClosed(Refusal):
    """Yêu cầu này đã khép lại.

    This dispute is closed."""


class NoteIdTaken(Refusal):
    """Mã này đã được dùng cho một ý kiến khác; hãy tạo mã mới.

    This note's id is taken; make a new one."""


class TooMuchSaid(Refusal):
    """Yêu cầu này đã có {most} ý kiến; vui lòng gọi tổng đài.

    This dispute has {most} notes already; please call the hotline."""


class CannotLookInto(Refusal):
    """Người này không thuộc bộ phận giải quyết tra soát, khiếu nại.

    This person does not look into disputes."""


class RefundDoesNotAnswer(Refusal):
    """Kết quả hoàn tiền cần mã của một khoản hoàn đã thực hiện cho chính giao dịch này.

    This outcome names a refund that was made of this very movement, and no other outcome names one."""


class _Movement(msgspec.Struct, frozen=True):
    made_at: datetime
    merchant_id: UUID | None


class _Row(msgspec.Struct, frozen=True):
    id: UUID
    principal_id: UUID
    payment_id: UUID
    status: DisputeStatus
    assigned_to: UUID | None
    outcome: DisputeOutcome | None
    answer: str | None
    refund_id: UUID | None

    @property
    def is_closed(self) -> bool:
        return self.status in {"resolved", "withdrawn"}


class _Note(msgspec.Struct, frozen=True):
    dispute_id: UUID
    author_id: UUID
    by_staff: bool
    internal: bool
    text: str | None


# Whoever asks


async def ask(db: Connection, me: Principal, dispute_id: UUID, wanted: OpenDispute) -> tuple[Dispute, bool]:
    """Dispute a movement of mine or of my shop's, and whether that is new. The same again is the same dispute.

    Raises NotFound (no such movement of mine), TooLateToDispute, AlreadyDisputed, DisputeIdTaken, TooManyRequests."""
    movement = await maybe(_Movement, db, sql.disputable, wanted.payment_id, me.id)
    if movement is None:
        raise NotFound
    due_on = await _due_on(db, await policies.value(db, f"dispute.{wanted.kind}_days"))
    with refusing(dispute_one_open=AlreadyDisputed):
        new = await db.fetchval(
            sql.open_dispute,
            dispute_id,
            me.id,
            wanted.payment_id,
            movement.merchant_id,
            wanted.kind,
            wanted.text,
            due_on,
        )
    dispute = await maybe(Dispute, db, sql.dispute_of_mine, dispute_id, me.id)
    if dispute is None or (dispute.payment_id, dispute.kind, dispute.text) != (
        wanted.payment_id,
        wanted.kind,
        wanted.text,
    ):
        raise DisputeIdTaken
    if new is None:
        return dispute, False
    days = await policies.value(db, "dispute.within_days")
    if movement.made_at < city_now() - timedelta(days=days):
        raise TooLateToDispute(days=days)
    await spend(db, Budget(f"disputes {me.id}", 20, 86_400))
    news = DisputeOpened(dispute_id=dispute_id, principal_id=me.id, kind=wanted.kind, due_on=due_on)
    await outbox.record(db, news)
    return dispute, True


async def _due_on(db: Connection, days: int) -> date:
    today = city_today()
    calendar = await calendar_from(db, today)
    due_on = add_working_days(today, days, calendar)
    if due_on > calendar.known_until:
        log.error("the working calendar has run out", due_on=due_on.isoformat(), fix="litestar calendar YEAR")
    return due_on


async def show(db: Connection, me: Principal, dispute_id: UUID) -> Dispute:
    """A dispute of mine with all that was said; raises NotFound."""
    dispute = await maybe(Dispute, db, sql.dispute_of_mine, dispute_id, me.id)
    if dispute is None:
        raise NotFound
    return dispute


async def mine(db: Connection, me: Principal, cursor: str | None, limit: int) -> Page[DisputeLine]:
    """My disputes, newest first; raises BadCursor."""
    lines = await many(DisputeLine, db, sql.disputes_of_mine, me.id, *before(cursor), limit + 1)
    return page_of(lines, limit, _age)


def _age(dispute: DisputeLine) -> tuple[datetime, UUID]:
    return dispute.made_at, dispute.id


async def withdraw(db: Connection, me: Principal, dispute_id: UUID) -> Dispute:
    """I need no answer any more; again changes nothing. Raises NotFound, DisputeIsClosed once it is answered."""
    row = await _mine_for_update(db, me, dispute_id)
    if row.status == "resolved":
        raise DisputeIsClosed
    if row.status != "withdrawn":
        await db.execute(sql.withdraw_dispute, dispute_id)
    return await show(db, me, dispute_id)


async def _mine_for_update(db: Connection, me: Principal, dispute_id: UUID) -> _Row:
    row = await maybe(_Row, db, sql.dispute_for_update, dispute_id)
    if row is None or row.principal_id != me.id:
        raise NotFound
    return row


async def add_note(db: Connection, me: Principal, dispute_id: UUID, note_id: UUID, wanted: WriteNote) -> Dispute:
    """Add to my dispute, once per id; who looks into it is told. Raises NotFound, DisputeIsClosed, NoteIdTaken,
    TooMuchSaid."""
    row = await _mine_for_update(db, me, dispute_id)
    new = await _write_note(db, me, row, note_id, wanted.text, by_staff=False, internal=False)
    if new and row.assigned_to is not None:
        await outbox.record(db, DisputeNoted(dispute_id=dispute_id, told=row.assigned_to, by_staff=False))
    return await show(db, me, dispute_id)


async def _write_note(
    db: Connection, me: Principal, row: _Row, note_id: UUID, text: str, *, by_staff: bool, internal: bool
) -> bool:
    """Write what is said, once; is it new? Raises DisputeIsClosed, TooMuchSaid, NoteIdTaken."""
    kept = await maybe(_Note, db, sql.note, note_id)
    if kept is None:
        if row.is_closed and not internal:
            raise DisputeIsClosed
        if await db.fetchval(sql.notes_of_dispute, row.id) >= MOST_NOTES:
            raise TooMuchSaid(most=MOST_NOTES)
        if await db.fetchval(sql.write_note, note_id, row.id, me.id, by_staff, internal, text) is None:
            raise NoteIdTaken
        return True
    if kept != _Note(row.id, me.id, by_staff, internal, text):
        raise NoteIdTaken
    return False


# Whoever answers


async def queue(
    db: Connection, me: Principal, which: DisputeQueue, cursor: str | None, limit: int
) -> Page[StaffDisputeLine]:
    """Disputes, the soonest due first: all that wait, those due in two working days, overdue ones, mine; or closed
    ones, newest first. Raises BadCursor."""
    if which == "closed":
        closed = await many(StaffDisputeLine, db, sql.disputes_closed, *before(cursor), limit + 1)
        return page_of(closed, limit, _age)
    key = key_of(cursor, tuple[date, UUID]) or (None, None)
    today = city_today()
    soon = add_working_days(today, SOON_WORKING_DAYS, await calendar_from(db, today))
    whose = me.id if which == "mine" else None
    earliest = today if which == "due_soon" else None
    latest = {"due_soon": soon, "overdue": today - timedelta(days=1)}.get(which)
    found = await many(StaffDisputeLine, db, sql.disputes_to_answer, whose, earliest, latest, *key, limit + 1)
    after = cursor_of(found[limit - 1].due_on, found[limit - 1].id) if len(found) > limit else None
    return Page(items=found[:limit], next=after)


async def open_one(db: Connection, me: Principal, dispute_id: UUID) -> StaffDispute:
    """A dispute with what it is about; its asker can see that I looked. Raises NotFound."""
    dispute = await maybe(StaffDispute, db, sql.staff_dispute, dispute_id)
    if dispute is None:
        raise NotFound
    await access.opened(db, me, dispute.resident_id, _WHAT, "Giải quyết yêu cầu của bạn")
    return dispute


async def assign(db: Connection, me: Principal, dispute_id: UUID, wanted: AssignDispute) -> StaffDispute:
    """Somebody looks into it from now on. Raises NotFound, DisputeIsClosed, CannotLookInto."""
    row = await _for_update(db, dispute_id)
    if row.is_closed:
        raise DisputeIsClosed
    member_id = wanted.member_id or me.id
    if not await db.fetchval(sql.may_look_into, member_id, list(WHO_LOOKS)):
        raise CannotLookInto
    if row.assigned_to != member_id:
        await db.execute(sql.assign_dispute, dispute_id, member_id)
        await records.record(db, me, "wallet.dispute_assigned", dispute_id, member_id=member_id)
    return await one(StaffDispute, db, sql.staff_dispute, dispute_id)


async def _for_update(db: Connection, dispute_id: UUID) -> _Row:
    row = await maybe(_Row, db, sql.dispute_for_update, dispute_id)
    if row is None:
        raise NotFound
    return row


async def add_staff_note(
    db: Connection, me: Principal, dispute_id: UUID, note_id: UUID, wanted: WriteStaffNote
) -> StaffDispute:
    """Ask the asker something, or note something for staff alone. Raises NotFound, DisputeIsClosed, NoteIdTaken,
    TooMuchSaid."""
    row = await _for_update(db, dispute_id)
    new = await _write_note(db, me, row, note_id, wanted.text, by_staff=True, internal=wanted.internal)
    if new and not wanted.internal:
        await outbox.record(db, DisputeNoted(dispute_id=dispute_id, told=row.principal_id, by_staff=True))
    return await one(StaffDispute, db, sql.staff_dispute, dispute_id)


async def answer(db: Connection, me: Principal, dispute_id: UUID, given: AnswerDispute) -> StaffDispute:
    """What came of it: its asker is told. The same answer again is the same.

    Raises NotFound, DisputeIsClosed, RefundDoesNotAnswer."""
    row = await _for_update(db, dispute_id)
    if row.is_closed:
        if (row.outcome, row.answer, row.refund_id) != (given.outcome, given.text, given.refund_id):
            raise DisputeIsClosed
        return await one(StaffDispute, db, sql.staff_dispute, dispute_id)
    await _check_refund(db, row, given)
    await db.execute(sql.answer_dispute, dispute_id, me.id, given.outcome, given.text, given.refund_id)
    await access.opened(db, me, row.principal_id, _WHAT, "Trả lời yêu cầu của bạn")
    await records.record(db, me, "wallet.dispute_answered", dispute_id, outcome=given.outcome)
    news = DisputeAnswered(dispute_id=dispute_id, principal_id=row.principal_id, outcome=given.outcome)
    await outbox.record(db, news)
    return await one(StaffDispute, db, sql.staff_dispute, dispute_id)


async def _check_refund(db: Connection, row: _Row, given: AnswerDispute) -> None:
    if (given.outcome == "refunded") != (given.refund_id is not None):
        raise RefundDoesNotAnswer
    if given.refund_id is not None and not await db.fetchval(
        sql.refund_that_answers, given.refund_id, row.payment_id
    ):
        raise RefundDoesNotAnswer


# The clock


class _Overdue(msgspec.Struct, frozen=True):
    dispute_id: UUID
    due_on: date


async def watch_the_clock(db: Connection) -> None:
    """Tell whoever answers of each dispute that nobody answered in time, once."""
    overdue = await many(_Overdue, db, sql.disputes_overdue_untold)
    told = await members_with(db, *WHO_ANSWERS) if overdue else []
    for one_of_them in overdue:
        log.error("dispute overdue", dispute=str(one_of_them.dispute_id), due_on=one_of_them.due_on.isoformat())
        await db.execute(sql.tell_overdue, one_of_them.dispute_id)
        news = DisputeOverdue(dispute_id=one_of_them.dispute_id, due_on=one_of_them.due_on, told=told)
        await outbox.record(db, news)


async def members_with(db: Connection, *roles: Role) -> list[UUID]:
    """Who has one of these roles now."""
    return [row["principal_id"] for row in await db.fetch(sql.members_with, list(roles))]
