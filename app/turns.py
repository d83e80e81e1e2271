"""First screens take turns, so that nobody who pays waits for them.

When the city is warned, everybody opens the app at once. What a screen costs this process and the database is the
same however many are under way, but whoever comes in between waits for all of them: so a few are under way at once,
and the others wait here, first come, first served, before anything is done for them. Whoever would wait too long is
told when to come again."""

import asyncio
from collections import deque

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Unavailable, send_problem
from app.observe import SCREENS_WAITING

SCREENS = frozenset({"/v1/home", "/v1/notifications/inbox", "/v1/alerts", "/v1/alerts/flood"})
"""What a phone loads when it is opened, and after a warning."""
AT_ONCE = 2
MOST_WAITING = 2_000
LONGEST_WAIT_S = 5.0
AGAIN_AFTER_S = 5


class Turns:
    """The middleware, in pure ASGI; it stands outside of all that asks the database."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.under_way = 0
        self.waiting: deque[asyncio.Future[None]] = deque()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"} or not _is_screen(scope["path"]):
            await self.app(scope, receive, send)
            return
        if not await self._take():
            await send_problem(Unavailable(retry_after_s=AGAIN_AFTER_S), scope, send)
            return
        held = True

        async def passing_send(message: Message) -> None:
            nonlocal held
            if held and message["type"] == "http.response.start":  # it is made; a phone may take long to read it
                held = False
                self._pass_on()
            await send(message)

        try:
            await self.app(scope, receive, passing_send)
        finally:
            if held:
                self._pass_on()

    async def _take(self) -> bool:
        """A turn; False: it would take too long."""
        if self.under_way < AT_ONCE:
            self.under_way += 1
            return True
        if len(self.waiting) >= MOST_WAITING:
            return False
        turn = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        SCREENS_WAITING.inc()
        try:
            async with asyncio.timeout(LONGEST_WAIT_S):
                await turn
        except TimeoutError:
            return self._came_late(turn)
        except asyncio.CancelledError:
            if self._came_late(turn):
                self._pass_on()
            raise
        finally:
            SCREENS_WAITING.dec()
        return True

    def _came_late(self, turn: "asyncio.Future[None]") -> bool:
        """It came in the moment in which it was given up: it is there to be used, or passed on."""
        return turn.done() and not turn.cancelled()

    def _pass_on(self) -> None:
        """To whoever has waited longest, if anybody still does."""
        while self.waiting:
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.under_way -= 1


def _is_screen(path: str) -> bool:
    return path.rstrip("/") in SCREENS
