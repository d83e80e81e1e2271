"""Staff sessions: a browser's, opened by the identity provider's word, short, and over at once when the member is."""

from base64 import urlsafe_b64encode
from uuid import UUID

from app.audit import records
from app.db import Connection, maybe, one, queries_beside
from app.errors import NotFound
from app.identity.models import Principal
from app.identity.tokens import new_token, token_hash
from app.secrets import mac
from app.staff.models import StaffSession
from app.types import new_id

sql = queries_beside(__file__)

IDLE_S = 15 * 60
LIFE_S = 8 * 3600
SEEN_EVERY_S = 60
"""How often it is written down that somebody is there."""
KEPT_DAYS = 365


async def open_session(db: Connection, member_id: UUID) -> str:
    """A session for a member whom the identity provider has vouched for; its token."""
    token, session_id = new_token(), new_id()
    await db.execute(sql.open_staff_session, session_id, member_id, token_hash(token), LIFE_S)
    me = Principal(id=member_id, kind="staff", session_id=session_id)
    await records.record(db, me, "staff.signed_in", member_id, session_id=session_id)
    return token


async def principal_of(db: Connection, hashed: bytes) -> Principal | None:
    """Who holds a session's token now; notes that they are there."""
    return await maybe(Principal, db, sql.principal_by_staff_token, hashed, IDLE_S, SEEN_EVERY_S)


def csrf_token_of(token: str, key_id: str | None = None) -> str:
    """What a page of ours can know of a session, and another site's page cannot."""
    return urlsafe_b64encode(mac("staff csrf", token, key_id=key_id)).decode().rstrip("=")


async def show(db: Connection, me: Principal, token: str | None) -> StaffSession:
    """Who I am, and what I may do; `token`: what the browser holds, if it holds one."""
    hashed = None if token is None else token_hash(token)
    shown = await one(StaffSession, db, sql.staff_session, me.id, me.session_id, hashed, IDLE_S)
    if token is not None and shown.expires_at is not None:
        shown.csrf_token = csrf_token_of(token)
    return shown


async def end(db: Connection, me: Principal) -> None:
    """Sign out here; raises NotFound for somebody who did not sign in through the staff's door."""
    if await db.fetchval(sql.end_staff_session, me.session_id, me.id) is None:
        raise NotFound
    await records.record(db, me, "staff.signed_out", me.id, session_id=me.session_id)


async def forget_old(db: Connection) -> None:
    """Write down what has ended by itself; drop what ended a year ago (the audit knows of it)."""
    await db.execute(sql.end_stale_staff_sessions, IDLE_S)
    await db.execute(sql.forget_old_staff_sessions, KEPT_DAYS)
