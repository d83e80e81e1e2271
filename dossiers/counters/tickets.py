"""Numbers, as a counter's clerks give, call and end them.

    waiting ─► called ─► serving ─► served
       │          │
       ▼          ▼
     missed     missed

Who is next: those who booked, from their time on, in its order; but after two of them in a row one who walked in, so
that nobody waits for ever. Whoever booked and came early waits until their time, unless nobody else does. A window
that takes people of some fields only passes over the others. Two clerks who call at once never get the same one."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from app import outbox
from app.clock import city_today
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import Forbidden, NotFound, Refusal, refusing
from app.identity.models import Principal
from app.staff.pages import before, page_of
from app.types import Page
from dossiers.counters import times
from dossiers.counters.models import CallNext, PutTicket, StaffTicket, TicketState
from dossiers.events import TicketCalled

sql = queries_beside(__file__)

MAY_FOLLOW: dict[TicketState, tuple[TicketState, ...]] = {
    "waiting": ("called", "missed"),
    "called": ("serving", "missed"),
    "serving": ("served",),
    "served": (),
    "missed": (),
}


class TicketIdTaken(Refusal):
    """Mã của số thứ tự này đã được dùng.

    This number's id is already used."""


class TicketChanged(Refusal):
    """Số này vừa được {by} cập nhật; hãy tải lại rồi làm tiếp.

    This number was just changed by {by}; load it again and go on."""


class TicketOutOfTurn(Refusal):
    """Không thể làm việc này khi số đang ở trạng thái "{state}".

    This cannot be done to a number that is {state}."""


class VersionNeeded(Refusal):
    """Hãy gửi kèm phiên bản của số thứ tự mà bạn đang thấy.

    Say which version of the number you have seen."""

    status = 400


class WindowNeeded(Refusal):
    """Hãy cho biết quầy số mấy gọi.

    Say which window calls."""

    status = 400


class UnknownWindow(Refusal):
    """Không có quầy số này, hoặc quầy đang đóng.

    There is no such window, or it is closed."""


class WindowBusy(Refusal):
    """Quầy này đang có người; hãy kết thúc lượt đó trước khi gọi số mới.

    This window has somebody; end that visit before you call another number."""


class NobodyWaits(Refusal):
    """Không còn ai chờ ở quầy này.

    Nobody waits for this window."""


class CallIdTaken(Refusal):
    """Mã lần gọi này đã được dùng cho lần gọi khác.

    This call's id is already used for another call."""


class UnknownField(Refusal):
    """Không có lĩnh vực này; hãy chọn trong danh sách.

    There is no such field; choose one of the list."""

    status = 400


class _Locked(msgspec.Struct, frozen=True):
    agency: str
    letter: Literal["A", "B"]
    field: str | None
    state: TicketState
    version: int
    window: int | None
    made_by: UUID | None
    changed_by: UUID | None
    by: str | None


class _Called(msgspec.Struct, frozen=True):
    ticket_id: UUID
    booking_id: UUID | None
    resident_id: UUID | None
    agency_vi: str
    agency_en: str
    label: str
    window: int


class _Call(msgspec.Struct, frozen=True):
    agency: str
    window: int
    called_by: UUID


async def page(
    db: Connection, me: Principal, agency: str, state: TicketState | None, cursor: str | None, limit: int
) -> Page[StaffTicket]:
    """Today's numbers, in the order in which they were given. Raises NotFound, Forbidden, BadCursor."""
    await _need_clerk(db, me, agency)
    lines = await many(StaffTicket, db, sql.tickets_of_day, agency, city_today(), state, *before(cursor), limit + 1)
    return page_of(lines, limit, _age)


def _age(ticket: StaffTicket) -> tuple[datetime, UUID]:
    return ticket.made_at, ticket.id


async def put(
    db: Connection, me: Principal, agency: str, ticket_id: UUID, wanted: PutTicket
) -> tuple[StaffTicket, bool]:
    """Give a number to somebody who walked in, call it, begin and end its visit; and whether it is new.

    Raises NotFound, Forbidden, TicketIdTaken, VersionNeeded, TicketChanged, TicketOutOfTurn, WindowNeeded,
    UnknownWindow, WindowBusy, UnknownField."""
    await _need_clerk(db, me, agency)
    ticket = await maybe(_Locked, db, sql.lock_ticket, ticket_id)
    new = ticket is None
    if ticket is None:
        if wanted.state != "waiting":
            raise NotFound
        await _give(db, me, agency, ticket_id, wanted)
    elif ticket.agency != agency:
        raise TicketIdTaken if wanted.state == "waiting" else NotFound
    elif wanted.state == "waiting":
        if (ticket.made_by, ticket.field) != (me.id, wanted.field):
            raise TicketIdTaken
    elif not _is_done(me, ticket, wanted):
        await _move(db, me, agency, ticket_id, ticket, wanted)
    return await one(StaffTicket, db, sql.ticket, ticket_id), new


async def _need_clerk(db: Connection, me: Principal, agency: str) -> None:
    await times.counter_of(db, agency)
    if agency not in me.agencies_as("clerk"):
        raise Forbidden


async def _give(db: Connection, me: Principal, agency: str, ticket_id: UUID, wanted: PutTicket) -> None:
    with refusing(counter_ticket_pkey=TicketIdTaken, counter_ticket_field_code_fkey=UnknownField):
        await db.execute(sql.give_number, ticket_id, agency, city_today(), wanted.field, me.id)


def _is_done(me: Principal, ticket: _Locked, wanted: PutTicket) -> bool:
    """Have I done this before (its answer was lost on the way)? Else the version must be the number's."""
    if wanted.version is None:
        raise VersionNeeded
    if wanted.version == ticket.version:
        return False
    done = (ticket.state, ticket.version, ticket.changed_by) == (wanted.state, wanted.version + 1, me.id)
    if done and wanted.window in {None, ticket.window}:
        return True
    raise TicketChanged(by=ticket.by or "…", version=ticket.version, state=ticket.state)


async def _move(
    db: Connection, me: Principal, agency: str, ticket_id: UUID, ticket: _Locked, wanted: PutTicket
) -> None:
    if wanted.state not in MAY_FOLLOW[ticket.state]:
        raise TicketOutOfTurn(state=ticket.state)
    if wanted.state != "called":
        await db.execute(sql.move_ticket, ticket_id, wanted.state, me.id)
        return
    if wanted.window is None:
        raise WindowNeeded
    await _need_window(db, agency, wanted.window)
    with refusing(counter_ticket_one_at_a_window=WindowBusy):
        await db.execute(sql.call_ticket, ticket_id, wanted.window, me.id)
    await _tell(db, ticket_id)


async def call_next(db: Connection, me: Principal, agency: str, call_id: UUID, wanted: CallNext) -> StaffTicket:
    """Call whoever is next for a window; the same call again gives the same number.

    Raises NotFound, Forbidden, CallIdTaken, UnknownWindow, WindowBusy, NobodyWaits."""
    await _need_clerk(db, me, agency)
    if await db.fetchval(sql.write_call, call_id, agency, wanted.window, me.id) is None:
        if await one(_Call, db, sql.call, call_id) != _Call(agency, wanted.window, me.id):
            raise CallIdTaken
    else:
        await _need_window(db, agency, wanted.window)
        with refusing(counter_ticket_one_at_a_window=WindowBusy):
            ticket_id = await db.fetchval(sql.call_next, agency, city_today(), wanted.window, call_id, me.id)
        if ticket_id is None:
            raise NobodyWaits
        await _tell(db, ticket_id)
    return await one(StaffTicket, db, sql.ticket_of_call, call_id)


async def _need_window(db: Connection, agency: str, window: int) -> None:
    if not await db.fetchval(sql.window_is_open, agency, window):
        raise UnknownWindow


async def _tell(db: Connection, ticket_id: UUID) -> None:
    """Whoever had booked is told; who walked in sees the screen on the wall."""
    called = await one(_Called, db, sql.called_ticket, ticket_id)
    if called.resident_id is None or called.booking_id is None:
        return
    await outbox.record(
        db,
        TicketCalled(
            ticket_id=ticket_id,
            booking_id=called.booking_id,
            resident_id=called.resident_id,
            agency=called.agency_vi,
            agency_en=called.agency_en,
            label=called.label,
            window=called.window,
        ),
    )


async def end_days(db: Connection) -> None:
    """By the clock: numbers of past days are over. Whoever sat at a window was served, all others missed it."""
    await db.execute(sql.end_tickets, city_today())
