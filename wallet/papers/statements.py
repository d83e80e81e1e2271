"""Statements: what came and went between two days, as pages for the phone and as files to keep."""

from collections.abc import AsyncIterator
from datetime import date

import msgspec
from litestar.response import Stream

from app.budgets import Budget, spend
from app.clock import CITY_ZONE, city_now
from app.db import Connection, Database
from app.errors import Language
from app.identity.models import Principal
from app.types import cursor_of, grouped
from wallet.papers import history, tables
from wallet.papers.history import Line, Span, sql
from wallet.papers.kinds import words_of
from wallet.papers.models import Statement, StatementLine
from wallet.papers.tables import Column, Form, Row, Table

FILES_AN_HOUR = 30


async def show(
    db: Connection, me: Principal, from_on: date, to_on: date, cursor: str | None, limit: int, language: Language
) -> Statement:
    """A page of my statement, oldest first; raises BadSpan, BadCursor."""
    number = history.number_in(cursor)
    span = await history.year(db, me.id, from_on, to_on)
    after = min(max(span.oldest, number or 0), span.newest)
    lines = await history.lines(db, me.id, after, span.newest, limit)
    last = lines[-1].version if lines else span.newest
    return Statement(
        from_on=from_on,
        to_on=to_on,
        opening_balance=span.opening_balance,
        closing_balance=span.closing_balance,
        items=[_line(line, language) for line in lines],
        next=cursor_of(last) if last < span.newest else None,
    )


def _line(line: Line, language: Language) -> StatementLine:
    movement = {field: getattr(line, field) for field in line.__struct_fields__ if field != "version"}
    return StatementLine(**movement, kind_name=_kind(line, language))


def _kind(line: Line, language: Language) -> str:
    return words_of(line.kind, incoming=line.amount > 0).in_(language)


async def file(
    database: Database, me: Principal, from_on: date, to_on: date, form: Form, language: Language
) -> Stream:
    """My statement as a file, with a line for what was there before and one for what was left.

    In short transactions of its own: it may take long. Raises BadSpan, TooManyRequests."""
    async with database.deed() as db:
        await spend(db, Budget(f"statement {me.id}", FILES_AN_HOUR, 3600))
        span = await history.year(db, me.id, from_on, to_on)
        holder: str = await db.fetchval(sql.holder, me.id)
    words = WORDS[language]
    table = Table(
        name=f"{words.file}-{from_on:%Y%m%d}-{to_on:%Y%m%d}",
        title=words.title,
        columns=words.columns,
        rows=_rows(database, me, span, words, language),
        facts=(
            (words.holder, holder),
            (words.span, f"{from_on:%d/%m/%Y} – {to_on:%d/%m/%Y}"),
            (words.opening, f"{grouped(span.opening_balance)} đ"),
            (words.closing, f"{grouped(span.closing_balance)} đ"),
            (words.made, f"{city_now().astimezone(CITY_ZONE):%d/%m/%Y %H:%M}"),
        ),
        language=language,
    )
    return await tables.answer(form, table)


async def _rows(
    database: Database, me: Principal, span: Span, words: "Words", language: Language
) -> AsyncIterator[Row]:
    yield (None, words.opening, None, None, None, None, span.opening_balance, None)
    went = came = 0
    async for line in history.all_lines(database, me.id, span):
        out, in_ = max(-line.amount, 0), max(line.amount, 0)
        went, came = went + out, came + in_
        kind = _kind(line, language)
        yield (
            *(line.made_at, kind, line.counterparty, line.memo),
            *(out or None, in_ or None, line.balance_after, line.id),
        )
    yield (None, words.closing, None, None, went, came, span.closing_balance, None)


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What is written on a statement."""

    file: str
    title: str
    holder: str
    span: str
    opening: str
    closing: str
    made: str
    columns: tuple[Column, ...]


def _columns(*titles: str) -> tuple[Column, ...]:
    when, kind, other, memo, out, in_, balance, id_ = titles
    return (
        Column(when, "moment", 19),
        Column(kind, width=22),
        Column(other, width=26),
        Column(memo, width=30),
        Column(out, "amount", 13),
        Column(in_, "amount", 13),
        Column(balance, "amount", 13),
        Column(id_, width=42),
    )


WORDS: dict[Language, Words] = {
    "vi": Words(
        file="sao-ke",
        title="Sao kê ví Hương",
        holder="Chủ ví",
        span="Từ ngày – đến ngày",
        opening="Số dư đầu kỳ",
        closing="Số dư cuối kỳ",
        made="Lập lúc",
        columns=_columns(
            "Thời gian", "Loại giao dịch", "Đối tác", "Nội dung", "Tiền ra", "Tiền vào", "Số dư", "Mã giao dịch"
        ),
    ),
    "en": Words(
        file="statement",
        title="Hương wallet statement",
        holder="Holder",
        span="From – to",
        opening="Opening balance",
        closing="Closing balance",
        made="Made",
        columns=_columns("Time", "Kind", "Other side", "Memo", "Money out", "Money in", "Balance", "Id"),
    ),
}
