"""What history costs when it has grown: an account with 1,000,000 movements beside one with 1,000, in the same city.

`python -m bench.statement`: both accounts have lived ten years; what a phone and a browser ask for goes to each in
turn, through the product's own functions and a pool, and is compared as medians over the rounds: the first page, a
page in the middle, a month long ago, searches (for words that are everywhere, and for what is nowhere in the lines
that one page looks at), a page of a statement. Then the big account's year as files, 100,000 lines, beside a tenth of
it: time per line, and how much the process grew meanwhile. It compares our small with our large, on this machine and
nothing else: no network, no other load. The aims beside the ratios are targets. One line of JSON at the end."""

import argparse
import asyncio
import platform
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from uuid import UUID

import asyncpg
import msgspec
import psutil
from litestar.response import Stream

from app.clock import city_today
from app.db import Connection, Database
from app.embedded import Postgres
from app.identity.models import Principal
from app.types import cursor_of
from bench.ours import APP_ROLE, DATABASE, MERCHANT, prepare_ours
from bench.postgres import postgres
from wallet.papers import history, statements
from wallet.papers.history import Wanted
from wallet.papers.tables import Form

SHOPS = 50
YEARS = 10
AMOUNT = 1_000
CHUNK = 250_000
AIM = (
    "≤ 1.5; of a search that finds nothing ≤ 3: it looks at 1,000 lines, strewn over a table a thousand times larger"
)

Ask = Callable[[Connection, Principal, int], Awaitable[object]]


class Cost(msgspec.Struct):
    """What a question costs, in ms: of the small account, of the big one, and how many times the other."""

    small_ms: float
    big_ms: float
    ratio: float


class FileCost(msgspec.Struct):
    """A file of so many lines: µs a line, and by how many MB the process grew over what it was."""

    lines: int
    per_line_us: float
    grew_mb: float


async def _first_page(db: Connection, me: Principal, length: int) -> object:
    return await history.movements(db, me.id, Wanted(), None, 20)


async def _deep_page(db: Connection, me: Principal, length: int) -> object:
    return await history.movements(db, me.id, Wanted(), cursor_of(length // 2), 20)


async def _month_long_ago(db: Connection, me: Principal, length: int) -> object:
    first = city_today() - timedelta(days=365 * YEARS // 2)
    return await history.movements(db, me.id, Wanted(from_on=first, to_on=first + timedelta(days=30)), None, 20)


async def _words_everywhere(db: Connection, me: Principal, length: int) -> object:
    return await history.movements(db, me.id, Wanted(words="com hen"), None, 20)


async def _words_nowhere(db: Connection, me: Principal, length: int) -> object:
    return await history.movements(db, me.id, Wanted(words="khong co"), None, 20)


async def _kind_nowhere(db: Connection, me: Principal, length: int) -> object:
    return await history.movements(db, me.id, Wanted(kind="top_up"), None, 20)


async def _statement_page(db: Connection, me: Principal, length: int) -> object:
    first, last = _year()
    return await statements.show(db, me, first, last, None, 50, "vi")


QUESTIONS: tuple[Ask, ...] = (
    _first_page,
    _deep_page,
    _month_long_ago,
    _words_everywhere,
    _words_nowhere,
    _kind_nowhere,
    _statement_page,
)


def _year() -> tuple[date, date]:
    return city_today() - timedelta(days=364), city_today()


async def ask_both(database: Database, small: int, big: int, rounds: int) -> dict[str, Cost]:
    """Every question to both accounts in turn."""
    people = {small: _account(small), big: _account(big)}
    costs: dict[str, Cost] = {}
    for question in QUESTIONS:
        took: dict[int, list[float]] = {small: [], big: []}
        for number in range(rounds + 3):
            for length, me in people.items():
                async with database.acquire() as db:
                    began_s = time.perf_counter()
                    await question(db, me, length)
                    if number >= 3:  # the first warm both up
                        took[length].append((time.perf_counter() - began_s) * 1000)
        one, other = median(took[small]), median(took[big])
        name = question.__name__.removeprefix("_")
        costs[name] = Cost(round(one, 3), round(other, 3), round(other / one, 2))
        print(f"{name:20} {one:8.3f} ms of {small:,}   {other:8.3f} ms of {big:,}   x {other / one:.2f}")
    return costs


async def files(database: Database, big: int) -> dict[str, list[FileCost]]:
    """The big account's last tenth of a year and its whole year, as files. The first only loads things."""
    me = _account(big)
    first, last = _year()
    found: dict[str, list[FileCost]] = {}
    forms: tuple[Form, ...] = ("csv", "xlsx", "pdf")
    for form in forms:
        await one_file(database, me, form, last - timedelta(days=3), last)
        found[form] = [
            await one_file(database, me, form, begin, last) for begin in (last - timedelta(days=35), first)
        ]
        for cost in found[form]:
            print(f"{form:4} {cost.lines:>8,} lines: {cost.per_line_us:6.1f} µs a line, {cost.grew_mb:5.1f} MB more")
    return found


async def one_file(database: Database, me: Principal, form: Form, first: date, last: date) -> FileCost:
    """One file, read as fast as it comes and kept nowhere."""
    async with database.acquire() as db:
        span = await history.year(db, me.id, first, last)
    began_s = time.perf_counter()
    async with _grown() as grew:
        stream = await statements.file(database, me, first, last, form, "vi")
        async for _ in _parts(stream):
            pass
    lines = span.newest - span.oldest
    return FileCost(lines, round((time.perf_counter() - began_s) / lines * 1e6, 1), round(grew(), 1))


def _parts(stream: Stream) -> AsyncIterator[bytes]:
    return stream.iterator  # pyright: ignore[reportReturnType]


@asynccontextmanager
async def _grown() -> AsyncGenerator[Callable[[], float]]:
    """By how many MB this process was bigger than before, at its biggest; looked at every 5 ms."""
    process, over = psutil.Process(), threading.Event()
    before = most = process.memory_info().rss

    def watch() -> None:
        nonlocal most
        while not over.wait(0.005):
            most = max(most, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield lambda: (most - before) / 2**20
    finally:
        over.set()
        watcher.join()


def _account(length: int) -> Principal:
    """Whoever has so many movements."""
    id_ = UUID(f"00000000-0000-7000-9009-{length:012x}")
    return Principal(id=id_, kind="resident", session_id=id_)


async def live(url: str, length: int) -> None:
    """A life of so many payments, as the function would have left it, at shops in turn; strewn over the tables, as
    lives among other people's are."""
    db = await asyncpg.connect(url, server_settings={"synchronous_commit": "off", "timezone": "UTC"})
    began_s = time.perf_counter()
    me = _account(length).id
    await db.execute(BIRTH, me, length)
    await db.execute(SHOPS_NOW)
    for first in range(0, length - 1, CHUNK):
        await db.execute(LIFE, first, min(first + CHUNK, length - 1) - 1, me, length, SHOPS, AMOUNT)
    await db.execute(CLOSING, length - 1, SHOPS, AMOUNT)
    await db.execute("DROP TABLE shop_now")
    await db.execute("VACUUM ANALYZE")
    await db.close()
    print(f"{length:,} movements after {time.perf_counter() - began_s:.0f} s")


# Version 1 is the money that the account lives on; payment n is version n + 2.
BIRTH = f"""
WITH person AS (
    INSERT INTO principal (id, kind, name) VALUES ($1, 'resident', 'Nguyễn Thị Sổ Cái')
), money AS (
    INSERT INTO transfer (id, kind, debit_account_id, credit_account_id, amount, made_at)
    SELECT $1, 'funding', id, $1, $2::bigint * {AMOUNT}, city_now() - interval '{YEARS} years 1 day'
    FROM account WHERE kind = 'guarantee'
), lent AS (
    UPDATE account SET posted = posted - $2::bigint * {AMOUNT}, version = version + 1 WHERE kind = 'guarantee'
    RETURNING id, posted, version
), wallet AS (
    INSERT INTO account (id, kind, posted, version) VALUES ($1, 'wallet', {AMOUNT}, $2)
)
INSERT INTO entry (account_id, version, transfer_id, amount, balance_after)
SELECT id, version, $1, -$2::bigint * {AMOUNT}, posted FROM lent
UNION ALL
SELECT $1, 1, $1, $2::bigint * {AMOUNT}, $2::bigint * {AMOUNT}
"""

SHOPS_NOW = f"""
CREATE TABLE shop_now AS
SELECT id, posted, version, row_number() OVER (ORDER BY id) - 1 AS number
FROM account WHERE left(id::text, 24) = '{MERCHANT}' ORDER BY id LIMIT {SHOPS}
"""

LIFE = f"""
WITH past AS MATERIALIZED (
    SELECT n, uuidv7() AS id, shop.id AS shop_id, shop.version + 1 + n / $5::int AS shop_version,
        shop.posted + $6::bigint * (1 + n / $5::int) AS shop_balance, ($4::bigint - 1 - n) * $6::bigint AS balance,
        city_now() - interval '{YEARS} years' * (1 - n::float8 / $4::bigint) AS made_at
    FROM generate_series($1::bigint, $2::bigint) AS n
    JOIN shop_now AS shop ON shop.number = n % $5::int
), transfers AS (
    INSERT INTO transfer (id, kind, debit_account_id, credit_account_id, amount, memo, made_at)
    SELECT id, 'merchant', $3, shop_id, $6, 'Cơm hến buổi sáng', made_at FROM past ORDER BY random()
), payments AS (
    INSERT INTO payment (id, payer_id, kind, status, amount, balance_after, payer_name, payee_name, payee_detail,
        memo, fingerprint, made_at)
    SELECT id, $3, 'merchant', 'paid', $6, balance, 'N*** T*** S*** Cái', 'Quán cơm hến Đập Đá', 'Quầy 1',
        'Cơm hến buổi sáng', '0123456789abcdef', made_at
    FROM past ORDER BY random()
)
INSERT INTO entry (account_id, version, transfer_id, amount, balance_after)
SELECT * FROM (
    SELECT $3, n + 2, id, -$6::bigint, balance FROM past
    UNION ALL
    SELECT shop_id, shop_version, id, $6::bigint, shop_balance FROM past
) AS sides ORDER BY random()
"""

CLOSING = """
UPDATE account SET version = account.version + times, posted = account.posted + $3::bigint * times
FROM shop_now CROSS JOIN LATERAL (SELECT ($1::bigint - 1 - number) / $2::int + 1 AS times) AS visits
WHERE account.id = shop_now.id AND number < $1::bigint
"""


async def sound(server: Postgres) -> None:
    """The ledger keeps every law, its made-up history included: so what is measured is a ledger."""
    db = await asyncpg.connect(server.url(DATABASE, "postgres"))
    broken = await db.fetch("SELECT law FROM ledger_check() WHERE broken > 0")
    await db.close()
    if broken:
        raise SystemExit(f"the ledger is broken: {broken[0]['law']}")


async def measure(server: Postgres, small: int, big: int, rounds: int) -> dict[str, object]:
    """Two lives, then the questions and the files."""
    for length in (small, big):
        await live(server.url(DATABASE, "postgres"), length)
    await sound(server)
    database = Database(server.url(DATABASE, APP_ROLE), 4)
    try:
        asked = await ask_both(database, small, big, rounds)
        made = await files(database, big)
    finally:
        await database.close()
    return {
        "python": platform.python_version(),
        "movements": [small, big],
        "pages": asked,
        "files": made,
        "ratios": {
            **{name: cost.ratio for name, cost in asked.items()},
            **{f"{form}_per_line": round(b.per_line_us / a.per_line_us, 2) for form, (a, b) in made.items()},
            **{f"{form}_grew_mb": b.grew_mb for form, (_, b) in made.items()},
        },
        "aim": AIM,
    }


def main() -> None:
    """Live, measure, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--small", type=int, default=1_000)
    options.add_argument("--big", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=50)
    options.add_argument("--data-dir", type=Path, default=Path("var/statement"))
    chosen = options.parse_args()
    with postgres(chosen.data_dir.resolve(), connections=20) as server:
        prepare_ours(server, residents=100, merchants=SHOPS, bills=1)
        result = asyncio.run(measure(server, chosen.small, chosen.big, chosen.rounds))
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
