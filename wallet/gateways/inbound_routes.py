"""The doors of money that comes in: those at which banks' messengers knock, bills for everybody, and the staff's."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import Response, Router, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody, PathParameter, QueryParameter

from app.deps import Db, Door
from app.types import Nothing, Page
from wallet.gateways import bill_transfers, cash, inbound, inbound_proposals, suspense
from wallet.gateways.inbound_models import (
    BillTransfer,
    CallMistake,
    CashClose,
    CashReceipt,
    CloseCash,
    CreditBill,
    CreditDrawer,
    CreditGateway,
    CreditMerchant,
    CreditWallet,
    DecideResolution,
    Heard,
    InboundProposal,
    InboundStatus,
    InboundTransfer,
    KeepInReserve,
    PublicBill,
    RetellTransfer,
    SendBack,
    SuspenseItem,
    SuspenseStatus,
    TakeCash,
    TellTransfer,
    VoidReceipt,
)

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]
Agency = Annotated[str | None, QueryParameter(min_length=1, max_length=40, pattern=r"^[0-9A-Za-z._-]+$")]
BillerCode = Annotated[str, PathParameter(min_length=2, max_length=40, pattern=r"^[a-z0-9-]+$")]
Reference = Annotated[str, PathParameter(min_length=1, max_length=60, pattern=r"^[0-9A-Za-z._-]+$")]


@post("/v1/gateways/bank-transfers/sepay", public=True, status_code=200, hears=True)
async def hear_sepay(request: Door) -> Heard:
    """SePay tells of a transfer (webhook, `Authorization: Apikey`): heard once, however often it is told."""
    return await inbound.hear_sepay(request.app.state.database, request.headers, await request.body())


@post("/v1/gateways/bank-transfers/casso", public=True, status_code=200, hears=True)
async def hear_casso(request: Door) -> Heard:
    """Casso tells of a transfer (webhook version 2, `X-Casso-Signature`): heard once, however often it is told."""
    return await inbound.hear_casso(request.app.state.database, request.headers, await request.body())


@get("/v1/wallet/bills/{bill_id:uuid}/vietqr")
async def get_bill_vietqr(db: Db, bill_id: FromPath[UUID]) -> BillTransfer:
    """How a bill is paid from any bank's app."""
    return await bill_transfers.vietqr(db, bill_id)


@get("/v1/public/bills/{biller_code:str}/{reference:str}", public=True)
async def get_public_bill(db: Db, request: Door, biller_code: BillerCode, reference: Reference) -> PublicBill:
    """A bill, to whoever has its reference; the name is masked."""
    return await bill_transfers.show(db, request.address, biller_code, reference, request.lang)


@get("/pay/{biller_code:str}/{reference:str}", public=True, media_type="text/html", include_in_schema=False)
async def show_public_bill(db: Db, request: Door, biller_code: BillerCode, reference: Reference) -> Response[str]:
    """The same as a page, with the QR to scan."""
    accepts = request.headers.get("accept", "")
    return await bill_transfers.page(db, request.address, biller_code, reference, accepts)


@get("/v1/staff/inbound-transfers", who=("finance",))
async def list_inbound_transfers(
    db: Db, status: FromQuery[InboundStatus | None] = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[InboundTransfer]:
    """Notices of money that came in at the bank, newest first."""
    return await inbound.page(db, status, cursor, limit)


@put("/v1/staff/inbound-transfers/{inbound_transfer_id:uuid}", who=("finance",))
async def propose_transfer(
    db: Db, request: Door, inbound_transfer_id: FromPath[UUID], data: JSONBody[TellTransfer | RetellTransfer]
) -> InboundProposal:
    """Tell of a transfer that the bank has and no machine has told us of, or told us wrong; another must agree."""
    return await inbound_proposals.propose(db, request.me, inbound_transfer_id, data)


@put("/v1/staff/inbound-transfers/{inbound_transfer_id:uuid}/approval", who=("finance",))
async def approve_transfer(
    db: Db, request: Door, inbound_transfer_id: FromPath[UUID], data: JSONBody[Nothing]
) -> InboundProposal:
    """Agree: the money is booked as if the bank had told of it."""
    return await inbound_proposals.approve(db, request.me, inbound_transfer_id)


@put("/v1/staff/inbound-transfers/{inbound_transfer_id:uuid}/refusal", who=("finance",))
async def refuse_transfer(
    db: Db, request: Door, inbound_transfer_id: FromPath[UUID], data: JSONBody[Nothing]
) -> InboundProposal:
    """Don't agree, or take one's own word back."""
    return await inbound_proposals.refuse(db, request.me, inbound_transfer_id)


@get("/v1/staff/suspense", who=("finance",))
async def list_suspense(
    db: Db, status: FromQuery[SuspenseStatus | None] = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[SuspenseItem]:
    """Money that is nobody's yet, newest first."""
    return await suspense.page(db, status, cursor, limit)


@put("/v1/staff/suspense/{suspense_id:uuid}/resolution", who=("finance",))
async def propose_resolution(
    db: Db,
    request: Door,
    suspense_id: FromPath[UUID],
    data: JSONBody[
        CreditWallet
        | CreditBill
        | CreditMerchant
        | CreditDrawer
        | SendBack
        | CreditGateway
        | KeepInReserve
        | CallMistake
    ],
) -> SuspenseItem:
    """Say whose money it is; another member of finance must agree before it moves."""
    return await suspense.propose(db, request.me, suspense_id, data)


@put("/v1/staff/suspense/{suspense_id:uuid}/resolution/approval", who=("finance",))
async def approve_resolution(
    db: Db, request: Door, suspense_id: FromPath[UUID], data: JSONBody[DecideResolution]
) -> SuspenseItem:
    """Agree: the money moves."""
    return await suspense.approve(db, request.me, suspense_id, data)


@put("/v1/staff/suspense/{suspense_id:uuid}/resolution/refusal", who=("finance",))
async def refuse_resolution(
    db: Db, request: Door, suspense_id: FromPath[UUID], data: JSONBody[DecideResolution]
) -> SuspenseItem:
    """Don't agree, or take one's own proposal back."""
    return await suspense.refuse(db, request.me, suspense_id, data)


@put("/v1/staff/cash-receipts/{cash_receipt_id:uuid}", who=("clerk",))
async def take_cash(db: Db, request: Door, cash_receipt_id: FromPath[UUID], data: JSONBody[TakeCash]) -> CashReceipt:
    """Take cash at a counter, for a bill or for a wallet: once per id."""
    return await cash.take(db, request.me, cash_receipt_id, data)


@get("/v1/staff/cash-receipts", who=("clerk", "supervisor", "agency_head", "finance"))
async def list_cash_receipts(
    db: Db,
    request: Door,
    agency: Agency = None,
    on: FromQuery[date | None] = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[CashReceipt]:
    """Receipts of my agencies' counters, newest first; finance sees all."""
    return await cash.receipts(db, request.me, agency, on, cursor, limit)


@put("/v1/staff/cash-receipts/{cash_receipt_id:uuid}/voiding", who=("clerk",))
async def ask_receipt_void(
    db: Db, request: Door, cash_receipt_id: FromPath[UUID], data: JSONBody[VoidReceipt]
) -> CashReceipt:
    """Say that a receipt of today shall count for nothing."""
    return await cash.ask_void(db, request.me, cash_receipt_id, data)


@put(
    "/v1/staff/cash-receipts/{cash_receipt_id:uuid}/voiding/approval",
    who=("clerk", "supervisor", "agency_head", "finance"),
)
async def approve_receipt_void(
    db: Db, request: Door, cash_receipt_id: FromPath[UUID], data: JSONBody[Nothing]
) -> CashReceipt:
    """Agree: its money goes back, and the cash is handed out."""
    return await cash.approve_void(db, request.me, cash_receipt_id)


@put("/v1/staff/cash-closes/{cash_close_id:uuid}", who=("clerk",))
async def close_cash_day(
    db: Db, request: Door, cash_close_id: FromPath[UUID], data: JSONBody[CloseCash]
) -> CashClose:
    """Count the drawer at the end of a counter's day."""
    return await cash.close(db, request.me, cash_close_id, data)


@get("/v1/staff/cash-closes", who=("clerk", "supervisor", "agency_head", "finance"))
async def list_cash_closes(
    db: Db,
    request: Door,
    agency: Agency = None,
    on: FromQuery[date | None] = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[CashClose]:
    """Counted drawers of my agencies, newest first; finance sees all."""
    return await cash.closes(db, request.me, agency, on, cursor, limit)


router = Router(
    "/",
    route_handlers=[
        hear_sepay, hear_casso, get_bill_vietqr, get_public_bill, show_public_bill, list_inbound_transfers,
        propose_transfer, approve_transfer, refuse_transfer,
        list_suspense, propose_resolution, approve_resolution, refuse_resolution, take_cash, list_cash_receipts,
        ask_receipt_void, approve_receipt_void, close_cash_day, list_cash_closes,
    ],
    tags=["wallet"],
)  # fmt: skip
