"""A flood of reports with photographs: phones that send again what was not answered, over sockets of their own.

`python -m tests.feedback.flood` is all of them, in a process of its own: a `Flood` comes in as JSON, an `Ebb` goes
out. A phone makes its ids, sends a picture, then files the report. Some requests go out twice at once; some
connections are cut, while the bytes go out or before the answer. 429, 503, a cut and a picture that is still being
made are reasons to wait and send the same again; anything else is a fault. Each resident comes from an address of
their own, as a trusted proxy would say."""

import asyncio
import io
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
from PIL import Image

from app.db import Connection, Database, queries_beside
from app.uploads import incoming, storage, sweeping
from feedback import map as report_map
from feedback.open_models import MapCluster
from tests.app.uploads.files import exif
from tests.feedback.makers import TRANG_TIEN
from tests.makers import a_resident, a_staff_member

sql = queries_beside(__file__)

CATEGORIES = ("drainage", "waste", "pothole", "parking")
"""The last one keeps originals."""
REPORTS_EACH = 8
"""Fewer than the ten an hour that one account may file."""
TWICE, CUT = 0.15, 0.15
TRIES = 40
ANSWER_WITHIN_S = 60
CITY_BOX = "107.0,15.9,108.3,16.8"
HEAD = b"\r\n\r\n"


class Phone(msgspec.Struct):
    """Somebody's: what every request of theirs says, and how many reports they file."""

    headers: dict[str, str]
    reports: int = 0


class Flood(msgspec.Struct):
    """So many phones of residents, `at_once` of them sending pictures so many pixels wide; then operators verify
    everything."""

    port: int
    residents: list[Phone]
    operators: list[Phone]
    at_once: int
    width: int = 1280
    seed: int = 1


class Filed(msgspec.Struct):
    """A report as its phone knows it."""

    id: UUID
    upload_id: UUID
    code: str
    category: str


class Ebb(msgspec.Struct):
    """What came of it. `faults` must be empty; `waits_s`: from the first byte of a picture to the report's code."""

    filed: list[Filed] = []
    faults: list[str] = []
    answers: dict[str, int] = {}
    lasted_s: float = 0
    verified_s: float = 0
    waits_s: list[float] = []


class Answer(msgspec.Struct):
    status: int
    retry_after_s: float
    body: bytes


class Fault(Exception):
    """An answer that no phone should get."""


# The phones' process


class Crowd:
    """All phones, and what they were answered."""

    def __init__(self, flood: Flood) -> None:
        self.flood = flood
        self.ebb = Ebb()
        self.answers: Counter[str] = Counter()
        self.chance = random.Random(flood.seed)
        self.pictures = [a_picture(number, flood.width) for number in range(16)]

    async def run(self) -> Ebb:
        began_s = time.monotonic()
        await self._each(self.flood.residents, self._file_all)
        self.ebb.lasted_s = time.monotonic() - began_s
        began_s = time.monotonic()
        shares = [self.ebb.filed[number :: len(self.flood.operators)] for number in range(len(self.flood.operators))]
        async with asyncio.TaskGroup() as group:
            for operator, share in zip(self.flood.operators, shares, strict=True):
                group.create_task(self._verify_all(operator, share))
        self.ebb.verified_s = time.monotonic() - began_s
        self.ebb.answers = dict(self.answers)
        return self.ebb

    async def _each(self, phones: list[Phone], work: Callable[[Phone], Awaitable[None]]) -> None:
        room = asyncio.Semaphore(self.flood.at_once)

        async def one(phone: Phone) -> None:
            async with room:
                await work(phone)

        async with asyncio.TaskGroup() as group:
            for phone in phones:
                group.create_task(one(phone))

    async def _file_all(self, phone: Phone) -> None:
        for _ in range(phone.reports):
            try:
                await self._file(phone)
            except Fault as fault:
                self.ebb.faults.append(str(fault))

    async def _file(self, phone: Phone) -> None:
        upload_id, report_id, category = uuid4(), uuid4(), self.chance.choice(CATEGORIES)
        began_s = time.monotonic()
        picture = distinct(self.chance.choice(self.pictures), upload_id)
        await self._until_taken(phone, "picture", f"/v1/uploads/{upload_id}?purpose=photo", picture)
        lat, lng = TRANG_TIEN
        said = {
            "category": category, "text": f"Nước ngập trước số {report_id.int % 900}, chưa rút. {report_id}",
            "lat": lat + self.chance.uniform(-0.02, 0.02), "lng": lng + self.chance.uniform(-0.02, 0.02),
            "uploads": [upload_id],
        }  # fmt: skip
        filed = await self._until_taken(
            phone, "report", f"/v1/feedback/reports/{report_id}", msgspec.json.encode(said)
        )
        self.ebb.waits_s.append(time.monotonic() - began_s)
        self.ebb.filed.append(Filed(report_id, upload_id, msgspec.json.decode(filed)["code"], category))

    async def _verify_all(self, operator: Phone, filed: list[Filed]) -> None:
        for report in filed:
            path = f"/v1/staff/reports/{report.id}/verification"
            try:
                await self._until_taken(operator, "verification", path, b'{"version": 1, "accepted": true}')
            except Fault as fault:
                self.ebb.faults.append(str(fault))

    async def _until_taken(self, phone: Phone, what: str, path: str, body: bytes) -> bytes:
        """PUT, with this phone's luck the first time, until it is taken; raises Fault."""
        request = put(path, phone.headers, body)
        made = 0
        for number in range(TRIES):
            answers = await self._sent(request, self.chance.random() if number == 0 else 1)
            for answer in answers:
                self.answers[f"{what} {answer.status}"] += 1
                made += answer.status == 201
            bad = [one for one in answers if one.status not in {0, 200, 201, 429, 503}]
            if bad or made > 1:
                raise Fault(f"{path}: made {made} times; {[(one.status, one.body[:300]) for one in answers]}")
            for answer in answers:
                if answer.status in {200, 201} and msgspec.json.decode(answer.body).get("status") != "processing":
                    return answer.body
            wait_s = max((answer.retry_after_s for answer in answers), default=0) or 0.2
            await asyncio.sleep(wait_s * self.chance.uniform(0.5, 1.5))
        raise Fault(f"{path}: not taken after {TRIES} times")

    async def _sent(self, request: bytes, luck: float) -> list[Answer]:
        if luck < TWICE:
            return list(await asyncio.gather(*(exchange(self.flood.port, request) for _ in range(2))))
        if luck < TWICE + CUT:
            where = self.chance.choice([len(request), self.chance.randrange(len(request))])
            await cut(self.flood.port, request, where, self.chance.choice([0, 0.02, 0.2]))
            return []
        return [await exchange(self.flood.port, request)]


def put(path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """The request's bytes."""
    kind = "application/octet-stream" if path.startswith("/v1/uploads/") else "application/json"
    lines = [f"PUT {path} HTTP/1.1", "host: huong.test", "connection: close", f"content-type: {kind}"]
    lines += [f"content-length: {len(body)}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + HEAD + body


async def exchange(port: int, request: bytes) -> Answer:
    """One request on a connection of its own; status 0: it broke."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(request)
                return understood(await reader.read(-1))
            finally:
                writer.transport.abort()
    except (OSError, TimeoutError):
        return Answer(0, 0.5, b"")


def understood(raw: bytes) -> Answer:
    head, _, body = raw.partition(HEAD)
    if not head:
        return Answer(0, 0.5, b"")
    said = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    return Answer(int(head[9:12]), float(said.get(b"retry-after", b"0")), body)


async def cut(port: int, request: bytes, where: int, after_s: float) -> None:
    """So many bytes go out; a while later the connection is gone, and nobody has read an answer."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request[:where])
        await writer.drain()
        await asyncio.sleep(after_s)
        writer.transport.abort()
    except OSError:
        return


def a_picture(number: int, width: int) -> bytes:
    """A small photograph, as a messenger would make it of a larger one; 1280 pixels wide it has some 250 kB."""
    scene = Image.effect_mandelbrot((width, width * 3 // 4), (-2.0 + number / 16, -1.5, 1.0, 1.5), 60)
    bands = [Image.blend(scene, Image.effect_noise(scene.size, 90), 0.25) for _ in range(3)]
    written = io.BytesIO()
    Image.merge("RGB", bands).save(written, "JPEG", quality=80, exif=exif(1 + number % 8))
    return written.getvalue()


def distinct(picture: bytes, upload_id: UUID) -> bytes:
    """The same with a comment (ITU-T T.81, B.2.4.5), so that no two have the same bytes."""
    comment = upload_id.bytes
    return picture[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + picture[2:]


# Before and after


async def plant(db: Connection, reports: int) -> tuple[list[Phone], list[Phone]]:
    """Residents enough for so many reports within the limits, and operators."""
    residents: list[Phone] = []
    for number in range(-(-reports // REPORTS_EACH)):
        resident = await a_resident(db, with_pin=False, unlocked=False)
        address = f"113.160.{number // 250}.{1 + number % 250}"
        theirs = min(REPORTS_EACH, reports - number * REPORTS_EACH)
        residents.append(Phone({**resident.headers, "x-forwarded-for": address}, theirs))
    operators = [await a_staff_member(db, role="operator", agency="ioc") for _ in range(4)]
    return residents, [Phone(operator.headers) for operator in operators]


async def let_loose(flood: Flood) -> Ebb:
    """In a process of its own."""
    phones = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.feedback.flood", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await phones.communicate(msgspec.json.encode(flood))
    return msgspec.json.decode(said, type=Ebb)


async def faults(database: Database, ebb: Ebb) -> list[str]:
    """What of it is lost, there twice, or nobody's. An empty list is a city that has lost nothing."""
    found = list(ebb.faults)
    filed = {report.id: report for report in ebb.filed}
    async with database.acquire() as db:
        rows = await db.fetch(sql.flood_reports)
        found += [f"report {row['id']} was never filed" for row in rows if row["id"] not in filed]
        found += [f"report {one} is lost" for one in filed.keys() - {row["id"] for row in rows}]
        if len({report.code for report in ebb.filed}) < len(ebb.filed):
            found.append("two reports have the same code")
        for row in rows:
            report = filed.get(row["id"])
            whole = report and (row["code"], row["category"], list(row["uploads"]), row["pictures"]) == (
                report.code, report.category, [report.upload_id], ["large", "small"],
            )  # fmt: skip
            if not whole or row["steps"] != ["filed", "verified"] or row["told"] != 1:
                found.append(f"{dict(row)} is not {report}")
        if nobodys := await db.fetchval(sql.flood_nobodys):
            found.append(f"{nobodys} uploads are nobody's")
        found += await _map_faults(db, ebb)
    return found + await _storage_faults(database, ebb)


async def _map_faults(db: Connection, ebb: Ebb) -> list[str]:
    """The map's totals, before the clock has counted and after it."""
    found: list[str] = []
    for when in ("uncounted", "counted"):
        for category in (None, *CATEGORIES):
            shown = (await report_map.show(db, CITY_BOX, 12, category, None)).features
            total = sum(one.properties.count for one in shown if isinstance(one.properties, MapCluster))
            ours = sum(category in {None, report.category} for report in ebb.filed)
            if total != ours:
                found.append(f"{when}, the map shows {total} of {category or 'all'}, {ours} were filed")
        await report_map.fold(db)
    if await db.fetchval(sql.flood_uncounted):
        found.append("the clock has not counted everything")
    return found


async def _storage_faults(database: Database, ebb: Ebb) -> list[str]:
    """Everything that is written down is there, nothing else is, and nothing is on its way any more."""
    await sweeping.finish_uploads(database)
    async with database.acquire() as db:
        await db.execute(sql.flood_long_ago)
    await sweeping.sweep_stored_objects(database)
    await sweeping.sweep_incoming(database)
    async with database.acquire() as db:
        known = {row["key"] for row in await db.fetch(sql.flood_objects)}
    folder = storage.folder()
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    kept = sum(report.category == "parking" for report in ebb.filed)
    found = [f"{name} is left on its way" for name in incoming.names()]
    found += [f"{key} is nobody's" for key in sorted(there - known)]
    found += [f"{key} is lost" for key in sorted(known - there)]
    if len(known) != 2 * len(ebb.filed) + kept:
        found.append(f"{len(known)} objects for {len(ebb.filed)} reports of which {kept} keep their originals")
    return found + [f"{key} is empty" for key in sorted(there) if not Path(folder / key).stat().st_size]


def main() -> None:
    """Read, run, tell."""
    flood = msgspec.json.decode(sys.stdin.buffer.read(), type=Flood)
    ebb = asyncio.run(Crowd(flood).run())
    sys.stdout.buffer.write(msgspec.json.encode(ebb))


if __name__ == "__main__":
    main()
