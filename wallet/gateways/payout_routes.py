"""The doors of money that leaves for banks: withdrawals, and what finance sees of all payouts."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter

from app.deps import Db, Door
from app.identity import possession
from app.identity.possession import ProofHeader
from app.replies import Reply
from app.types import Page
from wallet import findings
from wallet.gateways import payout_errands, payouts, withdrawals
from wallet.gateways.payout_models import Banks, Payout, PayoutStatus, Withdrawal
from wallet.models import ApproveFinding, Finding, Withdraw, WriteFinding

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]
StepUpHeader = Annotated[UUID | None, HeaderParameter(name="Step-Up")]


@get("/v1/wallet/banks")
async def list_banks(db: Db, request: Door) -> Banks:
    """The banks to which money can be sent."""
    return await payouts.banks(db, request.lang)


@put("/v1/wallet/withdrawals/{withdrawal_id:uuid}", status_code=201, responses={200: ResponseSpec(Withdrawal)})
async def make_withdrawal(
    db: Db,
    request: Door,
    withdrawal_id: FromPath[UUID],
    data: JSONBody[Withdraw],
    step_up_id: StepUpHeader = None,
    proof: ProofHeader = None,
) -> Reply[Withdrawal]:
    """Send my money to a bank account, once per id: 201 when it is new, 200 when it had been asked for before.

    The money is held until the bank has answered: ask for its fate. `StrongStepUpRequired`: prove it
    (`POST /v1/wallet/step-ups`), then send it again with the header `Step-Up`."""
    await possession.check(request, proof)
    withdrawal, replayed = await withdrawals.make(db, request.me, withdrawal_id, data, step_up_id)
    return Reply(withdrawal, status_code=200 if replayed else 201)


@get("/v1/wallet/withdrawals/{withdrawal_id:uuid}")
async def get_withdrawal(db: Db, request: Door, withdrawal_id: FromPath[UUID]) -> Withdrawal:
    """The fate of a withdrawal; 404: send it again with the same id."""
    return await withdrawals.show(db, request.me, withdrawal_id)


@get("/v1/wallet/withdrawals")
async def list_withdrawals(db: Db, request: Door, cursor: Cursor = None, limit: Limit = 20) -> Page[Withdrawal]:
    """My withdrawals, newest first."""
    return await withdrawals.mine(db, request.me, cursor, limit)


@get("/v1/staff/payouts", who=("finance",))
async def list_payouts(
    db: Db, status: FromQuery[PayoutStatus | None] = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[Payout]:
    """Money on its way to banks, of all kinds, newest first."""
    return await payouts.page(db, status, cursor, limit)


@put("/v1/staff/payouts/{payout_id:uuid}/finding", who=("finance",))
async def find_payout(db: Db, request: Door, payout_id: FromPath[UUID], data: JSONBody[WriteFinding]) -> Finding:
    """Write down what became of a payout of which the bank says nothing by machine."""
    return await findings.write(db, request.me, payout_errands.STUCK, payout_id, data)


@put("/v1/staff/payouts/{payout_id:uuid}/approval", who=("finance",))
async def approve_payout_finding(
    db: Db, request: Door, payout_id: FromPath[UUID], data: JSONBody[ApproveFinding]
) -> Finding:
    """The second pair of eyes on what was found: from now on it is the payout's end."""
    return await findings.approve(db, request.me, payout_errands.STUCK, payout_id, data)


router = Router(
    "/",
    route_handlers=[
        list_banks,
        make_withdrawal,
        get_withdrawal,
        list_withdrawals,
        list_payouts,
        find_payout,
        approve_payout_finding,
    ],
    tags=["wallet"],
)
