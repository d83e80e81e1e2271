"""FCM's HTTP v1 (https://firebase.google.com/docs/cloud-messaging), for many messages in little time.

A few connections, up to a hundred messages under way on each. Critical ones go before all others. What FCM has not
looked at is sent again at once, by another connection if need be; what may have been taken without our hearing of it
is `again`, and the phone shows it once: the collapse key is the same."""

import asyncio
import contextlib
import random
import ssl
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import structlog

from app.clock import city_now
from notifications.transports import proxy
from notifications.transports.face import NO_PLACE, PLACE_WITHIN_S, Lane, Outcome, Push
from notifications.transports.fcm_answers import outcome_of, wants_new_access
from notifications.transports.fcm_connection import MOST_STREAMS, Connection
from notifications.transports.fcm_message import Encoder
from notifications.transports.google_access import Access, NoAccess
from notifications.transports.http2 import Header

log = structlog.get_logger()

LANES: tuple[Lane, ...] = ("critical", "transactional", "bulk")
KINDS = ("token", "fid", "topic", "condition")
MOST_TRIES = 5
"""So often one is sent again that they have not looked at."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """For how long we wait, in seconds: for a place (`place_s`), for a connection, for an answer, for a sign of life
    on a connection on which something is under way (`quiet_s`) and for the answer to a PING then, for any connection
    before we say `again` (`outage_s`), for what is under way when we close; and between tries to connect."""

    place_s: float = PLACE_WITHIN_S
    connect_s: float = 5.0
    answer_s: float = 15.0
    quiet_s: float = 3.0
    ping_s: float = 3.0
    outage_s: float = 10.0
    close_s: float = 3.0
    look_every_s: float = 0.25
    first_wait_s: float = 0.2
    longest_wait_s: float = 30.0


class _Batch:
    """What one `send` has to answer; what has no place `until` then is not asked for any more."""

    __slots__ = ("done", "encoder", "left", "outcomes", "until")

    def __init__(self, count: int, done: asyncio.Future[None], until: float) -> None:
        self.until = until
        self.outcomes: list[Outcome | None] = [None] * count
        self.left = count
        self.done = done
        self.encoder = Encoder(city_now())

    def settle(self, at: int, outcome: Outcome) -> None:
        assert self.outcomes[at] is None
        self.outcomes[at] = outcome
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(None)


class _Asked:
    """One message on its way."""

    __slots__ = ("at", "batch", "body", "push", "retry_after", "status", "token", "tries", "until", "was_refused")

    def __init__(self, batch: _Batch, at: int, push: Push) -> None:
        self.batch, self.at, self.push = batch, at, push
        self.tries = 0
        self.was_refused = False
        self.begin("", 0.0)

    def begin(self, token: str, until: float) -> None:
        self.token, self.until = token, until
        self.status = 0
        self.retry_after: str | None = None
        self.body = bytearray()


class Fcm:
    """The transport, for the event loop in which it is first used. `url`: FCM's address, without a path."""

    def __init__(
        self,
        access: Access,
        url: str,
        *,
        ca: Path | None = None,
        connections: int = 4,
        patience: Patience | None = None,
    ) -> None:
        address = urlsplit(url)
        self.host, self.port = address.hostname or "", address.port or 443
        self.access = access
        self.access.changed = self._pump
        self.most_connections = connections
        self.patience = patience or Patience()
        self.connections: list[Connection] = []
        self.opened = 0
        self._authority = address.netloc
        self._trusted = _trusted(ca)
        self._queues: dict[Lane, deque[_Asked]] = {lane: deque() for lane in LANES}
        self._opening: set[asyncio.Task[None]] = set()
        self._failures, self._not_before = 0, 0.0
        self._without_since: float | None = None
        self._why = "no connection"
        self._headers: tuple[str, list[Header]] = ("", [])
        self._watch: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def send(self, pushes: Sequence[Push]) -> list[Outcome]:
        """One outcome for each, in order; nothing is raised."""
        if not pushes:
            return []
        done = asyncio.get_running_loop().create_future()
        batch = _Batch(len(pushes), done, self._now() + self.patience.place_s)
        for at, push in enumerate(pushes):
            if self._is_closed:
                batch.settle(at, Outcome("again", "closed"))
            elif push.target_kind not in KINDS:
                batch.settle(at, Outcome("refused", f"FCM knows no {push.target_kind}"))
            else:
                self._queues[push.lane].append(_Asked(batch, at, push))
        self._pump()
        self._keep_watch()
        await batch.done
        return [outcome for outcome in batch.outcomes if outcome is not None]

    async def close(self) -> None:
        """What waits is `again`; what is under way is waited for, for a little."""
        self._is_closed = True
        self._fail_waiting(Outcome("again", "closing"))
        for connection in list(self.connections):
            connection.leave()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.patience.close_s):
                while self.connections:  # noqa: ASYNC110 - each ends by itself
                    await asyncio.sleep(0.01)
        for connection in list(self.connections):
            connection.abort("closing")
        for opening in list(self._opening):
            opening.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        if self._watch is not None:
            self._watch.cancel()
        await self.access.close()

    # What connections tell

    def answered(self, asked: _Asked) -> None:
        """FCM's answer is there. A token that they take no more is got anew, once for all that were sent with it."""
        self._failures, self._without_since = 0, None
        if wants_new_access(asked.status, asked.body):
            self.access.refused(asked.token)
            if not asked.was_refused:
                asked.was_refused = True
                self._queues[asked.push.lane].appendleft(asked)
                return
        asked.batch.settle(asked.at, outcome_of(asked.status, asked.body, asked.retry_after))

    def untouched(self, asked: _Asked) -> None:
        """It goes to the head of the queue."""
        asked.tries += 1
        if self._is_closed or asked.tries >= MOST_TRIES:
            asked.batch.settle(asked.at, Outcome("again", "not looked at"))
        else:
            self._queues[asked.push.lane].appendleft(asked)

    def lost(self, asked: _Asked, why: str) -> None:
        """The caller decides when it is sent again."""
        asked.batch.settle(asked.at, Outcome("again", why))

    def has_room(self, connection: Connection) -> None:
        """Something was answered, or there is more room."""
        self._pump()

    def ended(self, connection: Connection, why: str) -> None:
        """Another takes its place if there is need; at once only if this one has answered somebody."""
        if connection in self.connections:
            self.connections.remove(connection)
            if not connection.answers and not self._is_closed:
                self._note_failure(why or "they left")
        if why:
            self._why = why
        self._pump()

    # What is sent

    def _pump(self) -> None:
        """Give what waits to whoever has room."""
        try:
            token = self.access.token() if self._is_waiting() else None
        except NoAccess as problem:
            self._fail_waiting(Outcome("again", problem.why, problem.after_s))
            return
        if token is None:
            return
        headers, until = self._headers_with(token), self._now() + self.patience.answer_s
        for connection in list(self.connections):
            for _ in range(connection.room):
                asked = self._next()
                if asked is None:
                    return
                self._ask(connection, asked, token, headers, until)
                if not connection.room:
                    break
        self._open_more()

    def _next(self) -> _Asked | None:
        for lane in LANES:
            queue = self._queues[lane]
            while queue:
                asked = queue.popleft()
                if not asked.batch.done.done():  # whoever asked may have gone
                    return asked
        return None

    def _ask(self, connection: Connection, asked: _Asked, token: str, headers: list[Header], until: float) -> None:
        try:
            body = asked.batch.encoder.encode(asked.push)
        except (UnicodeError, msgspec.EncodeError, OverflowError, ValueError) as problem:
            asked.batch.settle(asked.at, Outcome("refused", type(problem).__name__))
            return
        asked.begin(token, until)
        connection.ask(asked, headers, body)

    def _headers_with(self, token: str) -> list[Header]:
        """The same list for the same token: HPACK makes a byte or two of each."""
        if self._headers[0] != token:
            self._headers = (
                token,
                [
                    (b":method", b"POST"),
                    (b":scheme", b"https"),
                    (b":authority", self._authority.encode()),
                    (b":path", f"/v1/projects/{self.access.project}/messages:send".encode()),
                    (b"authorization", f"Bearer {token}".encode()),
                    (b"content-type", b"application/json"),
                ],
            )
        return self._headers[1]

    # Connections

    def _open_more(self) -> None:
        if self._is_closed or self._now() < self._not_before:
            return
        here = [connection for connection in self.connections if not connection.leaving]
        waiting = sum(map(len, self._queues.values()))
        wanted = min(self.most_connections, len(here) + -(-waiting // MOST_STREAMS))
        for _ in range(wanted - len(here) - len(self._opening)):
            opening = asyncio.create_task(self._open(), name="fcm-connection")
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)

    async def _open(self) -> None:
        connection = Connection(self, self._now)
        try:
            async with asyncio.timeout(self.patience.connect_s):
                await self._connect(connection)
                await connection.settled.wait()
        except (OSError, TimeoutError) as problem:
            connection.abort(f"no connection: {type(problem).__name__}")
            self._note_failure(f"no connection: {type(problem).__name__}")
            return
        except asyncio.CancelledError:
            connection.abort("closing")
            raise
        if self._is_closed:
            connection.abort("closing")
        elif connection.is_over:
            self._note_failure(self._why)
        else:
            self.connections.append(connection)
            self.opened += 1
            self._pump()

    async def _connect(self, connection: Connection) -> None:
        loop, way = asyncio.get_running_loop(), await proxy.way_to(self.host, self.port)
        where: dict[str, Any] = {"host": self.host, "port": self.port} if way is None else {"sock": way}
        await loop.create_connection(lambda: connection, ssl=self._trusted, server_hostname=self.host, **where)

    def _note_failure(self, why: str) -> None:
        """Wait a little before the next, longer each time; never in step with others."""
        self._why = why
        wait_s = min(self.patience.longest_wait_s, self.patience.first_wait_s * 2**self._failures)
        self._failures += 1
        self._not_before = self._now() + wait_s * random.uniform(0.5, 1)  # noqa: S311 - jitter, not a secret
        log.warning("fcm cannot be reached", why=why, failures=self._failures)

    # The watch

    def _keep_watch(self) -> None:
        if self._watch is None and not self._is_closed:
            loop = asyncio.get_running_loop()
            self._watch = loop.call_later(self.patience.look_every_s, self._look)

    def _look(self) -> None:
        """Who is late, who is silent, and is anybody there at all?"""
        self._watch = None
        for connection in list(self.connections):
            connection.give_up_late()
            self._look_at(connection)
        self._look_for_outage()
        self._give_up_waiting()
        self._pump()
        if self._is_waiting() or any(connection.under_way for connection in self.connections):
            self._keep_watch()

    def _look_at(self, connection: Connection) -> None:
        now = self._now()
        if connection.pinged_at is not None:
            if now - connection.pinged_at > self.patience.ping_s:
                connection.abort("stalled")
        elif connection.under_way and now - connection.heard_at > self.patience.quiet_s:
            connection.ping()

    def _look_for_outage(self) -> None:
        """Nobody was there for so long; who comes and goes without an answer is nobody."""
        if not self._is_waiting():
            self._without_since = None
        elif self.connections:
            pass
        elif self._without_since is None:
            self._without_since = self._now()
        elif self._now() - self._without_since > self.patience.outage_s:
            self._without_since = None
            self._fail_waiting(Outcome("again", self._why))

    def _give_up_waiting(self) -> None:
        """Those that found no place in time: what was sent with them is answered meanwhile, and must be heard of."""
        now = self._now()
        for queue in self._queues.values():
            while queue and queue[0].batch.until <= now:
                asked = queue.popleft()
                if not asked.batch.done.done():
                    asked.batch.settle(asked.at, NO_PLACE)

    def _is_waiting(self) -> bool:
        return any(self._queues.values())

    def _fail_waiting(self, outcome: Outcome) -> None:
        for queue in self._queues.values():
            while queue:
                asked = queue.popleft()
                if not asked.batch.done.done():
                    asked.batch.settle(asked.at, outcome)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _trusted(ca: Path | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context() if ca is None else ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    return context
