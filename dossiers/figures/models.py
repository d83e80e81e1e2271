"""What is counted of dossiers, as it travels."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from litestar.params import QueryParameter

from app.types import Answer

Level = Literal["city", "ward", "district"]
FiguresBy = Literal["agency", "field", "level", "month"]
ScoreCode = Literal["publicity", "progress", "online_services", "online_payment", "digitisation", "satisfaction"]

FiguresFrom = Annotated[date, QueryParameter(name="from", description="the first day, in Huế")]
FiguresTo = Annotated[date, QueryParameter(name="to", description="the last day, in Huế")]
AskedCode = Annotated[str | None, QueryParameter(min_length=1, max_length=40)]


class DossierFigures(Answer, kw_only=True):
    """What happened to dossiers in a span of days. A child of a dossier counts on its own.

    `received`: submitted in the span. `carried_over`: submitted before it and not over by then; what is left at its
    end is `left_open` = carried_over + received - resolved - refused - withdrawn - stopped. `resolved`: the work was
    done in the span, whether or not the result has been fetched. By the first date (`…_first`) and by the one that
    holds after an extension (`…_second`), a resolved dossier is on time or late; `early`: on time by the first date,
    a working day or more before it. `open_now` and `overdue_now`: as things stand, whatever the span; null in a row
    for a month. `supplements`: asked for papers for the first time in the span.

    Shares are between 0 and 1, null where there is nothing to divide by. `online_target` is the city's own.
    `saved_days`: working days by which resolved dossiers were done before the law's limit, less those by which others
    were done after it; `saved_days_mean` of the `measured` ones, that had such a limit. `fees_paid` in the span, of
    which `fees_paid_online`: not in cash at a counter."""

    received: int = 0
    received_counter: int = 0
    received_online: int = 0
    received_post: int = 0
    carried_over: int = 0
    accepted: int = 0
    resolved: int = 0
    early: int = 0
    on_time_first: int = 0
    late_first: int = 0
    on_time_second: int = 0
    late_second: int = 0
    refused: int = 0
    withdrawn: int = 0
    stopped: int = 0
    supplements: int = 0
    left_open: int = 0
    open_now: int | None = None
    overdue_now: int | None = None
    on_time_first_share: float | None = None
    on_time_second_share: float | None = None
    online_share: float | None = None
    online_target: float | None = None
    measured: int = 0
    saved_days: int = 0
    saved_days_mean: float | None = None
    rated: int = 0
    satisfied: int = 0
    acceptable: int = 0
    unsatisfied: int = 0
    satisfied_share: float | None = None
    fees_paid: int = 0
    fees_paid_online: int = 0
    online_payment_share: float | None = None


class FiguresRow(DossierFigures, kw_only=True):
    """The figures of an agency, a field, a level (`key`: its code) or a month (`2026-11`)."""

    key: str
    name: str


class ScorePart(Answer):
    """A group of the index: `points` = weight x numerator / denominator; null while there is nothing to measure."""

    code: ScoreCode
    name: str
    weight: int
    points: float | None
    numerator: int
    denominator: int


class Score(Answer):
    """The index of Decision 766/QĐ-TTg: `total` points of `most`, the weights of what could be measured; null if
    nothing could."""

    total: float | None
    most: int
    parts: list[ScorePart]


class DossierStatistics(Answer):
    """What happened to dossiers from one day to another, both included."""

    from_on: date
    to_on: date
    by: FiguresBy
    level: Level | None
    agency: str | None
    field: str | None
    total: DossierFigures
    rows: list[FiguresRow]
    score: Score


class LateDossier(Answer, kw_only=True):
    """A dossier that is overdue, or will be soon. `late_days`: whole working days since it was due; `extended`: its
    one new date was used up."""

    dossier_id: UUID
    code: str
    procedure: str
    name: str
    agency: str
    field: str
    level: Level
    state: str
    department: str | None
    assignee_id: UUID | None
    first_due_at: datetime
    due_at: datetime
    extended: bool
    overdue: bool
    late_days: int
