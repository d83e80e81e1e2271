"""The doors of settling with merchants: their bank accounts, their closed days, and the city's fees."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Stream

from app.deps import Db, Door
from app.identity import possession
from app.identity.possession import ProofHeader
from app.replies import Reply
from app.types import Nothing, Page
from wallet.merchants import bank_accounts, fee_rules, settlement_statements, settlements
from wallet.merchants.settlement_models import (
    FeeRule,
    MerchantBankAccount,
    ProposeFeeRule,
    PutBankAccount,
    Settlement,
)
from wallet.papers.tables import MEDIA_TYPES

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]


@put("/v1/merchants/{merchant_id:uuid}/bank-account")
async def put_merchant_bank_account(
    db: Db, request: Door, merchant_id: FromPath[UUID], data: JSONBody[PutBankAccount], proof: ProofHeader = None
) -> MerchantBankAccount:
    """Where my merchant's money shall go. Needs an open wallet; another account than before is used after a while."""
    await possession.check(request, proof)
    return await bank_accounts.put(db, request.me, merchant_id, data)


@get("/v1/merchants/{merchant_id:uuid}/bank-account")
async def get_merchant_bank_account(db: Db, request: Door, merchant_id: FromPath[UUID]) -> MerchantBankAccount:
    """Where my merchant's money goes."""
    return await bank_accounts.show(db, request.me, merchant_id)


@put(
    "/v1/merchants/{merchant_id:uuid}/settlements/{settlement_id:uuid}",
    status_code=201,
    responses={200: ResponseSpec(Settlement)},
)
async def settle_merchant(
    db: Db, request: Door, merchant_id: FromPath[UUID], settlement_id: FromPath[UUID], data: JSONBody[Nothing]
) -> Reply[Settlement]:
    """Close my merchant's books now and send the money to its bank: 201 when it is new, 200 when it was there."""
    settlement, replayed = await settlements.settle_now(db, request.me, merchant_id, settlement_id)
    return Reply(settlement, status_code=200 if replayed else 201)


@put("/v1/merchants/{merchant_id:uuid}/settlements/{settlement_id:uuid}/retry")
async def retry_settlement(
    db: Db, request: Door, merchant_id: FromPath[UUID], settlement_id: FromPath[UUID], data: JSONBody[Nothing]
) -> Settlement:
    """Send the money of a settlement that failed once more, to the account that my merchant has now."""
    return await settlements.settle_again(db, request.me, merchant_id, settlement_id)


@get("/v1/merchants/{merchant_id:uuid}/settlements/{settlement_id:uuid}")
async def get_settlement(
    db: Db, request: Door, merchant_id: FromPath[UUID], settlement_id: FromPath[UUID]
) -> Settlement:
    """A settlement of my merchant."""
    return await settlements.show(db, request.me, merchant_id, settlement_id)


@get("/v1/merchants/{merchant_id:uuid}/settlements/{settlement_id:uuid}/statement.csv", media_type="text/csv")
async def get_settlement_csv(request: Door, merchant_id: FromPath[UUID], settlement_id: FromPath[UUID]) -> Stream:
    """The lines that a settlement closed, as a CSV, for programs."""
    database = request.app.state.database
    return await settlement_statements.answer(database, request.me, merchant_id, settlement_id, "csv", request.lang)


@get(
    "/v1/merchants/{merchant_id:uuid}/settlements/{settlement_id:uuid}/statement.xlsx", media_type=MEDIA_TYPES["xlsx"]
)
async def get_settlement_xlsx(request: Door, merchant_id: FromPath[UUID], settlement_id: FromPath[UUID]) -> Stream:
    """The lines that a settlement closed, as a workbook."""
    database = request.app.state.database
    return await settlement_statements.answer(database, request.me, merchant_id, settlement_id, "xlsx", request.lang)


@get("/v1/merchants/{merchant_id:uuid}/settlements/{settlement_id:uuid}/statement.pdf", media_type=MEDIA_TYPES["pdf"])
async def get_settlement_pdf(request: Door, merchant_id: FromPath[UUID], settlement_id: FromPath[UUID]) -> Stream:
    """The lines that a settlement closed, as pages to read and print."""
    database = request.app.state.database
    return await settlement_statements.answer(database, request.me, merchant_id, settlement_id, "pdf", request.lang)


@get("/v1/merchants/{merchant_id:uuid}/settlements")
async def list_settlements(
    db: Db, request: Door, merchant_id: FromPath[UUID], cursor: Cursor = None, limit: Limit = 20
) -> Page[Settlement]:
    """The settlements of my merchant, newest first."""
    return await settlements.page(db, request.me, merchant_id, cursor, limit)


@put("/v1/staff/fee-rules/{fee_rule_id:uuid}", who=("finance",))
async def propose_fee_rule(
    db: Db, request: Door, fee_rule_id: FromPath[UUID], data: JSONBody[ProposeFeeRule]
) -> FeeRule:
    """Propose what the city takes of a taking."""
    return await fee_rules.propose(db, request.me, fee_rule_id, data)


@put("/v1/staff/fee-rules/{fee_rule_id:uuid}/approval", who=("finance",))
async def approve_fee_rule(db: Db, request: Door, fee_rule_id: FromPath[UUID], data: JSONBody[Nothing]) -> FeeRule:
    """The second pair of eyes on a proposed rule."""
    return await fee_rules.approve(db, request.me, fee_rule_id)


@get("/v1/staff/fee-rules", who=("finance",))
async def list_fee_rules(db: Db, cursor: Cursor = None, limit: Limit = 20) -> Page[FeeRule]:
    """What the city takes, newest rule first."""
    return await fee_rules.page(db, cursor, limit)


router = Router(
    "/",
    route_handlers=[
        put_merchant_bank_account, get_merchant_bank_account, settle_merchant, retry_settlement, get_settlement,
        list_settlements, get_settlement_csv, get_settlement_xlsx, get_settlement_pdf,
        propose_fee_rule, approve_fee_rule, list_fee_rules,
    ],
    tags=["wallet"],
)  # fmt: skip
