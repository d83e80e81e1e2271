"""What is fast, and beside what: payments by us, by an ordinary team, and by the bare database, on one machine.

`python -m bench.payments`: rounds of all lanes in turn, medians over the rounds, a line of JSON at the end. The aims
beside the ratios are targets: missing one is a result. A wrong answer or wrong books is not, and exits with 1."""

import argparse
import asyncio
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import msgspec
import psutil

from app.embedded import Postgres
from bench.check import check
from bench.load import Measured
from bench.peer import seed as peer
from bench.phones import Errand, Task, go
from bench.postgres import make_database, pgbench, postgres
from bench.town import Books, Town

LANES = {
    "ours-random": "ours, any merchant",
    "ours-hot": "ours, one hot merchant",
    "ours-bills": "ours, bills",
    "ours-echo": "ours, POST without database",
    "pgbench": "pgbench, one call per payment",
    "peer-random": "peer, any merchant",
    "peer-hot": "peer, one hot merchant",
    "peer-bills": "peer, bills",
    "peer-echo": "peer, POST without database",
}
RATIOS = [
    ("ours / peer, any merchant", "ours-random", "peer-random", "≥ 20"),
    ("ours / peer, one hot merchant", "ours-hot", "peer-hot", "≥ 25"),
    ("ours / peer, bills", "ours-bills", "peer-bills", ""),
    ("ours / our POST without database", "ours-random", "ours-echo", "≥ 0.65"),
    ("ours / pgbench, one call per payment", "ours-random", "pgbench", "≥ 1.5"),
    ("ours, one hot merchant / any", "ours-hot", "ours-random", ""),
    ("peer, one hot merchant / any", "peer-hot", "peer-random", ""),
]
CPU = ("server and database CPU, peer / ours", "peer-random", "ours-random", "")
TAIL = ("ours, p99 / p50", "ours-random", "≤ 2.5")
RESIDENTS = 2_000
MERCHANTS = 500
MOST_PER_SECOND = {"ours": 15_000, "peer": 1_500}
"""More bills than these are never paid in a second; a lane whose bills run out ends early."""
PEER_SESSION_CACHE_S = 3600
"""The slower a server, the more of its requests would find a cache of 5 s expired; the peer is spared that."""
PGBENCH_WARM_UP_S = 3
CONNECTIONS = 200
START_TIMEOUT_S = 60
QUIET = 0.1
"""Ratios mean something while others take less than this share of the cores."""


class Result(msgspec.Struct):
    """One lane in one round. CPU is user and system time per answer, in µs; `faults` must be empty."""

    measured: Measured
    server_us: float
    database_us: float
    load_us: float
    others: float
    """The share of all cores that none of these used: another program's, or another machine's on the same host."""
    faults: list[str]


class Row(msgspec.Struct):
    """A lane's medians over the rounds that were right."""

    per_second: float
    p50_ms: float
    p99_ms: float
    server_us: float
    database_us: float
    load_us: float
    others: float


class Ratio(msgspec.Struct):
    name: str
    measured: float | None
    aim: str


class Report(msgspec.Struct):
    machine: str
    server: str
    rounds: int
    seconds: float
    clients: int
    lanes: dict[str, Row]
    ratios: list[Ratio]
    faults: list[str]


@dataclass
class Side:
    """A server that is running, and the town it serves."""

    process: "subprocess.Popen[bytes]"
    port: int
    town: Town
    books: Callable[[], Coroutine[None, None, Books]]
    echo_path: str


@dataclass
class Bench:
    given: argparse.Namespace
    database: Postgres
    load: ProcessPoolExecutor
    sides: dict[str, Side]

    def run(self, lane: str, round_: int) -> Result:
        if lane == "pgbench":
            return self.run_pgbench()
        name, errand = lane.split("-")
        side = self.sides["echo" if lane == "ours-echo" else name]
        return self.run_errand(side, errand, round_)

    def run_errand(self, side: Side, errand: str, round_: int) -> Result:
        task = Task(
            errand=msgspec.convert(errand, Errand),
            town=side.town,
            port=side.port,
            clients=self.given.clients,
            seconds=self.given.seconds,
            seed=round_,
            echo_path=side.echo_path,
        )
        with self.accounted(side) as account:
            account.measured = self.load.submit(go, task).result()
        if errand == "bills":
            side.town = side.town.after(bills_used=account.measured.answered)
        return account.result()

    def run_pgbench(self) -> Result:
        from bench import ours

        script = ours.pgbench_script(RESIDENTS, MERCHANTS)
        url = self.database.url(ours.DATABASE, ours.APP_ROLE)
        with self.accounted(self.sides["ours"]) as account:

            def warm() -> None:
                account.database_s = cpu_s(self.database.pid)
                account.busy_s = busy_s()
                account.began_s = time.monotonic()

            account.measured = pgbench(
                url,
                script,
                clients=self.given.clients,
                seconds=self.given.seconds,
                warm_up_s=PGBENCH_WARM_UP_S,
                warm=warm,
            )
            account.answered = account.measured.requests
        return account.result()

    @contextmanager
    def accounted(self, side: Side) -> Generator["Account"]:
        """Holds what the lane did to the books and the processors."""
        account = Account(
            asyncio.run(side.books()), cpu_s(side.process.pid), cpu_s(self.database.pid), busy_s(), time.monotonic()
        )
        yield account
        account.server_s = cpu_s(side.process.pid) - account.server_s
        account.database_s = cpu_s(self.database.pid) - account.database_s
        account.busy_s = busy_s() - account.busy_s
        account.lasted_s = time.monotonic() - account.began_s
        account.after = asyncio.run(side.books())


@dataclass
class Account:
    before: Books
    server_s: float
    database_s: float
    busy_s: float
    began_s: float
    lasted_s: float = 0
    measured: Measured | None = None
    answered: int | None = None
    """The answers that the processors' time was spent on; None: all."""
    after: Books | None = None

    def result(self) -> Result:
        measured, after = self.measured, self.after
        assert measured
        assert after
        answered = self.answered or measured.answered or 1
        faults = after.faults(self.before, measured.statuses.get(201, 0))
        if measured.refused:
            faults.append(f"answers that are not 2xx (0: the connection broke): {measured.refused}")
        ours_s = self.server_s + self.database_s + measured.cpu_s
        return Result(
            measured=measured,
            server_us=self.server_s / answered * 1e6,
            database_us=self.database_s / answered * 1e6,
            load_us=measured.cpu_s / answered * 1e6,
            others=max(0.0, self.busy_s - ours_s) / (self.lasted_s * (os.cpu_count() or 1)),
            faults=faults,
        )


def cpu_s(pid: int) -> float:
    """User and system time of a process, its children, and those of its children that ended."""
    process = psutil.Process(pid)
    own = process.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            spent = child.cpu_times()
            total += spent.user + spent.system
    return total


def busy_s() -> float:
    """What all cores did since the machine began, and what its host took from it."""
    spent = psutil.cpu_times()
    waited = spent.idle + getattr(spent, "iowait", 0.0)
    counted_twice = getattr(spent, "guest", 0.0) + getattr(spent, "guest_nice", 0.0)
    return sum(spent) - waited - counted_twice


def main() -> int:
    given = arguments()
    lanes = given.only.split(",") if given.only else list(LANES)
    if unknown := set(lanes) - set(LANES):
        raise SystemExit(f"no such lane: {', '.join(unknown)}; there are {', '.join(LANES)}")
    with ExitStack() as stack:
        database = stack.enter_context(postgres(given.data_dir, connections=CONNECTIONS))
        load = stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
        bench = Bench(given, database, load, {})
        if any(lane != "pgbench" and lane.startswith("peer") for lane in lanes):
            bench.sides["peer"] = stack.enter_context(the_peer(database, given, lanes))
        if any(not lane.startswith("peer") for lane in lanes):
            bench.sides["ours"] = stack.enter_context(our_side(database, given, lanes))
            bench.sides["echo"] = stack.enter_context(our_echo(database, given, bench.sides["ours"]))
        for name in sorted({"ours", "peer"} & set(bench.sides)):
            side = bench.sides[name]
            made = asyncio.run(check(side.port, side.town, side.books))
            print(f"{name}: right before fast, {made} payments checked", flush=True)
        results = measure(bench, lanes)
        faults = [f"{LANES[lane]}: {fault}" for lane in lanes for result in results[lane] for fault in result.faults]
        if "ours" in bench.sides:
            from bench import ours

            faults += asyncio.run(ours.broken_laws(database))
    report = Report(
        machine=machine(),
        server=given.server,
        rounds=given.rounds,
        seconds=given.seconds,
        clients=given.clients,
        lanes={lane: row for lane in lanes if (row := medians(results[lane]))},
        ratios=ratios(results),
        faults=faults,
    )
    show(report)
    return 1 if faults else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.payments", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--seconds", type=float, default=4, help="of each lane in each round, after half of one to warm up"
    )
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--server", choices=["uvicorn", "granian"], default="uvicorn")
    parser.add_argument("--retries", type=int, default=0, help="of a lane while others use the cores too")
    parser.add_argument("--only", help=f"lanes separated by commas, of {', '.join(LANES)}")
    parser.add_argument("--data-dir", type=Path, default=Path("var/bench"), help="on a real disk; removed afterwards")
    return parser.parse_args()


@contextmanager
def the_peer(database: Postgres, given: argparse.Namespace, lanes: list[str]) -> Generator[Side]:
    asyncio.run(make_database(database, "peer"))
    url = database.url("peer", "postgres")
    town = asyncio.run(
        peer.seed(url, residents=RESIDENTS, merchants=MERCHANTS, bills=bills_needed("peer", given, lanes))
    )
    port, log = free_port(), given.data_dir / "peer.log"
    with log.open("ab") as words:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "bench.peer", "--port", str(port)),
                *("--database-url", url.replace("postgresql://", "postgresql+asyncpg://", 1)),
                *("--session-cache-s", str(PEER_SESSION_CACHE_S)),
            ],
            stdout=words,
            stderr=words,
        )
    with serving(process, port, log):
        yield Side(process, port, town, lambda: peer.books(url), "/echo")


@contextmanager
def our_side(database: Postgres, given: argparse.Namespace, lanes: list[str]) -> Generator[Side]:
    from bench import ours

    needed = bills_needed("ours", given, lanes)
    town = ours.prepare_ours(database, residents=RESIDENTS, merchants=MERCHANTS, bills=needed)
    port, log = free_port(), given.data_dir / "ours.log"
    process = ours.start_ours(database, port, log, given.server)
    with serving(process, port, log):
        yield Side(process, port, town, lambda: ours.books(database), ours.ECHO)


@contextmanager
def our_echo(database: Postgres, given: argparse.Namespace, ours_itself: Side) -> Generator[Side]:
    from bench import ours

    port, log = free_port(), given.data_dir / "echo.log"
    process = ours.start_echo(database, port, log, given.server)
    with serving(process, port, log):
        yield Side(process, port, ours_itself.town, ours_itself.books, ours.ECHO)


def bills_needed(side: str, given: argparse.Namespace, lanes: list[str]) -> int:
    if f"{side}-bills" not in lanes:
        return 100
    return 100 + int(MOST_PER_SECOND[side] * given.rounds * (1 + given.retries) * (given.seconds + 0.5))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(process: "subprocess.Popen[bytes]", port: int, log: Path) -> Generator[None]:
    """From the moment it listens to the moment it has stopped."""
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"a server did not start:\n{log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def measure(bench: Bench, lanes: list[str]) -> dict[str, list[Result]]:
    """All lanes in turn, round after round, so that what else the machine does falls on all of them."""
    results: dict[str, list[Result]] = {lane: [] for lane in lanes}
    for round_ in range(1, bench.given.rounds + 1):
        for lane in lanes:
            result = quietest(bench, lane, round_)
            results[lane].append(result)
            measured = result.measured
            print(
                f"round {round_}  {LANES[lane]:<31} {measured.per_second:>9,.0f}/s"
                f"  p50 {measured.p50_ms:>8.2f}  p99 {measured.p99_ms:>8.2f} ms"
                f"  server {result.server_us:>6,.0f}  database {result.database_us:>6,.0f} µs"
                f"  others {result.others:>4.0%}",
                *(f"  WRONG: {fault}" for fault in result.faults),
                flush=True,
            )
    return results


def quietest(bench: Bench, lane: str, round_: int) -> Result:
    """The lane's result; of those that were disturbed, the least disturbed. One that is wrong stays wrong."""
    tries: list[Result] = []
    for _ in range(1 + bench.given.retries):
        tries.append(bench.run(lane, round_))
        if tries[-1].faults or tries[-1].others <= QUIET:
            return tries[-1]
    return min(tries, key=lambda result: result.others)


def medians(results: list[Result]) -> Row | None:
    right = [result for result in results if not result.faults]
    if not right:
        return None
    return Row(
        per_second=round(median(result.measured.per_second for result in right), 1),
        p50_ms=round(median(result.measured.p50_ms for result in right), 2),
        p99_ms=round(median(result.measured.p99_ms for result in right), 2),
        server_us=round(median(result.server_us for result in right), 1),
        database_us=round(median(result.database_us for result in right), 1),
        load_us=round(median(result.load_us for result in right), 1),
        others=round(median(result.others for result in right), 3),
    )


def ratios(results: dict[str, list[Result]]) -> list[Ratio]:
    """Medians of the ratios within each round, where both sides were right."""

    def rate(result: Result) -> float:
        return result.measured.per_second

    def cpu(result: Result) -> float:
        return result.server_us + result.database_us

    def median_ratio(above: str, below: str, of: Callable[[Result], float]) -> float | None:
        pairs = zip(results.get(above, []), results.get(below, []), strict=False)
        found = [of(a) / of(b) for a, b in pairs if not a.faults and not b.faults and of(b)]
        return round(median(found), 2) if found else None

    tail, lane, aim = TAIL
    tails = [
        r.measured.p99_ms / r.measured.p50_ms for r in results.get(lane, []) if not r.faults and r.measured.p50_ms
    ]
    return [
        *(Ratio(name, median_ratio(above, below, rate), aim) for name, above, below, aim in RATIOS),
        Ratio(tail, round(median(tails), 2) if tails else None, aim),
        Ratio(CPU[0], median_ratio(CPU[1], CPU[2], cpu), CPU[3]),
    ]


def machine() -> str:
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} at the end"


def show(report: Report) -> None:
    width = min(120, shutil.get_terminal_size((120, 24)).columns)
    print("─" * width)
    print(
        f"{report.clients} clients, {report.rounds} rounds of {report.seconds:g} s, {report.server}; {report.machine}"
    )
    print(
        f"\n{'medians':<33}{'per second':>11}{'p50 ms':>9}{'p99 ms':>9}"
        f"{'server µs':>11}{'database µs':>13}{'load µs':>9}{'others':>8}"
    )
    for lane, row in report.lanes.items():
        print(
            f"{LANES[lane]:<33}{row.per_second:>11,.0f}{row.p50_ms:>9.2f}{row.p99_ms:>9.2f}"
            f"{row.server_us:>11,.0f}{row.database_us:>13,.0f}{row.load_us:>9,.0f}{row.others:>8.0%}"
        )
    print(f"\n{'ratios':<44}{'measured':>9}   aim")
    for ratio in report.ratios:
        if ratio.measured is not None:
            print(f"{ratio.name:<44}{ratio.measured:>9.2f}   {ratio.aim}")
    if noisy := [LANES[lane] for lane, row in report.lanes.items() if row.others > QUIET]:
        print(
            f"\nNot quiet: others took more than {QUIET:.0%} of the cores during {', '.join(noisy)}. Measure again."
        )
    for fault in report.faults:
        print(f"WRONG: {fault}")
    print(msgspec.json.encode(report).decode())


if __name__ == "__main__":
    sys.exit(main())
