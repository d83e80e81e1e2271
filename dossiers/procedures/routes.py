"""The doors of procedures: for everybody who reads them, and for whoever keeps the catalogue."""

from typing import Annotated

from litestar import Router, get, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.deps import Db, Door
from app.types import Page
from dossiers.procedures import drafts, reviews, shown
from dossiers.procedures.definitions import OnlineLevel
from dossiers.procedures.models import (
    ProcedureLine,
    ProcedureReview,
    ProcedureVersion,
    ProcedureVersionLine,
    PublishProcedure,
    PutProcedureVersion,
    ReviewProcedure,
    ShownProcedure,
    StaffProcedureLine,
)
from dossiers.procedures.shown import Wanted

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]
CodeText = Annotated[str | None, QueryParameter(min_length=1, max_length=40)]
Words = Annotated[str | None, QueryParameter(min_length=1, max_length=100)]
KEEPERS = ("admin", "agency_head")


@get("/v1/dossiers/procedures", public=True)
async def list_procedures(
    db: Db,
    request: Door,
    q: Words = None,
    agency: CodeText = None,
    field: CodeText = None,
    online_level: FromQuery[OnlineLevel | None] = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[ProcedureLine]:
    """What may be asked for at the counters, by name. `q`: words, accents or not; `agency`: who accepts it."""
    return await shown.listed(db, Wanted(q, agency, field, online_level), cursor, limit, request.lang)


@get("/v1/dossiers/procedures/{procedure_code:str}", public=True)
async def get_procedure(db: Db, request: Door, procedure_code: FromPath[str]) -> ShownProcedure:
    """A procedure, whole: papers, form, what it takes and costs, the law, the way that a dossier goes, and where."""
    return await shown.show(db, procedure_code, request.lang)


@get("/v1/staff/procedures", who=KEEPERS)
async def list_staff_procedures(
    db: Db, request: Door, review_due: FromQuery[bool | None] = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[StaffProcedureLine]:
    """The catalogue by code, drafts too. `review_due=true`: those that still lack this year's review."""
    return await reviews.page(db, request.me, review_due, cursor, limit, request.lang)


@get("/v1/staff/procedures/{procedure_code:str}/versions", who=KEEPERS)
async def list_procedure_versions(
    db: Db, request: Door, procedure_code: FromPath[str], cursor: Cursor = None, limit: Limit = 20
) -> Page[ProcedureVersionLine]:
    """A procedure's versions, the newest first."""
    return await drafts.page(db, request.me, procedure_code, cursor, limit)


@get("/v1/staff/procedures/{procedure_code:str}/versions/{version:str}", who=KEEPERS)
async def get_procedure_version(
    db: Db, request: Door, procedure_code: FromPath[str], version: FromPath[str]
) -> ProcedureVersion:
    """A version, whole, with what stands against publishing it."""
    return await drafts.show(db, request.me, procedure_code, version, request.lang)


@put("/v1/staff/procedures/{procedure_code:str}/versions/{version:str}", who=KEEPERS)
async def put_procedure_version(
    db: Db, request: Door, procedure_code: FromPath[str], version: FromPath[str], data: JSONBody[PutProcedureVersion]
) -> ProcedureVersion:
    """Write a draft; what is not right with it yet is told with it."""
    return await drafts.put(db, request.me, procedure_code, version, data, request.lang)


@put("/v1/staff/procedures/{procedure_code:str}/versions/{version:str}/publication", who=KEEPERS)
async def publish_procedure_version(
    db: Db, request: Door, procedure_code: FromPath[str], version: FromPath[str], data: JSONBody[PublishProcedure]
) -> ProcedureVersion:
    """Put a version in force, which somebody else wrote: it never changes from now on."""
    return await drafts.publish(db, request.me, procedure_code, version, data, request.lang)


@put("/v1/staff/procedures/{procedure_code:str}/review", who=KEEPERS)
async def review_procedure(
    db: Db, request: Door, procedure_code: FromPath[str], data: JSONBody[ReviewProcedure]
) -> ProcedureReview:
    """The year's review; a second person who says `abolish` too ends filing."""
    return await reviews.put(db, request.me, procedure_code, data)


router = Router(
    "/",
    route_handlers=[
        list_procedures, get_procedure, list_staff_procedures, list_procedure_versions, get_procedure_version,
        put_procedure_version, publish_procedure_version, review_procedure,
    ],
    tags=["procedures"],
)  # fmt: skip
