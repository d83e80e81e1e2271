"""The doors of receipts that anybody can check."""

from typing import Annotated
from uuid import UUID

from litestar import MediaType, Response, Router, get
from litestar.params import FromPath, PathParameter

from app.deps import Db, Door
from wallet.papers import receipt_codes
from wallet.papers.receipt_codes import ReceiptCheck, ReceiptCode

CodeOfReceipt = Annotated[str, PathParameter(min_length=1, max_length=30, pattern=r"^[0-9A-Za-z -]+$")]


@get("/v1/wallet/payments/{payment_id:uuid}/receipt")
async def get_receipt_code(request: Door, payment_id: FromPath[UUID]) -> ReceiptCode:
    """The code of a payment of mine, by which anybody can check its receipt."""
    return await receipt_codes.of_payment(request.app.state.database, request.me, payment_id)


@get("/v1/receipts/{receipt_code:str}", public=True)
async def check_receipt(db: Db, receipt_code: CodeOfReceipt) -> ReceiptCheck:
    """Was this paid, and does it still stand? For whoever holds the receipt."""
    return await receipt_codes.check(db, receipt_code)


@get("/r/{receipt_code:str}", public=True, media_type=MediaType.HTML, include_in_schema=False)
async def show_receipt(db: Db, receipt_code: CodeOfReceipt) -> Response[str]:
    """The same as a page, at the address that a receipt's QR says."""
    return await receipt_codes.page(db, receipt_code)


router = Router("/", route_handlers=[get_receipt_code, check_receipt, show_receipt], tags=["wallet"])
