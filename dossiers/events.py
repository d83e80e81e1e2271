"""News of dossiers."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from app.outbox import Event

Happened = Literal[
    "submitted",
    "accepted",
    "refused",
    "supplement_asked",
    "supplemented",
    "fee_asked",
    "fee_paid",
    "moved",
    "extended",
    "result_ready",
    "posted",
    "handed_over",
    "withdrawn",
    "stopped",
    "rehomed",
]


class DossierMoved(Event):
    """A step that its owner hears of. `code` null: not accepted yet. `state` is where it is now, as it is told;
    `before_due`: what is ready, is ready before it was due. `version`: the dossier's afterwards."""

    dossier_id: UUID
    code: str | None
    procedure: str
    procedure_en: str
    happened: Happened
    state: str
    state_en: str
    national_status: int
    note: str | None
    due_at: datetime | None
    amount: int
    before_due: bool
    owner_id: UUID | None
    version: int


class DossierHandedOn(Event):
    """A desk has a dossier to deal with: these are its people."""

    dossier_id: UUID
    code: str | None
    procedure: str
    procedure_en: str
    due_at: datetime | None
    officer_ids: list[UUID]


class DossierDueSoon(Event):
    """A dossier is due soon: whoever has it, or its agency's head if it will be late, still can say so in time."""

    dossier_id: UUID
    code: str
    procedure: str
    procedure_en: str
    due_at: datetime
    officer_ids: list[UUID]


class DossierOverdue(Event):
    """A dossier is late; or only its `step` is: a desk that was asked says nothing, and its head hears of it."""

    dossier_id: UUID
    code: str | None
    procedure: str
    procedure_en: str
    due_at: datetime
    step: str | None
    step_en: str | None
    officer_ids: list[UUID]


class ResultIssued(Event):
    """A result was made and waits for its signatures."""

    dossier_id: UUID
    result_id: UUID


class ResultToBePosted(Event):
    """A result goes to its owner by public post."""

    dossier_id: UUID


class CounterBooked(Event):
    """Somebody has booked a visit."""

    booking_id: UUID
    resident_id: UUID
    agency: str
    agency_en: str
    starts_at: datetime


class BookingReminder(Event):
    """A visit is tomorrow."""

    booking_id: UUID
    resident_id: UUID
    agency: str
    agency_en: str
    starts_at: datetime


class TicketCalled(Event):
    """It is the turn of somebody who had booked. `label`: their number, A012."""

    ticket_id: UUID
    booking_id: UUID
    resident_id: UUID
    agency: str
    agency_en: str
    label: str
    window: int


class DossierOutOfStep(Event):
    """The national portal was not told of a dossier as it is: the sweep found it, or a person has it sent again."""

    dossier_id: UUID


class NationalPaperLinked(Event):
    """The national portal filed a dossier whose paper stands at `url`: it is fetched, as `upload_id`."""

    dossier_id: UUID
    machine_id: UUID
    upload_id: UUID
    paper: str
    url: str
