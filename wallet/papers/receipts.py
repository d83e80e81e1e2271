"""Receipts of payments, as a PDF in both languages.

For goods and services ours is a receipt of the payment: the invoice (hóa đơn, Decree 123/2020/NĐ-CP) is the seller's,
and its number, its look-up code and a link to it are printed where the seller has told us. For fees of public
services and fines it is the receipt that says what was paid into the budget (biên lai thu phí, lệ phí; biên lai thu
tiền phạt), under a running number of its own series and year. The number is given when the payment is made, not when
somebody prints: so the numbers follow the payments, and every payment has one."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from uuid import UUID

import msgspec
from litestar import Response

from app.clock import CITY_ZONE
from app.db import Connection, Database, one, queries_beside
from app.identity.models import Principal
from app.jobs import News
from app.paper import A5, GREY, INK, MARGIN, PURPLE, Paper, two_receipts_at_a_time
from app.types import grouped
from wallet.models import BillerKind, PaymentKind, PaymentStatus
from wallet.papers import receipt_codes, tables, words
from wallet.papers.tables import MEDIA_TYPES

sql = queries_beside(__file__)

AT_ONCE = 100


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """All that a receipt says of a payment."""

    id: UUID
    kind: PaymentKind
    status: PaymentStatus
    amount: int
    refunded: int
    memo: str | None
    made_at: datetime
    paid_at: datetime | None
    payer: str
    payee: str
    payee_en: str | None
    payee_detail: str | None
    biller_kind: BillerKind | None
    reference: str | None
    customer_code: str | None
    customer_name: str | None
    period: str | None
    subject: str | None
    order_reference: str | None
    fee_number: str | None
    invoice_number: str | None
    invoice_look_up_code: str | None
    invoice_url: str | None
    code: str | None = None
    check_url: str | None = None

    @property
    def into_the_budget(self) -> bool:
        """A fee or a fine: ours is the receipt that counts."""
        return self.biller_kind in {"public_service_fee", "traffic_fine"}


async def file(database: Database, me: Principal, payment_id: UUID) -> Response[bytes]:
    """The receipt of a payment of mine, with the code by which anybody checks it; raises NotYetKnown.

    It holds no connection while it is drawn."""
    async with database.transaction() as db:
        code = await receipt_codes.code_of(db, me, payment_id)
        receipt = await one(Receipt, db, sql.receipt, payment_id, me.id)
    receipt = msgspec.structs.replace(receipt, code=code, check_url=receipt_codes.url_of(code))
    async with two_receipts_at_a_time:
        drawn = await asyncio.to_thread(draw, receipt)
    return Response(drawn, media_type=MEDIA_TYPES["pdf"], headers=tables.to_be_saved(f"bien-nhan-{payment_id}.pdf"))


def draw(receipt: Receipt) -> bytes:
    """The receipt on A5: one page, unless its words are many."""
    with closing(Paper(A5, " · ".join(_title(receipt)), "vi")) as paper:
        _draw(paper, receipt)
        return paper.done()


def _draw(paper: Paper, receipt: Receipt) -> None:
    title_vi, title_en = _title(receipt)
    paper.begin_page()
    paper.write_at(MARGIN, MARGIN + 10, "Hương", size=13, bold=True, colour=PURPLE)
    paper.write_at(paper.w - MARGIN, MARGIN + 10, "Thành phố Huế · City of Huế", size=8, colour=GREY, at="right")
    paper.rule(MARGIN + 20, PURPLE, 0.8)
    paper.write_at(MARGIN, MARGIN + 48, title_vi, size=17, bold=True)
    paper.write_at(MARGIN, MARGIN + 62, title_en, size=8.5, colour=GREY)
    _draw_amount(paper, receipt)
    for name, value in _facts(receipt):
        _draw_fact(paper, name, value)
    if receipt.invoice_url:
        _draw_fact(paper, "Tra cứu hóa đơn · Look it up", receipt.invoice_url, link=receipt.invoice_url)
    _draw_foot(paper, receipt)


def _draw_amount(paper: Paper, receipt: Receipt) -> None:
    paper.write_at(MARGIN, MARGIN + 98, f"{grouped(receipt.amount)} đ", size=25, bold=True)
    paid = receipt.status == "paid"
    colour = PURPLE if paid and not receipt.refunded else INK
    paper.write_at(paper.w - MARGIN, MARGIN + 62, _state(receipt), size=8.5, bold=True, colour=colour, at="right")
    paper.y = MARGIN + 114
    for text, colour in ((words.dong_vi(receipt.amount), INK), (words.dong_en(receipt.amount), GREY)):
        for line in paper.wrapped(text, paper.w - 2 * MARGIN, 8):
            paper.write_at(MARGIN, paper.y, line, size=8, colour=colour)
            paper.y += 11
    paper.y += 4
    paper.rule(paper.y)
    paper.y += 16


_NAMES_WIDTH = 108


def _draw_fact(paper: Paper, name: str, value: str, *, link: str | None = None) -> None:
    lines = paper.wrapped(value, paper.w - 2 * MARGIN - _NAMES_WIDTH, 8.5)
    if paper.y + 11.5 * len(lines) > paper.foot:
        paper.begin_page()
    paper.write_at(MARGIN, paper.y, name, size=7.5, colour=GREY)
    for line in lines:
        paper.write_at(MARGIN + _NAMES_WIDTH, paper.y, line, size=8.5)
        if link:
            paper.link(MARGIN + _NAMES_WIDTH, paper.y - 8.5, paper.width(line, 8.5), 11.5, link)
        paper.y += 11.5
    paper.y += 3.5


_QR_SIDE = 64


def _draw_foot(paper: Paper, receipt: Receipt) -> None:
    top = paper.foot - _QR_SIDE - 8
    if paper.y > top:
        paper.begin_page()
    paper.y = top
    paper.rule(paper.y - 8)
    width = paper.w - 2 * MARGIN
    if receipt.check_url and receipt.code:
        paper.draw_qr(receipt.check_url, paper.w - MARGIN - _QR_SIDE, paper.y, _QR_SIDE)
        width -= _QR_SIDE + 16
    y = paper.y + 8
    for text, colour in (*_check_words(receipt), *_small_print(receipt)):
        for line in paper.wrapped(text, width, 7):
            paper.write_at(MARGIN, y, line, size=7, colour=colour)
            y += 9.5


def _title(receipt: Receipt) -> tuple[str, str]:
    match receipt.status, receipt.biller_kind, receipt.kind:
        case "pending", _, _:
            return "Giao dịch đang xử lý", "A payment on its way"
        case "failed", _, _:
            return "Giao dịch không thành công", "A payment that failed"
        case _, "public_service_fee", _:
            return "Biên lai thu phí, lệ phí", "Receipt for a public-service fee"
        case _, "traffic_fine", _:
            return "Biên lai thu tiền phạt", "Receipt for a fine"
        case _, _, "person":
            return "Biên nhận chuyển tiền", "Receipt of a transfer"
        case _:
            return "Biên nhận thanh toán", "Payment receipt"


def _state(receipt: Receipt) -> str:
    match receipt.status:
        case "pending":
            return "Chưa thanh toán xong · Not paid yet"
        case "failed":
            return "Không thanh toán · Not paid"
        case "paid" if receipt.refunded >= receipt.amount:
            return "Đã hoàn toàn bộ · Refunded in full"
        case "paid" if receipt.refunded:
            return "Đã hoàn một phần · Refunded in part"
        case "paid":
            return "Đã thanh toán · Paid"


def _facts(receipt: Receipt) -> Sequence[tuple[str, str]]:
    paid = receipt.status == "paid"
    number = receipt.fee_number or "đang cấp · being given"
    asked: list[tuple[str, str | None]] = [
        ("Số biên lai · Number", number if paid and receipt.into_the_budget else None),
        ("Người trả tiền · Payer", receipt.payer),
        ("Người nhận · Payee", " · ".join(filter(None, (receipt.payee, receipt.payee_en)))),
        ("Nơi nhận · At", receipt.payee_detail if receipt.kind != "bill" else None),
        ("Mã khách hàng · Customer", " · ".join(filter(None, (receipt.customer_code, receipt.customer_name)))),
        ("Kỳ · Period", receipt.period),
        ("Khoản thu · For", receipt.subject),
        ("Số tham chiếu · Reference", receipt.reference or receipt.order_reference),
        ("Nội dung · Memo", receipt.memo),
        ("Thời gian trả · Paid", _moment(receipt.paid_at) if paid else None),
        ("Thời gian gửi · Asked", _moment(receipt.made_at) if not paid else None),
        ("Mã giao dịch · Payment id", str(receipt.id)),
        ("Đã hoàn · Refunded", f"{grouped(receipt.refunded)} đ" if receipt.refunded else None),
        ("Hóa đơn điện tử · E-invoice", receipt.invoice_number),
        ("Mã tra cứu · Look-up code", receipt.invoice_look_up_code),
    ]
    return [(name, value) for name, value in asked if value]


def _moment(moment: datetime | None) -> str | None:
    return moment and f"{moment.astimezone(CITY_ZONE):%H:%M:%S ngày %d/%m/%Y}"


def _check_words(receipt: Receipt) -> Sequence[tuple[str, tuple[int, int, int]]]:
    if not (receipt.code and receipt.check_url):
        return []
    code = "-".join(receipt.code[first : first + 4] for first in range(0, len(receipt.code), 4))
    return [(f"Mã biên nhận · Receipt code: {code}", INK), (receipt.check_url, INK)]


def _small_print(receipt: Receipt) -> Sequence[tuple[str, tuple[int, int, int]]]:
    match receipt.status, receipt.into_the_budget:
        case "pending", _:
            vi = "Đây chưa phải là biên nhận: tiền đang được giữ đến khi bên nhận trả lời."
            en = "This is no receipt yet: the money is held until the payee has answered."
        case "failed", _:
            vi = "Đây không phải là biên nhận: giao dịch không thành công, tiền đã trở về ví."
            en = "This is no receipt: the payment failed, and its money is in the wallet."
        case _, True:
            vi = "Chứng từ nộp ngân sách, lập theo giao dịch trên ví của thành phố; số chạy liên tục trong năm."
            en = "Proof of payment into the budget; numbers run without gaps through the year."
        case _:
            vi = "Đây là biên nhận của giao dịch thanh toán. Hóa đơn (nếu có) do bên bán phát hành."
            en = "This is the receipt of a payment. The invoice, if there is one, is issued by the seller."
    return [(vi, GREY), (en, GREY)]


async def number_fees(db: Connection, news: Sequence[News]) -> None:
    """Give each fee and each fine that was paid the next number of its series, once; heard after the payment.

    The row of the series is locked until the turn commits, and a turn that fails gives its numbers back."""
    await db.execute(
        sql.number_fees,
        [UUID(paid.data["payment_id"]) for paid in news],
        [paid.data["biller"] for paid in news],
        [paid.made_at for paid in news],
    )
