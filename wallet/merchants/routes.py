"""The doors of shops: what an owner does, what whoever stands at the counter does, and what finance decides."""

from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.deps import Db, Door
from app.replies import Reply
from app.staff.models import GiveReason
from app.types import Nothing, Page
from wallet.merchants import cashiers, merchants, review, shifts
from wallet.merchants.models import (
    ApproveMerchant,
    Cashier,
    Cashiers,
    Invitations,
    InviteCashier,
    OpenShift,
    Shift,
    StaffMerchant,
)
from wallet.models import (
    Merchant,
    Merchants,
    MerchantStatus,
    NameTerminal,
    OpenMerchant,
    Order,
    PlaceOrder,
    RevokedTerminal,
    Taking,
    Terminal,
    TerminalQr,
)

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]


@put("/v1/merchants/{merchant_id:uuid}")
async def open_merchant(db: Db, request: Door, merchant_id: FromPath[UUID], data: JSONBody[OpenMerchant]) -> Merchant:
    """Open a merchant that I own, or change it."""
    return await merchants.open_merchant(db, request.me, merchant_id, data)


@get("/v1/merchants/mine")
async def list_merchants(db: Db, request: Door) -> Merchants:
    """The merchants that I own or work at."""
    return await merchants.mine(db, request.me)


@put("/v1/merchants/{merchant_id:uuid}/closure")
async def close_merchant(db: Db, request: Door, merchant_id: FromPath[UUID], data: JSONBody[Nothing]) -> Merchant:
    """Close my merchant for good, once its money is settled."""
    return await merchants.close(db, request.me, merchant_id)


@put("/v1/merchants/{merchant_id:uuid}/terminals/{terminal_id:uuid}")
async def add_terminal(
    db: Db, request: Door, merchant_id: FromPath[UUID], terminal_id: FromPath[UUID], data: JSONBody[NameTerminal]
) -> Terminal:
    """Add a terminal, or rename it."""
    return await merchants.add_terminal(db, request.me, merchant_id, terminal_id, data)


@put("/v1/merchants/{merchant_id:uuid}/terminals/{terminal_id:uuid}/revocation")
async def revoke_terminal(
    db: Db, request: Door, merchant_id: FromPath[UUID], terminal_id: FromPath[UUID], data: JSONBody[Nothing]
) -> RevokedTerminal:
    """Its sticker is lost: no wallet pays there any more, for good."""
    return await merchants.revoke_terminal(db, request.me, merchant_id, terminal_id)


@get("/v1/merchants/{merchant_id:uuid}/terminals/{terminal_id:uuid}/qr")
async def get_terminal_qr(
    db: Db, request: Door, merchant_id: FromPath[UUID], terminal_id: FromPath[UUID]
) -> TerminalQr:
    """What the terminal's sticker says."""
    return await merchants.sticker(db, request.me, merchant_id, terminal_id)


@get("/v1/merchants/{merchant_id:uuid}/terminals/{terminal_id:uuid}/qr.png", media_type="image/png")
async def get_terminal_qr_png(
    db: Db, request: Door, merchant_id: FromPath[UUID], terminal_id: FromPath[UUID]
) -> bytes:
    """The sticker as a picture to print."""
    return await merchants.sticker_picture(db, request.me, merchant_id, terminal_id, "png")


@get("/v1/merchants/{merchant_id:uuid}/terminals/{terminal_id:uuid}/qr.svg", media_type="image/svg+xml")
async def get_terminal_qr_svg(
    db: Db, request: Door, merchant_id: FromPath[UUID], terminal_id: FromPath[UUID]
) -> bytes:
    """The sticker as a drawing to print at any size."""
    return await merchants.sticker_picture(db, request.me, merchant_id, terminal_id, "svg")


@put(
    "/v1/merchants/{merchant_id:uuid}/orders/{order_id:uuid}",
    status_code=201,
    responses={200: ResponseSpec(Order)},
    who=("resident", "scope:orders.write"),
)
async def place_order(
    db: Db, request: Door, merchant_id: FromPath[UUID], order_id: FromPath[UUID], data: JSONBody[PlaceOrder]
) -> Reply[Order]:
    """Ask for an amount, by a QR that is paid once and expires: 201 when it is new, 200 when it was there before."""
    order, new = await merchants.place_order(db, request.me, merchant_id, order_id, data)
    return Reply(order, status_code=201 if new else 200)


@get(
    "/v1/merchants/{merchant_id:uuid}/orders/{order_id:uuid}",
    who=("resident", "scope:orders.read", "scope:orders.write"),
)
async def get_order(db: Db, request: Door, merchant_id: FromPath[UUID], order_id: FromPath[UUID]) -> Order:
    """An order, and whether it is paid."""
    return await merchants.show_order(db, request.me, merchant_id, order_id)


@get("/v1/merchants/{merchant_id:uuid}/takings", who=("resident", "scope:takings.read"))
async def list_takings(
    db: Db, request: Door, merchant_id: FromPath[UUID], cursor: Cursor = None, limit: Limit = 20
) -> Page[Taking]:
    """What came in and what was given back, newest first: from wallets, and from any bank's app.

    A cashier sees what came in during their own shifts, at their terminals."""
    return await merchants.takings(db, request.me, merchant_id, cursor, limit)


@put("/v1/merchants/{merchant_id:uuid}/cashiers/{cashier_id:uuid}")
async def invite_cashier(
    db: Db, request: Door, merchant_id: FromPath[UUID], cashier_id: FromPath[UUID], data: JSONBody[InviteCashier]
) -> Cashier:
    """Invite somebody to work at my counter, or change their name and how much they may give back."""
    return await cashiers.invite(db, request.me, merchant_id, cashier_id, data)


@get("/v1/merchants/{merchant_id:uuid}/cashiers")
async def list_cashiers(db: Db, request: Door, merchant_id: FromPath[UUID]) -> Cashiers:
    """Who works at my counter, or is invited to."""
    return await cashiers.of_merchant(db, request.me, merchant_id)


@delete("/v1/merchants/{merchant_id:uuid}/cashiers/{cashier_id:uuid}", status_code=204)
async def remove_cashier(db: Db, request: Door, merchant_id: FromPath[UUID], cashier_id: FromPath[UUID]) -> None:
    """They work there no longer, or decline to: the owner says so, or they themselves. At once; open shifts end."""
    await cashiers.remove(db, request.me, merchant_id, cashier_id)


@get("/v1/merchants/invitations")
async def list_invitations(db: Db, request: Door) -> Invitations:
    """The shops that ask me to work at their counter."""
    return await cashiers.invitations(db, request.me)


@put("/v1/merchants/{merchant_id:uuid}/cashiers/{cashier_id:uuid}/acceptance")
async def accept_invitation(
    db: Db, request: Door, merchant_id: FromPath[UUID], cashier_id: FromPath[UUID], data: JSONBody[Nothing]
) -> Cashier:
    """Yes, I work there."""
    return await cashiers.accept(db, request.me, merchant_id, cashier_id)


@put("/v1/merchants/{merchant_id:uuid}/shifts/{shift_id:uuid}")
async def open_shift(
    db: Db, request: Door, merchant_id: FromPath[UUID], shift_id: FromPath[UUID], data: JSONBody[OpenShift]
) -> Shift:
    """Begin my turn at a terminal."""
    return await shifts.begin(db, request.me, merchant_id, shift_id, data)


@put("/v1/merchants/{merchant_id:uuid}/shifts/{shift_id:uuid}/close")
async def close_shift(
    db: Db, request: Door, merchant_id: FromPath[UUID], shift_id: FromPath[UUID], data: JSONBody[Nothing]
) -> Shift:
    """End a turn: what came in and what was given back at the terminal meanwhile."""
    return await shifts.close(db, request.me, merchant_id, shift_id)


@get("/v1/merchants/{merchant_id:uuid}/shifts/{shift_id:uuid}")
async def get_shift(db: Db, request: Door, merchant_id: FromPath[UUID], shift_id: FromPath[UUID]) -> Shift:
    """A turn, with what came in so far."""
    return await shifts.show(db, request.me, merchant_id, shift_id)


@get("/v1/merchants/{merchant_id:uuid}/shifts")
async def list_shifts(
    db: Db, request: Door, merchant_id: FromPath[UUID], cursor: Cursor = None, limit: Limit = 20
) -> Page[Shift]:
    """The turns at my shop, newest first; a cashier sees their own."""
    return await shifts.page(db, request.me, merchant_id, cursor, limit)


@get("/v1/staff/merchants", who=("finance",))
async def list_all_merchants(
    db: Db,
    status: FromQuery[MerchantStatus | None] = None,
    waiting: FromQuery[bool] = False,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[StaffMerchant]:
    """The city's shops, newest first; `waiting=true`: those that wait for a yes, to open or to be something else."""
    return await review.page(db, status, waiting, cursor, limit)


@put("/v1/staff/merchants/{merchant_id:uuid}/approval", who=("finance",))
async def approve_merchant(
    db: Db, request: Door, merchant_id: FromPath[UUID], data: JSONBody[ApproveMerchant]
) -> StaffMerchant:
    """A shop that waits may take payments; one that takes them may be called and do what its owner wants."""
    return await review.approve(db, request.me, merchant_id, data)


@put("/v1/staff/merchants/{merchant_id:uuid}/suspension", who=("finance",))
async def suspend_merchant(
    db: Db, request: Door, merchant_id: FromPath[UUID], data: JSONBody[GiveReason]
) -> StaffMerchant:
    """A shop takes no payments until it is reinstated; its owner reads the reason."""
    return await review.suspend(db, request.me, merchant_id, data)


@put("/v1/staff/merchants/{merchant_id:uuid}/reinstatement", who=("finance",))
async def reinstate_merchant(
    db: Db, request: Door, merchant_id: FromPath[UUID], data: JSONBody[Nothing]
) -> StaffMerchant:
    """A suspended shop takes payments again."""
    return await review.reinstate(db, request.me, merchant_id)


router = Router(
    "/",
    route_handlers=[
        open_merchant, list_merchants, close_merchant,
        add_terminal, revoke_terminal, get_terminal_qr, get_terminal_qr_png, get_terminal_qr_svg,
        place_order, get_order, list_takings,
        invite_cashier, list_cashiers, remove_cashier, list_invitations, accept_invitation,
        open_shift, close_shift, get_shift, list_shifts,
        list_all_merchants, approve_merchant, suspend_merchant, reinstate_merchant,
    ],
    tags=["wallet"],
)  # fmt: skip
