"""What a payment costs when the ledger has grown: at 100,000 transfers and at 10,000,000, side by side.

`python -m bench.growth`: two databases on one PostgreSQL, alike but for their history; groups of payments go to each
in turn, straight through the ledger's function. Compares the database's CPU time and the wall time of a payment, as
medians over the rounds. The aim beside the ratio is a target. One line of JSON at the end."""

import argparse
import asyncio
import platform
import random
import time
from pathlib import Path
from statistics import median
from uuid import UUID

import asyncpg
import msgspec
import psutil
from uuid_utils.compat import uuid7

from app.db import OwnConnection, connect
from app.embedded import Postgres
from app.errors import Refusal
from bench.ours import AMOUNT, DATABASE, FUNDS, MERCHANT, RESIDENT, SESSION, TERMINAL, prepare_ours
from bench.postgres import postgres
from wallet.ledger import Move, move_all

BIG = "grown"
RESIDENTS, MERCHANTS = 2_000, 500
GROUP = 64
CHUNK = 250_000
AIM = "≤ 1.10"


class Side(msgspec.Struct):
    """One ledger's cost of a payment: medians over the rounds, in µs."""

    transfers: int
    database_us: float
    wall_us: float


async def measure(server: Postgres, small: int, big: int, rounds: int, groups: int) -> tuple[Side, Side]:
    """Grow both ledgers, then let them take turns."""
    urls = {small: server.url(DATABASE, "postgres"), big: server.url(BIG, "postgres")}
    for transfers, url in urls.items():
        await grow(url, transfers)
    lanes = {
        transfers: await connect(url, application="growth", plan_cache_mode="force_generic_plan")
        for transfers, url in urls.items()
    }
    chance = random.Random(1)
    costs: dict[int, list[tuple[float, float]]] = {small: [], big: []}
    for number in range(rounds + 1):
        for transfers, lane in lanes.items():
            cost = await one_round(lane, groups, chance)
            if number:  # the first warms both up
                costs[transfers].append(cost)
                print(
                    f"round {number:2}  {transfers:>10,} transfers  database {cost[0]:6.1f}  wall {cost[1]:6.1f} µs"
                )
    for lane in lanes.values():
        await lane.close()
    one, other = (
        Side(
            transfers,
            round(median(c for c, _ in costs[transfers]), 1),
            round(median(w for _, w in costs[transfers]), 1),
        )
        for transfers in urls
    )
    return one, other


async def one_round(lane: OwnConnection, groups: int, chance: random.Random) -> tuple[float, float]:
    """Database CPU and wall time of a payment, in µs."""
    backend = psutil.Process(lane.get_server_pid())
    asked = [_group(chance) for _ in range(groups)]
    cpu_s, wall_s = _cpu_s(backend), time.perf_counter()
    for moves in asked:
        if refused := [verdict for verdict in await move_all(lane, moves) if isinstance(verdict, Refusal)]:
            raise SystemExit(f"a payment was refused: {refused[0]!r}")
    payments = groups * GROUP
    return (_cpu_s(backend) - cpu_s) / payments * 1e6, (time.perf_counter() - wall_s) / payments * 1e6


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _group(chance: random.Random) -> list[Move]:
    return [
        Move(
            uuid7(),
            "merchant",
            _id(RESIDENT, payer),
            amount=1,
            session_id=_id(SESSION, payer),
            terminal_id=_id(TERMINAL, chance.randint(1, MERCHANTS)),
            memo="com hen",
            fingerprint=b"0123456789abcdef",
        )
        for payer in chance.sample(range(1, RESIDENTS + 1), GROUP)
    ]


def _id(prefix: str, number: int) -> UUID:
    return UUID(f"{prefix}{number:012x}")


async def grow(url: str, transfers: int) -> None:
    """A history of so many transfers, as the function would have left it: every resident and every shop in turn."""
    db = await asyncpg.connect(url, server_settings={"synchronous_commit": "off"})
    there: int = await db.fetchval("SELECT count(*) FROM transfer")
    began_s = time.perf_counter()
    await db.execute(STARTING_POINTS)
    left = max(0, transfers - there)
    for first in range(0, left, CHUNK):
        await db.execute(HISTORY, first, min(first + CHUNK, left) - 1, RESIDENTS, MERCHANTS, AMOUNT)
    await db.execute(CLOSING_BALANCES, left, RESIDENTS, MERCHANTS, AMOUNT)
    await db.execute("VACUUM ANALYZE")
    await db.execute("CHECKPOINT")
    await db.close()
    print(f"{transfers:,} transfers after {time.perf_counter() - began_s:.0f} s")


STARTING_POINTS = f"""
CREATE TABLE start AS
SELECT id, posted, version, right(id::text, 12) AS number, left(id::text, 24) IN ('{RESIDENT}') AS is_resident
FROM account WHERE left(id::text, 24) IN ('{RESIDENT}', '{MERCHANT}')
"""

# Payment n is made by resident 1 + n mod residents at shop 1 + n mod merchants; so the k-th of each is known.
HISTORY = f"""
WITH past AS MATERIALIZED (
    SELECT n, uuidv7() AS id, payer.id AS payer_id, shop.id AS shop_id,
        payer.version + 1 + n / $3 AS payer_version, payer.posted - $5::bigint * (1 + n / $3) AS payer_balance,
        shop.version + 1 + n / $4 AS shop_version, shop.posted + $5::bigint * (1 + n / $4) AS shop_balance
    FROM generate_series($1::bigint, $2::bigint) AS n
    JOIN start AS payer ON payer.is_resident AND payer.number = lpad(to_hex(1 + n % $3::int), 12, '0')
    JOIN start AS shop ON NOT shop.is_resident AND shop.number = lpad(to_hex(1 + n % $4::int), 12, '0')
), transfers AS (
    INSERT INTO transfer (id, kind, debit_account_id, credit_account_id, amount, memo, made_at)
    SELECT id, 'merchant', payer_id, shop_id, $5, 'com hen', city_now() FROM past ORDER BY n
), payments AS (
    INSERT INTO payment (id, payer_id, kind, status, amount, balance_after, payer_name, payee_name, payee_detail,
        terminal_id, memo, fingerprint, made_at)
    SELECT id, payer_id, 'merchant', 'paid', $5, payer_balance, 'N*** T*** H*** 1', 'Quan com hen', 'Quay 1',
        ('{TERMINAL}' || right(shop_id::text, 12))::uuid, 'com hen', '0123456789abcdef', city_now()
    FROM past ORDER BY n
), events AS (
    INSERT INTO event (kind, data, told_at) SELECT 'MerchantPaid', '{{}}', city_now() FROM past ORDER BY n
)
INSERT INTO entry (account_id, version, transfer_id, amount, balance_after)
SELECT payer_id, payer_version, id, -$5, payer_balance FROM past
UNION ALL
SELECT shop_id, shop_version, id, $5, shop_balance FROM past
"""

CLOSING_BALANCES = """
WITH change AS (
    SELECT id, is_resident, ($1::bigint - 1 - (('x' || number)::bit(48)::bigint - 1)) / turn + 1 AS times
    FROM start CROSS JOIN LATERAL (SELECT CASE WHEN is_resident THEN $2::int ELSE $3::int END AS turn) AS cycle
    WHERE ('x' || number)::bit(48)::bigint <= least(turn, $1)
)
UPDATE account SET version = version + times,
    posted = posted + CASE WHEN is_resident THEN -1 ELSE 1 END * $4::bigint * times
FROM change WHERE account.id = change.id
"""


async def clone(server: Postgres) -> None:
    """The same town once more."""
    db = await asyncpg.connect(server.owner_url)
    await db.execute(f"CREATE DATABASE {BIG} TEMPLATE {DATABASE}")
    await db.close()


async def sound(server: Postgres) -> None:
    """The small ledger keeps every law, its made-up history included: so what is measured is a ledger."""
    db = await asyncpg.connect(server.url(DATABASE, "postgres"))
    broken = await db.fetch("SELECT law FROM ledger_check() WHERE broken > 0")
    await db.close()
    if broken:
        raise SystemExit(f"the ledger is broken: {broken[0]['law']}")


def main() -> None:
    """Grow, measure, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--small", type=int, default=100_000)
    options.add_argument("--big", type=int, default=10_000_000)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--groups", type=int, default=60, help=f"groups of {GROUP} payments a round")
    options.add_argument("--data-dir", type=Path, default=Path("var/growth"))
    chosen = options.parse_args()
    if chosen.big // RESIDENTS * AMOUNT > FUNDS:
        raise SystemExit("so many payments are more than the residents have")
    with postgres(chosen.data_dir.resolve(), connections=20) as server:
        prepare_ours(server, residents=RESIDENTS, merchants=MERCHANTS, bills=1)
        asyncio.run(clone(server))
        small, big = asyncio.run(measure(server, chosen.small, chosen.big, chosen.rounds, chosen.groups))
        asyncio.run(sound(server))
    ratios = {
        "database": round(big.database_us / small.database_us, 3),
        "wall": round(big.wall_us / small.wall_us, 3),
    }
    for side in (small, big):
        print(f"{side.transfers:>10,} transfers: {side.database_us} µs of database CPU, {side.wall_us} µs in all")
    print(f"grown / small: database {ratios['database']}, wall {ratios['wall']} (aim {AIM})")
    result = {"python": platform.python_version(), "small": small, "big": big, "ratios": ratios, "aim": AIM}
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
