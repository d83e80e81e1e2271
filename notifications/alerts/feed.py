"""Warnings as an Atom feed (RFC 4287) whose entries link to their CAP documents."""

from datetime import UTC, datetime
from urllib.parse import urlencode
from uuid import UUID
from xml.etree import ElementTree as Xml

import msgspec

from app.config import settings
from app.db import Connection, many, queries_beside
from app.errors import Language
from notifications.alerts import alerts, cap
from notifications.alerts.documents import add, moment, written
from notifications.alerts.models import AlertCategory, MsgType, Severity
from notifications.alerts.publishing import sender

sql = queries_beside(__file__)

NAMESPACE = "http://www.w3.org/2005/Atom"
MEDIA_TYPE = "application/atom+xml"
IN_THE_FEED = 50
NOTHING_YET = datetime(2026, 1, 1, tzinfo=UTC)
"""When a feed changed last in which nothing ever was."""
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

_WORDS: dict[Language, tuple[str, str]] = {
    "vi": ("Cảnh báo – thành phố Huế", "Thành phố Huế"),
    "en": ("Warnings – Huế city", "Huế city"),
}


class _Entry(msgspec.Struct, frozen=True):
    id: UUID
    sent_at: datetime
    msg_type: MsgType
    categories: list[AlertCategory]
    severity: Severity
    sender_name_vi: str
    sender_name_en: str
    headline_vi: str
    headline_en: str
    description_vi: str
    description_en: str


async def show(db: Connection, ward: str | None, language: Language) -> bytes:
    """The newest 50 that are meant, and either hold (for a ward) or end what held; a Cancel until its own end."""
    entries = await many(_Entry, db, sql.fed_alerts, ward, IN_THE_FEED)
    updated: datetime = await db.fetchval(sql.last_sent) or NOTHING_YET
    title, author = _WORDS[language]
    root = Xml.Element("feed", {"xmlns": NAMESPACE, _LANG: language})
    own = _address(ward)
    add(root, "id", own)
    add(root, "title", title)
    add(root, "updated", moment(updated))
    _author(root, author)
    Xml.SubElement(root, "link", rel="self", type=MEDIA_TYPE, href=own)
    for entry in entries:
        _entry(root, entry, vi=language == "vi")
    return written(root)


def _address(ward: str | None) -> str:
    return f"{settings().public_url}/v1/alerts/feed.atom" + (f"?{urlencode({'ward': ward})}" if ward else "")


def _author(parent: Xml.Element, name: str) -> None:
    author = Xml.SubElement(parent, "author")
    add(author, "name", name)
    add(author, "email", sender())


def _entry(root: Xml.Element, one: _Entry, *, vi: bool) -> None:
    entry = Xml.SubElement(root, "entry")
    add(entry, "id", f"urn:uuid:{one.id}")
    add(entry, "title", one.headline_vi if vi else one.headline_en)
    add(entry, "updated", moment(one.sent_at))
    add(entry, "published", moment(one.sent_at))
    _author(entry, one.sender_name_vi if vi else one.sender_name_en)
    for term in (one.msg_type, one.severity, *one.categories):
        Xml.SubElement(entry, "category", term=term)
    Xml.SubElement(entry, "link", rel="alternate", type=cap.MEDIA_TYPE, href=alerts.address_of(one.id))
    add(entry, "summary", one.description_vi if vi else one.description_en)
