"""A word before a bill of a kept code is due: once per bill and resident."""

from uuid import UUID

from app.clock import CITY_ZONE, city_now, city_today
from app.db import Database, queries_beside

sql = queries_beside(__file__)

BATCH = 1000
FROM_HOUR = 8
"""Nobody is told of bills, or pays them unawares, in the night."""
FIRST = UUID(int=0)


async def remind(database: Database) -> None:
    """Go through all kept codes, a page a transaction; whoever was told before is not told again."""
    last: tuple[UUID, UUID] | None = (FIRST, FIRST) if is_day() else None
    while last is not None:
        async with database.transaction() as db:
            row = await db.fetchrow(sql.remind, *last, BATCH, city_today())
        last = None if row is None else (row["principal_id"], row["id"])


def is_day() -> bool:
    """Are people awake in Huế?"""
    return city_now().astimezone(CITY_ZONE).hour >= FROM_HOUR
