"""The doors of counters for their clerks and heads."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, PathParameter, QueryParameter

from app.deps import Db, Door
from app.replies import Reply
from app.types import Page
from dossiers.counters import counters, tickets
from dossiers.counters.models import CallNext, PutCounter, PutTicket, StaffCounter, StaffTicket, TicketState

AgencyPath = Annotated[str, PathParameter(min_length=2, max_length=40, pattern=r"^[a-z0-9-]+$")]
InState = Annotated[TicketState | None, QueryParameter(name="state", description="only these")]
Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]


@put("/v1/staff/counters/{agency_code:str}", who=("agency_head", "admin"))
async def put_counter(db: Db, request: Door, agency_code: AgencyPath, data: JSONBody[PutCounter]) -> StaffCounter:
    """How long visits are, how many at the same time, and which windows there are."""
    return await counters.put(db, request.me, agency_code, data)


@get("/v1/staff/counters/{agency_code:str}/tickets", who=("clerk",))
async def list_tickets(
    db: Db, request: Door, agency_code: AgencyPath, in_state: InState = None, cursor: Cursor = None, limit: Limit = 50
) -> Page[StaffTicket]:
    """Today's numbers, in the order in which they were given."""
    return await tickets.page(db, request.me, agency_code, in_state, cursor, limit)


@put(
    "/v1/staff/counters/{agency_code:str}/tickets/{ticket_id:uuid}",
    who=("clerk",),
    status_code=201,
    responses={200: ResponseSpec(StaffTicket)},
)
async def put_ticket(
    db: Db, request: Door, agency_code: AgencyPath, ticket_id: FromPath[UUID], data: JSONBody[PutTicket]
) -> Reply[StaffTicket]:
    """Give a number to whoever walks in (201), call it, begin its visit, end it."""
    ticket, new = await tickets.put(db, request.me, agency_code, ticket_id, data)
    return Reply(ticket, status_code=201 if new else 200)


@put("/v1/staff/counters/{agency_code:str}/calls/{call_id:uuid}", who=("clerk",))
async def call_next_ticket(
    db: Db, request: Door, agency_code: AgencyPath, call_id: FromPath[UUID], data: JSONBody[CallNext]
) -> StaffTicket:
    """Call whoever is next for a window; the same call again gives the same number."""
    return await tickets.call_next(db, request.me, agency_code, call_id, data)


router = Router("/", route_handlers=[put_counter, list_tickets, put_ticket, call_next_ticket])
