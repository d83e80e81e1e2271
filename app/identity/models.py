"""Who acts, from where, and how they prove it."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.errors import Language
from app.types import Answer, Body, PhoneText, Pin, ShortText

Kind = Literal["resident", "staff", "cashier", "machine"]
Role = Literal["operator", "supervisor", "agency_officer", "agency_head", "clerk", "finance", "compliance", "admin"]
Platform = Literal["android", "ios", "web"]


class Grant(Answer):
    """A role of a member of staff at an agency."""

    agency: str
    role: Role


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking, as the front door knows them; at most 5 seconds old.

    `session_id` is the resident's session, the staff session or the machine's key. `confirmed`: False on a device that
    has shown no more than the phone number. `device_key`: the P-256 public key (JWK) that the device holds, if any."""

    id: UUID
    kind: Kind
    session_id: UUID
    grants: list[Grant] = []
    scopes: list[str] = []
    agency: str | None = None
    confirmed: bool = True
    level: int = 1
    device_id: UUID | None = None
    device_key: dict[str, str] | None = None

    def hats(self) -> set[str]:
        """What a route's `who` may name: the kind, the roles, and the scopes as `scope:…`."""
        return {self.kind, *(grant.role for grant in self.grants), *(f"scope:{scope}" for scope in self.scopes)}

    def agencies_as(self, *roles: Role) -> list[str]:
        """The codes of the agencies where this principal has one of the roles."""
        return sorted({grant.agency for grant in self.grants if grant.role in roles})


class RequestCode(Body):
    """Where a one-time code is to be sent."""

    phone: PhoneText


class CodeSent(Answer):
    """The code is on its way, whether or not the number is known."""

    challenge_id: UUID
    expires_at: datetime
    resend_at: datetime


class DeviceSignature(Body):
    """The phone that signs in, by the id it made for itself."""

    id: UUID | None = None
    name: ShortText = "?"
    platform: Platform = "android"


class SignIn(Body):
    """A challenge, the six digits that were sent for it, and the device that shows them."""

    challenge_id: UUID
    code: Annotated[str, Meta(max_length=6, pattern=r"^[0-9]{6}$")]
    device: DeviceSignature = msgspec.field(default_factory=DeviceSignature)


class Refresh(Body):
    """A browser sends it as its cookie instead."""

    refresh_token: Annotated[str, Meta(min_length=20, max_length=100, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")] | None = (
        None
    )


class Profile(Answer):
    """Who I am, as I see it."""

    id: UUID
    kind: Kind
    phone: str | None
    name: str | None
    language: Language
    has_pin: bool
    grants: list[Grant]
    made_at: datetime


class SignedIn(Answer):
    """A session's two tokens. `refresh_token` is null for a browser: it is in the cookie."""

    access_token: str
    refresh_token: str | None
    expires_in: int
    me: Profile


class Refreshed(Answer):
    """The next two tokens of a session. `refresh_token` is null for a browser: it is in the cookie."""

    access_token: str
    refresh_token: str | None
    expires_in: int


class Session(Answer):
    """A device that is signed in."""

    id: UUID
    device_id: UUID
    device_name: str
    platform: Platform
    signed_in_at: datetime
    seen_at: datetime
    current: bool


class ProfileChange(Body):
    """What is left out stays as it is."""

    name: ShortText | UnsetType = UNSET
    language: Language | UnsetType = UNSET


class SetPin(Body):
    """A new PIN; `old_pin` unless it is the first."""

    pin: Pin
    old_pin: Pin | None = None
