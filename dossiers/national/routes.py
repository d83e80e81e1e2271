"""The doors of the national portal, and of those who look after what it does not know."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from app.deps import Db, Door
from app.types import Nothing, Page
from dossiers.national import differences, filings
from dossiers.national.models import DifferenceState, FileFromPortal, NationalDifference, PortalFilings

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
StateQuery = Annotated[DifferenceState | None, QueryParameter(name="state", description="only these")]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]


@post("/v1/national/dossiers", status_code=200, who=("scope:national.write",))
async def file_from_portal(db: Db, request: Door, data: JSONBody[FileFromPortal]) -> PortalFilings:
    """The national portal files dossiers with us, or says what has changed of them: taken or not, each by itself."""
    return await filings.take(db, request.me, data, request.lang)


@get("/v1/staff/national/differences", who=("supervisor", "admin"))
async def list_national_differences(
    db: Db,
    request: Door,
    which: StateQuery = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[NationalDifference]:
    """What the national portal knows otherwise than we do, newest first: why, and since when."""
    return await differences.listed(db, which, cursor, limit, request.lang)


@put("/v1/staff/national/differences/{difference_id:uuid}/resend", who=("supervisor", "admin"))
async def resend_national_difference(
    db: Db, request: Door, difference_id: FromPath[UUID], data: JSONBody[Nothing]
) -> NationalDifference:
    """Send a dossier to the national portal again, from where it stopped; the difference's id is the dossier's."""
    return await differences.resend(db, request.me, difference_id, request.lang)


router = Router(
    "/",
    route_handlers=[file_from_portal, list_national_differences, resend_national_difference],
    tags=["dossiers"],
)
