"""Server-sent events (HTML Living Standard, 9.2) to thousands of phones from one process.

The database is the truth: one loop asks it where many streams stand, in one statement, and what those have missed
that are behind. A bell (app/live.py) says whom to ask about at once; without it everybody is asked about every so
often, oftener while Redis carries no bells. An idle stream is a coroutine that waits for the phone to go away: it
holds no connection, no task and nothing to send. What it has told last is all that is kept of it, so a phone that
reads slowly has its backlog in the database, and is cut when it takes nothing."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import structlog
from litestar.response import Stream as StreamResponse
from litestar.types import Receive, Scope, Send

from app import observe
from app.db import Connection, Database
from app.errors import TooManyRequests, Unavailable
from app.identity.models import Principal
from app.live import Live

log = structlog.get_logger()

LOOK_S, LOOK_WITH_BELLS_S = 1.0, 4.0
"""How often one looks without a bell: what a sign-out, a dead Redis or a dead worker may take to be noticed."""
TICK_S = 1.0
KEEP_ALIVE_S = 20.0
TAKES_NOTHING_S = 30.0
"""A phone whose line was full for so long is cut; it comes back and says what it heard last."""
GOODBYE_S = 2.0
MOST_OF_ONE = 5
AT_ONCE = 500
"""So many streams are one statement."""
SAID_AT_ONCE = 50
"""So many are told before others in this process, who pay perhaps, get in between."""
AGAIN_AFTER_MS = 1000

Mark = tuple[int, ...]
"""Where somebody's news stand: two that differ mean that there is something to tell."""


class Telling(NamedTuple):
    """What to say to a stream, where it stands then, and whether there is more to say at once."""

    words: bytes
    mark: Mark
    more: bool = False


class Feed(Protocol):
    """What streams of one kind tell of. Its topics are `kind:subject`; `oldest_goes`: whoever opens one more than
    MOST_OF_ONE loses the oldest, instead of being refused."""

    kind: str
    oldest_goes: bool

    async def marks(self, db: Connection, streams: Sequence["Stream"]) -> Sequence[Mark | None]:
        """Where the news of each stand, in one statement; None: this one may hear no more."""
        ...

    async def tell(self, db: Connection, behind: Sequence[tuple["Stream", Mark]]) -> Sequence[Telling]:
        """What to say to each that does not stand where its news do."""
        ...


class Stream:
    """One phone's line. `told`: where it stands; None: it has heard nothing and says of nothing that it did."""

    __slots__ = (
        "again", "cut_off", "ending", "life", "principal_id", "saying", "send", "session_id", "spoke_at", "streams",
        "subject_id", "told",
    )  # fmt: skip

    def __init__(self, streams: "Streams", me: Principal, subject_id: UUID, told: Mark | None) -> None:
        self.streams = streams
        self.principal_id, self.session_id = me.id, me.session_id
        self.subject_id = subject_id
        self.told = told
        self.send: Send | None = None
        self.life: asyncio.Timeout | None = None
        self.saying: asyncio.Task[None] | None = None
        self.again = self.ending = False
        self.cut_off: Any = None
        self.spoke_at = 0.0

    @property
    def topic(self) -> str:
        """What is rung when there is news for it."""
        return f"{self.streams.feed.kind}:{self.subject_id}"

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The answer, in ASGI: until the phone goes away or somebody ends it."""
        connection: Any = (scope.get("extensions") or {}).get("huong.connection")
        self.cut_off = getattr(connection, "cut", None)
        self.streams.enter(self)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await send({"type": "http.response.body", "body": _GREETING, "more_body": True})
            self.send, self.spoke_at = send, monotonic()
            with suppress(TimeoutError):
                async with asyncio.timeout(0 if self.ending else None) as self.life:
                    if connection is not None:
                        connection.going_away = self.end
                    self.streams.look_at(self)
                    while (await receive())["type"] != "http.disconnect":
                        pass
        finally:
            self.streams.leave(self)
            self.send = self.life = None
            if connection is not None:
                connection.going_away = None
        if self.ending:
            await self._say_goodbye(send)

    def end(self) -> None:
        """Nothing more is said, from now on."""
        if not self.ending:
            self.ending = True
            if self.life is not None:
                self.life.reschedule(asyncio.get_running_loop().time())

    def say(self, words: bytes) -> None:
        """Begin to say something; whoever is still saying something is not asked."""
        self.saying = asyncio.create_task(self._say(words), name="stream-say")

    async def _say(self, words: bytes) -> None:
        try:
            if self.send is not None:
                async with asyncio.timeout(TAKES_NOTHING_S):
                    await self.send({"type": "http.response.body", "body": words, "more_body": True})
        except Exception as problem:  # the line is full, or broken in a way that the server tells of
            log.info("stream cut", feed=self.streams.feed.kind, error=observe.told(problem))
            self._cut()
        finally:
            self.saying, self.spoke_at = None, monotonic()
            if self.again:
                self.again = False
                self.streams.look_at(self)

    async def _say_goodbye(self, send: Send) -> None:
        """The end of the answer; a phone that takes nothing is not waited for."""
        try:
            async with asyncio.timeout(GOODBYE_S):
                if self.saying is not None:
                    await asyncio.wait([self.saying])
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            if self.saying is not None:
                self.saying.cancel()
            self._cut()

    def _cut(self) -> None:
        if self.cut_off is not None:
            self.cut_off()
        self.end()


class Streams:
    """The streams of one kind in this process, and the loop that tells them."""

    def __init__(self, bells: Live, database: Database, feed: Feed, most: int) -> None:
        self.bells, self.database, self.feed, self.most = bells, database, feed, most
        self.open: dict[str, list[Stream]] = {}
        self.count = 0
        self.of: Counter[UUID] = Counter()
        self.rung: set[str] = set()
        self.stir = asyncio.Event()
        self.watching: asyncio.Task[None] | None = None

    def line(self, me: Principal, subject_id: UUID, told: Mark | None) -> "EventStream":
        """A stream for somebody, as a route answers it. Raises TooManyRequests, Unavailable."""
        if sum(ear.count for ear in self.bells.ears.values()) >= self.most:
            raise Unavailable(retry_after_s=5)
        if self.of[me.id] >= MOST_OF_ONE and not self.feed.oldest_goes:
            raise TooManyRequests(retry_after_s=5)
        return EventStream(Stream(self, me, subject_id, told))

    def enter(self, stream: Stream) -> None:
        """It is open from now on; the oldest of somebody who has too many is not."""
        beside = self.open.setdefault(stream.topic, [])
        mine = [other for other in beside if other.principal_id == stream.principal_id and not other.ending]
        if len(mine) >= MOST_OF_ONE:
            mine[0].end()
        beside.append(stream)
        self.count += 1
        self.of[stream.principal_id] += 1
        observe.STREAMS.labels(self.feed.kind).inc()
        if self.bells.closing:
            stream.end()
        elif self.watching is None:
            self.watching = asyncio.create_task(self._watch(), name=f"streams-{self.feed.kind}")

    def leave(self, stream: Stream) -> None:
        """It is open no more."""
        topic = stream.topic
        self.open[topic].remove(stream)
        if not self.open[topic]:
            del self.open[topic]
        self.count -= 1
        self.of[stream.principal_id] -= 1
        if not self.of[stream.principal_id]:
            del self.of[stream.principal_id]
        observe.STREAMS.labels(self.feed.kind).dec()
        if not self.open:
            self.stir.set()

    def hear(self, topic: str) -> None:
        """Somebody rang."""
        if topic in self.open:
            self.rung.add(topic)
            self.stir.set()

    def look_at(self, stream: Stream) -> None:
        """It may have something to hear."""
        self.hear(stream.topic)

    def close(self) -> None:
        """End them all."""
        for streams in list(self.open.values()):
            for stream in streams:
                stream.end()

    async def _watch(self) -> None:
        """For as long as somebody listens."""
        looked_at = monotonic()
        try:
            while self.open:
                self.stir.clear()
                if monotonic() - looked_at >= (LOOK_WITH_BELLS_S if self.bells.heard else LOOK_S):
                    looked_at = monotonic()
                    self.rung = set(self.open)
                await self._look_at_rung()
                await self._keep_alive()
                with suppress(TimeoutError):
                    async with asyncio.timeout(TICK_S):
                        await self.stir.wait()
        finally:
            self.watching = None

    async def _look_at_rung(self) -> None:
        rung, self.rung = self.rung, set()
        streams = [stream for topic in rung for stream in self.open.get(topic, ()) if stream.send is not None]
        try:
            for first in range(0, len(streams), AT_ONCE):
                await self._look_at(streams[first : first + AT_ONCE])
        except Exception as problem:
            log.warning("streams wait for the database", feed=self.feed.kind, error=observe.told(problem))

    async def _look_at(self, streams: Sequence[Stream]) -> None:
        async with self.database.acquire() as db:
            marks = await self.feed.marks(db, streams)
            behind: list[tuple[Stream, Mark]] = []
            for stream, mark in zip(streams, marks, strict=True):
                if mark is None:
                    stream.end()
                elif mark != stream.told and not stream.ending:
                    if stream.saying is None:
                        behind.append((stream, mark))
                    else:
                        stream.again = True
            tellings = await self.feed.tell(db, behind) if behind else ()
        for number, ((stream, _), telling) in enumerate(zip(behind, tellings, strict=True), start=1):
            stream.told, stream.again = telling.mark, telling.more
            if telling.words:
                stream.say(telling.words)
            if number % SAID_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _keep_alive(self) -> None:
        """A comment to whom nothing was said for long: whoever stands between would take the line for dead."""
        late = monotonic() - KEEP_ALIVE_S
        silent = [
            stream
            for streams in self.open.values()
            for stream in streams
            if stream.spoke_at <= late and stream.saying is None and stream.send is not None
        ]
        for number, stream in enumerate(silent, start=1):
            stream.say(_KEEP_ALIVE)
            if number % SAID_AT_ONCE == 0:
                await asyncio.sleep(0)


def streams_of(bells: Live, database: Database, feed: Feed, most: int) -> Streams:
    """This process's streams of a kind."""
    known = bells.ears.get(feed.kind)
    if isinstance(known, Streams):
        return known
    made = bells.ears[feed.kind] = Streams(bells, database, feed, most)
    return made


class EventStream(StreamResponse):
    """A stream as the framework is given it."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(content=(), media_type="text/event-stream")
        self.stream = stream

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        """What it sends by itself, piece by piece."""
        return self.stream.serve


def event(name: str, data: bytes, event_id: int | None = None) -> bytes:
    """An event as it is written; `data` is JSON in one line. Without an id the phone's last one stays."""
    numbered = b"" if event_id is None else b"id: %d\n" % event_id
    return b"event: %b\n%bdata: %b\n\n" % (name.encode(), numbered, data)


def heard_last(last_event_id: str | None) -> int | None:
    """The number of the event that a phone says it heard last; None: none, or nothing that we ever sent."""
    if last_event_id is None or not last_event_id.isascii() or not last_event_id.isdecimal():
        return None
    return int(last_event_id[:18])


_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_GREETING = ": xin chào\nretry: %d\n\n".encode() % AGAIN_AFTER_MS
_KEEP_ALIVE = ": …\n\n".encode()
