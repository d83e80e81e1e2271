"""What a counter's questions cost in a city with 1,000,000 dossiers and 10,000,000 steps, beside the usual way.

`python -m bench.dossiers`: a new database with so many dossiers and events, inserted by SQL with their indexes there
and their triggers on; the tallies are what the clock's own `fold` made of the triggers' rows. Then, on one
connection, in turns, each beside the query that it replaces, on the same data; where both answer the same question,
the answers must be equal:

- look-up: how far a dossier is, by its code, as the product asks; beside reading it with its whole history, from
  which that is worked out.
- queue: a page of 50 of a desk's open dossiers, for somebody with 200 of 2,000 procedures, as the product asks;
  beside a join with the grants of each procedure, an exact total and an OFFSET. Both the first page.
- action: the product's lock, guarded update and event, beside reading and writing all of the dossier and reading its
  history first. Rolled back.
- statistics: a year by agency from the tallies, beside a GROUP BY over the dossiers. And ten years.

One line of JSON at the end."""

import argparse
import asyncio
import platform
import random
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import asyncpg
import msgspec
from uuid_utils.compat import uuid7

import migrations
from app.clock import city_today
from app.db import Connection, prepare_connection
from app.embedded import Postgres
from bench.postgres import make_database, postgres
from dossiers import look_ups, queues, steps
from dossiers.figures import statistics
from dossiers.figures.statistics import Asked

DATABASE, APP_ROLE = "dossiers", "huong_app"
PROCEDURES, AUTHORISED = 2_000, 200
CHUNK = 20_000
PAGE = 50
DESK = "counter-city/agency_officer"

Way = Callable[[], Awaitable[object]]


class Compared(msgspec.Struct):
    """Medians over the rounds, in ms."""

    ours_ms: float
    naive_ms: float
    ratio: float


async def compare(name: str, rounds: int, ours: Way, naive: Way, *, same: bool = True) -> Compared:
    """Both ways in turns, once warm; raises SystemExit if they should answer the same and do not."""
    waits: tuple[list[float], list[float]] = [], []
    for number in range(rounds + 1):
        answers: list[object] = []
        for way, took in zip((ours, naive), waits, strict=True):
            began_s = time.perf_counter()
            answers.append(await way())
            if number:
                took.append((time.perf_counter() - began_s) * 1000)
        if same and answers[0] != answers[1]:
            raise SystemExit(f"{name}: the two ways differ: {answers[0]!r:.300} and {answers[1]!r:.300}")
    one, other = median(waits[0]), median(waits[1])
    found = Compared(round(one, 3), round(other, 3), round(other / one, 1))
    print(f"{name:10} ours {one:9.3f} ms   naive {other:9.3f} ms   x {found.ratio}")
    return found


async def measure(db: Connection, rounds: int) -> dict[str, Compared]:
    """Every question, both ways."""
    chance = random.Random(1)
    codes = [row["code"] for row in await db.fetch(SOME_CODES)]
    officer = (await db.fetch(OFFICER))[0]["id"]
    at_work = [row["id"] for row in await db.fetch(AT_WORK)]
    code = chance.choice(codes)

    async def act(naive: bool) -> None:
        dossier_id = chance.choice(at_work)
        transaction = db.transaction()
        await transaction.start()
        try:
            if naive:
                await db.fetch(READ_DOSSIER, dossier_id)
                await db.fetch(READ_HISTORY, dossier_id)
                await db.execute(WRITE_DOSSIER, dossier_id)
                await db.execute(TELL, dossier_id, uuid7())
            else:
                await db.fetchrow(steps.sql.lock_dossier, dossier_id)
                await db.execute(
                    steps.sql.move_dossier, dossier_id, "working", "Đang xử lý", "In hand", 4, 50, "run", None,
                    "counter-city", "agency_officer", "Phòng", "Office", None, None,
                )  # fmt: skip
                await db.execute(
                    steps.sql.record_event, dossier_id, "advance", uuid7(), "working", "working", "Chuyển bước",
                    "Moved", 4, None, "staff", "counter-city", "Phòng", "Office", None, False, None, None,
                )  # fmt: skip
        finally:
            await transaction.rollback()

    today = city_today()
    year = Asked(today - timedelta(days=365), today)
    ten = Asked(today - timedelta(days=3_650), today)

    async def tallied(asked: Asked) -> object:
        counted = await statistics.counts(db, asked)
        numbers = {key: (one.received, one.resolved, one.on_time_first, one.on_time) for key, one in counted.items()}
        return {key: said for key, said in numbers.items() if any(said)}

    async def counted(from_on: date, to_on: date) -> object:
        rows = await db.fetch(GROUP_BY, from_on, to_on)
        return {row["key"]: tuple(row.values())[1:] for row in rows if any(tuple(row.values())[1:])}

    return {
        "look_up": await compare(
            "look_up", rounds * 10, lambda: db.fetch(look_ups.sql.known_dossier, code),
            lambda: db.fetch(WITH_HISTORY, code), same=False,
        ),
        "queue": await compare(
            "queue", rounds,
            lambda: _ids(db, queues.sql.dossiers_at_desks, [DESK], None, None, None, None, None, PAGE, "vi", officer),
            lambda: _ids(db, QUEUE_WITH_TOTAL, DESK, officer, PAGE),
        ),
        "action": await compare("action", rounds * 10, lambda: act(False), lambda: act(True), same=False),
        "statistics": await compare(
            "statistics", rounds, lambda: tallied(year), lambda: counted(year.from_on, year.to_on)
        ),
        "ten_years": await compare(
            "ten_years", rounds, lambda: tallied(ten), lambda: counted(ten.from_on, ten.to_on)
        ),
    }  # fmt: skip


async def _ids(db: Connection, statement: str, *asked: object) -> list[object]:
    return [row["id"] for row in await db.fetch(statement, *asked)]


async def prepare(server: Postgres, dossiers: int, events: int) -> None:
    """A migrated database with so many dossiers and events, its tallies folded."""
    await make_database(server, DATABASE, app_role=APP_ROLE)
    url = server.url(DATABASE, "postgres")
    await migrations.migrate(url, APP_ROLE, "sandbox")
    db = await asyncpg.connect(url, server_settings={"synchronous_commit": "off", "timezone": "UTC"})
    began_s = time.perf_counter()
    await db.execute("SELECT setseed(0.5)")
    await db.execute(PLANT_PROCEDURES, PROCEDURES)
    await db.execute(PLANT_OFFICER)
    await db.execute(PLANT_GRANTS)
    await db.execute(GRANT_PROCEDURES, AUTHORISED)
    await db.execute(THEIR_DESK)
    each = events // dossiers
    for first in range(0, dossiers, CHUNK):
        last = min(first + CHUNK, dossiers) - 1
        await db.execute(PLANT_DOSSIERS, first, last, dossiers, each)
    planted_s = time.perf_counter() - began_s
    while await db.fetchval("SELECT EXISTS (SELECT FROM dossier_tally_delta)"):
        await statistics.fold(db)
    folded_s = time.perf_counter() - began_s - planted_s
    await db.execute("VACUUM ANALYZE")
    tallies = await db.fetchval("SELECT count(*) FROM dossier_tally")
    print(f"{dossiers:,} dossiers, {each * dossiers:,} events after {planted_s:.0f} s,"
          f" folded in {folded_s:.0f} s: {tallies:,} tallies")  # fmt: skip
    await db.close()


PLANT_PROCEDURES = """
WITH made AS (
    INSERT INTO procedure (code, field_code, online_level, name_vi, name_en, published_version)
    SELECT '3.' || lpad(n::text, 6, '0'), (ARRAY['civil_status', 'land', 'business'])[1 + n % 3], 'full',
        'Thủ tục ' || n, 'Procedure ' || n, 1 FROM generate_series(1, $1::int) AS n RETURNING code
)
INSERT INTO procedure_version (procedure_code, version, definition, published_at)
SELECT code, 1, '{"online_level": "full", "papers": []}', city_now() FROM made
"""
PLANT_OFFICER = "INSERT INTO principal (id, kind, name) VALUES (gen_random_uuid(), 'staff', 'Bench')"
OFFICER = "SELECT id FROM principal WHERE name = 'Bench'"
# Naive: a row for each procedure that somebody may deal with, as systems with grants per case type have it.
PLANT_GRANTS = (
    "CREATE TABLE naive_grant (principal_id uuid, procedure_code text, PRIMARY KEY (principal_id, procedure_code))"
)
GRANT_PROCEDURES = """
INSERT INTO naive_grant SELECT principal.id, code FROM principal, (SELECT code FROM procedure WHERE code LIKE '3.%'
    ORDER BY code LIMIT $1) AS procedure WHERE principal.name = 'Bench'
"""
THEIR_DESK = """
INSERT INTO dossier_desk (principal_id, agency_code, procedures)
SELECT principal_id, 'counter-city', array_agg(procedure_code) FROM naive_grant GROUP BY principal_id
"""

# Ten years; one of twenty is still open. As many steps for each.
PLANT_DOSSIERS = """
WITH made AS (
    INSERT INTO dossier (id, code, pin, procedure_code, procedure_version, procedure_vi, procedure_en, case_code,
        field_code, channel, agency_code, level, applicant_kind, applicant_name, deliver_by, state, national_status,
        clock, outcome,
        desk_agency, desk_role, version, submitted_at, accepted_at, started_at, first_due_at, due_at,
        statutory_due_at, finished_at, ended_at)
    SELECT gen_random_uuid(), 'H57.01-' || to_char(made_at, 'YYMMDD') || '-' || lpad(n::text, 7, '0'), '1234',
        procedure, 1,
        'Đăng ký', 'A registration', 'usual', (ARRAY['civil_status', 'land', 'business'])[1 + kind % 3],
        (ARRAY['counter', 'online', 'online', 'post'])[1 + n % 4], agency_code, level, 'person', 'Người nộp ' || n,
        'electronic', CASE WHEN is_over THEN 'returned' ELSE 'working' END, 4,
        CASE WHEN is_over THEN 'stop' ELSE 'run' END, CASE WHEN is_over THEN 'done' END, agency_code,
        'agency_officer', $4::int, made_at, made_at, made_at, made_at + interval '5 days',
        made_at + interval '5 days',
        made_at + interval '9 days', CASE WHEN is_over THEN made_at + worked END,
        CASE WHEN is_over THEN made_at + worked END
    FROM (
        SELECT n, kind, '3.' || lpad(kind::text, 6, '0') AS procedure, chance >= 0.05 AS is_over,
            city_now() - interval '10 years' * (1 - n::float8 / $3::bigint) AS made_at,
            interval '1 hour' * (20 + 120 * chance) AS worked, greatest(agency - 8, 0) AS agency
        FROM (SELECT n, random() AS chance, 1 + floor(random() * 2000)::int AS kind,
            floor(random() * 48)::int AS agency FROM generate_series($1::bigint, $2::bigint) AS n) AS drawn
    ) AS told
    JOIN (
        SELECT row_number() OVER (ORDER BY level, agency_code) - 1 AS agency, agency_code, level FROM dossier_agency
        WHERE receives AND valid_to_on IS NULL
    ) AS at USING (agency)
    RETURNING id, accepted_at
)
INSERT INTO dossier_event (dossier_id, version, action, from_state, to_state, name_vi, name_en, by,
    note_for_applicant, made_at)
SELECT id, step, 'advance', 'working', 'working', 'Chuyển bước', 'Moved', 'staff', true,
    accepted_at + step * interval '1 hour'
FROM made, generate_series(1, $4::int) AS step
"""

SOME_CODES = "SELECT code FROM dossier WHERE code IS NOT NULL ORDER BY md5(id::text) LIMIT 100"
AT_WORK = "SELECT id FROM dossier WHERE is_open ORDER BY md5(id::text) LIMIT 500"
WITH_HISTORY = """
SELECT dossier.*, count(*) OVER () AS done, event.* FROM dossier JOIN dossier_event AS event ON dossier_id = id
WHERE code = $1 ORDER BY event.version
"""
QUEUE_WITH_TOTAL = """
SELECT dossier.id, turn_at, count(*) OVER () AS total FROM dossier
JOIN naive_grant AS its ON its.procedure_code = dossier.procedure_code AND its.principal_id = $2
WHERE desk = $1 AND is_open ORDER BY turn_at, id LIMIT $3 OFFSET 0
"""
READ_DOSSIER = "SELECT * FROM dossier WHERE id = $1 FOR UPDATE"
READ_HISTORY = "SELECT * FROM dossier_event WHERE dossier_id = $1 ORDER BY version"
WRITE_DOSSIER = """
UPDATE dossier SET (code, state, national_status, percent, clock, desk_agency, desk_role, form, due_at, updated_at,
    version) = (code, state, national_status, percent, clock, desk_agency, desk_role, form, due_at, city_now(),
    version + 1)
WHERE id = $1
"""
TELL = """
INSERT INTO dossier_event (dossier_id, version, action, action_id, from_state, to_state, name_vi, name_en, by,
    note_for_applicant)
SELECT $1, version, 'advance', $2, 'working', 'working', 'Chuyển bước', 'Moved', 'staff', true FROM dossier
WHERE id = $1
"""
GROUP_BY = """
SELECT agency_code AS key, count(*) FILTER (WHERE submitted_at >= begins_at AND submitted_at < ends_at) AS received,
    count(*) FILTER (WHERE finished_at >= begins_at AND finished_at < ends_at) AS resolved,
    count(*) FILTER (WHERE finished_at >= begins_at AND finished_at < ends_at
        AND finished_at <= first_due_at) AS first,
    count(*) FILTER (WHERE finished_at >= begins_at AND finished_at < ends_at AND finished_at <= due_at) AS second
FROM dossier, (SELECT $1::date::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh' AS begins_at,
    ($2::date + 1)::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh' AS ends_at) AS span
GROUP BY agency_code
"""


async def run(server: Postgres, dossiers: int, events: int, rounds: int) -> dict[str, object]:
    """Fill, then ask."""
    await prepare(server, dossiers, events)
    db = await asyncpg.connect(server.url(DATABASE, "postgres"), server_settings={"jit": "off", "timezone": "UTC"})
    await prepare_connection(db)
    found = await measure(db, rounds)
    await db.close()
    return {"python": platform.python_version(), "dossiers": dossiers, "events": events, **found}


def main() -> None:
    """Fill, measure, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--dossiers", type=int, default=1_000_000)
    options.add_argument("--events", type=int, default=10_000_000)
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--data-dir", type=Path, default=Path("var/dossiers"))
    chosen = options.parse_args()
    with postgres(chosen.data_dir.resolve(), connections=20) as server:
        result = asyncio.run(run(server, chosen.dossiers, chosen.events, chosen.rounds))
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
