"""tus 1.0.0, the protocol of uploads that go on after a cut (https://tus.io/protocols/resumable-upload).

With its extensions creation, creation-with-upload, termination, checksum and expiration. The size of the upload's
file is its offset, so nothing has to be remembered that a kill could forget."""

import asyncio
import hashlib
import hmac
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, NamedTuple, get_args
from uuid import UUID

from litestar import Request, Response

from app.db import Database, maybe, queries_beside
from app.errors import (
    Malformed,
    MethodNotAllowed,
    NotFound,
    Refusal,
    TooLarge,
    UnsupportedMediaType,
    allowed,
    answer_problem,
)
from app.identity.models import Principal
from app.types import new_id
from app.uploads import incoming, kinds, receiving, uploads
from app.uploads.incoming import Arriving, Incoming
from app.uploads.kinds import Purpose
from app.uploads.receiving import Begun, Wanted

sql = queries_beside(__file__)

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,termination,checksum,expiration"
CONTENT_TYPE = "application/offset+octet-stream"
ALGORITHMS = ("sha1", "sha256", "md5")
PATH = "/v1/uploads/tus"
MOST_METADATA = 2000
MOST_NAME = 200

Headers = Mapping[str, str]


class TusVersionUnknown(Refusal):
    """Máy chủ chỉ nhận giao thức tus phiên bản 1.0.0.

    This server speaks version 1.0.0 of the tus protocol only."""

    status = 412


class OffsetConflict(Refusal):
    """Máy chủ đã nhận {offset} byte; hãy gửi tiếp từ đó.

    The server has received {offset} bytes; go on from there."""


class ChecksumMismatch(Refusal):
    """Phần vừa gửi không khớp mã kiểm tra nên đã bị bỏ; hãy gửi lại phần đó.

    What was sent does not match its checksum and was dropped; send that part again."""

    status = 460


class OffsetStreamExpected(UnsupportedMediaType):
    """Hãy gửi phần tiếp theo với kiểu nội dung application/offset+octet-stream.

    Send the next part with the content type application/offset+octet-stream."""


def discover() -> Response[None]:
    """What this server knows of the protocol."""
    headers = {
        "tus-version": VERSION,
        "tus-extension": EXTENSIONS,
        "tus-max-size": str(kinds.MOST_BYTES),
        "tus-checksum-algorithm": ",".join(ALGORITHMS),
    }
    return _answer(204, headers)


async def create(database: Database, me: Principal, headers: Headers, body: Arriving) -> Response[None]:
    """Begin an upload, and take in its first bytes if they come along. The same once more is the same upload.

    Raises TusVersionUnknown, Malformed, UploadTooLarge, FileEmpty, UploadIdTaken, TooManyUnclaimed, TooMuchSentToday,
    and what `append` raises."""
    _check_version(headers)
    length = _number(headers, "upload-length")
    said = _metadata(headers.get("upload-metadata", ""))
    kinds.check_size(said.purpose, length)
    wanted = Wanted(
        purpose=said.purpose,
        way="tus",
        size=length,
        file_name=said.file_name,
        tus_metadata=headers.get("upload-metadata"),
    )
    async with database.deed() as db:
        begun = await receiving.begin(db, me, said.upload_id, wanted)
        if begun.size != length or begun.way != "tus":
            raise receiving.UploadIdTaken
    offset = _offset(begun)
    if offset == 0 and _is_offset_stream(headers):
        offset = await _append(database, me, begun, headers, body, offset)
    made = {"location": f"{PATH}/{begun.id}", "upload-expires": _http_date(begun.expires_at)}
    return _answer(201, {**made, "upload-offset": str(offset)})


async def head(database: Database, me: Principal, upload_id: UUID, headers: Headers) -> Response[None]:
    """How much of an upload is here; raises TusVersionUnknown, NotFound."""
    _check_version(headers)
    begun = await _begun(database, me, upload_id)
    told = {
        "cache-control": "no-store",
        "upload-offset": str(_offset(begun)),
        "upload-length": str(begun.size),
        "upload-expires": _http_date(begun.expires_at),
    }
    if begun.tus_metadata:
        told["upload-metadata"] = begun.tus_metadata
    return _answer(200, told)


async def patch(
    database: Database, me: Principal, upload_id: UUID, headers: Headers, body: Arriving
) -> Response[None]:
    """More bytes, from the offset on. The last ones make the upload whole, and then something is made of it.

    Raises TusVersionUnknown, OffsetStreamExpected, Malformed, NotFound, OffsetConflict, UploadBusy, ChecksumMismatch,
    TooLarge, TooManyUploadsAtOnce, UploadCut, Unavailable, and what `finishing.finish` raises."""
    _check_version(headers)
    if not _is_offset_stream(headers):
        raise OffsetStreamExpected
    offset = _number(headers, "upload-offset")
    begun = await _begun(database, me, upload_id)
    offset = await _append(database, me, begun, headers, body, offset)
    return _answer(204, {"upload-offset": str(offset), "upload-expires": _http_date(begun.expires_at)})


async def terminate(database: Database, me: Principal, upload_id: UUID, headers: Headers) -> Response[None]:
    """Nothing is left of an upload; raises TusVersionUnknown, NotFound, UploadInUse."""
    _check_version(headers)
    async with database.deed() as db:
        await uploads.remove(db, me, upload_id)
    incoming.drop(upload_id)
    return _answer(204, {})


async def instead(
    database: Database, me: Principal, upload_id: UUID, headers: Headers, body: Arriving
) -> Response[None]:
    """PATCH or DELETE, where only POST can be said (X-HTTP-Method-Override). Raises MethodNotAllowed and theirs."""
    match headers.get("x-http-method-override", "").upper():
        case "PATCH":
            return await patch(database, me, upload_id, headers, body)
        case "DELETE":
            return await terminate(database, me, upload_id, headers)
        case _:
            raise MethodNotAllowed


def answer_no(request: Request[Any, Any, Any], problem: Exception) -> Response[bytes]:
    """A problem as everywhere, with what the protocol wants beside it."""
    answer = answer_problem(request, problem)
    answer.headers["tus-resumable"] = VERSION
    if isinstance(problem, TusVersionUnknown):
        answer.headers["tus-version"] = VERSION
    if isinstance(problem, MethodNotAllowed):
        answer.headers["allow"] = allowed(("DELETE", "HEAD", "OPTIONS", "PATCH", "POST"))
    return answer


async def _begun(database: Database, me: Principal, upload_id: UUID) -> Begun:
    """An upload of mine that goes by this protocol, and was not refused; raises NotFound."""
    async with database.acquire() as db:
        begun = await maybe(Begun, db, sql.begun, upload_id)
    if begun is None or begun.owner_id != me.id or begun.way != "tus" or begun.status == "refused":
        raise NotFound
    return begun


async def _append(
    database: Database, me: Principal, begun: Begun, headers: Headers, body: Arriving, offset: int
) -> int:
    """Add to an upload; returns how much of it is here then."""
    checksum = _checksum(headers)
    if begun.status != "receiving":
        return await _whole(database, begun, offset)
    with incoming.place_for(me.id):
        async with incoming.of_upload(begun.id) as file:
            begun = await _begun(database, me, begun.id)  # it may have ended before the file was ours
            if begun.status != "receiving":
                incoming.drop_empty(file)
                return await _whole(database, begun, offset)
            if offset != file.size:
                raise OffsetConflict(offset=file.size)
            await _take(file, begun, body, checksum)
    if file.size == begun.size:
        await receiving.settle_whole(database, begun.id, begun.purpose, file.size)
    return file.size


async def _whole(database: Database, begun: Begun, offset: int) -> int:
    """All of it is here: there is nothing to add but nothing. If nothing could be made of it yet, it is tried
    again."""
    assert begun.size is not None
    if offset != begun.size:
        raise OffsetConflict(offset=begun.size)
    if begun.status == "processing":
        with suppress(NotFound):  # it was made, or taken back, meanwhile
            await receiving.settle_whole(database, begun.id, begun.purpose, begun.size)
    return begun.size


async def _take(file: Incoming, begun: Begun, body: Arriving, checksum: "_Checksum | None") -> None:
    """Bytes that come with a checksum stand aside until all are here and right."""
    assert begun.size is not None
    if checksum is None:
        await file.take(body, begun.size, TooLarge())
        return
    async with incoming.aside(begun.id) as part:
        await part.take(body, begun.size - file.size, TooLarge())
        if not hmac.compare_digest(await asyncio.to_thread(checksum.of, part), checksum.digest):
            raise ChecksumMismatch
        await file.append(part)


class _Checksum(NamedTuple):
    algorithm: str
    digest: bytes

    def of(self, part: Incoming) -> bytes:
        """What it should be."""
        with part.path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.new(self.algorithm, usedforsecurity=False)).digest()


def _checksum(headers: Headers) -> _Checksum | None:
    said = headers.get("upload-checksum")
    if said is None:
        return None
    algorithm, _, digest = said.partition(" ")
    if algorithm not in ALGORITHMS:
        raise _malformed("Upload-Checksum", f"one of {', '.join(ALGORITHMS)} and a digest in base64 is expected")
    return _Checksum(algorithm, _from_base64(digest, "Upload-Checksum"))


class _Said(NamedTuple):
    purpose: Purpose
    upload_id: UUID
    file_name: str | None


def _metadata(text: str) -> _Said:
    """What Upload-Metadata says that we know of; raises Malformed."""
    if len(text) > MOST_METADATA:
        raise _malformed("Upload-Metadata", f"at most {MOST_METADATA} characters")
    said: dict[str, str] = {}
    for pair in filter(None, (pair.strip() for pair in text.split(","))):
        key, _, value = pair.partition(" ")
        said[key] = _text(_from_base64(value, "Upload-Metadata"))
    purpose = next((one for one in get_args(Purpose) if one == said.get("purpose")), None)
    if purpose is None:
        raise _malformed("Upload-Metadata", f"purpose: one of {', '.join(get_args(Purpose))}")
    try:
        upload_id = UUID(said["upload_id"]) if "upload_id" in said else new_id()
    except ValueError:
        raise _malformed("Upload-Metadata", "upload_id: a UUID") from None
    name = "".join(letter for letter in said.get("filename", "") if letter.isprintable())
    return _Said(purpose, upload_id, name[:MOST_NAME] or None)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _from_base64(text: str, where: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (NotBase64, ValueError):
        raise _malformed(where, "base64 is expected") from None


def _number(headers: Headers, name: str) -> int:
    text = headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise _malformed(name.title(), "a whole number is expected")
    return int(text)


def _malformed(where: str, why: str) -> Malformed:
    return Malformed(errors=[{"field": where, "message": why}])


def _check_version(headers: Headers) -> None:
    if headers.get("tus-resumable") != VERSION:
        raise TusVersionUnknown


def _is_offset_stream(headers: Headers) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() == CONTENT_TYPE


def _offset(begun: Begun) -> int:
    return incoming.size_of(begun.id) if begun.status == "receiving" else begun.size or 0


def _http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _answer(status: int, headers: dict[str, str]) -> Response[None]:
    return Response(None, status_code=status, headers={"tus-resumable": VERSION, **headers})
