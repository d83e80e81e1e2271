"""The doors of dossiers' papers: forms, results, and who checks them."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import MediaType, Response, Router, get, post
from litestar.params import FromPath, JSONBody, PathParameter, QueryParameter
from litestar.response import Stream

from app.deps import Db, Door
from dossiers.papers import forms, register, results, tracking, verifications
from dossiers.papers.models import CheckFile, FileCheck, ResultCheck

FormNumberInPath = Annotated[str, PathParameter(min_length=1, max_length=2, pattern=r"^0?[1-6]$")]
DossierCodeInPath = Annotated[str, PathParameter(min_length=1, max_length=60, pattern=r"^[0-9A-Za-z.-]+$")]
ResultCodeInPath = Annotated[str, PathParameter(min_length=1, max_length=30, pattern=r"^[0-9A-Za-z -]+$")]
AgencyInQuery = Annotated[str, QueryParameter(min_length=1, max_length=60, pattern=r"^[0-9a-z-]+$")]
FromDay = Annotated[date, QueryParameter(name="from")]
ToDay = Annotated[date, QueryParameter(name="to")]


@get("/v1/dossiers/{dossier_id:uuid}/forms/{form_number:str}", media_type=forms.PDF)
async def get_form(request: Door, dossier_id: FromPath[UUID], form_number: FormNumberInPath) -> Response[bytes]:
    """A form of a dossier of mine as a PDF, in Vietnamese.

    01 receipt and appointment, 02 request for papers, 03 refusal, 04 apology and new date, 05 stop notice."""
    return await forms.form(request.app.state.database, request.me, dossier_id, int(form_number))


@get("/v1/dossiers/{dossier_id:uuid}/result", media_type=forms.PDF)
async def get_result(db: Db, request: Door, dossier_id: FromPath[UUID]) -> Stream:
    """The signed result of a dossier of mine; 404 until there is one, 409 while its fee is due."""
    return await results.mine(db, request.me, dossier_id)


@get("/v1/staff/dossiers/{dossier_id:uuid}/forms/{form_number:str}", who=forms.SEES, media_type=forms.PDF)
async def get_staff_form(request: Door, dossier_id: FromPath[UUID], form_number: FormNumberInPath) -> Response[bytes]:
    """A form of a dossier at an agency of mine, or at its desk, to be printed; 06 is the control slip."""
    return await forms.form(request.app.state.database, request.me, dossier_id, int(form_number))


@get("/v1/staff/dossiers/{dossier_id:uuid}/result", who=forms.SEES, media_type=forms.PDF)
async def get_staff_result(db: Db, request: Door, dossier_id: FromPath[UUID]) -> Stream:
    """Its signed result, also one that was taken back. Who had it is in the audit."""
    return await results.for_staff(db, request.me, dossier_id)


@get("/v1/staff/dossiers/register", who=forms.SEES, media_type=forms.PDF)
async def get_register(request: Door, agency: AgencyInQuery, from_on: FromDay, to_on: ToDay) -> Response[bytes]:
    """Form 07: the register of an agency of mine, from one day to another, as a PDF; 92 days at most."""
    return await register.file(request.app.state.database, request.me, agency, from_on, to_on)


@get("/v1/dossiers/verifications/{result_code:str}", public=True)
async def check_result(db: Db, request: Door, result_code: ResultCodeInPath) -> ResultCheck:
    """Was this result issued by the city, and does it stand? For whoever holds it."""
    return await verifications.check(db, request.address, result_code, request.lang)


@post("/v1/dossiers/verifications", public=True, status_code=200)
async def check_result_file(db: Db, request: Door, data: JSONBody[CheckFile]) -> FileCheck:
    """Was a file with this SHA-256 issued by the city?"""
    return await verifications.check_file(db, request.address, data)


@get("/v/{result_code:str}", public=True, media_type=MediaType.HTML, include_in_schema=False)
async def show_result_check(db: Db, request: Door, result_code: ResultCodeInPath) -> Response[str]:
    """The check as a page, at the address that a result's QR says."""
    return await verifications.page(db, request.address, result_code)


@get("/d/{dossier_code:str}", public=True, media_type=MediaType.HTML, include_in_schema=False)
async def show_tracking(db: Db, request: Door, dossier_code: DossierCodeInPath) -> Response[str]:
    """How far a dossier is, at the address that its receipt's QR says."""
    return await tracking.page(db, request.address, dossier_code)


router = Router(
    "/",
    route_handlers=[
        get_form, get_result, get_staff_form, get_staff_result, get_register,
        check_result, check_result_file, show_result_check, show_tracking,
    ],
    tags=["dossiers"],
)  # fmt: skip
