"""Open311's doors. Whoever reads may be a stranger; whoever sends shows a key, or signs.

The last part of an address says the format. The standard describes these doors, and they say no in its own way: they
are not in the city's description of its API."""

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.exceptions import HTTPException
from litestar.params import PathParameter

from app.deps import Db, Door
from app.errors import Refusal
from app.types import Answer
from feedback.open311 import asked, catalogue, discovery, formats, media, noes, requests, updates
from feedback.open311.formats import Root, without_format

Document = Annotated[str, PathParameter(max_length=120)]
READS: dict[str, Any] = {"public": True, "plain_key": True}
SENDS: dict[str, Any] = {
    "who": ("scope:reports.write",),
    "plain_key": True,
    "request_max_body_size": media.MOST_FORM_BYTES,
}


def _in_both(path: str) -> list[str]:
    return [f"{path}.{format_}" for format_ in formats.CONTENT_TYPES]


def _written(request: Door, root: Root, content: Answer | Sequence[Answer], *, new: bool = False) -> Response[bytes]:
    format_ = formats.asked_for(request.scope["path"])
    return Response(
        formats.write(format_, root, content),
        status_code=201 if new else 200,
        headers={"content-language": asked.language(request), "vary": "accept-language"},
        media_type=formats.CONTENT_TYPES[format_],
    )


@get(_in_both("/open311/discovery"), **READS)
async def discover_open311(request: Door) -> Response[bytes]:
    """Which APIs there are, and whom to ask for a key."""
    return _written(request, "discovery", discovery.describe(asked.language(request)))


@get(_in_both("/open311/v2/services"), **READS)
async def list_services(db: Db, request: Door) -> Response[bytes]:
    """What may be reported."""
    return _written(request, "services", await catalogue.all_of_them(db, asked.in_query(request)))


@get("/open311/v2/services/{document:str}", **READS)
async def get_service_definition(db: Db, request: Door, document: Document) -> Response[bytes]:
    """What a service asks besides."""
    definition = await catalogue.define(db, asked.in_query(request), without_format(document))
    return _written(request, "service_definition", definition)


@get(_in_both("/open311/v2/requests"), **READS)
async def list_service_requests(db: Db, request: Door) -> Response[bytes]:
    """Public reports, newest first."""
    return _written(request, "service_requests", await requests.search(db, asked.in_query(request)))


@get("/open311/v2/requests/{document:str}", **READS)
async def get_service_request(db: Db, request: Door, document: Document) -> Response[bytes]:
    """One public report, as a list of one."""
    found = await requests.show(db, asked.in_query(request), without_format(document))
    return _written(request, "service_requests", found)


@get("/open311/v2/tokens/{document:str}", **READS)
async def get_service_request_of_token(db: Db, request: Door, document: Document) -> Response[bytes]:
    """Which report a token stands for: here it is the report's own id."""
    found = await requests.find_by_token(db, asked.in_query(request), without_format(document))
    return _written(request, "service_requests", found)


@post(_in_both("/open311/v2/requests"), **SENDS)
async def post_service_request(request: Door) -> Response[bytes]:
    """File a report for somebody: 201 when it is new, 200 when the same was filed within a day."""
    filed, new = await requests.file(request.app.state.database, request.me, await asked.in_form(request))
    return _written(request, "service_requests", filed, new=new)


@get(_in_both("/open311/v2/servicerequestupdates"), **READS)
async def list_service_request_updates(db: Db, request: Door) -> Response[bytes]:
    """What was done to public reports, oldest first."""
    return _written(request, "service_request_updates", await updates.search(db, asked.in_query(request)))


@post(_in_both("/open311/v2/servicerequestupdates"), **SENDS)
async def post_service_request_update(request: Door) -> Response[bytes]:
    """Say something to a public report for somebody: 201 when it is new, 200 when it was said before."""
    taken, new = await updates.take(request.app.state.database, request.me, await asked.in_form(request))
    return _written(request, "service_request_updates", taken, new=new)


router = Router(
    "/",
    route_handlers=[
        discover_open311,
        list_services,
        get_service_definition,
        list_service_requests,
        get_service_request,
        get_service_request_of_token,
        post_service_request,
        list_service_request_updates,
        post_service_request_update,
    ],
    exception_handlers={Exception: noes.answer, HTTPException: noes.answer, Refusal: noes.answer},
    include_in_schema=False,
    tags=["open311"],
)
