"""Who is asking, by a machine's signature or, where a route takes that, by its key as it is: pure ASGI, with a cache
of at most 5 seconds.

What is wrong with a signature is no answer yet. The guard gives it, where there is something to guard: so whoever
guesses is counted as the stranger that they are."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from litestar import Request
from litestar.types import ASGIApp, HTTPReceiveMessage, HTTPScope, Receive, Scope, Send

from app.db import Database
from app.errors import Malformed, Refusal, TooLarge, refusal_for
from app.identity.models import Principal
from app.machines import key_text, keys, signing
from app.machines.key_text import KeyRefused
from app.machines.keys import KeptKey
from app.machines.signing import BadSignature
from app.rates import UNCOUNTED, Rates

CACHE_LIFE_S = 4.0
CACHE_SIZE = 10_000
NONCE_KEPT_S = 2 * signing.SKEW_S + 60
BODY_WITHIN_S = 10.0
"""A signature that is dated ahead is good for twice the skew; a minute more, as our own clocks may differ."""
MOST_BODY_BYTES = 64 * 1024
KEY_HEADER = "x-api-key"
KEY_QUERY, KEY_QUERY_PATH = "api_key", "/open311/"
"""Open311 (GeoReport v2) has keys in the query, and in a POST's form; elsewhere they would only end up in logs."""
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

_BOUNDARY = re.compile(r'boundary="?([^\s";]{1,70})"?', re.IGNORECASE)
_KEY_PART = re.compile(rb'^content-disposition:[^\r\n]*;\s*name="?api_key"?\s*(?:;|$)', re.IGNORECASE | re.MULTILINE)


class AddressRefused(Refusal):
    """Máy này không được gọi từ địa chỉ {address}; hãy báo quản trị hệ thống nếu địa chỉ đã đổi.

    This machine may not call from the address {address}; tell the administrator if its address has changed."""

    status = 403


class PlainKeyRefused(Refusal):
    """Máy này phải ký yêu cầu; khóa không được gửi kèm.

    This machine must sign its requests; its key may not be sent with them."""

    status = 403


class Signatures:
    """The middleware; it stands inside `Bearer`, and looks only where nobody was recognised."""

    def __init__(
        self, app: ASGIApp, database: Database, rates: Rates, most_body_bytes: int = MOST_BODY_BYTES
    ) -> None:
        self.app = app
        self.database = database
        self.rates = rates
        self.most_body_bytes = most_body_bytes
        self.seen: dict[UUID, tuple[float, KeptKey, str]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["user"] is None and scope["path"] not in UNCOUNTED:
            lines = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
            names = {name for name, _ in lines}
            if not names.isdisjoint({"signature", "signature-input"}):
                body = _Body(receive, self.most_body_bytes)
                receive = body.again
                await self._recognise(scope, self._signed(scope, lines, body))
            elif KEY_HEADER in names or scope["path"].startswith(KEY_QUERY_PATH):
                body = _Body(receive, self.most_body_bytes)
                receive = body.again
                await self._recognise(scope, self._shown(scope, lines, body))
        await self.app(scope, receive, send)

    async def _recognise(self, scope: HTTPScope, who: Awaitable[Principal | None]) -> None:
        try:
            scope["user"] = await who
        except Exception as problem:
            scope["state"]["refused"] = refusal_for(problem, scope)

    async def _signed(self, scope: HTTPScope, lines: signing.Lines, body: "_Body") -> Principal:
        """The machine that signed this request; raises BadSignature, KeyRefused, KeyOfAnotherMode, AddressRefused,
        TooLarge, TooManyRequests.

        No connection is held while the body comes in."""
        claimed = signing.read(lines)
        key, text = await self._good(scope, key_text.read_keyid(claimed.keyid))
        url = signing.url_of(scope.get("raw_path") or signing.raw_path(scope["path"]), scope["query_string"])
        # A body that is held back must not outlive its nonce, nor a key that was revoked meanwhile.
        async with asyncio.timeout(BODY_WITHIN_S):
            content = await body.read()
        key, text = await self._good(scope, key_text.read_keyid(claimed.keyid))
        signing.verify(text, scope["method"], url, lines, content, claimed)
        _check_address(key, scope)
        async with self.database.acquire() as db:
            if not await keys.use_nonce(db, key.id, claimed.nonce, NONCE_KEPT_S):
                raise BadSignature(why="nonce was used before: every request has one of its own")
        return _principal(key, plain_key=False)

    async def _shown(self, scope: HTTPScope, lines: signing.Lines, body: "_Body") -> Principal | None:
        """The machine that shows its key as it is; None where no key is shown.

        Raises KeyRefused, KeyOfAnotherMode, AddressRefused, PlainKeyRefused, TooManyRequests."""
        shown = [value.strip() for name, value in lines if name == KEY_HEADER] or _in_query(scope)
        if not shown:
            shown = await self._in_form(scope, dict(lines).get("content-type", ""), body)
        if not shown:
            return None
        if len(shown) > 1:
            raise KeyRefused(why="there are two keys: which of them is meant?")
        known = self.seen.get(key_id := key_text.read(shown[0]).key_id)
        key, _ = await self._good(scope, key_id)
        if not key.is_text(shown[0]):
            raise KeyRefused(why="it is not known here, was revoked or has expired")
        if not key.plain_key:
            raise PlainKeyRefused
        _check_address(key, scope)
        if known is not self.seen.get(key_id):
            async with self.database.acquire() as db:
                await keys.note_use(db, key_id)
        return _principal(key, plain_key=True)

    async def _in_form(self, scope: HTTPScope, content_type: str, body: "_Body") -> list[str] | None:
        """The keys in the form of a POST to Open311, of whose body so much is read as a whole request may have
        elsewhere: where a file comes along, the key stands before it. Raises TooManyRequests."""
        form = content_type.partition(";")[0].strip().lower()
        if scope["method"] != "POST" or not scope["path"].startswith(KEY_QUERY_PATH) or form not in FORMS:
            return None
        boundary = _BOUNDARY.search(content_type)
        if form == FORMS[0]:
            find = _in_fields
        elif boundary is not None:
            find = partial(_in_parts, boundary[1].encode("latin-1"))
        else:
            return None

        async def look() -> list[str] | None:
            async with asyncio.timeout(BODY_WITHIN_S):
                return await body.begin(find)

        return await self.rates.look_up(scope, look)

    async def _good(self, scope: HTTPScope, key_id: UUID) -> tuple[KeptKey, str]:
        """A key that is good, or was 4 seconds ago, and its text; raises KeyRefused, TooManyRequests."""
        now = monotonic()
        kept = self.seen.get(key_id)
        if kept is None or kept[0] <= now:
            if kept is None:
                key = await self.rates.look_up(scope, lambda: self._kept(key_id))
            else:
                key = await self._kept(key_id)
            if key is None:
                self.seen.pop(key_id, None)
                raise KeyRefused(why="it is not known here, was revoked or has expired")
            if len(self.seen) >= CACHE_SIZE:
                self.seen.clear()
            kept = self.seen[key_id] = (now + CACHE_LIFE_S, key, key.text())
        return kept[1], kept[2]

    async def _kept(self, key_id: UUID) -> KeptKey | None:
        async with self.database.acquire() as db:
            return await keys.good(db, key_id)

    def forget_machine(self, machine_id: UUID) -> None:
        """Look anew at what a machine may do; other processes do as their cache ages."""
        self.seen = {key_id: kept for key_id, kept in self.seen.items() if kept[1].machine_id != machine_id}


def _in_query(scope: HTTPScope) -> list[str]:
    if not scope["path"].startswith(KEY_QUERY_PATH):
        return []
    return parse_qs(scope["query_string"].decode("latin-1")).get(KEY_QUERY, [])


def _in_fields(content: bytes, whole: bool) -> list[str]:
    """The keys in an urlencoded form, which must be whole: a key that is cut is none."""
    return parse_qs(content.decode("latin-1")).get(KEY_QUERY, []) if whole else []


def _in_parts(boundary: bytes, content: bytes, whole: bool) -> list[str]:
    """The keys among the whole parts of a multipart form (RFC 7578), of which there may be more."""
    parts = [part.partition(b"\r\n\r\n") for part in content.split(b"--" + boundary)[1:-1]]
    keys = [value.strip().decode("latin-1") for head, _, value in parts if _KEY_PART.search(head)]
    return [key for key in keys if key]


def _check_address(key: KeptKey, scope: HTTPScope) -> None:
    """Raises AddressRefused if a machine that may call from some addresses only calls from another."""
    shown: str = scope["state"]["address"]
    if not key.addresses:
        return
    try:
        address = ip_address(shown.partition("%")[0])
    except ValueError:
        raise AddressRefused(address=shown) from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if not any(address in network for network in key.networks()):
        raise AddressRefused(address=str(address))


def _principal(key: KeptKey, *, plain_key: bool) -> Principal:
    return Principal(
        id=key.machine_id,
        kind="machine",
        session_id=key.id,
        scopes=list[str](key.scopes),
        agency=key.agency,
        plain_key=plain_key,
    )


class _Body:
    """A request's body, read before its route reads it again."""

    def __init__(self, receive: Receive, most_bytes: int) -> None:
        self.receive = receive
        self.most_bytes = most_bytes
        self.kept: list[HTTPReceiveMessage] = []

    async def read(self) -> bytes:
        """All of it; raises TooLarge, and Malformed for a caller who is gone."""
        parts, size = list[bytes](), 0
        while True:
            message: Any = await self.receive()
            self.kept.append(message)
            if message["type"] != "http.request":
                raise Malformed
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self.most_bytes:
                raise TooLarge
            if not message.get("more_body", False):
                return b"".join(parts)

    async def begin(self, find: Callable[[bytes, bool], list[str]]) -> list[str] | None:
        """What is found in the body, of which `most_bytes` are looked at, no more; whatever was read is read again.

        `find` is told whether all of it is here. It looks each time that twice as much is: a body that comes in bytes
        is not looked at for every byte."""
        read, enough = bytearray(), 1024
        while len(read) <= self.most_bytes:
            message: Any = await self.receive()
            self.kept.append(message)
            if message["type"] != "http.request":
                return None
            read += message.get("body", b"")
            more = bool(message.get("more_body", False))
            if more and len(read) < enough:
                continue
            enough = 2 * len(read)
            if found := find(bytes(read[: self.most_bytes]), not more):
                return found
            if not more:
                return None
        return None

    async def again(self) -> Any:
        """What was read, from its start on; then what comes."""
        return self.kept.pop(0) if self.kept else await self.receive()


def forget(request: Request[Any, Any, Any], machine_id: UUID) -> None:
    """Have this process look anew at what a machine may do."""
    request.app.state.signatures.forget_machine(machine_id)
