"""Members of staff: invited by an admin, linked to the provider's person at their first sign-in, closed for good."""

from uuid import UUID

import msgspec

from app.audit import records
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import Forbidden, NotFound, Refusal, refusing
from app.identity.models import Principal, Role
from app.oidc import Claims
from app.staff.models import Email, GiveReason, InviteMember, Member
from app.staff.pages import before, page_of
from app.types import Page, ShortText, new_id, phone

sql = queries_beside(__file__)

FEWEST_ADMINS = 2
"""With fewer nobody can be granted anything: one proposes, another approves."""
MOST_AT_THE_COMMAND_LINE = FEWEST_ADMINS + 1
"""The third is the way out where one of two has left, or must go."""


class NotAMember(Refusal):
    """Tài khoản này chưa được mời làm việc tại thành phố; hãy liên hệ quản trị hệ thống.

    This account belongs to no member of staff; ask an administrator to invite you."""

    status = 403
    keeps = True


class EmailInUse(Refusal):
    """Đã có cán bộ khác dùng e-mail này.

    Another member of staff has this e-mail."""


class MemberIdTaken(Refusal):
    """Mã cán bộ này đã được dùng với nội dung khác.

    This member's id is already used with other content."""


class LastAdmin(Refusal):
    """Phải luôn còn ít nhất một quản trị hệ thống.

    There must always be at least one administrator."""


class LastAdmins(Refusal):
    """Chỉ còn hai quản trị hệ thống; hãy có người thứ ba trước khi thu quyền của người kia.

    Only two administrators are left; have a third one before you take the role of the other."""


class AdminsAreThere(Refusal):
    """Đã có đủ quản trị hệ thống; hãy mời thêm người từ trang quản trị.

    There are administrators enough; they invite the others from now on."""


class UnknownAgency(Refusal):
    """Không tìm thấy cơ quan này.

    This agency is not known."""

    status = 404


async def vouched_for(db: Connection, claims: Claims) -> UUID:
    """The member whom the identity provider means: by its subject, and the first time by a verified e-mail.

    Raises NotAMember."""
    known = await db.fetchval(sql.member_of_person, claims.issuer, claims.subject)
    if known is None and claims.email is not None and claims.email_verified:
        await db.execute(sql.linking_lock)
        await db.execute(sql.link_member, claims.issuer, claims.subject, claims.email.lower())
        known = await db.fetchval(sql.member_of_person, claims.issuer, claims.subject)
        if known is not None:
            await records.record_own(db, "staff.member_linked", known, issuer=claims.issuer, person=claims.subject)
    if known is None:
        await records.record(db, None, "staff.sign_in_refused", None, issuer=claims.issuer, person=claims.subject)
        raise NotAMember
    return known


async def need_grant(db: Connection, me: Principal, *roles: Role) -> None:
    """Raises Forbidden unless I was granted one of these roles (any, if none is named) and it holds this very moment:
    neither what the front door remembers counts, nor what was taken in an emergency."""
    if not await db.fetchval(sql.was_granted, me.id, list(roles) or None):
        raise Forbidden


async def lock_admins(db: Connection) -> int:
    """How many admins there are whose role does not end by itself; until the commit nobody else makes them fewer."""
    await db.execute(sql.admins_lock)
    return await db.fetchval(sql.admins)


async def check_admins_left(db: Connection, me: Principal, whose: UUID, before: int) -> None:
    """What I took from somebody's roles leaves enough admins: one where I took my own, else two, so that no admin
    makes themselves the only one. Raises LastAdmin, LastAdmins."""
    left = await db.fetchval(sql.admins)
    if left >= before:
        return
    if not left:
        raise LastAdmin
    if whose != me.id and left < FEWEST_ADMINS:
        raise LastAdmins


async def invite(db: Connection, me: Principal, member_id: UUID, wanted: InviteMember) -> Member:
    """Make a member, who may do nothing yet; the same again is the same.

    Raises Forbidden, MemberIdTaken, EmailInUse, BadPhone."""
    await need_grant(db, me, "admin")
    number = None if wanted.phone is None else phone(wanted.phone)
    if await _make(db, member_id, wanted.name, wanted.email, number, me.id):
        await records.record(db, me, "staff.member_invited", member_id)
    member = await maybe(Member, db, sql.member, member_id)
    if member is None or (member.name, member.email, member.phone) != (wanted.name, wanted.email.lower(), number):
        raise MemberIdTaken
    return member


async def _make(
    db: Connection, member_id: UUID, name: str, email: str, number: str | None, invited_by: UUID | None
) -> bool:
    """False: the id is somebody's already."""
    if await db.fetchval(sql.make_staff_principal, member_id, name) is None:
        return False
    with refusing(staff_account_one_email=EmailInUse):
        await db.execute(sql.make_staff_account, member_id, email.lower(), number, invited_by)
    return True


async def invite_first_admin(db: Connection, email: str, name: str, agency: str) -> Member:
    """One of the first two admins, at the command line: there is nobody yet who could propose and approve. Also a
    third, without whom two could not part.

    Raises AdminsAreThere, EmailInUse, UnknownAgency, msgspec.ValidationError."""
    wanted = msgspec.convert({"email": email, "name": name}, _FirstAdmin)
    await db.execute(sql.admins_lock)
    if await db.fetchval(sql.admins) >= MOST_AT_THE_COMMAND_LINE:
        raise AdminsAreThere
    member_id = new_id()
    await _make(db, member_id, wanted.name, wanted.email, None, None)
    with refusing(role_grant_agency_code_fkey=UnknownAgency, staff_grant_agency_code_fkey=UnknownAgency):
        await db.execute(sql.grant_first_admin, new_id(), member_id, agency)
    await records.record_own(db, "staff.first_admin_invited", member_id, agency=agency)
    return await one(Member, db, sql.member, member_id)


class _FirstAdmin(msgspec.Struct):
    email: Email
    name: ShortText


async def page(db: Connection, cursor: str | None, limit: int) -> Page[Member]:
    """All members that there are or were, newest first; raises BadCursor."""
    lines = await many(Member, db, sql.members, *before(cursor), limit + 1)
    return page_of(lines, limit, lambda member: (member.made_at, member.id))


async def close(db: Connection, me: Principal, member_id: UUID, wanted: GiveReason) -> Member:
    """A member leaves: sessions and grants end at once. Raises Forbidden, NotFound, LastAdmin, LastAdmins."""
    admins = await lock_admins(db)
    await need_grant(db, me, "admin")
    if await db.fetchval(sql.close_member, member_id, me.id, wanted.reason) is not None:
        await db.execute(sql.close_principal, member_id)
        await db.execute(sql.end_grants_of_member, member_id, me.id, wanted.reason)
        await db.execute(sql.drop_roles_of_member, member_id)
        await db.execute(sql.end_break_glass_of_member, member_id)
        await db.execute(sql.end_staff_sessions_of_member, member_id)
        await check_admins_left(db, me, member_id, admins)
        await records.record(db, me, "staff.member_closed", member_id)
    member = await maybe(Member, db, sql.member, member_id)
    if member is None:
        raise NotFound
    return member
