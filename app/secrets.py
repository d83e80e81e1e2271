"""The city's keys, as HUONG_PEPPER lists them: the first is written with, all of them open and verify.

What is made with a key is kept with the key's id. A key is changed by putting another in front; `litestar secrets`
says what still needs an old one, and seals anew what can be. HMAC-SHA256 hides short secrets (PINs, codes);
AES-256-GCM (NIST SP 800-38D) under a key of each purpose's own (HKDF, RFC 5869) seals what must be read again."""

import hmac
import secrets
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.config import settings
from app.db import Connection, Database, many, queries_beside
from app.errors import Unavailable

sql = queries_beside(__file__)

BATCH = 200
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


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A column `sealed`, so that what is in it can be sealed anew under a newer key; `key_uses` counts it too.

    `rows`: SQL that selects `id`, `sealed` and `about` of the next `$2` rows after id `$1`, by id; `reseal`: SQL that
    puts `$3` in the place of `$2` in row `$1`, and returns something if that was still there."""

    table: str
    purpose: str
    rows: str
    reseal: str


class KeyUse(msgspec.Struct, frozen=True):
    """How many of which things need a key."""

    key_id: str
    what: str
    rows: int


class _SealedRow(msgspec.Struct, frozen=True):
    id: UUID
    sealed: bytes
    about: bytes


def newest_id() -> str:
    """The id of the key that is written with."""
    return next(iter(settings().keys))


def all_ids() -> list[str]:
    """The ids of all keys of this process, the newest first."""
    return list(settings().keys)


def need(key_id: str) -> None:
    """Before something is counted that cannot be looked at without this key; raises KeyNotHere."""
    _key(key_id)


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


async def uses(db: Connection) -> list[KeyUse]:
    """What needs which key, by key."""
    return sorted(await many(KeyUse, db, sql.key_uses), key=lambda use: (use.key_id, use.what))


async def seal_anew(database: Database, place: Sealed) -> int:
    """Seal under the newest key what an older one seals, a batch at a time; returns how many. Whoever writes a row
    meanwhile wins. Raises KeyNotHere, NotSealedHere."""
    done = 0
    async with database.acquire() as db:
        async for row in _sealed_rows(db, place):
            if sealed_under(row.sealed) == newest_id():
                continue
            plain = unseal(place.purpose, row.sealed, about=row.about)
            sealed = seal(place.purpose, plain, about=row.about)
            done += await db.fetchval(place.reseal, row.id, row.sealed, sealed) is not None
    return done


async def _sealed_rows(db: Connection, place: Sealed) -> AsyncIterator[_SealedRow]:
    after = UUID(int=0)
    while rows := await many(_SealedRow, db, place.rows, after, BATCH):
        for row in rows:
            yield row
        after = rows[-1].id


async def ids_in_use(db: Connection) -> list[str]:
    """The keys that something lasting needs. Quick, however many PINs there are."""
    return [row["key_id"] for row in await db.fetch(sql.keys_in_use)]


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
