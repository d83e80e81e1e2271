"""How the public post and we sign what we send each other: a shared secret, HMAC-SHA256 (RFC 2104).

What is signed are four lines: method, path, timestamp (seconds since 1970), SHA-256 of the body in hex. Timestamp and
signature, in lower-case hex, travel in headers of their own. A request that was signed long ago is none; one that
comes twice within that time does no more than once, because a parcel that has arrived stays so."""

import hmac
from collections.abc import Mapping
from hashlib import sha256

import httpx

from app.clock import city_now

TIMESTAMP, SIGNATURE = "x-post-timestamp", "x-post-signature"
SKEW_S = 300


def sign(secret: str, method: str, url: str, body: bytes = b"", *, timestamp: int | None = None) -> dict[str, str]:
    """The headers that go with a request to `url`, a whole one, with exactly these bytes as its body."""
    at = str(int(city_now().timestamp()) if timestamp is None else timestamp)
    return {TIMESTAMP: at, SIGNATURE: _signature(secret, method, httpx.URL(url).raw_path.decode(), at, body)}


def is_signed(secret: str, headers: Mapping[str, str], method: str, path: str, body: bytes) -> bool:
    """Was this sent just now by somebody with the secret? Header names are lower-case."""
    at, shown = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
    if not (at.isascii() and at.isdecimal() and len(at) <= 12) or abs(int(at) - city_now().timestamp()) > SKEW_S:
        return False
    return hmac.compare_digest(_signature(secret, method, path, at, body).encode(), shown.encode())


def _signature(secret: str, method: str, path: str, timestamp: str, body: bytes) -> str:
    lines = (method.upper(), path, timestamp, sha256(body).hexdigest())
    return hmac.new(secret.encode(), "\n".join(lines).encode(), sha256).hexdigest()
