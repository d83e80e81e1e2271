"""What a full page of Open311 costs, 1,000 reports, as JSON and as XML: written only, and asked of the city.

`python -m bench.open311`: a city of 20,000 public reports, each with a picture, over ninety days. Rounds of both
formats in turn, medians over the rounds. `written`: the answer from the rows, no database; `asked`: the whole request
through the app, in this process, no network. The aim beside the ratio is a target. One line of JSON at the end."""

import argparse
import asyncio
import os
import platform
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from xml.etree import ElementTree

import asyncpg
import httpx
import msgspec

import migrations
from app import config
from app.db import Database
from app.embedded import Postgres
from app.main import create_app
from app.observe import start_logging
from bench.postgres import postgres
from feedback.open311 import formats, requests
from feedback.open311.asked import Asked
from feedback.open311.formats import Format

DATABASE = "open311"
REPORTS = 20_000
PAGE = 1000
AIM = "≤ 2"
FORMATS: tuple[Format, Format] = ("json", "xml")


class Cost(msgspec.Struct):
    """A page in each format, in ms, and how many times as long XML takes; the answers' sizes in kB."""

    json_ms: float
    xml_ms: float
    ratio: float
    json_kb: float
    xml_kb: float


async def compare(rounds: int, make: Callable[[Format], Awaitable[bytes]]) -> Cost:
    """Both formats in turn; the first three rounds warm everything up."""
    took: dict[Format, list[float]] = {"json": [], "xml": []}
    sizes: dict[Format, float] = {}
    for number in range(rounds + 3):
        for format_ in FORMATS:
            began_s = time.perf_counter()
            body = await make(format_)
            if number >= 3:
                took[format_].append((time.perf_counter() - began_s) * 1000)
            sizes[format_] = len(body) / 1000
    json_ms, xml_ms = (statistics.median(took[format_]) for format_ in FORMATS)
    return Cost(round(json_ms, 2), round(xml_ms, 2), round(xml_ms / json_ms, 2), sizes["json"], sizes["xml"])


async def measure(url: str, rounds: int) -> dict[str, Cost]:
    """The page written, and the page asked for; raises SystemExit for a wrong answer."""
    os.environ |= {"HUONG_MODE": "sandbox", "DATABASE_URL": url, "HUONG_STRANGER_RATE_PER_MINUTE": "1000000000"}
    start_logging("critical")
    database = Database(url, 4)
    async with database.acquire() as db:
        rows = await requests.search(db, Asked([]))

    async def written(format_: Format) -> bytes:
        return formats.write(format_, "service_requests", rows)

    app = create_app(config.settings(), database)
    transport = httpx.ASGITransport(app=app)  # pyright: ignore[reportArgumentType]
    async with httpx.AsyncClient(transport=transport, base_url="http://huong.bench") as client:

        async def asked(format_: Format) -> bytes:
            answer = await client.get(f"/open311/v2/requests.{format_}")
            if answer.status_code != 200:
                raise SystemExit(answer.text)
            return answer.content

        _check(msgspec.json.decode(await asked("json")), await asked("xml"))
        costs = {"written": await compare(rounds * 5, written), "asked": await compare(rounds, asked)}
    await database.close()
    return costs


def _check(listed: list[dict[str, object]], xml: bytes) -> None:
    """Both say the same."""
    root = ElementTree.fromstring(xml)
    if not len(listed) == len(root) == PAGE:
        raise SystemExit(f"{len(listed)} and {len(root)} reports instead of {PAGE}")
    for one, other in zip(listed, root, strict=True):
        if {name: None if value is None else str(value) for name, value in one.items()} != {
            inner.tag: inner.text for inner in other
        }:
            raise SystemExit(f"{one} is {ElementTree.tostring(other)!r} in XML")


async def prepare(server: Postgres) -> str:
    """A migrated database with its reports; the app role's address."""
    owner_url = migrations.elsewhere(server.owner_url, DATABASE, migrations.OWNER_ROLE)
    await migrations.make_database(server.owner_url, DATABASE)
    await migrations.migrate(owner_url, migrations.APP_ROLE, "sandbox")
    db = await asyncpg.connect(owner_url)
    await db.execute(LIFE, REPORTS)
    await db.execute("VACUUM ANALYZE")
    await db.close()
    return migrations.elsewhere(server.owner_url, DATABASE, migrations.APP_ROLE)


LIFE = """
WITH person AS (
    INSERT INTO principal (id, kind, name) VALUES (uuidv7(), 'resident', 'Nguyễn Thị Phản Ánh') RETURNING id
), past AS MATERIALIZED (
    SELECT number, uuidv7() AS id, uuidv7() AS upload_id, (SELECT id FROM person) AS person_id,
        category.codes[1 + number % 18] AS category_code,
        city_now() - interval '89 days' * (number::float8 / $1::int) AS made_at,
        left(repeat('Mặt đường lún trước số ' || number || ' đường Lê Lợi & Hùng Vương, xe máy dễ ngã <khi mưa>. ',
            1 + number % 4), 400) AS said,
        16.4 + number % 997 * 1e-4 AS lat, 107.5 + number % 991 * 1e-4 AS lng, number || ' Lê Lợi' AS address,
        CASE WHEN number % 3 = 0 THEN 'resolved' ELSE 'assigned' END AS status,
        CASE WHEN number % 3 = 0 THEN 'Đã vá mặt đường và kiểm tra lại.' END AS answer
    FROM generate_series(1, $1::int) AS number CROSS JOIN (
        SELECT array_agg(code ORDER BY position) AS codes FROM report_category WHERE NOT confidential) AS category
), reports AS (
    INSERT INTO report (id, code, channel, reporter_id, filed_by, category_code, said, lat, lng, address, ward_code,
        ward_approximate, private, confidential, share_name, urgent, status, agency_code, answer, resolved_at,
        public_said, public_answer, public_lat, public_lng, public_address, first_due_at, due_at, warn_at, made_at,
        updated_at)
    SELECT id, 'PA' || lpad(number::text, 8, '0'), 'app', person_id, person_id, category_code, said, lat, lng,
        address, '19777', true, false, false, false, false, status, 'construction', answer,
        CASE WHEN answer IS NOT NULL THEN made_at END, said, answer, lat, lng, address, made_at, made_at, made_at,
        made_at, made_at
    FROM past
), uploads AS (
    INSERT INTO upload (id, owner_id, purpose, way, status, media_type, size, sha256, holder, holder_id, claimed_at)
    SELECT upload_id, person_id, 'photo', 'whole', 'ready', 'image/jpeg', 1000, sha256(id::text::bytea), 'report', id,
        made_at
    FROM past
), pictures AS (
    INSERT INTO rendition (name, upload_id, size, redacted, media_type, width, height)
    SELECT left(size || translate(upload_id::text, '-', ''), 32), upload_id, size, true, 'image/jpeg', 1600, 1200
    FROM (SELECT upload_id FROM past) AS these CROSS JOIN unnest(ARRAY['large', 'small']) AS size
)
INSERT INTO report_upload (report_id, upload_id, part, position, version)
SELECT id, upload_id, 'filed', 1, 1 FROM past
"""


def main() -> None:
    """Prepare, measure, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--data-dir", type=Path, default=Path("var/bench-open311").resolve())
    options = parser.parse_args()
    options.data_dir.parent.mkdir(parents=True, exist_ok=True)
    with postgres(options.data_dir, connections=50) as server:
        url = asyncio.run(prepare(server))
        costs = asyncio.run(measure(url, options.rounds))
    for name, cost in costs.items():
        print(f"{name:8} JSON {cost.json_ms:7.2f} ms, XML {cost.xml_ms:7.2f} ms: x {cost.ratio} (aim {AIM})")
    told = {"bench": "open311", "python": platform.python_version(), "reports": PAGE, "aim": AIM, **costs}
    print(msgspec.json.encode(told).decode())


if __name__ == "__main__":
    main()
