"""Bytes come in: the upload is begun before them and goes on after them, in short transactions of its own."""

import asyncio
from datetime import datetime
from time import monotonic
from uuid import UUID

import msgspec

from app.budgets import Budget, spend
from app.db import Connection, Database, maybe, queries_beside
from app.errors import NotFound, Refusal, TooManyRequests
from app.identity.models import Principal
from app.uploads import finishing, incoming, kinds, uploads
from app.uploads.incoming import Arriving, Incoming, UploadCut
from app.uploads.kinds import Purpose
from app.uploads.models import Status, Upload
from app.uploads.uploads import Way

sql = queries_beside(__file__)

MOST_UNCLAIMED = 30
KILOBYTES_A_DAY = {"resident": 300 * 1024, "staff": 2 * 1024 * 1024, "machine": 2 * 1024 * 1024}
SETTLED_WITHIN_S = 15.0
ASK_AGAIN_S = 0.1


class UploadIdTaken(Refusal):
    """Mã tải lên này đã được dùng cho tệp khác; hãy tạo mã mới.

    This upload id was used for another file; make a new one."""


class TooManyUnclaimed(TooManyRequests):
    """Bạn có quá nhiều tệp đã gửi mà chưa dùng đến; hãy dùng hoặc xóa bớt rồi gửi tiếp.

    You have sent too many files that nothing uses yet; use or delete some, then send more."""


class TooMuchSentToday(TooManyRequests):
    """Bạn đã gửi quá nhiều dữ liệu trong 24 giờ qua; vui lòng gửi tiếp sau.

    You have sent too much within 24 hours; please send more later."""


class Begun(msgspec.Struct, frozen=True):
    """How an upload was begun, and how far it is."""

    id: UUID
    owner_id: UUID | None
    purpose: Purpose
    way: Way
    status: Status
    size: int | None
    sha256: bytes | None
    tus_metadata: str | None
    claimed: bool
    expires_at: datetime


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is going to be sent. `size`: in bytes, if it is known."""

    purpose: Purpose
    way: Way
    size: int | None
    file_name: str | None = None
    tus_metadata: str | None = None


async def put(
    database: Database, me: Principal, upload_id: UUID, purpose: Purpose, body: Arriving
) -> tuple[Upload, bool]:
    """Take in a whole body; whether it is new. The same bytes under the same id are the same upload.

    Raises FileEmpty, UploadTooLarge, UploadIdTaken, TooManyUnclaimed, TooMuchSentToday, TooManyUploadsAtOnce,
    UploadCut, Unavailable, and what `finishing.finish` raises."""
    if body.length is not None:
        kinds.check_size(purpose, body.length)
    with incoming.place_for(me.id):
        async with database.deed() as db:
            await begin(db, me, upload_id, Wanted(purpose=purpose, way="whole", size=body.length))
        async with incoming.aside(upload_id) as file:
            await file.take(body, kinds.MOST[purpose], kinds.too_large(purpose))
            kinds.check_size(purpose, file.size)
            if body.length is not None and file.size < body.length:
                raise UploadCut
            new = await settle(database, upload_id, purpose, file)
    async with database.acquire() as db:
        return await uploads.show(db, me, upload_id), new


async def begin(db: Connection, me: Principal, upload_id: UUID, wanted: Wanted) -> Begun:
    """Make room for something; what was begun in the same way under its id goes on, what was refused begins anew.

    Raises UploadIdTaken, TooManyUnclaimed, TooMuchSentToday."""
    known = await maybe(Begun, db, sql.begun_for_update, upload_id)
    if known is not None and known.owner_id == me.id and known.status == "refused":
        await db.execute(sql.remove, upload_id, me.id)
        known = None
    if known is None:
        await _make_room(db, me, wanted)
        await db.execute(
            sql.begin_upload, upload_id, me.id, wanted.purpose, wanted.way, wanted.size, wanted.file_name,
            wanted.tus_metadata,
        )  # fmt: skip
        known = await maybe(Begun, db, sql.begun, upload_id)
    if known is None or known.owner_id != me.id or known.purpose != wanted.purpose:
        raise UploadIdTaken
    if known.status == "receiving" and known.way != wanted.way:
        raise UploadIdTaken
    return known


async def _make_room(db: Connection, me: Principal, wanted: Wanted) -> None:
    """What does not say how much it is may be as much as it may. The budget's row has others of mine wait."""
    kilobytes = -(-(wanted.size or kinds.MOST[wanted.purpose]) // 1024)
    day = Budget(f"upload KB {me.id}", KILOBYTES_A_DAY[me.kind], 86_400, kilobytes)
    await spend(db, day, refusal=TooMuchSentToday)
    if await db.fetchval(sql.unclaimed, me.id) >= MOST_UNCLAIMED:
        raise TooManyUnclaimed(retry_after_s=3600)


async def settle(database: Database, upload_id: UUID, purpose: Purpose, file: Incoming) -> bool:
    """All bytes are here, in a file that stands aside. They become the upload, or are what it is already.

    Whoever sends the same while it is being made waits for that. Raises UploadIdTaken, NotFound."""
    sha256, until = file.sha256.digest(), monotonic() + SETTLED_WITHIN_S
    while True:
        async with database.deed() as db:
            known = await maybe(Begun, db, sql.begun_for_update, upload_id)
            if known is None:
                raise NotFound
            if known.status in {"processing", "ready"} and known.sha256 != sha256:
                raise UploadIdTaken
            fence = await finishing.take_up(db, upload_id, file.size, sha256)
            if fence is not None:
                file.become(upload_id)
        if fence is not None:
            await finishing.finish(database, upload_id, purpose, fence)
            return True
        if known.status == "ready" or monotonic() > until:
            return False
        await asyncio.sleep(ASK_AGAIN_S)


async def settle_whole(database: Database, upload_id: UUID, purpose: Purpose, size: int) -> None:
    """The same where all bytes are in the upload's own file; raises what `finishing.finish` raises."""
    sha256 = await asyncio.to_thread(incoming.sha256_of, incoming.path_of(upload_id))
    async with database.deed() as db:
        fence = await finishing.take_up(db, upload_id, size, sha256)
    if fence is not None:
        await finishing.finish(database, upload_id, purpose, fence)
