"""The working calendar as administrators see and change it: holidays, and the days that make up for a swapped one."""

from datetime import date
from typing import Annotated, Literal

from litestar import Router, delete, get, put
from litestar.params import FromPath, JSONBody, QueryParameter

from app import clock
from app.audit import records
from app.clock import CalendarDay
from app.db import Connection, many, queries_beside
from app.deps import Db, Door
from app.errors import NotFound, Refusal
from app.identity.models import Principal
from app.types import Body, ShortText

sql = queries_beside(__file__)

FromDay = Annotated[date | None, QueryParameter(name="from", description="the first day; today if left out")]
ToDay = Annotated[date | None, QueryParameter(name="to", description="the last day, itself included")]


class PutCalendarDay(Body):
    """What a day is, and why: a holiday, or a day at the weekend that makes up for a swapped one."""

    kind: Literal["holiday", "make_up"]
    name_vi: ShortText
    name_en: ShortText


class CalendarDayPast(Refusal):
    """Ngày này đã qua nên lịch làm việc của ngày đó không sửa được nữa.

    This day has passed: the calendar of the past stays as it was."""


class CalendarYearUnknown(Refusal):
    """Lịch làm việc chưa có năm này; hãy nạp cả năm trước rồi mới sửa từng ngày.

    The calendar does not know this year yet; have the whole year written before you change a day of it."""


async def days(db: Connection, first: date | None, last: date | None) -> list[CalendarDay]:
    """The days that are not like others of their weekday, oldest first."""
    return await many(CalendarDay, db, sql.calendar_days, first or clock.city_today(), last)


async def put_day(db: Connection, me: Principal, day: date, wanted: PutCalendarDay) -> CalendarDay:
    """Write a day down, or what it is now; what is due already stays due then.

    Raises CalendarDayPast, CalendarYearUnknown."""
    _refuse_past(day)
    known_until = await clock.calendar_end(db)
    if known_until is None or day > known_until:
        raise CalendarYearUnknown
    if await db.fetchval(sql.put_calendar_day, day, wanted.kind, wanted.name_vi, wanted.name_en):
        await records.record(db, me, "calendar.day_put", day.isoformat(), kind=wanted.kind, name=wanted.name_vi)
    return CalendarDay(day, wanted.kind, wanted.name_vi, wanted.name_en)


async def drop_day(db: Connection, me: Principal, day: date) -> None:
    """Make a day like others of its weekday; raises CalendarDayPast, NotFound."""
    _refuse_past(day)
    kind = await db.fetchval(sql.drop_calendar_day, day)
    if kind is None:
        raise NotFound
    await records.record(db, me, "calendar.day_dropped", day.isoformat(), kind=kind)


def _refuse_past(day: date) -> None:
    if day < clock.city_today():
        raise CalendarDayPast


@get("/v1/staff/calendar", who=("admin",))
async def list_calendar(db: Db, from_on: FromDay = None, to_on: ToDay = None) -> list[CalendarDay]:
    """Holidays and make-up days, oldest first."""
    return await days(db, from_on, to_on)


@put("/v1/staff/calendar/{day:str}", who=("admin",))
async def put_calendar_day(db: Db, request: Door, day: FromPath[date], data: JSONBody[PutCalendarDay]) -> CalendarDay:
    """Make a day a holiday, or one that makes up for another, from today on. What was due stays due."""
    return await put_day(db, request.me, day, data)


@delete("/v1/staff/calendar/{day:str}", status_code=204, who=("admin",))
async def drop_calendar_day(db: Db, request: Door, day: FromPath[date]) -> None:
    """Make a day like others of its weekday, from today on. What was due stays due."""
    await drop_day(db, request.me, day)


router = Router("/", route_handlers=[list_calendar, put_calendar_day, drop_calendar_day], tags=["staff"])
