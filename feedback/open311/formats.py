"""The two ways in which an answer is written: which of them is asked for, as the last part of the address says.

Every value in XML is escaped once, and what XML 1.0 cannot hold (2.2) is left out."""

import re
from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any, Literal

import msgspec
from msgspec import structs

from app.errors import NotFound
from app.types import Answer
from feedback.open311.models import ServiceRequest

Format = Literal["json", "xml"]
Root = Literal["services", "service_definition", "service_requests", "service_request_updates", "discovery", "errors"]

CONTENT_TYPES: dict[Format, str] = {"json": "application/json; charset=utf-8", "xml": "text/xml"}
"""The framework adds the charset to what begins with `text/`, and to nothing else."""
DECLARATION = b'<?xml version="1.0" encoding="utf-8"?>\n'

_ITEMS = {
    "services": "service",
    "attributes": "attribute",
    "values": "value",
    "service_requests": "request",
    "service_request_updates": "request_update",
    "photos": "photo",
    "endpoints": "endpoint",
    "formats": "format",
    "errors": "error",
}
"""What a member of a list is called."""

_CONTROLS = bytes([*range(0x01, 0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])
_CONTROLS_BEYOND_ASCII = re.compile(rb"\xc2[\x80-\x9f]|\xef\xbf[\xbe\xbf]")
"""U+0080 to U+009F, U+FFFE and U+FFFF, as UTF-8 has them."""


def asked_for(path: str) -> Format:
    """The format that an address asks for; JSON where it asks for none that there is."""
    return "xml" if path.endswith(".xml") else "json"


def without_format(document: str) -> str:
    """What is before the format: an id, a code, a token. Raises NotFound where there is no format that we write."""
    name, dot, format_ = document.rpartition(".")
    if not dot or format_ not in CONTENT_TYPES:
        raise NotFound
    return name


def write(format_: Format, root: Root, content: Answer | Sequence[Answer]) -> bytes:
    """An answer as JSON or as XML. A list is an array in the one, and `root` with its members in the other."""
    if format_ == "json":
        return msgspec.json.encode(content)
    if isinstance(content, Sequence) and content and type(content[0]) is ServiceRequest:
        return DECLARATION + _around(root, _many_requests(content))
    return DECLARATION + _element(root, msgspec.to_builtins(content))


def _element(name: str, value: Any) -> bytes:
    match value:
        case bool():
            return _around(name, b"true" if value else b"false")
        case dict():
            return _around(name, b"".join(_element(key, inner) for key, inner in value.items()))
        case list():
            return _around(name, b"".join(_element(_ITEMS[name], item) for item in value))
        case _:
            return _around(name, _escaped("" if value is None else str(value).replace("\0", "")))


def _around(name: str, inner: bytes) -> bytes:
    return b"<%b>%b</%b>" % (name.encode(), inner, name.encode())


def _escaped(text: str) -> bytes:
    body = text.encode(errors="ignore").translate(None, _CONTROLS)
    if b"\xc2" in body or b"\xef\xbf" in body:
        body = _CONTROLS_BEYOND_ASCII.sub(b"", body)
    return body.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;").replace(b"\r", b"&#13;")


def _many_requests(requests: Sequence[Any]) -> bytes:
    """As `_element` has it, for a thousand reports at once: column by column, and all their values are escaped in one
    go, parted by NUL, which none of them can hold."""
    columns = [
        map(repr, column) if column[0].__class__ is float else [value or "" for value in column]
        for column in zip(*map(structs.astuple, requests), strict=True)
    ]
    values = _escaped("\0".join(chain.from_iterable(columns))).split(b"\0")
    count, tags = len(requests), _TAGS_OF_REQUEST
    width = 2 * len(columns) + 1
    pieces = [b""] * (count * width)
    for number, tag in enumerate(tags):
        pieces[2 * number :: width] = [tag] * count
    for number in range(len(columns)):
        pieces[2 * number + 1 :: width] = values[number * count : (number + 1) * count]
    return b"".join(pieces)


def _tags_around(names: Sequence[str], item: str) -> list[bytes]:
    """What stands before, between and after the values of an element's children."""
    between = [f"</{name}><{following}>" for name, following in pairwise(names)]
    return [tag.encode() for tag in (f"<{item}><{names[0]}>", *between, f"</{names[-1]}></{item}>")]


_TAGS_OF_REQUEST = _tags_around(ServiceRequest.__struct_fields__, "request")
