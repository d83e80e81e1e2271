"""The doors of personal data: a resident's own, and those of whoever looks after it."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Stream

from app.deps import Db, Door
from app.privacy import access, breaches, consents, data_requests, erasures, exports, processing, retention
from app.privacy.models import (
    AnswerData,
    AskData,
    AskErasure,
    Breach,
    CloseBreach,
    Consent,
    DataRequest,
    DecideConsent,
    Erasure,
    Export,
    FileOpening,
    NotifyBreach,
    Processing,
    ReportBreach,
    Retained,
    StaffDataRequest,
)
from app.replies import Reply
from app.types import Nothing, Page

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]


@get("/v1/me/consents")
async def list_consents(db: Db, request: Door) -> list[Consent]:
    """What my data may be used for, and what I decided on each purpose."""
    return await consents.mine(db, request.me, request.lang)


@get("/v1/me/consents/{purpose:str}")
async def get_consent(db: Db, request: Door, purpose: FromPath[str]) -> Consent:
    """What my data may be used for under one purpose, and what I decided on it."""
    return await consents.show(db, request.me, purpose, request.lang)


@put("/v1/me/consents/{purpose:str}")
async def decide_consent(db: Db, request: Door, purpose: FromPath[str], data: JSONBody[DecideConsent]) -> Consent:
    """Consent to a purpose in the words that I have read, or no longer. Every decision is kept."""
    return await consents.decide(db, request.me, purpose, data, request.lang)


@post("/v1/me/exports", status_code=202)
async def ask_export(db: Db, request: Door, data: JSONBody[Nothing]) -> Export:
    """Have a copy made of all that is held of me: two a day. The inbox says when it is ready."""
    return await exports.ask(db, request.me)


@get("/v1/me/exports/{export_id:uuid}")
async def get_export(db: Db, request: Door, export_id: FromPath[UUID]) -> Export:
    """How far my copy is."""
    return await exports.show(db, request.me, export_id)


@get("/v1/me/exports/{export_id:uuid}/file", media_type="application/zip")
async def get_export_file(request: Door, export_id: FromPath[UUID]) -> Stream:
    """My copy: a ZIP file with a JSON and a CSV of everything. Short transactions of its own: it may take long."""
    size, parts = await exports.download(request.app.state.database, request.me, export_id)
    return Stream(parts, media_type="application/zip", headers=exports.headers_of(export_id, size))


@post("/v1/me/erasures", status_code=202)
async def ask_erasure(request: Door, data: JSONBody[AskErasure]) -> Erasure:
    """Erase my account: it is closed on every device within a minute, and cannot be brought back."""
    database, holdings = request.app.state.database, request.app.state.holdings
    return await erasures.ask(database, request.me, data, holdings, request.lang)


@put("/v1/me/data-requests/{data_request_id:uuid}", status_code=201, responses={200: ResponseSpec(DataRequest)})
async def ask_data(
    db: Db, request: Door, data_request_id: FromPath[UUID], data: JSONBody[AskData]
) -> Reply[DataRequest]:
    """Ask whoever holds my data for something, in my own words: 201 when it is new, 200 when it was there before."""
    asked, new = await data_requests.ask(db, request.me, data_request_id, data)
    return Reply(asked, status_code=201 if new else 200)


@get("/v1/me/data-requests")
async def list_data_requests(db: Db, request: Door, cursor: Cursor = None, limit: Limit = 20) -> Page[DataRequest]:
    """What I asked and what I was answered, newest first."""
    return await data_requests.mine(db, request.me, cursor, limit)


@get("/v1/me/access-log")
async def list_access_log(db: Db, request: Door, cursor: Cursor = None, limit: Limit = 20) -> Page[FileOpening]:
    """Who of the city opened my file, newest first: when, as what, and why."""
    return await access.mine(db, request.me, cursor, limit)


@get("/v1/staff/data-requests", who=("compliance",))
async def list_all_data_requests(
    db: Db,
    request: Door,
    open_only: Annotated[bool, QueryParameter(name="open")] = True,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[StaffDataRequest]:
    """What residents ask, the soonest due first; `open=false`: what was answered too."""
    return await data_requests.page(db, request.me, open_only, cursor, limit)


@put("/v1/staff/data-requests/{data_request_id:uuid}/answer", who=("compliance",))
async def answer_data_request(
    db: Db, request: Door, data_request_id: FromPath[UUID], data: JSONBody[AnswerData]
) -> StaffDataRequest:
    """Answer a resident; they are told."""
    return await data_requests.answer(db, request.me, data_request_id, data)


@get("/v1/staff/processing", who=("compliance",))
async def list_processing(
    db: Db, request: Door, resident_id: FromQuery[UUID | None] = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[Processing]:
    """What was done with whose data, newest first."""
    return await processing.page(db, request.me, resident_id, cursor, limit)


@put("/v1/staff/breaches/{breach_id:uuid}", who=("compliance",))
async def report_breach(db: Db, request: Door, breach_id: FromPath[UUID], data: JSONBody[ReportBreach]) -> Breach:
    """Write down a breach of personal data, or what is known of it now; earlier versions are kept.

    The authority is told within 72 hours of the earliest `found_at` that was ever written down."""
    return await breaches.report(db, request.me, breach_id, data)


@put("/v1/staff/breaches/{breach_id:uuid}/notification", who=("compliance",))
async def notify_breach(db: Db, request: Door, breach_id: FromPath[UUID], data: JSONBody[NotifyBreach]) -> Breach:
    """The authority was told."""
    return await breaches.notify(db, request.me, breach_id, data)


@put("/v1/staff/breaches/{breach_id:uuid}/closure", who=("compliance",))
async def close_breach(db: Db, request: Door, breach_id: FromPath[UUID], data: JSONBody[CloseBreach]) -> Breach:
    """It is over, and this was learnt."""
    return await breaches.close(db, request.me, breach_id, data)


@get("/v1/staff/breaches", who=("compliance",))
async def list_breaches(db: Db, request: Door, cursor: Cursor = None, limit: Limit = 20) -> Page[Breach]:
    """The register of breaches, newest first."""
    return await breaches.page(db, request.me, cursor, limit)


@get("/v1/staff/retention", who=("compliance", "admin"))
async def list_retention(db: Db, request: Door) -> list[Retained]:
    """What is held of residents, for how long and by what right, and what was forgotten."""
    return await retention.table(db, request.me, request.app.state.holdings, request.lang)


router = Router(
    "/",
    route_handlers=[
        list_consents,
        get_consent,
        decide_consent,
        ask_export,
        get_export,
        get_export_file,
        ask_erasure,
        ask_data,
        list_data_requests,
        list_access_log,
        list_all_data_requests,
        answer_data_request,
        list_processing,
        report_breach,
        notify_breach,
        close_breach,
        list_breaches,
        list_retention,
    ],
    tags=["privacy"],
)
