"""Five thousand phones listen to their inboxes, and then each gets a message. Beside it, what a tutorial shows.

`python -m bench.stream`: PostgreSQL (durable), Redis and `litestar serve`, one process, as in production; the phones
are in a process of their own. Beside it, on the same database and by the same web server, `bench/peer/streams.py`: a
loop for each stream that asks once a second. Of each: what a stream takes of memory (what the server has grown by,
divided by the streams), what server and database take of the processors while nothing happens, and how long it takes
until each phone has heard its own message after the first of 5,000 was delivered, in batches of 200 as the worker has
them, by another process. The tutorial's streams look at no session, replay nothing and keep nobody alive. One line of
JSON at the end."""

import argparse
import asyncio
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import psutil

from app.db import prepare_connection
from app.embedded import Postgres, start_redis
from app.live import Live
from bench import ours
from bench.listeners import listen, open_files
from bench.load import percentile_ms
from bench.payments import cpu_s, free_port, machine, serving
from bench.postgres import make_database, postgres
from notifications import inbox
from notifications.inbox import ToDeliver
from notifications.inbox_stream import topics_of
from notifications.words import words_for

BATCH = 200
SETTLE_S = 3
WARM_UP = 50
"""Streams that were there before: what the first ones cost is not a stream's."""
CONNECTIONS = 60
PATIENCE_S = 120
AIM_KIB = "27 to 45"


class Side(msgspec.Struct):
    """What the streams of one server took. `idle_cores`: of 1.0 a core, while nothing happens; `told_s`: until all
    had heard, and `waited_…_ms`: from when its message was committed to when a phone had heard it."""

    kib_per_stream: float
    idle_server_cores: float
    idle_database_cores: float
    told_s: float
    delivered_s: float
    waited_p50_ms: float
    waited_p99_ms: float
    opened_s: float


class Report(msgspec.Struct):
    """What was measured, side by side."""

    bench: str
    machine: str
    streams: int
    idle_s: float
    ours: Side
    tutorial: Side
    idle_cpu_ratio: float
    """What the tutorial takes of the processors while nothing happens, divided by what we take."""
    memory_ratio: float
    told_ratio: float
    aim_kib_per_stream: str = AIM_KIB


class Town(msgspec.Struct):
    """Whoever listens."""

    people: list[UUID]
    tokens: list[str]


def main() -> int:
    """Ours, then the tutorial's, on one database."""
    given = arguments()
    open_files(given.streams + 1000)
    with ExitStack() as stack:
        database = stack.enter_context(postgres(given.data_dir, connections=CONNECTIONS))
        redis = start_redis(given.data_dir)
        if redis is None:
            raise SystemExit("there is no Redis to start here")
        stack.callback(redis.stop)
        environment = _environment(database, redis.url, given.streams)
        town = asyncio.run(_prepare(database, environment, given.streams))
        of_ours = [_ours(token) for token in town.tokens]
        of_tutorial = [_tutorial(person) for person in town.people]
        command = [ours.LITESTAR, "serve"]
        with _server(command, environment, given.data_dir / "ours.log") as (process, port):
            ours_side = measure(process, port, database, of_ours, town, redis.url, given, event_id=1)
        command = [
            *(ours.PROGRAMS / "uvicorn", "bench.peer.streams:create_app", "--factory", "--no-access-log"),
            *("--loop", "uvloop", "--http", "httptools", "--log-level", "warning"),
        ]
        with _server(command, environment, given.data_dir / "tutorial.log") as (process, port):
            tutorial_side = measure(process, port, database, of_tutorial, town, None, given, event_id=2)
    report = Report(
        bench="stream",
        machine=machine(),
        streams=given.streams,
        idle_s=given.seconds,
        ours=ours_side,
        tutorial=tutorial_side,
        idle_cpu_ratio=round(_idle(tutorial_side) / _idle(ours_side), 1),
        memory_ratio=round(tutorial_side.kib_per_stream / ours_side.kib_per_stream, 2),
        told_ratio=round(tutorial_side.told_s / ours_side.told_s, 2),
    )
    print(msgspec.json.encode(report).decode())
    return 0


def arguments() -> argparse.Namespace:
    """What to do."""
    parser = argparse.ArgumentParser(prog="python -m bench.stream", description=__doc__)
    parser.add_argument("--streams", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=12, help="of doing nothing")
    parser.add_argument("--data-dir", type=Path, default=Path("var/bench-stream"), help="removed afterwards")
    return parser.parse_args()


def measure(
    server: "subprocess.Popen[bytes]",
    port: int,
    database: Postgres,
    requests: Sequence[bytes],
    town: Town,
    redis_url: str | None,
    given: argparse.Namespace,
    *,
    event_id: int,
) -> Side:
    """Open all streams, do nothing, tell everybody."""
    with phones(port, requests[:WARM_UP]) as _:
        pass
    before = psutil.Process(server.pid).memory_info().rss
    began_s = time.monotonic()
    with phones(port, requests) as orders:
        opened_s = time.monotonic() - began_s
        time.sleep(SETTLE_S)
        grown = psutil.Process(server.pid).memory_info().rss - before
        server_s, database_s = cpu_s(server.pid), cpu_s(database.pid)
        time.sleep(given.seconds)
        server_s, database_s = cpu_s(server.pid) - server_s, cpu_s(database.pid) - database_s
        orders.send("heard")
        first_s = time.monotonic()
        delivered = asyncio.run(deliver(database, town, redis_url, event_id))
        delivered_s = time.monotonic() - first_s
        _wait(orders)
        heard: list[float] = orders.recv()
    waited_s = sorted(at - committed for at, committed in zip(heard, delivered, strict=True))
    return Side(
        kib_per_stream=round(grown / len(requests) / 1024, 1),
        idle_server_cores=round(server_s / given.seconds, 4),
        idle_database_cores=round(database_s / given.seconds, 4),
        told_s=round(max(heard) - first_s, 2),
        delivered_s=round(delivered_s, 2),
        waited_p50_ms=percentile_ms(waited_s, 50),
        waited_p99_ms=percentile_ms(waited_s, 99),
        opened_s=round(opened_s, 1),
    )


@contextmanager
def phones(port: int, requests: Sequence[bytes]) -> Generator[Any]:
    """The phones' process, once all their streams are open."""
    context = get_context("spawn")
    orders, theirs = context.Pipe()
    process = context.Process(target=listen, args=(theirs, port, list(requests)))
    process.start()
    theirs.close()
    try:
        orders.send("open")
        _wait(orders)
        orders.recv()
        yield orders
        orders.send("end")
    finally:
        process.join(10)
        process.kill()
        time.sleep(1)  # the server notices


def _wait(orders: Any) -> None:
    if not orders.poll(PATIENCE_S):
        raise SystemExit("the phones wait in vain")


async def deliver(database: Postgres, town: Town, redis_url: str | None, event_id: int) -> list[float]:
    """A message for everybody, as the worker does it; when each was committed (CLOCK_MONOTONIC, in s)."""
    db = await asyncpg.connect(database.url(ours.DATABASE, ours.APP_ROLE))
    await prepare_connection(db)
    bells = Live(redis_url)
    committed: list[float] = []
    title, body = ("Cảnh báo mưa lớn", "Heavy rain"), ("Mưa rất to, hãy ở nhà.", "Stay at home.")
    for first in range(0, len(town.people), BATCH):
        some = town.people[first : first + BATCH]
        words = [words_for(person, "alert", "/alerts/1", title, body) for person in some]
        async with db.transaction():
            await inbox.deliver(db, [ToDeliver(event_id, datetime.now(UTC), one) for one in words])
        committed += [time.monotonic()] * len(some)
        await bells.ring(topics_of(some))
    await bells.close()
    await db.close()
    return committed


@contextmanager
def _server(
    command: Sequence[Path | str], environment: dict[str, str], log: Path
) -> Generator[tuple["subprocess.Popen[bytes]", int]]:
    port = free_port()
    options = [] if "serve" in command else ["--port", str(port)]
    with log.open("ab") as words:
        process = subprocess.Popen(
            [*command, *options], env={**environment, "PORT": str(port)}, stdout=words, stderr=words
        )
    with serving(process, port, log):
        yield process, port


async def _prepare(server: Postgres, environment: dict[str, str], count: int) -> Town:
    await make_database(server, ours.DATABASE, app_role=ours.APP_ROLE)
    migrating = [sys.executable, "-m", "litestar", "migrate"]
    await asyncio.to_thread(subprocess.run, migrating, env=environment, check=True, stdout=subprocess.DEVNULL)
    tokens = [secrets.token_urlsafe(32) for _ in range(count)]
    db = await asyncpg.connect(server.url(ours.DATABASE, "postgres"))
    await db.execute(ours.PEOPLE, count)
    await db.execute(ours.TOKENS, [sha256(token.encode()).digest() for token in tokens])
    people = [row["id"] for row in await db.fetch("SELECT id FROM principal WHERE kind = 'resident' ORDER BY id")]
    await db.execute("VACUUM ANALYZE")
    await db.close()
    return Town(people, tokens)


def _environment(server: Postgres, redis_url: str, count: int) -> dict[str, str]:
    return {
        **os.environ,
        "HUONG_MODE": "sandbox",
        "HUONG_STREAMS": str(2 * count),
        "HUONG_STRANGER_RATE_PER_MINUTE": "1000000000",  # all phones are at one address here
        "LITESTAR_APP": "app.main:create_app",
        "DATABASE_URL": server.url(ours.DATABASE, ours.APP_ROLE),
        "DATABASE_OWNER_URL": server.url(ours.DATABASE, "postgres"),
        "REDIS_URL": redis_url,
    }


def _ours(token: str) -> bytes:
    return (
        f"GET /v1/notifications/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()


def _tutorial(person: UUID) -> bytes:
    return f"GET /stream/{person} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def _idle(side: Side) -> float:
    return max(side.idle_server_cores + side.idle_database_cores, 0.0001)


if __name__ == "__main__":
    sys.exit(main())
