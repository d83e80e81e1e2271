"""Signed requests: HTTP Message Signatures (RFC 9421) by `hmac-sha256`, the body by its Content-Digest (RFC 9530).

Both sides of it: `sign` for whoever calls, `read` and `verify` for the front door. What must be signed, and how, is
told to integrators in docs/machines.md."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import quote

import http_sf
import msgspec
from cryptography.exceptions import InvalidSignature as WrongMac
from http_message_signatures.algorithms import HMAC_SHA256  # pyright: ignore[reportPrivateImportUsage]
from http_message_signatures.digests import ContentDigest
from http_message_signatures.exceptions import HTTPMessageSignaturesException, InvalidSignature
from http_message_signatures.resolvers import MappingKeyResolver
from http_message_signatures.signatures import HTTPMessageSigner, HTTPMessageVerifier

from app.clock import city_now
from app.config import settings
from app.errors import Refusal
from app.machines import key_text

ALGORITHM = "hmac-sha256"
SKEW_S = 300
"""How far `created` may be from the city's clock."""
NONCE_LENGTHS = range(16, 65)
MOST_INPUT_CHARACTERS = 2000
"""Of `Signature-Input` and `Signature` together; ours have some four hundred."""
MOST_COMPONENTS = 30

BY_PARTS = ("@method", "@authority", "@path", "@query")
BY_TARGET = ("@method", "@target-uri")
"""What a signature must cover: one of these, and `content-digest` if there is a body."""

Lines = list[tuple[str, str]]
"""Header lines as they came: a name may be there twice."""


class BadSignature(Refusal):
    """Chữ ký của yêu cầu không hợp lệ; xem `why` để biết lý do.

    The request's signature is not good; `why` says what is wrong with it."""

    status = 401


class CannotSign(Exception):
    """What nobody could sign; its text is one line for the person at the shell."""


class Claimed(msgspec.Struct, frozen=True):
    """What a signature says of itself, before it is verified."""

    keyid: str
    nonce: str
    covered: frozenset[str]


def sign(
    key: str,
    method: str,
    url: str,
    body: bytes = b"",
    *,
    created: datetime | None = None,
    nonce: str | None = None,
    covered: Iterable[str] = BY_PARTS,
    headers: dict[str, str] | None = None,
) -> dict[str, str]:
    """The headers that sign a request to an absolute URL: Content-Digest (with a body), Signature-Input, Signature.

    `key`: a whole key, `hk_…`. `headers`: others that the request has; those in `covered` are signed too. Raises
    CannotSign."""
    if not key_text.is_whole(key):
        raise CannotSign("this is no key: it was cut or mistyped")
    keyid = key[: key_text.KEYID_LENGTH]
    message = _Message(method.upper(), url, dict(headers or {}))
    signer = HTTPMessageSigner(
        signature_algorithm=HMAC_SHA256,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={keyid: key.encode()}),
    )
    try:
        signer.sign(
            message,
            key_id=keyid,
            created=created or city_now(),
            nonce=secrets.token_urlsafe(18) if nonce is None else nonce,
            label="huong",
            covered_component_ids=tuple(covered),
            body=body or None,
        )
    except HTTPMessageSignaturesException as trouble:
        raise CannotSign(str(trouble)) from None
    given = {name.lower() for name in headers or {}}
    return {name: value for name, value in message.headers.items() if name.lower() not in given}


def read(lines: Lines) -> Claimed:
    """What the one signature of a request says of itself, in the form and at the time that we ask for.

    Raises BadSignature."""
    inputs, signatures = _field(lines, "signature-input"), _field(lines, "signature")
    if len(inputs) + len(signatures) > MOST_INPUT_CHARACTERS:
        raise BadSignature(why="Signature-Input and Signature are too long")
    labels, signed = _dictionary(inputs, "Signature-Input"), _dictionary(signatures, "Signature")
    if len(labels) != 1 or labels.keys() != signed.keys():
        raise BadSignature(why="one signature is expected, under the same label in Signature-Input and Signature")
    [(components, params)] = labels.values()
    if not isinstance(components, list):
        raise BadSignature(why="Signature-Input is a list of components in parentheses, with parameters after it")
    covered = _covered(components)
    _check_time(params)
    return Claimed(keyid=_keyid(params), nonce=_nonce(params), covered=covered)


def _field(lines: Lines, name: str) -> str:
    """A header, its lines put together as RFC 9110 (5.3) says."""
    values = [value.strip() for given, value in lines if given.lower() == name]
    if not values:
        raise BadSignature(why=f"the header {name.title()} is missing")
    return ", ".join(values)


def _dictionary(text: str, name: str) -> dict[str, Any]:
    def refuse(key: str, _context: str) -> None:
        raise BadSignature(why=f"{name} has {key[:40]!r} twice")

    try:
        parsed: Any = http_sf.parse(text.encode(), tltype="dictionary", on_duplicate_key=refuse)
        return parsed
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise BadSignature(why=f"{name} is no dictionary of structured fields (RFC 9651)") from None


def _covered(components: list[Any]) -> frozenset[str]:
    """The components that are covered as they are; one with parameters (`;key`, `;bs`) is only part of a header."""
    if len(components) > MOST_COMPONENTS:
        raise BadSignature(why=f"at most {MOST_COMPONENTS} components are expected")
    covered = frozenset(name for name, params in components if isinstance(name, str) and not params)
    if not (covered.issuperset(BY_PARTS) or covered.issuperset(BY_TARGET)):
        raise BadSignature(why=f"the signature must cover {' '.join(BY_PARTS)}, or {' '.join(BY_TARGET)}")
    return covered


def _check_time(params: dict[str, Any]) -> None:
    now = int(city_now().timestamp())
    created, expires = params.get("created"), params.get("expires")
    if type(created) is not int:
        raise BadSignature(why="the parameter created is missing: whole seconds of Unix time", now=now)
    away_s = abs(now - created)
    if away_s > SKEW_S:
        raise BadSignature(why=f"created is {away_s} s away from the city's clock; {SKEW_S} s is most", now=now)
    if expires is not None and (type(expires) is not int or expires < now):
        raise BadSignature(why="expires is past", now=now)


def _keyid(params: dict[str, Any]) -> str:
    keyid, algorithm = params.get("keyid"), params.get("alg")
    if type(keyid) is not str:
        raise BadSignature(why="the parameter keyid is missing")
    if key_text.is_whole(keyid):
        raise BadSignature(why="keyid holds the whole key: send its public part only, and have this key revoked")
    if type(algorithm) is not str or algorithm != ALGORITHM:
        raise BadSignature(why=f'the parameter alg must be "{ALGORITHM}"')
    return keyid


def _nonce(params: dict[str, Any]) -> str:
    nonce = params.get("nonce")
    if type(nonce) is not str or len(nonce) not in NONCE_LENGTHS:
        least, most = NONCE_LENGTHS[0], NONCE_LENGTHS[-1]
        raise BadSignature(why=f"the parameter nonce must have {least} to {most} characters")
    return nonce


def url_of(path: bytes, query: bytes) -> str:
    """The address that the caller must have meant: ours, as the settings have it, whatever a proxy made of it."""
    return settings().public_url + path.decode("latin-1") + ("?" + query.decode("latin-1") if query else "")


def raw_path(path: str) -> bytes:
    """The path as it travels, for a server that tells it decoded only."""
    return quote(path, safe="/:@!$&'()*+,;=~").encode()


def verify(key: str, method: str, url: str, lines: Lines, body: bytes, claimed: Claimed) -> None:
    """The request is as whoever holds the key signed it, body and all; raises BadSignature."""
    verifier = _Verifier(
        signature_algorithm=_Mac,
        key_resolver=MappingKeyResolver(public_keys={claimed.keyid: key.encode()}, private_keys={}),
    )
    try:
        verifier.verify(_Message(method, url, _Lines(lines)), max_age=None)
    except InvalidSignature as problem:
        raise _bad(problem) from None
    except HTTPMessageSignaturesException as problem:
        raise BadSignature(why=str(problem)[:300]) from None
    _check_digest(lines, body, claimed)


def _bad(problem: InvalidSignature) -> BadSignature:
    if isinstance(problem.__cause__, _Differs):
        base = problem.__cause__.base.decode("ascii")
        return BadSignature(why="the signature differs from the one over signature_base", signature_base=base[:4000])
    return BadSignature(why=str(problem)[:300])


def _check_digest(lines: Lines, body: bytes, claimed: Claimed) -> None:
    there = any(name.lower() == "content-digest" for name, _ in lines)
    if not body and not there:
        return
    if not there or "content-digest" not in claimed.covered:
        raise BadSignature(why="a request with a body needs Content-Digest, and the signature must cover it")
    try:
        ContentDigest.verify(_field(lines, "content-digest"), body)
    except HTTPMessageSignaturesException as problem:
        raise BadSignature(why=f"the digest differs: {problem}") from None
    except ValueError:
        raise BadSignature(why="the digest differs: Content-Digest is not ASCII") from None


class _Message(msgspec.Struct):
    """A request, as the library wants to see one."""

    method: str
    url: str
    headers: Any


class _Lines:
    """Headers, each line by itself."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines

    def items(self) -> Lines:
        """All of them, in order."""
        return self.lines


class _Differs(Exception):
    def __init__(self, base: bytes) -> None:
        super().__init__()
        self.base = base


class _Mac(HMAC_SHA256):
    """The library's, but that it remembers what it was verified over."""

    def verify(self, signature: bytes, message: bytes) -> None:
        """Compares in constant time."""
        try:
            super().verify(signature, message)
        except WrongMac:
            raise _Differs(message) from None


class _Verifier(HTTPMessageVerifier):
    """The library's, but for the clock: `read` has looked at the city's."""

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        """Nothing is left to look at."""
