"""The companion client: what `npm run build` left in web/dist, served as it is.

A file is found by its whole address in a dict that was filled at the start: nothing of a request ever becomes a path
on the disk. Where nothing was built there is an API alone."""

import gzip
import mimetypes
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from litestar.routes import BaseRoute
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

BUILT = Path(__file__).parent.parent / "web" / "dist"
PAGE = "/index.html"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; manifest-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
PERMISSIONS_POLICY = (
    "camera=(self), geolocation=(self), microphone=(), publickey-credentials-get=(self), "
    "publickey-credentials-create=(self)"
)

_OF_A_BODY = {b"content-type", b"content-length", b"content-encoding"}
_IMMUTABLE = "public, max-age=31536000, immutable"
"""Of what has its hash in its name."""
_SQUEEZED = 0.9
"""What is hardly smaller when compressed (a picture, a font) is sent as it is."""
_KINDS = {".webmanifest": "application/manifest+json", ".js": "text/javascript", ".woff2": "font/woff2"}
"""What a machine's own table of kinds may not know, or not so."""


class Form(NamedTuple):
    """A file as it goes over the wire."""

    body: bytes
    etag: bytes
    headers: list[tuple[bytes, bytes]]


class File(NamedTuple):
    """A file of the client; `gzipped` is None where that saves nothing."""

    plain: Form
    gzipped: Form | None


class Client:
    """The middleware, in pure ASGI. It stands outside of all that asks who somebody is, and is counted in nobody's
    rate: a file costs a look into a dict, and a screen is forty of them."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute], files: Mapping[str, File]) -> None:
        self.app = app
        self.files = files
        self.owned = {_first(route.path_format) for route in routes} - {""} | {"assets"}
        """How the addresses begin that are no page of the client's; what is missing there is a problem."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        file = self._wanted(scope) if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"} else None
        if file is None or scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["path_template"] = "client"  # pyright: ignore[reportGeneralTypeIssues] - one route in the counts
        form = file.gzipped if file.gzipped and b"gzip" in _values(scope, b"accept-encoding") else file.plain
        unchanged = form.etag in _values(scope, b"if-none-match")
        headers = [header for header in form.headers if not (unchanged and header[0] in _OF_A_BODY)]
        await send({"type": "http.response.start", "status": 304 if unchanged else 200, "headers": headers})
        body = b"" if unchanged or scope["method"] == "HEAD" else form.body
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def _wanted(self, scope: HTTPScope) -> File | None:
        """The file of this address; else the page, for a browser that goes to one of the client's own addresses."""
        path = scope["path"]
        if path in self.files:
            return self.files[path]
        is_page = _first(path) not in self.owned and b"text/html" in _values(scope, b"accept")
        return self.files.get(PAGE) if is_page or path == "/" else None


def _first(path: str) -> str:
    return path.lstrip("/").partition("/")[0]


def _values(scope: HTTPScope, name: bytes) -> set[bytes]:
    """What a header lists, but for what it gives no weight."""
    parts = b",".join(value for key, value in scope["headers"] if key == name).split(b",")
    weighed = (part.replace(b" ", b"").partition(b";") for part in parts)
    return {value.removeprefix(b"W/") for value, _, weight in weighed if weight not in {b"q=0", b"q=0.0"}}


@cache
def files_in(folder: Path) -> dict[str, File]:
    """All files of a build by their addresses; none, where there is no build."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {f"/{path.relative_to(folder).as_posix()}": _read(folder, path) for path in found}


def _read(folder: Path, path: Path) -> File:
    plain, hashed = path.read_bytes(), path.parent == folder / "assets"
    squeezed = gzip.compress(plain, mtime=0)
    kind = _KINDS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    common = {
        "content-type": f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
        "cache-control": _IMMUTABLE if hashed else "no-cache",
        "vary": "accept, accept-encoding" if path == folder / PAGE[1:] else "accept-encoding",
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "permissions-policy": PERMISSIONS_POLICY,
    }
    is_worth_it = len(squeezed) < len(plain) * _SQUEEZED
    return File(_form(plain, common), _form(squeezed, common | {"content-encoding": "gzip"}) if is_worth_it else None)


def _form(body: bytes, headers: Mapping[str, str]) -> Form:
    etag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    whole = {**headers, "etag": etag, "content-length": str(len(body))}
    return Form(body, etag.encode(), [(name.encode(), value.encode()) for name, value in whole.items()])
