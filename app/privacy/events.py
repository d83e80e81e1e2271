"""News of personal data."""

from datetime import date, datetime
from uuid import UUID

from app.outbox import Event


class ExportRequested(Event):
    """A copy of all that is held of somebody is to be made; the worker makes it."""

    export_id: UUID


class ExportReady(Event):
    """The copy is made, and waits to be fetched."""

    principal_id: UUID
    export_id: UUID
    expires_at: datetime


class ExportFailed(Event):
    """The copy could not be made."""

    principal_id: UUID
    export_id: UUID


class ErasureRequested(Event):
    """Somebody wants to be forgotten; the worker does it. Nobody's id is in it: it outlives its person."""

    erasure_id: UUID


class ErasureRefused(Event):
    """Between the asking and the doing something came that stands against it."""

    principal_id: UUID


class DataRequestAnswered(Event):
    """What somebody asked of whoever holds their data is answered."""

    principal_id: UUID
    data_request_id: UUID
    granted: bool


class DataRequestOverdue(Event):
    """Nobody answered in time."""

    data_request_id: UUID
    due_on: date
    told: list[UUID]


class BreachClock(Event):
    """The authority must be told of a breach within a day, or should have been by now."""

    breach_id: UUID
    notify_by: datetime
    late: bool
    told: list[UUID]
