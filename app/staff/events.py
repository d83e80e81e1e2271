"""News of the staff."""

from datetime import datetime
from uuid import UUID

from app.outbox import Event


class BreakGlassOpened(Event):
    """Somebody took a role that nobody had granted them."""

    break_glass_id: UUID
    principal_id: UUID
    name: str
    agency: str
    role: str
    reason: str
    until: datetime
    told: list[UUID]
    """Every admin, and everybody of compliance."""
