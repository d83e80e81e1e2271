"""Straight to the storage, where that is an S3: the phone is told where, and says when it is there."""

from datetime import timedelta
from uuid import UUID

from app.clock import city_now
from app.db import Database, maybe, queries_beside
from app.errors import NotFound, Refusal
from app.identity.models import Principal
from app.uploads import finishing, incoming, kinds, receiving, storage, uploads
from app.uploads.incoming import Arriving
from app.uploads.models import AskPresigned, Presigned, Upload
from app.uploads.receiving import Begun, Wanted

sql = queries_beside(__file__)

GOOD_FOR = timedelta(minutes=15)
KEPT_S = 25 * 3600
"""What a phone has put there is deleted after that, whatever became of it: until then its upload may still end."""


class PresignedNotOffered(Refusal):
    """Máy chủ này không nhận tệp qua địa chỉ ký sẵn; hãy gửi thẳng bằng PUT hoặc tus.

    This server takes no files at presigned addresses; send it here, by PUT or tus."""


class UploadNotArrived(Refusal):
    """Chưa thấy tệp ở kho lưu trữ; hãy gửi xong rồi báo lại.

    The file is not in the storage yet; send it first, then tell us again."""


async def ask(database: Database, me: Principal, upload_id: UUID, wanted: AskPresigned) -> Presigned:
    """Where to put something; asked again it is the same place for another while.

    Raises PresignedNotOffered, UploadTooLarge, UploadIdTaken, TooManyUnclaimed, TooMuchSentToday, Unavailable."""
    if not storage.signs():
        raise PresignedNotOffered
    kinds.check_size(wanted.purpose, wanted.size)
    key = _key(upload_id)
    async with database.deed() as db:
        begun = await receiving.begin(
            db, me, upload_id, Wanted(purpose=wanted.purpose, way="presigned", size=wanted.size)
        )
        if begun.status != "receiving":
            raise receiving.UploadIdTaken
        await finishing.intend(db, upload_id, [key], KEPT_S)
    expires_at = city_now() + GOOD_FOR
    return Presigned(method="PUT", url=await storage.sign_put(key, GOOD_FOR), headers={}, expires_at=expires_at)


async def complete(database: Database, me: Principal, upload_id: UUID) -> Upload:
    """It is there: fetch it, and make of it what is made of every upload. Told twice it is one.

    Raises NotFound, UploadNotArrived, FileEmpty, UploadTooLarge, UploadBusy, TooManyUploadsAtOnce, Unavailable, and
    what `finishing.finish` raises."""
    async with database.acquire() as db:
        begun = await maybe(Begun, db, sql.begun, upload_id)
    if begun is None or begun.owner_id != me.id or begun.way != "presigned":
        raise NotFound
    if begun.status == "receiving":
        with incoming.place_for(me.id):
            await _fetch(database, begun)
    async with database.acquire() as db:
        return await uploads.show(db, me, upload_id)


async def _fetch(database: Database, begun: Begun) -> None:
    key = _key(begun.id)
    size = await storage.size_of(key)
    if size is None:
        raise UploadNotArrived
    kinds.check_size(begun.purpose, size)
    async with incoming.aside(begun.id) as file:
        most, too_large = kinds.MOST[begun.purpose], kinds.too_large(begun.purpose)
        await file.take(Arriving(storage.parts(key), size), most, too_large)
        await receiving.settle(database, begun.id, begun.purpose, file)
    await storage.delete(key)


def _key(upload_id: UUID) -> str:
    return f"presigned/{upload_id}"
