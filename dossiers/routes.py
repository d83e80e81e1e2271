"""The doors of dossiers for residents, and for everybody who asks where one is."""

from typing import Annotated
from uuid import UUID

from litestar import Router, delete, get, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Stream

from app.deps import Db, Door
from app.replies import Reply
from app.types import Nothing, Page
from app.uploads import kinds
from dossiers import delegations, filing, look_ups, owners, showing, stored_papers
from dossiers.counters.routes import router as counters_router
from dossiers.figures.routes import router as figures_router
from dossiers.models import (
    Delegation,
    FileDossier,
    FoundDossier,
    GiveSupplement,
    LookUpDossier,
    MyDossier,
    MyDossierLine,
    PutDelegation,
    RateDossier,
    StoredPaper,
    WithdrawDossier,
)
from dossiers.national.routes import router as national_router
from dossiers.papers.routes import router as papers_router
from dossiers.posting.routes import router as posting_router
from dossiers.procedures.routes import router as procedures_router
from dossiers.staff_routes import router as staff_router

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]


@put("/v1/dossiers/{dossier_id:uuid}", status_code=201, responses={200: ResponseSpec(MyDossier)})
async def file_dossier(
    db: Db, request: Door, dossier_id: FromPath[UUID], data: JSONBody[FileDossier]
) -> Reply[MyDossier]:
    """Keep a draft, or submit it: 201 when it is new, 200 when it was there before."""
    dossier, new = await filing.file(db, request.me, dossier_id, data, request.lang)
    return Reply(dossier, status_code=201 if new else 200)


@delete("/v1/dossiers/drafts/{draft_id:uuid}", status_code=204)
async def drop_dossier_draft(db: Db, request: Door, draft_id: FromPath[UUID]) -> None:
    """I do not go on with a draft: a dossier that was not submitted, by its id."""
    await filing.drop_draft(db, request.me, draft_id)


@get("/v1/dossiers/mine")
async def list_my_dossiers(db: Db, request: Door, cursor: Cursor = None, limit: Limit = 20) -> Page[MyDossierLine]:
    """My dossiers, newest first."""
    return await owners.listed(db, request.me, cursor, limit, request.lang)


@get("/v1/dossiers/{dossier_id:uuid}")
async def get_my_dossier(db: Db, request: Door, dossier_id: FromPath[UUID]) -> MyDossier:
    """A dossier of mine, whole: where it is down to the department, until when, what is asked, what came out."""
    return await showing.mine(db, request.me, dossier_id, request.lang)


@put("/v1/dossiers/{dossier_id:uuid}/supplements/{supplement_id:uuid}")
async def give_supplement(
    db: Db,
    request: Door,
    dossier_id: FromPath[UUID],
    supplement_id: FromPath[UUID],
    data: JSONBody[GiveSupplement],
) -> MyDossier:
    """Give what is asked for."""
    return await owners.supplement(db, request.me, dossier_id, supplement_id, data, request.lang)


@put("/v1/dossiers/{dossier_id:uuid}/withdrawal")
async def withdraw_dossier(
    db: Db, request: Door, dossier_id: FromPath[UUID], data: JSONBody[WithdrawDossier]
) -> MyDossier:
    """I want nothing of it any more."""
    return await owners.withdraw(db, request.me, dossier_id, data, request.lang)


@put("/v1/dossiers/{dossier_id:uuid}/rating")
async def rate_dossier(db: Db, request: Door, dossier_id: FromPath[UUID], data: JSONBody[RateDossier]) -> MyDossier:
    """How it was."""
    return await owners.rate(db, request.me, dossier_id, data, request.lang)


@post("/v1/dossiers/look-ups", public=True, status_code=200)
async def look_up_dossier(db: Db, request: Door, data: JSONBody[LookUpDossier]) -> FoundDossier:
    """Where is it, without signing in: by its code how far it is, with the receipt's four digits every step."""
    return await look_ups.look_up(db, data, request.address, request.lang)


@get("/v1/dossiers/papers")
async def list_stored_papers(db: Db, request: Door, cursor: Cursor = None, limit: Limit = 20) -> Page[StoredPaper]:
    """Papers of mine that may be handed in again."""
    return await stored_papers.mine(db, request.me, cursor, limit, request.lang)


@get("/v1/dossiers/papers/{paper_id:uuid}/file", gives=sorted(kinds.TAKEN["paper"]))
async def get_stored_paper(db: Db, request: Door, paper_id: FromPath[UUID]) -> Stream:
    """A paper of mine, as I sent it."""
    return await stored_papers.my_file(db, request.me, paper_id)


@delete("/v1/dossiers/papers/{paper_id:uuid}", status_code=204)
async def drop_stored_paper(db: Db, request: Door, paper_id: FromPath[UUID]) -> None:
    """Offer it no more; dossiers that have it keep it."""
    await stored_papers.drop(db, request.me, paper_id)


@get("/v1/dossiers/delegations")
async def list_delegations(db: Db, request: Door) -> list[Delegation]:
    """For whom I may act."""
    return await delegations.mine(db, request.me)


@put("/v1/dossiers/delegations/{delegation_id:uuid}")
async def put_delegation(
    db: Db, request: Door, delegation_id: FromPath[UUID], data: JSONBody[PutDelegation]
) -> Delegation:
    """Write down for whom I act, with the proof."""
    return await delegations.put(db, request.me, delegation_id, data)


@put("/v1/dossiers/delegations/{delegation_id:uuid}/revocation", status_code=204)
async def revoke_delegation(db: Db, request: Door, delegation_id: FromPath[UUID], data: JSONBody[Nothing]) -> None:
    """It holds no more."""
    await delegations.revoke(db, request.me, delegation_id)


router = Router(
    "/",
    route_handlers=[
        file_dossier,
        drop_dossier_draft,
        list_my_dossiers,
        get_my_dossier,
        give_supplement,
        withdraw_dossier,
        rate_dossier,
        look_up_dossier,
        list_stored_papers,
        get_stored_paper,
        drop_stored_paper,
        list_delegations,
        put_delegation,
        revoke_delegation,
        staff_router,
        procedures_router,
        papers_router,
        counters_router,
        posting_router,
        figures_router,
        national_router,
    ],
    tags=["dossiers"],
)
