"""What a person asks of whoever holds their data: answered within two working days (Decree 356/2025/NĐ-CP)."""

from datetime import date
from uuid import UUID

import msgspec
import structlog

from app import outbox
from app.audit import records
from app.budgets import Budget, spend
from app.clock import add_working_days, calendar_from, city_today
from app.db import Connection, many, maybe, queries_beside
from app.errors import NotFound, Refusal
from app.identity.models import Principal
from app.observe import DATA_REQUESTS_OVERDUE
from app.privacy import access, processing
from app.privacy.events import DataRequestAnswered, DataRequestOverdue
from app.privacy.models import AnswerData, AskData, DataRequest, Moment, StaffDataRequest
from app.types import Page, cursor_of, key_of

sql = queries_beside(__file__)
log = structlog.get_logger()

ANSWERED_WITHIN_WORKING_DAYS = 2


class DataRequestIdTaken(Refusal):
    """Mã yêu cầu này đã được dùng cho một yêu cầu khác.

    This request id is already used for another request."""


class AlreadyAnswered(Refusal):
    """Yêu cầu này đã được trả lời.

    This request was answered already."""


async def ask(db: Connection, me: Principal, data_request_id: UUID, wanted: AskData) -> tuple[DataRequest, bool]:
    """Ask, under the phone's id; and whether it is new. The same again is the same request.

    Raises DataRequestIdTaken, TooManyRequests."""
    today = city_today()
    calendar = await calendar_from(db, today)
    due_on = add_working_days(today, ANSWERED_WITHIN_WORKING_DAYS, calendar)
    if due_on > calendar.known_until:
        log.error("the working calendar has run out", due_on=due_on.isoformat(), fix="litestar calendar YEAR")
    new = await db.fetchval(sql.ask_data, data_request_id, me.id, wanted.kind, wanted.text, due_on) is not None
    kept = await maybe(DataRequest, db, sql.data_request_of_mine, data_request_id, me.id)
    if kept is None or (kept.kind, kept.text) != (wanted.kind, wanted.text):
        raise DataRequestIdTaken
    if new:
        await spend(db, Budget(f"data request {me.id}", 20, 86_400))
        await processing.record(db, me, "request_made", me.id, kind=wanted.kind)
        await records.record(db, me, "privacy.data_requested", me.id, kind=wanted.kind)
    return kept, new


async def mine(db: Connection, me: Principal, cursor: str | None, limit: int) -> Page[DataRequest]:
    """What I asked, newest first; raises BadCursor."""
    key = key_of(cursor, tuple[Moment, UUID]) or (None, None)
    items = await many(DataRequest, db, sql.data_requests_of_mine, me.id, *key, limit + 1)
    after = cursor_of(items[limit - 1].made_at, items[limit - 1].data_request_id) if len(items) > limit else None
    return Page(items=items[:limit], next=after)


async def page(
    db: Connection, me: Principal, open_only: bool, cursor: str | None, limit: int
) -> Page[StaffDataRequest]:
    """What is asked, the soonest due first; looking is audited. Raises BadCursor."""
    key = key_of(cursor, tuple[date, UUID]) or (None, None)
    query = sql.data_requests_open if open_only else sql.data_requests_all
    items = await many(StaffDataRequest, db, query, *key, limit + 1)
    for resident_id in sorted({item.resident_id for item in items[:limit]}):
        await access.opened(db, me, resident_id, "Yêu cầu về dữ liệu cá nhân", "Xem danh sách yêu cầu phải trả lời")
    await records.record(db, me, "privacy.data_requests_read", requests=len(items[:limit]))
    after = cursor_of(items[limit - 1].due_on, items[limit - 1].data_request_id) if len(items) > limit else None
    return Page(items=items[:limit], next=after)


async def answer(db: Connection, me: Principal, data_request_id: UUID, given: AnswerData) -> StaffDataRequest:
    """Answer a request; its resident is told. The same answer again is the same answer.

    Raises NotFound, AlreadyAnswered."""
    wanted = await maybe(StaffDataRequest, db, sql.data_request_for_update, data_request_id)
    if wanted is None:
        raise NotFound
    if wanted.answered_at is None:
        await db.execute(sql.answer_data, data_request_id, me.id, given.granted, given.text)
        await access.opened(db, me, wanted.resident_id, "Yêu cầu về dữ liệu cá nhân", "Trả lời yêu cầu của bạn")
        await processing.record(db, me, "request_answered", wanted.resident_id, granted=given.granted)
        await records.record(db, me, "privacy.data_request_answered", data_request_id, granted=given.granted)
        await outbox.record(
            db,
            DataRequestAnswered(
                principal_id=wanted.resident_id, data_request_id=data_request_id, granted=given.granted
            ),
        )
    elif (wanted.answer, wanted.granted) != (given.text, given.granted):
        raise AlreadyAnswered
    answered = await maybe(StaffDataRequest, db, sql.data_request_for_update, data_request_id)
    assert answered is not None
    return answered


class _Overdue(msgspec.Struct, frozen=True):
    data_request_id: UUID
    due_on: date


async def watch_the_clock(db: Connection) -> None:
    """Tell compliance of every request that nobody answered in time, once."""
    overdue = await many(_Overdue, db, sql.overdue_untold)
    told = await compliance_members(db) if overdue else []
    for one in overdue:
        log.error("data request overdue", data_request_id=str(one.data_request_id), due_on=one.due_on.isoformat())
        await db.execute(sql.tell_overdue, one.data_request_id)
        await outbox.record(db, DataRequestOverdue(data_request_id=one.data_request_id, due_on=one.due_on, told=told))


async def compliance_members(db: Connection) -> list[UUID]:
    """Who looks after personal data."""
    return [row["principal_id"] for row in await db.fetch(sql.compliance_members)]


async def measure(db: Connection) -> None:
    """For the dashboard: requests that nobody answered in time."""
    DATA_REQUESTS_OVERDUE.set(await db.fetchval(sql.overdue_count))
