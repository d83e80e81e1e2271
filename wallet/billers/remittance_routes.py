"""The doors of what is sent to billers."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, put
from litestar.params import FromPath, JSONBody, QueryParameter

from app.deps import Db, Door
from app.types import Nothing, Page
from wallet.billers import remittances
from wallet.billers.remittance_models import BillerBankAccount, ProposeBillerBankAccount, Remittance

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]


@put("/v1/staff/biller-bank-accounts/{biller_bank_account_id:uuid}", who=("finance",))
async def propose_biller_account(
    db: Db, request: Door, biller_bank_account_id: FromPath[UUID], data: JSONBody[ProposeBillerBankAccount]
) -> BillerBankAccount:
    """Propose where a biller's money shall go."""
    return await remittances.propose_account(db, request.me, biller_bank_account_id, data)


@put("/v1/staff/biller-bank-accounts/{biller_bank_account_id:uuid}/approval", who=("finance",))
async def approve_biller_account(
    db: Db, request: Door, biller_bank_account_id: FromPath[UUID], data: JSONBody[Nothing]
) -> BillerBankAccount:
    """The second pair of eyes on where a biller's money goes."""
    return await remittances.approve_account(db, request.me, biller_bank_account_id)


@get("/v1/staff/remittances", who=("finance",))
async def list_remittances(db: Db, cursor: Cursor = None, limit: Limit = 20) -> Page[Remittance]:
    """What was sent to billers, newest first."""
    return await remittances.page(db, cursor, limit)


router = Router(
    "/", route_handlers=[propose_biller_account, approve_biller_account, list_remittances], tags=["wallet"]
)
