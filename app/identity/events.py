"""News of identity."""

from typing import Literal
from uuid import UUID

from app.outbox import Event


class CodeRequested(Event):
    """Somebody wants a code sent; the worker draws it."""

    challenge_id: UUID


class SignedInOnDevice(Event):
    """A new device signed in."""

    principal_id: UUID
    session_id: UUID
    device_name: str
    platform: str


class DeviceKeyAdded(Event):
    """A device has a key now: refreshing and paying from it need a proof made with it."""

    principal_id: UUID
    device_name: str


class PasskeyAdded(Event):
    """A passkey can prove payments from now on."""

    principal_id: UUID
    passkey_name: str


class PinReset(Event):
    """A forgotten PIN was replaced, its owner having been verified."""

    principal_id: UUID


class AccountLocked(Event):
    """Nothing leaves the account until its owner is verified again."""

    principal_id: UUID
    how: Literal["pin", "code", "hotline", "wrong_pins"]


class AccountUnlocked(Event):
    """The owner of a locked account was verified again."""

    principal_id: UUID


class IdentityVerified(Event):
    """A resident was verified by the identity provider for the first time."""

    principal_id: UUID


class PhoneChanged(Event):
    """An account has another number now."""

    principal_id: UUID
    phone: str
    """Masked."""


class NumberReleased(Event):
    """The number of an account belongs to somebody else now: it was given out again, or its holder proved it."""

    principal_id: UUID
    phone: str
    """Masked."""
