"""News of identity."""

from uuid import UUID

from app.outbox import Event


class SignInCodeRequested(Event):
    """Somebody wants a code sent; the worker draws it."""

    challenge_id: UUID


class SignedInOnDevice(Event):
    """A new device signed in."""

    principal_id: UUID
    session_id: UUID
    device_name: str
    platform: str
