"""Members of staff, their sessions, what they may do and for how long."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from app.identity.models import Grant, Role
from app.types import Answer, Body, Code, Explanation, PhoneText, Reason, ShortText

Email = Annotated[
    str,
    Meta(min_length=6, max_length=254, pattern=r"^[0-9A-Za-z._%+'-]{1,64}@([0-9A-Za-z-]+\.)+[0-9A-Za-z-]{2,}$(?!\n)"),
]
Moment = Annotated[datetime, Meta(tz=True)]
GrantStatus = Literal["proposed", "active", "expired", "refused", "revoked", "replaced"]
EmergencyRole = Literal["operator", "supervisor", "agency_officer", "agency_head", "clerk", "finance", "compliance"]


class HeldGrant(Grant):
    """A role that I have, and until when; null: until it is revoked."""

    until: datetime | None


class StaffSession(Answer):
    """Who I am, and what I may do.

    `csrf_token` goes into the header `X-CSRF-Token` of everything that is not a GET. It and the two ends are null for
    somebody who did not sign in through the staff's door (a sandbox's code)."""

    member_id: UUID
    name: str | None
    email: str | None
    grants: list[HeldGrant]
    signed_in_at: datetime | None
    idle_until: datetime | None
    expires_at: datetime | None
    csrf_token: str | None = None


class Member(Answer):
    """A member of staff. `linked_at`: when the identity provider first vouched for them."""

    id: UUID
    name: str | None
    email: str
    phone: str | None
    grants: list[Grant]
    linked_at: datetime | None
    made_at: datetime
    closed_at: datetime | None


class InviteMember(Body):
    """Somebody who shall be able to sign in. They may do nothing until they are granted something."""

    name: ShortText
    email: Email
    phone: PhoneText | None = None


class GiveReason(Body):
    """Why."""

    reason: Reason


class ProposeGrant(Body):
    """A role for a member at an agency, until a moment or until it is revoked."""

    principal_id: UUID
    agency: Code
    role: Role
    reason: Reason
    until: Moment | None = None


class StaffGrant(Answer):
    """A grant, from its proposal on. `proposed_by` is null for the first admins and for a sandbox's seed."""

    id: UUID
    principal_id: UUID
    name: str | None
    agency: str
    role: Role
    until: datetime | None
    reason: str
    status: GrantStatus
    proposed_by: UUID | None
    made_at: datetime
    approved_by: UUID | None
    approved_at: datetime | None
    ended_by: UUID | None
    ended_at: datetime | None
    end_reason: str | None


class OpenBreakGlass(Body):
    """A role that is needed now, and why; it ends by itself."""

    agency: Code
    role: EmergencyRole
    reason: Explanation
    minutes: Annotated[int, Meta(ge=1, le=60)]


class ReviewBreakGlass(Body):
    """What came of looking at it."""

    finding: Reason


class BreakGlass(Answer):
    """A role that somebody took without being granted it."""

    id: UUID
    principal_id: UUID
    name: str | None
    agency: str
    role: EmergencyRole
    reason: str
    minutes: int
    opened_at: datetime
    until: datetime
    reviewed_by: UUID | None
    reviewed_at: datetime | None
    finding: str | None


class LookUpResident(Body):
    """A resident's number, and why they are looked for."""

    phone: PhoneText
    reason: Reason


class ResidentFound(Answer):
    """Enough to be sure that it is them; `name` is masked."""

    resident_id: UUID
    name: str
    level: int
    locked: bool


class ResidentFile(Answer):
    """A resident, as whoever helps them sees them."""

    resident_id: UUID
    name: str | None
    phone: str | None
    level: int
    devices: int
    made_at: datetime
    locked_at: datetime | None
