"""What a biller's own machines do here: publish bills, take them back, and read what was paid."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from app.clock import city_today
from app.db import Connection, many, one, queries_beside
from app.errors import Malformed, NotFound
from app.identity.models import Principal
from app.types import Page, cursor_of, key_of
from wallet import bills
from wallet.billers import e_invoices
from wallet.billers.adapters import EInvoice
from wallet.billers.billers import need_to_speak_for
from wallet.billers.models import BillerBill, BillerPayment, GiveEInvoice, PublishBill
from wallet.ledger import BillNotDue

sql = queries_beside(__file__)

MOST_DAYS = 92


class BillNotPaid(BillNotDue):
    """Hóa đơn này chưa được thanh toán ở đây.

    This bill was not paid here."""


async def publish(
    db: Connection, me: Principal, biller_code: str, reference: str, wanted: PublishBill
) -> tuple[BillerBill, bool]:
    """Issue a bill under the biller's own reference, once: the same again is the same. Returns it, and if it is new.

    Raises NotFound for a biller that the machine does not speak for, BadCustomerCode, and BillAlreadyIssued for
    another bill under the reference: take that one back, and issue it anew under another."""
    await need_to_speak_for(db, me.id, biller_code)
    await bills.check_code(db, biller_code, wanted.customer_code)
    known = await db.fetchval(sql.is_issued, biller_code, reference)
    await bills.issue(
        db,
        biller=biller_code,
        reference=reference,
        customer_code=wanted.customer_code,
        customer_name=wanted.customer_name,
        period=wanted.period,
        amount=wanted.amount,
        due_on=wanted.due_on,
    )
    return await one(BillerBill, db, sql.biller_bill, biller_code, reference), not known


async def withdraw(db: Connection, me: Principal, biller_code: str, reference: str) -> BillerBill:
    """Take a bill back that is still due; again is the same.

    Raises NotFound, and BillNotDue once it is paid or on its way."""
    bill = await show(db, me, biller_code, reference)
    if bill.status in {"paid", "paying"}:
        raise BillNotDue
    if await db.fetchval(sql.withdraw_by_reference, biller_code, reference) is None:
        raise BillNotDue
    return await show(db, me, biller_code, reference)


async def show(db: Connection, me: Principal, biller_code: str, reference: str) -> BillerBill:
    """A bill of the biller, and whether it is paid; raises NotFound."""
    await need_to_speak_for(db, me.id, biller_code)
    found = await many(BillerBill, db, sql.biller_bill, biller_code, reference)
    if not found:
        raise NotFound
    return found[0]


async def give_e_invoice(
    db: Connection, me: Principal, biller_code: str, reference: str, wanted: GiveEInvoice
) -> BillerBill:
    """Tell how a paid bill's electronic invoice is looked up; the first that is told stays.

    Raises NotFound, BillNotPaid."""
    bill = await show(db, me, biller_code, reference)
    if bill.status != "paid" or bill.payment_id is None:
        raise BillNotPaid
    await e_invoices.keep(db, bill.payment_id, EInvoice(wanted.number, wanted.look_up_code, wanted.url))
    return bill


async def payments(
    db: Connection,
    me: Principal,
    biller_code: str,
    start: date | None,
    end: date | None,
    cursor: str | None,
    limit: int,
) -> Page[BillerPayment]:
    """What was paid to the biller on the days from `start` to `end` in Huế (today, if none is said), oldest first.

    Raises NotFound, BadCursor, and Malformed for more than `MOST_DAYS` days."""
    await need_to_speak_for(db, me.id, biller_code)
    today = city_today()
    start, end = start or end or today, end or today
    if not 0 <= (end - start).days < MOST_DAYS:
        raise Malformed(errors=[{"field": "from", "message": f"1 to {MOST_DAYS} days, the first one first"}])
    key = key_of(cursor, tuple[Annotated[datetime, Meta(tz=True)], UUID]) or (None, None)
    lines = await many(_PaidLine, db, sql.biller_payments, biller_code, start, end, *key, limit + 1)
    last = lines[limit - 1] if len(lines) > limit else None
    return Page(items=[line.shown() for line in lines[:limit]], next=last and cursor_of(last.paid_at, last.bill_id))


class _PaidLine(BillerPayment):
    bill_id: UUID

    def shown(self) -> BillerPayment:
        """Without the key of the page."""
        return BillerPayment(
            payment_id=self.payment_id,
            reference=self.reference,
            customer_code=self.customer_code,
            amount=self.amount,
            paid_at=self.paid_at,
        )
