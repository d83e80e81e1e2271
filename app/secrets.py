"""The city's keys, as HUONG_PEPPER lists them: the first is written with, all of them open and verify.

What is made with a key is kept with the key's id. A key is changed by putting another in front; `litestar secrets`
says what still needs an old one, and seals anew what can be. HMAC-SHA256 hides short secrets (PINs, codes), AES-256-GCM
(NIST SP 800-38D) under a key of each purpose's own (HKDF, RFC 5869) seals what must be read again."""

import hmac
import secrets
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.config import settings
from app.errors import Unavailable

_FORM = 1
_NONCE_BYTES = 12
_TAG_BYTES = 16


class KeyNotHere(Unavailable):
    """Máy chủ này chưa có khóa cần cho việc này; vui lòng thử lại sau giây lát.

    This server does not have the key that this needs yet; please try again in a moment."""


class NotSealedHere(Exception):
    """What was to be opened was sealed by nobody here, for something else, or was changed since."""


class _Opened(NamedTuple):
    key_id: str
    nonce: bytes
    cipher: bytes


def newest_id() -> str:
    """The id of the key that is written with."""
    return next(iter(settings().keys))


def all_ids() -> list[str]:
    """The ids of all keys of this process, the newest first."""
    return list(settings().keys)


def mac(purpose: str, *parts: str, key_id: str | None = None) -> bytes:
    """HMAC-SHA256 under a key, the newest unless named, for short secrets that a hash alone would not hide.

    Raises KeyNotHere."""
    return hmac.digest(_key(key_id), "\0".join((purpose, *parts)).encode(), "sha256")


def seal(purpose: str, plain: bytes, *, about: bytes = b"") -> bytes:
    """Seal a secret under the newest key: only the same purpose, and what it is `about` (a row's id), open it again.

    Form, length of the key's id, the id, nonce, AES-256-GCM: 30 bytes and the id longer than `plain`."""
    key_id = newest_id()
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _head(key_id) + nonce + _cipher(purpose, key_id).encrypt(nonce, plain, _head(key_id) + about)


def unseal(purpose: str, sealed: bytes, *, about: bytes = b"") -> bytes:
    """Open what `seal` sealed; raises NotSealedHere, KeyNotHere."""
    found = _read(sealed)
    try:
        return _cipher(purpose, found.key_id).decrypt(found.nonce, found.cipher, _head(found.key_id) + about)
    except InvalidTag:
        raise NotSealedHere from None


def sealed_under(sealed: bytes) -> str:
    """The id of the key that a sealed secret needs; raises NotSealedHere."""
    return _read(sealed).key_id


def new_pair(key_id: str) -> str:
    """A fresh key of 256 random bits, as HUONG_PEPPER takes it."""
    return f"{key_id}:{secrets.token_urlsafe(32)}"


def _key(key_id: str | None) -> bytes:
    keys = settings().keys
    wanted = newest_id() if key_id is None else key_id
    try:
        return keys[wanted].encode()
    except KeyError as missing:
        raise KeyNotHere from missing


def _cipher(purpose: str, key_id: str) -> AESGCM:
    return _derived(_key(key_id), purpose)


@lru_cache(256)
def _derived(key: bytes, purpose: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=b"huong seal", info=purpose.encode()).derive(key))


def _head(key_id: str) -> bytes:
    return bytes((_FORM, len(key_id))) + key_id.encode()


def _read(sealed: bytes) -> _Opened:
    if len(sealed) < 2 or sealed[0] != _FORM:
        raise NotSealedHere
    body = sealed[2 + sealed[1] :]
    key_id = sealed[2 : 2 + sealed[1]]
    if len(body) < _NONCE_BYTES + _TAG_BYTES or not key_id.isascii():
        raise NotSealedHere
    return _Opened(key_id.decode(), body[:_NONCE_BYTES], body[_NONCE_BYTES:])
