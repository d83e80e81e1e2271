"""An open-loop load: so many requests a second, whether the last ones were answered or not.

A wait begins when the request was due, not when a connection was free for it: a server that stands still for a second
has kept all waiting who came meanwhile."""

import asyncio
import random
import time
from array import array
from collections import Counter, deque
from collections.abc import Iterator
from typing import cast

import uvloop

from bench.load import LAST_ANSWER_S, LOST, Measured, percentile_ms

CONNECTIONS = 128


def steady(
    requests: Iterator[bytes], *, port: int, per_second: float, seconds: float, warm_up_s: float = 2, seed: int = 1
) -> Measured:
    """Requests come at random moments, so many a second on average (a Poisson process)."""
    began_s = time.process_time()
    measured = uvloop.run(_Load(requests, random.Random(seed)).run(port, per_second, seconds, warm_up_s))
    measured.cpu_s = time.process_time() - began_s
    return measured


class _Load:
    def __init__(self, requests: Iterator[bytes], chance: random.Random) -> None:
        self.requests, self.chance = requests, chance
        self.free: list[_Connection] = []
        self.waiting: deque[tuple[float, bytes]] = deque()
        self.statuses: Counter[int] = Counter()
        self.waits_s: array[float] = array("d")
        self.counted_from = 0.0
        self.under_way = 0

    async def run(self, port: int, per_second: float, seconds: float, warm_up_s: float) -> Measured:
        loop = asyncio.get_running_loop()
        self.free = [
            (await loop.create_connection(lambda: _Connection(self), "127.0.0.1", port))[1]
            for _ in range(CONNECTIONS)
        ]
        started = due = time.perf_counter()
        self.counted_from = started + warm_up_s
        while due < self.counted_from + seconds:
            due += self.chance.expovariate(per_second)
            if (left_s := due - time.perf_counter()) > 0:
                await asyncio.sleep(left_s)
            self.ask(due, next(self.requests))
        async with asyncio.timeout(LAST_ANSWER_S):
            while self.under_way:  # noqa: ASYNC110 - it is over soon
                await asyncio.sleep(0.01)
        waits_s = sorted(self.waits_s)
        return Measured(
            requests=len(waits_s),
            seconds=round(seconds, 3),
            per_second=round(len(waits_s) / seconds, 1),
            p50_ms=percentile_ms(waits_s, 50),
            p99_ms=percentile_ms(waits_s, 99),
            statuses=dict(sorted(self.statuses.items())),
        )

    def ask(self, due: float, request: bytes) -> None:
        self.under_way += 1
        if self.free:
            self.free.pop().ask(due, request)
        else:
            self.waiting.append((due, request))

    def answered(self, connection: "_Connection", status: int, due: float) -> None:
        self.under_way -= 1
        self.statuses[status] += 1
        if due >= self.counted_from:
            self.waits_s.append(time.perf_counter() - due)
        if status == LOST:
            return
        if self.waiting:
            connection.ask(*self.waiting.popleft())
        else:
            self.free.append(connection)


class _Connection(asyncio.Protocol):
    """One request under way at most."""

    def __init__(self, load: _Load) -> None:
        self.load = load
        self.received = b""
        self.due: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def ask(self, due: float, request: bytes) -> None:
        self.due = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, rest = self.received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        if not end or len(rest) < int(length):
            return
        status, due = int(self.received[9:12]), self.due
        self.received, self.due = b"", None
        assert due is not None
        self.load.answered(self, status, due)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.due is not None:
            due, self.due = self.due, None
            self.load.answered(self, LOST, due)
