"""Phones that only listen: thousands of streams of server-sent events, in a process of their own."""

import asyncio
import resource
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import cast

import uvloop

CONNECTED_AT_ONCE = 100


def listen(orders: Connection, port: int, requests: Sequence[bytes]) -> None:
    """Open a stream for each request; answer the orders: `open` when each has heard its first event, `heard` with the
    times (CLOCK_MONOTONIC, in s) at which each has heard its next `message`, in their order; `end`."""
    open_files(len(requests) + 100)
    uvloop.run(_listen(orders, port, requests))


def open_files(count: int) -> None:
    """As many as are needed, if the machine allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


async def _listen(orders: Connection, port: int, requests: Sequence[bytes]) -> None:
    loop = asyncio.get_running_loop()
    phones = [_Phone(request, loop) for request in requests]
    for first in range(0, len(phones), CONNECTED_AT_ONCE):
        some = phones[first : first + CONNECTED_AT_ONCE]
        for phone in some:
            await loop.create_connection(lambda phone=phone: phone, "127.0.0.1", port)
        await asyncio.gather(*(phone.began for phone in some))
    while True:
        order = await loop.run_in_executor(None, orders.recv)
        match order:
            case "open":
                orders.send(len(phones))
            case "heard":
                orders.send(await asyncio.gather(*(phone.heard for phone in phones)))
            case _:
                return


class _Phone(asyncio.Protocol):
    """A stream. It must not end."""

    def __init__(self, request: bytes, loop: asyncio.AbstractEventLoop) -> None:
        self.request = request
        self.began: asyncio.Future[None] = loop.create_future()
        self.heard: asyncio.Future[float] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self.request)

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 200"):
            self.began.set_exception(RuntimeError(data[:300].decode(errors="replace")))
            return
        if not self.began.done() and b"event: inbox" in data:
            self.began.set_result(None)
        if not self.heard.done() and b"event: message" in data:
            self.heard.set_result(time.monotonic())

    def connection_lost(self, exc: Exception | None) -> None:
        for future in (self.began, self.heard):
            if not future.done():
                future.set_exception(RuntimeError("a stream ended"))
