"""A person's copy as a ZIP file: one JSON and one CSV per holding, made piece by piece, never whole in memory."""

import csv
import io
import re
import tempfile
import zipfile
from collections.abc import AsyncGenerator
from datetime import date, datetime
from typing import IO, Any

import asyncpg
import msgspec

from app.clock import CITY_ZONE, city_now
from app.db import Connection
from app.privacy.holdings import Holding, Holdings

PART_BYTES = 256 * 1024
ROWS_AT_ONCE = 200
IN_MEMORY_BYTES = 512 * 1024

# What a spreadsheet would take for a formula (OWASP, CSV injection), in the wide forms of Asian keyboards too.
_FORMULA = re.compile(r"^[=+\-@\t\r\n＝＋－＠]")


class _Sink(io.RawIOBase):
    """What the ZIP writer has written and nobody has taken yet. It cannot seek, so the writer never goes back."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any) -> int:
        """Keep it until it is taken."""
        self.written += data
        return len(data)

    def take(self, least: int) -> bytes:
        """All of it, if it is so much."""
        if not self.written or len(self.written) < least:
            return b""
        taken = bytes(self.written)
        self.written.clear()
        return taken


async def parts(db: Connection, holdings: Holdings, principal_id: object) -> AsyncGenerator[bytes]:
    """The file, in parts of about 256 KiB. In a transaction: rows come by cursor, a few hundred at a time."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:  # pyright: ignore[reportArgumentType]
        archive.writestr(_entry("README.txt"), read_me(holdings))
        for holding in holdings:
            with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as table:
                with archive.open(_entry(f"{file_name(holding)}.json"), "w", force_zip64=True) as json:
                    async for part in _write_rows(db, holding, principal_id, json, table, sink):
                        yield part
                table.seek(0)
                with archive.open(_entry(f"{file_name(holding)}.csv"), "w", force_zip64=True) as sheet:
                    while piece := table.read(PART_BYTES):
                        sheet.write(piece)
                        if part := sink.take(PART_BYTES):
                            yield part
    if part := sink.take(0):
        yield part


def _entry(name: str) -> zipfile.ZipInfo:
    """An entry dated by the city's clock; a name that is not ASCII is marked as UTF-8 by the library."""
    made = city_now().astimezone(CITY_ZONE)
    entry = zipfile.ZipInfo(name, (made.year, made.month, made.day, made.hour, made.minute, made.second))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


async def _write_rows(
    db: Connection, holding: Holding, principal_id: object, json: IO[bytes], table: IO[bytes], sink: _Sink
) -> AsyncGenerator[bytes]:
    """Each row into both files; what the ZIP writer has ready meanwhile."""
    table.write("\ufeff".encode())  # so that spreadsheets read it as UTF-8
    first = True
    async for record in db.cursor(holding.rows, principal_id, prefetch=ROWS_AT_ONCE):
        if first:
            table.write(line(list(record.keys())))
        json.write((b"[\n" if first else b",\n") + as_json(record))
        table.write(line(list(record.values())))
        first = False
        if part := sink.take(PART_BYTES):
            yield part
    json.write(b"[]\n" if first else b"\n]\n")


def as_json(record: asyncpg.Record) -> bytes:
    """A row as an object: moments in ISO 8601, bytes in base64."""
    return msgspec.json.encode(dict(record.items()))


def line(values: list[Any]) -> bytes:
    """A line of CSV (RFC 4180)."""
    text = io.StringIO()
    csv.writer(text).writerow([cell(value) for value in values])
    return text.getvalue().encode()


def cell(value: Any) -> str:
    """A value as a cell that a spreadsheet shows and never runs. A number is a number, whatever it begins with."""
    match value:
        case None:
            return ""
        case bool() | bytes() | list() | dict():
            return _harmless(msgspec.json.encode(value).decode())
        case int() | float():
            return str(value)
        case datetime() | date():
            return value.isoformat()
        case _:
            return _harmless(str(value))


def _harmless(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def file_name(holding: Holding) -> str:
    """`wallet.payments – Thanh toán`: without what some file systems refuse."""
    title = re.sub(r'[\\/:*?"<>|()]+', " ", holding.what.vi)
    return f"{holding.name} – {' '.join(title.split())}"[:100]


def read_me(holdings: Holdings) -> bytes:
    """What is in the file, why it is held and by what right, in both languages."""
    made = city_now().astimezone(CITY_ZONE)
    vi = [
        f"BẢN SAO DỮ LIỆU CÁ NHÂN CỦA BẠN, lập lúc {made:%H:%M ngày %d/%m/%Y} (giờ Việt Nam).",
        "Mỗi mục có hai tệp cùng nội dung: .json cho máy đọc, .csv để mở bằng bảng tính (UTF-8).",
        "Trong tệp .csv, ô chữ bắt đầu bằng = + - @ được thêm dấu ' để bảng tính không chạy nó như công thức.",
        "",
    ]
    en = [
        f"A COPY OF YOUR PERSONAL DATA, made at {made:%H:%M on %d/%m/%Y} (Vietnam time).",
        "Each item has two files of the same content: .json for machines, .csv for a spreadsheet (UTF-8).",
        "In the .csv, text that begins with = + - @ has a ' before it, so that no spreadsheet runs it as a formula.",
        "",
    ]
    for holding in holdings:
        vi.append(f"- {holding.name}: {holding.what.vi}. {holding.why.vi}. {holding.basis.vi}.")
        en.append(f"- {holding.name}: {holding.what.en}. {holding.why.en}. {holding.basis.en}.")
        if holding.hold is not None:
            vi.append(f"  Giữ lại khi xóa tài khoản, tối đa {holding.hold.years} năm: {holding.hold.why.vi}.")
            en.append(f"  Kept on erasure, for {holding.hold.years} years at most: {holding.hold.why.en}.")
    return "\r\n".join([*vi, "", "", *en, ""]).encode("utf-8-sig")
