"""The doors of billers: residents who look for bills, those who look after billers, and the billers' own machines."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, PathParameter, QueryParameter

from app.deps import Db, Door
from app.identity import possession
from app.identity.possession import ProofHeader
from app.replies import Reply
from app.types import Nothing, Page
from wallet import bills, findings
from wallet.billers import autopay, billers, calls, connections, e_invoices, lists, publishing
from wallet.billers.models import (
    BillEInvoice,
    BillerBill,
    BillerCall,
    BillerConnection,
    BillerPayment,
    GiveEInvoice,
    ProposeConnection,
    PublishBill,
    PutBiller,
    StaffBiller,
    StaffBillers,
)
from wallet.models import ApproveFinding, Autopay, Bill, Biller, Bills, Finding, SetAutopay, WriteFinding

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]
CodeQuery = Annotated[str | None, QueryParameter(min_length=1, max_length=40, pattern=r"^[0-9A-Za-z._-]+$")]
FirstDay = Annotated[date | None, QueryParameter(name="from")]
LastDay = Annotated[date | None, QueryParameter(name="to")]
BillerCode = Annotated[str, PathParameter(min_length=2, max_length=40, pattern=r"^[a-z0-9-]+$")]
Reference = Annotated[str, PathParameter(min_length=1, max_length=60, pattern=r"^[0-9A-Za-z._-]+$")]


@get("/v1/wallet/billers")
async def list_billers(db: Db, request: Door) -> list[Biller]:
    """Who issues bills."""
    return await billers.all_of_them(db, request.lang)


@get("/v1/wallet/bills")
async def list_bills(request: Door, biller: CodeQuery = None, customer_code: CodeQuery = None) -> Bills:
    """The bills of a customer code, or of all the codes that I keep; billers with a system of their own are asked."""
    return await lists.find(request.app.state.database, request.me, biller, customer_code, request.lang)


@get("/v1/wallet/bills/{bill_id:uuid}")
async def get_bill(db: Db, request: Door, bill_id: FromPath[UUID]) -> Bill:
    """A bill as we know it, due or not, to whoever has its id; the name is masked."""
    return await bills.show(db, bill_id, request.lang)


@get("/v1/wallet/payments/{payment_id:uuid}/e-invoice")
async def get_e_invoice(db: Db, request: Door, payment_id: FromPath[UUID]) -> BillEInvoice:
    """The biller's electronic invoice for a payment of mine; 404 until the biller has told it."""
    return await e_invoices.show(db, request.me, payment_id)


@put("/v1/wallet/customer-codes/{customer_code_id:uuid}/autopay")
async def set_autopay(
    db: Db, request: Door, customer_code_id: FromPath[UUID], data: JSONBody[SetAutopay], proof: ProofHeader = None
) -> Autopay:
    """Have this code's bills pay themselves, or otherwise from now on. The wallet must be open."""
    await possession.check(request, proof)
    return await autopay.switch_on(db, request.me, customer_code_id, data)


@get("/v1/wallet/customer-codes/{customer_code_id:uuid}/autopay")
async def get_autopay(db: Db, request: Door, customer_code_id: FromPath[UUID]) -> Autopay:
    """How this code's bills pay themselves; 404: they do not."""
    return await autopay.show(db, request.me, customer_code_id)


@delete("/v1/wallet/customer-codes/{customer_code_id:uuid}/autopay", status_code=204)
async def end_autopay(db: Db, request: Door, customer_code_id: FromPath[UUID]) -> None:
    """They do no longer."""
    await autopay.switch_off(db, request.me, customer_code_id)


# Those who look after billers


@get("/v1/staff/billers", who=("finance", "admin"))
async def list_staff_billers(db: Db) -> StaffBillers:
    """Billers, how their systems are asked, and how many payments wait for their answer."""
    return await billers.overview(db)


@put("/v1/staff/billers/{biller_code:str}", who=("finance",))
async def put_biller(db: Db, request: Door, biller_code: BillerCode, data: JSONBody[PutBiller]) -> StaffBiller:
    """Have a biller be so from now on; a new one gets an account."""
    return await billers.put(db, request.me, biller_code, data)


@put("/v1/staff/billers/{biller_code:str}/connections/{connection_id:uuid}", who=("finance",))
async def propose_biller_connection(
    db: Db, request: Door, biller_code: BillerCode, connection_id: FromPath[UUID], data: JSONBody[ProposeConnection]
) -> BillerConnection:
    """Propose how a biller's own system is asked; somebody else must approve it."""
    return await connections.propose(db, request.me, biller_code, connection_id, data)


@put("/v1/staff/billers/{biller_code:str}/connections/{connection_id:uuid}/approval", who=("finance",))
async def approve_biller_connection(
    db: Db, request: Door, biller_code: BillerCode, connection_id: FromPath[UUID], data: JSONBody[Nothing]
) -> BillerConnection:
    """The second pair of eyes: from now on the biller is asked so."""
    return await connections.approve(db, request.me, biller_code, connection_id)


@put("/v1/staff/billers/{biller_code:str}/connections/{connection_id:uuid}/refusal", who=("finance",))
async def refuse_biller_connection(
    db: Db, request: Door, biller_code: BillerCode, connection_id: FromPath[UUID], data: JSONBody[Nothing]
) -> BillerConnection:
    """It is not asked so."""
    return await connections.refuse(db, request.me, biller_code, connection_id)


@put("/v1/staff/billers/{biller_code:str}/machines/{machine_id:uuid}", who=("admin",))
async def bind_biller_machine(
    db: Db, request: Door, biller_code: BillerCode, machine_id: FromPath[UUID], data: JSONBody[Nothing]
) -> StaffBiller:
    """From now on this machine speaks for the biller, as far as its scopes go."""
    return await billers.bind_machine(db, request.me, biller_code, machine_id)


@delete("/v1/staff/billers/{biller_code:str}/machines/{machine_id:uuid}", status_code=204, who=("admin",))
async def free_biller_machine(db: Db, request: Door, biller_code: BillerCode, machine_id: FromPath[UUID]) -> None:
    """It does no longer."""
    await billers.free_machine(db, request.me, biller_code, machine_id)


@get("/v1/staff/biller-calls", who=("finance",))
async def list_biller_calls(
    db: Db, cursor: Cursor = None, limit: Limit = 20, open_only: FromQuery[bool] = False
) -> Page[BillerCall]:
    """Payments that billers were asked to take, newest first; with `open_only` those whose end nobody knows yet."""
    return await calls.page(db, cursor, limit, open_only)


@put("/v1/staff/biller-calls/{biller_call_id:uuid}/finding", who=("finance",))
async def find_biller_call(
    db: Db, request: Door, biller_call_id: FromPath[UUID], data: JSONBody[WriteFinding]
) -> Finding:
    """Write down what became of a payment of which its biller says nothing by machine; its id is the payment's."""
    return await findings.write(db, request.me, calls.STUCK, biller_call_id, data)


@put("/v1/staff/biller-calls/{biller_call_id:uuid}/approval", who=("finance",))
async def approve_biller_call_finding(
    db: Db, request: Door, biller_call_id: FromPath[UUID], data: JSONBody[ApproveFinding]
) -> Finding:
    """The second pair of eyes on what was found: from now on it is the payment's end."""
    return await findings.approve(db, request.me, calls.STUCK, biller_call_id, data)


# Billers' machines


@put(
    "/v1/billers/{biller_code:str}/bills/{reference:str}",
    status_code=201,
    responses={200: ResponseSpec(BillerBill)},
    who=("scope:bills.write",),
)
async def publish_bill(
    db: Db, request: Door, biller_code: BillerCode, reference: Reference, data: JSONBody[PublishBill]
) -> Reply[BillerBill]:
    """Publish a bill, once per reference: 201 when it is new, 200 when it was there before."""
    bill, new = await publishing.publish(db, request.me, biller_code, reference, data)
    return Reply(bill, status_code=201 if new else 200)


@get("/v1/billers/{biller_code:str}/bills/{reference:str}", who=("scope:bills.read", "scope:bills.write"))
async def get_biller_bill(db: Db, request: Door, biller_code: BillerCode, reference: Reference) -> BillerBill:
    """A bill of the biller, and whether it is paid."""
    return await publishing.show(db, request.me, biller_code, reference)


@put("/v1/billers/{biller_code:str}/bills/{reference:str}/withdrawal", who=("scope:bills.write",))
async def withdraw_biller_bill(
    db: Db, request: Door, biller_code: BillerCode, reference: Reference, data: JSONBody[Nothing]
) -> BillerBill:
    """Take a bill back that is still due."""
    return await publishing.withdraw(db, request.me, biller_code, reference)


@put("/v1/billers/{biller_code:str}/bills/{reference:str}/e-invoice", who=("scope:bills.write",))
async def give_e_invoice(
    db: Db, request: Door, biller_code: BillerCode, reference: Reference, data: JSONBody[GiveEInvoice]
) -> BillerBill:
    """Tell how the electronic invoice of a paid bill is looked up."""
    return await publishing.give_e_invoice(db, request.me, biller_code, reference, data)


@get("/v1/billers/{biller_code:str}/payments", who=("scope:bills.read",))
async def list_biller_payments(
    db: Db, request: Door, biller_code: BillerCode, start: FirstDay = None, end: LastDay = None,
    cursor: Cursor = None, limit: Limit = 20,
) -> Page[BillerPayment]:  # fmt: skip
    """What was paid to the biller on these days of Huế, oldest first: to reconcile with."""
    return await publishing.payments(db, request.me, biller_code, start, end, cursor, limit)


router = Router(
    "/",
    route_handlers=[
        list_billers, list_bills, get_bill, get_e_invoice, set_autopay, get_autopay, end_autopay,
        list_staff_billers, put_biller, propose_biller_connection, approve_biller_connection,
        refuse_biller_connection, bind_biller_machine, free_biller_machine, list_biller_calls,
        find_biller_call, approve_biller_call_finding,
        publish_bill, get_biller_bill, withdraw_biller_bill, give_e_invoice, list_biller_payments,
    ],
    tags=["wallet"],
)  # fmt: skip
