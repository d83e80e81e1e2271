"""A table as a file: CSV for programs, XLSX for spreadsheets, PDF for people. From rows as they come, never whole in
memory.

Whoever makes a table hands in `rows` that hold no connection while a slow phone reads: pages by key, a connection for
a moment each. Drawing is done in a thread, a batch at a time."""

import asyncio
import csv
import io
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Sequence
from contextlib import aclosing, closing
from datetime import date, datetime
from typing import IO, Any, Literal
from uuid import UUID

import msgspec
import xlsxwriter
from litestar.response import Stream

from app.clock import CITY_ZONE, city_now
from app.errors import Language
from app.paper import A4_LANDSCAPE, GREY, INK, MARGIN, PURPLE, Colour, two_drawings_at_a_time
from app.privacy import archive
from app.types import grouped
from wallet.papers.long_paper import LongPaper

Form = Literal["csv", "xlsx", "pdf"]
Cell = str | int | date | datetime | UUID | None
Row = Sequence[Cell]

ROWS_AT_ONCE = 1000
PART_BYTES = 64 * 1024
MOST_SHEET_ROWS = 1_000_000
"""Of a sheet; the format's own bound is 2^20."""
LINES_IN_ONE_GO, BREATH_S = 5, 1e-6
"""Python draws one line after another and lets nobody else go on for 5 ms; a payment waits 0.2 ms this way."""

MEDIA_TYPES: dict[Form, str] = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


class Column(msgspec.Struct, frozen=True):
    """A column. `width` is in characters, for sheets and paper; amounts and moments stand at the right."""

    title: str
    kind: Literal["text", "amount", "date", "moment"] = "text"
    width: int = 20


class Table(msgspec.Struct, frozen=True):
    """What is written. `name`: the file's, without its ending. `facts`: what stands above the table, as name and
    value (a CSV has none: its first line is the columns' titles). Moments are aware."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: AsyncIterable[Row]
    facts: Sequence[tuple[str, str]] = ()
    language: Language = "vi"


async def answer(form: Form, table: Table) -> Stream:
    """The file, to be saved. A sheet or a PDF is drawn before the answer begins: what goes wrong is still a refusal.

    Raises whatever `rows` raises."""
    match form:
        case "csv":
            parts = await _begun(csv_stream(table.columns, table.rows))
        case "xlsx":
            async with two_drawings_at_a_time:
                parts = parts_of(await xlsx_file(table))
        case "pdf":
            async with two_drawings_at_a_time:
                parts = parts_of(await pdf_file(table))
    return Stream(parts, media_type=MEDIA_TYPES[form], headers=to_be_saved(f"{table.name}.{form}"))


async def _begun(parts: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The same parts, the first of them made now."""
    first = await anext(parts, b"")

    async def all_of_them() -> AsyncGenerator[bytes]:
        async with aclosing(parts):
            yield first
            async for part in parts:
                yield part

    return all_of_them()


def to_be_saved(file_name: str) -> dict[str, str]:
    """The header that has a browser save it under this name, which is ASCII."""
    return {"content-disposition": f'attachment; filename="{file_name}"'}


async def batches(rows: AsyncIterable[Row], most: int = ROWS_AT_ONCE) -> AsyncIterator[list[Row]]:
    """The rows, so many at once."""
    batch: list[Row] = []
    async for row in rows:
        batch.append(row)
        if len(batch) >= most:
            yield batch
            batch = []
    if batch:
        yield batch


def city_time(moment: datetime) -> datetime:
    """As clocks in Huế show it, without a zone: spreadsheets know none."""
    return moment.astimezone(CITY_ZONE).replace(tzinfo=None)


# CSV


async def csv_stream(columns: Sequence[Column], rows: AsyncIterable[Row]) -> AsyncGenerator[bytes]:
    """CSV (RFC 4180: CRLF, quotes where needed) in UTF-8 with a BOM, so that spreadsheets read Vietnamese.

    Amounts are plain numbers, days ISO 8601, moments `2026-11-24 15:30:00` in Huế; no text is a formula."""
    yield "\ufeff".encode() + _csv_lines([[column.title for column in columns]])
    async for batch in batches(rows):
        yield await asyncio.to_thread(_csv_lines, batch)


def _csv_lines(rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([_csv_cell(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _csv_cell(cell: Cell) -> str:
    match cell:
        case datetime():
            return city_time(cell).isoformat(" ", "seconds")
        case UUID():
            return str(cell)
        case _:
            return archive.cell(cell)


# XLSX


async def xlsx_file(table: Table) -> IO[bytes]:
    """A workbook in a file of its own, at its start; whoever takes it closes it.

    Text is text and never a formula or a link, amounts are numbers, days and moments are dates."""
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - whoever takes it closes it
    book = _Book(file, table)
    try:
        async for batch in batches(table.rows):
            await asyncio.to_thread(book.add, batch)
        await asyncio.to_thread(book.close)
    except BaseException:
        book.close()  # also removes what it has on disk
        file.close()
        raise
    file.seek(0)
    return file


class _Book:
    """A workbook that keeps one row in memory: the rest is on disk."""

    def __init__(self, file: IO[bytes], table: Table) -> None:
        self.table = table
        self.book: Any = xlsxwriter.Workbook(file, {"constant_memory": True})  # pyright: ignore[reportArgumentType]
        self.book.set_properties({"title": table.title, "created": city_time(city_now())})
        font = {"font_name": "Be Vietnam Pro", "font_size": 10}
        self.title = self.book.add_format({**font, "bold": True, "font_size": 14})
        self.head = self.book.add_format({**font, "bold": True, "bottom": 1, "font_color": "#5b2a86"})
        self.text = self.book.add_format(font)
        self.formats = {
            "text": self.text,
            "amount": self.book.add_format({**font, "num_format": "#,##0"}),
            "date": self.book.add_format({**font, "num_format": "dd/mm/yyyy"}),
            "moment": self.book.add_format({**font, "num_format": "dd/mm/yyyy hh:mm:ss"}),
        }
        self._begin_sheet()

    def _begin_sheet(self) -> None:
        self.sheet: Any = self.book.add_worksheet()
        for number, column in enumerate(self.table.columns):
            self.sheet.set_column(number, number, column.width)
        self.row = 0
        self.sheet.write_string(self.row, 0, self.table.title, self.title)
        for name, value in self.table.facts:
            self.row += 1
            self.sheet.write_string(self.row, 0, name, self.text)
            self.sheet.write_string(self.row, 1, value, self.text)
        self.row += 2
        for number, column in enumerate(self.table.columns):
            self.sheet.write_string(self.row, number, column.title, self.head)
        self.sheet.freeze_panes(self.row + 1, 0)

    def add(self, rows: Sequence[Row]) -> None:
        """Write these rows below the others, on a new sheet when one is full."""
        for row in rows:
            if self.row >= MOST_SHEET_ROWS:
                self._begin_sheet()
            self.row += 1
            for number, cell in enumerate(row):
                self._write(number, cell)

    def _write(self, number: int, cell: Cell) -> None:
        format_ = self.formats[self.table.columns[number].kind]
        match cell:
            case None:
                pass
            case int():
                self.sheet.write_number(self.row, number, cell, format_)
            case datetime():
                self.sheet.write_datetime(self.row, number, city_time(cell), format_)
            case date():
                self.sheet.write_datetime(self.row, number, cell, format_)
            case _:
                self.sheet.write_string(self.row, number, str(cell), self.text)

    def close(self) -> None:
        """Put the file together."""
        self.book.close()


# PDF


async def pdf_file(table: Table) -> IO[bytes]:
    """Pages to read and print, A4 across, the titles on each, in a file of its own, at its start; whoever takes it
    closes it."""
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - whoever takes it closes it
    try:
        sheet = await asyncio.to_thread(_Sheet, table)
        with closing(sheet.paper):
            async for batch in batches(table.rows):
                await asyncio.to_thread(sheet.add, batch)
            await asyncio.to_thread(sheet.paper.write_to, file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


class _Sheet:
    """The table on paper."""

    SIZE, LEADING, GAP = 7.0, 10.0, 8.0

    def __init__(self, table: Table) -> None:
        self.table = table
        self.paper = LongPaper(A4_LANDSCAPE, table.title, table.language)
        self.places = self._places()
        self._begin_first_page()

    def _places(self) -> list[tuple[float, float]]:
        """Where each column begins, and how wide it is."""
        columns = self.table.columns
        room = self.paper.w - 2 * MARGIN - self.GAP * (len(columns) - 1)
        whole = sum(column.width for column in columns)
        widths = [column.width / whole * room for column in columns]
        return [(MARGIN + sum(widths[:number]) + self.GAP * number, width) for number, width in enumerate(widths)]

    def _begin_first_page(self) -> None:
        paper = self.paper
        paper.begin_page()
        paper.write_at(MARGIN, MARGIN + 18, self.table.title, size=17, bold=True)
        paper.y = MARGIN + 40
        for name, value in self.table.facts:
            paper.write_at(MARGIN, paper.y, name, size=8.5, colour=GREY)
            paper.write_at(MARGIN + 130, paper.y, value, size=8.5)
            paper.y += 13
        paper.y += 14
        self._write_titles()

    def _write_titles(self) -> None:
        for column, (x, width) in zip(self.table.columns, self.places, strict=True):
            self._write_line(column, x, width, column.title, self.paper.y, bold=True, colour=PURPLE)
        self.paper.rule(self.paper.y + 5, PURPLE, 0.8)
        self.paper.y += 18

    def _write_line(
        self, column: Column, x: float, width: float, text: str, y: float, *, bold: bool = False, colour: Colour = INK
    ) -> None:
        if column.kind == "amount":
            self.paper.write_at(x + width, y, text, size=self.SIZE, bold=bold, colour=colour, at="right")
        else:
            self.paper.write_at(x, y, text, size=self.SIZE, bold=bold, colour=colour)

    def add(self, rows: Sequence[Row]) -> None:
        """Write these rows below the others, on new pages when one is full."""
        for number, row in enumerate(rows, 1):
            self._write_row(row)
            if number % LINES_IN_ONE_GO == 0:
                time.sleep(BREATH_S)

    def _write_row(self, row: Row) -> None:
        paper = self.paper
        cells = [
            paper.wrapped(_words(cell), width, self.SIZE) for cell, (_, width) in zip(row, self.places, strict=True)
        ]
        height = max(map(len, cells)) * self.LEADING
        if paper.y + height > paper.foot:
            paper.begin_page()
            paper.y += 8
            self._write_titles()
        for lines, column, (x, width) in zip(cells, self.table.columns, self.places, strict=True):
            for number, line in enumerate(lines):
                if line:
                    self._write_line(column, x, width, line, paper.y + number * self.LEADING)
        paper.rule(paper.y + height - 6, thickness=0.3)
        paper.y += height + 4


def _words(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case int():
            return grouped(cell)
        case datetime():
            return f"{city_time(cell):%d/%m/%Y %H:%M:%S}"
        case date():
            return f"{cell:%d/%m/%Y}"
        case _:
            return str(cell)


# Files


async def parts_of(file: IO[bytes]) -> AsyncGenerator[bytes]:
    """A file's bytes as they are wanted; it is closed at the end."""
    try:
        while part := await asyncio.to_thread(file.read, PART_BYTES):
            yield part
    finally:
        file.close()
