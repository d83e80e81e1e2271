"""Rules that the city changes without a release: numbers with a day from which they hold."""

from app.db import Connection, queries_beside

sql = queries_beside(__file__)


async def value(db: Connection, code: str) -> int:
    """What holds now: đồng, hours or a level, as the code says; a code that nobody wrote is a programming error."""
    found: int | None = await db.fetchval(sql.policy, code)
    if found is None:
        raise KeyError(code)
    return found
