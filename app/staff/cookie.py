"""Who is asking, by the staff's cookie: pure ASGI, with a cache of at most 5 seconds, and a guard against other
sites' pages.

A browser sends the cookie with whatever any page has it send. So everything that may change something must show the
session's CSRF token too, which only a page of ours can have read, and must not say that it comes from elsewhere."""

from hmac import compare_digest
from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from litestar import Request
from litestar.datastructures import Cookie
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from app.config import settings
from app.db import Database
from app.errors import Refusal, refusal_for, send_problem
from app.identity.models import Principal
from app.identity.tokens import is_token, token_hash
from app.rates import UNCOUNTED, Rates
from app.secrets import all_ids
from app.staff import sessions

NAME = "__Host-huong_staff"
CSRF_HEADER = b"x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CACHE_LIFE_S = 4.0
CACHE_SIZE = 10_000


class CsrfRefused(Refusal):
    """Yêu cầu này không đến từ trang của thành phố; hãy tải lại trang rồi thử lại.

    This request did not come from a page of the city; load the page again and retry."""

    status = 403


class StaffCookie:
    """The middleware; it stands inside `Bearer`, and looks at the cookie only where no Authorization was sent: an
    officer's browser may have a resident's app open too.

    Whoever shows the cookie without its CSRF token is a stranger. The guard tells them why they don't pass, where
    there is something to guard; what is public is public to them too."""

    def __init__(self, app: ASGIApp, database: Database, rates: Rates) -> None:
        self.app = app
        self.database = database
        self.rates = rates
        self.seen: dict[bytes, tuple[float, Principal]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["user"] is None and scope["path"] not in UNCOUNTED:
            token = _token(scope)
            if token is not None:
                try:
                    await self._recognise(scope, token)
                except Exception as problem:
                    await send_problem(refusal_for(problem, scope), scope, send)
                    return
        await self.app(scope, receive, send)

    async def _recognise(self, scope: HTTPScope, token: str) -> None:
        hashed = token_hash(token)
        if hashed in self.seen:
            principal = await self.principal(hashed)
        else:
            principal = await self.rates.look_up(scope, lambda: self.principal(hashed))
        if principal is None:
            return
        try:
            if scope["method"] not in SAFE_METHODS:
                _check_origin(scope, token)
        except CsrfRefused as refused:
            scope["state"]["cookie_refused"] = refused
        else:
            scope["user"] = principal

    async def principal(self, hashed: bytes) -> Principal | None:
        """The member of staff who holds the token of this hash; None for a token that opens nothing."""
        now = monotonic()
        kept = self.seen.get(hashed)
        if kept is not None and kept[0] > now:
            return kept[1]
        async with self.database.acquire() as db:
            principal = await sessions.principal_of(db, hashed)
        if principal is None:
            self.seen.pop(hashed, None)
        else:
            if len(self.seen) >= CACHE_SIZE:
                self.seen.clear()
            self.seen[hashed] = (now + CACHE_LIFE_S, principal)
        return principal

    def forget_member(self, member_id: UUID) -> None:
        """Look anew at what a member may do; other processes do as their cache ages."""
        self.seen = {hashed: kept for hashed, kept in self.seen.items() if kept[1].id != member_id}


def _token(scope: Scope) -> str | None:
    """The cookie's token, if it can be one at all and nothing else says who asks."""
    if any(name == b"authorization" for name, _ in scope["headers"]):
        return None
    for name, value in scope["headers"]:
        if name == b"cookie":
            for part in value.split(b";"):
                key, _, shown = part.strip().partition(b"=")
                if key == NAME.encode():
                    token = shown.decode("latin-1")
                    return token if is_token(token) else None
    return None


def _check_origin(scope: Scope, token: str) -> None:
    """The CSRF token must be the session's, and an Origin (RFC 6454), if there is one, ours. Raises CsrfRefused."""
    shown = [value for name, value in scope["headers"] if name == CSRF_HEADER]
    origins = [value for name, value in scope["headers"] if name == b"origin"]
    # Under any key that still counts: a page may be older than the newest.
    wanted = [sessions.csrf_token_of(token, key_id).encode() for key_id in all_ids()]
    if len(shown) != 1 or not any(compare_digest(shown[0], one) for one in wanted):
        raise CsrfRefused
    if any(origin != _own_origin() for origin in origins):
        raise CsrfRefused


def _own_origin() -> bytes:
    ours = urlsplit(settings().public_url)
    return f"{ours.scheme}://{ours.netloc}".lower().encode()


def cookie(name: str, value: str, max_age_s: int) -> Cookie:
    """A cookie that only https, and no script, and no other host ever sees; 0 seconds: take it away."""
    return Cookie(key=name, value=value, path="/", max_age=max_age_s, secure=True, httponly=True, samesite="lax")


def forget(request: Request[Any, Any, Any], member_id: UUID) -> None:
    """Have this process look anew at what a member may do, however they signed in."""
    request.app.state.staff_cookie.forget_member(member_id)
    request.app.state.bearer.forget_principal(member_id)
