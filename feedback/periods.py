"""Spans of days that the public asks about, by the calendar of Huế."""

from datetime import date

from app.errors import Refusal

MOST_DAYS = 366


class BadPeriod(Refusal):
    """Khoảng thời gian không hợp lệ: ngày đầu không sau ngày cuối, và dài nhất {most} ngày.

    This span of days is not valid: it does not end before it begins, and has {most} days at most."""

    status = 400


def check(from_on: date, to_on: date) -> None:
    """Both days included; raises BadPeriod."""
    if not 0 <= (to_on - from_on).days < MOST_DAYS:
        raise BadPeriod(most=MOST_DAYS)
