"""Who works for the city: its agencies, each known by its code everywhere."""

from litestar import Router, get

from app.db import Connection, many, queries_beside
from app.deps import Db, Door
from app.errors import Language
from app.types import Answer

sql = queries_beside(__file__)


class Agency(Answer):
    """An agency, named in the caller's language; `ward` is the code of the ward that it serves, null for the city."""

    code: str
    name: str
    ward: str | None


async def all_of_them(db: Connection, language: Language) -> list[Agency]:
    """Every agency, by code."""
    return await many(Agency, db, sql.agencies, language)


@get("/v1/agencies", public=True)
async def list_agencies(db: Db, request: Door) -> list[Agency]:
    """The city's agencies."""
    return await all_of_them(db, request.lang)


router = Router("/", route_handlers=[list_agencies], tags=["agencies"])
