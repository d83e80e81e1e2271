"""Who is this really: a resident goes to the identity provider (OpenID Connect) and comes back as a person.

A number is no identity: numbers are given out again and SIM cards are swapped. What a verification does depends on
whom the provider names, and on how much the session has shown before:

- the account's own person: the session is confirmed, a lock is lifted;
- nobody's person, in a confirmed session: the account is that person's from now on (level 2);
- anybody else, in a session that has shown no more than the number, and who says that the number is new to them: the
  number moves to their account, or to a new one, and the account that had it stays behind, untouched and told;
- a person with an account, in a fresh account without a PIN, who says the same: their account comes to this number;
- otherwise it is refused: nobody is verified into another's account."""

from urllib.parse import urlencode
from uuid import UUID

import asyncpg
from litestar.datastructures import State

from app import oidc, outbox, policies
from app.audit import records
from app.budgets import Budget, spend
from app.config import settings
from app.db import Connection, Database, maybe, queries_beside
from app.errors import NotFound, Refusal
from app.identity import recovery, sessions
from app.identity.events import IdentityVerified
from app.identity.models import (
    BeginVerification,
    DeviceSignature,
    FinishVerification,
    Principal,
    Verification,
    VerificationBegun,
    Verified,
)
from app.oidc import Claims, ProviderFailed, ProviderRefused
from app.privacy import processing
from app.privacy.holdings import Holdings, standing_against
from app.types import new_id

sql = queries_beside(__file__)

CALLBACK = "/v1/verifications/callback"


class VerificationNeeded(Refusal):
    """Hãy xác thực qua VNeID trong vòng 10 phút trước khi làm việc này.

    Be verified by the identity provider within the ten minutes before this."""

    status = 403


class PinNeeded(Refusal):
    """Hãy nhập mã PIN để mở khóa trước khi làm việc này.

    Enter your PIN (unlock the wallet) before this."""

    status = 403
    keeps = True


class IdentityDiffers(Refusal):
    """Người vừa xác thực không phải là chủ tài khoản này.

    Whoever was just verified is not the owner of this account."""

    keeps = True


class PersonHasAccount(Refusal):
    """Người này đã có tài khoản với số khác. Nếu bạn vừa đổi số, hãy xác thực lại và chọn “đây là số mới của tôi”.

    This person has an account under another number. If you have changed your number, verify again and say so."""

    keeps = True


class AccountInUse(Refusal):
    """Tài khoản của số này đã được sử dụng nên không thể nhập vào tài khoản cũ; hãy đến quầy để được giúp.

    The account of this number is in use, so it cannot give way to your other one; a counter can help you."""

    keeps = True


async def begin(database: Database, me: Principal, wanted: BeginVerification) -> VerificationBegun:
    """Where to send the resident's browser. Short transactions of its own: the provider is asked for its document.

    Raises PinNeeded, TooManyRequests, ProviderUnavailable, ProviderNotConfigured."""
    async with database.deed() as db:
        await _need_pin(db, me)
        # Whoever has only the number shall not use up the owner's.
        await spend(db, Budget(f"verification {me.id if me.confirmed else me.session_id}", 10, 86_400))
    flow = await oidc.begin(database, "citizen", holder=str(me.session_id), redirect_path=CALLBACK)
    async with database.deed() as db:
        await db.execute(sql.make_verification, flow.id, me.id, me.session_id, wanted.new_number, flow.expires_at)
    return VerificationBegun(verification_id=flow.id, authorize_url=flow.authorize_url, expires_at=flow.expires_at)


async def _need_pin(db: Connection, me: Principal) -> None:
    """Whoever found an unlocked phone must not become its account's person: the first time takes the PIN."""
    if me.confirmed and me.level == 1 and not await db.fetchval(sql.pin_is_shown, me.id, me.session_id):
        raise PinNeeded


def back_to_the_app(query: dict[str, str]) -> str:
    """Where the browser goes from the provider: to the app, which alone knows whose session this is.

    The page opens nothing: whoever is sent another's link brings the code to an app that did not ask for it."""
    kept = {name: query[name][:2048] for name in ("code", "state", "error") if name in query}
    return f"{settings().app_url}/verifications?{urlencode(kept)}"


async def show(db: Connection, me: Principal, verification_id: UUID) -> Verification:
    """Where a verification of mine stands; raises NotFound."""
    found = await maybe(Verification, db, sql.verification_of_mine, verification_id, me.id)
    if found is None:
        raise NotFound
    return found


async def finish(
    city: State, me: Principal, verification_id: UUID, given: FinishVerification
) -> tuple[Verified, str | None]:
    """Take what the provider said; the answer, and the refresh token of a session that was opened.

    `city` has the database, and the holdings that may stand against giving an account up.
    Short transactions of its own around the provider's answer. Sent again by the session that it has verified,
    whose answer was lost, it is answered the same. Raises NotFound, IdentityDiffers, PersonHasAccount, AccountInUse,
    and what `oidc.finish` raises."""
    database: Database = city.database
    async with database.acquire() as db:
        await show(db, me, verification_id)
        if await db.fetchval(sql.was_verified, verification_id, me.id, me.session_id):
            return Verified(level=2, status="verified"), None
    try:
        claims = await oidc.finish(
            database,
            "citizen",
            state=given.state,
            code=given.code,
            holder=str(me.session_id),
            redirect_path=CALLBACK,
            flow_id=verification_id,
        )
    except (ProviderFailed, ProviderRefused) as refusal:  # and the flow is used up
        async with database.deed() as db:
            await _refuse(db, me, verification_id, refusal)
        raise
    async with database.deed() as db:
        wanted = await db.fetchrow(sql.verification_for_update, verification_id, me.id, me.session_id)
        if wanted is None:
            raise NotFound
        try:
            verified, refresh_token = await _decide(db, me, claims, city.holdings, new_number=wanted["new_number"])
        except Refusal as refusal:
            await _refuse(db, me, verification_id, refusal)
            raise
        await db.execute(sql.finish_verification, verification_id, verified.status)
        return verified, refresh_token


async def _refuse(db: Connection, me: Principal, verification_id: UUID, refusal: Refusal) -> None:
    await db.execute(sql.finish_verification, verification_id, "refused")
    await records.record(db, me, "identity.verification_refused", me.id, why=type(refusal).__name__)


async def _decide(
    db: Connection, me: Principal, claims: Claims, holdings: Holdings, *, new_number: bool
) -> tuple[Verified, str | None]:
    await db.execute(sql.person_lock, claims.issuer, claims.subject)
    theirs: UUID | None = await db.fetchval(sql.account_of_person, claims.issuer, claims.subject)
    rows = await db.fetch(sql.principals_for_update, sorted({me.id, theirs or me.id}))
    mine = next(row for row in rows if row["id"] == me.id)
    session = await db.fetchrow(sql.session_for_update, me.session_id)
    if session is None or mine["closed_at"] is not None:
        raise NotFound
    confirmed = session["confirmed"] and mine["locked_at"] is None
    bound = await db.fetchrow(sql.person_of_account, me.id)
    if theirs == me.id:
        await _is_back(db, me, was_locked=mine["locked_at"] is not None)
        return Verified(level=2, status="verified"), None
    if confirmed and bound is None and theirs is None:
        await _need_pin(db, me)
        await _bind(db, me, claims)
        return Verified(level=2, status="verified"), None
    if confirmed and bound is not None:
        raise IdentityDiffers
    if not new_number:
        raise PersonHasAccount if theirs else IdentityDiffers
    if await _is_in_use(db, mine, holdings, confirmed=confirmed, bound=bound is not None):
        raise AccountInUse
    return await _move(db, me, mine, theirs, claims, session)


async def _is_in_use(
    db: Connection, mine: asyncpg.Record, holdings: Holdings, *, confirmed: bool, bound: bool
) -> bool:
    """Would somebody lose what nobody could find again? An account that has a person is claimed from any phone; one
    that has only its number gives way when it is fresh and empty, or when nobody has used it for long."""
    if bound:
        return False
    if confirmed:
        return mine["has_pin"] or bool(await standing_against(db, holdings, mine["id"]))
    return not await db.fetchval(sql.is_idle, mine["id"], await policies.value(db, "number.idle_days"))


async def _is_back(db: Connection, me: Principal, *, was_locked: bool) -> None:
    await db.execute(sql.confirm_session, me.session_id)
    if was_locked:
        await recovery.unlock(db, me.id, me.session_id)


async def _bind(db: Connection, me: Principal, claims: Claims) -> None:
    await _prove(db, me.id, claims)
    await recovery.secure(db, me.id, "account_secured", keep=me.session_id)  # whoever had the number before is out
    await records.record(db, me, "identity.verified", me.id, issuer=claims.issuer)
    await outbox.record(db, IdentityVerified(principal_id=me.id))


async def _prove(db: Connection, principal_id: UUID, claims: Claims) -> None:
    await db.execute(
        sql.prove_identity, new_id(), principal_id, claims.issuer, claims.subject, claims.name, claims.born_on
    )
    await db.execute(sql.raise_level, principal_id, claims.name)
    await processing.record_own(db, "identity_verified", principal_id, issuer=claims.issuer)


async def _move(
    db: Connection,
    me: Principal,
    mine: asyncpg.Record,
    theirs: UUID | None,
    claims: Claims,
    session: asyncpg.Record,
) -> tuple[Verified, str | None]:
    number: str = mine["phone"]
    await recovery.release_number(db, me.id, number)
    if theirs is None:
        owner = new_id()
        await db.execute(sql.make_resident, owner, number)
        await _prove(db, owner, claims)
        await records.record(db, me, "identity.verified", owner, issuer=claims.issuer)
    else:
        owner = theirs
        await db.execute(sql.unlock_account, owner)
        await recovery.take_number(db, owner, number)
    device = DeviceSignature(name=session["name"], platform=session["platform"])
    signed_in, refresh_token = await sessions.open_on_device(
        db, owner, session["device_id"], device, known=False, confirmed=True
    )
    return Verified(level=2, status="moved", session=signed_in), refresh_token


async def use(db: Connection, me: Principal, verification_id: UUID) -> None:
    """A verification of the last ten minutes stands for its person, once; raises VerificationNeeded."""
    if await db.fetchval(sql.use_verification, verification_id, me.id, me.session_id) is None:
        raise VerificationNeeded
