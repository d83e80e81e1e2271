"""The PIN that opens the wallet: Argon2id over HMAC(pepper, pin); tries are counted before they are looked at."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple, NoReturn
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from app import outbox
from app.audit import records
from app.db import Connection, queries_beside
from app.errors import Refusal, TooManyRequests
from app.identity import recovery, verifications
from app.identity.events import PinReset
from app.identity.models import Principal, SetPin
from app.secrets import mac, newest_id

sql = queries_beside(__file__)

TRIES_BEFORE_LOCK = 5
TRIES_BEFORE_SIGN_OUT = 10

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # RFC 9106, OWASP's second choice
_two_at_once = asyncio.Semaphore(2)
_being_checked: set[UUID] = set()
_NOBODYS = _hasher.hash(b"nobody has this")
_EASY = (
    {str(digit) * 6 for digit in range(10)}
    | {"".join(str((start + step * n) % 10) for n in range(6)) for start in range(10) for step in (1, -1)}
    | {f"{a}{b}" * 3 for a in range(10) for b in range(10)}
    | {f"{a:03}" * 2 for a in range(1000)}
    | {"112233", "332211", "111222", "123123", "121212", "159753", "147258", "258147"}
)


class KeptPin(NamedTuple):
    """What is kept of a PIN: its hash, and the id of the key under it."""

    hash: str
    key_id: str


class WrongPin(Refusal):
    """Mã PIN không đúng. Bạn còn {tries_left} lần thử.

    The PIN is wrong. You have {tries_left} tries left."""

    status = 403
    keeps = True


class PinLocked(Refusal):
    """Mã PIN đang bị khóa vì nhập sai nhiều lần. Vui lòng thử lại sau.

    The PIN is locked after too many wrong tries. Please try again later."""

    status = 403
    keeps = True


class PinExhausted(Refusal):
    """Nhập sai mã PIN quá nhiều lần. Mọi thiết bị đã được đăng xuất; vui lòng đăng nhập lại.

    Too many wrong PINs. All devices were signed out; please sign in again."""

    status = 403
    keeps = True


class AccountLocked(Refusal):
    """Tài khoản đang bị khóa. Hãy xác thực qua VNeID để mở lại.

    The account is locked. Be verified by the identity provider to open it again."""

    status = 403


class PinNotSet(Refusal):
    """Bạn chưa đặt mã PIN.

    You have not set a PIN yet."""


class OldPinNeeded(Refusal):
    """Hãy nhập mã PIN hiện tại để đổi mã mới.

    Enter your present PIN to change it."""


class EasyPin(Refusal):
    """Mã PIN này quá dễ đoán; hãy chọn mã khác.

    This PIN is too easy to guess; choose another."""

    status = 400


class OnePinAtATime(TooManyRequests):
    """Mã PIN trước đó còn đang được kiểm tra; vui lòng thử lại sau giây lát.

    The PIN before this one is still being checked; please try again in a moment."""


@contextmanager
def _alone(principal_id: UUID) -> Generator[None]:
    """One PIN of a principal at a time: hashing is dear, and whoever waits for it would hold a connection."""
    if principal_id in _being_checked:
        raise OnePinAtATime(retry_after_s=1)
    _being_checked.add(principal_id)
    try:
        yield
    finally:
        _being_checked.discard(principal_id)


async def check(db: Connection, principal_id: UUID, pin: str) -> None:
    """Raises WrongPin, PinLocked, PinExhausted, PinNotSet or OnePinAtATime; a wrong try stays counted."""
    with _alone(principal_id):
        await _check(db, principal_id, pin)


async def _check(db: Connection, principal_id: UUID, pin: str) -> None:
    tried = await db.fetchrow(sql.try_pin, principal_id)
    if tried is None:
        await _say_why_not(db, principal_id)
    if await _matches(KeptPin(tried["hash"], tried["key_id"]), pin):
        await db.execute(sql.right_pin, principal_id)
        if tried["key_id"] != newest_id():
            await db.execute(sql.hash_pin_anew, principal_id, *await hashed(pin))
        return
    if tried["wrong_tries"] >= TRIES_BEFORE_SIGN_OUT:
        await db.execute(sql.lock_pin, principal_id, 0)
        await db.fetch(sql.end_other_sessions, principal_id, "pin_exhausted", None)
        await records.record_own(db, "identity.pin_exhausted", principal_id)
        raise PinExhausted
    if tried["wrong_tries"] == TRIES_BEFORE_LOCK:
        await db.execute(sql.lock_pin, principal_id, TRIES_BEFORE_LOCK)
        await records.record_own(db, "identity.pin_locked", principal_id)
        raise PinLocked(retry_after_s=900)
    limit = TRIES_BEFORE_LOCK if tried["wrong_tries"] < TRIES_BEFORE_LOCK else TRIES_BEFORE_SIGN_OUT
    raise WrongPin(tries_left=limit - tried["wrong_tries"])


async def _say_why_not(db: Connection, principal_id: UUID) -> NoReturn:
    why = await db.fetchrow(sql.pin_lock, principal_id)
    if why is None:
        raise PinNotSet
    raise AccountLocked if why["account_locked"] else PinLocked(retry_after_s=why["locked_s"])


async def is_right(db: Connection, kept: KeptPin | None, pin: str) -> bool:
    """Is it the PIN that was kept? Takes as long when none was, and counts no try: the caller has a budget."""
    right = await _matches(kept or KeptPin(_NOBODYS, newest_id()), pin)
    return right and kept is not None


async def set_pin(db: Connection, me: Principal, wanted: SetPin) -> None:
    """Set the first PIN, or change it: with the old one, or with a verification of the last ten minutes.

    Raises EasyPin, OldPinNeeded, VerificationNeeded, and what check raises."""
    if wanted.pin in _EASY:
        raise EasyPin
    if wanted.verification_id is not None:
        await verifications.use(db, me, wanted.verification_id)
        await db.execute(sql.change_pin, me.id, *await hashed(wanted.pin))
        await recovery.settle(db, me.id, "pin_reset", keep=me.session_id)
        await records.record(db, me, "identity.pin_reset", me.id)
        await outbox.record(db, PinReset(principal_id=me.id))
        return
    if wanted.old_pin is not None:
        await check(db, me.id, wanted.old_pin)
        await db.execute(sql.change_pin, me.id, *await hashed(wanted.pin))
        await records.record(db, me, "identity.pin_changed", me.id)
        return
    if await db.fetchval(sql.has_pin, me.id):
        raise OldPinNeeded
    with _alone(me.id):
        if await db.fetchval(sql.set_first_pin, me.id, *await hashed(wanted.pin)) is None:
            raise OldPinNeeded
    await records.record(db, me, "identity.pin_set", me.id)


async def hashed(pin: str) -> KeptPin:
    """What is kept of a PIN. Some 30 ms of CPU, in a thread."""
    async with _two_at_once:
        key_id = newest_id()
        return KeptPin(await asyncio.to_thread(_hasher.hash, mac("pin", pin, key_id=key_id)), key_id)


async def _matches(kept: KeptPin, pin: str) -> bool:
    async with _two_at_once:
        try:
            return await asyncio.to_thread(_hasher.verify, kept.hash, mac("pin", pin, key_id=kept.key_id))
        except VerifyMismatchError:
            return False
