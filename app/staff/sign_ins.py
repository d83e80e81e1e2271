"""Signing in: to the staff's identity provider and back, in one browser.

The browser holds a secret for the while (a cookie), so that nobody can be signed in as somebody else by a link; the
page to go on to stands in it, and is part of what the provider's answer is bound to."""

import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec
import structlog

from app import oidc
from app.budgets import Budget, spend
from app.db import Database
from app.errors import Malformed
from app.oidc import FLOW_LIVES_S, ProviderRefused, UnknownFlow
from app.staff import members, sessions
from app.types import address_key

log = structlog.get_logger()

CALLBACK = "/v1/staff/sign-in/callback"
HOLDER_COOKIE = "__Host-huong_staff_sign_in"
HOLDER_LIVES_S = FLOW_LIVES_S
MOST_AN_HOUR = 60
"""Sign-ins that are begun from one address: each is a row."""

# A path of ours: `//elsewhere` and `/\elsewhere` are other hosts' to a browser.
_OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]{0,499}")
_LONGEST_ANSWER = 2048


class ElsewhereRefused(Malformed):
    """Địa chỉ quay về phải là một đường dẫn trong trang này.

    The address to return to must be a path of this site."""


class Leaving(msgspec.Struct, frozen=True):
    """Somebody on the way to the provider."""

    authorize_url: str
    holder: str


class Arrived(msgspec.Struct, frozen=True):
    """Somebody who is signed in now, and the page that they wanted."""

    token: str
    return_to: str


async def begin(database: Database, address: str, return_to: str) -> Leaving:
    """Where to send the browser, and what it must hold. Short transactions of its own: the provider is asked for its
    document. Raises ElsewhereRefused, TooManyRequests, ProviderUnavailable, ProviderNotConfigured."""
    holder = f"{secrets.token_urlsafe(32)}.{urlsafe_b64encode(_own(return_to).encode()).decode().rstrip('=')}"
    async with database.deed() as db:
        await spend(db, Budget(f"staff sign-in address {address_key(address)}", MOST_AN_HOUR, 3600))
    flow = await oidc.begin(database, "staff", holder=holder, redirect_path=CALLBACK)
    return Leaving(flow.authorize_url, holder)


async def finish(database: Database, holder: str | None, answer: dict[str, str]) -> Arrived:
    """Take what the provider said. Short transactions of its own around the provider's answer.

    Raises UnknownFlow, ProviderRefused, ProviderFailed, ProviderNotConfigured, NotAMember."""
    code, state = (answer.get(name, "")[:_LONGEST_ANSWER] for name in ("code", "state"))
    if holder is None or not state:
        raise UnknownFlow
    if not code:
        log.warning("staff sign-in refused by the provider", error=answer.get("error", "")[:40])
        raise ProviderRefused
    claims = await oidc.finish(database, "staff", state=state, code=code, holder=holder, redirect_path=CALLBACK)
    async with database.deed() as db:
        member_id = await members.vouched_for(db, claims)
        token = await sessions.open_session(db, member_id)
    return Arrived(token, _return_to(holder))


def _return_to(holder: str) -> str:
    """The page inside a holder that the flow has just proved to be ours."""
    page = holder.partition(".")[2]
    return _own(urlsafe_b64decode(page + "=" * (-len(page) % 4)).decode())


def _own(path: str) -> str:
    if not _OWN_PATH.fullmatch(path):
        raise ElsewhereRefused
    return path
