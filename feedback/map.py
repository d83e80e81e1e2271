"""Public reports on a map: from afar clusters, from near by each of them.

The square of the web's maps (spherical Mercator) is cut into 2^level by 2^level cells; a cluster is what lies in a
cell. Cells are counted beforehand, by category: `map_cell` holds what the clock has added up, `map_delta` what
happened since then, and whoever reads adds both. So the answer is exact, whenever it is asked for."""

import math
from uuid import UUID

import msgspec

from app.db import Connection, many, queries_beside
from app.jobs import Scheduled
from feedback.boxes import Box, box_of
from feedback.models import ReportStatus
from feedback.open_models import (
    MapCluster,
    MapFeature,
    MapPoint,
    MapReport,
    OpenOrClosed,
    ReportMap,
)

sql = queries_beside(__file__)

SIDE_BITS = 30
"""A side of the square is 2^30 units, of 4 cm here; the migration's `map_x` and `map_y` know it too."""
SIDE = 1 << SIDE_BITS
COARSEST, FINEST = 8, 18
"""Levels that are counted: the whole city in a cell or two, to cells of 147 m."""
CELLS_OF_A_TILE = 2
"""A tile of 256 pixels is cut into 2^2 by 2^2 cells: a cluster has 64 pixels to itself."""
POINTS_FROM_ZOOM = 17
MOST_FEATURES = 2_000
FOLD_S = 30
FOLDED_AT_ONCE, MOST_FOLDS = 5_000, 20


class Cells(msgspec.Struct, frozen=True):
    """The cells of a level that a box touches, edges included; x counts from the west, y from the north."""

    level: int
    west: int
    north: int
    east: int
    south: int

    def __len__(self) -> int:
        return (self.east - self.west + 1) * (self.south - self.north + 1)


class _Cluster(msgspec.Struct, frozen=True):
    cell: str
    count: int
    open: int
    x: float
    y: float


class _Point(msgspec.Struct, frozen=True):
    id: UUID
    code: str
    category: str
    status: ReportStatus
    lat: float
    lng: float


async def show(db: Connection, bbox: str, zoom: int, category: str | None, status: OpenOrClosed | None) -> ReportMap:
    """What lies in a box, as GeoJSON (RFC 7946) of at most 2,000 features: clusters; from zoom 17 on each report, if
    they are not more than that. A box that would take more cells is shown in larger ones. Raises BadBox."""
    box = box_of(bbox)
    cells = cells_for(box, zoom)
    is_open = None if status is None else status == "open"
    clusters = await many(_Cluster, db, sql.map_clusters, *msgspec.structs.astuple(cells), category, is_open)
    if zoom < POINTS_FROM_ZOOM or cells.level < FINEST or sum(cluster.count for cluster in clusters) > MOST_FEATURES:
        return ReportMap(features=[_cluster_feature(cluster) for cluster in clusters])
    points = await many(_Point, db, sql.map_points, *box, category, is_open, MOST_FEATURES)
    return ReportMap(features=[_report_feature(point) for point in points])


def cells_for(box: Box, zoom: int) -> Cells:
    """The cells of a box at a zoom: finer ones the nearer it is, but not more than 2,000."""
    level = min(max(zoom + CELLS_OF_A_TILE, COARSEST), FINEST)
    while level > COARSEST and len(_cells(box, level)) > MOST_FEATURES:
        level -= 1
    return _cells(box, level)


def _cells(box: Box, level: int) -> Cells:
    shift = SIDE_BITS - level
    return Cells(
        level,
        map_x(box.west) >> shift,
        map_y(box.north) >> shift,
        map_x(box.east) >> shift,
        map_y(box.south) >> shift,
    )


def map_x(lng: float) -> int:
    """How far east of the antimeridian, in units; as SQL's `map_x` has it."""
    return min(math.floor((lng + 180) / 360 * SIDE), SIDE - 1)


def map_y(lat: float) -> int:
    """How far south of the square's northern edge, in units; as SQL's `map_y` has it."""
    return min(max(math.floor((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * SIDE), 0), SIDE - 1)


def place_of(x: float, y: float) -> tuple[float, float]:
    """Longitude and latitude of a place in units, to a millionth of a degree."""
    lat = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / SIDE))))
    return round(x / SIDE * 360 - 180, 6), round(lat, 6)


def _cluster_feature(cluster: _Cluster) -> MapFeature:
    return MapFeature(
        id=cluster.cell,
        geometry=MapPoint(coordinates=place_of(cluster.x, cluster.y)),
        properties=MapCluster(count=cluster.count, open=cluster.open),
    )


def _report_feature(point: _Point) -> MapFeature:
    return MapFeature(
        id=str(point.id),
        geometry=MapPoint(coordinates=(round(point.lng, 6), round(point.lat, 6))),
        properties=MapReport(code=point.code, category=point.category, status=point.status),
    )


# The clock


async def fold(db: Connection) -> None:
    """Add what happened since the last time to the cells of every level."""
    for _ in range(MOST_FOLDS):
        if await db.fetchval(sql.fold_map, FOLDED_AT_ONCE, COARSEST, FINEST) < FOLDED_AT_ONCE:
            return


schedule = (Scheduled(name="fold_map", every_s=FOLD_S, run=fold),)
