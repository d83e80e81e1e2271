"""Public reports for programs: all of them as a CSV file, the newest as a feed. Both are the public projection, and
nothing else."""

import asyncio
import re
from collections.abc import AsyncGenerator
from datetime import date, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlencode
from uuid import UUID
from xml.etree import ElementTree as Xml

import msgspec
from litestar.response import Stream

from app.budgets import Budget, spend
from app.clock import CITY_ZONE, city_today
from app.config import settings
from app.db import Connection, Database, many, queries_beside
from app.errors import Language
from app.privacy import archive
from app.types import address_key
from feedback import periods
from feedback.open_models import OpenReport

sql = queries_beside(__file__)

FILES_AN_HOUR = 20
LINES_AT_ONCE = 1_000
IN_THE_FEED = 50
CSV, RSS = "text/csv", "application/rss+xml"
_FIRST_ID = UUID(int=0)


class Wanted(msgspec.Struct, frozen=True):
    """Which public reports: of a category, in a ward."""

    category: str | None = None
    ward: str | None = None


# CSV


async def csv_file(
    database: Database, address: str, from_on: date | None, to_on: date | None, wanted: Wanted
) -> Stream:
    """Public reports that came in between two days (without them: the last year), oldest first: RFC 4180, UTF-8 with
    a BOM, and no text of it is a formula. Moments are ISO 8601 in Huế's time.

    A connection for a moment each thousand lines. `address`: where the request comes from. Raises BadPeriod,
    TooManyRequests."""
    to_on = to_on or city_today()
    from_on = from_on or to_on - timedelta(days=periods.MOST_DAYS - 1)
    periods.check(from_on, to_on)
    async with database.deed() as db:
        await spend(db, Budget(f"reports.csv at {address_key(address)}", FILES_AN_HOUR, 3600))
        first = await _page(db, from_on, to_on, wanted, None)
    name = f"reports-{from_on:%Y%m%d}-{to_on:%Y%m%d}.csv"
    return Stream(
        _parts(database, first, from_on, to_on, wanted),
        media_type=CSV,
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


async def _page(
    db: Connection, from_on: date, to_on: date, wanted: Wanted, last: OpenReport | None
) -> list[OpenReport]:
    after = (None, _FIRST_ID) if last is None else (last.made_at, last.id)
    return await many(
        OpenReport, db, sql.open_reports, from_on, to_on, wanted.category, wanted.ward, *after, LINES_AT_ONCE
    )


async def _parts(
    database: Database, page: list[OpenReport], from_on: date, to_on: date, wanted: Wanted
) -> AsyncGenerator[bytes]:
    yield "\ufeff".encode() + archive.line(list(OpenReport.__struct_fields__))
    while page:
        yield await asyncio.to_thread(_lines, page)
        if len(page) < LINES_AT_ONCE:
            return
        async with database.acquire() as db:
            page = await _page(db, from_on, to_on, wanted, page[-1])


def _lines(page: list[OpenReport]) -> bytes:
    return b"".join(archive.line([_cell(value) for value in msgspec.structs.astuple(report)]) for report in page)


def _cell(value: object) -> object:
    return value.astimezone(CITY_ZONE).replace(microsecond=0) if isinstance(value, datetime) else value


# RSS


class _Item(msgspec.Struct, frozen=True):
    id: UUID
    code: str
    category_name: str
    ward_name: str
    text: str
    made_at: datetime
    updated_at: datetime


_ATOM = "http://www.w3.org/2005/Atom"
Xml.register_namespace("atom", _ATOM)

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document may hold (XML 1.0, 2.2)."""

_WORDS: dict[Language, tuple[str, str]] = {
    "vi": ("Phản ánh hiện trường – Huế", "Phản ánh công khai mới nhất của người dân."),
    "en": ("Field reports – Huế", "The newest public reports of residents."),
}


async def feed(db: Connection, wanted: Wanted, language: Language) -> bytes:
    """The newest 50 public reports as RSS 2.0."""
    items = await many(_Item, db, sql.feed_items, wanted.category, wanted.ward, language, IN_THE_FEED)
    root = Xml.Element("rss", version="2.0")
    channel = Xml.SubElement(root, "channel")
    title, description = _WORDS[language]
    _add(channel, "title", title)
    _add(channel, "link", f"{settings().public_url}/v1/feedback/reports")
    _add(channel, "description", description)
    _add(channel, "language", language)
    if items:
        _add(channel, "lastBuildDate", format_datetime(max(item.updated_at for item in items)))
    Xml.SubElement(channel, f"{{{_ATOM}}}link", href=_address(wanted), rel="self", type=RSS)
    for item in items:
        _add_item(channel, item)
    return Xml.tostring(root, encoding="utf-8", xml_declaration=True)


def _address(wanted: Wanted) -> str:
    query = urlencode({name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None})
    return f"{settings().public_url}/v1/feedback/feed.rss" + (f"?{query}" if query else "")


def _add_item(channel: Xml.Element, item: _Item) -> None:
    element = Xml.SubElement(channel, "item")
    _add(element, "title", f"{item.category_name} – {item.ward_name}")
    _add(element, "link", f"{settings().public_url}/v1/feedback/reports/{item.id}")
    _add(element, "description", item.text)
    _add(element, "category", item.category_name)
    _add(element, "guid", item.code, isPermaLink="false")
    _add(element, "pubDate", format_datetime(item.made_at))


def _add(parent: Xml.Element, tag: str, text: str, **attributes: str) -> None:
    Xml.SubElement(parent, tag, attributes).text = _NOT_XML.sub("", text)
