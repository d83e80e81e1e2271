"""The map is exact, whatever happens to reports and whenever it is asked."""

import asyncio
import random
from collections import defaultdict
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.db import Connection
from app.types import new_id
from feedback import map as report_map
from feedback.boxes import Box, box_of
from feedback.map import FINEST, MOST_FEATURES, SIDE_BITS, cells_for, map_x, map_y, place_of
from feedback.open_models import MapCluster, MapReport, OpenOrClosed, ReportMap
from tests.conftest import City
from tests.feedback.makers import TRANG_TIEN, a_centre, filed
from tests.feedback.planted import planted
from tests.makers import a_resident
from tests.statements import sql

CITY = "107.0,15.9,108.3,16.8"
STATES = ("submitted", "verified", "assigned", "in_progress", "resolved", "closed", "rejected", "duplicate")
CATEGORIES = ("street_light", "waste", "noise")

Clusters = dict[tuple[float, float], tuple[int, int]]


async def clusters(
    db: Connection, bbox: str, zoom: int, category: str | None = None, status: OpenOrClosed | None = None
) -> Clusters:
    found: Clusters = {}
    for feature in (await report_map.show(db, bbox, zoom, category, status)).features:
        assert isinstance(feature.properties, MapCluster)
        found[feature.geometry.coordinates] = feature.properties.count, feature.properties.open
    return found


async def by_hand(
    db: Connection, bbox: str, zoom: int, category: str | None = None, status: OpenOrClosed | None = None
) -> Clusters:
    """The same, from every public report."""
    cells = cells_for(box_of(bbox), zoom)
    members: dict[tuple[int, int], list[tuple[int, int, bool]]] = defaultdict(list)
    for one in await db.fetch(sql.everything_public):
        x, y = map_x(one["lng"]), map_y(one["lat"])
        cell = x >> (SIDE_BITS - cells.level), y >> (SIDE_BITS - cells.level)
        inside = cells.west <= cell[0] <= cells.east and cells.north <= cell[1] <= cells.south
        if (
            inside
            and category in {None, one["category"]}
            and status in {None, "open" if one["is_open"] else "closed"}
        ):
            members[cell].append((x, y, one["is_open"]))
    return {
        place_of(sum(x for x, _, _ in found) / len(found), sum(y for _, y, _ in found) / len(found)): (
            len(found),
            sum(is_open for _, _, is_open in found),
        )
        for found in members.values()
    }


def somewhere(chance: random.Random) -> dict[str, float]:
    """Around the bridge, mostly."""
    spread = chance.choice([0.001, 0.02, 0.3])
    lat, lng = TRANG_TIEN
    return {
        "lat": min(max(lat + chance.gauss(0, spread), 16.0), 16.75),
        "lng": min(max(lng + chance.gauss(0, spread), 107.05), 108.2),
    }


def a_box(chance: random.Random) -> str:
    one, other = somewhere(chance), somewhere(chance)
    west, east = sorted((one["lng"], other["lng"]))
    south, north = sorted((one["lat"], other["lat"]))
    return f"{west},{south},{east},{north}"


@pytest.mark.parametrize("seed", range(4))
async def test_clusters_are_what_one_counts_by_hand(db: Connection, seed: int) -> None:
    chance = random.Random(seed)
    original = await planted(db)
    there = [await planted(db, **somewhere(chance)) for _ in range(chance.randint(5, 60))]
    for _ in range(5):
        for report_id in chance.choices(there, k=20):
            where = somewhere(chance)
            change = chance.choice(STATES), chance.random() < 0.2, chance.choice(CATEGORIES)
            await db.execute(sql.change_report, report_id, *change, where["lat"], where["lng"], original)
        if chance.random() < 0.5:
            await report_map.fold(db)
            assert await db.fetchval(sql.unfolded) == 0
        for zoom in range(17):
            asked: tuple[str, int, Any, Any] = (
                chance.choice([CITY, a_box(chance)]), zoom, chance.choice([None, *CATEGORIES]),
                chance.choice([None, "open", "closed"]),
            )  # fmt: skip
            assert await clusters(db, *asked) == await by_hand(db, *asked), asked


async def test_folding_changes_no_answer(db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_map, "FOLDED_AT_ONCE", 7)
    monkeypatch.setattr(report_map, "MOST_FOLDS", 2)
    chance = random.Random(7)
    for _ in range(30):
        await planted(db, **somewhere(chance))
    before = await clusters(db, CITY, 12)
    await report_map.fold(db)
    assert await db.fetchval(sql.unfolded) == 16
    assert await clusters(db, CITY, 12) == before
    await report_map.fold(db)
    await report_map.fold(db)
    assert await db.fetchval(sql.unfolded) == 0
    assert await clusters(db, CITY, 12) == before
    assert sum(count for count, _ in before.values()) == 30
    cells = [feature.id for feature in (await report_map.show(db, CITY, 12, None, None)).features]
    assert len(set(cells)) == len(before)
    assert all(cell.startswith("13/") for cell in cells)


async def test_python_and_postgresql_agree_where_a_place_is(db: Connection) -> None:
    chance = random.Random(1)
    places = [(chance.uniform(-90, 90), chance.uniform(-180, 180)) for _ in range(500)]
    for lat, lng in [*places, (90, 180), (-90, -180), (0, 0), TRANG_TIEN]:
        there = await db.fetchrow(sql.map_place, float(lng), float(lat))
        assert there is not None
        assert (there["x"], there["y"]) == (map_x(lng), map_y(lat))
    lng, lat = place_of(map_x(TRANG_TIEN[1]), map_y(TRANG_TIEN[0]))
    assert (lat, lng) == pytest.approx(TRANG_TIEN, abs=2e-6)


async def test_from_near_by_each_report_is_a_point(db: Connection, desk: httpx.AsyncClient) -> None:
    report_id = await planted(db, category_code="waste", status="in_progress")
    await planted(db, lat=TRANG_TIEN[0] + 0.01)
    answer = await desk.get("/v1/feedback/map", params={"bbox": "107.589,16.468,107.592,16.470", "zoom": 18})
    assert answer.headers["content-type"] == "application/geo+json"
    [feature] = answer.json()["features"]
    assert answer.json()["type"] == "FeatureCollection"
    assert feature["type"] == "Feature"
    assert feature["id"] == str(report_id)
    assert feature["geometry"] == {"type": "Point", "coordinates": [TRANG_TIEN[1], TRANG_TIEN[0]]}
    assert feature["properties"]["category"] == "waste"
    assert feature["properties"]["status"] == "in_progress"
    assert feature["properties"]["code"].startswith("PA")


async def test_too_many_points_are_clusters(db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_map, "MOST_FEATURES", 5)
    for _ in range(5):
        await planted(db)
    box = "107.5902,16.4688,107.5904,16.4690"
    points = (await report_map.show(db, box, 19, None, None)).features
    assert [type(point.properties) for point in points] == [MapReport] * 5
    await planted(db)
    assert await clusters(db, box, 19) == {place_of(map_x(TRANG_TIEN[1]), map_y(TRANG_TIEN[0])): (6, 6)}


def test_no_box_takes_more_cells_than_an_answer_holds() -> None:
    for zoom in range(25):
        near = cells_for(Box(107.58, 16.46, 107.60, 16.48), zoom)
        assert len(near) <= MOST_FEATURES
        assert near.level == min(max(zoom + 2, 8), FINEST)
        assert len(cells_for(Box(107.0, 15.9, 108.3, 16.8), zoom)) <= MOST_FEATURES
    assert cells_for(Box(-180, -90, 180, 90), 24).level == 8


@pytest.mark.parametrize(
    "bbox",
    [
        "", "1,2,3", "1,2,3,4,5", "a,b,c,d", "170,10,-170,20", "0,20,1,10", "0,0,181,1", "0,-91,1,1", "nan,0,1,1",
        "inf,0,1,1",
    ],
)  # fmt: skip
async def test_an_odd_box_is_refused(desk: httpx.AsyncClient, bbox: str) -> None:
    answer = await desk.get("/v1/feedback/map", params={"bbox": bbox, "zoom": 12})
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:huong:problem:BadBox"


@pytest.mark.parametrize("other", [{"zoom": -1}, {"zoom": 25}, {"status": "submitted"}, {"status": "null"}])
async def test_what_cannot_be_asked_is_refused(desk: httpx.AsyncClient, other: dict[str, Any]) -> None:
    answer = await desk.get("/v1/feedback/map", params={"bbox": CITY, "zoom": 12} | other)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:huong:problem:Malformed")


async def test_a_map_that_has_not_changed_costs_no_bytes(db: Connection, desk: httpx.AsyncClient) -> None:
    report_id = await planted(db)
    url = f"/v1/feedback/map?bbox={CITY}&zoom=10"
    first = await desk.get(url)
    assert first.headers["cache-control"] == "max-age=15, public"
    held = {"if-none-match": first.headers["etag"]}
    assert (await desk.get(url, headers=held)).status_code == 304
    await report_map.fold(db)
    assert (await desk.get(url, headers=held)).status_code == 304, "folding changes nothing"
    await db.execute(sql.change_report, report_id, "resolved", False, "street_light", *TRANG_TIEN, None)
    assert (await desk.get(url, headers=held)).status_code == 200


async def test_it_comes_with_the_verification_and_goes_with_the_merger(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    person, centre = await a_resident(db), await a_centre(db, desk)
    report, original = await filed(desk, person), await filed(desk, person, text="Cột đèn số 7 không sáng")
    assert await clusters(db, CITY, 10) == {}
    await centre.did(report["id"], "verification", accepted=True)
    await centre.did(original["id"], "verification", accepted=True)
    assert [*(await clusters(db, CITY, 10)).values()] == [(2, 2)]
    await report_map.fold(db)
    await centre.did(report["id"], "duplicate", of=original["id"])
    assert [*(await clusters(db, CITY, 10)).values()] == [(1, 1)]


@pytest.mark.parametrize(
    "change", [("rejected", False), ("submitted", False), ("duplicate", False), ("assigned", True)]
)
@pytest.mark.parametrize("folds", [False, True])
async def test_what_is_no_longer_public_is_gone(db: Connection, change: tuple[str, bool], folds: bool) -> None:
    other = await planted(db, lat=16.3, lng=107.9)
    report_id = await planted(db, category_code="waste")
    if folds:
        await report_map.fold(db)
    status, private = change
    await db.execute(sql.change_report, report_id, status, private, "waste", *TRANG_TIEN, other)
    for zoom in (5, 10, 16):
        assert await clusters(db, CITY, zoom, "waste") == {}
        assert len(await clusters(db, CITY, zoom)) == 1
    shown = await report_map.show(db, "107.58,16.46,107.60,16.48", 17, None, None)
    assert shown == ReportMap(features=[])


async def test_nobody_waits_for_anybody(city: City) -> None:
    """Two reports at one place: neither transaction waits for the other, nor the clock for either."""
    async with city.database.acquire() as db:
        first, second = await planted(db, status="submitted"), await planted(db, status="submitted")
    change = ("verified", False, "street_light", *TRANG_TIEN, None)
    async with city.database.transaction() as slow:
        await slow.execute(sql.change_report, first, *change)
        async with city.database.transaction() as quick:
            await quick.execute(sql.change_report, second, *change)
        async with city.database.transaction() as clock:
            await report_map.fold(clock)
            assert [*(await clusters(clock, CITY, 10)).values()] == [(1, 1)]
    async with city.database.acquire() as db:
        assert [*(await clusters(db, CITY, 10)).values()] == [(2, 2)]


async def test_the_map_is_exact_while_many_file_and_the_clock_folds(city: City) -> None:
    original = new_id()
    async with city.database.acquire() as db:
        await planted(db, id=original)

    async def live(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(15):
            async with city.database.transaction() as db:
                where = somewhere(chance)
                report_id = await planted(db, status="submitted", **where)
            async with city.database.transaction() as db:
                status, category = chance.choice(STATES), chance.choice(CATEGORIES)
                await db.execute(
                    sql.change_report, report_id, status, False, category, where["lat"], where["lng"], original
                )

    async def watch() -> None:
        for _ in range(40):
            async with city.database.transaction() as db:
                await report_map.fold(db)
            async with city.database.acquire() as db, db.transaction(isolation="repeatable_read", readonly=True):
                assert await clusters(db, CITY, 12) == await by_hand(db, CITY, 12)

    await asyncio.gather(*(live(seed) for seed in range(6)), watch())
    owner = await asyncpg.connect(city.settings.database_owner_url)
    await owner.execute(sql.delete_report, await one_of(city, original))
    await owner.close()
    await city.worker.keep_schedule()
    async with city.database.acquire() as db:
        assert await db.fetchval(sql.unfolded) == 0
        for zoom in range(17):
            assert await clusters(db, CITY, zoom) == await by_hand(db, CITY, zoom)


async def one_of(city: City, but: UUID) -> UUID:
    """A public report that nothing hangs on."""
    async with city.database.acquire() as db:
        return await db.fetchval(sql.public_but, but)
