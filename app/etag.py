"""What a phone polls and has not changed costs it no bytes: ETag and If-None-Match (RFC 9110, 8.8.3 and 13.1.2).

And what nobody wants to read costs none either: HEAD is answered wherever GET is (9.3.2)."""

import re
from collections.abc import Iterable
from hashlib import blake2b

from litestar.enums import HttpMethod
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import (
    ASGIApp,
    HTTPReceiveMessage,
    HTTPResponseStartEvent,
    HTTPScope,
    Message,
    Receive,
    Scope,
    Send,
)

from app.errors import allowed

_POLLED = re.compile(r"application/(json|[\w.-]+\+json|(?:rss|atom|cap)\+xml)\b")


class Unchanged:
    """The middleware, in pure ASGI: a GET that answers 200 with what `has_etag` gets one, or 304 if the caller has
    it."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute] = ()) -> None:
        self.app = app
        self.own_heads = tuple(
            route.path_format.partition("{")[0]
            for route in routes
            if isinstance(route, HTTPRoute) and HttpMethod.HEAD in route.methods
        )
        """Where HEAD has a handler of its own."""
        self.others = {"HEAD": self._answer_head, "OPTIONS": self._answer_options}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] != "GET" and scope["method"] in self.others:
            await self.others[scope["method"]](scope, receive, send)
            return
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        start: HTTPResponseStartEvent | None = None

        async def send_if_changed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_polled(message):
                start = message
                return
            if start is None or message["type"] != "http.response.body":
                await send(message)
                return
            etag = b'"%s"' % blake2b(message["body"], digest_size=12).hexdigest().encode()
            start["headers"] = [*start["headers"], (b"etag", etag)]
            if _holds(scope, etag):
                start["status"] = 304
                start["headers"] = [header for header in start["headers"] if not header[0].startswith(b"content-")]
                message["body"] = b""
            await send(start)
            await send(message)
            start = None

        await self.app(scope, receive, send_if_changed)

    async def _answer_head(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """As the GET would be, by the same guards, but for the body. What goes on and on ends here."""
        if scope["path"].startswith(self.own_heads):
            await self.app(scope, receive, send)
            return
        as_get: HTTPScope = {**scope, "method": HttpMethod.GET}
        over = False

        async def send_head(message: Message) -> None:
            nonlocal over
            if message["type"] == "http.response.start":
                scope["path_template"] = as_get.get("path_template")  # pyright: ignore[reportGeneralTypeIssues]
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                over = True

        async def receive_until_over() -> HTTPReceiveMessage:
            return {"type": "http.disconnect"} if over else await receive()  # pyright: ignore[reportReturnType]

        await self(as_get, receive_until_over, send_head)

    async def _answer_options(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """As the framework does, but with every method that the address takes: it would tell of one handler's."""

        async def send_options(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 204:
                kept = [header for header in message["headers"] if header[0].lower() != b"allow"]
                message["headers"] = [*kept, (b"allow", _allow(scope).encode())]
            await send(message)

        await self.app(scope, receive, send_options)


def _allow(scope: HTTPScope) -> str:
    routes = [route for route in scope["litestar_app"].routes if route.path_format == scope["path_template"]]
    return allowed(method for route in routes if isinstance(route, HTTPRoute) for method in route.methods)


def has_etag(media_type: str) -> bool:
    """Is it what gets an ETag: JSON, also GeoJSON and the like, and feeds?"""
    return _POLLED.match(media_type) is not None


def _is_polled(start: HTTPResponseStartEvent) -> bool:
    return start["status"] == 200 and has_etag(dict(start["headers"]).get(b"content-type", b"").decode("latin-1"))


def _holds(scope: Scope, etag: bytes) -> bool:
    held = b",".join(value for name, value in scope["headers"] if name == b"if-none-match")
    return etag in {tag.strip().removeprefix(b"W/") for tag in held.split(b",")}
