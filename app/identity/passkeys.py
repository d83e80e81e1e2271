"""Passkeys (WebAuthn)."""

from typing import Any
from uuid import UUID

from app.db import Connection


async def assertion_options(db: Connection, principal_id: UUID, challenge: bytes) -> dict[str, Any]:
    """What the browser takes."""
    raise NotImplementedError


async def check_assertion(db: Connection, principal_id: UUID, challenge: bytes, credential: dict[str, Any]) -> None:
    """Check it."""
    raise NotImplementedError
