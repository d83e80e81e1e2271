"""Break-glass: a role for an hour at most, taken without asking, told to whoever must know, and looked at afterwards.

What was taken so opens nothing further: only somebody who was granted a role takes one, and keeps it no longer than
what they were granted; and only somebody who was granted theirs looks at it."""

from uuid import UUID

from app import outbox
from app.audit import records
from app.budgets import Budget, spend
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import Forbidden, NotFound, Refusal, refusing
from app.identity.models import Principal, Role
from app.staff.events import BreakGlassOpened
from app.staff.members import UnknownAgency, need_grant
from app.staff.models import BreakGlass, OpenBreakGlass, ReviewBreakGlass
from app.staff.pages import before, page_of
from app.types import Page

sql = queries_beside(__file__)

MOST_A_DAY = 3
WATCHERS: tuple[Role, ...] = ("compliance", "admin")


class BreakGlassIdTaken(Refusal):
    """Mã mở quyền khẩn cấp này đã được dùng với nội dung khác.

    This id is already used for another emergency."""


class AnotherMustReview(Refusal):
    """Người đã mở quyền khẩn cấp không thể tự đánh giá.

    Whoever broke the glass cannot review it; somebody else must."""

    status = 403


class AlreadyReviewed(Refusal):
    """Lần mở quyền khẩn cấp này đã được đánh giá.

    This emergency was reviewed already."""


async def take(db: Connection, me: Principal, break_glass_id: UUID, wanted: OpenBreakGlass) -> BreakGlass:
    """A role now; it ends by itself. The same again is the same, and lasts no longer.

    Raises Forbidden for somebody who was granted nothing, UnknownAgency, BreakGlassIdTaken, TooManyRequests."""
    if not await db.fetchval(sql.hold_grants, me.id):
        raise Forbidden
    with refusing(break_glass_agency_code_fkey=UnknownAgency):
        taken = await db.fetchval(
            sql.open_break_glass, break_glass_id, me.id, wanted.agency, wanted.role, wanted.reason, wanted.minutes
        )
    opened = await one(BreakGlass, db, sql.break_glass, break_glass_id)
    if taken is None:
        kept = (opened.principal_id, opened.agency, opened.role, opened.reason, opened.minutes)
        if kept != (me.id, wanted.agency, wanted.role, wanted.reason, wanted.minutes):
            raise BreakGlassIdTaken
        return opened
    await spend(db, Budget(f"break glass {me.id}", MOST_A_DAY, 86_400))
    await _tell(db, me, opened)
    return opened


async def _tell(db: Connection, me: Principal, opened: BreakGlass) -> None:
    await records.record(
        db,
        me,
        "staff.break_glass_opened",
        opened.id,
        agency=opened.agency,
        role=opened.role,
        minutes=opened.minutes,
        reason=opened.reason,
    )
    await outbox.record(
        db,
        BreakGlassOpened(
            break_glass_id=opened.id,
            principal_id=me.id,
            name=opened.name or "?",
            agency=opened.agency,
            role=opened.role,
            reason=opened.reason,
            until=opened.until,
            told=[row["principal_id"] for row in await db.fetch(sql.watchers)],
        ),
    )


async def end(db: Connection, me: Principal, break_glass_id: UUID) -> BreakGlass:
    """It is over before its time, as whoever took it, an admin or compliance says; one that is over stays so.

    Raises NotFound, also for what is not mine to end."""
    taken = await maybe(BreakGlass, db, sql.break_glass, break_glass_id)
    if taken is None or not (taken.principal_id == me.id or await db.fetchval(sql.was_granted, me.id, WATCHERS)):
        raise NotFound
    if await db.fetchval(sql.end_break_glass, break_glass_id) is not None:
        await records.record(db, me, "staff.break_glass_ended", break_glass_id, principal_id=taken.principal_id)
    return await one(BreakGlass, db, sql.break_glass, break_glass_id)


async def review(db: Connection, me: Principal, break_glass_id: UUID, wanted: ReviewBreakGlass) -> BreakGlass:
    """What came of looking at it. Raises NotFound, Forbidden, AnotherMustReview, AlreadyReviewed."""
    await need_grant(db, me, *WATCHERS)
    with refusing(break_glass_reviewed_by_another=AnotherMustReview):
        reviewed = await db.fetchval(sql.review_break_glass, break_glass_id, me.id, wanted.finding)
    seen = await maybe(BreakGlass, db, sql.break_glass, break_glass_id)
    if seen is None:
        raise NotFound
    if reviewed is not None:
        await records.record(db, me, "staff.break_glass_reviewed", break_glass_id)
    elif (seen.reviewed_by, seen.finding) != (me.id, wanted.finding):
        raise AlreadyReviewed
    return seen


async def page(db: Connection, cursor: str | None, limit: int) -> Page[BreakGlass]:
    """Every emergency, newest first; raises BadCursor."""
    lines = await many(BreakGlass, db, sql.break_glasses, *before(cursor), limit + 1)
    return page_of(lines, limit, lambda opened: (opened.opened_at, opened.id))
