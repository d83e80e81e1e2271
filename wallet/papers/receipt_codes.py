"""A receipt that anybody can check: by a code on it, which shows what was paid to whom, and whether it still stands.

Twelve of Crockford's 32 letters and digits, drawn at random: sixty bits that nobody guesses. A person is shown by a
masked name, a shop or a biller by its own."""

import secrets
from datetime import datetime
from uuid import UUID

from litestar import Response

from app import pages
from app.clock import CITY_ZONE
from app.config import settings
from app.db import Connection, Database, maybe, queries_beside
from app.errors import NotFound
from app.identity.models import Principal
from app.types import Answer, grouped
from wallet.models import PaymentKind, PaymentStatus
from wallet.payments import NotYetKnown

sql = queries_beside(__file__)

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 12


class ReceiptCode(Answer):
    """The code of a receipt, and the page on which anybody checks it."""

    code: str
    url: str


class ReceiptCheck(Answer):
    """What a receipt's code says of its payment, as it stands now. Amounts in đồng."""

    code: str
    kind: PaymentKind
    status: PaymentStatus
    amount: int
    refunded: int
    payer: str
    payee: str
    made_at: datetime


async def of_payment(database: Database, me: Principal, payment_id: UUID) -> ReceiptCode:
    """The code of a payment of mine; raises NotYetKnown."""
    async with database.transaction() as db:
        code = await code_of(db, me, payment_id)
    return ReceiptCode(code=code, url=url_of(code))


async def code_of(db: Connection, me: Principal, payment_id: UUID) -> str:
    """The same, for whoever prints it; raises NotYetKnown."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    code: str | None = await db.fetchval(sql.keep_receipt_code, payment_id, me.id, drawn)
    if code is None:
        raise NotYetKnown
    return code


def url_of(code: str) -> str:
    """Where anybody checks it."""
    return f"{settings().public_url}/r/{code}"


def read(text: str) -> str:
    """A code however a person types it: small letters, spaces, `O` for nought, `I` and `L` for one."""
    plain = text.upper().replace(" ", "").replace("-", "")
    return plain.translate(str.maketrans("OIL", "011"))


async def check(db: Connection, text: str) -> ReceiptCheck:
    """What anybody is shown; raises NotFound."""
    shown = await maybe(ReceiptCheck, db, sql.check_receipt, read(text))
    if shown is None:
        raise NotFound
    return shown


_STATES: dict[PaymentStatus, tuple[str, str]] = {
    "paid": ("Đã thanh toán", "Paid"),
    "pending": ("Đang chờ đơn vị thu trả lời: chưa thanh toán xong", "Waiting for the biller: not paid yet"),
    "failed": ("Không thanh toán được", "Not paid"),
}


async def page(db: Connection, text: str) -> Response[str]:
    """The same for a browser, also where there is none."""
    shown = await maybe(ReceiptCheck, db, sql.check_receipt, read(text))
    if shown is None:
        hint = pages.said("Hãy so lại mã trên biên nhận.", "Compare the code with the one on the receipt.")
        return pages.page("Không có biên nhận này", "There is no such receipt", hint, status=404)
    return pages.page(f"Biên nhận {shown.code}", f"Receipt {shown.code}", pages.facts(_words(shown), big="Số tiền"))


def _words(shown: ReceiptCheck) -> list[tuple[str, str, str]]:
    vi, en = _STATES[shown.status]
    lines = [
        ("Tình trạng", "Status", f"{vi} · {en}"),
        ("Số tiền", "Amount", f"{grouped(shown.amount)} đ"),
        ("Thời gian", "When", f"{shown.made_at.astimezone(CITY_ZONE):%H:%M %d/%m/%Y}"),
        ("Người trả", "Payer", shown.payer),
        ("Người nhận", "Payee", shown.payee),
    ]
    if shown.refunded:
        lines.insert(2, ("Đã hoàn lại", "Refunded", f"{grouped(shown.refunded)} đ"))
    return lines
