"""What a wallet may spend, by policy rows: counted in the row of the account that every debit locks anyway.

Days and months are those of Asia/Ho_Chi_Minh. A refund gives back to the month of its payment while that lasts; what
was held and then voided gives back to its day too."""

from typing import Any

import msgspec

from app.db import Connection, one, queries_beside
from app.identity.models import Principal
from wallet.models import Limit, Limits

sql = queries_beside(__file__)


class _Spent(msgspec.Struct, frozen=True):
    policies: dict[str, Any]
    day_goods: int
    day_people: int
    month_general: int
    month_essential: int


async def show(db: Connection, me: Principal) -> Limits:
    """My limits, used and left, and above which amounts of the day which proof is asked for beside the PIN."""
    spent = await one(_Spent, db, sql.limits, me.id)
    rows = spent.policies
    return Limits(
        month_general=_limit(rows["limit.month_general"], spent.month_general),
        month_essential=_limit(rows["limit.month_essential"], spent.month_essential),
        day_goods=_limit(rows["limit.day_goods"], spent.day_goods),
        goods_code_above=rows["step_up.goods_code_above"],
        goods_strong_above=rows["step_up.goods_strong_above"],
        day_people_used=spent.day_people,
        person_strong_above=rows["step_up.person_strong_above"],
        person_day_strong_above=rows["step_up.person_day_strong_above"],
    )


def _limit(allowed: int, used: int) -> Limit:
    return Limit(allowed=allowed, used=used, left=max(0, allowed - used))
