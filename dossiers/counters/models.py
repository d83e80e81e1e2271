"""Nouns of a visit to a counter: times, bookings, numbers, windows, and the screen that shows them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.types import Answer, Body, Reason
from dossiers.procedures.definitions import AgencyCode, Code, ProcedureCode

BookingState = Literal["booked", "arrived", "cancelled", "missed"]
TicketState = Literal["waiting", "called", "serving", "served", "missed"]
Letter = Literal["A", "B"]
"""A booked, B walked in."""
WindowNumber = Annotated[int, Meta(ge=1, le=99, description="as it stands above the desk")]
Moment = Annotated[datetime, Meta(tz=True)]


# What a resident sends


class BookVisit(Body):
    """When and where I come: `at` is the start of one of the counter's free times."""

    agency: AgencyCode
    at: Moment
    procedure: ProcedureCode | None = None
    note: Reason | None = None


# What staff send


class PutTicket(Body):
    """What becomes of a number: with `waiting` a new one is given to somebody who walked in.

    `field`: of the procedure that they come for. `window`: where they are called to. `version`: the one that was
    last seen; none for a new one."""

    state: TicketState
    window: WindowNumber | None = None
    field: Code | None = None
    version: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class CallNext(Body):
    """The window that is free."""

    window: WindowNumber


class PutWindow(Body):
    """A desk, and the fields of the procedures for which it takes people; none: all."""

    number: WindowNumber
    fields: Annotated[list[Code], Meta(max_length=20)] = msgspec.field(default_factory=list)


class PutCounter(Body):
    """How long a visit is reckoned to last, how many are booked for the same time, and which windows there are; a
    window that is left out is closed."""

    slot_minutes: Annotated[int, Meta(ge=5, le=240)]
    places: Annotated[int, Meta(ge=1, le=100)]
    windows: Annotated[list[PutWindow], Meta(max_length=99)]


# What is answered


class FreeTime(Answer):
    """A time to come at, and how many places it still has."""

    starts_at: datetime
    ends_at: datetime
    free: int


class VisitTicket(Answer):
    """My number. `ahead`: how many wait before me, as things stand; null once I was called."""

    ticket_id: UUID
    label: str
    state: TicketState
    window: int | None
    ahead: int | None


class VisitBooking(Answer):
    """A visit of mine; `ticket` from the moment that I have arrived."""

    id: UUID
    agency: str
    agency_name: str
    starts_at: datetime
    ends_at: datetime
    procedure: str | None
    procedure_name: str | None
    note: str | None
    state: BookingState
    ticket: VisitTicket | None


class OpeningHours(Answer):
    """A stretch of today in which the counter is open."""

    opens_at: datetime
    closes_at: datetime


class WindowNow(Answer):
    """A window, and whom it has called."""

    window: int
    label: str | None
    state: TicketState | None


class CounterScreen(Answer):
    """A counter as everybody may see it now. `hours` is empty on a day on which it stays closed.

    `waiting_minutes`: how long whoever takes a number now will wait, about: the median of today's visits, times those
    who wait, over the windows at work. Null: too few were served today to tell, or no window is at work."""

    agency: str
    agency_name: str
    is_open: bool
    hours: list[OpeningHours]
    windows: list[WindowNow]
    waiting: int
    waiting_minutes: int | None
    next_times: list[FreeTime]


class StaffTicket(Answer):
    """A number as the counter's clerks see it. `booked_at`: the time that was booked."""

    id: UUID
    label: str
    letter: Letter
    state: TicketState
    version: int
    window: int | None
    field: str | None
    procedure: str | None
    note: str | None
    booked_at: datetime | None
    made_at: datetime
    called_at: datetime | None
    serving_at: datetime | None
    ended_at: datetime | None


class StaffWindow(Answer):
    """A window as it was put."""

    number: int
    fields: list[str]


class StaffCounter(Answer):
    """A counter as it was put."""

    agency: str
    slot_minutes: int
    places: int
    windows: list[StaffWindow]
