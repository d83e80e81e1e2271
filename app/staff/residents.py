"""A resident's file, for whoever helps them: found by the number, opened for a reason, each time written down."""

from uuid import UUID

from app.audit import records
from app.budgets import Budget, spend
from app.db import Connection, maybe, queries_beside
from app.errors import NotFound
from app.identity import recovery
from app.identity.models import Principal
from app.privacy import access
from app.staff.models import GiveReason, LookUpResident, ResidentFile, ResidentFound
from app.types import masked_phone, phone

sql = queries_beside(__file__)

MOST_FILES, WINDOW_S = 30, 600


class NoSuchResident(NotFound):
    """Không có cư dân nào dùng số này.

    No resident has this number."""

    keeps = True


async def look_up(db: Connection, me: Principal, wanted: LookUpResident) -> ResidentFound:
    """Who has this number, as little of them as will do; a number that nobody has is counted and recorded too.

    Raises BadPhone, NoSuchResident, TooManyRequests."""
    number = phone(wanted.phone)
    await _count(db, me)
    found = await maybe(ResidentFound, db, sql.resident_of_phone, number)
    await records.record(db, me, "staff.resident_looked_up", found and found.resident_id, phone=masked_phone(number))
    if found is None:
        raise NoSuchResident
    await access.opened(db, me, found.resident_id, "Tra cứu theo số điện thoại", wanted.reason)
    return found


async def open_file(db: Connection, me: Principal, resident_id: UUID, wanted: GiveReason) -> ResidentFile:
    """A resident's file; they can see who opened it and why. Raises NotFound, TooManyRequests."""
    await _count(db, me)
    file = await maybe(ResidentFile, db, sql.resident_file, resident_id)
    if file is None:
        raise NotFound
    await access.opened(db, me, resident_id, "Hồ sơ tài khoản", wanted.reason)
    await records.record(db, me, "staff.resident_opened", resident_id)
    return file


async def lock(db: Connection, me: Principal, resident_id: UUID, wanted: GiveReason) -> None:
    """The hotline locks the account of whoever calls; it opens again by a verification. Raises NotFound,
    TooManyRequests."""
    await _count(db, me)
    if await maybe(ResidentFile, db, sql.resident_file, resident_id) is None:
        raise NotFound
    await recovery.lock(db, resident_id, how="hotline")
    await records.record(db, me, "staff.resident_locked", resident_id, reason=wanted.reason)


async def _count(db: Connection, me: Principal) -> None:
    await spend(db, Budget(f"resident files {me.id}", MOST_FILES, WINDOW_S))
