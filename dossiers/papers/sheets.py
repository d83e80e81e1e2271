"""The one-stop mechanism's printed forms as they look: a sheet is written down as data, then drawn.

They are Vietnamese only, as the mechanism's own forms are (Decree 118/2025/NĐ-CP and its circulars). What no form
says in words stands nowhere: no colour and no sign means anything."""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime

import msgspec

from app.clock import CITY_ZONE
from app.paper import A4, A4_LANDSCAPE, A5, GREY, INK, MARGIN, Paper

_NATION = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
_MOTTO = "Độc lập - Tự do - Hạnh phúc"
_QR_SIDE = 76.0


class Table(msgspec.Struct, frozen=True):
    """Rows under heads; `widths` are shares of the paper's width. The heads are repeated on each page."""

    heads: Sequence[str]
    widths: Sequence[float]
    rows: Sequence[Sequence[str]]


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A form, filled in. `size`: of its paper, A4, A5 or A4_LANDSCAPE. `signers`: (in what capacity, name), from left
    to right. `qr`: what it opens, and what that is."""

    size: tuple[float, float]
    title: str
    agency: str
    number: str
    made_at: datetime
    lead: str = ""
    facts: Sequence[tuple[str, str | None]] = ()
    table: Table | None = None
    after: Sequence[str] = ()
    signers: Sequence[tuple[str, str]] = ()
    qr: tuple[str, str] | None = None


def draw(sheet: Sheet) -> bytes:
    """The form as a PDF."""
    with closing(Paper(sheet.size, sheet.title, "vi")) as paper:
        paper.begin_page()
        draw_head(paper, sheet.agency, sheet.number, said_day(sheet.made_at))
        _draw_title(paper, sheet.title)
        scale = scale_of(paper)
        if sheet.lead:
            _draw_words(paper, sheet.lead, 10 * scale)
        for name, value in sheet.facts:
            if value:
                _draw_fact(paper, name, value, 10 * scale)
        paper.y += 6 * scale
        if sheet.table:
            _draw_table(paper, sheet.table)
        for paragraph in sheet.after:
            _draw_words(paper, paragraph, 9.5 * scale)
        _draw_signers(paper, sheet)
        return paper.done()


def scale_of(paper: Paper) -> float:
    """Letters on A5 are smaller."""
    return 0.84 if paper.w < A4[0] else 1.0


def said_day(moment: datetime) -> str:
    """`Huế, ngày 09 tháng 02 năm 2026`: as official papers have it, with a nought before one digit."""
    here = moment.astimezone(CITY_ZONE)
    return f"Huế, ngày {here:%d} tháng {here:%m} năm {here.year}"


def said_moment(moment: datetime | None) -> str | None:
    """`08 giờ 30 phút, ngày 09/02/2026`."""
    return moment and f"{moment.astimezone(CITY_ZONE):%H giờ %M phút, ngày %d/%m/%Y}"


def draw_head(paper: Paper, agency: str, number: str, day: str) -> None:
    """Whose paper it is, at the left; the nation and its motto at the right; number and day below."""
    scale = scale_of(paper)
    half = (paper.w - 2 * MARGIN) / 2
    left, right = MARGIN + half * 0.44, paper.w - MARGIN - half * 0.55
    y_left = y_right = MARGIN + 10
    for text, bold in (("THÀNH PHỐ HUẾ", False), (agency.upper(), True)):
        for line in paper.wrapped(text, half * 0.76, 9 * scale, bold=bold):
            paper.write_at(left, y_left, line, size=9 * scale, bold=bold, at="middle")
            y_left += 12 * scale
    for text, size in ((_NATION, 9 * scale), (_MOTTO, 9.5 * scale)):
        for line in paper.wrapped(text, half * 1.1, size, bold=True):
            paper.write_at(right, y_right, line, size=size, bold=True, at="middle")
            y_right += 12.5 * scale
    for x, y, width in ((left, y_left, 40), (right, y_right, paper.width(_MOTTO, 9.5 * scale, bold=True))):
        paper.set_draw_color(*INK)
        paper.set_line_width(0.5)
        paper.line(x - width / 2, y - 7 * scale, x + width / 2, y - 7 * scale)
    y = max(y_left, y_right) + 8 * scale
    for line in paper.wrapped(number, half * 0.9, 9 * scale):
        paper.write_at(left, y, line, size=9 * scale, at="middle")
    paper.write_at(right, y, day, size=9 * scale, colour=INK, at="middle")
    paper.y = y + 34 * scale


def _draw_title(paper: Paper, title: str) -> None:
    size = 15 * scale_of(paper)
    for line in paper.wrapped(title.upper(), paper.w - 2 * MARGIN, size, bold=True):
        paper.write_at(paper.w / 2, paper.y, line, size=size, bold=True, at="middle")
        paper.y += size * 1.3
    paper.y += size * 0.7


def _draw_words(paper: Paper, text: str, size: float) -> None:
    for paragraph in text.splitlines():
        for line in paper.wrapped(paragraph, paper.w - 2 * MARGIN, size):
            _have_room(paper, size * 1.5)
            paper.write_at(MARGIN, paper.y, line, size=size)
            paper.y += size * 1.45
    paper.y += size * 0.5


def _draw_fact(paper: Paper, name: str, value: str, size: float) -> None:
    left = MARGIN + (paper.w - 2 * MARGIN) * 0.36
    names = paper.wrapped(f"{name}:", left - MARGIN - 8, size)
    values = [
        line for part in value.splitlines() for line in paper.wrapped(part, paper.w - MARGIN - left, size, bold=True)
    ]
    for at in range(max(len(names), len(values))):
        _have_room(paper, size * 1.5)
        if at < len(names):
            paper.write_at(MARGIN, paper.y, names[at], size=size)
        if at < len(values):
            paper.write_at(left, paper.y, values[at], size=size, bold=True)
        paper.y += size * 1.4
    paper.y += size * 0.25


def _have_room(paper: Paper, height: float) -> bool:
    """True if a new page had to be begun."""
    if paper.y + height <= paper.foot:
        return False
    paper.begin_page()
    paper.y = MARGIN + 14
    return True


_CELL = 3.5


def _draw_table(paper: Paper, table: Table) -> None:
    size = 8.5 * scale_of(paper)
    share = (paper.w - 2 * MARGIN) / sum(table.widths)
    widths = [width * share for width in table.widths]
    paper.y -= size * 0.5
    _draw_row(paper, table.heads, widths, size, bold=True)
    for row in table.rows:
        lines = max(len(_cell(paper, text, width, size, False)) for text, width in zip(row, widths, strict=True))
        if _have_room(paper, lines * size * 1.3 + 2 * _CELL):
            paper.y -= size
            _draw_row(paper, table.heads, widths, size, bold=True)
        _draw_row(paper, row, widths, size, bold=False)
    paper.y += size * 2


def _cell(paper: Paper, text: str, width: float, size: float, bold: bool) -> list[str]:
    return [
        line for part in text.splitlines() for line in paper.wrapped(part, width - 2 * _CELL, size, bold=bold)
    ] or [""]


def _draw_row(paper: Paper, row: Sequence[str], widths: Sequence[float], size: float, *, bold: bool) -> None:
    cells = [_cell(paper, text, width, size, bold) for text, width in zip(row, widths, strict=True)]
    height = max(map(len, cells)) * size * 1.3 + 2 * _CELL
    x, top = MARGIN, paper.y
    paper.set_draw_color(*GREY)
    paper.set_line_width(0.4)
    for lines, width in zip(cells, widths, strict=True):
        paper.rect(x, top, width, height)
        for at, line in enumerate(lines):
            paper.write_at(x + _CELL, top + _CELL + size * (0.95 + 1.3 * at), line, size=size, bold=bold)
        x += width
    paper.y = top + height


def _draw_signers(paper: Paper, sheet: Sheet) -> None:
    scale = scale_of(paper)
    room = (_QR_SIDE + 34 if sheet.qr else 92) * scale
    if not sheet.signers and not sheet.qr:
        return
    _have_room(paper, room)
    top = paper.y + 8 * scale
    left = MARGIN
    if sheet.qr:
        url, said = sheet.qr
        side = _QR_SIDE * scale
        paper.draw_qr(url, MARGIN, top, side)
        paper.link(MARGIN, top, side, side, url)
        for at, line in enumerate(paper.wrapped(said, side * 1.5, 7 * scale)):
            paper.write_at(MARGIN, top + side + 10 * scale + 9 * scale * at, line, size=7 * scale)
        left += side * 1.5
    if len(sheet.signers) == 1:
        left = paper.w / 2  # whoever signs alone signs at the right
    share = (paper.w - MARGIN - left) / max(1, len(sheet.signers))
    for at, (capacity, name) in enumerate(sheet.signers):
        middle = left + share * (at + 0.5)
        paper.write_at(middle, top + 6 * scale, capacity, size=9.5 * scale, bold=True, at="middle")
        paper.write_at(middle, top + 18 * scale, "(Ký và ghi rõ họ tên)", size=8 * scale, colour=GREY, at="middle")
        for line in paper.wrapped(name, share - 8, 9.5 * scale, bold=True) if name else []:
            paper.write_at(middle, top + 76 * scale, line, size=9.5 * scale, bold=True, at="middle")
    paper.y = top + room


SIZES = (A4, A4_LANDSCAPE, A5)
"""Papers that forms come on."""
