"""What is shown of the audit."""

from datetime import datetime
from typing import Any
from uuid import UUID

from app.types import Answer


class AuditRow(Answer):
    """Who did what to what, and when. `position`: its link in the chain; null while it waits for one.

    `actor_kind` is `city` for what the city did by itself, and `stranger` for somebody who was not signed in."""

    id: int
    made_at: datetime
    actor_id: UUID | None
    actor_kind: str
    action: str
    subject: str | None
    data: dict[str, Any]
    position: int | None
