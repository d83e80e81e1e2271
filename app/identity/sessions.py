"""Sessions: opened by a code, kept alive by rotating refresh tokens, ended by their owner."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg
import msgspec

from app import outbox, policies
from app.audit import records
from app.config import settings
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import NotFound, Refusal
from app.identity import codes, possession, recovery
from app.identity.events import SignedInOnDevice
from app.identity.models import (
    DeviceSignature,
    Platform,
    Principal,
    Profile,
    ProfileChange,
    Refreshed,
    Session,
    SignedIn,
    SignIn,
)
from app.identity.possession import Asked, PublicKey
from app.identity.tokens import access_of, child_of, new_token, token_hash
from app.secrets import newest_id
from app.types import new_id

sql = queries_beside(__file__)

ACCESS_LIFE_S = 900


class RefreshRefused(Refusal):
    """Phiên đăng nhập đã kết thúc; vui lòng đăng nhập lại.

    This session has ended; please sign in again."""

    # Whoever holds a token of the session is told `reason`, how it ended; anybody else is told nothing.

    status = 401
    keeps = True


class AccountEnded(Refusal):
    """Tài khoản của số điện thoại này đã đóng.

    The account of this phone number is closed."""

    status = 403


class StaffSignInElsewhere(Refusal):
    """Cán bộ đăng nhập bằng tài khoản công vụ, không bằng mã gửi về điện thoại.

    Staff sign in with their office account, not with a code to a phone."""

    status = 403


class _Refreshing(msgspec.Struct, frozen=True):
    session_id: UUID
    used_at: datetime | None
    just_used: bool | None
    expired: bool
    end_reason: str | None
    principal_id: UUID
    device_id: UUID
    platform: Platform
    device_key: PublicKey | None
    child_used: bool | None


async def open_session(db: Connection, sign_in: SignIn, address: str, asked: Asked) -> tuple[SignedIn, str]:
    """Redeem a code and open a session; the first sign-in makes the resident.

    Returns the answer and the refresh token (which a browser gets as a cookie, so not in the answer).
    Raises WrongCode, TooManyTries, AccountEnded, StaffSignInElsewhere, PossessionRequired (a bad proof; none at all
    is none: then the device is new)."""
    number = await codes.redeem(db, sign_in.challenge_id, sign_in.code, "sign_in", address=address)
    await db.execute(sql.lock_phone, number)
    who = await _who(db, number)
    device_id = sign_in.device.id or uuid4()
    known = await _is_known(db, who["id"], device_id, asked)
    has_something = who["has_pin"] or who["level"] > 1
    if not known and not has_something:
        who = await _instead_of_idle(db, who, number)
    confirmed = who["locked_at"] is None and (known or not has_something)
    return await open_on_device(db, who["id"], device_id, sign_in.device, known=known, confirmed=confirmed)


async def _instead_of_idle(db: Connection, who: asyncpg.Record, number: str) -> asyncpg.Record:
    """Nothing shows whose account this is: after so long the number may be somebody else's, and then it is not."""
    if not await db.fetchval(sql.is_idle, who["id"], await policies.value(db, "number.idle_days")):
        return who
    await recovery.release_number(db, who["id"], number)
    return await _who(db, number)


async def _is_known(db: Connection, principal_id: UUID, device_id: UUID, asked: Asked) -> bool:
    """Is it the device that it says it is? An id is no secret: one that has a key must show that it holds it."""
    known = await db.fetchrow(sql.known_device, principal_id, device_id)
    if known is None or known["public_key"] is None:
        return known is not None
    if asked.proofs:
        await possession.verify_once(db, principal_id, device_id, known["public_key"], asked)
    return bool(asked.proofs)


async def open_on_device(
    db: Connection,
    principal_id: UUID,
    device_id: UUID,
    device: DeviceSignature,
    *,
    known: bool,
    confirmed: bool,
) -> tuple[SignedIn, str]:
    """A session on a device, in place of the one that it had; the answer and the refresh token.

    A device that is not `known` is new for a while: money leaves it only with a proof beside the PIN; it loses the
    key that it had. A session that is not `confirmed` sees nothing of the account until the PIN or the identity
    provider says whose it is."""
    session_id = new_id()
    await db.execute(sql.keep_device, principal_id, device_id, device.name, device.platform)
    await db.execute(sql.end_sessions_of_device, principal_id, device_id)
    if not known:
        new_hours = await policies.value(db, "new_device.hours")
        await db.execute(sql.distrust_device, principal_id, device_id, new_hours)
    await db.execute(sql.open_session, session_id, principal_id, device_id)
    if confirmed:
        await db.execute(sql.confirm_session, session_id)
    refresh_token = new_token()
    await db.execute(sql.keep_refresh_token, token_hash(refresh_token), session_id, None)
    access_token, expires_in = await _keep_access(db, refresh_token, session_id, newest_id())
    await outbox.record(
        db,
        SignedInOnDevice(
            principal_id=principal_id,
            session_id=session_id,
            device_name=device.name,
            platform=device.platform,
        ),
    )
    me = Principal(id=principal_id, kind="resident", session_id=session_id)
    await records.record(
        db, me, "identity.signed_in", principal_id,
        session_id=session_id, device_id=device_id, new_device=not known, confirmed=confirmed,
    )  # fmt: skip
    answer = SignedIn(
        access_token=access_token,
        refresh_token=_shown(refresh_token, device.platform),
        expires_in=expires_in,
        confirmed=confirmed,
        me=await profile(db, principal_id, named=confirmed),
    )
    return answer, refresh_token


async def _who(db: Connection, number: str) -> asyncpg.Record:
    who = await db.fetchrow(sql.resident_by_phone, new_id(), number)
    assert who is not None
    if who["closed_at"] is not None:
        raise AccountEnded
    if who["kind"] == "staff" and not settings().sandbox:
        raise StaffSignInElsewhere
    return who


async def refresh(db: Connection, refresh_token: str | None, asked: Asked) -> tuple[Refreshed, str]:
    """Rotate: the token's one child, with a fresh access token.

    A used token is forgiven for 60 s while its child is unused (the answer was lost on the way); later it ends the
    whole session, for somebody else may hold it. A device with a key proves each time that it holds it, and who
    cannot, changes nothing. Raises RefreshRefused, PossessionRequired."""
    held = await maybe(_Refreshing, db, sql.refresh_for_update, token_hash(refresh_token)) if refresh_token else None
    if refresh_token is None or held is None:
        raise RefreshRefused
    if held.end_reason is not None or held.expired:
        raise RefreshRefused(reason=held.end_reason or "expired")
    if held.device_key is not None:
        await possession.verify_once(db, held.principal_id, held.device_id, held.device_key, asked)
    if held.used_at is not None and (not held.just_used or held.child_used):
        await db.execute(sql.end_session_family, held.session_id)
        await records.record_own(db, "identity.refresh_reused", held.principal_id, session_id=held.session_id)
        raise RefreshRefused(reason="refresh_reused")
    key_id = await db.fetchval(sql.use_refresh_token, token_hash(refresh_token), newest_id())
    child = child_of(refresh_token, key_id)
    await db.execute(sql.keep_refresh_token, token_hash(child), held.session_id, token_hash(refresh_token))
    await db.execute(sql.touch_session, held.session_id)
    access_token, expires_in = await _keep_access(db, child, held.session_id, key_id)
    answer = Refreshed(access_token=access_token, refresh_token=_shown(child, held.platform), expires_in=expires_in)
    return answer, child


async def _keep_access(db: Connection, refresh_token: str, session_id: UUID, key_id: str) -> tuple[str, int]:
    """The access token that goes with a refresh token, and how many seconds it has left: it may be out already."""
    access_token = access_of(refresh_token, key_id)
    expires_in: int = await db.fetchval(sql.keep_access_token, token_hash(access_token), session_id, ACCESS_LIFE_S)
    return access_token, expires_in


def _shown(refresh_token: str, platform: Platform) -> str | None:
    return None if platform == "web" else refresh_token


async def mine(db: Connection, me: Principal) -> list[Session]:
    """Where I am signed in."""
    return await many(Session, db, sql.sessions_of, me.id, me.session_id)


async def end(db: Connection, me: Principal, session_id: UUID) -> None:
    """Sign one of my sessions out; raises NotFound."""
    if await db.fetchval(sql.end_session, session_id, me.id, "signed_out") is None:
        raise NotFound
    await records.record(db, me, "identity.signed_out", me.id, session_id=session_id)


async def principals_of(db: Connection, access_token_hashes: Sequence[bytes]) -> dict[bytes, Principal]:
    """Who holds these access tokens now; a token that opens nothing is not among them."""
    rows = await db.fetch(sql.principals_by_access_token, access_token_hashes)
    return {row["hash"]: msgspec.convert(row, Principal) for row in rows}


async def profile(db: Connection, principal_id: UUID, *, named: bool = True) -> Profile:
    """A principal as they see themselves; not `named`: as somebody sees them who has only the number."""
    seen = await one(Profile, db, sql.profile, principal_id)
    return seen if named else msgspec.structs.replace(seen, name=None, grants=[])


class NameIsVerified(Refusal):
    """Họ tên đã được xác thực nên không thể tự đổi.

    The name was verified by the identity provider; it cannot be changed here."""


async def change_profile(db: Connection, me: Principal, change: ProfileChange) -> Profile:
    """Change my name or my language; raises NameIsVerified."""
    if change.name is not msgspec.UNSET and me.level > 1:
        raise NameIsVerified
    name = None if change.name is msgspec.UNSET else change.name
    language = None if change.language is msgspec.UNSET else change.language
    await db.execute(sql.change_profile, me.id, name, language)
    return await profile(db, me.id)


async def forget_old(db: Connection) -> None:
    """Sessions that ran out, tokens past their time and passkeys that nobody made."""
    for statement in (
        sql.end_stale_sessions,
        sql.forget_passkeys_never_made,
        sql.forget_old_access_tokens,
        sql.forget_old_refresh_tokens,
    ):
        await db.execute(statement)
