"""The doors of dossiers for clerks, officers and heads, and for whoever keeps the agencies."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Stream

from app.deps import Db, Door
from app.replies import Reply
from app.types import Page
from app.uploads import kinds
from dossiers import acceptance, actions, filing, homes, owners, queues, showing, stored_papers
from dossiers.models import (
    AcceptDossier,
    ActOnDossier,
    AgencyOfDossiers,
    DossierDesk,
    DossierQueue,
    FileForVisitor,
    HandOverResult,
    IssueResult,
    MergeAgency,
    PutDesk,
    RefuseDossier,
    RehomeDossier,
    StaffDossier,
    StaffDossierLine,
    TakeSupplement,
)
from dossiers.queues import SoughtDossiers

DESKS = ("clerk", "agency_officer", "agency_head")
Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]
CodeText = Annotated[str | None, QueryParameter(min_length=1, max_length=40)]
Words = Annotated[str | None, QueryParameter(min_length=1, max_length=100)]
AtState = Annotated[str | None, QueryParameter(name="state", min_length=1, max_length=40)]


@get("/v1/staff/dossiers", who=DESKS)
async def list_staff_dossiers(
    db: Db,
    request: Door,
    queue: FromQuery[DossierQueue] = "unit",
    procedure: CodeText = None,
    at_state: AtState = None,
    q: Words = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[StaffDossierLine]:
    """What there is to do: given to me, at my desks, due soon, late, or ready to be fetched."""
    sought = SoughtDossiers(procedure, at_state, q)
    return await queues.listed(db, request.me, queue, sought, cursor, limit, request.lang)


@get("/v1/staff/dossiers/{dossier_id:uuid}", who=DESKS)
async def get_staff_dossier(db: Db, request: Door, dossier_id: FromPath[UUID]) -> StaffDossier:
    """A dossier whole, with what I may do now. Who opened it is in the audit."""
    return await showing.open_one(db, request.me, dossier_id, request.lang)


@put(
    "/v1/staff/dossiers/{dossier_id:uuid}",
    who=("clerk",),
    status_code=201,
    responses={200: ResponseSpec(StaffDossier)},
)
async def file_dossier_for_visitor(
    db: Db, request: Door, dossier_id: FromPath[UUID], data: JSONBody[FileForVisitor]
) -> Reply[StaffDossier]:
    """Write down what a visitor hands in, and accept it: 201 when it is new."""
    dossier, new = await filing.file_for_visitor(db, request.me, dossier_id, data, request.lang)
    return Reply(dossier, status_code=201 if new else 200)


@put("/v1/staff/dossiers/{dossier_id:uuid}/acceptance", who=("clerk",))
async def accept_dossier(
    db: Db, request: Door, dossier_id: FromPath[UUID], data: JSONBody[AcceptDossier]
) -> StaffDossier:
    """It is complete: it gets its code and its date."""
    return await acceptance.accept(db, request.me, dossier_id, data, request.lang)


@put("/v1/staff/dossiers/{dossier_id:uuid}/refusal", who=("clerk",))
async def refuse_dossier(
    db: Db, request: Door, dossier_id: FromPath[UUID], data: JSONBody[RefuseDossier]
) -> StaffDossier:
    """It cannot be accepted, and why."""
    return await acceptance.refuse(db, request.me, dossier_id, data, request.lang)


@put("/v1/staff/dossiers/{dossier_id:uuid}/actions/{action_id:uuid}", who=DESKS)
async def act_on_dossier(
    db: Db, request: Door, dossier_id: FromPath[UUID], action_id: FromPath[UUID], data: JSONBody[ActOnDossier]
) -> StaffDossier:
    """Do an action that its flow has for my role."""
    return await actions.act(db, request.me, dossier_id, action_id, data, request.lang)


@put("/v1/staff/dossiers/{dossier_id:uuid}/supplements/{supplement_id:uuid}", who=("clerk",))
async def take_dossier_supplement(
    db: Db,
    request: Door,
    dossier_id: FromPath[UUID],
    supplement_id: FromPath[UUID],
    data: JSONBody[TakeSupplement],
) -> StaffDossier:
    """Take over the counter what was asked for: the applicant need not have the app."""
    return await owners.take_supplement(db, request.me, dossier_id, supplement_id, data, request.lang)


@put("/v1/staff/dossiers/{dossier_id:uuid}/result", who=DESKS)
async def issue_dossier_result(
    db: Db, request: Door, dossier_id: FromPath[UUID], data: JSONBody[IssueResult]
) -> StaffDossier:
    """What comes out; it is signed after the commit."""
    return await actions.issue(db, request.me, dossier_id, data, request.lang)


@put("/v1/staff/dossiers/{dossier_id:uuid}/delivery", who=("clerk",))
async def hand_over_result(
    db: Db, request: Door, dossier_id: FromPath[UUID], data: JSONBody[HandOverResult]
) -> StaffDossier:
    """The result is fetched at the counter, once the fee is paid."""
    return await actions.hand_over(db, request.me, dossier_id, data, request.lang)


@get("/v1/staff/dossiers/{dossier_id:uuid}/papers/{paper_id:uuid}", who=DESKS, gives=sorted(kinds.TAKEN["paper"]))
async def get_dossier_paper(db: Db, request: Door, dossier_id: FromPath[UUID], paper_id: FromPath[UUID]) -> Stream:
    """A paper of a dossier. Who opened it is in the audit."""
    return await stored_papers.staff_file(db, request.me, dossier_id, paper_id)


@put("/v1/staff/dossiers/{dossier_id:uuid}/agency", who=("admin",))
async def rehome_dossier(
    db: Db, request: Door, dossier_id: FromPath[UUID], data: JSONBody[RehomeDossier]
) -> StaffDossier:
    """It goes on at another agency; code and dates stay."""
    return await actions.rehome(db, request.me, dossier_id, data, request.lang)


@get("/v1/staff/dossiers/agencies", who=("admin", *DESKS))
async def list_agencies_of_dossiers(db: Db, request: Door) -> list[AgencyOfDossiers]:
    """Agencies as the one-stop mechanism counts them, those of the past too."""
    return await homes.all_of_them(db, request.lang)


@put("/v1/staff/dossiers/agencies/{agency_code:str}/merger", who=("admin",))
async def merge_agency(
    db: Db, request: Door, agency_code: FromPath[str], data: JSONBody[MergeAgency]
) -> AgencyOfDossiers:
    """From today on it is a part of another; its open dossiers go along."""
    return await homes.merge(db, request.me, agency_code, data, request.lang)


@put("/v1/staff/dossiers/agencies/{agency_code:str}/members/{member_id:uuid}/desk", who=("admin",))
async def put_dossier_desk(
    db: Db, request: Door, agency_code: FromPath[str], member_id: FromPath[UUID], data: JSONBody[PutDesk]
) -> DossierDesk:
    """Which procedures somebody deals with there; an empty list: all of them."""
    return await homes.put_desk(db, request.me, agency_code, member_id, data)


router = Router(
    "/",
    route_handlers=[
        list_staff_dossiers,
        get_staff_dossier,
        file_dossier_for_visitor,
        accept_dossier,
        refuse_dossier,
        act_on_dossier,
        take_dossier_supplement,
        issue_dossier_result,
        hand_over_result,
        get_dossier_paper,
        rehome_dossier,
        list_agencies_of_dossiers,
        merge_agency,
        put_dossier_desk,
    ],
)
