"""News of text messages."""

from typing import Literal
from uuid import UUID

from app.outbox import Event


class TextReported(Event):
    """The gateway says how a text ended: `delivered` means that the phone has it. A failed one may still be delivered
    by another channel."""

    reference: UUID
    state: Literal["expired", "failed", "delivered"]
    why: str
