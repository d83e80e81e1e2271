"""The doors through which bytes come in, and what was made of them goes out."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, Router, delete, get, head, patch, post, put, route
from litestar.enums import HttpMethod
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, PathParameter

from app.deps import Db, Door
from app.errors import Refusal
from app.types import Nothing
from app.uploads import kinds, pictures, presigned, receiving, tus, uploads
from app.uploads.incoming import arriving
from app.uploads.kinds import Purpose
from app.uploads.models import AskPresigned, Presigned, Upload

SENDERS = ("resident", "staff")

_TAKES: dict[str, Any] = {
    "request_max_body_size": kinds.MOST_BYTES,
    "who": SENDERS,
    "takes": tus.CONTENT_TYPE,
    "most_bytes": kinds.MOST_BYTES,
}
PictureName = Annotated[str, PathParameter(max_length=64)]


@put(
    "/v1/uploads/{upload_id:uuid}",
    status_code=201,
    responses={200: ResponseSpec(Upload)},
    request_max_body_size=kinds.MOST_BYTES,
    who=SENDERS,
    takes="application/octet-stream",
    most_bytes=kinds.MOST_BYTES,
)
async def put_upload(request: Door, upload_id: FromPath[UUID], purpose: FromQuery[Purpose]) -> Response[Upload]:
    """Send a file under an id that I make for it: the body is its bytes, as they are.

    201 when it is new, 200 when these very bytes were here before under this id.
    A photograph (JPEG, PNG, WebP, HEIC) has 15 MB and 50 million pixels at most, a video (MP4, MOV, WebM) 50 MB and
    60 seconds, a paper (PDF, JPEG, PNG) 20 MB. What it is, its bytes say, not its content type."""
    database, body = request.app.state.database, arriving(request)
    done, new = await receiving.put(database, request.me, upload_id, purpose, body)
    return Response(done, status_code=201 if new else 200)


@get("/v1/uploads/{upload_id:uuid}", who=SENDERS)
async def get_upload(db: Db, request: Door, upload_id: FromPath[UUID]) -> Upload:
    """What I sent, how far it is, and what was made of it."""
    return await uploads.show(db, request.me, upload_id)


@delete("/v1/uploads/{upload_id:uuid}", status_code=204, who=SENDERS)
async def remove_upload(db: Db, request: Door, upload_id: FromPath[UUID]) -> None:
    """I want nothing of it any more; what something uses stays."""
    await uploads.remove(db, request.me, upload_id)


@post("/v1/uploads/{upload_id:uuid}/presigned", status_code=201, who=SENDERS)
async def ask_presigned(request: Door, upload_id: FromPath[UUID], data: JSONBody[AskPresigned]) -> Presigned:
    """Where to send a file straight to the city's storage, if that is offered; then tell its completion."""
    return await presigned.ask(request.app.state.database, request.me, upload_id, data)


@put("/v1/uploads/{upload_id:uuid}/completion", who=SENDERS)
async def complete_upload(request: Door, upload_id: FromPath[UUID], data: JSONBody[Nothing]) -> Upload:
    """The file is in the city's storage: have it looked at."""
    return await presigned.complete(request.app.state.database, request.me, upload_id)


@get("/v1/pictures/{name:str}", public=True, gives=("image/jpeg", "image/webp"))
async def get_picture(request: Door, name: PictureName) -> Response[bytes]:
    """A picture by its name: a JPEG of 2048 or a WebP of 480 pixels at most. It never changes."""
    return await pictures.show(request.app.state.database, name, request.headers.get("if-none-match", ""))


# tus


@route("", http_method=[HttpMethod.OPTIONS], status_code=204, who=SENDERS, include_in_schema=False)
async def discover_tus() -> Response[None]:
    """What this server knows of the protocol."""
    return tus.discover()


@post("", status_code=201, **_TAKES)
async def create_tus_upload(request: Door) -> Response[None]:
    """Begin an upload that can go on after a cut."""
    return await tus.create(request.app.state.database, request.me, request.headers, arriving(request))


@head("/{upload_id:uuid}", who=SENDERS)
async def head_tus_upload(request: Door, upload_id: FromPath[UUID]) -> Response[None]:
    """How much of an upload is here."""
    return await tus.head(request.app.state.database, request.me, upload_id, request.headers)


@patch("/{upload_id:uuid}", status_code=204, **_TAKES)
async def patch_tus_upload(request: Door, upload_id: FromPath[UUID]) -> Response[None]:
    """More bytes of an upload, from an offset on."""
    return await tus.patch(request.app.state.database, request.me, upload_id, request.headers, arriving(request))


@delete("/{upload_id:uuid}", status_code=204, who=SENDERS)
async def terminate_tus_upload(request: Door, upload_id: FromPath[UUID]) -> Response[None]:
    """Nothing is left of an upload."""
    return await tus.terminate(request.app.state.database, request.me, upload_id, request.headers)


@post("/{upload_id:uuid}", status_code=204, **_TAKES)
async def patch_or_terminate_tus_upload(request: Door, upload_id: FromPath[UUID]) -> Response[None]:
    """PATCH or DELETE, from where neither can be said."""
    return await tus.instead(request.app.state.database, request.me, upload_id, request.headers, arriving(request))


tus_router = Router(
    tus.PATH,
    route_handlers=[
        discover_tus, create_tus_upload, head_tus_upload, patch_tus_upload, terminate_tus_upload,
        patch_or_terminate_tus_upload,
    ],
    exception_handlers={Exception: tus.answer_no, HTTPException: tus.answer_no, Refusal: tus.answer_no},
    include_in_schema=False,
)  # fmt: skip

router = Router(
    "/",
    route_handlers=[
        put_upload, get_upload, remove_upload, ask_presigned, complete_upload, get_picture, tus_router,
    ],
    tags=["uploads"],
)  # fmt: skip
