"""Two thousand reports with photographs in a burst: is everything there afterwards, and who waited meanwhile?

`python -m bench.flood`: PostgreSQL (durable), Redis, `litestar serve` and `litestar worker` as in production, the
product's own limits, and the phones of `tests/feedback/flood.py` in a process of their own: small photographs (1.2
megapixels, about 250 kB), some requests twice at once, some connections cut, 429 and 503 waited for. Then every
report is looked for, with its pictures, its code, its news and its place on the map; what is lost exits with 1.

The lag of the server's event loop is what its own `/metrics` say (`huong_loop_lag_seconds`, fifty times a second),
before the flood and during it, interpolated within a bucket. `beside` is the lag of this program's own loop, which
has nothing to do during the flood: what the machine does to anybody. The aim is a target on an idle machine; server,
worker, PostgreSQL and phones share these cores. One line of JSON at the end."""

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import msgspec
import uvloop
from prometheus_client import generate_latest

import migrations
from app import config
from app.db import Database
from app.embedded import Postgres, start_redis
from app.observe import watch_loop
from bench.load import percentile_ms
from bench.payments import cpu_s, free_port
from bench.postgres import make_database, postgres
from tests.feedback import flood
from tests.serving import a_server

DATABASE, APP_ROLE = "flood", "huong_app"
CALM_S = 5
LAG = "huong_loop_lag_seconds_"
AIM = "≤ 5"


class Lag(msgspec.Struct):
    """How late the server's loop woke, in ms, and how many of a thousand times later than 5 ms."""

    p50_ms: float
    p99_ms: float
    over_5_ms_per_mille: float


class Report(msgspec.Struct):
    """What the flood did. CPU of the server is in ms per report."""

    bench: str
    python: str
    cores: int
    load: float
    reports: int
    at_once: int
    lasted_s: float
    reports_per_s: float
    wait_p50_ms: float
    wait_p99_ms: float
    server_ms: float
    calm: Lag
    flood: Lag
    beside: Lag
    answers: dict[str, int]
    faults: list[str]
    aim: str


Buckets = dict[float, float]


async def buckets(client: httpx.AsyncClient) -> Buckets:
    """So many times the loop was at most so late, since it began."""
    return counted((await client.get("/metrics")).text)


def counted(numbers: str) -> Buckets:
    said = [line for line in numbers.splitlines() if line.startswith(f"{LAG}bucket")]
    return {float(line.split('"')[1]): float(line.rsplit(" ", 1)[1]) for line in said}


def lag_between(before: Buckets, after: Buckets) -> Lag:
    times = {most_s: after[most_s] - before[most_s] for most_s in after}
    whole = times[float("inf")] or 1
    return Lag(quantile_ms(times, 0.5), quantile_ms(times, 0.99), round(1000 * (1 - times[0.005] / whole), 1))


def quantile_ms(times: Buckets, share: float) -> float:
    """Within a bucket as if all were spread evenly; the last bound for what is beyond it."""
    wanted, below_s, below = share * times[float("inf")], 0.0, 0.0
    for most_s, count in times.items():
        if count >= wanted and most_s != float("inf"):
            return round((below_s + (most_s - below_s) * (wanted - below) / ((count - below) or 1)) * 1000, 2)
        below_s, below = (below_s, below) if most_s == float("inf") else (most_s, count)
    return below_s * 1000


@asynccontextmanager
async def a_worker(environment: Mapping[str, str]) -> AsyncGenerator[None]:
    """`litestar worker`, ended at the end."""
    settings = {**environment, "LITESTAR_APP": "app.main:create_app"}
    working = await asyncio.create_subprocess_exec(sys.executable, "-m", "litestar", "worker", env=settings)
    try:
        yield
    finally:
        working.terminate()
        await working.wait()


async def measure(server: Postgres, reports: int, at_once: int) -> Report:
    """Plant, flood, look."""
    database = Database(os.environ["DATABASE_URL"], 4)
    async with database.transaction() as db:
        residents, operators = await flood.plant(db, reports)
    port = free_port()
    async with (
        a_server(os.environ, port) as serving,
        a_worker(os.environ),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        began = await buckets(client)
        await asyncio.sleep(CALM_S)
        calm, cpu_before_s = await buckets(client), cpu_s(serving.pid)
        watching = asyncio.create_task(watch_loop())
        ebb = await flood.let_loose(flood.Flood(port, residents, operators, at_once))
        watching.cancel()
        after, cpu_after_s = await buckets(client), cpu_s(serving.pid)
    faults = await flood.faults(database, ebb)
    await database.close()
    waits_s = sorted(ebb.waits_s)
    return Report(
        bench="flood",
        python=platform.python_version(),
        cores=os.cpu_count() or 1,
        load=round(os.getloadavg()[0], 1),
        reports=len(ebb.filed),
        at_once=at_once,
        lasted_s=round(ebb.lasted_s, 1),
        reports_per_s=round(len(ebb.filed) / ebb.lasted_s, 1),
        wait_p50_ms=percentile_ms(waits_s, 50),
        wait_p99_ms=percentile_ms(waits_s, 99),
        server_ms=round((cpu_after_s - cpu_before_s) / (len(ebb.filed) or 1) * 1000, 1),
        calm=lag_between(began, calm),
        flood=lag_between(calm, after),
        beside=lag_between(dict.fromkeys(after, 0.0), counted(generate_latest().decode())),
        answers=ebb.answers,
        faults=faults,
        aim=AIM,
    )


async def prepare(server: Postgres) -> None:
    """A migrated database."""
    await make_database(server, DATABASE, app_role=APP_ROLE)
    await migrations.migrate(server.url(DATABASE, "postgres"), APP_ROLE, "sandbox")
    db = await asyncpg.connect(server.url(DATABASE, "postgres"))
    await db.execute("VACUUM ANALYZE")
    await db.close()


def main() -> int:
    """Prepare, measure, tell."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--reports", type=int, default=2_000)
    options.add_argument("--at-once", type=int, default=48, help="phones that send")
    options.add_argument("--data-dir", type=Path, default=Path("var/bench-flood"), help="on a real disk; removed")
    chosen = options.parse_args()
    data_dir: Path = chosen.data_dir.resolve()
    with postgres(data_dir, connections=100) as server:
        redis = start_redis(data_dir)
        os.environ |= {
            "HUONG_MODE": "sandbox", "HUONG_LOG_LEVEL": "warning", "HUONG_TRUSTED_PROXIES": "127.0.0.1",
            "DATA_DIR": str(data_dir / "city"), "DATABASE_URL": server.url(DATABASE, APP_ROLE),
            "DATABASE_OWNER_URL": server.url(DATABASE, "postgres"), "REDIS_URL": redis.url if redis else "",
        }  # fmt: skip
        config.settings.cache_clear()
        try:
            asyncio.run(prepare(server))
            report = uvloop.run(measure(server, chosen.reports, chosen.at_once))
        finally:
            if redis:
                redis.stop()
    show(report)
    return 1 if report.faults or report.reports < chosen.reports else 0


def show(report: Report) -> None:
    """In lines, then in one of JSON."""
    print(
        f"{report.reports} reports in {report.lasted_s} s, {report.reports_per_s} a second; each waited"
        f" {report.wait_p50_ms:.0f} ms (p99 {report.wait_p99_ms:.0f}); the server's CPU {report.server_ms} ms each"
    )
    for name, lag in (("calm", report.calm), ("flood", report.flood), ("beside", report.beside)):
        print(
            f"loop, {name:6}: p50 {lag.p50_ms} ms, p99 {lag.p99_ms} ms (aim {AIM}), {lag.over_5_ms_per_mille} ‰ over"
        )
    for fault in report.faults:
        print(f"WRONG: {fault}")
    print(msgspec.json.encode(report).decode())


if __name__ == "__main__":
    sys.exit(main())
