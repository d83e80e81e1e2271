"""A result on paper: A4, with room for its signatures, and a QR by which anybody checks it.

What Decree 30/2020/NĐ-CP wants of an official paper stands where it wants it: who issues it and the nation's motto at
the top, number and day below, whoever signs at the right."""

from contextlib import closing
from datetime import datetime

import msgspec

from app.clock import CITY_ZONE
from app.paper import A4, GREY, INK, MARGIN, PURPLE, Paper
from dossiers.papers.models import ResultFacts, SignatureRole
from dossiers.papers.sheets import draw_head, said_day

STAMP = (226.0, 70.0)
_GAP = 20.0
_QR_SIDE = 78.0
_WORDS: dict[SignatureRole, tuple[str, str]] = {
    "leader": ("Người ký", "Đã ký số bởi"),
    "agency": ("Con dấu của cơ quan", "Con dấu số của"),
}


class Place(msgspec.Struct, frozen=True):
    """Where a signature is seen: the page from 0, and left, bottom, right, top in points from the bottom left."""

    page: int
    box: tuple[int, int, int, int]


class Drawn(msgspec.Struct, frozen=True):
    """A result that waits for its signatures, and where they go."""

    pdf: bytes
    places: dict[SignatureRole, Place]


def draw(facts: ResultFacts, roles: list[SignatureRole]) -> Drawn:
    """The result, with a place for each of the `roles`."""
    with closing(Paper(A4, f"{facts.title_vi} · {facts.number}", "vi")) as paper:
        places = _draw(paper, facts, roles)
        return Drawn(paper.done(), places)


def _draw(paper: Paper, facts: ResultFacts, roles: list[SignatureRole]) -> dict[SignatureRole, Place]:
    paper.begin_page()
    draw_head(paper, facts.agency, f"Số: {facts.number}", said_day(facts.made_at))
    for line in paper.wrapped(facts.title_vi.upper(), paper.w - 2 * MARGIN, 16, bold=True):
        paper.write_at(paper.w / 2, paper.y, line, size=16, bold=True, at="middle")
        paper.y += 21
    for line in paper.wrapped(facts.title_en, paper.w - 2 * MARGIN, 9):
        paper.write_at(paper.w / 2, paper.y, line, size=9, colour=GREY, at="middle")
        paper.y += 12
    paper.y += 14
    for name, value in (
        ("Cấp cho", facts.applicant),
        ("Số định danh, mã số", facts.applicant_number),
        ("Mã hồ sơ", facts.dossier_code),
        ("Thủ tục", facts.procedure),
    ):
        if value:
            _line(paper, name, value)
    paper.y += 10
    for paragraph in facts.body.splitlines():
        for line in paper.wrapped(paragraph, paper.w - 2 * MARGIN, 11.5) or [""]:
            if paper.y > paper.foot:
                _next_page(paper)
            paper.write_at(MARGIN, paper.y, line, size=11.5)
            paper.y += 17
        paper.y += 4
    return _draw_foot(paper, facts, roles)


def _line(paper: Paper, name: str, value: str) -> None:
    paper.write_at(MARGIN, paper.y, f"{name}:", size=11, colour=GREY)
    for line in paper.wrapped(value, paper.w - 2 * MARGIN - 140, 11):
        paper.write_at(MARGIN + 140, paper.y, line, size=11)
        paper.y += 16


def _next_page(paper: Paper) -> None:
    paper.begin_page()
    paper.y = MARGIN + 14


def _draw_foot(paper: Paper, facts: ResultFacts, roles: list[SignatureRole]) -> dict[SignatureRole, Place]:
    height = 30 + STAMP[1] + 24 + _QR_SIDE + 10
    if paper.y + height > paper.foot:
        _next_page(paper)
    top = paper.y + 30
    places: dict[SignatureRole, Place] = {}
    lefts = {"leader": paper.w - MARGIN - STAMP[0], "agency": paper.w - MARGIN - 2 * STAMP[0] - _GAP}
    for role in ("leader", "agency"):
        left = lefts[role]
        title = _WORDS[role][0]
        paper.write_at(left + STAMP[0] / 2, top - 10, title, size=10.5, bold=True, at="middle")
        if role in roles:
            bottom = paper.h - top - STAMP[1]
            box = (round(left), round(bottom), round(left + STAMP[0]), round(bottom + STAMP[1]))
            places[role] = Place(paper.page_no() - 1, box)
    below = top + STAMP[1] + 14
    paper.write_at(lefts["leader"] + STAMP[0] / 2, below, facts.signer_name, size=10.5, bold=True, at="middle")
    _draw_check(paper, facts, paper.foot - _QR_SIDE)
    return places


def _draw_check(paper: Paper, facts: ResultFacts, top: float) -> None:
    paper.rule(top - 8)
    paper.draw_qr(facts.url, MARGIN, top, _QR_SIDE)
    left, y = MARGIN + _QR_SIDE + 14, top + 12
    for text, bold, colour in (
        (f"Mã kết quả: {grouped_code(facts.code)}", True, INK),
        (facts.url, False, PURPLE),
        ("Quét mã hoặc mở địa chỉ trên để kiểm tra kết quả này do ai cấp và còn hiệu lực không.", False, INK),
        ("Scan the code or open the address to learn whether the city issued this and it stands.", False, GREY),
        ("Bản điện tử có chữ ký số mới là bản gốc; bản in ra không có giá trị thay thế.", False, GREY),
    ):  # fmt: skip
        for line in paper.wrapped(text, paper.w - MARGIN - left, 8, bold=bold):
            paper.write_at(left, y, line, size=8, bold=bold, colour=colour)
            y += 11.5
    paper.link(left, top + 15, paper.width(facts.url, 8), 11.5, facts.url)


def grouped_code(code: str) -> str:
    """`KQ0123456789` → `KQ01-2345-6789`, as people read it out."""
    return "-".join(code[first : first + 4] for first in range(0, len(code), 4))


class _Stamp(Paper):
    def footer(self) -> None:
        """It is no page of anything."""


def draw_stamp(role: SignatureRole, name: str, organisation: str, at: datetime) -> bytes:
    """What is seen of a signature."""
    width, height = STAMP
    with closing(_Stamp(STAMP, name, "vi")) as paper:
        paper.begin_page()
        paper.set_draw_color(*PURPLE)
        paper.set_line_width(0.8)
        paper.rect(0.6, 0.6, width - 1.2, height - 1.2)
        y = 13.0
        for text, bold in (
            (_WORDS[role][1], False),
            (name, True),
            (organisation if role == "leader" else "", False),
            (f"Thời gian ký: {at.astimezone(CITY_ZONE):%H:%M:%S ngày %d/%m/%Y}", False),
        ):
            for line in paper.wrapped(text, width - 16, 8, bold=bold)[:2] if text else []:
                paper.write_at(8, y, line, size=8, bold=bold, colour=PURPLE)
                y += 10.5
        return paper.done()
