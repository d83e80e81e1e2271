"""The doors to what everybody may read of all reports at once: the map, statistics, open data."""

from litestar import Router, get
from litestar.datastructures import CacheControlHeader, ResponseHeader
from litestar.params import FromQuery
from litestar.response import Stream

from app.deps import Db, Door
from feedback import map as report_map
from feedback import open_data, statistics
from feedback.open_data import Wanted
from feedback.open_models import (
    BoxText,
    By,
    CodeText,
    FromDay,
    OpenOrClosed,
    OptionalFromDay,
    OptionalToDay,
    ReportMap,
    ReportStatistics,
    ToDay,
    Zoom,
)

A_MOMENT = CacheControlHeader(public=True, max_age=15)
FIVE_MINUTES = CacheControlHeader(public=True, max_age=300)
BY_LANGUAGE = ResponseHeader(name="vary", value="accept-language")


@get("/v1/feedback/map", public=True, media_type="application/geo+json", cache_control=A_MOMENT)
async def show_report_map(
    db: Db,
    bbox: BoxText,
    zoom: Zoom,
    category: CodeText = None,
    status: FromQuery[OpenOrClosed | None] = None,
) -> ReportMap:
    """Public reports in a box, as GeoJSON: clusters from afar, reports from zoom 17 on; at most 2,000 features."""
    return await report_map.show(db, bbox, zoom, category, status)


@get("/v1/feedback/statistics", public=True, cache_control=FIVE_MINUTES, response_headers=[BY_LANGUAGE])
async def show_report_statistics(
    db: Db, request: Door, from_on: FromDay, to_on: ToDay, by: FromQuery[By] = "agency"
) -> ReportStatistics:
    """How the city dealt with what came in between two days, a year at most."""
    return await statistics.show(db, from_on, to_on, by, request.address, request.lang)


@get("/v1/feedback/reports.csv", public=True, media_type=open_data.CSV, cache_control=FIVE_MINUTES)
async def get_reports_csv(
    request: Door,
    from_on: OptionalFromDay = None,
    to_on: OptionalToDay = None,
    category: CodeText = None,
    ward: CodeText = None,
) -> Stream:
    """Public reports that came in between two days, a year at most, as a CSV file. No cell of it is a formula."""
    wanted = Wanted(category, ward)
    return await open_data.csv_file(request.app.state.database, request.address, from_on, to_on, wanted)


@get(
    "/v1/feedback/feed.rss",
    public=True,
    media_type=open_data.RSS,
    cache_control=FIVE_MINUTES,
    response_headers=[BY_LANGUAGE],
)
async def get_reports_feed(db: Db, request: Door, category: CodeText = None, ward: CodeText = None) -> bytes:
    """The newest 50 public reports, as RSS 2.0."""
    return await open_data.feed(db, Wanted(category, ward), request.lang)


router = Router(
    "/",
    route_handlers=[show_report_map, show_report_statistics, get_reports_csv, get_reports_feed],
    tags=["feedback"],
)
