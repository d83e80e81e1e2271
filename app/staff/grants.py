"""Grants: proposed by one admin, approved by another; taken back by one alone, at once.

Two admins cannot take each other's role: `members.check_admins_left`."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.audit import records
from app.clock import city_now
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import NotFound, Refusal, refusing
from app.identity.models import Principal, Role
from app.staff.members import UnknownAgency, check_admins_left, lock_admins, need_grant
from app.staff.models import GiveReason, GrantStatus, ProposeGrant, StaffGrant
from app.staff.pages import before, page_of
from app.types import Page

sql = queries_beside(__file__)


class UnknownMember(Refusal):
    """Không tìm thấy cán bộ này, hoặc cán bộ đã thôi việc.

    This member of staff is not known, or has left."""

    status = 404


class GrantIdTaken(Refusal):
    """Mã đề nghị cấp quyền này đã được dùng với nội dung khác.

    This grant's id is already used with other content."""


class GrantEndsInThePast(Refusal):
    """Thời điểm hết hạn của quyền phải ở tương lai.

    The moment at which a grant ends must lie ahead."""

    status = 400


class GrantIsDecided(Refusal):
    """Đề nghị cấp quyền này đã được quyết định.

    This grant was decided already."""


class GrantIsNotActive(Refusal):
    """Quyền này không còn hiệu lực hoặc chưa được duyệt.

    This grant is not active."""


class SecondPairOfEyesNeeded(Refusal):
    """Người đề nghị và người được cấp quyền không thể tự duyệt; cần một quản trị khác.

    Neither who proposed a grant nor who receives it may approve it; another administrator must."""

    status = 403


class ProposerIsGone(Refusal):
    """Người đề nghị không còn là quản trị hệ thống; hãy lập đề nghị mới.

    Whoever proposed this grant is no longer an administrator; propose it anew."""


class _Decided(msgspec.Struct, frozen=True):
    principal_id: UUID
    agency: str
    role: Role
    status: GrantStatus
    until: datetime | None
    approved_by: UUID | None
    ended_by: UUID | None
    member_stands: bool
    proposer_stands: bool


async def page(
    db: Connection, principal_id: UUID | None, agency: str | None, cursor: str | None, limit: int
) -> Page[StaffGrant]:
    """Grants and proposals, newest first, of one member or one agency if asked for; raises BadCursor."""
    lines = await many(StaffGrant, db, sql.grants, principal_id, agency, *before(cursor), limit + 1)
    return page_of(lines, limit, lambda grant: (grant.made_at, grant.id))


async def propose(db: Connection, me: Principal, grant_id: UUID, wanted: ProposeGrant) -> StaffGrant:
    """Propose a grant; the same again is the same. Nothing is granted by it.

    Raises Forbidden, UnknownMember, UnknownAgency, GrantIdTaken, GrantEndsInThePast."""
    await need_grant(db, me, "admin")
    with refusing(staff_grant_agency_code_fkey=UnknownAgency):
        made = await db.fetchval(
            sql.propose_grant,
            grant_id,
            wanted.principal_id,
            wanted.agency,
            wanted.role,
            wanted.until,
            wanted.reason,
            me.id,
        )
    proposed = await maybe(StaffGrant, db, sql.grant, grant_id)
    if proposed is None:
        raise UnknownMember
    if made is None:
        _check_same(proposed, me, wanted)
        return proposed
    if wanted.until is not None and wanted.until <= city_now():
        raise GrantEndsInThePast
    what = {"principal_id": wanted.principal_id, "agency": wanted.agency, "role": wanted.role, "until": wanted.until}
    await records.record(db, me, "staff.grant_proposed", grant_id, **what)
    return proposed


def _check_same(proposed: StaffGrant, me: Principal, wanted: ProposeGrant) -> None:
    kept = (proposed.proposed_by, proposed.principal_id, proposed.agency, proposed.role, proposed.until)
    if kept != (me.id, wanted.principal_id, wanted.agency, wanted.role, wanted.until):
        raise GrantIdTaken
    if proposed.reason != wanted.reason:
        raise GrantIdTaken


async def approve(db: Connection, me: Principal, grant_id: UUID) -> StaffGrant:
    """The second pair of eyes: the role holds from now on, instead of the same role that was granted before.

    Raises Forbidden, NotFound, GrantIsDecided, SecondPairOfEyesNeeded, ProposerIsGone, UnknownMember,
    GrantEndsInThePast, LastAdmin and LastAdmins for an admin who would be one for a while only."""
    admins = await lock_admins(db)
    await need_grant(db, me, "admin")
    grant = await _for_update(db, grant_id)
    if grant.status == "proposed":
        _check_approvable(grant)
        await db.execute(sql.put_role, grant_id)
        await db.execute(sql.replace_grants, grant_id, me.id)
        with refusing(staff_grant_second_pair_of_eyes=SecondPairOfEyesNeeded):
            await db.execute(sql.approve_grant, grant_id, me.id)
        await check_admins_left(db, me, grant.principal_id, admins)
        what = {"principal_id": grant.principal_id, "agency": grant.agency, "role": grant.role, "until": grant.until}
        await records.record(db, me, "staff.grant_approved", grant_id, **what)
    elif grant.approved_by != me.id or grant.ended_by is not None:
        raise GrantIsDecided
    return await one(StaffGrant, db, sql.grant, grant_id)


def _check_approvable(grant: _Decided) -> None:
    if not grant.proposer_stands:
        raise ProposerIsGone
    if not grant.member_stands:
        raise UnknownMember
    if grant.until is not None and grant.until <= city_now():
        raise GrantEndsInThePast


async def refuse(db: Connection, me: Principal, grant_id: UUID, wanted: GiveReason) -> StaffGrant:
    """No; also whoever proposed it may take it back so. Raises Forbidden, NotFound, GrantIsDecided."""
    await need_grant(db, me, "admin")
    grant = await _for_update(db, grant_id)
    if grant.status == "proposed":
        await db.execute(sql.end_grant, grant_id, "refused", me.id, wanted.reason)
        await records.record(db, me, "staff.grant_refused", grant_id)
    elif (grant.status, grant.ended_by) != ("refused", me.id):
        raise GrantIsDecided
    return await one(StaffGrant, db, sql.grant, grant_id)


async def revoke(db: Connection, me: Principal, grant_id: UUID, wanted: GiveReason) -> StaffGrant:
    """Take a role back, at once; with the last one goes what was taken in an emergency.

    Raises Forbidden, NotFound, GrantIsNotActive, LastAdmin, LastAdmins."""
    admins = await lock_admins(db)
    await need_grant(db, me, "admin")
    grant = await _for_update(db, grant_id)
    if grant.status == "active":
        await db.execute(sql.drop_role, grant_id)
        await check_admins_left(db, me, grant.principal_id, admins)
        await db.execute(sql.end_break_glass_of_ungranted, grant.principal_id)
        await db.execute(sql.end_grant, grant_id, "revoked", me.id, wanted.reason)
        what = {"principal_id": grant.principal_id, "agency": grant.agency, "role": grant.role}
        await records.record(db, me, "staff.grant_revoked", grant_id, **what)
    elif (grant.status, grant.ended_by) != ("revoked", me.id):
        raise GrantIsNotActive
    return await one(StaffGrant, db, sql.grant, grant_id)


async def _for_update(db: Connection, grant_id: UUID) -> _Decided:
    grant = await maybe(_Decided, db, sql.grant_for_update, grant_id)
    if grant is None:
        raise NotFound
    return grant
