"""The PIN opens money-out for this session, for five minutes."""

from app.db import Database, one, queries_beside
from app.identity import pins
from app.identity.models import Principal
from wallet.models import Unlocked

sql = queries_beside(__file__)


async def unlock(database: Database, me: Principal, pin: str) -> Unlocked:
    """Open the wallet, after `pins.check` in its own transactions; raises what that raises."""
    await pins.check(database, me, pin)
    async with database.deed() as db:
        return await one(Unlocked, db, sql.unlock, me.session_id)
