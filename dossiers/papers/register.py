"""Form 07: the register of an agency, every dossier that it accepted in some days."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Literal

import msgspec
from litestar import Response

from app.clock import CITY_ZONE, city_now
from app.db import Database, many, queries_beside
from app.errors import Forbidden, Refusal
from app.identity.models import Principal
from app.paper import A4_LANDSCAPE, DrawingPlaces
from dossiers.papers import forms, sheets
from dossiers.papers.sheets import Sheet, Table

sql = queries_beside(__file__)

MOST_DAYS = 92
MOST_ROWS = 5000
one_register_at_a_time = DrawingPlaces(1)
"""A hundred pages take a processor for some seconds."""

_HEADS = (
    "STT",
    "Mã hồ sơ",
    "Thủ tục hành chính",
    "Người nộp hồ sơ",
    "Cách nộp",
    "Tiếp nhận",
    "Hẹn trả",
    "Hoàn thành",
    "Tiến độ",
)
_WIDTHS = (5, 15, 25, 16, 8, 10, 10, 10, 10)
_CHANNELS = {"counter": "Trực tiếp", "online": "Trực tuyến", "post": "Bưu chính"}
_OUTCOMES = {"stopped": "Dừng", "refused": "Từ chối", "withdrawn": "Công dân rút"}


class RegisterTooLong(Refusal):
    """Sổ quá dài: chọn khoảng thời gian không quá {most_days} ngày và {most_rows} hồ sơ.

    The register is too long: choose days, {most_days} at most, with no more than {most_rows} dossiers."""

    status = 400


class RegisterRow(msgspec.Struct, frozen=True, kw_only=True):
    """A dossier in the register."""

    code: str
    procedure: str
    applicant: str
    channel: Literal["counter", "online", "post"]
    accepted_at: datetime
    due_at: datetime
    finished_at: datetime | None
    outcome: str | None
    national_status: int
    extended: bool


async def file(database: Database, me: Principal, agency: str, from_on: date, to_on: date) -> Response[bytes]:
    """The register of an agency of mine between two days of Huế, both included; raises Forbidden, RegisterTooLong."""
    if agency not in me.agencies_as(*forms.SEES):
        raise Forbidden
    if not 0 <= (to_on - from_on).days < MOST_DAYS:
        raise RegisterTooLong(most_days=MOST_DAYS, most_rows=MOST_ROWS)
    since, until = (datetime.combine(day, time(), CITY_ZONE) for day in (from_on, to_on + timedelta(days=1)))
    async with database.acquire() as db:
        name: str = await db.fetchval(sql.agency_name, agency)
        rows = await many(RegisterRow, db, sql.register_rows, agency, since, until, MOST_ROWS + 1)
    if len(rows) > MOST_ROWS:
        raise RegisterTooLong(most_days=MOST_DAYS, most_rows=MOST_ROWS)
    sheet = register(name, from_on, to_on, rows, city_now())
    async with one_register_at_a_time:
        drawn = await asyncio.to_thread(sheets.draw, sheet)
    return forms.pdf(drawn, f"07-{agency}-{from_on:%Y%m%d}-{to_on:%Y%m%d}.pdf")


def register(agency: str, from_on: date, to_on: date, rows: Sequence[RegisterRow], now: datetime) -> Sheet:
    """The register, filled in."""
    days = f"ngày {from_on:%d/%m/%Y}" if from_on == to_on else f"từ ngày {from_on:%d/%m/%Y} đến ngày {to_on:%d/%m/%Y}"
    return Sheet(
        size=A4_LANDSCAPE,
        title=forms.NAMES[7],
        agency=agency,
        number=f"Sổ {days}",
        made_at=now,
        lead=f"Hồ sơ tiếp nhận {days}: {len(rows)} hồ sơ.",
        table=Table(_HEADS, _WIDTHS, [_cells(at, row, now) for at, row in enumerate(rows, 1)]),
        signers=[("Người lập sổ", ""), ("Thủ trưởng cơ quan", "")],
    )


def _cells(at: int, row: RegisterRow, now: datetime) -> list[str]:
    return [
        str(at),
        row.code,
        row.procedure,
        row.applicant,
        _CHANNELS[row.channel],
        _moment(row.accepted_at),
        _moment(row.due_at) + ("\n(hẹn lại)" if row.extended else ""),
        _moment(row.finished_at),
        _pace(row, now),
    ]


def _moment(moment: datetime | None) -> str:
    return f"{moment.astimezone(CITY_ZONE):%H:%M %d/%m/%Y}" if moment else ""


def _pace(row: RegisterRow, now: datetime) -> str:
    if row.outcome in _OUTCOMES:
        return _OUTCOMES[row.outcome]
    if row.finished_at is None:
        return "Đang giải quyết" if now <= row.due_at else "Quá hạn, đang giải quyết"
    return "Đúng hạn" if row.finished_at <= row.due_at else "Quá hạn"
