"""The wards' true boundaries, read from a GeoJSON file (RFC 7946) that whoever keeps the city's map has made."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, NamedTuple
from unicodedata import normalize

import asyncpg
import msgspec
from msgspec import Meta

from app.audit import records
from app.db import Connection, many, queries_beside
from app.places import city_point, wards

sql = queries_beside(__file__)

WEST, SOUTH, EAST, NORTH = 106.5, 15.5, 109.0, 17.5
"""Nothing of Huế is beyond, with much room around it: what is there is in metres, or latitude first."""
LEAST_AREA_M2 = 1.0
CODE_NAMES = ("wardcode", "maphuongxa", "maxa", "maphuong", "madvhc", "magso", "code", "ma")
"""What the property with the ward's code is called: the first of these that is there, however it is written."""


class BadBoundaries(Exception):
    """The file cannot be imported, and why; one line for the person at the shell."""


Position = Annotated[list[float], Meta(min_length=2)]
Ring = Annotated[list[Position], Meta(min_length=4)]
Part = Annotated[list[Ring], Meta(min_length=1)]


class _Polygon(msgspec.Struct, tag="Polygon"):
    coordinates: Part

    @property
    def parts(self) -> list[Part]:
        return [self.coordinates]


class _MultiPolygon(msgspec.Struct, tag="MultiPolygon"):
    coordinates: Annotated[list[Part], Meta(min_length=1)]

    @property
    def parts(self) -> list[Part]:
        return self.coordinates


class _Feature(msgspec.Struct, tag="Feature"):
    properties: dict[str, Any]
    geometry: _Polygon | _MultiPolygon


class _FeatureCollection(msgspec.Struct, tag="FeatureCollection"):
    features: Annotated[list[_Feature], Meta(min_length=1)]


class Area(NamedTuple):
    """A ring of a ward: the outline of one of its parts (ring 0), or a hole in it, as `city_point` has its points."""

    ward_code: str
    part: int
    ring: int
    outline: asyncpg.Polygon


class DrawnWard(msgspec.Struct, frozen=True):
    """A ward, its known area, and that within its boundary; None: it has no boundary."""

    code: str
    name: str
    area_km2: float
    drawn_km2: float | None
    holds_centre: bool | None


async def replace(db: Connection, geojson: bytes) -> list[DrawnWard]:
    """Have these boundaries and no others; how every ward is drawn now. Raises BadBoundaries.

    A ward may have several features, which are its parts. A ring that crosses itself is taken as it is: what it winds
    around is inside, and the area tells."""
    areas = read(geojson, {ward.code for ward in await wards(db)})
    await db.execute(sql.drop_ward_areas)
    await db.executemany(sql.put_ward_area, areas)
    drawn = await many(DrawnWard, db, sql.drawn_wards)
    count = sum(ward.drawn_km2 is not None for ward in drawn)
    await records.record_own(db, "places.boundaries_imported", None, wards=count, rings=len(areas))
    return drawn


def read(geojson: bytes, codes: set[str]) -> list[Area]:
    """The rings of a FeatureCollection whose features bear these codes; raises BadBoundaries."""
    try:
        collection = msgspec.json.decode(geojson.removeprefix(b"\xef\xbb\xbf"), type=_FeatureCollection)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as mistake:
        raise BadBoundaries(f"this is no GeoJSON of wards: {mistake}") from None
    areas: list[Area] = []
    parts = dict.fromkeys(codes, 0)
    for number, feature in enumerate(collection.features):
        code = _code_of(feature, number)
        if code not in codes:
            raise BadBoundaries(f"feature {number}: no ward of this city has the code {code!r}")
        for part in feature.geometry.parts:
            outlines = [_outline(ring, f"feature {number}, ward {code}") for ring in part]
            if not all(_is_around(outlines[0], hole) for hole in outlines[1:]):
                raise BadBoundaries(f"feature {number}, ward {code}: a hole lies outside its part")
            areas += [Area(code, parts[code], ring, outline) for ring, outline in enumerate(outlines)]
            parts[code] += 1
    return areas


def _code_of(feature: _Feature, number: int) -> str:
    """Five digits, also where a spreadsheet has made a number of them."""
    there = {_plain(name): value for name, value in feature.properties.items()}
    for name in CODE_NAMES:
        match there.get(name):
            case str(text) if text.strip():
                return text.strip().zfill(5)
            case int() | float() as value:
                return f"{value:05.0f}"
            case _:
                continue
    raise BadBoundaries(
        f"feature {number}: no property is the ward's code (such as `code` or `ma_xa`); there are "
        + (", ".join(feature.properties) or "none")
    )


def _plain(name: str) -> str:
    """`Mã_Xã` → `maxa`."""
    return "".join(letter for letter in normalize("NFD", name.lower()) if letter.isascii() and letter.isalnum())


def _outline(ring: Ring, where: str) -> asyncpg.Polygon:
    if ring[0] != ring[-1]:
        raise BadBoundaries(f"{where}: a ring does not end where it begins")
    for lng, lat, *_ in ring:
        if not (WEST <= lng <= EAST and SOUTH <= lat <= NORTH):
            raise BadBoundaries(
                f"{where}: the position [{lng}, {lat}] is far from Huế; longitude comes first, in degrees (WGS 84)"
            )
    points = [city_point(lat, lng) for lng, lat, *_ in ring]
    if abs(sum(_turns(points))) / 2 < LEAST_AREA_M2:
        raise BadBoundaries(f"{where}: a ring has no area")
    return asyncpg.Polygon(*points[:-1])


def _turns(points: list[asyncpg.Point]) -> Iterator[float]:
    """Twice the area under each side of a ring (the shoelace formula)."""
    for one, other in pairwise(points):
        yield one.x * other.y - other.x * one.y


def _is_around(outline: asyncpg.Polygon, hole: asyncpg.Polygon) -> bool:
    """By their bounding boxes: it finds the island that somebody has written as a hole."""
    (west, south, east, north), inner = _extent(outline), _extent(hole)
    return west <= inner[0] and south <= inner[1] and inner[2] <= east and inner[3] <= north


def _extent(polygon: asyncpg.Polygon) -> tuple[float, float, float, float]:
    easts, norths = [point.x for point in polygon.points], [point.y for point in polygon.points]
    return min(easts), min(norths), max(easts), max(norths)
