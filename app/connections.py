"""A phone's connection as uvicorn serves it, with a few words more. An answer goes out in one piece; one that goes on
and on (app/streams.py) can be cut at once, whatever waits to be sent, and hears that the server is about to stop."""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_GATHERED_BYTES = 64 * 1024


class Connection(HttpToolsProtocol):
    """A stream finds it in the request's scope, as the extension `huong.connection`."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.going_away: Callable[[], None] | None = None
        self.extensions: dict[str, Any] = {"huong.connection": self}

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """uvicorn's, with a transport that gathers."""
        self.gathered = Gathered(transport, self.loop)
        super().connection_made(self.gathered)

    def on_message_begin(self) -> None:
        """uvicorn's, and the extension."""
        super().on_message_begin()
        self.scope["extensions"] = self.extensions

    def on_response_complete(self) -> None:
        """uvicorn's, when the answer is on its way."""
        self.gathered.flush()
        super().on_response_complete()

    def cut(self) -> None:
        """End it, and drop what the phone did not take: to close it would wait for that."""
        self.transport.abort()

    def shutdown(self) -> None:
        """The server waits until all answers have ended, and a stream ends by itself only now."""
        super().shutdown()
        if self.going_away is not None:
            self.going_away()


class Gathered(asyncio.Transport):
    """A transport that sends in one piece what is written in one go: an answer's head and its body, which uvicorn
    writes one after the other, are one packet and one system call. What nobody flushes goes out at the loop's next
    turn."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.transport = transport
        self.loop = loop
        self.waiting: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Keep it for a moment; no more than 64 KiB, so that whoever writes much is still told to wait."""
        if not self.waiting:
            self.loop.call_soon(self.flush)
        self.waiting.append(data)
        self.size += len(data)
        if self.size >= MOST_GATHERED_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what waits, if anybody is still there."""
        waiting, self.waiting, self.size = self.waiting, [], 0
        if waiting and not self.transport.is_closing():
            self.transport.write(b"".join(waiting))

    def close(self) -> None:
        """When all is sent."""
        self.flush()
        self.transport.close()

    def abort(self) -> None:
        """At once; what waits is dropped."""
        self.waiting, self.size = [], 0
        self.transport.abort()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Who is at the other end, and the like."""
        return self.transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Is it closed, or about to be?"""
        return self.transport.is_closing()

    def pause_reading(self) -> None:
        """Take no more."""
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Take more."""
        self.transport.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Let another one have it (an upgrade)."""
        self.transport.set_protocol(protocol)
