"""Where things are: the wards of the city."""

from typing import Literal

from litestar import Router, get

from app.db import Connection, many, queries_beside
from app.deps import Db
from app.types import Answer

sql = queries_beside(__file__)


class Ward(Answer):
    """A ward or commune since 2025-07-01, by its code of the General Statistics Office, with a point inside it."""

    code: str
    name: str
    kind: Literal["phường", "xã"]
    lat: float
    lng: float
    area_km2: float


async def wards(db: Connection) -> list[Ward]:
    """All wards of the city, by code."""
    return await many(Ward, db, sql.wards)


@get("/v1/places/wards", public=True)
async def list_wards(db: Db) -> list[Ward]:
    """The wards of the city."""
    return await wards(db)


router = Router("/", route_handlers=[list_wards], tags=["places"])
