"""The doors to the figures of dossiers."""

from typing import Annotated

from litestar import Response, Router, get
from litestar.datastructures import CacheControlHeader, ResponseHeader
from litestar.params import FromQuery, QueryParameter

from app.deps import Db, Door
from app.types import Page
from dossiers.figures import lateness, statistics
from dossiers.figures.models import (
    AskedCode,
    DossierStatistics,
    FiguresBy,
    FiguresFrom,
    FiguresTo,
    LateDossier,
    Level,
)
from dossiers.figures.statistics import Asked

A_MINUTE = CacheControlHeader(public=True, max_age=60)
BY_LANGUAGE = ResponseHeader(name="vary", value="accept-language")
Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]
WithinDays = Annotated[int, QueryParameter(ge=0, le=30, description="working days after today")]


@get("/v1/dossiers/statistics", public=True, cache_control=A_MINUTE, response_headers=[BY_LANGUAGE])
async def show_dossier_statistics(
    db: Db,
    request: Door,
    from_on: FiguresFrom,
    to_on: FiguresTo,
    by: FromQuery[FiguresBy] = "agency",
    level: FromQuery[Level | None] = None,
    agency: AskedCode = None,
    field: AskedCode = None,
) -> DossierStatistics:
    """How dossiers were dealt with between two days, ten years at most, with the score of Decision 766/QĐ-TTg."""
    asked = Asked(from_on, to_on, by, level, agency, field)
    return await statistics.show(db, asked, request.address, request.lang)


@get(
    "/v1/dossiers/statistics.csv",
    public=True,
    media_type=statistics.CSV,
    cache_control=A_MINUTE,
    response_headers=[BY_LANGUAGE],
)
async def get_dossier_statistics_csv(
    db: Db,
    request: Door,
    from_on: FiguresFrom,
    to_on: FiguresTo,
    by: FromQuery[FiguresBy] = "agency",
    level: FromQuery[Level | None] = None,
    agency: AskedCode = None,
    field: AskedCode = None,
) -> Response[bytes]:
    """The same rows and their total as a CSV file. No cell of it is a formula."""
    asked = Asked(from_on, to_on, by, level, agency, field)
    return await statistics.csv_file(db, asked, request.address, request.lang)


@get("/v1/staff/dossiers/lateness", who=("agency_head", "supervisor"))
async def list_late_dossiers(
    db: Db,
    request: Door,
    agency: AskedCode = None,
    within_days: WithinDays = 3,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[LateDossier]:
    """What is overdue or will be within so many working days, worst first."""
    return await lateness.listed(db, request.me, agency, within_days, cursor, limit, request.lang)


router = Router(
    "/",
    route_handlers=[show_dossier_statistics, get_dossier_statistics_csv, list_late_dossiers],
    tags=["dossiers"],
)
