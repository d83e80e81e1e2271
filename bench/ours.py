"""Our server: prepared, filled and started as it is in production; beside it, one that answers without a database."""

import asyncio
import os
import secrets
import subprocess
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
from litestar import Litestar, post
from litestar.params import JSONBody

from app.config import settings
from app.db import Connection
from app.deps import Door
from app.embedded import Postgres
from app.errors import Refusal
from app.main import create_app as create_city
from app.observe import start_logging
from bench.phones import AMOUNT
from bench.postgres import make_database
from bench.town import PAST_PAYMENTS, Books, Town, Wrong
from wallet import qr
from wallet.ledger import GUARANTEE, Move, move_all
from wallet.models import Payee, Payment, PayMerchant
from wallet.till import GROUP

DATABASE = "ours"
APP_ROLE = "huong_app"
ECHO = "/bench/echo"
BILLERS = 6
FUNDS = 100_000_000
PROGRAMS = Path(sys.executable).parent
LITESTAR = PROGRAMS / "litestar"

# Ids that pgbench can make from a number; in order, as the ids that the product makes are.
RESIDENT, DEVICE, SESSION, MERCHANT, TERMINAL, BILLER = (f"00000000-0000-7000-900{n}-" for n in range(1, 7))


@post(ECHO, status_code=200)
async def echo(request: Door, data: JSONBody[PayMerchant]) -> Payment:
    """The same request and the same answer, without the database."""
    return Payment(
        id=request.me.id,
        kind="merchant",
        status="paid",
        amount=data.amount or 0,
        balance_after=0,
        payee=Payee(name="Quan com hen 1", detail="Quay 1"),
        memo=data.memo,
        made_at=datetime.now(UTC),
    )


def create_app() -> Litestar:
    """The city, and the echo."""
    start_logging(settings().log_level)
    city = create_city()
    city.register(echo)
    return city


def start_ours(server: Postgres, port: int, log: Path, flavour: str) -> "subprocess.Popen[bytes]":
    """Our server on this port, its words in `log`; `flavour` is uvicorn or granian."""
    return _start([LITESTAR, "serve"], server, port, log, flavour)


def start_echo(server: Postgres, port: int, log: Path, flavour: str) -> "subprocess.Popen[bytes]":
    """The same beside it, with the echo: what `litestar serve` does, in the words of the servers' own commands."""
    options = {
        "uvicorn": "--host 127.0.0.1 --loop uvloop --http app.connections:Connection --no-access-log "
        "--no-server-header --no-proxy-headers --log-level warning",
        "granian": "--host 127.0.0.1 --interface asgi --loop uvloop --no-access-log --backpressure 2048",
    }
    command = [
        PROGRAMS / flavour,
        "bench.ours:create_app",
        "--factory",
        "--port",
        str(port),
        *options[flavour].split(),
    ]
    return _start(command, server, port, log, flavour)


def _start(
    command: list[Path | str], server: Postgres, port: int, log: Path, flavour: str
) -> "subprocess.Popen[bytes]":
    environment = _environment(server) | {"PORT": str(port), "HUONG_SERVER": flavour}
    with log.open("ab") as words:
        return subprocess.Popen(command, env=environment, stdout=words, stderr=words)


def prepare_ours(server: Postgres, *, residents: int, merchants: int, bills: int) -> Town:
    """Migrates a new database and fills it; every balance came through the ledger's own function."""
    asyncio.run(make_database(server, DATABASE, app_role=APP_ROLE))
    subprocess.run([LITESTAR, "migrate"], env=_environment(server), check=True, stdout=subprocess.DEVNULL)
    return asyncio.run(_seed(server, residents, merchants, bills))


async def _seed(server: Postgres, residents: int, merchants: int, bills: int) -> Town:
    tokens = [secrets.token_urlsafe(32) for _ in range(residents + 2)]
    *open_tokens, poor, locked = tokens
    funds = [FUNDS] * residents + [10_000, FUNDS]
    people = [_id(RESIDENT, number) for number in range(1, len(tokens) + 1)]
    db = await asyncpg.connect(server.url(DATABASE, "postgres"))
    try:
        async with db.transaction():
            await db.execute(PEOPLE, len(tokens))
            await db.execute(TOKENS, [sha256(token.encode()).digest() for token in tokens])
            await db.execute("UPDATE session SET unlocked_until = NULL WHERE id = $1", _id(SESSION, len(tokens)))
            await db.execute(SHOPS, merchants, people[0])
            await db.execute(BILLERS_AND_BILLS, BILLERS, bills)
            await db.execute(LIMITS)
        if refused := await db.fetch(FUNDING, GUARANTEE, people, funds):
            raise Wrong([f"funding: {row['verdict']}" for row in refused])
        await _live_a_while(db, residents, merchants)
        ids = await db.fetch("SELECT id FROM bill ORDER BY id")
        await db.execute("VACUUM ANALYZE")
    finally:
        await db.close()
    return Town(
        tokens=open_tokens,
        qrs=[_sticker(number) for number in range(1, merchants + 1)],
        bills=[str(row["id"]) for row in ids],
        poor=poor,
        locked=locked,
    )


async def _live_a_while(db: Connection, residents: int, merchants: int) -> None:
    """Past payments: a plan that PostgreSQL made for empty tables would spoil what is measured."""
    for first in range(0, PAST_PAYMENTS, GROUP):
        moves = [
            Move(
                uuid4(),
                "merchant",
                _id(RESIDENT, 1 + number % residents),
                amount=AMOUNT,
                session_id=_id(SESSION, 1 + number % residents),
                terminal_id=_id(TERMINAL, 1 + number % merchants),
                memo="com hen",
            )
            for number in range(first, min(first + GROUP, PAST_PAYMENTS))
        ]
        if refused := [verdict for verdict in await move_all(db, moves) if isinstance(verdict, Refusal)]:
            raise Wrong([f"the past: {refused[0]}"])


async def books(server: Postgres) -> Books:
    """Our ledger, added up."""
    db = await asyncpg.connect(server.url(DATABASE, "postgres"))
    try:
        return Books(*(await db.fetchrow(BOOKS) or ()))
    finally:
        await db.close()


async def broken_laws(server: Postgres) -> list[str]:
    """What the ledger's own audit finds; an empty list is a healthy ledger."""
    db = await asyncpg.connect(server.url(DATABASE, "postgres"))
    try:
        laws = await db.fetch("SELECT law, broken FROM ledger_check() WHERE broken > 0")
        return [f"{law['broken']} rows break the law that {law['law']}" for law in laws]
    finally:
        await db.close()


def pgbench_script(residents: int, merchants: int) -> str:
    """One payment by one call of the ledger's function, as a lone payment in our till makes it."""
    return f"""
\\set resident random(1, {residents})
\\set shop random(1, {merchants})
SELECT "position", verdict, amount, balance_after, payee_name, payee_detail, made_at, status, allowed, allowed_left
FROM ledger_move_3(
    ARRAY[gen_random_uuid()], ARRAY['merchant'], ARRAY[{_sql_id(RESIDENT, ":resident")}], ARRAY[NULL::uuid],
    ARRAY[{AMOUNT}::bigint], ARRAY[{_sql_id(SESSION, ":resident")}], ARRAY[NULL::uuid],
    ARRAY[{_sql_id(TERMINAL, ":shop")}], ARRAY[NULL::uuid], ARRAY[NULL::text], ARRAY['com hen'],
    ARRAY['\\x00'::bytea], ARRAY[NULL::uuid], ARRAY[NULL::uuid], ARRAY[false]);
"""


def _environment(server: Postgres) -> dict[str, str]:
    return {
        **os.environ,
        "HUONG_MODE": "sandbox",
        # Phones of the benchmark pay a thousand times faster than people do.
        "HUONG_RATE_PER_MINUTE": "1000000000",
        "HUONG_STRANGER_RATE_PER_MINUTE": "1000000000",
        "LITESTAR_APP": "app.main:create_app",
        "DATABASE_URL": server.url(DATABASE, APP_ROLE),
        "DATABASE_OWNER_URL": server.url(DATABASE, "postgres"),
    }


def _id(prefix: str, number: int) -> UUID:
    return UUID(f"{prefix}{number:012x}")


def _sql_id(prefix: str, number: str) -> str:
    return f"('{prefix}' || lpad(to_hex({number}::int), 12, '0'))::uuid"


def _sticker(number: int) -> str:
    return qr.write(
        qr.Sticker(
            terminal_id=_id(TERMINAL, number),
            bank_bin="970436",
            virtual_account=f"BENCH{number:05d}",
            merchant_name=f"Quan com hen {number}",
            city="Hue",
            category_code="5812",
        )
    )


PEOPLE = f"""
WITH person AS MATERIALIZED (
    SELECT n, {_sql_id(RESIDENT, "n")} AS id, {_sql_id(DEVICE, "n")} AS device_id,
        {_sql_id(SESSION, "n")} AS session_id
    FROM generate_series(1, $1::int) AS n
), resident AS (
    INSERT INTO principal (id, kind, phone, name)
    SELECT id, 'resident', '+8491' || lpad(n::text, 7, '0'), 'Nguyễn Thị Hương ' || n FROM person
), phone AS (
    INSERT INTO device (principal_id, id, name, platform) SELECT id, device_id, 'bench', 'android' FROM person
)
INSERT INTO session (id, principal_id, device_id, confirmed_at, unlocked_until)
SELECT session_id, id, device_id, city_now(), city_now() + interval '1 day' FROM person
"""

TOKENS = f"""
INSERT INTO access_token (hash, session_id, expires_at)
SELECT hash, {_sql_id(SESSION, "n")}, city_now() + interval '1 day'
FROM unnest($1::bytea[]) WITH ORDINALITY AS token (hash, n)
"""

SHOPS = f"""
WITH shop AS MATERIALIZED (
    SELECT n, {_sql_id(MERCHANT, "n")} AS id, {_sql_id(TERMINAL, "n")} AS terminal_id
    FROM generate_series(1, $1::int) AS n
), merchants AS (
    INSERT INTO merchant (id, owner_id, name, category_code, ward_code, status, virtual_account)
    SELECT id, $2, 'Quan com hen ' || n, '5812', (SELECT min(code) FROM ward), 'active',
        'BENCH' || lpad(n::text, 5, '0')
    FROM shop
)
INSERT INTO terminal (id, merchant_id, name) SELECT terminal_id, id, 'Quay 1' FROM shop
"""

BILLERS_AND_BILLS = f"""
WITH office AS MATERIALIZED (
    SELECT n, {_sql_id(BILLER, "n")} AS account_id, 'bench-' || n AS code FROM generate_series(1, $1::int) AS n
), accounts AS (
    INSERT INTO account (id, kind) SELECT account_id, 'biller' FROM office
), billers AS (
    INSERT INTO biller (code, kind, name_vi, name_en, account_id, customer_code_pattern, customer_code_example)
    SELECT code, 'electricity', 'Điện lực ' || n, 'Electricity ' || n, account_id, '^PC05[0-9]{{9}}$', 'PC05000000001'
    FROM office
)
INSERT INTO bill (id, biller_code, reference, customer_code, customer_name, period, amount, due_on)
SELECT uuidv7(), 'bench-' || 1 + n % $1, 'bench-' || n, 'PC05' || lpad(n::text, 9, '0'), 'Nguyen Thi Huong',
    '2026-10', {AMOUNT}, '2027-12-31'
FROM generate_series(1, $2::int) AS n
"""

# Counted and compared as ever; but a phone that pays a thousand times faster than people would meet them at once.
LIMITS = """
INSERT INTO policy (code, effective_from, value)
SELECT code, '2026-01-02', 1000000000000 FROM unnest(ARRAY[
    'limit.month_general', 'limit.month_essential', 'limit.day_goods', 'step_up.goods_code_above',
    'step_up.goods_strong_above', 'step_up.person_strong_above', 'step_up.person_day_strong_above']) AS code
"""

FUNDING = """
SELECT verdict FROM unnest($2::uuid[], $3::bigint[]) AS wallet (id, amount)
CROSS JOIN LATERAL ledger_move_3(ARRAY[uuidv7()], ARRAY['funding'], ARRAY[$1::uuid], ARRAY[wallet.id],
    ARRAY[wallet.amount], ARRAY[NULL::uuid], ARRAY[NULL::uuid], ARRAY[NULL::uuid], ARRAY[NULL::uuid],
    ARRAY[NULL::text], ARRAY[NULL::text], ARRAY[''::bytea], ARRAY[NULL::uuid], ARRAY[NULL::uuid], ARRAY[false])
WHERE verdict <> 'applied'
"""

BOOKS = """
WITH entered AS (SELECT account_id, sum(amount) AS total FROM entry GROUP BY account_id)
SELECT
    (SELECT count(*) FROM payment WHERE status = 'paid'),
    (SELECT coalesce(sum(total), 0)::bigint FROM entered),
    (SELECT count(*) FROM account LEFT JOIN entered ON id = account_id WHERE posted <> coalesce(total, 0)),
    (SELECT count(*) FROM account WHERE kind = 'wallet' AND posted - pending < 0)
"""
