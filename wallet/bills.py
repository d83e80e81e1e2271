"""Bills: issued by the city's billers and by other domains, found by customer code, kept codes."""

from datetime import date
from uuid import UUID, uuid5

from app.budgets import Budget, spend
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import Language, NotFound, Refusal, refusing
from app.identity.models import Principal
from app.types import masked_name, new_id
from wallet import ledger
from wallet.ledger import Moved
from wallet.models import Bill, CustomerCode, KeepCustomerCode

sql = queries_beside(__file__)

MOST_CODES = 50


class UnknownBiller(Refusal):
    """Không tìm thấy đơn vị thu này.

    This biller is not known."""

    status = 404


class BadCustomerCode(Refusal):
    """Mã khách hàng không đúng mẫu của đơn vị thu; ví dụ: {example}.

    The customer code does not have the biller's form; an example is {example}."""

    status = 400


class TooManyCodesKept(Refusal):
    """Bạn đã lưu {most} mã khách hàng, không thể thêm nữa.

    You keep {most} customer codes already; no more can be added."""


class CustomerCodeAlreadyKept(Refusal):
    """Mã khách hàng này đã được lưu.

    This customer code is already kept."""


class BillAlreadyIssued(Refusal):
    """Đơn vị thu đã phát hành hóa đơn khác với số tham chiếu này.

    The biller has issued another bill under this reference."""


async def may_ask(db: Connection, me: Principal, biller: str, customer_code: str) -> None:
    """Before the bills of a customer code are shown: budgeted, so that nobody reads through the codes.

    Raises UnknownBiller, BadCustomerCode, TooManyRequests."""
    await spend(db, Budget(f"bills {me.id}", 30, 600), Budget(f"bills {me.id}", 200, 86_400))
    await check_code(db, biller, customer_code)


async def of_customer(db: Connection, biller: str, customer_code: str, language: Language) -> list[Bill]:
    """The bills of a customer code that we know, due ones first."""
    return await many(Bill, db, sql.bills_of_customer, biller, customer_code, language)


async def show(db: Connection, bill_id: UUID, language: Language) -> Bill:
    """A bill by the id that a message or a fine links to: whoever has it may pay it, so may look. Raises NotFound."""
    bill = await maybe(Bill, db, sql.bill_by_id, bill_id, language)
    if bill is None:
        raise NotFound
    return bill


async def mine(db: Connection, me: Principal, language: Language) -> list[Bill]:
    """The bills of all customer codes that I keep, as we know them, due ones first."""
    return await many(Bill, db, sql.bills_of_mine, me.id, language)


async def keep_code(db: Connection, me: Principal, customer_code_id: UUID, wanted: KeepCustomerCode) -> CustomerCode:
    """Keep a customer code under the phone's id; raises UnknownBiller, BadCustomerCode, TooManyCodesKept,
    CustomerCodeAlreadyKept."""
    if await db.fetchval(sql.other_customer_codes, me.id, customer_code_id) >= MOST_CODES:
        raise TooManyCodesKept(most=MOST_CODES)
    await check_code(db, wanted.biller, wanted.customer_code)
    with refusing(customer_code_kept_once=CustomerCodeAlreadyKept):
        return await one(
            CustomerCode,
            db,
            sql.keep_customer_code,
            me.id,
            customer_code_id,
            wanted.biller,
            wanted.customer_code,
            wanted.nickname,
            wanted.remind_days_before,
        )


async def my_codes(db: Connection, me: Principal) -> list[CustomerCode]:
    """The customer codes that I keep."""
    return await many(CustomerCode, db, sql.customer_codes, me.id)


async def drop_code(db: Connection, me: Principal, customer_code_id: UUID) -> None:
    """Keep it no longer; raises NotFound."""
    if await db.fetchval(sql.drop_customer_code, me.id, customer_code_id) is None:
        raise NotFound


async def check_code(db: Connection, biller: str, customer_code: str) -> None:
    """Raises UnknownBiller, and BadCustomerCode for a code that has not the form of this biller's."""
    form = await db.fetchrow(sql.customer_code_form, biller, customer_code)
    if form is None:
        raise UnknownBiller
    if not form["fits"]:
        raise BadCustomerCode(example=form["example"])


async def issue(
    db: Connection,
    *,
    biller: str,
    reference: str,
    customer_code: str,
    customer_name: str,
    period: str,
    amount: int,
    due_on: date,
    subject: str | None = None,
) -> UUID:
    """Issue a bill, once per (biller, reference); `subject` comes back in BillPaid. Returns the bill's id.

    The customer's name is kept masked. The same bill again is the same id, paid or not; raises BillAlreadyIssued for
    another under its reference, and for one that was withdrawn."""
    bill_id: UUID | None = await db.fetchval(
        sql.issue_bill,
        new_id(),
        biller,
        reference,
        customer_code,
        masked_name(customer_name),
        period,
        amount,
        due_on,
        subject,
    )
    if bill_id is None:
        raise BillAlreadyIssued
    return bill_id


async def collect(db: Connection, collection_id: UUID, bill_id: UUID, debit_id: UUID, amount: int) -> Moved:
    """Pay a bill with money that comes from no wallet: GUARANTEE (a bank transfer), CASH or SUSPENSE.

    Of a biller that is asked first, the money waits in suspense, held; if the biller refuses it stays there. Raises
    UnknownBill, BillNotDue, AmountDiffers, PaymentIdTaken."""
    if debit_id != ledger.SUSPENSE and await db.fetchval(sql.bill_to_collect, bill_id):
        waits = ledger.Move(uuid5(collection_id, "suspense"), "suspense", debit_id, ledger.SUSPENSE, amount)
        await ledger.move(db, waits)
        debit_id = ledger.SUSPENSE
    return await ledger.move(db, ledger.Move(collection_id, "collection", debit_id, amount=amount, bill_id=bill_id))


async def withdraw(db: Connection, bill_id: UUID) -> bool:
    """Take a bill back; False if it is no longer due."""
    return await db.fetchval(sql.withdraw_bill, bill_id) is not None
