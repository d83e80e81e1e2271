"""Proof of possession: a device that has a key shows, with what counts, that it still holds it.

The header is RFC 9449's (`DPoP`), checked as its 4.3 says, with one claim of our own: `bod`, the SHA-256 of the body.
A device without a key is asked for nothing. How a phone makes a proof: docs/devices.md."""

from base64 import urlsafe_b64encode
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, thumbprint
from litestar.params import HeaderParameter
from msgspec import UNSET, Meta

from app.clock import city_now
from app.config import settings
from app.db import Connection, queries_beside
from app.deps import Door
from app.errors import Refusal
from app.identity.tokens import token_hash

sql = queries_beside(__file__)

HEADER = "DPoP"
SKEW_S = 120
"""How far a phone's clock may be off; `use_proof` remembers a proof for longer than twice that."""

ProofHeader = Annotated[
    str | None,
    HeaderParameter(
        name=HEADER,
        max_length=2048,
        description="If this device has a key: a proof made with it (RFC 9449, and `bod`), see docs/devices.md",
    ),
]
Why = Literal["missing", "malformed", "key", "signature", "method", "address", "time", "token", "body", "replayed"]
PublicKey = dict[str, str]
"""A JWK of the kind that a device may have: kty, crv, x, y, and nothing else."""


class PossessionRequired(Refusal):
    """Yêu cầu này cần chữ ký bằng khóa của thiết bị; hãy ký lại rồi gửi lại.

    This request needs a proof made with the device's key; make a new one and send it again."""

    status = 401


def _refused(why: Why, **members: int) -> PossessionRequired:
    return PossessionRequired(why=why, **members)


class Asked(msgspec.Struct, frozen=True):
    """What a proof must speak of: the request as it came."""

    proofs: tuple[str, ...]
    method: str
    path: str
    body: bytes
    access_token: str | None


class _Jwk(msgspec.Struct, frozen=True):
    kty: str
    crv: str
    x: str
    y: str
    d: Any = UNSET


class _Header(msgspec.Struct, frozen=True):
    typ: str
    alg: str
    jwk: _Jwk


class _Claims(msgspec.Struct, frozen=True):
    htm: str
    htu: str
    iat: Annotated[int, Meta(ge=0, le=2**53)] | float
    jti: Annotated[str, Meta(min_length=8, max_length=128, pattern=r"^[\x21-\x7e]+$(?!\n)")]
    bod: str
    ath: str | None = None


async def check(request: Door, proof: str | None) -> None:
    """Whoever asks from a device with a key must prove it; raises PossessionRequired.

    Asks no database, so it is for deeds that a replay of the same request cannot do twice: a payment is bound by its
    id, which is in the path, and by its content."""
    key = request.me.device_key
    if key is not None:
        verify(await asked(request, proof), key)


async def check_once(db: Connection, request: Door, proof: str | None) -> None:
    """The same where doing it again would be another deed: a proof counts once. Raises PossessionRequired."""
    me = request.me
    if me.device_key is not None and me.device_id is not None:
        await verify_once(db, me.id, me.device_id, me.device_key, await asked(request, proof))


async def asked(request: Door, proof: str | None) -> Asked:
    """The request as a proof must describe it. The body was read before: this is no second reading."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return Asked(
        # `proof` is one of them; two are one too many (RFC 9449, 4.3, 1).
        proofs=() if proof is None else tuple(request.headers.getall(HEADER)),
        method=request.method,
        path=request.scope["path"],
        body=await request.body(),
        access_token=token if scheme.lower() == "bearer" else None,
    )


async def verify_once(db: Connection, principal_id: UUID, device_id: UUID, key: PublicKey, asked: Asked) -> None:
    """Check a proof and remember it: shown again it is refused. Raises PossessionRequired."""
    jti = verify(asked, key)
    if await db.fetchval(sql.use_proof, principal_id, device_id, jti) is None:
        raise _refused("replayed")


def verify(asked: Asked, key: PublicKey) -> str:
    """The id (`jti`) of a proof that was made with `key` for this very request; raises PossessionRequired."""
    if not asked.proofs:
        raise _refused("missing")
    claims = _claims_of(asked.proofs, key)
    if claims.htm != asked.method:
        raise _refused("method")
    if not _is_address(claims.htu, settings().public_url + asked.path):
        raise _refused("address")
    now = int(city_now().timestamp())
    if abs(claims.iat - now) > SKEW_S:
        raise _refused("time", now=now)
    if asked.access_token is not None and claims.ath != _base64url(token_hash(asked.access_token)):
        raise _refused("token")
    if claims.bod != _base64url(sha256(asked.body).digest()):
        raise _refused("body")
    return claims.jti


def _claims_of(proofs: tuple[str, ...], key: PublicKey) -> _Claims:
    """What the device says in its one proof, once it is sure that it was this device."""
    try:
        [proof] = proofs
        signed = jws.extract_compact(proof.encode())
        header = msgspec.convert(signed.headers(), _Header)
        claims = msgspec.json.decode(signed.payload, type=_Claims)
    except (JoseError, ValueError, RecursionError):
        raise _refused("malformed") from None
    if header.typ.lower() != "dpop+jwt" or header.alg != "ES256" or header.jwk.d is not UNSET:
        raise _refused("malformed")
    shown = header.jwk
    if thumbprint_of({"kty": shown.kty, "crv": shown.crv, "x": shown.x, "y": shown.y}) != thumbprint_of(key):
        raise _refused("key")
    try:
        good = jws.validate_compact(signed, _key_of(key["x"], key["y"]), algorithms=["ES256"])
    except (JoseError, ValueError):
        raise _refused("malformed") from None
    if not good:
        raise _refused("signature")
    return claims


def thumbprint_of(key: PublicKey) -> str:
    """A key's name (RFC 7638)."""
    return thumbprint(key)


@lru_cache(4096)
def _key_of(x: str, y: str) -> ECKey:
    return ECKey.import_key({"kty": "EC", "crv": "P-256", "x": x, "y": y})


def _is_address(said: str, here: str) -> bool:
    """Is it this address, but for a query, and for what RFC 3986 (6.2) calls equivalent?"""
    try:
        return _normal(said) == _normal(here)
    except ValueError:
        return False


def _normal(address: str) -> tuple[str, str | None, int | None, str]:
    parts = urlsplit(address)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, port, parts.path


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


async def forget_old(db: Connection) -> None:
    """Proofs that are too old to be shown again."""
    await db.execute(sql.forget_old_proofs)
