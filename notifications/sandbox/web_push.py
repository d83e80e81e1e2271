"""The stand-in of the browsers' push services, below `/web-push`, and of the browsers behind it.

`POST /web-push/browsers` makes a browser: its keys, and the subscription as `PushSubscription.toJSON()` says it. What
is pushed to its endpoint must be as RFC 8030 (TTL, Topic, Urgency), RFC 8188 and RFC 8292 (the city's signature, for
this service, not for long) have it, or is refused; the browser opens it with its own key (RFC 8291). What browsers
show is at `GET /web-push`, last come first: as JSON for programs, as a page for people. A message whose topic is one
that waits takes its place; one whose time is up is gone. Told to misbehave, the service does not know a browser, has
lost one, is busy, down, slow, or finds everything too large."""

import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from html import escape
from itertools import count
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import http_ece
import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from litestar import Request, Response, Router, delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from app.clock import CITY_ZONE, city_now
from app.sandbox import pages
from app.sandbox.behaviour import Behaviour, Trouble, trouble

MOST_BYTES = 4096
MOST_BROWSERS = 10_000
MOST_SHOWN = 50
URGENCIES = {"very-low", "low", "normal", "high"}
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")
_VAPID = re.compile(r"vapid t=([A-Za-z0-9_.-]+), ?k=([A-Za-z0-9_-]+)")

Asked = Request[Any, Any, Any]
Mischief = Literal[Trouble, "unknown", "gone", "too_large", "busy", "not_yours"]


class MisbehaveAtPush(msgspec.Struct, forbid_unknown_fields=True):
    """What goes wrong next, and how often. `busy`: 429, with `retry_after`, seconds or a date."""

    next: Mischief
    times: Annotated[int, Meta(ge=0, le=100_000)] = 1
    retry_after: Annotated[str, Meta(max_length=40, pattern=r"^[A-Za-z0-9,:+ -]*$(?!\n)")] = "1"


class MakeBrowser(msgspec.Struct, forbid_unknown_fields=True):
    """A browser. `application_server_key`: only whoever has that key may push to it (RFC 8292, 4)."""

    name: Annotated[str, Meta(min_length=1, max_length=100)] = "Trình duyệt"
    application_server_key: Annotated[str, Meta(max_length=100)] | None = None


class Message(msgspec.Struct, kw_only=True):
    """A message that a browser got. `number`: how many came before it. `shown`: what the browser read in it."""

    message_id: UUID
    number: int
    topic: str | None
    urgency: str
    ttl_s: int
    at: datetime
    expires_at: datetime
    sealed: bytes
    shown: Any


class Browser(msgspec.Struct):
    """Somebody's browser, its keys, and what came."""

    name: str
    key: Any
    secret: bytes
    only: str | None
    messages: list[Message] = []


class PushService:
    """The service's books."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.behaviour = Behaviour()
        self.retry_after = "1"
        self.browsers: dict[str, Browser] = {}
        self.numbers = count()

    def add(self, wanted: MakeBrowser) -> str:
        """A new browser; its address' last part."""
        while len(self.browsers) >= MOST_BROWSERS:
            self.browsers.pop(next(iter(self.browsers)))
        browser_id = secrets.token_urlsafe(24)
        key, secret = ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(16)
        self.browsers[browser_id] = Browser(wanted.name, key, secret, wanted.application_server_key)
        return browser_id

    def signed_by(self, request: Asked) -> str | None:
        """The key by which this was signed, in base64url; None: by nobody, for another service, or for too long."""
        found = _VAPID.fullmatch(request.headers.get("authorization", ""))
        if found is None:
            return None
        token, key = found.groups()
        try:
            claims = jwt.decode(token, _public_key(key), algorithms=["ES256"]).claims
        except (JoseError, ValueError):
            return None
        left_s = claims.get("exp", 0) - city_now().timestamp()
        is_for_us = claims.get("aud") == self.origin and str(claims.get("sub", "")).startswith(("mailto:", "https:"))
        return key if is_for_us and 0 < left_s <= 86_400 else None


def _public_key(text: str) -> ECKey:
    """Raises ValueError."""
    point = _bytes(text)
    if len(point) != 65 or point[0] != 4:
        raise ValueError(text)
    return ECKey.import_key({"kty": "EC", "crv": "P-256", "x": _base64(point[1:33]), "y": _base64(point[33:])})


def _service(request: Asked) -> PushService:
    return request.app.state.push_service


def _no(status: int, why: str, **headers: str) -> Response[Any]:
    return Response({"error": why}, status_code=status, headers=headers)


async def _in_trouble(service: PushService, mischief: str | None) -> Response[Any] | None:
    match mischief:
        case "unknown":
            return _no(404, "unknown")
        case "gone":
            return _no(410, "gone")
        case "too_large":
            return _no(413, "too large")
        case "busy":
            return _no(429, "busy", **{"retry-after": service.retry_after})
        case "not_yours":
            return _no(403, "another key")
        case _:
            return await trouble(mischief)


@post("/web-push/browsers", status_code=201)
async def make_browser(request: Asked, data: JSONBody[MakeBrowser]) -> Response[Any]:
    """A browser that has said yes to messages: its subscription."""
    service = _service(request)
    browser_id = service.add(data)
    browser = service.browsers[browser_id]
    point = browser.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    subscription = {
        "endpoint": f"{service.origin}/web-push/{browser_id}",
        "expirationTime": None,
        "keys": {"p256dh": _base64(point), "auth": _base64(browser.secret)},
    }
    return Response(subscription, status_code=201)


@delete("/web-push/{browser_id:str}", status_code=204)
async def end_subscription(request: Asked, browser_id: FromPath[str]) -> None:
    """The browser has no use for messages any more: from now on it is gone."""
    _service(request).browsers.pop(browser_id, None)


@post("/web-push/{browser_id:str}")
async def push(request: Asked, browser_id: FromPath[str]) -> Response[Any]:
    """A message for a browser (RFC 8030, 5)."""
    service, sealed = _service(request), await request.body()
    if answer := await _in_trouble(service, service.behaviour.take("push")):
        return answer
    signed_by = service.signed_by(request)
    if signed_by is None:
        return _no(401, "no signature of an application server", **{"www-authenticate": "vapid"})
    browser = service.browsers.get(browser_id)
    if browser is None:
        return _no(410, "gone")
    if browser.only not in {None, signed_by}:
        return _no(403, "another key")
    if len(sealed) > MOST_BYTES:
        return _no(413, "too large")
    try:
        message = _read(browser, request.headers, sealed, next(service.numbers))
    except ValueError as mistake:
        return _no(400, str(mistake))
    _keep(browser, message)
    return Response(
        b"",
        status_code=201,
        headers={"location": f"{service.origin}/web-push/messages/{message.message_id}", "ttl": str(message.ttl_s)},
    )


def _read(browser: Browser, headers: Any, sealed: bytes, number: int) -> Message:
    """Raises ValueError for what is no message to this browser."""
    ttl, topic, urgency = headers.get("ttl", ""), headers.get("topic"), headers.get("urgency", "normal")
    if not (ttl.isascii() and ttl.isdecimal()) or int(ttl) > 2**31:
        raise ValueError("TTL")
    if topic is not None and not _TOPIC.fullmatch(topic):
        raise ValueError("Topic")
    if urgency not in URGENCIES:
        raise ValueError("Urgency")
    if headers.get("content-encoding") != "aes128gcm":
        raise ValueError("Content-Encoding")
    return Message(
        message_id=uuid4(),
        number=number,
        topic=topic,
        urgency=urgency,
        ttl_s=int(ttl),
        at=city_now(),
        expires_at=city_now() + timedelta(seconds=int(ttl)),
        sealed=sealed,
        shown=opened(browser.key, browser.secret, sealed),
    )


def opened(key: Any, secret: bytes, sealed: bytes) -> Any:
    """What the browser reads: JSON, or text; raises ValueError for what was not sealed for it."""
    try:
        plain: bytes = http_ece.decrypt(sealed, private_key=key, auth_secret=secret, version="aes128gcm")
    except (http_ece.ECEException, InvalidTag, IndexError, ValueError, msgspec.MsgspecError) as problem:
        raise ValueError("not sealed for this browser") from problem
    try:
        return msgspec.json.decode(plain)
    except msgspec.DecodeError:
        return plain.decode(errors="replace")


def _keep(browser: Browser, message: Message) -> None:
    now = city_now()
    browser.messages = [
        kept
        for kept in browser.messages[-MOST_SHOWN:]
        if kept.expires_at > now and (message.topic is None or kept.topic != message.topic)
    ] + [message]


@get("/web-push")
async def show_browsers(request: Asked) -> Response[Any]:
    """What browsers show, last come first, whatever the clock said then: JSON, or a page for whoever wants HTML."""
    now = city_now()
    shown = [
        (browser_id, browser.name, message)
        for browser_id, browser in _service(request).browsers.items()
        for message in browser.messages
        if message.expires_at > now
    ]
    shown.sort(key=lambda one: one[2].number, reverse=True)
    if "text/html" in request.headers.get("accept", ""):
        return _page(shown[:MOST_SHOWN])
    return Response({"messages": [_spoken(*one) for one in shown[:MOST_SHOWN]]})


@get("/web-push/{browser_id:str}")
async def show_browser(request: Asked, browser_id: FromPath[str]) -> Response[Any]:
    """What one browser shows, newest first."""
    browser = _service(request).browsers.get(browser_id)
    if browser is None:
        return _no(410, "gone")
    now = city_now()
    there = [message for message in reversed(browser.messages) if message.expires_at > now]
    return Response({"messages": [_spoken(browser_id, browser.name, message) for message in there]})


def _spoken(browser_id: str, name: str, message: Message) -> dict[str, Any]:
    return {
        "browser_id": browser_id,
        "browser": name,
        "message_id": message.message_id,
        "topic": message.topic,
        "urgency": message.urgency,
        "ttl_s": message.ttl_s,
        "at": message.at,
        "bytes": len(message.sealed),
        "shown": message.shown,
    }


def _page(shown: list[tuple[str, str, Message]]) -> Response[str]:
    none = pages.said("Chưa có thông báo nào.", "No message has come yet.")
    items = "".join(_item(name, message) for _, name, message in shown)
    return pages.page("Thông báo trên trình duyệt", "What browsers show", items or none)


def _item(name: str, message: Message) -> str:
    said = message.shown if isinstance(message.shown, dict) else {"body": message.shown}
    return (
        f"<article><h2>{escape(str(said.get('title', '')))}</h2><p>{escape(str(said.get('body', '')))}</p>"
        f'<p class="small">{message.at.astimezone(CITY_ZONE):%H:%M:%S %d/%m/%Y} · {escape(name)} · '
        f"{escape(message.urgency)} · {escape(message.topic or '–')}</p></article>"
    )


@put("/web-push/behaviour", status_code=204)
async def misbehave_at_push(request: Asked, data: JSONBody[MisbehaveAtPush]) -> None:
    """What shall go wrong next."""
    service = _service(request)
    service.retry_after = data.retry_after
    service.behaviour.tell(data.next, "push", data.times)


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


router = Router(
    "/",
    route_handlers=[
        make_browser, end_subscription, push, show_browsers, show_browser, misbehave_at_push,
    ],
)  # fmt: skip
