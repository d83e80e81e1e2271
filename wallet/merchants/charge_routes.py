"""The doors of a customer's code: made on a phone, charged at a till, confirmed where it is much."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, post, put
from litestar.params import FromPath, HeaderParameter, JSONBody

from app.deps import Db, Door
from app.identity import possession
from app.identity.possession import ProofHeader
from app.types import Nothing
from wallet.merchants import charges, pay_codes
from wallet.merchants.charge_models import AskCharge, Charge, ConfirmCharge, PayCode, ShopCharge

StepUpHeader = Annotated[UUID | None, HeaderParameter(name="Step-Up")]


@post("/v1/wallet/pay-codes", status_code=201)
async def make_pay_code(db: Db, request: Door, data: JSONBody[Nothing], proof: ProofHeader = None) -> PayCode:
    """A code to show at a till: for one charge, for a minute; the wallet must be open."""
    await possession.check(request, proof)
    return await pay_codes.make(db, request.me)


@put("/v1/merchants/{merchant_id:uuid}/charges/{charge_id:uuid}")
async def charge_pay_code(
    request: Door, merchant_id: FromPath[UUID], charge_id: FromPath[UUID], data: JSONBody[AskCharge]
) -> ShopCharge:
    """Charge the customer whose code was read; above a ceiling they confirm it on their phone."""
    return await charges.ask(request.app.state.till, request.me, merchant_id, charge_id, data)


@get("/v1/merchants/{merchant_id:uuid}/charges/{charge_id:uuid}")
async def get_shop_charge(
    db: Db, request: Door, merchant_id: FromPath[UUID], charge_id: FromPath[UUID]
) -> ShopCharge:
    """What became of it."""
    return await charges.of_merchant(db, request.me, merchant_id, charge_id)


@get("/v1/wallet/charges/{charge_id:uuid}")
async def get_charge(db: Db, request: Door, charge_id: FromPath[UUID]) -> Charge:
    """What a shop asks of me."""
    return await charges.of_payer(db, request.me, charge_id)


@put("/v1/wallet/charges/{charge_id:uuid}/confirmation")
async def confirm_charge(
    request: Door,
    charge_id: FromPath[UUID],
    data: JSONBody[ConfirmCharge],
    step_up_id: StepUpHeader = None,
    proof: ProofHeader = None,
) -> Charge:
    """Pay it, or decline it."""
    await possession.check(request, proof)
    return await charges.confirm(request.app.state.till, request.me, charge_id, data, step_up_id)


router = Router(
    "/",
    route_handlers=[make_pay_code, charge_pay_code, get_shop_charge, get_charge, confirm_charge],
    tags=["wallet"],
)
