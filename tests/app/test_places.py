"""In which ward a place is: by the nearest centre, and by true boundaries that somebody has imported.

The boundaries here are squares around the middle of the city, so many hundredths of a degree (1.07 km by 1.11 km)."""

import asyncio
import json
import random
from math import asin, cos, hypot, radians, sin, sqrt
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from click.testing import CliRunner, Result

from app import boundaries, cli, config
from app.boundaries import BadBoundaries
from app.db import Connection
from app.places import EARTH_RADIUS_M, Located, OutsideCity, city_point, locate
from migrations import APP_ROLE
from tests.conftest import Servers, cloned
from tests.statements import sql

Ring = list[list[float]]
WEST_WARD, EAST_WARD, THIRD = "19768", "19777", "19786"


def place(east: float, north: float) -> tuple[float, float]:
    """Latitude and longitude of a place, in hundredths of a degree from the middle of the city."""
    return 16.37 + north / 100, 107.62 + east / 100


def square(west: float, south: float, east: float, north: float) -> Ring:
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return [[lng, lat] for lat, lng in (place(*corner) for corner in corners)]


def feature(code: object, *parts: list[Ring], name: str = "code") -> dict[str, Any]:
    kind, coordinates = ("Polygon", parts[0]) if len(parts) == 1 else ("MultiPolygon", parts)
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "properties": {name: code, "tên": "Phường"}, "geometry": geometry}


def geojson(*features: dict[str, Any]) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


NEIGHBOURS = geojson(feature(WEST_WARD, [square(-2, 0, 0, 2)]), feature(EAST_WARD, [square(0, 0, 2, 2)]))


async def ward_of(db: Connection, east: float, north: float) -> tuple[str, bool] | None:
    """The ward's code, and whether that is approximate; None: outside the city."""
    try:
        located = await locate(db, *place(east, north))
    except OutsideCity:
        return None
    return located.ward, located.approximate


# Metres


def haversine_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    (lat, lng), (to_lat, to_lng) = [map(radians, where) for where in (one, other)]
    half = sin((to_lat - lat) / 2) ** 2 + cos(lat) * cos(to_lat) * sin((to_lng - lng) / 2) ** 2
    return 2 * EARTH_RADIUS_M * asin(sqrt(half))


def somewhere(dice: random.Random) -> tuple[float, float]:
    return dice.uniform(15.99, 16.75), dice.uniform(107.03, 108.21)


def test_metres_are_those_of_haversine_all_over_the_city() -> None:
    dice = random.Random(17)
    pairs = [(somewhere(dice), somewhere(dice)) for _ in range(2_000)]
    for lat in (15.99, 16.75):  # where it is worst: from west to east on the edges, near and far
        pairs += [((lat, 107.03), (lat, 108.21)), ((lat, 107.62), (lat, 107.622))]
    for one, other in pairs:
        (x, y), (to_x, to_y) = city_point(*one), city_point(*other)
        assert hypot(to_x - x, to_y - y) == pytest.approx(haversine_m(one, other), rel=0.0021)


async def test_both_city_points_are_the_same(db: Connection) -> None:
    dice = random.Random(18)
    for where in (somewhere(dice) for _ in range(50)):
        assert await db.fetchval(sql.city_point, *where) == pytest.approx(city_point(*where), abs=1e-6)
    assert city_point(16.37, 107.62) == asyncpg.Point(0, 0)


# By centres


async def test_without_boundaries_the_nearest_centre_says_where(desk: httpx.AsyncClient) -> None:
    answer = await desk.get("/v1/places/ward", params={"lat": 16.4640, "lng": 107.5910})
    assert answer.json() == {"ward": "19786", "ward_name": "Thuận Hóa", "approximate": True}


async def test_every_centre_is_in_its_own_ward(db: Connection, desk: httpx.AsyncClient) -> None:
    for ward in (await desk.get("/v1/places/wards")).json():
        assert await locate(db, ward["lat"], ward["lng"]) == Located(
            ward=ward["code"], ward_name=ward["name"], approximate=True
        )


@pytest.mark.parametrize(
    ("lat", "lng"),
    [(16.76, 107.6), (15.98, 107.6), (16.4, 107.02), (16.4, 108.22), (21.0, 105.8), (0, 0), (-90, 180)],
)
async def test_another_place_is_outside_and_is_not_told_again(
    desk: httpx.AsyncClient, lat: float, lng: float
) -> None:
    answer = await desk.get("/v1/places/ward", params={"lat": lat, "lng": lng})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:huong:problem:OutsideCity")
    assert answer.json().keys() == {"type", "title", "title_translated", "status", "request_id"}


@pytest.mark.parametrize(
    "query", ["", "lat=16.4", "lat=91&lng=0", "lat=16,4&lng=107.6", "lat=nan&lng=107.6", "lat=inf&lng=1"]
)
async def test_what_is_no_place_is_malformed(desk: httpx.AsyncClient, query: str) -> None:
    answer = await desk.get(f"/v1/places/ward?{query}")
    assert answer.status_code == 400


# By boundaries


async def test_a_place_is_in_the_ward_whose_boundary_is_around_it(db: Connection) -> None:
    await boundaries.replace(db, NEIGHBOURS)
    assert await ward_of(db, -1, 1) == (WEST_WARD, False)
    assert await ward_of(db, 1, 1) == (EAST_WARD, False)
    assert await ward_of(db, 1.99999, 1.99999) == (EAST_WARD, False)


@pytest.mark.parametrize("north", [0, 0.3, 1, 1.7, 2])
async def test_where_two_wards_meet_a_place_is_in_one(db: Connection, north: float) -> None:
    await boundaries.replace(db, NEIGHBOURS)
    assert await ward_of(db, 0, north) == (WEST_WARD, False)


async def test_a_hole_is_another_wards_or_nobodys(db: Connection) -> None:
    around = feature(WEST_WARD, [square(-6, -6, 6, 6), square(-3, -3, 0, 3), square(1, -3, 4, 3)])
    inside = feature(EAST_WARD, [square(-3, -3, 0, 3)])
    everybody = [feature(code, [square(-60, -30, -59, -29)]) for code in await others(db, WEST_WARD, EAST_WARD)]
    await boundaries.replace(db, geojson(around, inside, *everybody))
    assert await ward_of(db, -4, 0) == (WEST_WARD, False)
    assert await ward_of(db, 0.5, 0) == (WEST_WARD, False)  # between the holes
    assert await ward_of(db, -1.5, 0) == (EAST_WARD, False)
    assert await ward_of(db, -3, 1) == (WEST_WARD, False)  # where they meet
    assert await ward_of(db, 1.2, 0) == (WEST_WARD, True)  # 214 m into the hole
    assert await ward_of(db, 2.5, 0) is None


async def others(db: Connection, *codes: str) -> list[str]:
    """The wards that are not these."""
    return [code for (code,) in await db.fetch(sql.ward_codes) if code not in codes]


async def test_an_island_is_of_its_ward_however_it_is_written(db: Connection) -> None:
    mainland, island, other = square(-2, 0, 0, 2), square(10, 0, 11, 1), square(20, 0, 21, 1)
    await boundaries.replace(db, geojson(feature(WEST_WARD, [mainland], [island]), feature(WEST_WARD, [other])))
    for east in (-1, 10.5, 20.5):
        assert await ward_of(db, east, 0.5) == (WEST_WARD, False)


async def test_the_sea_is_nobodys_but_for_its_shore(db: Connection) -> None:
    everybody = [feature(code, [square(-50, -20, -49, -19)]) for code in await others(db, WEST_WARD, EAST_WARD)]
    west, east = feature(WEST_WARD, [square(-2, 0, 0, 2)]), feature(EAST_WARD, [square(0.3, 0, 2, 2)])
    await boundaries.replace(db, geojson(west, east, *everybody))
    assert await ward_of(db, 0.1, 1) == (WEST_WARD, True)  # in the river between them: the nearer one
    assert await ward_of(db, 0.2, 1) == (EAST_WARD, True)
    assert await ward_of(db, 1, 2.26) == (EAST_WARD, True)  # 289 m from the shore
    assert await ward_of(db, 1, 2.28) is None  # 311 m
    assert await ward_of(db, 2.25, 2.25) is None  # 386 m from the corner, though 267 m north and 278 m east of it


async def test_a_ward_without_a_boundary_is_still_found_by_its_centre(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    known = {ward["code"]: ward for ward in (await desk.get("/v1/places/wards")).json()}
    await boundaries.replace(db, geojson(feature(WEST_WARD, [square(-2, 0, 0, 2)])))
    third, west = known[THIRD], known[WEST_WARD]
    assert (await locate(db, third["lat"], third["lng"])).ward == THIRD
    with pytest.raises(OutsideCity):  # its centre is near, its boundary is not
        await locate(db, west["lat"], west["lng"])


# The import


async def test_another_import_takes_the_place_of_the_first(db: Connection) -> None:
    assert len(await boundaries.replace(db, NEIGHBOURS)) == 40
    again = await boundaries.replace(db, NEIGHBOURS)
    assert [ward.code for ward in again if ward.drawn_km2 is not None] == [WEST_WARD, EAST_WARD]
    await boundaries.replace(db, geojson(feature(THIRD, [square(-2, 0, 0, 2)])))
    assert await ward_of(db, -1, 1) == (THIRD, False)
    assert await ward_of(db, -1.9, 0.1) == (THIRD, False)
    [*_, told] = [dict(row) for row in await db.fetch(sql.audit_rows)]
    assert (told["action"], told["data"]) == ("places.boundaries_imported", {"wards": 1, "rings": 1})


async def test_areas_are_those_of_the_ground(db: Connection) -> None:
    drawn = await boundaries.replace(
        db, geojson(feature(WEST_WARD, [square(0, 0, 10, 10), square(2, 2, 4, 4)], [square(20, 0, 22, 1)]))
    )
    [area_km2] = [ward.drawn_km2 for ward in drawn if ward.drawn_km2 is not None]
    assert area_km2 == pytest.approx((100 - 4 + 2) * 1.112 * 1.067, rel=0.002)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("code", 19768), ("code", "19768"), ("ma_xa", "19768"), ("MaXa", 19768.0), ("MA_XA", " 19768 "),
        ("Mã xã", 19768), ("ward_code", "19768"), ("ma_dvhc", "19768"), ("Ma", 19768), ("place", None),
    ],
)  # fmt: skip
async def test_the_code_goes_by_many_names(db: Connection, name: str, code: object) -> None:
    if code is None:
        with pytest.raises(BadBoundaries, match=r"is the ward's code .* there are place, tên"):
            await boundaries.replace(db, geojson(feature("19768", [square(-2, 0, 0, 2)], name=name)))
        return
    await boundaries.replace(db, b"\xef\xbb\xbf" + geojson(feature(code, [square(-2, 0, 0, 2)], name=name)))
    assert await ward_of(db, -1, 1) == (WEST_WARD, False)


async def test_a_height_is_passed_over(db: Connection) -> None:
    await boundaries.replace(db, geojson(feature(WEST_WARD, [[[*one, 4.2] for one in square(-2, 0, 0, 2)]])))
    assert await ward_of(db, -1, 1) == (WEST_WARD, False)


async def test_a_ring_that_crosses_itself_is_around_what_it_winds_around(db: Connection) -> None:
    south_west, south_east, north_east, north_west, _ = square(-2, 0, 0, 2)
    bow_tie = [south_west, south_east, north_west, [107.61, 16.40], north_east, south_west]
    everybody = [feature(code, [square(-50, -20, -49, -19)]) for code in await others(db, WEST_WARD)]
    await boundaries.replace(db, geojson(feature(WEST_WARD, [bow_tie]), *everybody))
    assert await ward_of(db, -1, 0.5) == (WEST_WARD, False)
    assert await ward_of(db, -1, 2) == (WEST_WARD, False)
    assert await ward_of(db, -1.3, 1) == (WEST_WARD, True)  # beside the knot


POINT = {
    "type": "Feature",
    "properties": {"code": WEST_WARD},
    "geometry": {"type": "Point", "coordinates": [107, 16]},
}
HOLLOW = {"type": "Feature", "properties": {"code": WEST_WARD}, "geometry": None}
METRES = [[[560_000.0, 1_820_000.0], [561_000.0, 1_820_000.0], [561_000.0, 1_821_000.0], [560_000.0, 1_820_000.0]]]


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (b"", "no GeoJSON of wards: Input data was truncated"),
        (b"code,name\n19768,A\n", "no GeoJSON of wards: JSON is malformed"),
        (b"\x89PNG\r\n\x1a\n", "no GeoJSON of wards: "),
        (b"[" * 100_000, "no GeoJSON of wards: "),
        (b"[]", "Expected `object`, got `array`"),
        (b'{"type": "Topology"}', r"Invalid value 'Topology' - at `\$.type`"),
        (geojson(), "Expected `array` of length >= 1 - at `\\$.features`"),
        (geojson(POINT), r"Invalid value 'Point' - at `\$.features\[0\].geometry.type`"),
        (geojson(HOLLOW), r"Expected `object`, got `null` - at `\$.features\[0\].geometry`"),
        (geojson(feature("99999", [square(0, 0, 1, 1)])), "feature 0: no ward of this city has the code '99999'"),
        (geojson(feature(True, [square(0, 0, 1, 1)])), "feature 0: no ward of this city has the code '00001'"),
        (geojson(feature(WEST_WARD, [square(0, 0, 1, 1)[:4]])), "ward 19768: a ring does not end where it begins"),
        (geojson(feature(WEST_WARD, [square(0, 0, 1, 1)[:3]])), "Expected `array` of length >= 4"),
        (geojson(feature(WEST_WARD, [square(0, 0, 1, 0)])), "ward 19768: a ring has no area"),
        (geojson(feature(WEST_WARD, [])), "Expected `array` of length >= 1"),
        (geojson(feature(WEST_WARD, [[one[::-1] for one in square(0, 0, 1, 1)]])), r"\[16.37, 107.62\] is far"),
        (geojson(feature(WEST_WARD, METRES)), r"the position \[560000.0, 1820000.0\] is far from Huế"),
        (geojson(feature(WEST_WARD, [square(0, 0, 1, 1), square(3, 0, 4, 1)])), "a hole lies outside its part"),
        (NEIGHBOURS.replace(b'"19777"', b'"x"'), "feature 1: no ward of this city has the code '0000x'"),
    ],
)  # fmt: skip
async def test_a_bad_file_changes_nothing_and_says_why(db: Connection, file: bytes, why: str) -> None:
    await boundaries.replace(db, NEIGHBOURS)
    with pytest.raises(BadBoundaries, match=why) as told:
        await boundaries.replace(db, file)
    assert "\n" not in str(told.value)
    assert await ward_of(db, 1, 1) == (EAST_WARD, False)


async def test_the_command_says_what_it_did(
    template: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    good, bad = tmp_path / "wards.geojson", tmp_path / "wards.csv"
    good.write_bytes(NEIGHBOURS)
    bad.write_bytes(b"code,name\n19768,Phu Xuan\n")
    async with cloned(template) as name:
        monkeypatch.setenv("DATABASE_URL", template.url(name, APP_ROLE))
        config.settings.cache_clear()
        try:
            done, again, refused = [await imported(path) for path in (good, good, bad)]
            gone = await imported(tmp_path / "gone")
        finally:
            monkeypatch.delenv("DATABASE_URL")
            config.settings.cache_clear()
        connection = await asyncpg.connect(template.url(name, APP_ROLE))
        assert await ward_of(connection, 1, 1) == (EAST_WARD, False)
        await connection.close()
    lines = done.output.splitlines()
    assert lines[0] == "2 of 40 wards have a boundary"
    assert "19786 Thuận Hóa: no boundary; its places are found by its centre" in lines
    assert "19768 Phú Xuân: its known centre lies outside its boundary" in lines
    assert "19768 Phú Xuân: 4.7 km² within its boundary, 10.4 km² known" in lines
    assert lines[-1] == "all of them: 9.5 km² within boundaries, 19.3 km² known"
    assert (again.exit_code, again.output) == (0, done.output)
    assert refused.exit_code == 1
    assert str(refused.exception).startswith("huong: this is no GeoJSON of wards: JSON is malformed")
    assert gone.exit_code == 2


async def imported(path: Path) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, cli.import_wards, [str(path)])
