"""The two ways in which an answer is written: which of them is asked for, as the last part of the address says.

Every value in XML is escaped once, and what XML 1.0 cannot hold (2.2) is left out."""

import re
from collections.abc import Iterable, Sequence
from functools import cache
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

_CONTROLS = bytes([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])
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
        text = "".join((f"<{root}>", _many_requests(content), f"</{root}>"))
    else:
        text = _element(root, msgspec.to_builtins(content))
    return DECLARATION + _without_controls(text.encode(errors="ignore"))


def _element(name: str, value: Any) -> str:
    match value:
        case None | "":
            return f"<{name}/>"
        case bool():
            return f"<{name}>{'true' if value else 'false'}</{name}>"
        case dict():
            return _around(name, (_element(key, inner) for key, inner in value.items()))
        case list():
            return _around(name, (_element(_ITEMS[name], item) for item in value))
        case _:
            return f"<{name}>{_escaped(str(value))}</{name}>"


def _around(name: str, inner: Iterable[str]) -> str:
    return f"<{name}>{''.join(inner)}</{name}>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def _many_requests(requests: Sequence[Any]) -> str:
    """A thousand reports at once: all their values are escaped in one go, parted by what no value can hold."""
    values = [
        value if value.__class__ is str else "" if value is None else repr(value)
        for request in requests
        for value in structs.astuple(request)
    ]
    parts = _escaped("\0".join(values)).split("\0")
    return _template(ServiceRequest) * len(requests) % tuple(parts)


@cache
def _template(struct: type[ServiceRequest]) -> str:
    return _around("request", (f"<{name}>%s</{name}>" for name in struct.__struct_fields__))


def _without_controls(body: bytes) -> bytes:
    body = body.translate(None, _CONTROLS)
    return _CONTROLS_BEYOND_ASCII.sub(b"", body) if b"\xc2" in body or b"\xef\xbf" in body else body
