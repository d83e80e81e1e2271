"""A warning has gone to the whole city and everybody opens the first screen, while others pay at the counter.

`python -m bench.storm`: PostgreSQL (durable), Redis and `litestar serve`, one process, as in production; the payments
come from a process of their own, so many a second at random moments (open loop: a wait begins when a payment was
due), and the first screens from another, each phone asking for the next resident's as soon as it has the last one's.
First the payments alone, then the first screens alone, then both, round after round; the round that others on the
machine disturbed least counts. Whoever opens a screen was not seen lately, so that each also costs the look at who it
is. The aim is a target; a payment that fails, or books that do not add up, exits with 1. One line of JSON at the
end."""

import argparse
import asyncio
import os
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path

import asyncpg
import msgspec

from app.embedded import Postgres, start_redis
from bench import ours
from bench.listeners import open_files
from bench.load import Measured, measure
from bench.payments import busy_s, cpu_s, free_port, machine, serving
from bench.phones import Task, phones
from bench.postgres import postgres
from bench.steady import steady
from bench.town import Town

RESIDENTS = 10_000
MERCHANTS = 500
CONNECTIONS = 60
WARM_UP_S = 1.0
AIM = 2.0


class Payments(msgspec.Struct):
    """How the payments went: `refused` are answers that were not 2xx (0: the connection broke)."""

    per_second: float
    p50_ms: float
    p99_ms: float
    refused: dict[int, int]


class Homes(msgspec.Struct):
    """How the first screens went. `server_cores` and `database_cores`: what both took of the processors then."""

    per_second: float
    p50_ms: float
    p99_ms: float
    refused: dict[int, int]
    server_cores: float
    database_cores: float


class Round(msgspec.Struct):
    """What was measured, in this order."""

    payments_alone: Payments
    homes_alone: Homes
    payments_beside: Payments
    homes_beside: Homes
    p99_ratio: float
    """The payments' p99 beside the first screens, divided by their p99 alone."""
    others: float
    """The share of all cores that none of these used: with more than a tenth, none of this means much."""


class Report(msgspec.Struct):
    """The round that was disturbed least, and the ratios of all."""

    bench: str
    machine: str
    phones: int
    seconds: float
    quietest: Round
    p99_ratios: list[float]
    aim: str
    faults: list[str]


class Account:
    """What the processors did since it was opened."""

    def __init__(self, database_pid: int) -> None:
        self.database_pid = database_pid
        self.began_s, self.busy_s, self.ours_s = time.monotonic(), busy_s(), self._ours_s()

    def _ours_s(self) -> float:
        return cpu_s(os.getpid()) + cpu_s(self.database_pid)

    def others(self) -> float:
        """The share of all cores that was not ours."""
        spent_s = busy_s() - self.busy_s - (self._ours_s() - self.ours_s)
        return round(max(0.0, spent_s) / ((time.monotonic() - self.began_s) * (os.cpu_count() or 1)), 3)


def main() -> int:
    """One after the other, then both."""
    given = arguments()
    open_files(given.phones + 1000)
    with ExitStack() as stack:
        database = stack.enter_context(postgres(given.data_dir, connections=CONNECTIONS))
        redis = start_redis(given.data_dir)
        if redis is None:
            raise SystemExit("there is no Redis to start here")
        stack.callback(redis.stop)
        os.environ["REDIS_URL"] = redis.url
        town = ours.prepare_ours(database, residents=RESIDENTS, merchants=MERCHANTS, bills=RESIDENTS)
        asyncio.run(furnish(database))
        port, log = free_port(), given.data_dir / "ours.log"
        process = ours.start_ours(database, port, log, "uvicorn")
        stack.enter_context(serving(process, port, log))
        load = stack.enter_context(ProcessPoolExecutor(2, mp_context=get_context("spawn")))
        before = asyncio.run(ours.books(database))
        load.submit(pay, town, port, given.rate, 3, 0).result()  # everything is loaded and planned
        side = Side(load, process.pid, database, town, port, given)
        rounds = [side.round(number) for number in range(given.rounds)]
        books = asyncio.run(ours.books(database))
        faults = asyncio.run(ours.broken_laws(database))
    if books.sum_of_entries or books.wrong_accounts or books.below_zero or books.payments < before.payments:
        faults.append("the books do not add up")
    paid = [payments for one in rounds for payments in (one.payments_alone, one.payments_beside)]
    faults += [f"a payment was answered {status}" for payments in paid for status in payments.refused]
    report = Report(
        bench="storm",
        machine=machine(),
        phones=given.phones,
        seconds=given.seconds,
        quietest=min(rounds, key=lambda one: one.others),
        p99_ratios=[one.p99_ratio for one in rounds],
        aim=f"≤ {AIM}",
        faults=faults,
    )
    print(msgspec.json.encode(report).decode())
    return 1 if faults else 0


@dataclass
class Side:
    """The server, and whoever asks it."""

    load: ProcessPoolExecutor
    pid: int
    database: Postgres
    town: Town
    port: int
    given: argparse.Namespace

    def round(self, number: int) -> Round:
        """Payments, first screens, both: as long as payments are counted, screens are opened."""
        account, seconds = Account(self.database.pid), self.given.seconds
        alone = self.pay(seconds, 2 * number + 1).result()
        homes_alone = self.homes(seconds)
        paying = self.pay(seconds, 2 * number + 2)
        homes_beside = self.homes(seconds + 3)
        beside = paying.result()
        done = Round(
            payments_alone=_payments(alone),
            homes_alone=homes_alone,
            payments_beside=_payments(beside),
            homes_beside=homes_beside,
            p99_ratio=round(beside.p99_ms / alone.p99_ms, 2),
            others=account.others(),
        )
        print(
            f"round {number + 1}  payments' p99 {alone.p99_ms:.0f} ms alone, {beside.p99_ms:.0f} beside"
            f" {homes_beside.per_second:,.0f} screens/s  others {done.others:.0%}",
            flush=True,
        )
        return done

    def pay(self, seconds: float, seed: int) -> Future[Measured]:
        """Payments for so long, after two seconds to warm up."""
        return self.load.submit(pay, self.town, self.port, self.given.rate, seconds, seed)

    def homes(self, seconds: float) -> Homes:
        """First screens for so long, and what server and database took meanwhile."""
        server_s, database_s = cpu_s(self.pid), cpu_s(self.database.pid)
        looking = self.load.submit(look, self.town, self.port, self.given.phones, seconds)
        measured = looking.result()
        lasted_s = measured.seconds + WARM_UP_S
        return Homes(
            per_second=measured.per_second,
            p50_ms=measured.p50_ms,
            p99_ms=measured.p99_ms,
            refused=measured.refused,
            server_cores=round((cpu_s(self.pid) - server_s) / lasted_s, 2),
            database_cores=round((cpu_s(self.database.pid) - database_s) / lasted_s, 2),
        )


def arguments() -> argparse.Namespace:
    """What to do."""
    parser = argparse.ArgumentParser(prog="python -m bench.storm", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rate", type=float, default=200, help="payments a second")
    parser.add_argument("--phones", type=int, default=64, help="that open first screens")
    parser.add_argument("--data-dir", type=Path, default=Path("var/bench-storm"), help="removed afterwards")
    return parser.parse_args()


def pay(town: Town, port: int, per_second: float, seconds: float, seed: int) -> Measured:
    """Payments to any merchant by any resident; each id is new."""
    task = Task(errand="random", town=town, port=port, clients=1, seconds=seconds, seed=seed)
    [requests] = phones(task)
    return steady(requests, port=port, per_second=per_second, seconds=seconds, seed=seed)


def look(town: Town, port: int, count: int, seconds: float) -> Measured:
    """First screens, by so many phones, each resident's in turn."""
    asked = [
        f"GET /v1/home HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        for token in town.tokens
    ]
    screens = [cycle(asked[number::count]) for number in range(count)]
    return measure(screens, port=port, seconds=seconds, warm_up_s=WARM_UP_S)


async def furnish(server: Postgres) -> None:
    """Each resident keeps a customer code under which a bill is due, and has something to read."""
    db = await asyncpg.connect(server.url(ours.DATABASE, "postgres"))
    await db.execute(CODES)
    await db.execute(INBOXES)
    await db.execute("VACUUM ANALYZE")
    await db.close()


def _payments(measured: Measured) -> Payments:
    return Payments(
        per_second=measured.per_second, p50_ms=measured.p50_ms, p99_ms=measured.p99_ms, refused=measured.refused
    )


CODES = f"""
INSERT INTO customer_code (principal_id, id, biller_code, customer_code)
SELECT principal.id, uuidv7(), bill.biller_code, bill.customer_code
FROM bill JOIN principal ON principal.kind = 'resident'
    AND right(principal.id::text, 12) = lpad(to_hex(right(bill.customer_code, 9)::int), 12, '0')
LIMIT {RESIDENTS}
"""

INBOXES = """
INSERT INTO inbox (principal_id, last_seq) SELECT id, 3 FROM principal WHERE kind = 'resident'
"""

if __name__ == "__main__":
    sys.exit(main())
