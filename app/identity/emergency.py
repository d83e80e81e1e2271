"""A phone is lost: its owner locks the account from any other one."""

from app.budgets import Budget, spend
from app.db import Connection, queries_beside
from app.errors import Malformed
from app.identity import codes, pins, recovery
from app.identity.models import EmergencyLock, LockAsked
from app.types import address_key, phone

sql = queries_beside(__file__)


async def lock(db: Connection, wanted: EmergencyLock, address: str) -> LockAsked:
    """Lock an account from any phone, by its PIN or by a code; the answer tells nobody whether it was right.

    A guess counts in a budget of its own, so that nobody locks another's PIN by guessing here. Raises BadPhone,
    Malformed, TooManyRequests."""
    number = phone(wanted.phone)
    by_code = wanted.challenge_id is not None and wanted.code is not None
    if by_code == (wanted.pin is not None):
        raise Malformed(errors=[{"field": "pin", "message": "send either pin, or challenge_id and code"}])
    await spend(
        db, Budget(f"lock phone {number}", 5, 86_400), Budget(f"lock address {address_key(address)}", 20, 3600)
    )
    account = await db.fetchrow(sql.account_by_phone, number)
    right = await _is_right(
        db, wanted, number, pins.KeptPin(account["hash"], account["key_id"]) if account and account["hash"] else None
    )
    if account is not None and right:
        await recovery.lock(db, account["id"], "pin" if wanted.pin else "code")
    return LockAsked()


async def _is_right(db: Connection, wanted: EmergencyLock, number: str, kept: pins.KeptPin | None) -> bool:
    if wanted.pin is not None:
        return await pins.is_right(db, kept, wanted.pin)
    assert wanted.challenge_id is not None
    assert wanted.code is not None
    try:
        return await codes.redeem(db, wanted.challenge_id, wanted.code, "lock") == number
    except codes.WrongCode:
        return False
