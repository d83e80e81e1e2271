"""Passkeys (WebAuthn level 3): registered by an unlocked session, shown as a strong proof beside the PIN.

The relying party is the host of `public_url`, its origin the only one, and the authenticator has always verified
whoever uses it."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import structlog
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    generate_challenge,
    options_to_json_dict,
    parse_authentication_credential_json,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from app import outbox
from app.audit import records
from app.budgets import Budget, spend
from app.config import settings
from app.db import Connection, many, one, queries_beside
from app.errors import NotFound, Refusal, refusing
from app.identity.events import PasskeyAdded
from app.identity.models import Passkey, PasskeyBegun, Principal, RegisterPasskey
from app.identity.verifications import PinNeeded
from app.types import masked_phone, new_id

sql = queries_beside(__file__)
log = structlog.get_logger()

MOST = 10
LIFE_MS = 300_000
MOST_CREDENTIAL_BYTES = 1023  # WebAuthn, 5.8.3


class PasskeyRefused(Refusal):
    """Khóa truy cập không được chấp nhận; hãy thử lại từ đầu.

    The passkey was not accepted; try again from the start."""

    status = 400


class PasskeyKnown(Refusal):
    """Khóa truy cập này đã được đăng ký.

    This passkey is registered already."""


class DeviceStillNew(Refusal):
    """Thiết bị này còn mới hoặc tài khoản vừa được khôi phục; hãy đợi rồi đăng ký khóa truy cập sau.

    This device is still new, or the account was just recovered; add a passkey later."""

    status = 403


class TooManyPasskeys(Refusal):
    """Bạn đã có {most} khóa truy cập; hãy xóa bớt trước khi thêm.

    You have {most} passkeys; remove one before you add another."""


# Registering


async def begin(db: Connection, me: Principal) -> PasskeyBegun:
    """What the browser's `navigator.credentials.create` takes, for five minutes.

    Raises PinNeeded, DeviceStillNew, TooManyPasskeys, TooManyRequests."""
    is_new: bool | None = await db.fetchval(sql.session_is_unlocked, me.session_id, me.id)
    if is_new is None:
        raise PinNeeded
    if is_new:
        raise DeviceStillNew
    held = await _registered(db, me.id)
    if len(held) >= MOST:
        raise TooManyPasskeys(most=MOST)
    await spend(db, Budget(f"passkey {me.id}", 30, 3600))
    passkey_id, challenge = new_id(), generate_challenge()
    expires_at = await db.fetchval(sql.make_passkey, passkey_id, me.id, challenge)
    return PasskeyBegun(
        passkey_id=passkey_id, options=await _creation_options(db, me, challenge, held), expires_at=expires_at
    )


async def _creation_options(
    db: Connection, me: Principal, challenge: bytes, held: Sequence[asyncpg.Record]
) -> dict[str, Any]:
    who = await db.fetchrow(sql.profile, me.id)
    assert who is not None
    number = masked_phone(who["phone"]) if who["phone"] else str(me.id)
    options = generate_registration_options(
        rp_id=_party(),
        rp_name="Hương",
        user_id=me.id.bytes,
        user_name=number,
        user_display_name=who["name"] or number,
        challenge=challenge,
        timeout=LIFE_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_descriptors(held),
    )
    return options_to_json_dict(options)


async def register(db: Connection, me: Principal, passkey_id: UUID, given: RegisterPasskey) -> Passkey:
    """Keep what the authenticator made for the challenge; the same again is answered as before.

    Raises NotFound (unknown, or its five minutes are over), PasskeyRefused, PasskeyKnown, TooManyPasskeys."""
    await db.fetch(sql.principals_for_update, [me.id])  # two at once take turns, so that ten stay ten
    begun = await db.fetchrow(sql.passkey_for_update, passkey_id, me.id)
    if begun is None:
        raise NotFound
    if begun["registered_at"] is not None:
        return await _again(db, me, passkey_id, begun["credential"], given)
    if len(await _registered(db, me.id)) >= MOST:
        raise TooManyPasskeys(most=MOST)
    with _refusing_whatever_is_wrong():
        attested = parse_registration_credential_json(given.credential)
        made = verify_registration_response(
            credential=attested,
            expected_challenge=begun["challenge"],
            expected_rp_id=_party(),
            expected_origin=_origin(),
            require_user_verification=True,
        )
        # The name that the browser says is the one that the authenticator made.
        if attested.raw_id != made.credential_id or len(made.credential_id) > MOST_CREDENTIAL_BYTES:
            raise PasskeyRefused
    with refusing(passkey_credential_unique=PasskeyKnown):
        passkey = await one(
            Passkey,
            db,
            sql.register_passkey,
            passkey_id,
            given.name,
            made.credential_id,
            made.credential_public_key,
            made.sign_count,
            [transport.value for transport in attested.response.transports or []],
        )
    await records.record(db, me, "identity.passkey_added", passkey_id)
    await outbox.record(db, PasskeyAdded(principal_id=me.id, passkey_name=given.name))
    return passkey


async def _again(
    db: Connection, me: Principal, passkey_id: UUID, credential: bytes, given: RegisterPasskey
) -> Passkey:
    if _credential_of(given.credential) != credential:
        raise PasskeyKnown
    return next(passkey for passkey in await mine(db, me) if passkey.id == passkey_id)


async def mine(db: Connection, me: Principal) -> list[Passkey]:
    """My passkeys, the oldest first."""
    return await many(Passkey, db, sql.passkeys_of, me.id)


async def remove(db: Connection, me: Principal, passkey_id: UUID) -> None:
    """It proves nothing from now on; raises NotFound."""
    if await db.fetchval(sql.remove_passkey, passkey_id, me.id) is None:
        raise NotFound
    await records.record(db, me, "identity.passkey_removed", passkey_id)


# Showing


async def assertion_options(db: Connection, principal_id: UUID, challenge: bytes) -> dict[str, Any]:
    """What the browser's `navigator.credentials.get` takes, for a challenge that the caller keeps."""
    options = generate_authentication_options(
        rp_id=_party(),
        challenge=challenge,
        allow_credentials=_descriptors(await _registered(db, principal_id)),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


async def check_assertion(db: Connection, principal_id: UUID, challenge: bytes, credential: dict[str, Any]) -> None:
    """Has a passkey of this principal signed the challenge? Raises PasskeyRefused.

    The caller lets a challenge be answered once: a counter that stays at 0 stops no replay (WebAuthn, 6.1.1)."""
    held = await db.fetchrow(sql.passkey_of_credential, principal_id, _credential_of(credential))
    if held is None:
        raise PasskeyRefused
    with _refusing_whatever_is_wrong():
        shown = parse_authentication_credential_json(credential)
        if shown.response.user_handle not in {None, b"", principal_id.bytes}:
            raise PasskeyRefused
        verified = verify_authentication_response(
            credential=shown,
            expected_challenge=challenge,
            expected_rp_id=_party(),
            expected_origin=_origin(),
            credential_public_key=held["public_key"],
            credential_current_sign_count=held["sign_count"],
            require_user_verification=True,
        )
    await db.execute(sql.use_passkey, held["id"], verified.new_sign_count)


def _credential_of(credential: dict[str, Any]) -> bytes:
    """The credential that is meant, by what the browser calls it."""
    with _refusing_whatever_is_wrong():
        return base64url_to_bytes(credential["id"])


@contextmanager
def _refusing_whatever_is_wrong() -> Generator[None]:
    """The library has a dozen exceptions for a bad credential, and lets others through from beneath."""
    try:
        yield
    except Refusal:
        raise
    except Exception as wrong:
        log.info("passkey refused", why=f"{type(wrong).__name__}: {wrong}"[:200])
        raise PasskeyRefused from None


async def _registered(db: Connection, principal_id: UUID) -> list[asyncpg.Record]:
    return await db.fetch(sql.passkeys_of, principal_id)


def _descriptors(held: Sequence[asyncpg.Record]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=row["credential"], transports=[AuthenticatorTransport(name) for name in row["transports"] or ()]
        )
        for row in held
    ]


def _party() -> str:
    return urlsplit(settings().public_url).hostname or ""


def _origin() -> str:
    parts = urlsplit(settings().public_url)
    return f"{parts.scheme}://{parts.netloc}"
