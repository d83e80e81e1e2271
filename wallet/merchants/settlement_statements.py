"""What a settlement closed, line by line, as a file: for the shop's own books."""

from collections.abc import AsyncGenerator
from datetime import datetime
from uuid import UUID

import msgspec
from litestar.response import Stream

from app.budgets import Budget, spend
from app.db import Database, many, queries_beside
from app.errors import Language
from app.identity.models import Principal
from app.types import grouped
from wallet.merchants import settlements
from wallet.merchants.settlement_models import Settlement
from wallet.models import TransferKind
from wallet.papers import tables
from wallet.papers.kinds import words_of
from wallet.papers.statements import FILES_AN_HOUR
from wallet.papers.tables import Column, Form, Row, Table

sql = queries_beside(__file__)

LINES_AT_ONCE = 1000


class _Line(msgspec.Struct, frozen=True):
    version: int
    id: UUID
    kind: TransferKind
    made_at: datetime
    amount: int
    fee: int
    payer: str | None
    terminal: str | None
    reference: str | None
    memo: str | None


async def answer(
    database: Database, me: Principal, merchant_id: UUID, settlement_id: UUID, form: Form, language: Language
) -> Stream:
    """The file of a settlement of my merchant; raises NotFound, TooManyRequests, Unavailable.

    Holds no connection while it is read: a thousand lines at a time. They are closed, so none changes meanwhile."""
    async with database.deed() as db:
        settlement = await settlements.show(db, me, merchant_id, settlement_id)
        await spend(db, Budget(f"statement {me.id}", FILES_AN_HOUR, 3600))
    vi = language == "vi"
    table = Table(
        name=f"settlement-{settlement.settled_on:%Y%m%d}-{settlement.run}",
        title="Bảng kê quyết toán" if vi else "Settlement statement",
        columns=_columns(vi),
        rows=_rows(database, settlement_id, language),
        facts=_facts(settlement, vi),
        language=language,
    )
    return await tables.answer(form, table)


def _columns(vi: bool) -> list[Column]:
    return [
        Column("Thời gian" if vi else "Time", "moment", 18),
        Column("Mã giao dịch" if vi else "Transaction", width=36),
        Column("Loại" if vi else "Kind", width=18),
        Column("Khách" if vi else "Payer", width=22),
        Column("Điểm bán" if vi else "Terminal", width=14),
        Column("Đơn hàng" if vi else "Order", width=14),
        Column("Lời nhắn" if vi else "Memo", width=24),
        Column("Số tiền" if vi else "Amount", "amount", 14),
        Column("Phí" if vi else "Fee", "amount", 10),
    ]


def _facts(settlement: Settlement, vi: bool) -> list[tuple[str, str]]:
    bank = f"{settlement.bank_name} {settlement.account_number} {settlement.account_name}"
    return [
        ("Ngày" if vi else "Day", f"{settlement.settled_on:%d/%m/%Y}"),
        ("Mã quyết toán" if vi else "Settlement", str(settlement.id)),
        ("Tài khoản nhận" if vi else "Paid to", bank),
        ("Đầu kỳ" if vi else "Opening", grouped(settlement.opening)),
        ("Tiền vào" if vi else "Takings", f"{grouped(settlement.takings)} ({settlement.takings_count})"),
        ("Hoàn tiền" if vi else "Refunds", f"{grouped(settlement.refunds)} ({settlement.refunds_count})"),
        ("Khác" if vi else "Others", grouped(settlement.others)),
        ("Phí" if vi else "Fee", grouped(settlement.fee)),
        ("Đã chuyển" if vi else "Sent", grouped(settlement.amount)),
        ("Cuối kỳ" if vi else "Closing", grouped(settlement.closing)),
        ("Tình trạng" if vi else "Status", _status(settlement, vi)),
    ]


def _status(settlement: Settlement, vi: bool) -> str:
    match settlement.status:
        case "sent":
            return "Đang chuyển" if vi else "On its way"
        case "paid":
            return "Đã đến ngân hàng" if vi else "Arrived"
        case "failed":
            return "Ngân hàng không nhận" if vi else "Refused by the bank"


async def _rows(database: Database, settlement_id: UUID, language: Language) -> AsyncGenerator[Row]:
    after = 0
    while True:
        async with database.acquire() as db:
            lines = await many(_Line, db, sql.settlement_lines, settlement_id, after, LINES_AT_ONCE)
        for line in lines:
            yield _row(line, language)
        if len(lines) < LINES_AT_ONCE:
            return
        after = lines[-1].version


def _row(line: _Line, language: Language) -> Row:
    kind = words_of(line.kind, incoming=line.amount > 0).in_(language)
    return (
        line.made_at,
        line.id,
        kind,
        line.payer,
        line.terminal,
        line.reference,
        line.memo,
        line.amount,
        line.fee,
    )
