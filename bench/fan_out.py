"""How long it takes until a whole city is told: a broadcast to 100,000 phones, from its start to the last phone.

`python -m bench.fan_out`: PostgreSQL (durable), two `litestar worker`s and the stand-in of FCM (HTTP/2 over TLS, in
this process), on the same cores. Each resident finds it in the inbox, each phone gets a message of its own, and each
delivery is written down. The same again with all workers killed (-9) three times on the way and others started 65 s
later by the city's clock, when the leases of the dead are over: every phone must have got it; how many got it twice
is shown beside how many were under way. Beside it the naive way, for a fiftieth of the phones: one row after the
other, each read, sent by `firebase-admin`, and written down by itself. One line of JSON at the end."""

import argparse
import asyncio
import os
import platform
import signal
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import uvloop

os.environ["HUONG_MODE"] = "sandbox"

from firebase_admin import messaging

import migrations
from app.embedded import Postgres
from app.types import new_id
from bench.postgres import make_database, postgres
from notifications import sending
from notifications.listeners import engines
from notifications.sandbox.fcm_line import Server, listening
from notifications.transports.firebase import Firebase
from notifications.transports.google_access import Access

DATABASE, APP_ROLE = "city", "huong_app"
WORKERS = 2
LEASES_ARE_OVER_S = 65
AIM_S = 60
PATIENCE_S = 600
UNDER_WAY = WORKERS * sending.BATCH * next(one.side_by_side for one in engines if one.name == "push_bulk")

PLANT = """
WITH people AS (
    INSERT INTO principal (id, kind, phone, name)
    SELECT gen_random_uuid(), 'resident', '+84911' || lpad(n::text, 6, '0'), 'Cư dân ' || n
    FROM generate_series(1, $1::int) AS n
    RETURNING id
),
devices AS (
    INSERT INTO device (principal_id, id, name, platform) SELECT id, gen_random_uuid(), 'phone', 'android' FROM people
    RETURNING principal_id, id
),
sessions AS (
    INSERT INTO session (id, principal_id, device_id) SELECT gen_random_uuid(), principal_id, id FROM devices
),
awake AS (INSERT INTO notification_preference (principal_id, quiet) SELECT id, false FROM people)
INSERT INTO push_target (principal_id, device_id, platform, kind, target, target_hash, locale, app_version)
SELECT principal_id, id, 'android', 'token', 'token-' || id, sha256(convert_to(id::text, 'utf8')), 'vi', '1.0'
FROM devices
"""
START = """
INSERT INTO broadcast (id, content_hash, title_vi, title_en, body_vi, body_en, ward_codes, category, lane, per_device,
    state, collapse_key, made_by, started_at, expires_at)
SELECT $1::uuid, '', 'Cúp nước ngày mai', 'No water tomorrow', 'Từ 8 giờ đến 11 giờ.', 'From 8 to 11.', '{}', 'alert',
    'bulk', false, 'going', replace($1::uuid::text, '-', ''), id, now(), now() + interval '1 day'
FROM principal LIMIT 1
"""
STATES = "SELECT state, count(*) FROM delivery WHERE broadcast_id = $1 GROUP BY state"
TWICE = """
SELECT count(*) - count(DISTINCT principal_id) FROM message JOIN broadcast ON event_id = -number
WHERE broadcast.id = $1
"""
NEXT = "SELECT id, target FROM naive_delivery WHERE state = 'queued' ORDER BY id LIMIT 1"
NAIVE = "CREATE TABLE naive_delivery (id bigserial PRIMARY KEY, target text, state text DEFAULT 'queued')"


class Told(msgspec.Struct):
    """How it went. `twice`: phones' messages beyond one each."""

    phones: int
    seconds: float
    per_s: int
    twice: int


async def told(server: Server, db: asyncpg.Connection, environment: dict[str, str], count: int, kills: int) -> Told:
    """Start a broadcast, and workers; raises SystemExit if a phone hears nothing, or an inbox has it twice."""
    server.cloud.forget()
    broadcast_id = new_id()
    await db.execute(START, broadcast_id)
    began = time.perf_counter()
    for nth in range(kills):
        async with AsyncExitStack() as stack:
            workers = [_worker(stack, environment, nth * LEASES_ARE_OVER_S) for _ in range(WORKERS)]
            await _taken(server, count * (nth + 1) // (kills + 1))
            for worker in workers:
                worker.send_signal(signal.SIGKILL)
    async with AsyncExitStack() as stack:
        for _ in range(WORKERS):
            _worker(stack, environment, kills * LEASES_ARE_OVER_S)
        async with asyncio.timeout(PATIENCE_S):
            while await _states(db, broadcast_id) != {"accepted": count}:  # noqa: ASYNC110 - rows tell nobody
                await asyncio.sleep(0.5)
    seconds = time.perf_counter() - began
    if len(server.cloud.took) != count or await db.fetchval(TWICE, broadcast_id):
        raise SystemExit(f"{len(server.cloud.took)} of {count} phones were told, or an inbox has it twice")
    twice = server.cloud.took.total() - count
    if twice > UNDER_WAY * kills:
        raise SystemExit(f"{twice} came twice, and no more than {UNDER_WAY * kills} were under way")
    return Told(count, round(seconds, 1), round(count / seconds), twice)


def _worker(stack: AsyncExitStack, environment: dict[str, str], later_s: int) -> "subprocess.Popen[bytes]":
    later = {"HUONG_CLOCK_OFFSET_S": str(later_s)}
    worker = subprocess.Popen([sys.executable, "-m", "litestar", "worker"], env=environment | later)

    def end() -> None:
        worker.kill()
        worker.wait()

    stack.callback(end)
    return worker


async def _taken(server: Server, count: int) -> None:
    """FCM has taken so many."""
    async with asyncio.timeout(PATIENCE_S):
        while server.cloud.took.total() < count:  # noqa: ASYNC110 - a counter tells nobody
            await asyncio.sleep(0.005)


async def _states(db: asyncpg.Connection, broadcast_id: UUID) -> dict[str, int]:
    return {row["state"]: row["count"] for row in await db.fetch(STATES, broadcast_id)}


async def naively(server: Server, db: asyncpg.Connection, folder: Path, count: int) -> Told:
    """A loop over the phones, as one writes it first."""
    server.cloud.forget()
    account = msgspec.json.decode((folder / "account.json").read_bytes(), type=dict[str, Any])
    held = Firebase(Access(account, folder / "root.pem"), f"https://localhost:{server.port}", ca=folder / "root.pem")
    held._shown.token = await held.access.wait()  # pyright: ignore[reportPrivateUsage]
    send: Any = messaging.send_each_async
    await db.execute(
        "CREATE TABLE naive_delivery (id bigserial PRIMARY KEY, target text, state text DEFAULT 'queued')"
    )
    began = time.perf_counter()
    targets = await db.fetch("SELECT target FROM push_target LIMIT $1", count)
    await db.executemany("INSERT INTO naive_delivery (target) VALUES ($1)", [(row["target"],) for row in targets])
    while row := await db.fetchrow(
        "SELECT id, target FROM naive_delivery WHERE state = 'queued' ORDER BY id LIMIT 1"
    ):
        message = messaging.Message(
            notification=messaging.Notification("Cúp nước ngày mai", "Từ 8 giờ đến 11 giờ."), token=row["target"]
        )
        await send([message], False, held.app)
        await db.execute("UPDATE naive_delivery SET state = 'sent' WHERE id = $1", row["id"])
    seconds = time.perf_counter() - began
    await held.close()
    return Told(count, round(seconds, 1), round(count / seconds), server.cloud.took.total() - count)


async def measure(running: Postgres, count: int, folder: Path) -> dict[str, Any]:
    """All three."""
    await make_database(running, DATABASE, app_role=APP_ROLE)
    await migrations.migrate(running.url(DATABASE, "postgres"), APP_ROLE, "sandbox")
    db = await asyncpg.connect(running.url(DATABASE, "postgres"))
    await db.execute(PLANT, count)
    await db.execute("VACUUM ANALYZE")
    async with listening(folder, keep=0) as server:
        environment = {
            **os.environ,
            "LITESTAR_APP": "app.main:create_app",
            "DATABASE_URL": running.url(DATABASE, APP_ROLE),
            "DATABASE_OWNER_URL": running.url(DATABASE, "postgres"),
            "REDIS_URL": "",
            "HUONG_LOG_LEVEL": "warning",
            "HUONG_FCM_URL": f"https://localhost:{server.port}",
            "HUONG_FCM_CREDENTIALS": (folder / "account.json").read_text(encoding="utf-8"),
            "HUONG_FCM_CA": str(folder / "root.pem"),
        }
        plain = await told(server, db, environment, count, 0)
        print(f"{count:,} phones in {plain.seconds} s, {plain.per_s:,} a second (aim ≤ {AIM_S} s for 100,000)")
        killed = await told(server, db, environment, count, 3)
        print(f"with three kills: {killed.seconds} s, {killed.twice} twice of {3 * UNDER_WAY} that may have been")
        naive = await naively(server, db, folder, max(200, count // 50))
        print(f"one after the other: {naive.per_s:,} a second")
    await db.close()
    return {"told": plain, "killed": killed, "naive": naive, "ratio": round(plain.per_s / max(naive.per_s, 1), 1)}


def main() -> None:
    """Measure, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phones", type=int, default=100_000)
    parser.add_argument("--data-dir", type=Path, default=Path("/tmp/huong-bench-fan-out"))
    options = parser.parse_args()
    with postgres(options.data_dir, connections=100) as running:
        folder = options.data_dir / "fcm"
        folder.mkdir()
        found = uvloop.run(measure(running, options.phones, folder))
    shown = {"bench": "fan_out", "python": platform.python_version(), **found, "aim_s": AIM_S}
    print(msgspec.json.encode(shown).decode())


if __name__ == "__main__":
    main()
