"""How often strangers may look: every look counts a little, one in vain more."""

from app.budgets import Budget, spend
from app.db import Connection, queries_beside
from app.errors import TooManyRequests
from app.types import address_key

sql = queries_beside(__file__)

LOOKS = 120, 600
MISSES = 20, 600


async def count(db: Connection, address: str, what: str) -> None:
    """A look at `what` from an address; raises TooManyRequests, also if it has guessed too often."""
    wait_s: int | None = await db.fetchval(sql.papers_budget_is_used_up, _missed(address, what), MISSES[1], MISSES[0])
    if wait_s is not None:
        raise TooManyRequests(retry_after_s=max(1, wait_s))
    await spend(db, Budget(f"{what} {address_key(address)}", *LOOKS))


async def count_miss(db: Connection, address: str, what: str) -> None:
    """It was in vain; raises TooManyRequests."""
    await spend(db, Budget(_missed(address, what), *MISSES))


def _missed(address: str, what: str) -> str:
    return f"no such {what} {address_key(address)}"
