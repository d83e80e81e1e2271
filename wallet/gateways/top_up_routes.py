"""The doors of money that residents put in, and those at which the payment gateway knocks."""

from typing import Annotated
from uuid import UUID

from litestar import Response, Router, get, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter

from app.deps import Db, Door
from app.replies import Reply
from app.types import Page
from wallet import findings
from wallet.gateways import return_page, top_up_errands, top_ups
from wallet.gateways.top_up_models import AnyTopUp, GatewayHeard, TopUp, TopUpStatus
from wallet.models import ApproveFinding, AskTopUp, Finding, WriteFinding

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]
StepUpHeader = Annotated[UUID | None, HeaderParameter(name="Step-Up")]


@put("/v1/wallet/top-ups/{top_up_id:uuid}", status_code=201, responses={200: ResponseSpec(TopUp)})
async def ask_top_up(
    db: Db, request: Door, top_up_id: FromPath[UUID], data: JSONBody[AskTopUp], step_up_id: StepUpHeader = None
) -> Reply[TopUp]:
    """Put money into my wallet, once per id: 201 when it is new, 200 when it had been asked for before.

    Open `pay_url`, or transfer by `vietqr`; then ask for its fate. `StrongStepUpRequired`: prove it
    (`POST /v1/wallet/step-ups`), then send it again with the header `Step-Up`."""
    asked_from = top_ups.AskedFrom(request.address, request.lang)
    top_up, new = await top_ups.ask(db, request.me, top_up_id, data, step_up_id, asked_from)
    return Reply(top_up, status_code=201 if new else 200)


@get("/v1/wallet/top-ups/{top_up_id:uuid}")
async def get_top_up(db: Db, request: Door, top_up_id: FromPath[UUID]) -> TopUp:
    """The fate of a top-up; 404: send it again with the same id."""
    return await top_ups.show(db, request.me, top_up_id)


@get("/v1/wallet/top-ups")
async def list_top_ups(db: Db, request: Door, cursor: Cursor = None, limit: Limit = 20) -> Page[TopUp]:
    """My top-ups, newest first."""
    return await top_ups.mine(db, request.me, cursor, limit)


@get("/v1/staff/top-ups", who=("finance",))
async def list_all_top_ups(
    db: Db, status: FromQuery[TopUpStatus | None] = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[AnyTopUp]:
    """Everybody's top-ups, newest first: those in review wait for the gateway's word."""
    return await top_ups.everybodys(db, status, cursor, limit)


@put("/v1/staff/top-ups/{top_up_id:uuid}/finding", who=("finance",))
async def find_top_up(db: Db, request: Door, top_up_id: FromPath[UUID], data: JSONBody[WriteFinding]) -> Finding:
    """Write down what became of a top-up that the gateway looks at and says no more of by machine."""
    return await findings.write(db, request.me, top_ups.STUCK, top_up_id, data)


@put("/v1/staff/top-ups/{top_up_id:uuid}/approval", who=("finance",))
async def approve_top_up_finding(
    db: Db, request: Door, top_up_id: FromPath[UUID], data: JSONBody[ApproveFinding]
) -> Finding:
    """The second pair of eyes on what was found: from now on it is the top-up's end."""
    return await findings.approve(db, request.me, top_ups.STUCK, top_up_id, data)


@get("/v1/gateways/vnpay/ipn", public=True)
async def hear_gateway(request: Door) -> GatewayHeard:
    """VNPAY tells what became of a payment (IPN): always 200, with what it should do next in `RspCode`."""
    return await top_up_errands.hear(request.app.state.database, request.scope["query_string"])


@get("/v1/gateways/vnpay/return", public=True, media_type="text/html", include_in_schema=False)
async def return_from_gateway(request: Door) -> Response[str]:
    """Where VNPAY sends the browser back to: a page that credits nothing."""
    return return_page.shown(request.scope["query_string"])


router = Router(
    "/",
    route_handlers=[
        ask_top_up, get_top_up, list_top_ups, list_all_top_ups, find_top_up, approve_top_up_finding, hear_gateway,
        return_from_gateway,
    ],
    tags=["wallet"],
)  # fmt: skip
