"""A phone is lost: its owner locks the account from any other one."""

from uuid import UUID

from app.budgets import Budget, spend
from app.db import Connection, Database, queries_beside
from app.errors import Malformed
from app.identity import codes, pins, recovery
from app.identity.models import EmergencyLock, LockAsked
from app.identity.pins import KeptPin
from app.types import address_key, phone

sql = queries_beside(__file__)


async def lock(database: Database, wanted: EmergencyLock, address: str) -> LockAsked:
    """Lock an account from any phone, by its PIN or by a code; the answer tells nobody whether it was right.

    Guesses have budgets of their own, so that nobody locks another's PIN by guessing here; the code's way stays open
    when somebody has used up the PIN's. Short transactions of its own, none while a hash is computed.

    Raises BadPhone, Malformed, TooManyRequests."""
    number = phone(wanted.phone)
    by_code = wanted.challenge_id is not None and wanted.code is not None
    if by_code == (wanted.pin is not None):
        raise Malformed(errors=[{"field": "pin", "message": "send either pin, or challenge_id and code"}])
    if wanted.pin is not None:
        await _by_pin(database, number, wanted.pin, address_key(address))
    elif wanted.challenge_id is not None and wanted.code is not None:
        await _by_code(database, number, wanted.challenge_id, wanted.code, address_key(address))
    return LockAsked()


async def _by_pin(database: Database, number: str, pin: str, place: str) -> None:
    async with database.deed() as db:
        await spend(
            db,
            Budget(f"lock phone {number} {place}", 5, 86_400),
            Budget(f"lock phone {number}", 30, 86_400),
            Budget(f"lock address {place}", 20, 3600),
        )
        account = await db.fetchrow(sql.account_by_phone, number)
    kept = KeptPin(account["hash"], account["key_id"]) if account and account["hash"] else None
    if await pins.is_right(kept, pin) and account is not None:
        async with database.deed() as db:
            await recovery.lock(db, account["id"], "pin")


async def _by_code(database: Database, number: str, challenge_id: UUID, code: str, place: str) -> None:
    async with database.deed() as db:
        await spend(db, Budget(f"lock address {place}", 20, 3600))
        if await _is_its_code(db, number, challenge_id, code):
            account = await db.fetchrow(sql.account_by_phone, number)
            if account is not None:
                await recovery.lock(db, account["id"], "code")


async def _is_its_code(db: Connection, number: str, challenge_id: UUID, code: str) -> bool:
    try:
        return await codes.redeem(db, challenge_id, code, "lock") == number
    except codes.WrongCode:
        return False
