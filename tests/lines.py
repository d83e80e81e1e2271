"""A phone's end of a stream of server-sent events, on a bare socket."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Heard:
    """An event."""

    name: str
    id: str | None
    data: Any


@dataclass
class Line:
    """What was answered, and what is still to be read."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    retry_ms: int | None = None
    text: str = ""

    async def event(self, within_s: float = 6) -> Heard:
        """The next event; raises EOFError at the end of the answer, TimeoutError."""
        async with asyncio.timeout(within_s):
            while True:
                block = await self._block()
                fields = dict(line.split(": ", 1) for line in block.split("\n") if line[0] != ":")
                self.comments += [line[2:] for line in block.split("\n") if line[0] == ":"]
                self.retry_ms = int(fields["retry"]) if "retry" in fields else self.retry_ms
                if "event" in fields:
                    return Heard(fields["event"], fields.get("id"), json.loads(fields["data"]))

    async def events(self, count: int, within_s: float = 6) -> list[Heard]:
        """The next ones."""
        return [await self.event(within_s) for _ in range(count)]

    async def silence(self, for_s: float) -> None:
        """Nothing is said for so long, but comments."""
        try:
            heard = await self.event(for_s)
        except TimeoutError:
            return
        raise AssertionError(f"{heard} was said")

    async def end(self, within_s: float = 6) -> None:
        """The answer ends, whole, without another event."""
        try:
            heard = await self.event(within_s)
        except EOFError:
            return
        raise AssertionError(f"{heard} was said")

    async def drop(self) -> None:
        """Read on, whatever it is; raises ConnectionError or IncompleteReadError where it is cut."""
        while True:
            await self.reader.readexactly(1024)

    async def _block(self) -> str:
        while "\n\n" not in self.text:
            size = int((await self.reader.readuntil(b"\r\n")).strip() or b"0", 16)
            if not size:
                raise EOFError
            self.text += (await self.reader.readexactly(size + 2))[:-2].decode()
        block, self.text = self.text.split("\n\n", 1)
        return block


@asynccontextmanager
async def a_line(
    port: int, path: str, headers: Mapping[str, str], *, method: str = "GET", receives: int | None = None
) -> AsyncGenerator[Line]:
    """Ask, and read the head of the answer; `receives`: so little the socket holds before it is read."""
    ours = socket.socket()
    if receives is not None:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    ours.setblocking(False)
    await asyncio.get_running_loop().sock_connect(ours, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=ours, limit=receives or 2**20)
    said = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"{method} {path} HTTP/1.1\r\nhost: huong.test\r\n{said}\r\n".encode())
    try:
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode().split("\r\n")
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        yield Line(reader, writer, int(head[0].split()[1]), fields)
    finally:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()
