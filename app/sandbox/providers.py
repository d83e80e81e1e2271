"""Two OpenID Connect providers: the stand-ins of VNeID (`/citizen`) and of the city's staff directory (`/staff`).

OpenID Connect Core 1.0, code flow with PKCE (RFC 7636, S256); the profile of citizens is told at `/userinfo` only, as
some providers do, that of staff stands in the ID token, as others do. Nobody stays signed in, so whatever `max_age` a
client asks for, everybody is asked each time and `auth_time` is now."""

import hmac
import re
import secrets
from base64 import b64decode, urlsafe_b64encode
from typing import Any
from urllib.parse import unquote_plus, urlencode

import msgspec
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core.util import create_half_hash
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from litestar import Request, Response, Router, get, post, put
from litestar.params import FromPath, JSONBody
from litestar.response import Redirect

from app.clock import city_now
from app.errors import NotFound
from app.sandbox import pages
from app.sandbox.behaviour import Behaviour, Misbehave, trouble
from app.sandbox.people import NEW, Person, ProviderName, known_to, person_by

CODE_LIVES_S = 60
TOKEN_LIVES_S = 300
_MOST_GRANTS = 10_000
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")

Asked = Request[Any, Any, Any]


class Grant(msgspec.Struct, kw_only=True):
    """What a person agreed to, for one client."""

    person: Person
    client_id: str
    redirect_uri: str
    scope: str
    nonce: str | None
    challenge: str
    auth_time_s: int
    until_s: float


class Provider:
    """One provider: its keys, what it has promised to whom, and how it shall misbehave."""

    def __init__(self, name: ProviderName, client_id: str, client_secret: str, comes_from: str) -> None:
        self.name: ProviderName = name
        self.client_id = client_id
        self.client_secret = client_secret
        self.comes_from = comes_from
        """What every redirect_uri of our one client begins with."""
        self.keys = [_new_key()]
        self.stranger = _new_key()
        self.behaviour = Behaviour()
        self.codes: dict[str, Grant] = {}
        self.tokens: dict[str, Grant] = {}

    def issuer(self, request: Asked) -> str:
        """Its name at the address by which it was asked."""
        return f"{request.url.scheme}://{request.url.netloc}/{self.name}"

    def promise(self, kept: dict[str, Grant], grant: Grant) -> str:
        """A secret that stands for the grant; the oldest are forgotten when there are too many."""
        while len(kept) >= _MOST_GRANTS:
            kept.pop(next(iter(kept)))
        secret = secrets.token_urlsafe(32)
        kept[secret] = grant
        return secret


def _new_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256", "kid": secrets.token_hex(8)}, auto_kid=False)


def _provider(request: Asked, name: str) -> Provider:
    try:
        return request.app.state.providers[name]
    except KeyError:
        raise NotFound from None


@get("/{provider:str}/.well-known/openid-configuration")
async def discover(request: Asked, provider: FromPath[str]) -> Response[Any]:
    """OpenID Connect Discovery 1.0."""
    here = _provider(request, provider)
    if answer := await trouble(here.behaviour.take("discovery")):
        return answer
    issuer = here.issuer(request)
    return Response(
        {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "jwks_uri": f"{issuer}/jwks",
            "scopes_supported": ["openid", "profile", "phone", "email"],
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "code_challenge_methods_supported": ["S256"],
            "claims_supported": [
                "sub",
                "name",
                "birthdate",
                "phone_number",
                "email",
                "email_verified",
                "auth_time",
                "acr",
                "amr",
            ],
        }
    )


@get("/{provider:str}/jwks")
async def show_keys(request: Asked, provider: FromPath[str]) -> Response[Any]:
    """The public keys (RFC 7517)."""
    here = _provider(request, provider)
    if answer := await trouble(here.behaviour.take("jwks")):
        return answer
    return Response({"keys": [key.as_dict(private=False) for key in here.keys]})


@get("/{provider:str}/authorize")
async def ask_who(request: Asked, provider: FromPath[str]) -> Response[Any]:
    """The page on which somebody is chosen; `login_hint` with `prompt=none` chooses without it.

    A real provider answers `login_required` to `prompt=none` with `max_age=0`: this is for curl and for tests."""
    here = _provider(request, provider)
    if wrong := _misdirected(here, request):
        return wrong
    if request.query_params.get("prompt") != "none":
        return _choice(here)
    person = person_by(here.name, request.query_params.get("login_hint", ""))
    return _send_back(here, request, person, "login_required")


@post("/{provider:str}/authorize")
async def choose(request: Asked, provider: FromPath[str]) -> Response[Any]:
    """Somebody was chosen, or refused."""
    here = _provider(request, provider)
    if wrong := _misdirected(here, request):
        return wrong
    form = await request.form()
    hint = str(form.get("login_hint") or "")
    if hint == NEW:
        hint += str(form.get("name") or "")
    if hint == "":
        return _send_back(here, request, None, "access_denied")
    person = person_by(here.name, hint)
    return _choice(here) if person is None else _send_back(here, request, person, "access_denied")


def _misdirected(here: Provider, request: Asked) -> Response[str] | None:
    """Who asks is unknown, so nobody is sent to where they say."""
    asked = request.query_params
    if asked.get("client_id") != here.client_id:
        return _error_page("Ứng dụng này chưa được đăng ký.", "This application is not registered.")
    if not asked.get("redirect_uri", "").startswith(here.comes_from):
        return _error_page("Địa chỉ quay về chưa được đăng ký.", "This redirect_uri is not registered.")
    return None


def _error_page(vi: str, en: str) -> Response[str]:
    return pages.page("Không thể tiếp tục", "This cannot go on", pages.said(vi, en), status=400)


def _choice(here: Provider) -> Response[str]:
    people = [(person.hint, person.name, person.phone or person.email or "") for person in known_to(here.name)]
    vi, en = ("Công dân", "Citizens") if here.name == "citizen" else ("Cán bộ", "Staff")
    anybody = (
        f'<form method="post"><label for="name">Họ và tên{" hoặc e-mail" if here.name == "staff" else ""} '
        '<span lang="en">Name</span></label>'
        '<input id="name" name="name" required maxlength="100" autocomplete="off">'
        f'<button name="login_hint" value="{NEW}">Tiếp tục <span lang="en">Go on</span></button></form>'
    )
    refusing = pages.choices("login_hint", [("", "Từ chối", "Refuse")])
    return pages.page(
        "Bạn muốn đăng nhập với tư cách ai?",
        "Who shall sign in?",
        pages.heading(vi, en)
        + pages.choices("login_hint", people)
        + pages.heading("Người khác", "Somebody else")
        + anybody
        + pages.heading("Không đồng ý", "No")
        + refusing,
    )


def _send_back(here: Provider, request: Asked, person: Person | None, otherwise: str) -> Redirect:
    asked = request.query_params
    if here.behaviour.take("authorize") == "deny":
        return _back(asked, error="access_denied")
    if asked.get("response_type") != "code" or "openid" not in asked.get("scope", "").split():
        return _back(asked, error="invalid_request")
    if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(asked.get("code_challenge", "")):
        return _back(asked, error="invalid_request")
    if person is None:
        return _back(asked, error=otherwise)
    now_s = city_now().timestamp()
    grant = Grant(
        person=person,
        client_id=here.client_id,
        redirect_uri=asked["redirect_uri"],
        scope=asked["scope"],
        nonce=asked.get("nonce"),
        challenge=asked["code_challenge"],
        auth_time_s=int(now_s),
        until_s=now_s + CODE_LIVES_S,
    )
    return _back(asked, code=here.promise(here.codes, grant))


def _back(asked: Any, **said: str) -> Redirect:
    if "state" in asked:
        said["state"] = asked["state"]
    joint = "&" if "?" in asked["redirect_uri"] else "?"
    return Redirect(f"{asked['redirect_uri']}{joint}{urlencode(said)}", status_code=303)


@post("/{provider:str}/token", status_code=200)
async def give_token(request: Asked, provider: FromPath[str]) -> Response[Any]:
    """The code's tokens, once (RFC 6749, 4.1.3; RFC 7636, 4.6)."""
    here = _provider(request, provider)
    mischief = here.behaviour.take("token")
    if answer := await trouble(mischief):
        return answer
    form = {name: str(value) for name, value in (await request.form()).items()}
    if not _is_our_client(here, request, form):
        return _token_error("invalid_client", 401)
    if form.get("grant_type") != "authorization_code":
        return _token_error("unsupported_grant_type")
    grant = here.codes.pop(form.get("code", ""), None)
    if grant is None or not _is_for(grant, form):
        return _token_error("invalid_grant")
    grant.until_s = city_now().timestamp() + TOKEN_LIVES_S
    access_token = here.promise(here.tokens, grant)
    tokens = {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": TOKEN_LIVES_S,
        "scope": grant.scope,
        "id_token": _id_token(here, grant, access_token, here.issuer(request), mischief),
    }
    return Response(tokens, headers={"cache-control": "no-store"})


def _is_our_client(here: Provider, request: Asked, form: dict[str, str]) -> bool:
    """By HTTP basic, by the form, or, without a secret, by its id alone (RFC 6749, 2.3.1)."""
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = b64decode(shown, validate=True).decode().partition(":")
        except ValueError:
            return False
        client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    else:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    return client_id == here.client_id and hmac.compare_digest(secret.encode(), here.client_secret.encode())


def _is_for(grant: Grant, form: dict[str, str]) -> bool:
    return (
        grant.until_s > city_now().timestamp()
        and form.get("redirect_uri") == grant.redirect_uri
        and hmac.compare_digest(create_s256_code_challenge(form.get("code_verifier", "")), grant.challenge)
    )


def _token_error(error: str, status: int = 400) -> Response[Any]:
    return Response({"error": error}, status_code=status, headers={"cache-control": "no-store"})


def _id_token(here: Provider, grant: Grant, access_token: str, issuer: str, mischief: str | None) -> str:
    now_s = int(city_now().timestamp())
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": grant.person.subject,
        "aud": grant.client_id,
        "azp": grant.client_id,
        "iat": now_s,
        "exp": now_s + TOKEN_LIVES_S,
        "auth_time": grant.auth_time_s,
        "nonce": grant.nonce,
        "at_hash": _half_hash(access_token),
        "acr": "urn:huong:sandbox:2",
        "amr": ["pwd", "face"],
    }
    if here.name == "staff":
        claims |= _profile(grant, mischief)
    _spoil(claims, mischief)
    if mischief == "rotate_keys":
        here.keys.insert(0, _new_key())
        del here.keys[3:]
    key = here.stranger if mischief in {"unknown_kid", "bad_signature"} else here.keys[0]
    header = {"alg": "RS256", "kid": here.stranger.kid if mischief == "unknown_kid" else here.keys[0].kid}
    match mischief:
        case "alg_none":
            return _unsigned(claims)
        case "alg_hs256":  # the public key as everybody's secret: what a careless client would take
            secret = OctKey.import_key(msgspec.json.encode(here.keys[0].as_dict(private=False)))
            return jwt.encode({**header, "alg": "HS256"}, claims, secret)
        case _:
            return jwt.encode(header, claims, key)


def _half_hash(access_token: str) -> str:
    return (create_half_hash(access_token, "RS256") or b"").decode()


def _spoil(claims: dict[str, Any], mischief: str | None) -> None:
    match mischief:
        case "wrong_nonce":
            claims["nonce"] = "another"
        case "no_nonce":
            del claims["nonce"]
        case "wrong_audience":
            claims |= {"aud": "another", "azp": "another"}
        case "wrong_azp":
            claims |= {"aud": [claims["aud"], "another"], "azp": "another"}
        case "wrong_issuer":
            claims["iss"] = "https://another.example"
        case "wrong_at_hash":
            claims["at_hash"] = _half_hash("another")
        case "expired":
            claims |= {"iat": claims["iat"] - 7200, "exp": claims["iat"] - 3600}
        case "from_tomorrow":
            claims |= {"iat": claims["iat"] + 86_400, "exp": claims["exp"] + 86_400}
        case "stale_auth":
            claims["auth_time"] -= 3600
        case "no_auth_time":
            del claims["auth_time"]
        case "auth_time_in_ms":
            claims["auth_time"] *= 1000
        case _:
            pass


def _unsigned(claims: dict[str, Any]) -> str:
    parts = (msgspec.json.encode({"alg": "none", "typ": "JWT"}), msgspec.json.encode(claims), b"")
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _profile(grant: Grant, mischief: str | None) -> dict[str, Any]:
    """The claims that the scope asks for (OpenID Connect Core 1.0, 5.4)."""
    person, scope = grant.person, grant.scope.split()
    told: dict[str, Any] = {}
    if "profile" in scope:
        told |= {"name": person.name, "birthdate": person.born_on and person.born_on.isoformat()}
    if "phone" in scope:
        told |= {"phone_number": person.phone, "phone_number_verified": person.phone and True}
    if "email" in scope:
        told |= {"email": person.email, "email_verified": person.email and mischief != "email_unverified"}
    _twist(told, mischief)
    return {name: value for name, value in told.items() if value is not None}


def _twist(told: dict[str, Any], mischief: str | None) -> None:
    match mischief:
        case "nameless":
            del told["name"]
        case "name_in_parts":
            family, *middle, given = told.pop("name").split()
            told |= {"family_name": family, "middle_name": " ".join(middle), "given_name": given}
        case "name_with_null":
            told["name"] += "\0"
        case "phone_unverified":
            told["phone_number_verified"] = False
        case _:
            pass


@get("/{provider:str}/userinfo")
async def tell_about(request: Asked, provider: FromPath[str]) -> Response[Any]:
    """Whom an access token is about (OpenID Connect Core 1.0, 5.3)."""
    here = _provider(request, provider)
    mischief = here.behaviour.take("userinfo")
    if answer := await trouble(mischief):
        return answer
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    grant = here.tokens.get(token) if scheme.lower() == "bearer" else None
    if grant is None or grant.until_s <= city_now().timestamp():
        return Response({"error": "invalid_token"}, status_code=401, headers={"www-authenticate": "Bearer"})
    subject = "another" if mischief == "other_subject" else grant.person.subject
    return Response({"sub": subject, **_profile(grant, mischief)}, headers={"cache-control": "no-store"})


_PLACES = {
    "deny": "authorize",
    **dict.fromkeys(("other_subject", "phone_unverified", "nameless", "name_in_parts", "name_with_null"), "userinfo"),
}


@put("/{provider:str}/behaviour", status_code=204)
async def misbehave(request: Asked, provider: FromPath[str], data: JSONBody[Misbehave]) -> None:
    """What shall go wrong next."""
    _provider(request, provider).behaviour.tell(data.next, _PLACES.get(data.next, data.at), data.times)


router = Router(
    "/",
    route_handlers=[discover, show_keys, ask_who, choose, give_token, tell_about, misbehave],
)
