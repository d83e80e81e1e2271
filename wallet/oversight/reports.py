"""Reports for the compliance officer, as files: movements of large value, and what the night noticed.

Rows are read a day or a page at a time, each in a short transaction of its own: nobody's slow line holds a
connection. Who took which report is in the audit."""

from collections.abc import AsyncIterator
from datetime import date
from uuid import UUID

from litestar.response import Stream

from app import policies
from app.audit import records
from app.db import Database, queries_beside
from app.identity.models import Principal
from wallet.oversight.days import bounds, check_span, days_of
from wallet.papers import tables
from wallet.papers.tables import Column, Row, Table

sql = queries_beside(__file__)

READ_TIMEOUT_S = 60
PAGE = 500

LARGE_VALUES = (
    Column("Thời điểm", "moment"),
    Column("Mã tài khoản"),
    Column("Tên"),
    Column("Số điện thoại"),
    Column("Chiều (in/out)"),
    Column("Loại"),
    Column("Số tiền", "amount"),
    Column("Tổng trong ngày", "amount"),
    Column("Mã giao dịch"),
    Column("Bên kia"),
    Column("Mã bên kia"),
)
SUSPICIONS = (
    Column("Ngày", "date"),
    Column("Mã trường hợp"),
    Column("Dấu hiệu"),
    Column("Tên dấu hiệu"),
    Column("Mã tài khoản"),
    Column("Tên"),
    Column("Số điện thoại"),
    Column("Tổng số tiền", "amount"),
    Column("Số giao dịch", "amount"),
    Column("Tiền vào", "amount"),
    Column("Tiền ra", "amount"),
    Column("Mã giao dịch"),
    Column("Kết luận"),
    Column("Lý do"),
    Column("Thời điểm xem xét", "moment"),
)


async def large_values(database: Database, me: Principal, first: date, last: date) -> Stream:
    """Movements of large value as a CSV, by day: all those of a wallet whose day adds up to the policy's amount in
    that direction; of merchants single ones. Raises BadReportSpan."""
    check_span(first, last)
    async with database.deed() as db:
        least = await policies.value(db, "compliance.large_value")
        await records.record(db, me, "wallet.large_values_exported", None, first=first, last=last)
    name = f"giao-dich-gia-tri-lon-{first}-{last}"
    return await tables.answer("csv", Table(name, name, LARGE_VALUES, _large_lines(database, first, last, least)))


async def _large_lines(database: Database, first: date, last: date, least: int) -> AsyncIterator[Row]:
    for day in days_of(first, last):
        async with database.transaction() as db:
            await db.execute(sql.take_a_minute)
            rows = await db.fetch(sql.large_values, *bounds(day), least, timeout=READ_TIMEOUT_S)
        for row in rows:
            yield tuple(row)


async def suspicions(database: Database, me: Principal, first: date, last: date) -> Stream:
    """What the night noticed on these days, and what came of it, as a CSV. Raises BadReportSpan."""
    check_span(first, last)
    async with database.deed() as db:
        await records.record(db, me, "wallet.suspicions_exported", None, first=first, last=last)
    name = f"giao-dich-dang-ngo-{first}-{last}"
    return await tables.answer("csv", Table(name, name, SUSPICIONS, _suspicious_lines(database, first, last)))


async def _suspicious_lines(database: Database, first: date, last: date) -> AsyncIterator[Row]:
    after: tuple[date | None, UUID | None] = (None, None)
    while True:
        async with database.acquire() as db:
            rows = await db.fetch(sql.suspicious_lines, first, last, *after, PAGE)
        for day_on, id_, rule, name, account_id, person, number, amount, evidence, *reviewed in rows:
            movements = " ".join(evidence["movement_ids"])
            sums = (evidence["count"], evidence["amount_in"], evidence["amount_out"])
            yield (day_on, id_, rule, name, account_id, person, number, amount, *sums, movements, *reviewed)
        if len(rows) < PAGE:
            return
        after = (rows[-1]["day_on"], rows[-1]["id"])
