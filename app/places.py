"""Where things are: the wards of the city, and in which of them a place is."""

from math import cos, radians
from typing import Annotated, Literal

import asyncpg
from litestar import Router, get
from litestar.params import QueryParameter

from app.db import Connection, many, maybe, queries_beside
from app.deps import Db
from app.errors import Refusal
from app.types import Answer

sql = queries_beside(__file__)

EARTH_RADIUS_M = 6_371_008.8
MIDDLE_LAT, MIDDLE_LNG = 16.37, 107.62

Lat = Annotated[float, QueryParameter(ge=-90, le=90, description="degrees north, WGS 84")]
Lng = Annotated[float, QueryParameter(ge=-180, le=180, description="degrees east, WGS 84")]


class Ward(Answer):
    """A ward or commune since 2025-07-01, by its code of the General Statistics Office, with a point inside it."""

    code: str
    name: str
    kind: Literal["phường", "xã"]
    lat: float
    lng: float
    area_km2: float


class Located(Answer):
    """The ward of a place. `approximate`: it may be a neighbour, for the true boundary is not known, or is near."""

    ward: str
    ward_name: str
    approximate: bool


class OutsideCity(Refusal):
    """Vị trí này nằm ngoài địa bàn thành phố Huế.

    This place lies outside the city."""

    status = 400


async def wards(db: Connection) -> list[Ward]:
    """All wards of the city, by code."""
    return await many(Ward, db, sql.wards)


async def locate(db: Connection, lat: float, lng: float) -> Located:
    """The ward of a place, in degrees (WGS 84), as SQL's `ward_at` has it; raises OutsideCity."""
    located = await maybe(Located, db, sql.ward_at, lat, lng)
    if located is None:
        raise OutsideCity
    return located


def city_point(lat: float, lng: float) -> asyncpg.Point:
    """A place in metres east and north of the city's middle: the twin of SQL's `city_point`, which says how exact."""
    east_m = EARTH_RADIUS_M * cos(radians(MIDDLE_LAT)) * radians(lng - MIDDLE_LNG)
    return asyncpg.Point(east_m, EARTH_RADIUS_M * radians(lat - MIDDLE_LAT))


@get("/v1/places/wards", public=True)
async def list_wards(db: Db) -> list[Ward]:
    """The wards of the city."""
    return await wards(db)


@get("/v1/places/ward", public=True)
async def find_ward(db: Db, lat: Lat, lng: Lng) -> Located:
    """The ward of a place."""
    return await locate(db, lat, lng)


router = Router("/", route_handlers=[list_wards, find_ward], tags=["places"])
