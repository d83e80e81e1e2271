"""What other sides' files say, read leniently: CSV with any of the usual separators, heads in Vietnamese or English.

Pure. What cannot be read is refused with its line's number, never passed over: a line that is lost would be a
difference that nobody sees."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from app.errors import Refusal
from app.types import MOST_DONG
from wallet.oversight.models import Side

MOST_LINES = 200_000
MOST_LINES_BEFORE_HEAD = 30
MOST_AMOUNT_LETTERS = 40


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


class _Found(NamedTuple):
    """A line, which side's column it stands in, and whether that says it with a minus."""

    line: Line
    in_column: Side | None
    negative: bool


_NAMES: dict[str, frozenset[str]] = {
    "reference": frozenset(
        {
            "reference", "ref", "refno", "referencecode", "referencenumber", "transactionid", "transactionno",
            "txnref", "vnptxnref", "orderid", "mathamchieu", "sothamchieu", "magiaodich", "sogiaodich", "sobuttoan",
            "madonhang",
        }
    ),
    "amount": frozenset({"amount", "transferamount", "value", "sotien", "giatri", "sotiengiaodich"}),
    "in": frozenset({"credit", "creditamount", "in", "ghico", "phatsinhco", "tienvao", "co"}),
    "out": frozenset({"debit", "debitamount", "out", "ghino", "phatsinhno", "tienra", "no"}),
    "side": frozenset({"side", "direction", "transfertype", "drcr", "crdr", "chieu", "loai"}),
    "detail": frozenset(
        {
            "customercode", "content", "description", "accountnumber", "details", "narrative", "makhachhang",
            "noidung", "diengiai", "sotaikhoan", "ghichu",
        }
    ),
}  # fmt: skip
_SIDES: dict[str, Side] = {
    "in": "in", "credit": "in", "cr": "in", "c": "in", "co": "in", "vao": "in", "+": "in", "": "in",
    "out": "out", "debit": "out", "dr": "out", "d": "out", "no": "out", "ra": "out", "-": "out",
}  # fmt: skip
_OTHER: dict[Side, Side] = {"in": "out", "out": "in"}
_CURRENCY = re.compile(r"(?i)(vnd|vnđ|đồng|đ|₫)$")
_TOTAL = re.compile(r"^(tong|tongcong|tongso|cong|total|grandtotal|sum|sodu(dau|cuoi)?(ky|ngay)?)$")
_GROUPED = re.compile(r"^(?P<dong>[0-9]{1,3}([.,\s])[0-9]{3}(\2[0-9]{3})*)((?!\2)[.,]0{1,2})?$")
_WHOLE = re.compile(r"^(?P<dong>[0-9]+)([.,]0{1,2})?$")


def read(content: bytes) -> list[Line]:
    """The lines of a file; raises UnreadableFile, FileTooLong.

    A line without a reference is a total, if it says so, and else refused. An amount without a side is money in, a
    negative one money out; in a column for one side, what is negative was taken back, so it is the other side's. But
    a bank that writes all its debits with a minus has taken none of them back."""
    found = _lines(_rows(_text(content)))
    if any(one.in_column == "out" and not one.negative for one in found):
        return [one.line for one in found]
    return [msgspec.structs.replace(one.line, side="out") if one.in_column == "out" else one.line for one in found]


def _text(content: bytes) -> str:
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig").replace("\0", "")
    except UnicodeDecodeError as problem:
        line = content[: problem.start].count(b"\n") + 1
        raise UnreadableFile(line=line, why="not UTF-8") from None


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each line's number and cells. Memos are written by payers, and a quote that nobody closes takes the lines after
    it into its cell: so a cell is of one line, or the file is refused."""
    number = 1
    try:
        first = next((line for line in text.splitlines()[:MOST_LINES_BEFORE_HEAD] if _separator(line)), "")
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(first) or ",", strict=True)
        for row in rows:
            if rows.line_num > number or any("\r" in cell or "\n" in cell for cell in row):
                raise UnreadableFile(line=number, why="a cell of more than one line; is there a quote too many?")
            yield number, [cell.strip() for cell in row]
            number = rows.line_num + 1
    except csv.Error as problem:
        raise UnreadableFile(line=number, why=str(problem)) from None


def _separator(line: str) -> str | None:
    """The one that parts a head's names; None: this is no head."""
    best = max(";\t|,", key=line.count)
    return best if line.count(best) and _columns(next(csv.reader([line], delimiter=best), [])) else None


def _lines(rows: Iterable[tuple[int, list[str]]]) -> list[_Found]:
    columns: dict[str, list[int]] | None = None
    lines: list[_Found] = []
    for number, cells in rows:
        if not any(cells):
            continue
        if columns is None:
            columns = _columns(cells)
            if columns is None and number > MOST_LINES_BEFORE_HEAD:
                break
            continue
        line = _line(number, cells, columns)
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


def _line(number: int, cells: list[str], columns: dict[str, list[int]]) -> _Found | None:
    """A line; None for a total."""

    def all_of(what: str) -> list[str]:
        return [cells[nth] for nth in columns[what] if nth < len(cells) and cells[nth]]

    reference = next(iter(all_of("reference")), "")
    if any(_TOTAL.match(_plain(text)) for text in ([reference] if reference else cells)):
        return None
    if not reference:
        raise UnreadableFile(line=number, why="no reference")
    in_column, side, amount = _sides_and_amount(number, {what: next(iter(all_of(what)), "") for what in columns})
    line = Line(number, side, reference[:100], abs(amount), " · ".join(all_of("detail"))[:300] or None)
    return _Found(line, in_column, amount < 0)


def _sides_and_amount(number: int, cell: dict[str, str]) -> tuple[Side | None, Side, int]:
    """In which side's column it stands, whose it is, and how much."""
    if cell["amount"]:
        side = _SIDES.get(cell["side"]) or _SIDES.get(_plain(cell["side"]) or cell["side"])
        if side is None:
            raise UnreadableFile(line=number, why=f"`{cell['side'][:20]}` is neither in nor out")
        amount = _dong(number, cell["amount"])
        return None, "out" if amount < 0 else side, amount
    filled: list[Side] = [side for side in ("in", "out") if _says_something(cell[side])]
    match filled:
        case [side]:
            amount = _dong(number, cell[side])
            return side, _OTHER[side] if amount < 0 else side, amount
        case []:
            raise UnreadableFile(line=number, why="no amount")
        case _:
            raise UnreadableFile(line=number, why="an amount in and one out")


def _says_something(amount: str) -> bool:
    """Where there is a column for each side, the other one is empty, a dash or a zero."""
    return bool(set(amount) - set("0.,- "))


def _dong(number: int, text: str) -> int:
    """`412.500`, `412,500`, `412500.00`, `-412500 VND`: whole đồng, with their sign.

    What is much too long is not looked at: looking may take long."""
    amount = 0
    if len(text) <= MOST_AMOUNT_LETTERS:
        bare = _CURRENCY.sub("", text[1:] if text[:1] in {"+", "-"} else text).strip()
        whole = _GROUPED.match(bare) or _WHOLE.match(bare)
        amount = int(re.sub(r"\D", "", whole["dong"])) if whole and len(bare) < 30 else 0
    if not 1 <= amount <= MOST_DONG:
        raise UnreadableFile(line=number, why=f"`{text[:20]}` is no amount in whole đồng")
    return -amount if text.startswith("-") else amount
