"""One connection to FCM: requests beside each other on HTTP/2 streams, and whatever may befall them there."""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, cast

from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError, StreamClosedError

from notifications.transports.http2 import Header, Http2

MOST_STREAMS = 100
"""Google's own limit of a connection."""
MOST_ANSWER_BYTES = 16 * 1024
LAST_STREAM_ID = 1 << 30
"""A connection that has been used so often is left for another; its ids end at 2^31."""


class Asked(Protocol):
    """A request under way; what comes back is written into it."""

    status: int
    retry_after: str | None
    body: bytearray
    until: float


class Owner(Protocol):
    """Whom the connection tells; each request is told of exactly once, by the first or the second or the third."""

    def answered(self, asked: Any) -> None:
        """It was answered in full."""
        ...

    def untouched(self, asked: Any) -> None:
        """They have done nothing with it: it may be sent again at once."""
        ...

    def lost(self, asked: Any, why: str) -> None:
        """Nobody knows what became of it."""
        ...

    def has_room(self, connection: "Connection") -> None:
        """There is room for more, or for less than was thought."""
        ...

    def ended(self, connection: "Connection", why: str) -> None:
        """The connection is no more."""
        ...


class Connection(asyncio.Protocol):
    """The connection as asyncio drives it; `settled` once they have said how many streams they take."""

    def __init__(self, owner: Owner, clock: Callable[[], float]) -> None:
        self.owner = owner
        self.clock = clock
        self.http2 = Http2(client=True, strict=False)
        self.under_way: dict[int, Any] = {}
        self.settled = asyncio.Event()
        self.answers = 0
        self.leaving = False
        self.is_over = False
        self.heard_at = clock()
        self.pinged_at: float | None = None
        self._transport: asyncio.Transport | None = None
        self._unsent: deque[tuple[int, bytes]] = deque()
        self._flush_is_due = False

    # What the owner asks

    @property
    def room(self) -> int:
        """How many more requests may be sent now."""
        if self.leaving or self._unsent or not self.settled.is_set():
            return 0
        return min(MOST_STREAMS, self.http2.remote_settings.max_concurrent_streams) - len(self.under_way)

    def ask(self, asked: Asked, headers: list[Header], body: bytes) -> None:
        """Send a request; there must be room."""
        stream_id = self.http2.get_next_available_stream_id()
        self.under_way[stream_id] = asked
        try:
            self.http2.send_headers(stream_id, headers)
            self._unsent.append((stream_id, body))
            self._send_what_may_be()
        except ProtocolError as problem:
            self.abort(f"HTTP/2 is out of step: {type(problem).__name__}")
            return
        self._flush_soon()
        if stream_id > LAST_STREAM_ID:
            self.leave()

    def ping(self) -> None:
        """Are you there?"""
        self.pinged_at = self.clock()
        self.http2.ping(b"are here")
        self._flush()

    def give_up_late(self) -> None:
        """Whoever was not answered in time."""
        now = self.clock()
        late = [(stream_id, asked) for stream_id, asked in self.under_way.items() if asked.until <= now]
        for stream_id, asked in late:
            self._reset(stream_id)
            self.owner.lost(asked, "not answered in time")
        if late:
            self._flush()
            self._leave_if_done()

    def leave(self) -> None:
        """Nothing new; what is under way is waited for."""
        self.leaving = True
        self._leave_if_done()

    def abort(self, why: str) -> None:
        """At once; nobody knows what becomes of what is under way."""
        if self.is_over:
            return
        self.is_over = self.leaving = True
        self.settled.set()
        self._unsent.clear()
        asked, self.under_way = list(self.under_way.values()), {}
        if self._transport is not None:
            self._transport.abort()
        for one in asked:
            self.owner.lost(one, why)
        self.owner.ended(self, why)

    # What asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """They are there, and speak HTTP/2 or are of no use."""
        self._transport = cast(asyncio.Transport, transport)
        secured: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if secured is None or secured.selected_alpn_protocol() != "h2":
            self.abort("they don't speak HTTP/2")
            return
        self.http2.begin()
        self._flush()

    def data_received(self, data: bytes) -> None:
        """They said something: answers, resets, a GOAWAY, room."""
        self.heard_at, self.pinged_at = self.clock(), None
        self._flush()  # a GOAWAY among what follows would have h2 drop what is not sent yet
        try:
            for event in self.http2.receive_data(data):
                self._hear(event)
        except ProtocolError as problem:
            self._flush()
            self.abort(f"they don't keep to HTTP/2: {type(problem).__name__}")
            return
        if not self.is_over:
            self._send_what_may_be()
            self._flush_soon()
            self._leave_if_done()
            self.owner.has_room(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone."""
        self.abort(f"connection lost: {type(exc).__name__}" if exc else "connection closed")

    # What they say

    def _hear(self, event: Event) -> None:
        match event:
            case ResponseReceived():
                if asked := self.under_way.get(event.stream_id or 0):
                    for name, value in event.headers or ():
                        if name == b":status":
                            asked.status = int(value)
                        elif name == b"retry-after":
                            asked.retry_after = bytes(value).decode("latin-1")
            case DataReceived():
                self.http2.took(event.flow_controlled_length or 0)
                if asked := self.under_way.get(event.stream_id or 0):
                    asked.body += event.data or b""
                    if len(asked.body) > MOST_ANSWER_BYTES:
                        self._reset(event.stream_id or 0)
                        self.owner.lost(asked, "answer too long")
            case StreamEnded():
                self._hear_end(event.stream_id or 0)
            case StreamReset():
                self._hear_reset(event.stream_id or 0, event.error_code)
            case ConnectionTerminated():
                self._hear_goodbye(event.last_stream_id or 0)
            case RemoteSettingsChanged():
                self.settled.set()
            case WindowUpdated():
                pass  # what waits for it is sent when all is heard
            case _:
                pass

    def _hear_end(self, stream_id: int) -> None:
        asked = self.under_way.pop(stream_id, None)
        if any(waiting == stream_id for waiting, _ in self._unsent):  # they answered before they had all of it
            self._unsent = deque(one for one in self._unsent if one[0] != stream_id)
            with suppress(StreamClosedError):
                self.http2.reset_stream(stream_id, ErrorCodes.NO_ERROR)
        self.http2.forget(stream_id)
        if asked is not None:
            self.answers += 1
            self.owner.answered(asked)

    def _hear_reset(self, stream_id: int, error_code: Any) -> None:
        asked = self._drop(stream_id)
        if asked is None:
            return
        if error_code == ErrorCodes.REFUSED_STREAM:
            self.owner.untouched(asked)
        else:
            self.owner.lost(asked, f"reset: {getattr(error_code, 'name', error_code)}")

    def _hear_goodbye(self, last_stream_id: int) -> None:
        """GOAWAY (RFC 9113, 6.8): they have not looked at what came after that stream, and take nothing new."""
        self.leaving = True
        for stream_id in [stream_id for stream_id in self.under_way if stream_id > last_stream_id]:
            asked = self._drop(stream_id)
            self.owner.untouched(asked)

    # What is sent

    def _send_what_may_be(self) -> None:
        """Bodies, as far as their windows let them (RFC 9113, 5.2)."""
        while self._unsent:
            stream_id, body = self._unsent[0]
            window = min(self.http2.local_flow_control_window(stream_id), self.http2.max_outbound_frame_size)
            if len(body) <= window:
                self.http2.send_data(stream_id, body, end_stream=True)
                self._unsent.popleft()
            elif window > 0:
                self.http2.send_data(stream_id, body[:window])
                self._unsent[0] = (stream_id, body[window:])
            else:
                return

    def _reset(self, stream_id: int) -> None:
        with suppress(StreamClosedError):  # they may have reset it themselves
            self.http2.reset_stream(stream_id, ErrorCodes.CANCEL)
        self._drop(stream_id)

    def _drop(self, stream_id: int) -> Any:
        if self._unsent:
            self._unsent = deque(one for one in self._unsent if one[0] != stream_id)
        self.http2.forget(stream_id)
        return self.under_way.pop(stream_id, None)

    def _flush_soon(self) -> None:
        """Once a turn of the loop: requests that are asked for together go out together."""
        if not self._flush_is_due:
            self._flush_is_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_is_due = False
        if self._transport is not None and not self._transport.is_closing():
            data = self.http2.data_to_send()
            if data:
                self._transport.write(data)

    def _leave_if_done(self) -> None:
        if self.leaving and not self.under_way and not self.is_over:
            self._flush()
            self.is_over = True
            self.settled.set()
            if self._transport is not None:
                self._transport.close()
            self.owner.ended(self, "")
