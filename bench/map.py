"""What a map of a city costs that has been told of 500,000 things, beside counting them when somebody looks.

`python -m bench.map`: a new database with so many reports, as the verbs would leave them (nine of ten public, four of
five of these answered; around the middle of the city and the wards' centres), inserted by SQL with their indexes
there and their trigger on; the map's cells are what the clock's own `fold` made of the trigger's rows. Then, on one
connection and through the product's own statements:

- At each zoom, a screen of 1280 x 800 around the middle of Huế: clusters by `map.show`, from the question to the
  features, beside a GROUP BY over the view `public_report` in a box as large, by a grid of degrees with cells as
  large (which is cheaper than Mercator's), its rows merely fetched. It is asked in two ways, by the view's index on
  the place and by plain comparisons, which lets PostgreSQL read the table in order; the quicker one counts. Without a
  filter and for one category, all of it warm. From zoom 17 on ours answers with points where they are few enough,
  which a GROUP BY does not: that is left out. Ours also with 2,000 rows that the clock has not folded yet.
- What lies within 250 m of a place, and the first page of a box of 1 km by 1 km, at 200 places each: our times alone,
  with an aim. And a year's statistics by ward.

It compares two ways to the same answer in one database, on this machine and nothing else: no network, no other load.
Near by there is little to count, and there the ratio falls: the aim is for screens that show 20,000 reports or more.
One line of JSON at the end."""

import argparse
import asyncio
import math
import platform
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from statistics import median

import asyncpg
import msgspec

import migrations
from app.clock import city_today
from app.db import Connection, prepare_connection
from app.embedded import Postgres
from bench.postgres import make_database, postgres
from feedback import map as report_map
from feedback import statistics
from feedback.boxes import box_of
from feedback.map import POINTS_FROM_ZOOM, SIDE, cells_for, map_x, map_y, place_of
from feedback.open_models import MapCluster

DATABASE, APP_ROLE = "map", "huong_app"
MIDDLE = (16.4637, 107.5909)
SCREEN = (1280, 800)
ZOOMS = range(7, POINTS_FROM_ZOOM)
CATEGORY = "waste"
CHUNK = 25_000
UNFOLDED = 2_000
COUNTS_FROM = 20_000
AIMS = {
    "clusters beside GROUP BY, where a screen shows 20,000 or more": "≥ 16",
    "nearby_ms": "≤ 2",
    "box_ms": "≤ 10",
}


class Zoomed(msgspec.Struct):
    """A screen at a zoom: how many reports and clusters it shows, what they cost us (also with rows that are not
    folded) and the quicker GROUP BY, in ms."""

    zoom: int
    category: str | None
    reports: int
    clusters: int
    ours_ms: float
    unfolded_ms: float
    group_by_ms: float
    ratio: float


def screen(zoom: int) -> str:
    """The box of a screen around the middle of the city."""
    unit = SIDE / (256 << zoom)
    x, y = map_x(MIDDLE[1]), map_y(MIDDLE[0])
    half = SCREEN[0] * unit / 2, SCREEN[1] * unit / 2
    west, north = place_of(max(0, x - half[0]), max(0, y - half[1]))
    east, south = place_of(min(SIDE, x + half[0]), min(SIDE, y + half[1]))
    return f"{west},{south},{east},{north}"


async def took_ms(rounds: int, ask: Callable[[], Awaitable[object]]) -> float:
    """The median, once warm."""
    times: list[float] = []
    for number in range(rounds + 2):
        began_s = time.perf_counter()
        await ask()
        if number >= 2:
            times.append((time.perf_counter() - began_s) * 1000)
    return median(times)


async def clusters(db: Connection, rounds: int) -> list[Zoomed]:
    """Every zoom, ours and by hand; ours first with rows that nobody has folded, which are then folded."""
    asked = [(zoom, category) for category in (None, CATEGORY) for zoom in ZOOMS]
    await db.execute(STIR, UNFOLDED)
    unfolded = [await ours_ms(db, zoom, category, rounds) for zoom, category in asked]
    await report_map.fold(db)
    found: list[Zoomed] = []
    for (zoom, category), unfolded_ms in zip(asked, unfolded, strict=True):
        shown = await counts(db, zoom, category)
        one, other = (
            await ours_ms(db, zoom, category, rounds),
            await by_hand_ms(db, zoom, category, rounds, sum(shown)),
        )
        line = Zoomed(
            zoom, category, sum(shown), len(shown), round(one, 3), round(unfolded_ms, 3), round(other, 3),
            round(other / one, 1),
        )  # fmt: skip
        found.append(line)
        print(
            f"zoom {zoom:2} {category or 'all':6} {line.reports:>8,} reports in {line.clusters:>4,} clusters:"
            f" {one:6.2f} ms ({unfolded_ms:.2f} unfolded), GROUP BY {other:7.1f} ms   x {line.ratio}"
        )
    return found


async def ours_ms(db: Connection, zoom: int, category: str | None, rounds: int) -> float:
    """What the verb takes."""
    return await took_ms(rounds, lambda: report_map.show(db, screen(zoom), zoom, category, None))


async def counts(db: Connection, zoom: int, category: str | None) -> list[int]:
    """How many reports each of our clusters has."""
    features = (await report_map.show(db, screen(zoom), zoom, category, None)).features
    return [one.properties.count for one in features if isinstance(one.properties, MapCluster)]


async def by_hand_ms(db: Connection, zoom: int, category: str | None, rounds: int, ours: int) -> float:
    """What the quicker GROUP BY takes in the box that our cells cover; both must count what we count, but for what
    lies within a millionth of a degree of its edges."""
    cells = cells_for(box_of(screen(zoom)), zoom)
    side = SIDE >> cells.level
    west, north = place_of(cells.west * side, cells.north * side)
    east, south = place_of((cells.east + 1) * side, (cells.south + 1) * side)
    step = 360 / (1 << cells.level)
    asked = (west, south, east, north, step, step * math.cos(math.radians(MIDDLE[0])), category)
    for statement in (BY_INDEX, IN_ORDER):
        theirs = sum(row["count"] for row in await db.fetch(statement, *asked))
        if abs(ours - theirs) > 5 + theirs // 10_000:
            raise SystemExit(f"zoom {zoom}: we count {ours}, the GROUP BY {theirs}")
    return min(
        await took_ms(rounds, lambda: db.fetch(BY_INDEX, *asked)),
        await took_ms(rounds, lambda: db.fetch(IN_ORDER, *asked)),
    )


async def around(db: Connection, rounds: int) -> dict[str, float]:
    """What lies near a place, and in a box of a kilometre, at places where something was reported."""
    places = [(row["lat"], row["lng"]) for row in await db.fetch(PLACES, rounds)]
    waits: dict[str, list[float]] = {"nearby_ms": [], "box_ms": []}
    for lat, lng in places:
        half_lat, half_lng = 500 / 111_195, 500 / 106_690
        box = (lng - half_lng, lat - half_lat, lng + half_lng, lat + half_lat)
        nobody = (None,) * 6
        for name, statement, asked in (
            ("nearby_ms", report_map.sql.nearby_reports, (lat, lng, 250, None, None, [], 10, 20, "vi")),
            ("box_ms", report_map.sql.public_reports, (*box, *nobody, 21, "vi")),
        ):
            await db.fetch(statement, *asked)
            began_s = time.perf_counter()
            await db.fetch(statement, *asked)
            waits[name].append((time.perf_counter() - began_s) * 1000)
    found = {name: round(median(times), 3) for name, times in waits.items()}
    year = city_today() - timedelta(days=365), city_today()
    found["statistics_ms"] = round(
        await took_ms(3, lambda: statistics.show(db, *year, "ward", "203.0.113.7", "vi")), 1
    )
    for name, wait_ms in found.items():
        print(f"{name:14} {wait_ms:8.3f}   aim {AIMS.get(name, '-')}")
    return found


async def prepare(server: Postgres, reports: int) -> None:
    """A migrated database with so many reports, its cells folded."""
    await make_database(server, DATABASE, app_role=APP_ROLE)
    url = server.url(DATABASE, "postgres")
    await migrations.migrate(url, APP_ROLE, "sandbox")
    db = await asyncpg.connect(url, server_settings={"synchronous_commit": "off", "timezone": "UTC"})
    began_s = time.perf_counter()
    await db.execute("SELECT setseed(0.5)")
    for first in range(0, reports, CHUNK):
        await db.execute(TOLD, first, min(first + CHUNK, reports) - 1, reports)
    inserted_s = time.perf_counter() - began_s
    while await db.fetchval("SELECT EXISTS (SELECT FROM map_delta)"):
        await report_map.fold(db)
    folded_s = time.perf_counter() - began_s - inserted_s
    await db.execute("VACUUM ANALYZE")
    cells = await db.fetchval(CELLS)
    await db.close()
    print(f"{reports:,} reports after {inserted_s:.0f} s, folded in {folded_s:.0f} s: {cells}")


async def measure(server: Postgres, reports: int, rounds: int) -> dict[str, object]:
    """Fill, then ask."""
    await prepare(server, reports)
    db = await asyncpg.connect(server.url(DATABASE, APP_ROLE), server_settings={"jit": "off", "timezone": "UTC"})
    await prepare_connection(db)
    zooms = await clusters(db, rounds)
    others = await around(db, 200)
    await db.close()
    least = min((zoom.ratio for zoom in zooms if zoom.reports >= COUNTS_FROM), default=None)
    print(f"where a screen shows {COUNTS_FROM:,} reports or more: at least x {least} (aim ≥ 16)")
    return {
        "python": platform.python_version(), "reports": reports, "zooms": zooms, **others, "least_ratio": least,
        "aims": AIMS,
    }  # fmt: skip


# Six of ten around a ward's centre, three around the middle of the city, one in a street.
TOLD = """
INSERT INTO report (id, code, channel, category_code, said, lat, lng, address, ward_code, ward_approximate, private,
    confidential, share_name, urgent, status, agency_code, answer, public_said, public_answer, public_lat, public_lng,
    public_address, made_at, updated_at, first_due_at, due_at, warn_at, verified_at, first_answered_at,
    first_resolved_at, resolved_at)
SELECT uuidv7(), 'PA' || lpad(upper(to_hex(n * 7919 % 4294967296)), 8, '0'), 'app', category, said, place.lat,
    place.lng, street, ward_code, true, chance < 0.05, false, false, false, status,
    CASE WHEN status NOT IN ('submitted', 'rejected') THEN route_of(category, ward_code) END, answer, said, answer,
    place.lat, place.lng, street, made_at, made_at, made_at + interval '2 days', made_at + interval '2 days',
    made_at + interval '1 day', made_at + interval '1 hour', made_at + interval '1 hour' * (1 + 30 * random()),
    CASE WHEN answer IS NOT NULL THEN made_at + interval '30 hours' END,
    CASE WHEN answer IS NOT NULL THEN made_at + interval '30 hours' END
FROM (
    SELECT n, random() AS chance, city_now() - interval '1 year' * (1 - n::float8 / $3::bigint) AS made_at,
        (ARRAY['waste', 'waste', 'waste', 'pothole', 'pothole', 'street_light', 'street_light', 'drainage', 'parking',
            'pavement', 'noise', 'telecom'])[1 + floor(random() * 12)::int] AS category,
        'Phản ánh số ' || n || ': rác chất đống trước ngõ, bốc mùi, xin xử lý sớm' AS said,
        'Đường số ' || n % 500 AS street, 1 + floor(random() * 40)::int AS number, random() AS where_to,
        random_normal(0, 0.012) AS north, random_normal(0, 0.012) AS east
    FROM generate_series($1::bigint, $2::bigint) AS n
) AS told
JOIN (
    SELECT row_number() OVER (ORDER BY code) AS number, code AS ward_code, lat, lng FROM ward
) AS ward USING (number)
CROSS JOIN LATERAL (SELECT
    CASE WHEN where_to < 0.6 THEN ward.lat + north WHEN where_to < 0.9 THEN 16.4637 + north
        ELSE 16.4689 + north / 50 END AS lat,
    CASE WHEN where_to < 0.6 THEN ward.lng + east WHEN where_to < 0.9 THEN 107.5909 + east
        ELSE 107.5903 + east / 50 END AS lng
) AS place
CROSS JOIN LATERAL (SELECT CASE WHEN chance < 0.08 THEN 'submitted' WHEN chance < 0.1 THEN 'rejected'
    WHEN chance < 0.2 THEN 'assigned' WHEN chance < 0.28 THEN 'in_progress' ELSE 'closed' END AS status) AS state
CROSS JOIN LATERAL (SELECT CASE WHEN status = 'closed' THEN 'Đã thu gom và nhắc nhở các hộ' END AS answer) AS fate
"""

CELLS = "SELECT count(*) || ' cells, ' || pg_size_pretty(pg_total_relation_size('map_cell')) FROM map_cell"

_COUNTED = """
SELECT count(*), count(*) FILTER (WHERE is_open) AS open, avg(lng) AS lng, avg(lat) AS lat
FROM public_report
WHERE ($7::text IS NULL OR category_code = $7) AND {box}
GROUP BY floor(lng / $5), floor(lat / $6)
"""
BY_INDEX = _COUNTED.format(box="spot <@ box(city_point($2, $1), city_point($4, $3))")
IN_ORDER = _COUNTED.format(box="lng BETWEEN $1 AND $3 AND lat BETWEEN $2 AND $4")

STIR = """
UPDATE report SET status = 'closed' WHERE id IN (
    SELECT id FROM report WHERE status = 'in_progress' AND is_public ORDER BY id LIMIT $1::int / 2)
"""

PLACES = "SELECT lat, lng FROM public_report WHERE is_open ORDER BY md5(id::text) LIMIT $1"


def main() -> None:
    """Fill, measure, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--reports", type=int, default=500_000)
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--data-dir", type=Path, default=Path("var/map"))
    chosen = options.parse_args()
    with postgres(chosen.data_dir.resolve(), connections=20) as server:
        result = asyncio.run(measure(server, chosen.reports, chosen.rounds))
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
