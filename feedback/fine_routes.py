"""The doors of fines: for the agency that decides, and for whoever has a decision to pay."""

from uuid import UUID

from litestar import Router, get, post, put
from litestar.params import FromPath, JSONBody

from app.deps import Db, Door
from feedback import fines
from feedback.models import CancelFine, LookUpFine, PublicFine, PutFine, StaffFine

AGENCY = ("agency_officer", "agency_head", "supervisor")


@put("/v1/staff/reports/{report_id:uuid}/fine", who=AGENCY)
async def put_report_fine(db: Db, request: Door, report_id: FromPath[UUID], data: JSONBody[PutFine]) -> StaffFine:
    """Send a notice, correct it, or decide: what was decided is a bill from then on."""
    return await fines.put(db, request.me, report_id, data)


@put("/v1/staff/reports/{report_id:uuid}/fine-cancellation", who=AGENCY)
async def cancel_report_fine(
    db: Db, request: Door, report_id: FromPath[UUID], data: JSONBody[CancelFine]
) -> StaffFine:
    """There is no fine after all: its bill is withdrawn."""
    return await fines.cancel(db, request.me, report_id, data)


@get("/v1/staff/reports/{report_id:uuid}/fine", who=AGENCY)
async def get_report_fine(db: Db, request: Door, report_id: FromPath[UUID]) -> StaffFine:
    """A report's fine: the one that stands, or the one that was cancelled last."""
    return await fines.show(db, request.me, report_id)


@post("/v1/feedback/fines/look-ups", public=True, status_code=200)
async def look_up_fine(db: Db, request: Door, data: JSONBody[LookUpFine]) -> PublicFine:
    """A fine by plate and decision number: what is owed today, and how it is paid."""
    return await fines.look_up(db, request.address, data, request.lang)


router = Router(
    "/",
    route_handlers=[put_report_fine, cancel_report_fine, get_report_fine, look_up_fine],
    tags=["feedback"],
)
