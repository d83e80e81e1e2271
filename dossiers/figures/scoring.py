"""The index by which public services are scored: six groups, 100 points (Decision 766/QĐ-TTg of 23 June 2022).

What each weighs is rows of `dossier_score_weight`; what each measures is counted, never entered:

publicity: procedures in force whose public facts are whole and were published in time, as it is now; progress:
resolved dossiers that were on time by the first date; online services: dossiers filed online, of those that could be;
online payment: fees that were not paid in cash; digitisation: accepted dossiers whose required papers are all in the
store, and electronic results, of all accepted dossiers and all results; satisfaction: satisfied or acceptable, of the
rated."""

from datetime import date, datetime, time, timedelta

import msgspec

from app.clock import CITY_ZONE
from app.db import Connection, many, one, queries_beside
from app.errors import Language
from dossiers.figures.counts import Counts
from dossiers.figures.models import Score, ScoreCode, ScorePart

sql = queries_beside(__file__)

_NAMES: dict[ScoreCode, tuple[str, str]] = {
    "publicity": ("Công khai, minh bạch", "Publicity and transparency"),
    "progress": ("Tiến độ giải quyết", "Progress"),
    "online_services": ("Cung cấp dịch vụ trực tuyến", "Online services"),
    "online_payment": ("Thanh toán trực tuyến", "Online payment"),
    "digitisation": ("Số hóa hồ sơ", "Digitisation"),
    "satisfaction": ("Mức độ hài lòng", "Satisfaction"),
}


class _Weight(msgspec.Struct, frozen=True):
    code: ScoreCode
    weight: int


class _Measure(msgspec.Struct, frozen=True):
    numerator: int
    denominator: int


async def score(
    db: Connection, counts: Counts, field: str | None, agency: str | None, on: date, language: Language
) -> Score:
    """The score of what was counted, by the weights that held at the end of a day."""
    at = datetime.combine(on + timedelta(days=1), time(), CITY_ZONE)
    weights = await many(_Weight, db, sql.score_weights, at)
    measures = _measured(counts) | {"publicity": await one(_Measure, db, sql.publicity, field, agency)}
    parts = [_part(weight, measures[weight.code], language) for weight in weights]
    points = [part.points for part in parts if part.points is not None]
    return Score(
        total=round(sum(points), 2) if points else None,
        most=sum(part.weight for part in parts if part.points is not None),
        parts=parts,
    )


def _measured(counts: Counts) -> dict[ScoreCode, _Measure]:
    return {
        "progress": _Measure(counts.on_time_first, counts.resolved),
        "online_services": _Measure(counts.able_online, counts.able),
        "online_payment": _Measure(counts.paid_online, counts.paid),
        "digitisation": _Measure(counts.digitised + counts.results_electronic, counts.accepted + counts.results),
        "satisfaction": _Measure(counts.satisfied + counts.acceptable, counts.rated),
    }


def _part(weight: _Weight, measure: _Measure, language: Language) -> ScorePart:
    points = round(weight.weight * measure.numerator / measure.denominator, 2) if measure.denominator else None
    return ScorePart(
        code=weight.code,
        name=_NAMES[weight.code][language == "en"],
        weight=weight.weight,
        points=points,
        numerator=measure.numerator,
        denominator=measure.denominator,
    )
