"""News of the city's warnings."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.outbox import Event
from notifications.alerts.models import Severity


class AlertProposed(Event):
    """A grave warning waits for a second pair of eyes: supervisors of the operations centre other than its writer."""

    alert_id: UUID
    writer_id: UUID
    supervisor_ids: list[UUID]
    severity: Severity
    headline_vi: str
    headline_en: str
    expires_at: datetime


class _Sent(msgspec.Struct, kw_only=True):
    """A warning that is meant (Actual) has gone out. `first_id`: of the first warning of its chain, its own if it is
    that: one name for all of them on a phone. `wards`: whom it concerns, those too whom only what it takes the place
    of concerned; none: the whole city."""

    alert_id: UUID
    first_id: UUID
    writer_id: UUID
    severity: Severity
    wards: list[str]
    headline_vi: str
    headline_en: str
    body_vi: str
    body_en: str
    expires_at: datetime


class AlertPublished(_Sent, Event):
    """A new warning."""


class AlertUpdated(_Sent, Event):
    """A warning that takes the place of others."""

    replaced_ids: list[UUID]


class AlertCancelled(_Sent, Event):
    """An all-clear: what it names does not hold any more."""

    replaced_ids: list[UUID]
