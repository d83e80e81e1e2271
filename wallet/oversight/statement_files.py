"""What other sides' files say, read leniently: CSV with any of the usual separators, heads in Vietnamese or English.

Pure. What cannot be read is refused with its line's number, never passed over: a line that is lost would be a difference
that nobody sees."""

import csv
import io
import re
import unicodedata
from collections.abc import Sequence

import msgspec

from app.errors import Refusal
from app.types import MOST_DONG
from wallet.oversight.models import Side

MOST_LINES = 200_000
MOST_LINES_BEFORE_HEAD = 30


class UnreadableFile(Refusal):
    """Không đọc được tệp ở dòng {line}: {why}.

    The file cannot be read at line {line}: {why}."""

    status = 400


class FileTooLong(Refusal):
    """Tệp có quá {most} dòng; hãy chia theo ngày.

    The file has more than {most} lines; split it by day."""

    status = 400


class Line(msgspec.Struct, frozen=True):
    """A movement as the other side has it. `number`: of the line in the file, from 1; `amount` in đồng."""

    number: int
    side: Side
    reference: str
    amount: int
    detail: str | None


_NAMES: dict[str, frozenset[str]] = {
    "reference": frozenset(
        {
            "reference", "ref", "refno", "referencecode", "referencenumber", "transactionid", "transactionno", "txnref",
            "vnptxnref", "orderid", "mathamchieu", "sothamchieu", "magiaodich", "sogiaodich", "sobuttoan", "madonhang",
        }
    ),
    "amount": frozenset({"amount", "transferamount", "value", "sotien", "giatri", "sotiengiaodich"}),
    "in": frozenset({"credit", "creditamount", "in", "ghico", "phatsinhco", "tienvao", "co"}),
    "out": frozenset({"debit", "debitamount", "out", "ghino", "phatsinhno", "tienra", "no"}),
    "side": frozenset({"side", "direction", "transfertype", "drcr", "crdr", "chieu", "loai"}),
    "detail": frozenset(
        {
            "customercode", "content", "description", "accountnumber", "details", "narrative", "makhachhang", "noidung",
            "diengiai", "sotaikhoan", "ghichu",
        }
    ),
}  # fmt: skip
_SIDES: dict[str, Side] = {
    "in": "in", "credit": "in", "cr": "in", "c": "in", "co": "in", "vao": "in", "": "in",
    "out": "out", "debit": "out", "dr": "out", "d": "out", "no": "out", "ra": "out",
}  # fmt: skip
_TOTALS = re.compile(r"^(tong|cong|total|sum|sodu|balance)")
_GROUPED = re.compile(r"^\d{1,3}([.,\s])\d{3}(\1\d{3})*$")
_WHOLE = re.compile(r"^\d+([.,]0{1,2})?$")


def read(content: bytes) -> list[Line]:
    """The lines of a file; raises UnreadableFile, FileTooLong.

    A line without a reference is a total, if it says so, and else refused. An amount without a side is money in, a
    negative one money out."""
    text = _text(content)
    first = next((line for line in text.splitlines()[:MOST_LINES_BEFORE_HEAD] if _separator(line)), "")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(first) or ",")
    try:
        return _lines(rows)
    except csv.Error as problem:
        raise UnreadableFile(line=rows.line_num, why=str(problem)) from None


def _text(content: bytes) -> str:
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig").replace("\0", "")
    except UnicodeDecodeError as problem:
        line = content[: problem.start].count(b"\n") + 1
        raise UnreadableFile(line=line, why="not UTF-8") from None


def _separator(line: str) -> str | None:
    """The one that parts a head's names; None: this is no head."""
    best = max(";\t|,", key=line.count)
    return best if line.count(best) and _columns(next(csv.reader([line], delimiter=best), [])) else None


def _lines(rows: "csv._reader") -> list[Line]:  # pyright: ignore[reportPrivateUsage]
    columns: dict[str, list[int]] | None = None
    lines: list[Line] = []
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if columns is None:
            columns = _columns(cells)
            if columns is None and rows.line_num > MOST_LINES_BEFORE_HEAD:
                break
            continue
        line = _line(rows.line_num, cells, columns)
        if line is not None:
            lines.append(line)
        if len(lines) > MOST_LINES:
            raise FileTooLong(most=MOST_LINES)
    if columns is None:
        raise UnreadableFile(line=1, why="no head that names a reference and an amount")
    return lines


def _columns(cells: Sequence[str]) -> dict[str, list[int]] | None:
    """Where what stands, if this is the head."""
    plain = [_plain(cell) for cell in cells]
    columns = {what: [nth for nth, cell in enumerate(plain) if cell in names] for what, names in _NAMES.items()}
    has_amount = columns["amount"] or columns["in"] or columns["out"]
    return columns if columns["reference"] and has_amount else None


def _plain(text: str) -> str:
    """`Số tiền (VND)` is `sotien`."""
    bare = unicodedata.normalize("NFD", text.lower().replace("đ", "d").partition("(")[0])
    return re.sub(r"[^a-z0-9]", "", bare)


def _line(number: int, cells: list[str], columns: dict[str, list[int]]) -> Line | None:
    def cell(what: str) -> str:
        found = [cells[nth] for nth in columns[what] if nth < len(cells) and cells[nth]]
        return found[0] if found else ""

    reference = cell("reference")
    if not reference or _TOTALS.match(_plain(reference)):
        if any(_TOTALS.match(_plain(text)) for text in cells if text):
            return None
        raise UnreadableFile(line=number, why="no reference")
    side, amount = _amount(number, cell)
    details = [cells[nth] for nth in columns["detail"] if nth < len(cells) and cells[nth]]
    return Line(number, side, reference[:100], amount, " · ".join(details)[:300] or None)


def _amount(number: int, cell: "Cell") -> tuple[Side, int]:
    if cell("amount"):
        side = _SIDES.get(_plain(cell("side")) if cell("side") not in {"+", "-"} else cell("side"))
        if cell("side") in {"+", "-"}:
            side = "in" if cell("side") == "+" else "out"
        if side is None:
            raise UnreadableFile(line=number, why=f"`{cell('side')[:20]}` is neither in nor out")
        text = cell("amount")
        negative = text.startswith("-")
        return ("out" if negative else side), _dong(number, text.lstrip("+-"))
    for side_, what in (("in", "in"), ("out", "out")):
        if cell(what) and set(cell(what)) - set("0.,- "):
            return side_, _dong(number, cell(what).lstrip("+-"))
    raise UnreadableFile(line=number, why="no amount")


class Cell:
    """What stands in a column of a line."""

    def __call__(self, what: str) -> str:
        """Its text, or nothing."""
        raise NotImplementedError


def _dong(number: int, text: str) -> int:
    """`412.500`, `412,500`, `412500.00`, `412500 VND`: whole đồng."""
    bare = re.sub(r"(?i)\s*(vnd|vnđ|đồng|đ|₫)\s*$", "", text).strip()
    if _GROUPED.match(bare):
        amount = int(re.sub(r"\D", "", bare))
    elif _WHOLE.match(bare):
        amount = int(re.split(r"[.,]", bare)[0])
    elif re.match(r"^\d{1,3}(,\d{3})+\.0{1,2}$", bare) or re.match(r"^\d{1,3}(\.\d{3})+,0{1,2}$", bare):
        amount = int(re.sub(r"\D", "", bare[: max(bare.rfind("."), bare.rfind(","))]))
    else:
        raise UnreadableFile(line=number, why=f"`{text[:20]}` is no amount in whole đồng")
    if not 1 <= amount <= MOST_DONG:
        raise UnreadableFile(line=number, why=f"`{text[:20]}` is no amount in whole đồng")
    return amount
