"""News of field reports."""

from datetime import datetime
from uuid import UUID

from app.outbox import Event
from feedback.models import StepKind


class ReportFiled(Event):
    """A report came in. `reporter_id` null: somebody who has no account here."""

    report_id: UUID
    code: str
    category: str
    category_en: str
    reporter_id: UUID | None
    due_at: datetime


class ReportMoved(Event):
    """A step that the reporter may know of (`words`: as it was written to them), and followers by `public_words`.

    Of a private report, and of one that is not public yet, nobody follows."""

    report_id: UUID
    code: str
    category: str
    category_en: str
    step: StepKind
    words: str | None
    public_words: str | None
    due_at: datetime
    reporter_id: UUID | None
    follower_ids: list[UUID]


class ReportHandedOver(Event):
    """An agency has a report to deal with: these are its people. `again`: its reporter is not content with the
    answer."""

    report_id: UUID
    code: str
    category: str
    category_en: str
    agency: str
    urgent: bool
    again: bool
    due_at: datetime
    officer_ids: list[UUID]


class ReporterAnswered(Event):
    """The reporter has answered what they were asked: the clock runs again."""

    report_id: UUID
    code: str
    due_at: datetime
    officer_ids: list[UUID]


class ReportDueSoon(Event):
    """A report is due soon."""

    report_id: UUID
    code: str
    category: str
    category_en: str
    due_at: datetime
    officer_ids: list[UUID]


class ReportOverdue(Event):
    """A report is late. `escalated`: it still is a working day later, and the supervisors hear of it."""

    report_id: UUID
    code: str
    category: str
    category_en: str
    due_at: datetime
    escalated: bool
    officer_ids: list[UUID]


class ExtensionAsked(Event):
    """An agency wants more time; these may give it."""

    report_id: UUID
    code: str
    until: datetime
    reason: str
    supervisor_ids: list[UUID]


class ComplaintFiled(Event):
    """Somebody complains about an officer; these may read it."""

    report_id: UUID
    code: str
    supervisor_ids: list[UUID]


class ReportCommented(Event):
    """Somebody has something to say to a report; its reporter hears it."""

    report_id: UUID
    code: str
    reporter_id: UUID
    words: str


class FinePaid(Event):
    """A fine was paid, late charge and all: whoever decided it hears so."""

    report_id: UUID
    code: str
    decision_number: str
    amount: int
    officer_id: UUID
