"""Who is asking: opaque bearer tokens, in pure ASGI, with a cache of at most 5 seconds."""

from time import monotonic
from typing import Any
from uuid import UUID

from litestar import Request
from litestar.types import ASGIApp, Receive, Scope, Send

from app.db import Database
from app.errors import refusal_for, send_problem
from app.identity import sessions
from app.identity.models import Principal
from app.identity.tokens import is_token, token_hash
from app.lookups import LookUps
from app.rates import UNCOUNTED, Rates

CACHE_LIFE_S = 4.0
CACHE_SIZE = 50_000


class Bearer:
    """The middleware. `scope["user"]` is the Principal or None; what a stranger may do, the routes' guard says."""

    def __init__(self, app: ASGIApp, database: Database, rates: Rates) -> None:
        self.app = app
        self.rates = rates
        self.holders = LookUps(database, sessions.principals_of)
        self.seen: dict[bytes, tuple[float, Principal]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["auth"] = scope["user"] = None
        if scope["type"] == "http" and scope["path"] not in UNCOUNTED:
            token = _token(scope)
            if token is not None:
                hashed = token_hash(token)
                try:
                    if hashed in self.seen:  # it was good a moment ago, so nobody has made it up
                        scope["user"] = await self.principal(hashed)
                    else:
                        scope["user"] = await self.rates.look_up(scope, lambda: self.principal(hashed))
                except Exception as problem:
                    await send_problem(refusal_for(problem, scope), scope, send)
                    return
        await self.app(scope, receive, send)

    async def principal(self, hashed: bytes) -> Principal | None:
        """Who holds the token of this hash; None for a token that opens nothing."""
        now = monotonic()
        kept = self.seen.get(hashed)
        if kept is not None and kept[0] > now:
            return kept[1]
        principal = await self.holders.find(hashed)
        if principal is None or not principal.confirmed:  # the PIN confirms, and the next request must know
            self.seen.pop(hashed, None)
        else:
            if len(self.seen) >= CACHE_SIZE:
                self.seen.clear()
            self.seen[hashed] = (now + CACHE_LIFE_S, principal)
        return principal

    def forget_session(self, session_id: UUID) -> None:
        """Drop a session's tokens here at once; other processes drop them as their cache ages."""
        self.seen = {hashed: kept for hashed, kept in self.seen.items() if kept[1].session_id != session_id}

    def forget_principal(self, principal_id: UUID) -> None:
        """Look anew at what somebody may do, in all their sessions."""
        self.seen = {hashed: kept for hashed, kept in self.seen.items() if kept[1].id != principal_id}

    def forget_device(self, principal_id: UUID, device_id: UUID) -> None:
        """The same for whatever session a device has."""
        self.seen = {
            hashed: kept
            for hashed, kept in self.seen.items()
            if kept[1].id != principal_id or kept[1].device_id != device_id
        }


def _token(scope: Scope) -> str | None:
    """The token that is shown (RFC 6750, 2.1), if it can be one at all."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            token = value[7:].decode("latin-1")
            return token if value[:7].lower() == b"bearer " and is_token(token) else None
    return None


def forget_device(request: Request[Any, Any, Any], device_id: UUID) -> None:
    """Have this process forget what it knows of a device of whoever asks."""
    request.app.state.bearer.forget_device(request.user.id, device_id)


def forget(request: Request[Any, Any, Any], session_id: UUID) -> None:
    """Have this process forget a session's tokens."""
    request.app.state.bearer.forget_session(session_id)
