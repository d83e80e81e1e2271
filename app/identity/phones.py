"""An account's number changes: its owner shows the new one and themselves."""

from app.db import Connection, queries_beside
from app.identity import codes, recovery, verifications
from app.identity.models import ChangePhone, CodeSent, NewPhone, Principal

sql = queries_beside(__file__)


async def request_code(db: Connection, wanted: NewPhone, address: str) -> CodeSent:
    """Have a code sent to the number that the account shall have; raises BadPhone, TooManyCodes."""
    return await codes.request(db, wanted.phone, address, "change_phone")


async def change(db: Connection, me: Principal, wanted: ChangePhone) -> None:
    """Give my account another number: I hold it (the code) and I am who I am (the verification).

    Whoever had the number loses it: numbers are given out again. Raises WrongCode, VerificationNeeded."""
    number = await codes.redeem(db, wanted.challenge_id, wanted.code, "change_phone")
    await verifications.use(db, me, wanted.verification_id)
    await db.execute(sql.lock_phone, number)
    before = await db.fetchval(sql.principal_of_phone, number)
    if before == me.id:
        return
    await db.fetch(sql.principals_for_update, sorted({me.id, before or me.id}))
    if before is not None:
        await recovery.release_number(db, before, number)
    await recovery.take_number(db, me.id, number, keep=me.session_id)
