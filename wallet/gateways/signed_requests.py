"""How the partner bank, the billers and we sign what we ask each other: a shared secret, HMAC-SHA256 (RFC 2104).

What is signed are six lines: method, path, query, SHA-256 of the body in hex, timestamp (seconds since 1970), nonce.
Path and query are as they travel, percent-encoded, without the `?`. Key id, timestamp, nonce and the signature in
lower-case hex travel in headers of their own. Whoever verifies keeps the nonces of the last `SKEW_S` seconds on both
sides of now, so that a request counts once."""

import hmac
import secrets
from collections.abc import Mapping
from hashlib import sha256
from typing import Literal

import httpx
import msgspec

from app.clock import city_now

KEY_ID, TIMESTAMP, NONCE, SIGNATURE = "x-key-id", "x-timestamp", "x-nonce", "x-signature"
SKEW_S = 300


class NotSigned(Exception):
    """The request is not what somebody with the secret sent just now; `why` says what is wrong with it."""

    def __init__(self, why: Literal["missing", "malformed", "time", "key", "signature"]) -> None:
        super().__init__(why)
        self.why = why


class Signed(msgspec.Struct, frozen=True):
    """Who signed, and the nonce, which whoever verifies must not have met before."""

    key_id: str
    nonce: str


def sign(
    key_id: str,
    secret: str,
    method: str,
    url: str,
    body: bytes = b"",
    *,
    timestamp: int | None = None,
    nonce: str | None = None,
) -> dict[str, str]:
    """The headers that go with a request to `url`, a whole one, with exactly these bytes as its body."""
    at = str(int(city_now().timestamp()) if timestamp is None else timestamp)
    once = secrets.token_urlsafe(18) if nonce is None else nonce
    return {
        KEY_ID: key_id,
        TIMESTAMP: at,
        NONCE: once,
        SIGNATURE: _signature(secret, method, url, body, at, once),
    }


def verify(headers: Mapping[str, str], keys: Mapping[str, str], method: str, url: str, body: bytes = b"") -> Signed:
    """Who sent this request: `keys` are secrets by their ids, header names are lower-case. Raises NotSigned."""
    try:
        key_id, at, nonce, shown = (headers[name] for name in (KEY_ID, TIMESTAMP, NONCE, SIGNATURE))
    except KeyError:
        raise NotSigned("missing") from None
    if not (at.isascii() and at.isdecimal() and len(at) <= 12 and 8 <= len(nonce) <= 128):
        raise NotSigned("malformed")
    if abs(int(at) - city_now().timestamp()) > SKEW_S:
        raise NotSigned("time")
    if key_id not in keys:
        raise NotSigned("key")
    if not hmac.compare_digest(_signature(keys[key_id], method, url, body, at, nonce).encode(), shown.encode()):
        raise NotSigned("signature")
    return Signed(key_id, nonce)


def _signature(secret: str, method: str, url: str, body: bytes, timestamp: str, nonce: str) -> str:
    path, _, query = httpx.URL(url).raw_path.decode().partition("?")
    lines = (method.upper(), path, query, sha256(body).hexdigest(), timestamp, nonce)
    return hmac.new(secret.encode(), "\n".join(lines).encode(), sha256).hexdigest()
