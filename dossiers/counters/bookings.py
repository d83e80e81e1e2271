"""Visits that residents book: a time at a counter, kept for them, until they say that they are there.

booked ─► arrived     within half an hour of the time: now there is a number
   │ ╲──► cancelled
   ▼
missed                the day is over"""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app import outbox, policies
from app.clock import CITY_ZONE, city_now, city_today, working_time
from app.db import Connection, many, maybe, queries_beside
from app.errors import Language, NotFound, Refusal, refusing
from app.identity.models import Principal
from app.staff.pages import before, page_of
from app.types import Page, new_id
from dossiers.counters import times
from dossiers.counters.models import BookingState, BookVisit, VisitBooking
from dossiers.counters.times import Counter
from dossiers.events import BookingReminder, CounterBooked

sql = queries_beside(__file__)

REMINDED_FROM_HOUR = 18
REMINDED_AT_ONCE = 500


class BookingIdTaken(Refusal):
    """Mã lịch hẹn này đã được dùng với nội dung khác.

    This booking's id is already used with other content."""


class UnknownCounter(Refusal):
    """Nơi này không có quầy tiếp nhận; hãy chọn trong danh sách.

    There is no counter there; choose one of the list."""

    status = 400


class NoSuchTime(Refusal):
    """Không có lượt hẹn vào lúc này; hãy chọn một giờ còn trống, trong vòng {days} ngày tới.

    There is no visit at this time; choose one that is free, within the next {days} days."""

    status = 400


class TimeFull(Refusal):
    """Giờ này đã kín chỗ; hãy chọn giờ khác.

    This time is full; choose another."""


class TooManyBookings(Refusal):
    """Bạn đang có {most} lịch hẹn; hãy hủy bớt hoặc đến theo lịch đã đặt trước khi đặt thêm.

    You have {most} visits ahead; cancel one, or come to it, before you book another."""


class VisitForUnknownProcedure(Refusal):
    """Không có thủ tục này; hãy chọn trong danh sách, hoặc để trống.

    There is no such procedure; choose one of the list, or leave it out."""

    status = 400


class BookingClosed(Refusal):
    """Lịch hẹn này đã kết thúc nên không thay đổi được nữa.

    This visit is over: it cannot be changed any more."""


class NotYourTime(Refusal):
    """Chỉ có thể lấy số trong khoảng {minutes} phút trước và sau giờ hẹn; ngoài giờ đó, hãy lấy số tại quầy.

    A number is given within {minutes} minutes before and after your time; else take one at the counter."""


class _Kept(msgspec.Struct, frozen=True):
    resident_id: UUID
    agency: str
    starts_at: datetime
    procedure: str | None
    note: str | None
    state: BookingState


class _Due(msgspec.Struct, frozen=True):
    id: UUID
    resident_id: UUID
    agency_vi: str
    agency_en: str
    starts_at: datetime


async def make(
    db: Connection, me: Principal, booking_id: UUID, wanted: BookVisit, language: Language
) -> tuple[VisitBooking, bool]:
    """Book a visit under the phone's id, and whether it is new; the same again is the same.

    Raises BookingIdTaken, UnknownCounter, NoSuchTime, TooManyBookings, VisitForUnknownProcedure, TimeFull."""
    # First the person, then the counter: of two phones of one person, and of two people at one counter, one waits.
    await db.execute(sql.lock_resident, me.id)
    kept = await maybe(_Kept, db, sql.kept_booking, booking_id)
    if kept is None:
        await _insert(db, me, booking_id, wanted)
    elif (kept.resident_id, kept.agency, kept.starts_at, kept.procedure, kept.note) != (
        me.id,
        wanted.agency,
        wanted.at,
        wanted.procedure,
        wanted.note,
    ):
        raise BookingIdTaken
    return await show(db, me, booking_id, language), kept is None


async def _insert(db: Connection, me: Principal, booking_id: UUID, wanted: BookVisit) -> None:
    counter = await maybe(Counter, db, sql.lock_counter, wanted.agency)
    if counter is None:
        raise UnknownCounter
    slot = times.slot_at(wanted.at, await working_time(db, city_today()), counter.slot_minutes)
    last = await times.last_day(db)
    if slot is None or slot.starts_at <= city_now() or slot.starts_at.astimezone(CITY_ZONE).date() > last:
        raise NoSuchTime(days=await policies.value(db, "counters.days_ahead"))
    most = await policies.value(db, "counters.most_open")
    if await db.fetchval(sql.bookings_ahead, me.id) >= most:
        raise TooManyBookings(most=most)
    place = await db.fetchval(sql.free_place, wanted.agency, slot.starts_at, counter.places)
    if place is None:
        raise TimeFull
    with refusing(
        counter_booking_pkey=BookingIdTaken,
        counter_booking_place_once=TimeFull,
        counter_booking_procedure_code_fkey=VisitForUnknownProcedure,
    ):
        await db.execute(
            sql.insert_booking,
            booking_id,
            me.id,
            wanted.agency,
            slot.starts_at,
            slot.ends_at,
            place,
            wanted.procedure,
            wanted.note,
        )
    await outbox.record(
        db,
        CounterBooked(
            booking_id=booking_id,
            resident_id=me.id,
            agency=counter.agency_vi,
            agency_en=counter.agency_en,
            starts_at=slot.starts_at,
        ),
    )


async def show(db: Connection, me: Principal, booking_id: UUID, language: Language) -> VisitBooking:
    """A visit of mine; raises NotFound."""
    booking = await maybe(VisitBooking, db, sql.booking, booking_id, me.id, language)
    if booking is None:
        raise NotFound
    return booking


async def mine(
    db: Connection, me: Principal, cursor: str | None, limit: int, language: Language
) -> Page[VisitBooking]:
    """My visits, the furthest ahead first; raises BadCursor."""
    lines = await many(VisitBooking, db, sql.bookings, me.id, *before(cursor), limit + 1, language)
    return page_of(lines, limit, lambda booking: (booking.starts_at, booking.id))


async def cancel(db: Connection, me: Principal, booking_id: UUID) -> None:
    """I don't come: the place is free again. Raises NotFound, BookingClosed."""
    kept = await _lock(db, me, booking_id)
    if kept.state == "cancelled":
        return
    if kept.state != "booked":
        raise BookingClosed
    await db.execute(sql.cancel_booking, booking_id)


async def arrive(db: Connection, me: Principal, booking_id: UUID, language: Language) -> VisitBooking:
    """I am there: now I have a number. Raises NotFound, BookingClosed, NotYourTime."""
    kept = await _lock(db, me, booking_id)
    if kept.state != "arrived":
        if kept.state != "booked":
            raise BookingClosed
        minutes = await policies.value(db, "counters.arrival_minutes")
        if abs(city_now() - kept.starts_at) > timedelta(minutes=minutes):
            raise NotYourTime(minutes=minutes)
        await db.execute(sql.arrive, booking_id)
        await db.execute(sql.give_booked_number, new_id(), booking_id, city_today())
    return await show(db, me, booking_id, language)


async def _lock(db: Connection, me: Principal, booking_id: UUID) -> _Kept:
    kept = await maybe(_Kept, db, sql.lock_booking, booking_id, me.id)
    if kept is None:
        raise NotFound
    return kept


# By the clock


async def remind(db: Connection) -> None:
    """In the evening: whoever comes tomorrow is reminded, once; not those who have booked since."""
    local = city_now().astimezone(CITY_ZONE)
    if local.hour < REMINDED_FROM_HOUR:
        return
    evening = local.replace(hour=REMINDED_FROM_HOUR, minute=0, second=0, microsecond=0)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    due = await many(
        _Due, db, sql.bookings_to_remind, midnight, midnight + timedelta(days=1), evening, REMINDED_AT_ONCE
    )
    for booking in due:
        await outbox.record(
            db,
            BookingReminder(
                booking_id=booking.id,
                resident_id=booking.resident_id,
                agency=booking.agency_vi,
                agency_en=booking.agency_en,
                starts_at=booking.starts_at,
            ),
        )


async def end_days(db: Connection) -> None:
    """Visits of past days to which nobody came were missed."""
    today = city_now().astimezone(CITY_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    await db.execute(sql.miss_bookings, today)
