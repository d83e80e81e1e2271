"""How the gateway of text messages and we sign what we send each other: Standard Webhooks 1.0, with a shared secret.

HMAC-SHA256 over `id.timestamp.body`, in base64 after `v1,`; several signatures may stand there, one for each key in
use. What was signed long ago counts for nothing. What comes twice does no more than once: a text goes out once under
its reference, and a report that says no more than an earlier one changes nothing."""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256

from app.clock import city_now

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
SKEW_S = 300


def sign(key: str, message_id: str, body: bytes) -> dict[str, str]:
    """The headers that go with exactly these bytes."""
    at = str(int(city_now().timestamp()))
    return {ID: message_id, TIMESTAMP: at, SIGNATURE: _signature(key, message_id, at, body)}


def is_signed(key: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Was this sent just now by somebody with the key? Header names are lower-case."""
    message_id, at = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    if not (at.isascii() and at.isdecimal() and len(at) <= 12) or abs(int(at) - city_now().timestamp()) > SKEW_S:
        return False
    wanted = _signature(key, message_id, at, body).encode()
    return any(hmac.compare_digest(wanted, shown.encode()) for shown in headers.get(SIGNATURE, "").split())


def _signature(key: str, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.digest(key.encode(), signed, sha256)).decode()
