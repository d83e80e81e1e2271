"""Who acts, from where, and how they prove it."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.errors import Language
from app.types import Answer, Body, PhoneText, Pin, ShortText

Kind = Literal["resident", "staff", "cashier", "machine"]
Role = Literal["operator", "supervisor", "agency_officer", "agency_head", "clerk", "finance", "compliance", "admin"]
Platform = Literal["android", "ios", "web"]
CodePurpose = Literal["sign_in", "step_up", "change_phone", "lock"]
SixDigits = Annotated[str, Meta(max_length=6, pattern=r"^[0-9]{6}$")]


class Grant(Answer):
    """A role of a member of staff at an agency."""

    agency: str
    role: Role


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking, as the front door knows them; at most 5 seconds old.

    `session_id` is the resident's session, the staff session or the machine's key. `confirmed`: False on a device
    that has shown no more than the phone number. `plain_key`: a machine that has shown its key as it is, and signed
    nothing. `device_key`: the device's P-256 public key (JWK), if it has one."""

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
    plain_key: bool = False

    def hats(self) -> set[str]:
        """What a route's `who` may name: the kind, the roles, and the scopes as `scope:…`."""
        return {self.kind, *(grant.role for grant in self.grants), *(f"scope:{scope}" for scope in self.scopes)}

    def agencies_as(self, *roles: Role) -> list[str]:
        """The codes of the agencies where this principal has one of the roles."""
        return sorted({grant.agency for grant in self.grants if grant.role in roles})


class RequestCode(Body):
    """Where a one-time code is to be sent, and what it shall open: a session, or the lock of a lost phone.

    `device_id`: the id that the asking device made for itself, the one that it will sign in with."""

    phone: PhoneText
    purpose: Literal["sign_in", "lock"] = "sign_in"
    device_id: UUID | None = None


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
    code: SixDigits
    device: DeviceSignature = msgspec.field(default_factory=DeviceSignature)


class Refresh(Body, frozen=True):  # pyright: ignore[reportGeneralTypeIssues] - a default of its route
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
    confirmed: bool
    """False: the device is new; the PIN (`POST /v1/wallet/unlocks`) or a verification opens the account."""
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


class Device(Answer):
    """A phone or a browser of mine. `has_key`: refreshing and paying from it need a proof made with its key."""

    id: UUID
    name: str
    platform: Platform
    made_at: datetime
    seen_at: datetime
    signed_in: bool
    has_key: bool
    current: bool


# 32 bytes; the last digit holds four bits of them, so that a number is written in one way only.
Coordinate = Annotated[str, Meta(max_length=43, pattern=r"^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$")]


class DeviceKey(Body):
    """A public key on P-256 as a JWK (RFC 7518, 6.2): these four members and no other."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: Coordinate
    y: Coordinate


class SetDeviceKey(Body):
    """The public key whose private half never leaves the device."""

    public_key: DeviceKey


class PasskeyBegun(Answer):
    """`options` is what the browser's `navigator.credentials.create` takes
    (PublicKeyCredential.parseCreationOptionsFromJSON)."""

    passkey_id: UUID
    options: dict[str, Any]
    expires_at: datetime


class RegisterPasskey(Body):
    """The passkey's name for its owner, and what the browser says of it (PublicKeyCredential.toJSON)."""

    name: ShortText
    credential: dict[str, Any]


class Passkey(Answer):
    """A passkey of mine."""

    id: UUID
    name: str
    registered_at: datetime
    used_at: datetime | None


class ProfileChange(Body):
    """What is left out stays as it is."""

    name: ShortText | UnsetType = UNSET
    language: Language | UnsetType = UNSET


class SetPin(Body):
    """A new PIN; unless it is the first, with the old one or, if that is forgotten, a verification just made."""

    pin: Pin
    old_pin: Pin | None = None
    verification_id: UUID | None = None


class EmergencyLock(Body):
    """Whose account is to be locked, with the PIN, or with a code that was sent to the number (purpose `lock`)."""

    phone: PhoneText
    pin: Pin | None = None
    challenge_id: UUID | None = None
    code: SixDigits | None = None


class LockAsked(Answer):
    """The same for every number: if the number and the proof belong together, the account is locked now."""

    unlock_by: Literal["verification"] = "verification"


class ChangePhone(Body):
    """The new number's code (purpose `change_phone`), and a verification of the last ten minutes."""

    challenge_id: UUID
    code: SixDigits
    verification_id: UUID


class NewPhone(Body):
    """The number that an account shall have."""

    phone: PhoneText


class Need(Answer):
    """An action, and the level that it needs."""

    action: str
    level: int


class Level(Answer):
    """1: a phone number. 2: a person, verified by the identity provider.

    `locked`: nothing leaves the account until a verification. `money_out_from`: no money goes out before (after a
    recovery)."""

    level: int
    name: str | None
    verified_at: datetime | None
    locked: bool
    money_out_from: datetime | None
    needs: list[Need]


class BeginVerification(Body):
    """`new_number`: this number is new to me, so an account that it had before is not mine; and if I had an account
    under another number, it shall come to this one."""

    new_number: bool = False


class VerificationBegun(Answer):
    """Open `authorize_url` in a browser; it comes back to the app with `code` and `state`."""

    verification_id: UUID
    authorize_url: str
    expires_at: datetime


class Verification(Answer):
    """Where a verification stands."""

    verification_id: UUID
    status: Literal["pending", "verified", "moved", "refused", "expired"]
    expires_at: datetime


class FinishVerification(Body):
    """What the identity provider gave the browser."""

    code: Annotated[str, Meta(min_length=1, max_length=2048, pattern=r"^[\x21-\x7e]+$(?!\n)")]
    state: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._~-]+$(?!\n)")]


class Verified(Answer):
    """`moved`: the number has another account now (mine from before, or a new one), and `session` is its session."""

    level: int
    status: Literal["verified", "moved"]
    session: SignedIn | None = None


StepUpMethod = Literal["code", "passkey", "face"]


class StepUp(Answer):
    """How a payment may be proved, within 120 seconds. `challenge` (base64url) is bound to the payment's id and
    content; `passkey` is what the browser's `navigator.credentials.get` takes."""

    step_up_id: UUID
    methods: list[StepUpMethod]
    challenge: str
    expires_at: datetime
    passkey: dict[str, Any] | None


class FaceMatch(Answer):
    """Open `url` on the phone; then send the proof."""

    url: str
    expires_at: datetime


class CodeProof(Body, tag_field="method", tag="code"):
    """The code that was sent."""

    code: SixDigits


class PasskeyProof(Body, tag_field="method", tag="passkey"):
    """What the passkey signed, as the browser says it (PublicKeyCredential.toJSON)."""

    credential: dict[str, Any]


class FaceProof(Body, tag_field="method", tag="face"):
    """The match was done at its `url`."""


class StepUpProved(Answer):
    """Send the payment now, with the header `Step-Up: {step_up_id}`."""

    step_up_id: UUID
    method: StepUpMethod
    expires_at: datetime
