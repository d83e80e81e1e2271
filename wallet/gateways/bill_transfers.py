"""A bill that any bank's app can pay, without a wallet: its transfer code, its VietQR, and its page for everybody.

Whoever has a bill's reference may see it, with the name masked. So that nobody reads through all references, an
address that asks for too many that are not there waits, whatever it asks for."""

from datetime import date
from html import escape
from uuid import UUID

import msgspec
import qrcode
from litestar import Response
from qrcode.constants import ERROR_CORRECT_M

from app import pages
from app.budgets import Budget, spend
from app.config import settings
from app.db import Connection, maybe, queries_beside
from app.errors import Language, NotFound, Refusal, TooManyRequests
from app.types import address_key, grouped
from wallet import ledger, qr
from wallet.gateways import transfer_codes
from wallet.gateways.inbound_models import BillTransfer, PublicBill
from wallet.models import BillStatus

sql = queries_beside(__file__)

MISSES, MISSES_WINDOW_S = 20, 600
LOOKS_IN_TEN_MINUTES = 300

_STATUS: dict[BillStatus, tuple[str, str]] = {
    "due": ("Chưa thanh toán", "Due"),
    "paying": ("Đang thanh toán", "Being paid"),
    "paid": ("Đã thanh toán", "Paid"),
    "withdrawn": ("Đã thu hồi", "Withdrawn"),
}


class NoBankTransfers(Refusal):
    """Hiện chưa thanh toán được hóa đơn bằng chuyển khoản.

    Bills cannot be paid by bank transfer at present."""


class _Bill(msgspec.Struct, frozen=True):
    id: UUID
    biller: str
    name_vi: str
    name_en: str
    reference: str
    customer_name: str
    period: str
    amount: int
    due_on: date
    status: BillStatus


async def vietqr(db: Connection, bill_id: UUID) -> BillTransfer:
    """How a bill is paid from a bank's app; raises UnknownBill, BillNotDue, NoBankTransfers."""
    bill = await maybe(_Bill, db, sql.bill_to_pay, bill_id)
    if bill is None:
        raise ledger.UnknownBill
    if bill.status != "due":
        raise ledger.BillNotDue
    if not settings().bank_account:
        raise NoBankTransfers
    return await _transfer(db, bill)


async def _transfer(db: Connection, bill: _Bill) -> BillTransfer:
    here, code = settings(), await _code(db, bill.id)
    return BillTransfer(
        text=qr.write_transfer(
            bank_bin=here.partner_bank_bin, account=here.bank_account, amount=bill.amount, purpose=code
        ),
        code=code,
        amount=bill.amount,
        bank_bin=here.partner_bank_bin,
        account_number=here.bank_account,
        account_name=here.bank_account_name,
    )


async def _code(db: Connection, bill_id: UUID) -> str:
    """The bill's own, made when it is first asked for."""
    code: str | None = await db.fetchval(sql.bill_code, bill_id)
    while code is None:  # another bill's code comes up once in many millions
        await db.execute(sql.make_bill_code, bill_id, transfer_codes.make(transfer_codes.BILL))
        code = await db.fetchval(sql.bill_code, bill_id)
    return code


async def show(db: Connection, address: str, biller: str, reference: str, language: Language) -> PublicBill:
    """A bill, to whoever has its reference; raises NotFound, TooManyRequests."""
    bill = await _look_up(db, address, biller, reference)
    payable = bill.status == "due" and settings().bank_account
    return PublicBill(
        biller=bill.biller,
        biller_name=bill.name_en if language == "en" else bill.name_vi,
        reference=bill.reference,
        customer_name=bill.customer_name,
        period=bill.period,
        amount=bill.amount,
        due_on=bill.due_on,
        status=bill.status,
        transfer=await _transfer(db, bill) if payable else None,
    )


async def _look_up(db: Connection, address: str, biller: str, reference: str) -> _Bill:
    """Counted: every look a little, every one in vain more."""
    whose = address_key(address)
    missed = f"no such bill {whose}"
    wait_s: int | None = await db.fetchval(sql.budget_is_used_up, missed, MISSES_WINDOW_S, MISSES)
    if wait_s is not None:
        raise TooManyRequests(retry_after_s=max(1, wait_s))
    await spend(db, Budget(f"public bills {whose}", LOOKS_IN_TEN_MINUTES, 600))
    bill = await maybe(_Bill, db, sql.bill_by_reference, biller, reference)
    if bill is None:
        await spend(db, Budget(missed, MISSES, MISSES_WINDOW_S))
        raise NotFound
    return bill


async def page(db: Connection, address: str, biller: str, reference: str, accepts: str) -> Response[str]:
    """The same as a page to scan from; raises NotFound (a page for whoever `accepts` HTML), TooManyRequests."""
    try:
        bill = await _look_up(db, address, biller, reference)
    except NotFound:
        if "text/html" not in accepts:
            raise
        words = pages.said("Hãy xem lại mã trên hóa đơn.", "Please look at the reference on the bill again.")
        return pages.page("Không tìm thấy hóa đơn", "No such bill", words, status=404)
    status_vi, status_en = _STATUS[bill.status]
    lines = [
        ("Số tiền", "Amount", f"{grouped(bill.amount)} ₫"),
        ("Đơn vị thu", "Biller", f"{bill.name_vi} · {bill.name_en}"),
        ("Khách hàng", "Customer", bill.customer_name),
        ("Mã hóa đơn", "Reference", bill.reference),
        ("Kỳ", "Period", bill.period),
        ("Hạn thanh toán", "Due on", f"{bill.due_on:%d/%m/%Y}"),
        ("Trạng thái", "Status", f"{status_vi} · {status_en}"),
    ]
    scan = ""
    if bill.status == "due" and settings().bank_account:
        scan = _how_to_pay(await _transfer(db, bill))
    return pages.page(
        "Thanh toán hóa đơn", "Pay a bill", pages.facts(lines[:1], big="Số tiền") + scan + pages.facts(lines[1:])
    )


def _how_to_pay(transfer: BillTransfer) -> str:
    return (
        pages.said(
            "Quét bằng ứng dụng của bất kỳ ngân hàng nào; số tiền và nội dung được điền sẵn.",
            "Scan with any bank's app; amount and words are filled in.",
        )
        + _drawing(transfer.text)
        + pages.facts(
            [
                ("Số tài khoản", "Account number", f"{transfer.account_number} ({transfer.bank_bin})"),
                ("Chủ tài khoản", "Account name", transfer.account_name),
                ("Nội dung chuyển khoản", "Words of the transfer", transfer.code),
            ]
        )
    )


def _drawing(text: str) -> str:
    """A QR as a drawing inside the page: nothing else is loaded."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=4, box_size=1)
    code.add_data(text)
    code.make(fit=True)
    rows = code.get_matrix()
    squares = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return (
        f'<svg viewBox="0 0 {len(rows)} {len(rows)}" role="img" aria-label="{escape("Mã VietQR · VietQR code")}">'
        f'<rect width="100%" height="100%" fill="#fff"/><path d="{squares}" fill="#000"/></svg>'
    )
