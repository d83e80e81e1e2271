"""Budgets: how often something may be done in a window. Kept in PostgreSQL, so that Redis down opens no door."""

import msgspec

from app.db import Connection, many, queries_beside
from app.errors import TooManyRequests

sql = queries_beside(__file__)


class Budget(msgspec.Struct, frozen=True):
    """At most `most` uses of `key` in `window_s` seconds, counted from the first; this time, `uses` of them."""

    key: str
    most: int
    window_s: int
    uses: int = 1


class _Spent(msgspec.Struct, frozen=True):
    key: str
    window_s: int
    used: int
    left_s: int


async def spend(db: Connection, *budgets: Budget, refusal: type[TooManyRequests] = TooManyRequests) -> None:
    """Use each budget; raises `refusal` with the time to wait if one is used up.

    The refusal rolls the request back, so it uses none: nobody wears out the city's budget by being refused."""
    spent = await many(
        _Spent,
        db,
        sql.spend_budgets,
        [budget.key for budget in budgets],
        [budget.window_s for budget in budgets],
        [budget.uses for budget in budgets],
    )
    most = {(budget.key, budget.window_s): budget.most for budget in budgets}
    over = [use for use in spent if use.used > most[use.key, use.window_s]]
    if over:
        raise refusal(retry_after_s=max(use.left_s for use in over))
