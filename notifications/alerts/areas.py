"""Where a warning holds, as CAP says it: a polygon where a ward was drawn, else a circle around its point."""

from math import cos, degrees, pi, radians, sqrt
from typing import Any

import msgspec

from app.db import Connection, queries_beside
from app.places import EARTH_RADIUS_M, MIDDLE_LAT, MIDDLE_LNG

sql = queries_beside(__file__)

CITY_NAME_VI, CITY_NAME_EN = "Thành phố Huế", "Huế city"
CITY_CODE = "46"
"""Of the General Statistics Office, as the wards' codes are."""
CITY_RADIUS_KM = 77.0
"""From the middle of the city to the farthest corner of the box in which all of it lies."""
WIDENED = 1.5
"""A circle is so much wider than one of the ward's size, for no ward is round."""
PLACES = 4
"""Decimals of a degree: eleven metres."""


class Area(msgspec.Struct, frozen=True):
    """An area of a CAP document. A ring is `lat,lng` pairs that end where they began; a circle is its middle, in
    degrees, and its radius in km."""

    name_vi: str
    name_en: str
    code: str
    rings: list[list[tuple[float, float]]] = []
    circle: tuple[float, float, float] | None = None


async def of(db: Connection, wards: list[str]) -> list[Area]:
    """The areas of these wards, by code; of the whole city if there are none."""
    if not wards:
        circle = MIDDLE_LAT, MIDDLE_LNG, CITY_RADIUS_KM
        return [Area(CITY_NAME_VI, CITY_NAME_EN, CITY_CODE, circle=circle)]
    return [_ward(row) for row in await db.fetch(sql.areas, wards)]


def _ward(row: Any) -> Area:
    rings = [ring for outline in row["outlines"] if len(ring := _ring(outline)) >= 4]
    circle = None
    if not rings:
        circle = row["lat"], row["lng"], round(WIDENED * sqrt(row["area_km2"] / pi), 1)
    return Area(row["name"], row["name"], row["code"], rings, circle)


def _ring(outline: Any) -> list[tuple[float, float]]:
    """An outline in degrees, without points that fall together. `_degrees` is `city_point` backwards."""
    ring: list[tuple[float, float]] = []
    for place in [_degrees(point.x, point.y) for point in outline]:
        if not ring or ring[-1] != place:
            ring.append(place)
    return ring if ring[-1] == ring[0] else [*ring, ring[0]]


def _degrees(east_m: float, north_m: float) -> tuple[float, float]:
    lat = MIDDLE_LAT + degrees(north_m / EARTH_RADIUS_M)
    lng = MIDDLE_LNG + degrees(east_m / (EARTH_RADIUS_M * cos(radians(MIDDLE_LAT))))
    return round(lat, PLACES), round(lng, PLACES)
