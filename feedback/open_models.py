"""Nouns of what everybody may read of all reports at once: the map, statistics, open data."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar.params import QueryParameter

from app.types import Answer
from feedback.models import RatingWord, ReportStatus

_FROM = QueryParameter(name="from", description="the first day, by the calendar of Huế")
_TO = QueryParameter(name="to", description="the last day, itself included")
FromDay = Annotated[date, _FROM]
ToDay = Annotated[date, _TO]
OptionalFromDay = Annotated[date | None, _FROM]
OptionalToDay = Annotated[date | None, _TO]
CodeText = Annotated[str | None, QueryParameter(min_length=1, max_length=40)]
BoxText = Annotated[str, QueryParameter(max_length=100, description="west,south,east,north in degrees")]
Zoom = Annotated[int, QueryParameter(ge=0, le=24, description="as maps of 256-pixel tiles count it")]

OpenOrClosed = Literal["open", "closed"]
By = Literal["agency", "category", "ward", "month"]


# The map (RFC 7946)


class MapPoint(Answer, kw_only=True):
    """A GeoJSON geometry: longitude, latitude, in degrees (WGS 84)."""

    type: Literal["Point"] = "Point"
    coordinates: tuple[float, float]


class MapCluster(Answer, tag_field="kind", tag="cluster"):
    """So many reports that are close together, and how many of them are open."""

    count: int
    open: int


class MapReport(Answer, tag_field="kind", tag="report"):
    """One report."""

    code: str
    category: str
    status: ReportStatus


class MapFeature(Answer, kw_only=True):
    """A report where it is, or as exactly as its category is told; or the middle of a cluster. `id`: the report's; a
    cluster's is its cell's, and stays the same while the map is moved."""

    type: Literal["Feature"] = "Feature"
    id: str
    geometry: MapPoint
    properties: MapCluster | MapReport


class ReportMap(Answer, kw_only=True):
    """A GeoJSON feature collection: of clusters or of reports, never both."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[MapFeature]


# Statistics


class ReportNumbers(Answer):
    """Of the reports that came in: how many, and what became of them by now.

    `received` = `open` + `resolved` + `rejected` + `duplicates`; `accepted`: a matter for the city. `late_now`: open,
    past the deadline, and nobody waits for the reporter. `measured`: answered, or past the first deadline; of these,
    `on_time_first` were first answered by the first deadline, `on_time_extended` by the one that stood then,
    extensions included. `reopened`: at least once. Ratings are of the answer that stands. Hours are the clock's, to a
    tenth, from filing to the first human answer: half of the reports, and nine of ten, waited no longer. Shares are
    from 0 to 1; null where there is nothing to divide. Fines are those that were decided and stand, paid or not, in
    đồng and without what is added for being late."""

    received: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicates: int = 0
    resolved: int = 0
    open: int = 0
    late_now: int = 0
    measured: int = 0
    on_time_first: int = 0
    on_time_first_share: float | None = None
    on_time_extended: int = 0
    on_time_extended_share: float | None = None
    reopened: int = 0
    satisfied: int = 0
    acceptable: int = 0
    unsatisfied: int = 0
    satisfied_share: float | None = None
    first_answer_median_h: float | None = None
    first_answer_p90_h: float | None = None
    fines: int = 0
    fines_amount: int = 0


class StatisticsRow(ReportNumbers, kw_only=True):
    """The numbers of an agency, a category, a ward (`key`: its code) or a month (`2026-11`). Null: nobody's yet."""

    key: str | None
    name: str | None


class ReportStatistics(Answer):
    """What came in from one day to another, both included, and what became of it."""

    from_on: date
    to_on: date
    by: By
    total: ReportNumbers
    rows: list[StatisticsRow]


# Open data


class OpenReport(msgspec.Struct, frozen=True):
    """A line of the open data; its columns, in this order."""

    id: UUID
    code: str
    category: str
    category_vi: str
    category_en: str
    status: ReportStatus
    text: str
    lat: float
    lng: float
    place_precision_m: int
    address: str | None
    ward: str
    ward_name: str
    ward_approximate: bool
    urgent: bool
    agency: str | None
    agency_vi: str | None
    agency_en: str | None
    answer: str | None
    made_at: datetime
    updated_at: datetime
    first_due_at: datetime
    due_at: datetime
    first_answered_at: datetime | None
    first_resolved_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    reopened: int
    extended: int
    followers: int
    rating: RatingWord | None
