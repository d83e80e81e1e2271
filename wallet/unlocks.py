"""The PIN opens money-out for this session, for five minutes."""

from app.db import Connection, one, queries_beside
from app.identity import pins
from app.identity.models import Principal
from wallet.models import Unlocked

sql = queries_beside(__file__)


async def unlock(db: Connection, me: Principal, pin: str) -> Unlocked:
    """Open the wallet; raises WrongPin, PinLocked, PinExhausted, PinNotSet."""
    await pins.check(db, me.id, pin)
    return await one(Unlocked, db, sql.unlock, me.session_id)
