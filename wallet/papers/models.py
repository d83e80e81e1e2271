"""The nouns of papers. Amounts are whole đồng."""

from datetime import date
from typing import Annotated

from litestar.params import QueryParameter

from app.types import Answer
from wallet.models import Movement

_FROM = QueryParameter(name="from", description="the first day, by the calendar of Huế")
_TO = QueryParameter(name="to", description="the last day, itself included")
FromDay = Annotated[date, _FROM]
ToDay = Annotated[date, _TO]
OptionalFromDay = Annotated[date | None, _FROM]
OptionalToDay = Annotated[date | None, _TO]
SearchWords = Annotated[
    str | None,
    QueryParameter(min_length=1, max_length=100, pattern=r"^(?=.*\S)[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*$(?!\n)"),
]


class StatementLine(Movement):
    """A line of a statement. `kind_name` is in the caller's language."""

    kind_name: str


class Statement(Answer):
    """What came and went from one day to another, both included, oldest first, a page at a time.

    Balances are what the wallet held before the first line and after the last one, money that is held for a payment
    on its way included. `next`: hand it back as `cursor`; null at the end."""

    from_on: date
    to_on: date
    opening_balance: int
    closing_balance: int
    items: list[StatementLine]
    next: str | None
