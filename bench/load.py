"""A light closed-loop load: so many phones, each sending its next request when the last one was answered.

HTTP/1.1 keep-alive on bare sockets, requests encoded beforehand, as little parsing as an honest count needs, so that
the load takes few of the cores it shares with what it measures."""

import argparse
import asyncio
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import repeat
from typing import cast

import msgspec

try:
    from uvloop import run
except ImportError:
    from asyncio import run

LAST_ANSWER_S = 30
LOST = 0
"""The status of a request whose connection broke before its answer."""


class Measured(msgspec.Struct):
    """`requests`, the rate and the percentiles are of the timed window; `statuses` counts every answer, those of the
    warm-up and of the last requests under way too. `cpu_s`: what the load itself took of the cores."""

    requests: int
    seconds: float
    per_second: float
    p50_ms: float
    p99_ms: float
    statuses: dict[int, int]
    cpu_s: float = 0

    @property
    def answered(self) -> int:
        return sum(self.statuses.values())

    @property
    def refused(self) -> dict[int, int]:
        """Answers that were not 2xx: a benchmark with refusals is a failed benchmark."""
        return {status: count for status, count in self.statuses.items() if not 200 <= status < 300}


def measure(
    phones: Sequence[Iterator[bytes]],
    *,
    port: int,
    host: str = "127.0.0.1",
    seconds: float | None = 4,
    warm_up_s: float = 0.5,
) -> Measured:
    """One connection per phone, which sends its next request when its last one was answered, until the time is over
    or the requests run out (`seconds=None`: all of them, without a warm-up)."""
    began_s = time.process_time()
    measured = run(_measure(phones, host, port, seconds, warm_up_s if seconds else 0))
    return msgspec.structs.replace(measured, cpu_s=time.process_time() - began_s)


async def _measure(
    phones: Sequence[Iterator[bytes]], host: str, port: int, seconds: float | None, warm_up_s: float
) -> Measured:
    loop = asyncio.get_running_loop()
    tally = Tally(len(phones), loop.create_future())
    connections = [
        (await loop.create_connection(partial(Connection, tally, requests), host, port))[1] for requests in phones
    ]
    for connection in connections:
        connection.ask()
    if warm_up_s:
        await asyncio.wait([tally.done], timeout=warm_up_s)

    window = tally.waits_s = array("d")
    started = time.perf_counter()
    await asyncio.wait([tally.done], timeout=seconds)
    lasted_s = time.perf_counter() - started
    waits_s = sorted(window)

    tally.over = True
    await asyncio.wait_for(tally.done, LAST_ANSWER_S)
    return Measured(
        requests=len(waits_s),
        seconds=round(lasted_s, 3),
        per_second=round(len(waits_s) / lasted_s, 1),
        p50_ms=percentile_ms(waits_s, 50),
        p99_ms=percentile_ms(waits_s, 99),
        statuses=dict(sorted(tally.statuses.items())),
    )


def percentile_ms(sorted_s: list[float], percent: int) -> float:
    return round(sorted_s[(len(sorted_s) - 1) * percent // 100] * 1000, 2) if sorted_s else 0.0


class Tally:
    """What came back to all phones."""

    def __init__(self, phones: int, done: asyncio.Future[None]) -> None:
        self.statuses: Counter[int] = Counter()
        self.waits_s = array("d")
        self.over = False
        self.phones = phones
        self.done = done

    def leave(self) -> None:
        self.phones -= 1
        if not self.phones and not self.done.done():
            self.done.set_result(None)


class Connection(asyncio.Protocol):
    """A phone's: one request under way."""

    transport: asyncio.Transport

    def __init__(self, tally: Tally, requests: Iterator[bytes]) -> None:
        self.tally = tally
        self.requests = requests
        self.received = b""
        self.asked_at = 0.0
        self.left = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own does not inherit

    def ask(self) -> None:
        request = None if self.tally.over else next(self.requests, None)
        if request is None:
            self.left = True
            self.transport.close()
            self.tally.leave()
            return
        self.asked_at = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        end_of_head = self.received.find(b"\r\n\r\n")
        if end_of_head < 0:
            return
        head = self.received[:end_of_head].lower()
        at = head.find(b"\r\ncontent-length:")
        if at < 0:
            raise ValueError(f"an answer without a length: {head!r}")
        length = int(head[at + 17 :].split(b"\r\n", 1)[0])
        if len(self.received) < end_of_head + 4 + length:
            return
        self.received = b""
        self.tally.statuses[int(head[9:12])] += 1
        self.tally.waits_s.append(time.perf_counter() - self.asked_at)
        self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.left:
            self.left = True
            self.tally.statuses[LOST] += 1
            self.tally.leave()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m bench.load", description="GET one path, over and over.")
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--path", default="/")
    arguments.add_argument("--clients", type=int, default=64)
    arguments.add_argument("--seconds", type=float, default=4)
    given = arguments.parse_args()
    request = f"GET {given.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    print(measure([repeat(request)] * given.clients, port=given.port, seconds=given.seconds))
