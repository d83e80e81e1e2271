"""An account's history: a page of it, searched, or a span of days. Whatever its length, a page costs the same."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from app.db import Connection, Database, many, one, queries_beside
from app.errors import Refusal
from app.types import Page, cursor_of, key_of
from wallet.ledger import page_of
from wallet.models import Movement, TransferKind

sql = queries_beside(__file__)

LOOKED_AT = 1_000
"""So many lines are looked at for one page of a search; the next page goes on from there."""
LONGEST_DAYS = 366
LINES_AT_ONCE = 1_000
_ALL = 2**62


class BadSpan(Refusal):
    """Khoảng thời gian không hợp lệ: ngày đầu không sau ngày cuối, và dài nhất là một năm.

    This span of days is not valid: it does not end before it begins, and is a year at the most."""

    status = 400


class Line(Movement):
    """A movement and its number in the account's history."""

    version: int


class Wanted(msgspec.Struct, frozen=True):
    """Which movements: of a kind, with these words in the memo or the other side's name, between two days."""

    kind: TransferKind | None = None
    words: str | None = None
    from_on: date | None = None
    to_on: date | None = None

    def everything(self) -> bool:
        """Nothing is left out."""
        return self == Wanted()


class Span(msgspec.Struct, frozen=True):
    """The entries after `oldest`, up to `newest`; and what the account held before them and after them."""

    oldest: int
    newest: int
    opening_balance: int
    closing_balance: int


async def movements(
    db: Connection, account_id: UUID, wanted: Wanted, cursor: str | None, limit: int
) -> Page[Movement]:
    """An account's history, newest first. A page of a search may hold fewer than asked for, or none, and still have a
    next one: it looks at so many lines (LOOKED_AT) and no more. Raises BadCursor, BadSpan."""
    number = number_in(cursor)
    before = _ALL if number is None else number - 1
    if wanted.everything():
        lines = await many(Line, db, sql.movements, account_id, before, 0, limit + 1, None, None, limit + 1)
        return page_of(lines, limit, Movement)
    searched = await span(db, account_id, wanted.from_on, wanted.to_on)
    before = min(before, searched.newest)
    words = await db.fetchval(sql.plain_words, wanted.words)
    lines = await many(
        Line, db, sql.movements, account_id, before, searched.oldest, LOOKED_AT, wanted.kind, words, limit + 1
    )
    page = page_of(lines, limit, Movement)
    if page.next is None and before - LOOKED_AT > searched.oldest:
        page.next = cursor_of(before - LOOKED_AT + 1)
    return page


def number_in(cursor: str | None) -> int | None:
    """The number of the last line that was shown; raises BadCursor."""
    key = key_of(cursor, tuple[Annotated[int, Meta(ge=1, le=_ALL)]])
    return key and key[0]


async def span(db: Connection, account_id: UUID, from_on: date | None, to_on: date | None) -> Span:
    """Where two days lie in an account's history, both included; raises BadSpan."""
    if from_on is not None and to_on is not None and from_on > to_on:
        raise BadSpan
    return await one(Span, db, sql.span, account_id, from_on, to_on)


async def year(db: Connection, account_id: UUID, from_on: date, to_on: date) -> Span:
    """The same, but a year at the most; raises BadSpan."""
    if (to_on - from_on).days >= LONGEST_DAYS:
        raise BadSpan
    return await span(db, account_id, from_on, to_on)


async def lines(db: Connection, account_id: UUID, after: int, newest: int, most: int) -> list[Line]:
    """The entries after one, up to another, oldest first."""
    return await many(Line, db, sql.statement_lines, account_id, after, newest, most)


async def all_lines(database: Database, account_id: UUID, span: Span) -> AsyncIterator[Line]:
    """Every line of a span, oldest first. A connection for a moment each thousand: whoever reads may be slow, and
    entries never change, so all of them are of one history all the same."""
    after = span.oldest
    while after < span.newest:
        async with database.acquire() as db:
            batch = await lines(db, account_id, after, span.newest, LINES_AT_ONCE)
        for line in batch:
            yield line
        after += LINES_AT_ONCE
