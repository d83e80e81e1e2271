"""The doors of the wallet."""

from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter, JSONBody

from app.deps import Db, Door
from app.identity import possession, step_up
from app.identity.models import CodeProof, CodeSent, FaceMatch, FaceProof, PasskeyProof, StepUp, StepUpProved
from app.identity.possession import ProofHeader
from app.replies import Reply
from app.types import Nothing
from wallet import bills, ledger, limits, payments, unlocks
from wallet.billers.remittance_routes import router as remittance_router
from wallet.billers.routes import router as billers_router
from wallet.gateways.inbound_routes import router as inbound_router
from wallet.gateways.payout_routes import router as payout_router
from wallet.gateways.top_up_routes import router as top_up_router
from wallet.merchants.api_key_routes import router as api_key_router
from wallet.merchants.charge_routes import router as charge_router
from wallet.merchants.routes import router as merchants_router
from wallet.merchants.settlement_routes import router as settlement_router
from wallet.merchants.takings_stream_routes import router as takings_stream_router
from wallet.merchants.webhook_routes import router as webhook_router
from wallet.models import (
    AskStepUp,
    CustomerCode,
    KeepCustomerCode,
    Limits,
    PayBill,
    PayeeReading,
    Payment,
    PayMerchant,
    PayPerson,
    QrReading,
    ReadPayee,
    ReadQr,
    Unlocked,
    UnlockWallet,
    Wallet,
)
from wallet.oversight.routes import router as oversight_router
from wallet.papers.receipt_code_routes import router as receipt_code_router
from wallet.papers.routes import router as papers_router

StepUpHeader = Annotated[UUID | None, HeaderParameter(name="Step-Up")]


@post("/v1/wallet/unlocks", status_code=201, unconfirmed=True)
async def unlock_wallet(request: Door, data: JSONBody[UnlockWallet]) -> Unlocked:
    """Open money-out for this session with the PIN; on a new device, the account too."""
    return await unlocks.unlock(request.app.state.database, request.me, data.pin)


@get("/v1/wallet")
async def get_wallet(db: Db, request: Door) -> Wallet:
    """My money."""
    return await ledger.wallet(db, request.me)


@get("/v1/wallet/limits")
async def get_limits(db: Db, request: Door) -> Limits:
    """What my wallet may spend, used and left."""
    return await limits.show(db, request.me)


@get("/v1/wallet/customer-codes")
async def list_customer_codes(db: Db, request: Door) -> list[CustomerCode]:
    """The customer codes that I keep."""
    return await bills.my_codes(db, request.me)


@put("/v1/wallet/customer-codes/{customer_code_id:uuid}")
async def keep_customer_code(
    db: Db, request: Door, customer_code_id: FromPath[UUID], data: JSONBody[KeepCustomerCode]
) -> CustomerCode:
    """Keep a customer code, or change it."""
    return await bills.keep_code(db, request.me, customer_code_id, data)


@delete("/v1/wallet/customer-codes/{customer_code_id:uuid}", status_code=204)
async def drop_customer_code(db: Db, request: Door, customer_code_id: FromPath[UUID]) -> None:
    """Keep it no longer."""
    await bills.drop_code(db, request.me, customer_code_id)


@put("/v1/wallet/payments/{payment_id:uuid}", status_code=201, responses={200: ResponseSpec(Payment)})
async def make_payment(
    request: Door,
    payment_id: FromPath[UUID],
    data: JSONBody[PayBill | PayMerchant | PayPerson],
    step_up_id: StepUpHeader = None,
    proof: ProofHeader = None,
) -> Reply[Payment]:
    """Pay, once per id: 201 when it is made, 200 when it had been made before.

    `StepUpRequired` or `StrongStepUpRequired`: prove it (`POST /v1/wallet/step-ups`), then send it again with the
    header `Step-Up`."""
    await possession.check(request, proof)
    payment, replayed = await payments.make(request.app.state.till, request.me, payment_id, data, step_up_id)
    return Reply(payment, status_code=200 if replayed else 201)


@get("/v1/wallet/payments/{payment_id:uuid}")
async def get_payment(db: Db, request: Door, payment_id: FromPath[UUID]) -> Payment:
    """The fate of a payment; 404: send it again with the same id."""
    return await payments.show(db, request.me, payment_id)


@post("/v1/wallet/step-ups", status_code=201)
async def ask_step_up(db: Db, request: Door, data: JSONBody[AskStepUp]) -> StepUp:
    """How a payment may be proved beside the PIN: bound to its id and content, once, for 120 seconds."""
    return await payments.ask_step_up(db, request.me, data)


@put("/v1/wallet/step-ups/{step_up_id:uuid}/code", status_code=202)
async def send_step_up_code(db: Db, request: Door, step_up_id: FromPath[UUID], data: JSONBody[Nothing]) -> CodeSent:
    """Have a code sent to my number for this proof."""
    return await step_up.send_code(db, request.me, step_up_id, request.address)


@put("/v1/wallet/step-ups/{step_up_id:uuid}/face")
async def ask_step_up_face(request: Door, step_up_id: FromPath[UUID], data: JSONBody[Nothing]) -> FaceMatch:
    """Have my face matched by the partner for this proof: open `url`, then send the proof."""
    return await step_up.ask_face(request.app.state.database, request.me, step_up_id)


@put("/v1/wallet/step-ups/{step_up_id:uuid}/proof")
async def prove_step_up(
    request: Door, step_up_id: FromPath[UUID], data: JSONBody[CodeProof | PasskeyProof | FaceProof]
) -> StepUpProved:
    """Prove it; then send the payment with the header `Step-Up`."""
    return await step_up.prove(request.app.state.database, request.me, step_up_id, data)


@post("/v1/wallet/payee-readings", status_code=200)
async def read_payee(db: Db, request: Door, data: JSONBody[ReadPayee]) -> PayeeReading:
    """The masked name behind a phone number."""
    return await payments.read_payee(db, request.me, data.phone)


@post("/v1/wallet/qr-readings", status_code=200)
async def read_qr(db: Db, data: JSONBody[ReadQr]) -> QrReading:
    """What a QR says, and whether this wallet can pay it."""
    return await payments.read_qr(db, data.text)


router = Router(
    "/",
    route_handlers=[
        unlock_wallet, get_wallet, get_limits, list_customer_codes,
        keep_customer_code, drop_customer_code, make_payment, get_payment, ask_step_up, send_step_up_code,
        ask_step_up_face, prove_step_up, read_payee, read_qr,
        # sub-packages
        billers_router, top_up_router, inbound_router,
        payout_router, settlement_router, remittance_router, merchants_router, charge_router, takings_stream_router,
        papers_router, receipt_code_router, webhook_router, api_key_router,
        oversight_router,
    ],
    tags=["wallet"],
)  # fmt: skip
