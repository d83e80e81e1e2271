"""Who issues bills."""

from app.db import Connection, many, queries_beside
from app.errors import Language
from wallet.models import Biller

sql = queries_beside(__file__)


async def all_of_them(db: Connection, language: Language) -> list[Biller]:
    """Every open biller, named in the caller's language."""
    return await many(Biller, db, sql.billers, language)
