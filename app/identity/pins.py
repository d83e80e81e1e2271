"""The PIN that opens the wallet: Argon2id over HMAC(pepper, pin); tries are counted before they are looked at."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple, NoReturn
from uuid import UUID

import asyncpg
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from app import outbox
from app.audit import records
from app.budgets import Budget, spend
from app.db import Connection, Database, queries_beside
from app.errors import Refusal, TooManyRequests
from app.identity import possession, recovery, verifications
from app.identity.events import PinReset
from app.identity.models import Principal, SetPin
from app.identity.possession import Asked
from app.secrets import mac, need, newest_id

sql = queries_beside(__file__)

TRIES_BEFORE_LOCK = 5
TRIES_BEFORE_SIGN_OUT = 10
UNCONFIRMED_TRIES = 10
"""A day, by sessions that have shown no more than the number."""

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


class WrongPinHere(Refusal):
    """Mã PIN không đúng.

    The PIN is wrong."""

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


async def check(database: Database, me: Principal, pin: str) -> None:
    """Is it my PIN? Then this session is confirmed. Short transactions of its own: a try is counted before the PIN is
    looked at and stays counted, and nobody holds a connection while the hash is computed.

    A session that is not confirmed has a budget instead of the lock: whoever has only the number shall not lock the
    owner out. Raises WrongPin, PinLocked, PinExhausted, PinNotSet, AccountLocked, TooManyRequests, OnePinAtATime."""
    with _alone(me.id):
        async with database.deed() as db:
            at_hand, wrong_tries = await _count_a_try(db, me)
        right = await _matches(KeptPin(at_hand["hash"], at_hand["key_id"]), pin)
        anew = await hashed(pin) if right and at_hand["key_id"] != newest_id() else None
        async with database.deed() as db:
            if not right:
                await _say_no(db, me, wrong_tries)
            await db.execute(sql.right_pin, me.id)
            if anew is not None:
                await db.execute(sql.hash_pin_anew, me.id, *anew)
            await db.execute(sql.confirm_session, me.session_id)
            if at_hand["account_locked"]:
                await recovery.unlock(db, me.id, me.session_id)


async def _count_a_try(db: Connection, me: Principal) -> tuple[asyncpg.Record, int | None]:
    """The PIN that is about to be tried, and the how manieth wrong one this would be; None: a budget counts."""
    at_hand = await db.fetchrow(sql.pin_at_hand, me.id, me.session_id)
    if at_hand is None:
        raise PinNotSet
    need(at_hand["key_id"])
    if at_hand["account_locked"] and at_hand["level"] > 1:
        raise AccountLocked
    if at_hand["account_locked"] or not at_hand["confirmed"]:
        await spend(db, Budget(f"unconfirmed pin {me.id}", UNCONFIRMED_TRIES, 86_400))
        return at_hand, None
    wrong_tries: int | None = await db.fetchval(sql.try_pin, me.id)
    if wrong_tries is None:
        raise PinLocked(retry_after_s=await db.fetchval(sql.pin_lock, me.id))
    return at_hand, wrong_tries


async def _say_no(db: Connection, me: Principal, wrong_tries: int | None) -> NoReturn:
    if wrong_tries is None:
        raise WrongPinHere
    if wrong_tries == TRIES_BEFORE_SIGN_OUT:
        await _exhaust(db, me)
        raise PinExhausted
    if wrong_tries == TRIES_BEFORE_LOCK:
        await records.record_own(db, "identity.pin_locked", me.id)
        raise PinLocked(retry_after_s=900)
    limit = TRIES_BEFORE_LOCK if wrong_tries < TRIES_BEFORE_LOCK else TRIES_BEFORE_SIGN_OUT
    raise WrongPin(tries_left=limit - wrong_tries)


async def _exhaust(db: Connection, me: Principal) -> None:
    """Everybody is signed out and no device trusted; whoever was verified is verified again before anything else."""
    await recovery.secure(db, me.id, "pin_exhausted")
    if me.level > 1:
        await recovery.lock(db, me.id, "wrong_pins")
    await records.record_own(db, "identity.pin_exhausted", me.id)


async def is_right(kept: KeptPin | None, pin: str) -> bool:
    """Is it the PIN that was kept? Takes as long when none was, and counts no try: the caller has a budget."""
    right = await _matches(kept or KeptPin(_NOBODYS, newest_id()), pin)
    return right and kept is not None


async def set_pin(database: Database, me: Principal, wanted: SetPin, asked: Asked) -> None:
    """Set the first PIN, or change it: with the old one, or with a verification of the last ten minutes, which the
    first PIN of a verified person needs too. Short transactions of its own, none while a hash is computed.

    Raises EasyPin, PossessionRequired, OldPinNeeded, VerificationNeeded, and what check raises."""
    if wanted.pin in _EASY:
        raise EasyPin
    if me.device_key is not None and me.device_id is not None:
        async with database.deed() as db:
            await possession.verify_once(db, me.id, me.device_id, me.device_key, asked)
    if wanted.old_pin is not None and wanted.verification_id is None:
        await check(database, me, wanted.old_pin)
    new = await hashed(wanted.pin)
    async with database.deed() as db:
        await db.fetch(sql.principals_for_update, [me.id])
        if wanted.verification_id is not None:
            await _reset(db, me, wanted.verification_id, new)
        elif wanted.old_pin is not None:
            await db.execute(sql.change_pin, me.id, *new, me.session_id)
            await records.record(db, me, "identity.pin_changed", me.id)
        else:
            await _set_first(db, me, new)


async def _reset(db: Connection, me: Principal, verification_id: UUID, new: KeptPin) -> None:
    await verifications.use(db, me, verification_id)
    had_one = await db.fetchval(sql.has_pin, me.id)
    await db.execute(sql.change_pin, me.id, *new, me.session_id)
    if had_one is None:
        await recovery.secure(db, me.id, "account_secured", keep=me.session_id)
        await records.record(db, me, "identity.pin_set", me.id)
        return
    await recovery.settle(db, me.id, "pin_reset", keep=me.session_id)
    await records.record(db, me, "identity.pin_reset", me.id)
    await outbox.record(db, PinReset(principal_id=me.id))


async def _set_first(db: Connection, me: Principal, new: KeptPin) -> None:
    """Whoever had the number before may still be signed in somewhere: the first PIN puts them out."""
    if await db.fetchval(sql.has_pin, me.id):
        raise OldPinNeeded
    if me.level > 1:
        raise verifications.VerificationNeeded
    if await db.fetchval(sql.set_first_pin, me.id, *new) is None:
        raise OldPinNeeded
    await recovery.secure(db, me.id, "account_secured", keep=me.session_id)
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
