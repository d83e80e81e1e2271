"""The doors of the staff."""

from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Redirect

from app.deps import Db, Door
from app.replies import Reply
from app.staff import break_glass, cookie, grants, members, residents, sessions, sign_ins
from app.staff.models import (
    BreakGlass,
    GiveReason,
    InviteMember,
    LookUpResident,
    Member,
    OpenBreakGlass,
    ProposeGrant,
    ResidentFile,
    ResidentFound,
    ReviewBreakGlass,
    StaffGrant,
    StaffSession,
)
from app.types import Nothing, Page

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]
AgencyQuery = Annotated[str | None, QueryParameter(min_length=2, max_length=40, pattern=r"^[a-z0-9-]+$")]
ReturnTo = Annotated[str, QueryParameter(max_length=500)]

_NOT_STORED = {"cache-control": "no-store"}


@get("/v1/staff/sign-in", status_code=303, public=True)
async def begin_staff_sign_in(request: Door, return_to: ReturnTo = "/") -> Redirect:
    """Open this in a browser: it goes to the staff's identity provider, and comes back signed in, at `return_to`."""
    leaving = await sign_ins.begin(request.app.state.database, request.address, return_to)
    return Redirect(
        leaving.authorize_url,
        status_code=303,
        headers=_NOT_STORED,
        cookies=[cookie.cookie(sign_ins.HOLDER_COOKIE, leaving.holder, sign_ins.HOLDER_LIVES_S)],
    )


@get(sign_ins.CALLBACK, status_code=303, public=True)
async def finish_staff_sign_in(request: Door) -> Redirect:
    """Where the identity provider sends the browser: signed in for 15 minutes without a request, 8 hours at most."""
    arrived = await sign_ins.finish(
        request.app.state.database, request.cookies.get(sign_ins.HOLDER_COOKIE), dict(request.query_params)
    )
    cookies = [
        cookie.cookie(cookie.NAME, arrived.token, sessions.LIFE_S),
        cookie.cookie(sign_ins.HOLDER_COOKIE, "", 0),
    ]
    return Redirect(arrived.return_to, status_code=303, headers=_NOT_STORED, cookies=cookies)


@get("/v1/staff/session", who=("staff",))
async def get_staff_session(db: Db, request: Door) -> StaffSession:
    """Who I am, what I may do and until when, and the token that my requests must show."""
    return await sessions.show(db, request.me, request.cookies.get(cookie.NAME))


@delete("/v1/staff/session", status_code=204, who=("staff",))
async def end_staff_session(db: Db, request: Door) -> Reply[None]:
    """Sign out; effective within 5 seconds."""
    await sessions.end(db, request.me)
    cookie.forget(request, request.me.id)
    return Reply(None, status_code=204, cookies=[cookie.cookie(cookie.NAME, "", 0)])


@get("/v1/staff/members", who=("admin", "compliance"))
async def list_members(db: Db, cursor: Cursor = None, limit: Limit = 20) -> Page[Member]:
    """Everybody who works for the city or did, newest first."""
    return await members.page(db, cursor, limit)


@put("/v1/staff/members/{member_id:uuid}", who=("admin",))
async def invite_member(db: Db, request: Door, member_id: FromPath[UUID], data: JSONBody[InviteMember]) -> Member:
    """Let somebody sign in at the staff's door, under an id that I make for them; they may do nothing yet."""
    return await members.invite(db, request.me, member_id, data)


@put("/v1/staff/members/{member_id:uuid}/closure", who=("admin",))
async def close_member(db: Db, request: Door, member_id: FromPath[UUID], data: JSONBody[GiveReason]) -> Member:
    """A member leaves: sessions and grants end at once, for good. Of two admins neither can close the other."""
    closed = await members.close(db, request.me, member_id, data)
    cookie.forget(request, member_id)
    return closed


@get("/v1/staff/grants", who=("admin", "compliance"))
async def list_grants(
    db: Db,
    principal_id: FromQuery[UUID | None] = None,
    agency: AgencyQuery = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[StaffGrant]:
    """Who was granted what, and what is proposed, newest first."""
    return await grants.page(db, principal_id, agency, cursor, limit)


@put("/v1/staff/grants/{grant_id:uuid}", who=("admin",))
async def propose_grant(db: Db, request: Door, grant_id: FromPath[UUID], data: JSONBody[ProposeGrant]) -> StaffGrant:
    """Propose a role for a member, under an id that I make; another admin approves it."""
    return await grants.propose(db, request.me, grant_id, data)


@put("/v1/staff/grants/{grant_id:uuid}/approval", who=("admin",))
async def approve_grant(db: Db, request: Door, grant_id: FromPath[UUID], data: JSONBody[Nothing]) -> StaffGrant:
    """The second pair of eyes: not who proposed it, not who receives it."""
    approved = await grants.approve(db, request.me, grant_id)
    cookie.forget(request, approved.principal_id)
    return approved


@put("/v1/staff/grants/{grant_id:uuid}/refusal", who=("admin",))
async def refuse_grant(db: Db, request: Door, grant_id: FromPath[UUID], data: JSONBody[GiveReason]) -> StaffGrant:
    """No; or I take my own proposal back."""
    return await grants.refuse(db, request.me, grant_id, data)


@put("/v1/staff/grants/{grant_id:uuid}/revocation", who=("admin",))
async def revoke_grant(db: Db, request: Door, grant_id: FromPath[UUID], data: JSONBody[GiveReason]) -> StaffGrant:
    """Take a role back; effective within 5 seconds. One admin is enough, but of two neither can take the other's."""
    revoked = await grants.revoke(db, request.me, grant_id, data)
    cookie.forget(request, revoked.principal_id)
    return revoked


@get("/v1/staff/break-glass", who=("compliance", "admin"))
async def list_break_glass(db: Db, cursor: Cursor = None, limit: Limit = 20) -> Page[BreakGlass]:
    """Every emergency, newest first."""
    return await break_glass.page(db, cursor, limit)


@put("/v1/staff/break-glass/{break_glass_id:uuid}", who=("staff",))
async def open_break_glass(
    db: Db, request: Door, break_glass_id: FromPath[UUID], data: JSONBody[OpenBreakGlass]
) -> BreakGlass:
    """Take a role in an emergency, for an hour at most: at once, and every admin and compliance are told."""
    opened = await break_glass.take(db, request.me, break_glass_id, data)
    cookie.forget(request, request.me.id)
    return opened


@put("/v1/staff/break-glass/{break_glass_id:uuid}/end", who=("staff",))
async def end_break_glass(
    db: Db, request: Door, break_glass_id: FromPath[UUID], data: JSONBody[Nothing]
) -> BreakGlass:
    """It is over: mine, or as admin or compliance anybody's. Effective within 5 seconds."""
    ended = await break_glass.end(db, request.me, break_glass_id)
    cookie.forget(request, ended.principal_id)
    return ended


@put("/v1/staff/break-glass/{break_glass_id:uuid}/review", who=("compliance", "admin"))
async def review_break_glass(
    db: Db, request: Door, break_glass_id: FromPath[UUID], data: JSONBody[ReviewBreakGlass]
) -> BreakGlass:
    """What came of looking at an emergency that was not mine."""
    return await break_glass.review(db, request.me, break_glass_id, data)


@post("/v1/staff/resident-look-ups", status_code=201, who=("operator", "supervisor", "clerk", "compliance"))
async def look_up_resident(db: Db, request: Door, data: JSONBody[LookUpResident]) -> ResidentFound:
    """Who has this number? The resident can see that I asked, and why."""
    return await residents.look_up(db, request.me, data)


@post(
    "/v1/staff/residents/{resident_id:uuid}/openings",
    status_code=201,
    who=("operator", "supervisor", "clerk", "compliance"),
)
async def open_resident(
    db: Db, request: Door, resident_id: FromPath[UUID], data: JSONBody[GiveReason]
) -> ResidentFile:
    """A resident's file. The resident can see that I opened it, and why."""
    return await residents.open_file(db, request.me, resident_id, data)


@put("/v1/staff/residents/{resident_id:uuid}/lock", status_code=204, who=("operator", "supervisor"))
async def lock_resident(db: Db, request: Door, resident_id: FromPath[UUID], data: JSONBody[GiveReason]) -> None:
    """Lock the account of whoever calls the hotline: every device is signed out until they are verified again."""
    await residents.lock(db, request.me, resident_id, data)


router = Router(
    "/",
    route_handlers=[
        begin_staff_sign_in, finish_staff_sign_in, get_staff_session, end_staff_session, list_members, invite_member,
        close_member, list_grants, propose_grant, approve_grant, refuse_grant, revoke_grant, list_break_glass,
        open_break_glass, end_break_glass, review_break_glass, look_up_resident, open_resident, lock_resident,
    ],
    tags=["staff"],
)  # fmt: skip
