"""The partner's face match."""

from datetime import datetime
from typing import Literal

import msgspec


class FaceAsked(msgspec.Struct, frozen=True):
    """Asked."""

    reference: str
    url: str
    expires_at: datetime


async def ask(subject: str, challenge: bytes) -> FaceAsked:
    """Ask."""
    raise NotImplementedError


async def outcome(reference: str, subject: str, challenge: bytes) -> Literal["pending", "matched", "refused"]:
    """Outcome."""
    raise NotImplementedError
