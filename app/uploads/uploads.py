"""An upload and whose it is: shown to whoever sent it, claimed by what it was sent for, forgotten with that."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from app.db import Connection, many, maybe, queries_beside
from app.errors import NotFound, Refusal
from app.identity.models import Principal
from app.uploads import incoming, storage
from app.uploads.kinds import Purpose
from app.uploads.models import Status, Upload

sql = queries_beside(__file__)

Way = Literal["whole", "tus", "presigned"]


class UnknownUpload(NotFound):
    """Không tìm thấy tệp {upload_id}; có thể tệp đã hết hạn, hãy gửi lại.

    The file {upload_id} was not found; it may have expired, so send it again."""


class UploadNotReady(Refusal):
    """Tệp {upload_id} chưa được nhận và xử lý xong; hãy đợi giây lát rồi thử lại.

    The file {upload_id} has not been received and processed yet; wait a moment and try again."""


class UploadOfOtherPurpose(Refusal):
    """Tệp {upload_id} được gửi cho mục đích khác; hãy gửi lại đúng mục đích.

    The file {upload_id} was sent for another purpose; send it again for this one."""


class UploadInUse(Refusal):
    """Tệp {upload_id} đã được dùng ở nơi khác; hãy gửi lại thành tệp mới.

    The file {upload_id} is used elsewhere already; send it again as a new one."""


class TooManyUploads(Refusal):
    """Quá nhiều tệp: tối đa {most}.

    Too many files: {most} at most."""

    status = 400


class Original(NamedTuple):
    """An upload's own bytes; `size` is their number."""

    media_type: str
    size: int
    file_name: str | None
    parts: AsyncIterator[bytes]


class _ToBeClaimed(msgspec.Struct, frozen=True):
    id: UUID
    purpose: Purpose
    status: Status
    holder: str | None
    holder_id: UUID | None


class _Kept(msgspec.Struct, frozen=True):
    key: str
    media_type: str
    size: int
    file_name: str | None


async def show(db: Connection, me: Principal, upload_id: UUID) -> Upload:
    """What I sent and how far it is; raises NotFound."""
    upload = await maybe(Upload, db, sql.uploads, [upload_id], me.id)
    if upload is None:
        raise NotFound
    upload.offset = incoming.size_of(upload_id) if upload.status == "receiving" else upload.size or 0
    return upload


async def remove(db: Connection, me: Principal, upload_id: UUID) -> None:
    """I want nothing of it any more; raises NotFound, UploadInUse."""
    if await db.fetchval(sql.remove, upload_id, me.id) is None:
        await show(db, me, upload_id)
        raise UploadInUse(upload_id=upload_id)


async def claim(
    db: Connection,
    owner_id: UUID,
    upload_ids: Sequence[UUID],
    *,
    holder: str,
    holder_id: UUID,
    purposes: Collection[Purpose],
    keep_originals: bool,
    most: int,
) -> list[Upload]:
    """Have what `owner_id` sent be held by something (`holder`: its noun), in the order of `upload_ids`.

    To hold the same again is the same. What the pictures tell of place and time is offered no more; with
    `keep_originals` it is kept in `upload_evidence`, else a photograph's original is deleted after the commit.
    Videos and papers keep theirs. Raises TooManyUploads, UnknownUpload, UploadOfOtherPurpose, UploadNotReady,
    UploadInUse."""
    ids = list(dict.fromkeys(upload_ids))
    if len(ids) > most:
        raise TooManyUploads(most=most)
    rows = await many(_ToBeClaimed, db, sql.to_be_claimed, ids, owner_id)
    known = {row.id: row for row in rows}
    for upload_id in ids:
        _check(upload_id, known.get(upload_id), holder_id, purposes)
    await db.execute(sql.claim, ids, holder, holder_id, keep_originals)
    return await by_ids(db, ids)


def _check(upload_id: UUID, found: _ToBeClaimed | None, holder_id: UUID, purposes: Collection[Purpose]) -> None:
    if found is None:
        raise UnknownUpload(upload_id=upload_id)
    if found.purpose not in purposes:
        raise UploadOfOtherPurpose(upload_id=upload_id)
    if found.status != "ready":
        raise UploadNotReady(upload_id=upload_id)
    if found.holder_id not in {None, holder_id}:
        raise UploadInUse(upload_id=upload_id)


async def by_ids(db: Connection, upload_ids: Sequence[UUID]) -> list[Upload]:
    """These uploads, in this order, whoever sent them; what is not there is left out."""
    found = {upload.id: upload for upload in await many(Upload, db, sql.uploads, upload_ids, None)}
    for upload in found.values():
        upload.offset = upload.size or 0
    return [found[upload_id] for upload_id in upload_ids if upload_id in found]


async def original(db: Connection, upload_id: UUID) -> Original:
    """An upload's own bytes, for a route that has looked who asks. The parts are read after `db` is given back, and
    raise NotThere, Unavailable. Raises NotFound where they are not kept."""
    kept = await maybe(_Kept, db, sql.original, upload_id)
    if kept is None or await storage.size_of(kept.key) is None:
        raise NotFound
    return Original(kept.media_type, kept.size, kept.file_name, storage.parts(kept.key))


async def forget(db: Connection, holder_id: UUID) -> None:
    """What this has held goes, with everything in the storage, after the commit."""
    await db.execute(sql.forget_held, holder_id)
