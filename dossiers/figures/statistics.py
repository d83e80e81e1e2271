"""How dossiers are dealt with, in numbers that everybody may read: a number names nobody.

Nobody counts dossiers to answer. A trigger writes down by how much each change of a dossier changes the numbers of a
day (`dossier_tally_delta`), the clock adds that up by day, month and year (`dossier_tally`), and whoever reads adds
both. So the answer is exact, whenever it is asked for, and ten years cost what a week does. An agency that was merged
takes its dossiers' past along, as the dossiers have it."""

from datetime import date, timedelta

import msgspec
from litestar import Response

from app import policies
from app.budgets import Budget, spend
from app.db import Connection, many, queries_beside
from app.errors import Language, Refusal
from app.jobs import Scheduled
from app.observe import DOSSIERS_OPEN, DOSSIERS_OVERDUE
from app.privacy import archive
from app.types import address_key
from dossiers.figures import scoring
from dossiers.figures.counts import Counts, figures_of
from dossiers.figures.models import DossierFigures, DossierStatistics, FiguresBy, FiguresRow
from dossiers.figures.spans import MONTH, YEAR, pieces

sql = queries_beside(__file__)

ASKED_AN_HOUR = 240
MOST_DAYS = 3_660
BEGINNING = date(1900, 1, 1)
"""No dossier is older."""
FOLD_S = 30
FOLDED_AT_ONCE, MOST_FOLDS = 5_000, 20
CSV = "text/csv"

_LEVELS: dict[str, tuple[str, str]] = {
    "city": ("Thành phố", "City"),
    "ward": ("Phường, xã", "Wards and communes"),
    "district": ("Huyện (đến 30/6/2025)", "Districts (until 2025-06-30)"),
}


class BadFiguresPeriod(Refusal):
    """Khoảng thời gian không hợp lệ: ngày đầu không sau ngày cuối, từ năm 1900 đến 2200, và dài nhất {most} ngày.

    This span of days is not valid: it does not end before it begins, lies between 1900 and 2200, and has {most} days
    at most."""

    status = 400


class Asked(msgspec.Struct, frozen=True):
    """From which day to which, by what, and only of a level, an agency, a field."""

    from_on: date
    to_on: date
    by: FiguresBy = "agency"
    level: str | None = None
    agency: str | None = None
    field: str | None = None


class _Named(msgspec.Struct, frozen=True):
    key: str
    name: str


class _InHand(msgspec.Struct, frozen=True):
    key: str
    open: int
    overdue: int


class _Measured(msgspec.Struct, frozen=True):
    level: str
    open: int
    overdue: int


async def show(db: Connection, asked: Asked, address: str, language: Language) -> DossierStatistics:
    """The numbers and the score. `address`: where the request comes from. Raises BadFiguresPeriod,
    TooManyRequests."""
    _check(asked)
    await spend(db, Budget(f"dossier statistics at {address_key(address)}", ASKED_AN_HOUR, 3600))
    counted = await counts(db, asked)
    target = await policies.value(db, "dossiers.online_target") / 100
    in_hand = {
        line.key: line
        for line in await many(_InHand, db, sql.dossiers_in_hand, asked.level, asked.agency, asked.field, asked.by)
    }
    names = await _names(db, asked.by, language)
    whole = sum(counted.values(), Counts())
    return DossierStatistics(
        from_on=asked.from_on,
        to_on=asked.to_on,
        by=asked.by,
        level=asked.level,  # pyright: ignore[reportArgumentType] - the route takes no other
        agency=asked.agency,
        field=asked.field,
        total=figures_of(
            DossierFigures,
            whole,
            online_target=target,
            open_now=sum(line.open for line in in_hand.values()),
            overdue_now=sum(line.overdue for line in in_hand.values()),
        ),
        rows=_month_rows(counted, target) if asked.by == "month" else _rows(counted, in_hand, names, target),
        score=await scoring.score(db, whole, asked.field, asked.agency, asked.to_on, language),
    )


def _check(asked: Asked) -> None:
    inside = asked.from_on >= BEGINNING and asked.to_on.year <= 2200
    if not inside or not 0 <= (asked.to_on - asked.from_on).days < MOST_DAYS:
        raise BadFiguresPeriod(most=MOST_DAYS)


async def counts(db: Connection, asked: Asked) -> dict[str, Counts]:
    """What was counted, by key, in one query; by month, what is carried over is under `''`."""
    ends_on = asked.to_on + timedelta(days=1)
    before = pieces(BEGINNING, asked.from_on)
    within = pieces(asked.from_on, ends_on, MONTH if asked.by == "month" else YEAR)
    columns = [list(column) for column in zip(*before, *within, strict=True)] or [[], [], []]
    lines = await many(
        Counts,
        db,
        sql.dossier_figures,
        *columns,
        [True] * len(before) + [False] * len(within),
        asked.level,
        asked.agency,
        asked.field,
        asked.by,
        asked.from_on,
        ends_on,
    )
    return {line.key: line for line in lines}


async def _names(db: Connection, by: FiguresBy, language: Language) -> dict[str, str]:
    match by:
        case "agency":
            named = await many(_Named, db, sql.names_of_agencies, language)
        case "field":
            named = await many(_Named, db, sql.names_of_fields, language)
        case "level":
            named = [_Named(code, words[language == "en"]) for code, words in _LEVELS.items()]
        case "month":
            named = []
    return {one.key: one.name for one in named}


def _rows(
    counted: dict[str, Counts], in_hand: dict[str, _InHand], names: dict[str, str], target: float
) -> list[FiguresRow]:
    rows: list[FiguresRow] = []
    for key in sorted(counted.keys() | in_hand.keys()):
        now = in_hand.get(key) or _InHand(key, 0, 0)
        rows.append(
            figures_of(
                FiguresRow,
                counted.get(key, Counts()),
                key=key,
                name=names.get(key, key),
                online_target=target,
                open_now=now.open,
                overdue_now=now.overdue,
            )
        )
    return rows


def _month_rows(counted: dict[str, Counts], target: float) -> list[FiguresRow]:
    """A row for each month in which something happened; each carries over what the one before left."""
    carried = counted.get("", Counts()).carried
    rows: list[FiguresRow] = []
    for key in sorted(counted.keys() - {""}):
        month = msgspec.structs.replace(counted[key], carried=carried)
        carried = month.left
        rows.append(figures_of(FiguresRow, month, key=key, name=f"{key[5:]}/{key[:4]}", online_target=target))
    return rows


async def csv_file(db: Connection, asked: Asked, address: str, language: Language) -> Response[bytes]:
    """The rows, and a last one with the total, as CSV (RFC 4180) in UTF-8 with a BOM; no text of it is a formula.

    Raises BadFiguresPeriod, TooManyRequests."""
    said = await show(db, asked, address, language)
    columns = FiguresRow.__struct_fields__
    names = ("key", "name", *(column for column in columns if column not in {"key", "name"}))
    total = FiguresRow(key="", name="Tổng" if language == "vi" else "Total", **msgspec.structs.asdict(said.total))
    lines = [archive.line([getattr(row, name) for name in names]) for row in [*said.rows, total]]
    file = f"dossiers-{asked.from_on:%Y%m%d}-{asked.to_on:%Y%m%d}.csv"
    return Response(
        "\ufeff".encode() + archive.line(list(names)) + b"".join(lines),
        media_type=CSV,
        headers={"content-disposition": f'attachment; filename="{file}"'},
    )


# The clock


async def fold(db: Connection) -> None:
    """Add what happened since the last time to the days, months and years; nothing if another is at it."""
    if not await db.fetchval(sql.fold_alone):
        return
    for _ in range(MOST_FOLDS):
        if await db.fetchval(sql.fold_dossier_tallies, FOLDED_AT_ONCE) < FOLDED_AT_ONCE:
            return


async def measure(db: Connection) -> None:
    """What is being worked on and what of it is overdue, as metrics."""
    for line in await many(_Measured, db, sql.measure_dossiers):
        DOSSIERS_OPEN.labels(line.level).set(line.open)
        DOSSIERS_OVERDUE.labels(line.level).set(line.overdue)


schedule = (Scheduled(name="fold_dossier_tallies", every_s=FOLD_S, run=fold),)
