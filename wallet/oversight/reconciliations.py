"""Reconciliation (đối soát): another side's file about a day, held against our books, line by line.

The same file again is the same reconciliation and changes nothing; another file about the same day takes the place of
the one before, which is kept. Nothing moves by it: what came in at the bank and is missing here is only marked, and
whoever closes that difference says what was done (finance tells of a transfer that nobody told us of)."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import date, datetime
from uuid import UUID

import asyncpg
import msgspec
from litestar.response import Stream
from msgspec import structs

from app.audit import records
from app.clock import city_today
from app.db import Connection, Database, many, maybe, one, queries_beside
from app.errors import NotFound, Refusal
from app.identity.models import Principal
from app.staff.members import need_grant
from app.staff.pages import before, page_of
from app.types import Page, cursor_of, key_of, new_id
from wallet import ledger
from wallet.oversight import matching, statement_files
from wallet.oversight.days import bounds
from wallet.oversight.matching import Compared, Ours
from wallet.oversight.models import CloseDifference, Difference, DifferenceKind, Reconciliation
from wallet.oversight.statement_files import Line
from wallet.papers import tables
from wallet.papers.tables import Column, Row, Table

sql = queries_beside(__file__)

MOST_FILE_BYTES = 16 * 1024 * 1024
TIMEOUT_S = 60
DIFFERENCES_AT_ONCE = 500

DIFFERENCES = (
    Column("Loại chênh lệch"),
    Column("Chiều (in/out)"),
    Column("Tham chiếu"),
    Column("Dòng trong tệp", "amount"),
    Column("Mã giao dịch của ta"),
    Column("Số tiền bên kia", "amount"),
    Column("Số tiền của ta", "amount"),
    Column("Nội dung"),
    Column("Ghi chú"),
    Column("Khép lại lúc", "moment"),
)


class UnknownParty(Refusal):
    """Không có đơn vị thu này.

    There is no such biller."""

    status = 404


class DayIsNotOver(Refusal):
    """Chỉ đối soát được ngày đã kết thúc.

    Only a day that is over can be reconciled."""

    status = 400


class ReconciliationIdTaken(Refusal):
    """Mã đối soát này đã được dùng cho một tệp khác; hãy tạo mã mới.

    This reconciliation's id was used for another file; make a new one."""


class DifferenceIsClosed(Refusal):
    """Chênh lệch này đã được khép lại.

    This difference was closed already."""


class _Latest(msgspec.Struct, frozen=True):
    id: UUID
    version: int
    sha256: str


async def reconcile(
    database: Database, me: Principal, reconciliation_id: UUID, party: str, on: date, content: bytes
) -> tuple[Reconciliation, bool]:
    """Hold a file against our books; and whether that is new. The file is read before anything is locked.

    Raises Forbidden, UnknownParty, DayIsNotOver, UnreadableFile, FileTooLong, ReconciliationIdTaken."""
    if on >= city_today():
        raise DayIsNotOver
    theirs = await asyncio.to_thread(statement_files.read, content)
    sha256 = hashlib.sha256(content).hexdigest()
    async with database.deed() as db:
        await need_grant(db, me, "finance")
        return await _reconcile(db, me, reconciliation_id, party, on, theirs, sha256)


async def _reconcile(
    db: Connection, me: Principal, reconciliation_id: UUID, party: str, on: date, theirs: list[Line], sha256: str
) -> tuple[Reconciliation, bool]:
    await db.execute(sql.take_a_minute)
    await db.execute(sql.one_reconciliation_at_a_time, f"{party} {on}")
    kept = await maybe(Reconciliation, db, sql.reconciliation, reconciliation_id)
    if kept is not None:
        if (kept.party, kept.day_on, kept.sha256) != (party, on, sha256):
            raise ReconciliationIdTaken
        return kept, False
    latest = await maybe(_Latest, db, sql.reconciliation_of_day, party, on)
    if latest is not None and latest.sha256 == sha256:
        return await one(Reconciliation, db, sql.reconciliation, latest.id), False
    ours = await asyncio.to_thread(msgspec.convert, await _our_rows(db, party, on), list[Ours])
    compared = await asyncio.to_thread(matching.compare, theirs, ours)
    if latest is not None:
        await db.execute(sql.supersede_reconciliation, latest.id)
    await db.execute(
        sql.write_reconciliation,
        reconciliation_id,
        party,
        on,
        latest.version + 1 if latest else 1,
        sha256,
        len(theirs),
        compared.matched,
        compared.count("missing_here"),
        compared.count("missing_there"),
        compared.count("amount_differs"),
        sum(line.amount for line in theirs),
        sum(movement.amount for movement in ours if movement.of_day),
        me.id,
    )
    await _write_differences(db, reconciliation_id, compared)
    await records.record(db, me, "wallet.reconciled", reconciliation_id, party=party, day_on=on, sha256=sha256)
    return await one(Reconciliation, db, sql.reconciliation, reconciliation_id), True


async def _our_rows(db: Connection, party: str, on: date) -> list[asyncpg.Record]:
    match party.partition(":"):
        case ("gateway", *_):
            return await db.fetch(sql.gateway_lines, *bounds(on), ledger.GATEWAY, timeout=TIMEOUT_S)
        case ("bank", *_):
            return await db.fetch(sql.bank_lines, *bounds(on), timeout=TIMEOUT_S)
        case (_, _, biller):
            if await db.fetchval(sql.biller_account, biller) is None:
                raise UnknownParty
            return await db.fetch(sql.biller_lines, *bounds(on), biller, timeout=TIMEOUT_S)


async def _write_differences(db: Connection, reconciliation_id: UUID, compared: Compared) -> None:
    """Their ids grow in the order of the file, which is that of every list of them."""
    columns = list(zip(*((new_id(), *structs.astuple(found)) for found in compared.differing), strict=True))
    if columns:
        await db.execute(sql.write_differences, reconciliation_id, *map(list, columns), timeout=TIMEOUT_S)


async def show(db: Connection, reconciliation_id: UUID) -> Reconciliation:
    """A reconciliation; raises NotFound."""
    reconciliation = await maybe(Reconciliation, db, sql.reconciliation, reconciliation_id)
    if reconciliation is None:
        raise NotFound
    return reconciliation


async def page(db: Connection, party: str | None, cursor: str | None, limit: int) -> Page[Reconciliation]:
    """Reconciliations, newest first, of one party if asked for; raises BadCursor."""
    lines = await many(Reconciliation, db, sql.reconciliations, party, *before(cursor), limit + 1)
    return page_of(lines, limit, _key)


def _key(reconciliation: Reconciliation) -> tuple[datetime, UUID]:
    return reconciliation.made_at, reconciliation.id


async def differences(
    db: Connection,
    reconciliation_id: UUID,
    kind: DifferenceKind | None,
    open_only: bool,
    cursor: str | None,
    limit: int,
) -> Page[Difference]:
    """What does not agree, in the order of the file, then what is in our books alone. Raises NotFound, BadCursor."""
    await show(db, reconciliation_id)
    key = key_of(cursor, tuple[UUID])
    found = await many(Difference, db, sql.differences, reconciliation_id, kind, open_only, key and key[0], limit + 1)
    return Page(items=found[:limit], next=cursor_of(found[limit - 1].id) if len(found) > limit else None)


async def differences_file(database: Database, reconciliation_id: UUID) -> Stream:
    """The same as a CSV, all of them. Raises NotFound."""
    async with database.acquire() as db:
        of = await show(db, reconciliation_id)
    name = f"doi-soat-{of.party.replace(':', '-')}-{of.day_on}-{of.version}"
    return await tables.answer("csv", Table(name, name, DIFFERENCES, _difference_rows(database, reconciliation_id)))


async def _difference_rows(database: Database, reconciliation_id: UUID) -> AsyncIterator[Row]:
    after: UUID | None = None
    while True:
        async with database.acquire() as db:
            rows = await many(
                Difference, db, sql.differences, reconciliation_id, None, False, after, DIFFERENCES_AT_ONCE
            )
        for row in rows:
            yield (
                row.kind, row.side, row.reference, row.line, row.our_id, row.their_amount, row.our_amount, row.detail,
                row.note, row.closed_at,
            )  # fmt: skip
        if len(rows) < DIFFERENCES_AT_ONCE:
            return
        after = rows[-1].id


async def close(
    db: Connection, me: Principal, reconciliation_id: UUID, difference_id: UUID, given: CloseDifference
) -> Difference:
    """Say what a difference was; the same again is the same. Raises NotFound, DifferenceIsClosed."""
    difference = await maybe(Difference, db, sql.difference_for_update, difference_id, reconciliation_id)
    if difference is None:
        raise NotFound
    if difference.closed_at is None:
        await db.execute(sql.close_difference, difference_id, me.id, given.note)
        await records.record(db, me, "wallet.difference_closed", difference_id)
    elif difference.note != given.note:
        raise DifferenceIsClosed
    return await one(Difference, db, sql.difference_for_update, difference_id, reconciliation_id)
