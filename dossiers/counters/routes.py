"""The doors of counters: for residents who come, for the screen on the wall, for whoever asks when there is time."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import Response, Router, delete, get, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, PathParameter, QueryParameter

from app.deps import Db, Door
from app.replies import Reply
from app.types import Nothing, Page
from dossiers.counters import bookings, screens, times
from dossiers.counters.models import BookVisit, CounterScreen, FreeTime, VisitBooking
from dossiers.counters.staff_routes import router as staff_router

AgencyPath = Annotated[str, PathParameter(min_length=2, max_length=40, pattern=r"^[a-z0-9-]+$")]
OnDay = Annotated[date | None, QueryParameter(description="today if left out")]
Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]


@get("/v1/dossiers/counters/{agency_code:str}", public=True)
async def get_counter_screen(db: Db, request: Door, agency_code: AgencyPath) -> CounterScreen:
    """A counter now: is it open, who is called where, how many wait and how long, when there is time."""
    return await screens.show(db, agency_code, request.lang)


@get("/c/{agency_code:str}", public=True, media_type="text/html", include_in_schema=False)
async def show_counter_screen(db: Db, agency_code: AgencyPath) -> Response[str]:
    """The same as a page for the screen on the wall."""
    return await screens.page(db, agency_code)


@get("/v1/dossiers/counters/{agency_code:str}/times", public=True)
async def list_counter_times(db: Db, agency_code: AgencyPath, on: OnDay = None) -> list[FreeTime]:
    """A day's free times at a counter, earliest first; none on a day that cannot be booked."""
    return await times.free_on(db, agency_code, on)


@put("/v1/dossiers/bookings/{booking_id:uuid}", status_code=201, responses={200: ResponseSpec(VisitBooking)})
async def book_visit(
    db: Db, request: Door, booking_id: FromPath[UUID], data: JSONBody[BookVisit]
) -> Reply[VisitBooking]:
    """Book a visit to a counter: 201 when it is new."""
    booking, new = await bookings.make(db, request.me, booking_id, data, request.lang)
    return Reply(booking, status_code=201 if new else 200)


@get("/v1/dossiers/bookings")
async def list_bookings(db: Db, request: Door, cursor: Cursor = None, limit: Limit = 20) -> Page[VisitBooking]:
    """My visits, the furthest ahead first, with the numbers that I have."""
    return await bookings.mine(db, request.me, cursor, limit, request.lang)


@get("/v1/dossiers/bookings/{booking_id:uuid}")
async def get_booking(db: Db, request: Door, booking_id: FromPath[UUID]) -> VisitBooking:
    """A visit of mine, with my number and how many wait before me."""
    return await bookings.show(db, request.me, booking_id, request.lang)


@delete("/v1/dossiers/bookings/{booking_id:uuid}", status_code=204)
async def cancel_booking(db: Db, request: Door, booking_id: FromPath[UUID]) -> None:
    """I don't come: the place is free for somebody else."""
    await bookings.cancel(db, request.me, booking_id)


@put("/v1/dossiers/bookings/{booking_id:uuid}/arrival")
async def arrive_at_counter(
    db: Db, request: Door, booking_id: FromPath[UUID], data: JSONBody[Nothing]
) -> VisitBooking:
    """I am there, half an hour before or after my time at most: now I have a number."""
    return await bookings.arrive(db, request.me, booking_id, request.lang)


router = Router(
    "/",
    route_handlers=[
        get_counter_screen,
        show_counter_screen,
        list_counter_times,
        book_visit,
        list_bookings,
        get_booking,
        cancel_booking,
        arrive_at_counter,
        staff_router,
    ],
    tags=["dossiers"],
)
