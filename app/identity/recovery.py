"""Hard days: an account is locked, a number changes hands. Each ends sessions and holds money back."""

from typing import Literal
from uuid import UUID

from app import outbox, policies
from app.audit import records
from app.db import Connection, queries_beside
from app.identity.events import AccountLocked, AccountUnlocked, NumberReleased, PhoneChanged
from app.types import masked_phone

sql = queries_beside(__file__)

EndReason = Literal["pin_reset", "pin_exhausted", "locked", "phone_changed", "number_recycled", "account_secured"]


LockedHow = Literal["pin", "code", "hotline", "wrong_pins"]


async def lock(db: Connection, principal_id: UUID, how: LockedHow) -> None:
    """Nothing leaves this account, and nobody is signed in, until its owner is verified again.

    An account that shows no person (level 1) is opened again by its PIN: there is nobody to be verified."""
    if await db.fetchval(sql.lock_account, principal_id) is None:
        return
    await settle(db, principal_id, "locked")
    await records.record_own(db, "identity.account_locked", principal_id, how=how)
    await outbox.record(db, AccountLocked(principal_id=principal_id, how=how))


async def unlock(db: Connection, principal_id: UUID, session_id: UUID) -> None:
    """Its owner is back, in this session."""
    if await db.fetchval(sql.unlock_account, principal_id) is None:
        return
    await settle(db, principal_id, "locked", keep=session_id)
    await records.record_own(db, "identity.account_unlocked", principal_id)
    await outbox.record(db, AccountUnlocked(principal_id=principal_id))


async def secure(db: Connection, principal_id: UUID, reason: EndReason, *, keep: UUID | None = None) -> None:
    """The owner is known in session `keep`: every other session ends; no other device, key or passkey is trusted."""
    await db.fetch(sql.principals_for_update, [principal_id])  # before its sessions, as everywhere
    await db.fetch(sql.end_other_sessions, principal_id, reason, keep)
    await db.execute(sql.distrust_other_devices, principal_id, keep)


async def settle(db: Connection, principal_id: UUID, reason: EndReason, *, keep: UUID | None = None) -> None:
    """After a recovery: the account is secured, and no money goes out for the policy's hours."""
    await secure(db, principal_id, reason, keep=keep)
    wait_hours = await policies.value(db, "recovery.wait_hours")
    if wait_hours:
        await db.execute(sql.hold_money, principal_id, wait_hours)


async def release_number(db: Connection, principal_id: UUID, number: str) -> None:
    """The number is somebody else's now: the account stays, without a number, for its owner to claim."""
    await db.execute(sql.drop_phone, principal_id)
    await settle(db, principal_id, "number_recycled")
    await records.record_own(db, "identity.number_released", principal_id)
    await outbox.record(db, NumberReleased(principal_id=principal_id, phone=masked_phone(number)))


async def take_number(db: Connection, principal_id: UUID, number: str, *, keep: UUID | None = None) -> None:
    """The account has this number from now on; its devices are told."""
    await db.execute(sql.give_phone, principal_id, number)
    await settle(db, principal_id, "phone_changed", keep=keep)
    await records.record_own(db, "identity.phone_changed", principal_id)
    await outbox.record(db, PhoneChanged(principal_id=principal_id, phone=masked_phone(number)))
