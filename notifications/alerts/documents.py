"""What the room's XML documents have in common: text that any parser takes, and moments as CAP and Atom have them."""

import re
from datetime import datetime
from xml.etree import ElementTree as Xml

from app.clock import CITY_ZONE

_NOT_XML = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document may hold (XML 1.0, 2.2), and the controls that it had better not (DEL, C1)."""


def add(parent: Xml.Element, tag: str, text: object | None, **attributes: str) -> None:
    """An element with this text, escaped when it is written; None: there is none."""
    if text is not None:
        Xml.SubElement(parent, tag, attributes).text = _NOT_XML.sub("", str(text)).replace("\r\n", "\n")


def moment(at: datetime) -> str:
    """`2026-11-29T17:00:00+07:00`: whole seconds, in Huế, never `Z` (CAP 1.2, 3.3.2; RFC 3339)."""
    return at.astimezone(CITY_ZONE).isoformat(timespec="seconds")


def written(root: Xml.Element) -> bytes:
    """The document, as UTF-8."""
    return Xml.tostring(root, encoding="utf-8", xml_declaration=True)
