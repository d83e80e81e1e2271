"""Days as the city's calendar has them, and spans of them that somebody asks a report of."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from app.clock import CITY_ZONE
from app.errors import Refusal

MOST_DAYS = 92


class BadReportSpan(Refusal):
    """Khoảng ngày không hợp lệ: từ ngày đến ngày, nhiều nhất {most} ngày.

    This is not a span of days: from one to another, {most} at the most."""

    status = 400


def bounds(day: date) -> tuple[datetime, datetime]:
    """When a day begins in Huế, and when the next one does."""
    begins = datetime.combine(day, time(), CITY_ZONE)
    return begins, begins + timedelta(days=1)


def check_span(first: date, last: date) -> None:
    """Raises BadReportSpan."""
    if not first <= last < first + timedelta(days=MOST_DAYS):
        raise BadReportSpan(most=MOST_DAYS)


def days_of(first: date, last: date) -> Iterator[date]:
    """Each day of a span."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
