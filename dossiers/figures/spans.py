"""A span of days, cut into as few whole years, months and days as make it up: of these the tallies are kept."""

from datetime import date, timedelta
from typing import NamedTuple

DAY, MONTH, YEAR = 1, 2, 3
"""As `dossier_tally.span` has them."""


class Piece(NamedTuple):
    """Whole days, months or years that begin from `begins_on` on and before `ends_on`."""

    span: int
    begins_on: date
    ends_on: date


def pieces(begins_on: date, ends_on: date, coarsest: int = YEAR) -> list[Piece]:
    """What the days from `begins_on` to before `ends_on` are made of, nothing larger than `coarsest`."""
    return [piece for piece in _cut(begins_on, ends_on, coarsest) if piece.begins_on < piece.ends_on]


def _cut(begins_on: date, ends_on: date, span: int) -> list[Piece]:
    if span == DAY:
        return [Piece(DAY, begins_on, ends_on)]
    first, last = _first_from(begins_on, span), _first_of(ends_on, span)
    if first >= last:
        return _cut(begins_on, ends_on, span - 1)
    return [*_cut(begins_on, first, span - 1), Piece(span, first, last), *_cut(last, ends_on, span - 1)]


def _first_of(day: date, span: int) -> date:
    """The first day of the month or year that a day is in."""
    return day.replace(day=1) if span == MONTH else day.replace(month=1, day=1)


def _first_from(day: date, span: int) -> date:
    """The first day of a month or year that is not before a day."""
    first = _first_of(day, span)
    if first == day:
        return day
    return _first_of(first + timedelta(days=31 if span == MONTH else 366), span)
