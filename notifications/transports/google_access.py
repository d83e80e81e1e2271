"""How we show Google who we are: the access token of a service account (OAuth 2.0, JWT bearer grant: RFC 7523).

`google-auth` gets it, which blocks: so in a thread, one at a time, and anew some minutes before the old one ends."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, cast
from urllib.parse import urlsplit

import requests
import structlog
from google.auth.credentials import TokenState
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from notifications.transports.proxy import HERE

log = structlog.get_logger()

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
ANSWER_WITHIN_S = 10.0
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0


class NoAccess(Exception):
    """Google gives us no token now; `after_s`: we ask again not before that."""

    def __init__(self, why: str, after_s: float) -> None:
        super().__init__(why)
        self.why, self.after_s = why, after_s


class Access:
    """A service account's access, for one event loop. `changed` is called when a token is there, or cannot be had."""

    def __init__(self, account: dict[str, Any], ca: Path | None) -> None:
        self.project: str = account["project_id"]
        self.credentials: Any = service_account.Credentials.from_service_account_info(account, scopes=[SCOPE])
        self.changed: Callable[[], None] = lambda: None
        self.refreshes = 0
        self._session = requests.Session()
        self._session.trust_env = urlsplit(account["token_uri"]).hostname not in HERE
        # said at each request: the environment's REQUESTS_CA_BUNDLE would go before the session's own
        self._trust = {} if ca is None else {"verify": str(ca)}
        self._refused = ""
        self._refreshing: asyncio.Task[None] | None = None
        self._failures, self._not_before, self._why = 0, 0.0, ""

    def token(self) -> str | None:
        """The token; None: it is being got. Raises NoAccess when it cannot be had."""
        state = self.credentials.token_state
        token = cast(str | None, self.credentials.token)
        if state == TokenState.FRESH and token != self._refused:
            return token
        usable = token if state != TokenState.INVALID and token != self._refused else None
        self._begin_to_refresh(usable)
        return usable

    async def wait(self) -> str:
        """The token, waited for; raises NoAccess."""
        while (token := self.token()) is None:
            assert self._refreshing is not None
            await asyncio.wait([self._refreshing])
        return token

    def refused(self, token: str) -> None:
        """They do not take this one any more, whatever it said of its end."""
        self._refused = token

    async def close(self) -> None:
        """Wait for a refresh that is under way: a thread cannot be stopped."""
        if self._refreshing is not None:
            await asyncio.wait([self._refreshing])
        self._session.close()

    def _begin_to_refresh(self, usable: str | None) -> None:
        if self._refreshing is not None and not self._refreshing.done():
            return
        if monotonic() < self._not_before:
            if usable is None:
                raise NoAccess(self._why, self._not_before - monotonic())
            return
        self._refreshing = asyncio.create_task(self._refresh(), name="google-access")

    async def _refresh(self) -> None:
        try:
            await asyncio.to_thread(self._ask)
        except Exception as problem:  # google-auth raises its own kinds, requests' and OSError
            wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**self._failures)
            self._failures += 1
            self._not_before, self._why = monotonic() + wait_s, f"no access: {type(problem).__name__}"
            log.error("google gives no access", error=type(problem).__name__, again_in_s=wait_s)
        else:
            self.refreshes += 1
            self._refused, self._failures, self._not_before = "", 0, 0.0
        self.changed()

    def _ask(self) -> None:
        self.credentials.refresh(partial(Request(self._session), timeout=ANSWER_WITHIN_S, **self._trust))
