"""How the city deals with what it is told, in numbers that everybody may read.

They are of the reports that came in between two days, as they stand now, private ones too: a number names nobody.
But one or two private reports are no number: whoever holds a row against the public list would see them. So a row,
and the total, count private reports only where there are at least three of them, and else go by the public ones;
whatever the rows lack, the total has, if it is three. Complaints about officers count nowhere. (Whoever subtracts one
span of days from another can still learn how many private reports a third one has; never which, or whose.)"""

from datetime import date
from typing import TypeVar

import msgspec

from app.budgets import Budget, spend
from app.db import Connection, many, queries_beside
from app.errors import Language
from app.types import address_key
from feedback import periods
from feedback.open_models import By, ReportNumbers, ReportStatistics, StatisticsRow

sql = queries_beside(__file__)

ASKED_AN_HOUR = 120
LEAST_PRIVATE = 3


N = TypeVar("N", bound=ReportNumbers)


class _Line(StatisticsRow, kw_only=True):
    is_total: bool


async def show(
    db: Connection, from_on: date, to_on: date, by: By, address: str, language: Language
) -> ReportStatistics:
    """What came in from one day to another, by agency, category, ward or month, in one query.

    `address`: where the request comes from. Raises BadPeriod, TooManyRequests."""
    periods.check(from_on, to_on)
    await spend(db, Budget(f"report statistics at {address_key(address)}", ASKED_AN_HOUR, 3600))
    lines = await many(_Line, db, sql.report_statistics, from_on, to_on, by, language, LEAST_PRIVATE)
    return ReportStatistics(
        from_on=from_on,
        to_on=to_on,
        by=by,
        total=next((_only(ReportNumbers, line) for line in lines if line.is_total), ReportNumbers()),
        rows=[_only(StatisticsRow, line) for line in lines if not line.is_total],
    )


def _only(type_: type[N], line: _Line) -> N:
    return msgspec.convert(line, type_, from_attributes=True)
