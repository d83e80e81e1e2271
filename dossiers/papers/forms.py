"""Forms 01 to 07 of the one-stop mechanism (Decree 118/2025/NĐ-CP): what each says, and when it may be printed.

A form is drawn anew each time from what the dossier says; nothing of it is kept. Whoever prints 01 has the dossier's
PIN in their hands, so it is for its owner and for the agency's people."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
from litestar import Response

from app.clock import CITY_ZONE, city_now
from app.config import settings
from app.db import Connection, Database, maybe, queries_beside
from app.errors import NotFound, Refusal
from app.identity.models import Principal, Role
from app.paper import A4, A5, DrawingPlaces
from app.types import grouped
from dossiers.papers import sheets
from dossiers.papers.sheets import Sheet, Table, said_moment

sql = queries_beside(__file__)

PDF = "application/pdf"
SEES: tuple[Role, ...] = ("clerk", "agency_officer", "agency_head")
"""Who of an agency sees its dossiers, and those at its desk."""
two_forms_at_a_time = DrawingPlaces(2)
"""Drawing takes a processor: whoever pays goes first."""

NAMES: dict[int, str] = {
    1: "Giấy tiếp nhận hồ sơ và hẹn trả kết quả",
    2: "Phiếu yêu cầu bổ sung, hoàn thiện hồ sơ",
    3: "Phiếu từ chối tiếp nhận giải quyết hồ sơ",
    4: "Phiếu xin lỗi và hẹn lại ngày trả kết quả",
    5: "Thông báo dừng giải quyết hồ sơ",
    6: "Phiếu kiểm soát quá trình giải quyết hồ sơ",
    7: "Sổ theo dõi hồ sơ",
}


class FormNotYet(Refusal):
    """Hồ sơ chưa có biểu mẫu này: {why}.

    The dossier has no such form yet: {why_en}."""


class FormPaper(msgspec.Struct, frozen=True, kw_only=True):
    """A paper of a dossier: how many sheets of it are stored, and in which way it was handed in."""

    name: str
    count: int
    kind: Literal["original", "copy", "electronic"]


class FormStep(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was done; `due_at`: until when the dossier, as it was left, was to be dealt with."""

    name: str
    from_state: str
    to_state: str
    by: str
    department: str | None
    agency: str | None
    actor: str | None
    note: str | None
    due_at: datetime | None
    made_at: datetime


class FormRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request for papers."""

    note: str
    papers: list[str]
    by: str | None
    asked_at: datetime


class FormFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that any form says of a dossier."""

    id: UUID
    code: str | None
    pin: str
    procedure: str
    case_name: str
    agency: str
    department: str | None
    field: str
    channel: Literal["counter", "online", "post"]
    state: str
    outcome: str | None
    applicant: str | None
    applicant_number: str | None
    phone: str | None
    email: str | None
    address: str | None
    deliver_by: Literal["electronic", "counter", "post"]
    days: int | None
    submitted_at: datetime | None
    accepted_at: datetime | None
    first_due_at: datetime | None
    due_at: datetime | None
    extended_at: datetime | None
    finished_at: datetime | None
    ended_at: datetime | None
    payment_state: str
    fee_amount: int
    papers: list[FormPaper]
    steps: list[FormStep]
    asked: FormRequest | None


CONTROL_SLIP = 6


async def form(database: Database, me: Principal, dossier_id: UUID, number: int) -> Response[bytes]:
    """A form of a dossier of mine, or, for staff, of one at their agency or their desk; raises NotFound, FormNotYet.

    The control slip is theirs alone: on it stands what they tell each other. No connection is held while it is
    drawn."""
    build = _FORMS.get(number)
    if build is None or (number == CONTROL_SLIP and me.kind == "resident"):
        raise NotFound
    async with database.acquire() as db:
        facts = await _facts(db, me, dossier_id)
    sheet = build(facts)
    async with two_forms_at_a_time:
        drawn = await asyncio.to_thread(sheets.draw, sheet)
    return pdf(drawn, f"{number:02}-{facts.code or facts.id}.pdf")


def pdf(content: bytes, name: str) -> Response[bytes]:
    """A file to be looked at or saved under this name, which nobody between us keeps."""
    headers = {"content-disposition": f'inline; filename="{name}"', "cache-control": "private, no-store"}
    return Response(content, media_type=PDF, headers=headers)


async def _facts(db: Connection, me: Principal, dossier_id: UUID) -> FormFacts:
    owner = me.id if me.kind == "resident" else None
    facts = await maybe(FormFacts, db, sql.form_facts, dossier_id, owner, me.agencies_as(*SEES))
    if facts is None:
        raise NotFound
    return facts


_KINDS = {"original": "Bản chính", "copy": "Bản sao", "electronic": "Bản điện tử"}
_CHANNELS = {"counter": "trực tiếp", "online": "trực tuyến", "post": "qua bưu chính công ích"}
_DELIVERIES = {
    "electronic": "Bản điện tử",
    "counter": "Tại nơi tiếp nhận hồ sơ",
    "post": "Qua dịch vụ bưu chính công ích",
}
_HEADS = ("STT", "Tên giấy tờ", "Loại", "Số lượng")


def _sheet(facts: FormFacts, number: int, /, **of_this_form: object) -> Sheet:
    suffix = {1: "TNHS", 2: "YCBS", 3: "TCHS", 4: "PXL", 5: "TBD", 6: "PKS"}[number]
    sheet = Sheet(
        size=A4,
        title=NAMES[number],
        agency=facts.agency,
        number=f"Số: {facts.code or facts.id.hex[-8:].upper()}/{suffix}",
        made_at=city_now(),
    )
    return msgspec.structs.replace(sheet, **of_this_form)


def _who(facts: FormFacts) -> list[tuple[str, str | None]]:
    return [
        ("Người nộp hồ sơ", facts.applicant),
        ("Số định danh, mã số", facts.applicant_number),
        ("Số điện thoại", facts.phone),
        ("Thư điện tử", facts.email),
        ("Địa chỉ nhận kết quả", facts.address),
        ("Thủ tục hành chính", facts.procedure),
        ("Trường hợp giải quyết", facts.case_name),
    ]


def _receipt(facts: FormFacts) -> Sheet:
    if facts.code is None:
        raise FormNotYet(why="hồ sơ chưa được tiếp nhận", why_en="it has not been accepted")
    rows = [(str(at), paper.name, _KINDS[paper.kind], str(paper.count)) for at, paper in enumerate(facts.papers, 1)]
    receiver = _receiver(facts)
    return _sheet(
        facts,
        1,
        size=A5 if len(rows) <= 3 else A4,
        lead=f"{facts.agency} đã tiếp nhận hồ sơ, nộp {_CHANNELS[facts.channel]}.",
        facts=[
            ("Mã hồ sơ", facts.code),
            ("Mã tra cứu (PIN)", facts.pin),
            *_who(facts),
            ("Thời gian tiếp nhận", said_moment(facts.accepted_at)),
            ("Thời gian giải quyết", _days(facts.days)),
            ("Hẹn trả kết quả", said_moment(facts.due_at)),
            ("Nhận kết quả", _DELIVERIES[facts.deliver_by]),
            ("Phí, lệ phí", _fee(facts)),
        ],
        table=Table(_HEADS, (8, 56, 20, 16), rows) if rows else None,
        signers=[("Người nộp hồ sơ", ""), ("Người tiếp nhận hồ sơ", receiver or "")],
        qr=(f"{settings().public_url}/d/{facts.code}", "Quét mã để theo dõi hồ sơ"),
    )


def _days(days: int | None) -> str | None:
    return None if days is None else f"{days} ngày làm việc" if days else "Trong ngày"


def _fee(facts: FormFacts) -> str:
    said = {
        "paid": "đã nộp",
        "due": "chưa nộp",
        "later": "nộp sau",
        "waived": "được miễn",
        "dropped": "không thu nữa",
    }
    return f"{grouped(facts.fee_amount)} đồng ({said[facts.payment_state]})" if facts.fee_amount else "Không thu"


def _receiver(facts: FormFacts) -> str | None:
    """Who took the dossier in: whoever led it out of the frame."""
    outside = ("draft", "submitted", "incomplete")
    taken = (step for step in facts.steps if step.from_state in outside and step.to_state not in outside)
    return next((step.actor for step in taken if step.by == "staff"), None)


def _supplement(facts: FormFacts) -> Sheet:
    if facts.asked is None:
        raise FormNotYet(why="chưa có yêu cầu bổ sung", why_en="nothing more was asked for")
    rows = [(str(at), name) for at, name in enumerate(facts.asked.papers, 1)]
    return _sheet(
        facts,
        2,
        lead=f"Hồ sơ nộp {_CHANNELS[facts.channel]} cần được bổ sung, hoàn thiện như sau.",
        facts=[("Mã hồ sơ", facts.code), *_who(facts), ("Nội dung cần bổ sung", facts.asked.note),
               ("Thời gian yêu cầu", said_moment(facts.asked.asked_at))],
        table=Table(("STT", "Giấy tờ cần bổ sung, hoàn thiện"), (8, 92), rows) if rows else None,
        after=["Thời hạn giải quyết được tính theo quy định kể từ khi hồ sơ đầy đủ. Xin nộp bổ sung trên ứng dụng"
               " hoặc tại nơi đã nộp hồ sơ."],
        signers=[("Người nộp hồ sơ", ""), ("Người yêu cầu", facts.asked.by or "")],
    )  # fmt: skip


def _refusal(facts: FormFacts) -> Sheet:
    if facts.outcome != "refused":
        raise FormNotYet(why="hồ sơ không bị từ chối", why_en="it was not refused")
    refused = next((step for step in reversed(facts.steps) if step.to_state == "refused"), None)
    return _sheet(
        facts,
        3,
        lead=f"{facts.agency} không tiếp nhận giải quyết hồ sơ sau đây.",
        facts=[
            *_who(facts),
            ("Thời gian nộp", said_moment(facts.submitted_at)),
            ("Thời gian trả lời", said_moment(facts.ended_at)),
            ("Lý do từ chối", (refused and refused.note) or "Hồ sơ không đủ điều kiện tiếp nhận"),
        ],
        after=["Nếu không đồng ý, ông/bà có quyền phản ánh, kiến nghị hoặc khiếu nại theo quy định của pháp luật."],
        signers=[("Người nộp hồ sơ", ""), ("Người từ chối tiếp nhận", (refused and refused.actor) or "")],
    )


def _apology(facts: FormFacts) -> Sheet:
    if facts.extended_at is None or facts.due_at is None:
        raise FormNotYet(why="ngày hẹn trả kết quả chưa thay đổi", why_en="its date has not been changed")
    step = _nearest(facts.steps, facts.extended_at)
    return _sheet(
        facts,
        4,
        lead=f"{facts.agency} xin lỗi ông/bà vì chưa giải quyết xong hồ sơ đúng hẹn.",
        facts=[
            ("Mã hồ sơ", facts.code),
            *_who(facts),
            ("Thời gian tiếp nhận", said_moment(facts.accepted_at)),
            ("Ngày hẹn ban đầu", said_moment(facts.first_due_at)),
            ("Hẹn lại ngày trả kết quả", said_moment(facts.due_at)),
            ("Lý do", step and step.note),
        ],
        after=["Ngày trả kết quả chỉ được hẹn lại một lần. Mong ông/bà thông cảm vì sự chậm trễ này."],
        signers=[("Thủ trưởng cơ quan", (step and step.actor) or "")],
    )


def _nearest(steps: Sequence[FormStep], moment: datetime) -> FormStep | None:
    """The step of this moment; they are a statement apart."""
    near = min(steps, key=lambda step: abs(step.made_at - moment), default=None)
    return near if near and abs(near.made_at - moment) < timedelta(seconds=10) else None


def _stop(facts: FormFacts) -> Sheet:
    if facts.outcome != "stopped":
        raise FormNotYet(why="hồ sơ không bị dừng giải quyết", why_en="it was not stopped")
    step = next((step for step in reversed(facts.steps) if step.to_state == facts.state), None)
    return _sheet(
        facts,
        5,
        lead=f"{facts.agency} thông báo dừng giải quyết hồ sơ sau đây.",
        facts=[
            ("Mã hồ sơ", facts.code),
            *_who(facts),
            ("Thời gian tiếp nhận", said_moment(facts.accepted_at)),
            ("Thời gian dừng", said_moment(facts.ended_at)),
            ("Lý do", (step and step.note) or "Theo quy định của thủ tục"),
        ],
        after=["Nếu không đồng ý, ông/bà có quyền phản ánh, kiến nghị hoặc khiếu nại theo quy định của pháp luật."],
        signers=[("Thủ trưởng cơ quan", (step and step.actor) or "")],
    )


def _slip(facts: FormFacts) -> Sheet:
    if facts.code is None:
        raise FormNotYet(why="hồ sơ chưa được tiếp nhận", why_en="it has not been accepted")
    return _sheet(
        facts,
        6,
        facts=[
            ("Mã hồ sơ", facts.code),
            ("Thủ tục hành chính", facts.procedure),
            ("Thời gian tiếp nhận", said_moment(facts.accepted_at)),
            ("Hẹn trả kết quả", said_moment(facts.due_at)),
            ("Hoàn thành", said_moment(facts.finished_at)),
            ("Kết quả giải quyết", _whole(facts)),
        ],
        table=Table(
            ("STT", "Giao, nhận", "Bộ phận nhận", "Người giao", "Thời gian", "Hạn xử lý", "Tiến độ", "Ghi chú"),
            (5, 18, 18, 14, 11, 11, 10, 13),
            slip_rows(facts.steps, facts.finished_at or facts.ended_at, city_now()),
        ),
    )


def _whole(facts: FormFacts) -> str:
    until = facts.finished_at or facts.ended_at
    if until is None or facts.due_at is None:
        return "Đang giải quyết"
    return "Đúng hạn" if until <= facts.due_at else "Quá hạn"


def slip_rows(steps: Sequence[FormStep], ended_at: datetime | None, now: datetime) -> list[list[str]]:
    """Every hand-over; it was dealt with on time if what was done next was done before it was due."""
    rows: list[list[str]] = []
    for at, step in enumerate(steps):
        until = steps[at + 1].made_at if at + 1 < len(steps) else ended_at
        rows.append(
            [
                str(at + 1),
                step.name,
                "\n".join(filter(None, (step.department, step.agency))),
                step.actor or {"applicant": "Người nộp", "portal": "Cổng quốc gia"}.get(step.by, "Hệ thống"),
                _short(step.made_at),
                _short(step.due_at),
                _pace(step.due_at, until, now),
                step.note or "",
            ]
        )
    return rows


def _pace(due_at: datetime | None, until: datetime | None, now: datetime) -> str:
    if due_at is None:
        return ""
    if until is None:
        return "Đang xử lý" if now <= due_at else "Đang quá hạn"
    return "Đúng hạn" if until <= due_at else "Quá hạn"


def _short(moment: datetime | None) -> str:
    return f"{moment.astimezone(CITY_ZONE):%H:%M %d/%m/%Y}" if moment else ""


_FORMS: dict[int, Callable[[FormFacts], Sheet]] = {
    1: _receipt,
    2: _supplement,
    3: _refusal,
    4: _apology,
    5: _stop,
    6: _slip,
}
