"""OpenID Connect, as the relying party: residents are verified by one provider, staff sign in at another.

Authorization code flow (OpenID Connect Core 1.0, 3.1) with PKCE (RFC 7636, S256), state and nonce. A flow belongs to
who began it (`holder`) and to one provider, and each provider has a callback of its own, so that no answer can be
passed off as somebody else's. No connection to the database is held while the provider is asked."""

import secrets
from base64 import b64encode
from datetime import date, datetime
from hashlib import sha256
from time import monotonic
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote_plus, urlencode
from uuid import UUID

import msgspec
import stamina
import structlog
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidClaimError, InvalidKeyIdError, JoseError, MissingClaimError
from joserfc.jwk import KeySet, import_key
from joserfc.jws import JWSRegistry
from msgspec import Meta

from app import outside
from app.clock import city_now
from app.config import settings
from app.db import Connection, Database, maybe, queries_beside
from app.errors import Refusal
from app.outside import NoAnswer, Said
from app.types import Answer, BadPhone, ShortText, new_id, phone

sql = queries_beside(__file__)
log = structlog.get_logger()

ProviderName = Literal["citizen", "staff"]

FLOW_LIVES_S = 600
KNOWN_FOR_S = 600
"""How long a provider's document and keys are believed."""
LEEWAY_S = 60
ALGORITHMS = ("RS256", "PS256", "ES256")
"""Signatures that we take: with a public key, and never whatever the token itself proposes."""
SCOPES: dict[ProviderName, str] = {"citizen": "openid profile phone", "staff": "openid profile email"}
NEEDED: dict[ProviderName, tuple[str, ...]] = {"citizen": ("birthdate",), "staff": ("email",)}
"""Beside the name: for want of these in the ID token, the user info is asked for."""
FRESH: frozenset[ProviderName] = frozenset({"citizen"})
"""Who must ask for each flow anew: whoever was signed in there before may have left the browser to somebody else."""
RETRIES = 3
RETRY_WAIT_S = 0.2
RETRY_WITHIN_S = 5.0

T = TypeVar("T")


class UnknownFlow(Refusal):
    """Lần đăng nhập này không còn hiệu lực; hãy bắt đầu lại.

    This sign-in is no longer valid; please begin again."""

    status = 400


class ProviderRefused(Refusal):
    """Bên định danh không xác nhận bạn; hãy bắt đầu lại.

    The identity provider did not confirm you; please begin again."""

    status = 403


class ProviderUnavailable(Refusal):
    """Hệ thống định danh đang không trả lời; vui lòng thử lại sau ít phút.

    The identity provider does not answer; please try again in a few minutes."""

    status = 503

    def __init__(self, **members: Any) -> None:
        super().__init__(**{"retry_after_s": 30, **members})


class ProviderFailed(Refusal):
    """Hệ thống định danh không trả lời được nên lần này không còn hiệu lực; hãy bắt đầu lại.

    The identity provider could not answer, so this attempt is over; please begin again."""

    status = 503


class ProviderNotConfigured(Refusal):
    """Thành phố chưa kết nối với bên định danh này.

    The city is not connected to this identity provider yet."""


class Flow(Answer):
    """Somebody on the way to the provider: send their browser to `authorize_url`."""

    id: UUID
    authorize_url: str
    expires_at: datetime


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """Who came back, as the provider says. (issuer, subject) is the person; everything else may change."""

    flow_id: UUID
    issuer: str
    subject: str
    name: str
    email: str | None = None
    email_verified: bool = False
    phone: str | None = None
    """E.164, if it is a Vietnamese mobile number that the provider does not call unverified."""
    born_on: date | None = None
    acr: str | None = None
    amr: list[str] = []


class _Client(msgspec.Struct, frozen=True):
    issuer: str
    id: str
    secret: str


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    """OpenID Connect Discovery 1.0, 3: what we need of it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Flow(msgspec.Struct, frozen=True):
    id: UUID
    nonce: str
    verifier: str
    made_at: datetime


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str | None = None


class _TokenError(msgspec.Struct, frozen=True):
    error: str = ""


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """Standard claims (OpenID Connect Core 1.0, 5.1), from the ID token or the user info."""

    sub: Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$(?!\n)")]
    name: ShortText | None = None
    family_name: ShortText | None = None
    middle_name: ShortText | None = None
    given_name: ShortText | None = None
    email: Annotated[str, Meta(max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$(?!\n)")] | None = None
    email_verified: bool | Literal["true", "false"] = False
    phone_number: Annotated[str, Meta(max_length=40)] | None = None
    phone_number_verified: bool | Literal["true", "false"] = True
    birthdate: Annotated[str, Meta(max_length=40)] | None = None
    acr: Annotated[str, Meta(max_length=255)] | None = None
    amr: Annotated[list[str], Meta(max_length=20)] = []

    @property
    def whole_name(self) -> str | None:
        """The name, or its parts in the order in which Vietnamese says them."""
        parts = (self.family_name, self.middle_name, self.given_name)
        return self.name or " ".join(part for part in parts if part)[:100] or None


# There


async def begin(
    database: Database, provider: ProviderName, *, holder: str, redirect_path: str, flow_id: UUID | None = None
) -> Flow:
    """Send somebody to the provider. `holder`: a secret of theirs that they must show again when they are back (a
    session's id, a browser's cookie); only its hash is kept. `redirect_path`: our callback.

    The same flow_id again, by the same holder and before it is used, sends them anew: what was given before is void.
    Raises UnknownFlow (another's flow_id, or a used one), ProviderUnavailable, ProviderNotConfigured."""
    client = _client(provider)
    document = await _document(client)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    async with database.transaction() as db:
        begun = await db.fetchrow(
            sql.begin_oidc_flow,
            flow_id or new_id(),
            provider,
            _hash(state),
            _hash(holder),
            nonce,
            verifier,
            FLOW_LIVES_S,
        )
    if begun is None:
        raise UnknownFlow
    asked = {
        "response_type": "code",
        "client_id": client.id,
        "redirect_uri": _callback(redirect_path),
        "scope": SCOPES[provider],
        "state": state,
        "nonce": nonce,
        "code_challenge": create_s256_code_challenge(verifier),
        "code_challenge_method": "S256",
    }
    if provider in FRESH:
        asked["max_age"] = "0"  # OpenID Connect Core 1.0, 3.1.2.1: ask them, whoever is signed in
    joint = "&" if "?" in document.authorization_endpoint else "?"
    url = f"{document.authorization_endpoint}{joint}{urlencode(asked)}"
    return Flow(id=begun["id"], authorize_url=url, expires_at=begun["expires_at"])


def _client(provider: ProviderName) -> _Client:
    said = settings()
    match provider:
        case "citizen":
            issuer, id_, secret = said.citizen_issuer, said.citizen_client_id, said.citizen_client_secret
        case "staff":
            issuer, id_, secret = said.staff_issuer, said.staff_client_id, said.staff_client_secret
    if issuer is None:
        raise ProviderNotConfigured
    return _Client(issuer, id_, secret)


def _callback(redirect_path: str) -> str:
    return settings().public_url + redirect_path


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


# And back


async def finish(
    database: Database,
    provider: ProviderName,
    *,
    state: str,
    code: str,
    holder: str,
    redirect_path: str,
    flow_id: UUID | None = None,
) -> Claims:
    """Who it was that came back with this state and code; with a flow_id, from this flow and no other of theirs. The
    flow is used up by it, whatever comes of it.

    Raises UnknownFlow (unknown, used, too late, another's: all the same), ProviderNotConfigured; and once the flow is
    used up, ProviderRefused (the code or the ID token does not hold), ProviderFailed."""
    client = _client(provider)
    async with database.transaction() as db:
        flow = await maybe(_Flow, db, sql.use_oidc_flow, provider, _hash(state), _hash(holder), flow_id)
    if flow is None:
        raise UnknownFlow
    try:
        document = await _document(client)
        tokens = await _redeem(client, document, code, flow.verifier, _callback(redirect_path))
        claims = await _verified(provider, client, document, tokens, flow)
        told = await _told(provider, document, tokens, claims)
    except ProviderUnavailable as problem:  # to come again with this flow would be no use
        raise ProviderFailed from problem.__cause__ or problem
    return _claims(flow.id, client.issuer, told)


async def _redeem(client: _Client, document: _Document, code: str, verifier: str, callback: str) -> _Tokens:
    """The code's tokens (RFC 6749, 4.1.3). Never tried twice: a code is good for one request."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": callback,
        "code_verifier": verifier,
        "client_id": client.id,
    }
    headers: dict[str, str] = {}
    if client.secret and "client_secret_basic" in document.token_endpoint_auth_methods_supported:
        headers["authorization"] = _basic(client)
    elif client.secret:
        form["client_secret"] = client.secret
    try:
        said = await outside.ask("POST", document.token_endpoint, headers=headers, data=form)
        if said.status != 200:
            raise _no(said)
        return said.read(_Tokens)
    except NoAnswer as problem:
        raise ProviderUnavailable from problem


def _basic(client: _Client) -> str:
    """RFC 6749, 2.3.1: both parts are form-encoded first."""
    return "Basic " + b64encode(f"{quote_plus(client.id)}:{quote_plus(client.secret)}".encode()).decode()


def _no(said: Said) -> Refusal:
    """The token endpoint's no (RFC 6749, 5.2): about the code, or about us, which is for the operator to mend."""
    if said.status not in {400, 401, 403}:
        raise NoAnswer(f"answered {said.status}")
    error = said.read(_TokenError).error
    if error in {"invalid_grant", "invalid_request", "access_denied"}:
        return ProviderRefused()
    log.error("identity provider does not know us", error=error[:40])
    return ProviderUnavailable()


async def _verified(
    provider: ProviderName, client: _Client, document: _Document, tokens: _Tokens, flow: _Flow
) -> dict[str, Any]:
    """The ID token's claims (OpenID Connect Core 1.0, 3.1.3.7); raises ProviderRefused, ProviderUnavailable."""
    registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    try:
        try:
            token = jwt.decode(tokens.id_token, await _keys(document), registry=registry)
        except InvalidKeyIdError:  # signed with a key that is newer than what we know
            token = jwt.decode(tokens.id_token, await _keys(document, anew=True), registry=registry)
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={
                "iss": {"essential": True, "value": client.issuer},
                "aud": {"essential": True, "value": client.id},
                "nonce": {"essential": True},
            },
            params={"nonce": flow.nonce, "client_id": client.id, "access_token": tokens.access_token},
        )
        claims.validate(now=int(city_now().timestamp()), leeway=LEEWAY_S)
        if provider in FRESH:
            _check_fresh(claims, flow)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as problem:
        log.warning("id token refused", reason=type(problem).__name__, claim=str(getattr(problem, "claim", ""))[:40])
        raise ProviderRefused from problem
    return dict(claims)


def _check_fresh(claims: dict[str, Any], flow: _Flow) -> None:
    """They signed in there for this flow (OpenID Connect Core 1.0, 3.1.3.7, 13); raises JoseError, TypeError.

    Not in the future either: milliseconds would always be fresh."""
    auth_time = claims.get("auth_time")
    if auth_time is None:
        raise MissingClaimError("auth_time")
    if not flow.made_at.timestamp() - LEEWAY_S <= auth_time <= city_now().timestamp() + LEEWAY_S:
        raise InvalidClaimError("auth_time")


async def _told(provider: ProviderName, document: _Document, tokens: _Tokens, claims: dict[str, Any]) -> _Told:
    """What the ID token says of the person, and if something is missing, what the user info does (5.3)."""
    try:
        told = _read(claims)
        missing = told.whole_name is None or any(not claims.get(name) for name in NEEDED[provider])
        if missing and document.userinfo_endpoint and tokens.access_token:
            headers = {"authorization": f"Bearer {tokens.access_token}"}
            said = await outside.ask("GET", document.userinfo_endpoint, headers=headers)
            if said.status != 200:
                raise NoAnswer(f"answered {said.status}")
            more = said.read(dict[str, Any])
            if more.get("sub") != told.sub:
                log.warning("user info refused", reason="another subject")
                raise ProviderRefused
            told = _read(claims | more | {name: claims[name] for name in ("acr", "amr") if name in claims})
        if told.whole_name is None:
            raise NoAnswer("no name")
    except NoAnswer as problem:
        raise ProviderUnavailable from problem
    return told


def _read(claims: dict[str, Any]) -> _Told:
    """A claim that is null or empty is one that was left out (5.3.2)."""
    try:
        return msgspec.convert({name: value for name, value in claims.items() if value not in (None, "")}, _Told)
    except msgspec.ValidationError as problem:
        raise NoAnswer("malformed claims") from problem


def _claims(flow_id: UUID, issuer: str, told: _Told) -> Claims:
    return Claims(
        flow_id=flow_id,
        issuer=issuer,
        subject=told.sub,
        name=told.whole_name or "",
        email=told.email,
        email_verified=told.email is not None and told.email_verified in (True, "true"),
        phone=_phone(told),
        born_on=_born_on(told.birthdate),
        acr=told.acr,
        amr=told.amr,
    )


def _phone(told: _Told) -> str | None:
    if told.phone_number is None or told.phone_number_verified in (False, "false"):
        return None
    try:
        return phone(told.phone_number)
    except BadPhone:
        return None


def _born_on(birthdate: str | None) -> date | None:
    """A whole date: a year alone, or a day without its year (`0000-…`), tells nobody apart."""
    try:
        return date.fromisoformat(birthdate or "")
    except ValueError:
        return None


# What is known of a provider


class _Known(msgspec.Struct):
    """A provider's document and keys, each good until a moment of the process's own clock."""

    document: _Document | None = None
    document_until: float = 0
    keys: KeySet | None = None
    keys_until: float = 0


_known: dict[str, _Known] = {}


def forget_providers() -> None:
    """Ask every provider for its document and keys again."""
    _known.clear()


async def _document(client: _Client) -> _Document:
    known = _known.setdefault(client.issuer, _Known())
    if known.document is None or known.document_until <= monotonic():
        address = client.issuer.rstrip("/") + "/.well-known/openid-configuration"
        document = await _fetch(address, _Document)
        try:
            _check(client, document)
        except NoAnswer as problem:
            raise ProviderUnavailable from problem
        known.document, known.document_until = document, monotonic() + KNOWN_FOR_S
    return known.document


def _check(client: _Client, document: _Document) -> None:
    """Discovery 4.3: a document that says it is somebody else's is nobody's."""
    if document.issuer != client.issuer:
        raise NoAnswer("the document is another issuer's")
    for url in (document.authorization_endpoint, document.token_endpoint, document.jwks_uri):
        outside.usable(url)
    if document.userinfo_endpoint:
        outside.usable(document.userinfo_endpoint)


async def _keys(document: _Document, *, anew: bool = False) -> KeySet:
    known = _known.setdefault(document.issuer, _Known())
    if anew or known.keys is None or known.keys_until <= monotonic():
        known.keys = _usable_keys(await _fetch(document.jwks_uri, _KeySet))
        known.keys_until = monotonic() + KNOWN_FOR_S
    return known.keys


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


def _usable_keys(published: _KeySet) -> KeySet:
    """Those that we can use; a provider may publish others (RFC 7517, 5)."""
    usable: list[Any] = []
    for each in published.keys:
        if each.get("kty") in {"RSA", "EC"} and each.get("use", "sig") == "sig":
            try:
                usable.append(import_key(each))
            except (JoseError, ValueError, TypeError, KeyError, AttributeError):
                continue
    if not usable:
        log.warning("identity provider publishes no key that can be used")
        raise ProviderUnavailable
    return KeySet(usable)


async def _fetch(url: str, type_: type[T]) -> T:
    """A public document, asked for a few times; raises ProviderUnavailable."""
    try:
        async for attempt in stamina.retry_context(
            on=NoAnswer,
            attempts=RETRIES,
            timeout=RETRY_WITHIN_S,
            wait_initial=RETRY_WAIT_S,
            wait_max=1,
            wait_jitter=RETRY_WAIT_S,
        ):
            with attempt:
                said = await outside.ask("GET", url)
                if said.status != 200:
                    raise NoAnswer(f"answered {said.status}")
                return said.read(type_)
    except NoAnswer as problem:
        raise ProviderUnavailable from problem
    raise AssertionError("the attempts end by an answer or by its want")


async def forget_old(db: Connection) -> None:
    """Flows that are over. Their verifiers stand in plain text, for ten minutes, and are nothing without the code."""
    await db.execute(sql.forget_old_oidc_flows)
