"""The audit's chain: each row is hashed onto the one before, so that one that was changed, dropped or swapped shows.

The worker links what has been committed, in the order in which it is seen: the order of the chain is the order of its
links, not of the rows' ids. What the chain cannot show by itself is that its tail was removed, or that all of it was
made anew: for that its head is written elsewhere (the log, every hour) and held against it.

hash = SHA-256(hash before ‖ row), the first onto 32 zero bytes; row = the JSON array [id, made_at, actor_id,
actor_kind, action, subject, data] in UTF-8, without spaces, keys sorted by code point, numbers as PostgreSQL writes
them, `made_at` as 2026-11-23T07:00:00.000000Z."""

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from itertools import combinations
from math import inf, isfinite
from typing import Any
from uuid import UUID

import msgspec
import structlog

from app.db import Connection, Database, many, maybe, one, queries_beside
from app.observe import AUDIT_BROKEN, AUDIT_CHECKED, AUDIT_HEAD, AUDIT_WAITING

sql = queries_beside(__file__)
log = structlog.get_logger()

GENESIS = bytes(32)
BATCH = 2000
MOST_FINDINGS = 1000
MOST_COMPARED = 60
"""Among so many broken positions it is looked whether two were swapped."""
LATE_S = 2 * 3600
"""No honest transaction is open for longer: a row that comes later than that was put there afterwards."""
STRETCH = 200_000
"""How many links the daily check reads of what was checked before; all come round in time."""
NEWEST = 500_000
EVERYTHING = 2**63 - 1

_read_json = msgspec.json.Decoder(float_hook=Decimal)
_write_json = msgspec.json.Encoder(order="sorted", decimal_format="number")


class Row(msgspec.Struct, frozen=True):
    """A row of the audit, as it is hashed; `data` is JSON text."""

    id: int
    made_at: str | None
    actor_id: UUID | None
    actor_kind: str
    action: str
    subject: str | None
    data: str


class Head(msgspec.Struct, frozen=True):
    """The newest link of the chain; position 0: there is none yet."""

    position: int = 0
    hash: bytes = GENESIS

    def __str__(self) -> str:
        return f"{self.position}:{self.hash.hex()}"


class Finding(msgspec.Struct):
    """What is wrong with the chain, and where."""

    position: int | None
    what: str

    def __str__(self) -> str:
        return self.what if self.position is None else f"position {self.position}: {self.what}"


class Report(msgspec.Struct):
    """What a check of the chain found; no findings: it holds."""

    findings: list[Finding] = []
    links: int = 0
    lowest_id: int = EVERYTHING
    highest_id: int = 0


class _Link(msgspec.Struct, frozen=True):
    position: int
    audit_id: int
    hash: bytes
    made_s: float | None
    linked_s: float
    row: Row | None


class _Checked(msgspec.Struct, frozen=True):
    next_position: int
    head_position: int
    head_hash: bytes
    broken: int
    checked_at: datetime


# Linking


async def link(database: Database) -> int:
    """Link the rows that wait, at most BATCH of them; returns how many. While another worker is at it, none.

    All of it is one transaction: a worker that is killed leaves its rows waiting."""
    async with database.transaction() as db:
        if not await db.fetchval(sql.take_chain):
            return 0
        rows = await many(Row, db, sql.take_waiting, BATCH)
        if rows:
            head = await head_of(db)
            await db.execute(sql.add_links, head.position, [row.id for row in rows], _chained(head.hash, rows))
        return len(rows)


def _chained(before: bytes, rows: list[Row]) -> list[bytes]:
    hashes: list[bytes] = []
    for row in rows:
        before = _hash(before, canonical(row))
        hashes.append(before)
    return hashes


def canonical(row: Row, *, row_id: int | None = None) -> bytes:
    """The bytes of a row, always the same; `row_id`: as they would be under that id."""
    data: Any
    try:
        data = _read_json.decode(row.data)
    except (ValueError, RecursionError):  # such a number, such a depth: nobody's, and it must not stop the chain
        data = row.data
    fields = (row.made_at, row.actor_id, row.actor_kind, row.action, row.subject, data)
    return _write_json.encode([row.id if row_id is None else row_id, *fields])


def _hash(before: bytes, row: bytes) -> bytes:
    return sha256(before + row).digest()


async def head_of(db: Connection) -> Head:
    """The newest link."""
    return await maybe(Head, db, sql.audit_head) or Head()


async def write_head(db: Connection) -> None:
    """Say in the log where the chain ends: whoever keeps the log can prove later what was there."""
    head = await head_of(db)
    log.info("audit head", position=head.position, hash=head.hash.hex())


# Checking


async def verify(db: Connection, *, start: int = 1, stop: int = EVERYTHING, kept: Head | None = None) -> Report:
    """Hold the links from position `start` to before `stop` against their rows, and against a head that was kept
    elsewhere. A cursor reads them, so `db` must be in a transaction; memory does not grow with the chain."""
    reading = _Reading(start, await db.fetchval(sql.link_hash, start - 1) if start > 1 else GENESIS)
    async for found in _links(db, start, stop):
        reading.see(found)
    report = reading.end()
    await _look_for_strays(db, report, start, stop)
    if kept is not None:
        await _hold_against(db, report, kept)
    return report


async def _links(db: Connection, start: int, stop: int) -> AsyncIterator[_Link]:
    cursor = await db.cursor(sql.links_with_rows, start, stop)
    while records := await cursor.fetch(BATCH):
        for record in records:
            row = None if record["id"] is None else msgspec.convert(record, Row)
            yield _Link(
                position=record["position"],
                audit_id=record["audit_id"],
                hash=record["hash"],
                made_s=record["made_s"],
                linked_s=record["linked_s"],
                row=row,
            )


class _Broken(msgspec.Struct):
    """A position whose hash is not what its row gives, with what is needed to say why."""

    finding: Finding
    before: bytes
    row: Row
    hash: bytes


class _Reading:
    """Goes along the chain. After a broken link it goes on from what is written there, so that one wound is one
    finding and not all that follows it."""

    def __init__(self, start: int, before: bytes | None) -> None:
        self.report = Report()
        self.expected = start
        self.before = before
        self.before_that: bytes | None = None
        self.last: _Broken | None = None
        self.broken: dict[int, _Broken] = {}
        self.latest_made_s = self.batch_s = self.batch_before_s = -inf
        if before is None:
            self._note(start - 1, "the link before the first that was to be checked is missing")

    def see(self, found: _Link) -> None:
        """Check the next link."""
        if found.position > self.expected:
            gone = f"{self.expected} to {found.position - 1}" if found.position > self.expected + 1 else "one link"
            self._note(self.expected, f"the chain has a gap: {gone} missing")
            self.before = self.before_that = None
        self.last, last = None, self.last
        if found.row is None:
            self._note(found.position, f"audit row {found.audit_id} is gone")
        elif self.before is not None:
            self._check_hash(found, found.row, self.before, last)
        self._check_age(found)
        self.report.links += 1
        self.report.lowest_id = min(self.report.lowest_id, found.audit_id)
        self.report.highest_id = max(self.report.highest_id, found.audit_id)
        self.before_that, self.before = self.before, found.hash
        self.expected = found.position + 1

    def _check_hash(self, found: _Link, row: Row, before: bytes, last: _Broken | None) -> None:
        bytes_ = canonical(row)
        if _hash(before, bytes_) == found.hash:
            return
        if last is not None and _hash(_hash(last.before, canonical(last.row)), bytes_) == found.hash:
            last.finding.what = f"the hash of the link of audit row {last.row.id} was changed"
            return
        if last is None and self.before_that is not None and _hash(self.before_that, bytes_) == found.hash:
            self._note(found.position - 1, "a link was inserted here that was not written by the chain")
            return
        finding = self._note(
            found.position, f"audit row {row.id} or its link was changed, or what stood before it was removed"
        )
        self.last = self.broken[found.position] = _Broken(finding, before, row, found.hash)

    def _check_age(self, found: _Link) -> None:
        """Older than rows before it, although the chain was being written all the while: it was not there then."""
        if found.linked_s != self.batch_s:
            self.batch_before_s, self.batch_s = self.batch_s, found.linked_s
        if found.made_s is None or not isfinite(found.made_s):
            return
        if found.made_s < min(self.batch_before_s, self.latest_made_s) - LATE_S:
            self._note(found.position, f"audit row {found.audit_id} was put there later than it says")
        self.latest_made_s = max(self.latest_made_s, found.made_s)

    def _note(self, position: int | None, what: str) -> Finding:
        finding = Finding(position, what)
        if len(self.report.findings) < MOST_FINDINGS:
            self.report.findings.append(finding)
        return finding

    def end(self) -> Report:
        """What was found; two that took each other's place are one finding."""
        for (here, first), (there, second) in combinations(list(self.broken.items())[:MOST_COMPARED], 2):
            if _are_swapped(first, second):
                first.finding.what = f"audit rows {first.row.id} and {second.row.id} were swapped"
                first.finding.what += f" (positions {here} and {there})"
                self._forget(second)
                self._forget_followers({here: second.hash, there: first.hash})
        return self.report

    def _forget(self, broken: _Broken) -> None:
        self.report.findings = [finding for finding in self.report.findings if finding is not broken.finding]

    def _forget_followers(self, true_hashes: dict[int, bytes]) -> None:
        """What came after a swapped link follows from the hash that belongs there."""
        for position, true_hash in true_hashes.items():
            follower = self.broken.get(position + 1)
            if follower is not None and _hash(true_hash, canonical(follower.row)) == follower.hash:
                self._forget(follower)


def _are_swapped(first: _Broken, second: _Broken) -> bool:
    """Did the second row, as itself or with the first one's id, stand where the first one stands?"""
    as_itself = _hash(first.before, canonical(second.row))
    under_its_id = _hash(first.before, canonical(second.row, row_id=first.row.id))
    return as_itself in {first.hash, second.hash} or under_its_id == first.hash


async def _look_for_strays(db: Connection, report: Report, start: int, stop: int) -> None:
    """Rows that are in no link and wait for none; rows that waited and are gone."""
    low = 0 if start == 1 else report.lowest_id
    high = EVERYTHING if stop == EVERYTHING else report.highest_id
    for stray in await db.fetch(sql.strays, low, high, MOST_FINDINGS):
        report.findings.append(Finding(None, f"audit row {stray['id']} is in no link, and waits for none"))
    for gone in await db.fetch(sql.gone_while_waiting, MOST_FINDINGS):
        report.findings.append(Finding(None, f"audit row {gone['audit_id']} is gone before it was linked"))


async def _hold_against(db: Connection, report: Report, kept: Head) -> None:
    """A head that was written elsewhere: the chain must still go through it."""
    if kept.position == 0:
        return
    found = await db.fetchval(sql.link_hash, kept.position)
    if found == kept.hash:
        return
    head = await head_of(db)
    if found is None and head.position < kept.position:
        what = f"the tail is gone: the chain ends at {head.position}, and once was {kept.position} long"
    else:
        what = "the chain was made anew: here it is not what it was when its head was written down"
    report.findings.append(Finding(kept.position, what))


# The daily check


async def check(db: Connection) -> None:
    """Check what is new and a stretch of what is old, against the head of the last check; keep what was found.

    A chain that is broken is looked at in the same place again, so that the alarm lasts until somebody has seen to
    it."""
    await db.execute(sql.take_ten_minutes)
    last = await maybe(_Checked, db, sql.last_check)
    kept = Head(last.head_position, last.head_hash) if last else Head()
    start = last.next_position if last else 1
    head = await head_of(db)
    newest = await verify(db, start=max(1, kept.position, head.position - NEWEST), kept=kept)
    old = await verify(db, start=start, stop=start + STRETCH)
    findings = {str(finding) for finding in (*newest.findings, *old.findings)}
    for finding in sorted(findings)[:20]:
        log.error("audit chain broken", finding=finding)
    if findings:
        await db.execute(sql.keep_check, start, kept.position, kept.hash, len(findings))
    else:
        next_start = start + STRETCH if start + STRETCH <= head.position else 1
        await db.execute(sql.keep_check, next_start, head.position, head.hash, 0)


async def measure(db: Connection) -> None:
    """How far the chain is, and what the last check of it found, as metrics."""
    gauges = await one(_Gauges, db, sql.audit_gauges)
    AUDIT_WAITING.set(gauges.waiting)
    AUDIT_HEAD.set(gauges.head)
    if gauges.checked_at is not None:
        AUDIT_BROKEN.set(gauges.broken or 0)
        AUDIT_CHECKED.set(gauges.checked_at.timestamp())


class _Gauges(msgspec.Struct, frozen=True):
    waiting: int
    head: int
    broken: int | None
    checked_at: datetime | None
