"""Pictures that come with a report: a file in the form, or an address elsewhere (`media_url`).

Whoever may name an address may name ours, so that one is fetched by `app.guarded` alone, and by the worker: nobody is
told what was there. Both go the way of any photo: what they are is told by their bytes, and they are encoded anew."""

from uuid import UUID

import msgspec
import structlog

from app import guarded
from app.db import Database, queries_beside
from app.errors import Refusal
from app.guarded import NotReached
from app.identity.models import Principal
from app.jobs import Listener, News
from app.types import new_id
from app.uploads import incoming, kinds, receiving
from feedback import handling, reports, steps
from feedback.events import ReportMediaLinked

sql = queries_beside(__file__)
log = structlog.get_logger()

MOST_BYTES = kinds.MOST["photo"]
MOST_FORM_BYTES = MOST_BYTES + 256 * 1024
"""A picture, and the words around it."""


class MediaUrlRefused(Refusal):
    """Địa chỉ media_url không dùng được: chỉ nhận https tới máy chủ công khai trên Internet.

    This media_url cannot be used: only https to a public address on the Internet is."""

    status = 400


def check(url: str) -> None:
    """Whether an address may be fetched, as far as can be said without asking anybody; raises MediaUrlRefused."""
    try:
        guarded.read(url, anywhere=False)
    except NotReached:
        raise MediaUrlRefused from None


async def take(database: Database, me: Principal, content: bytes, upload_id: UUID | None = None) -> UUID:
    """A picture as an upload of its machine's, which a report may claim; raises what an upload may not be."""
    upload_id = upload_id or new_id()
    await receiving.put(database, me, upload_id, "photo", incoming.arrived(content))
    return upload_id


async def fetch(database: Database, news: News) -> None:
    """On ReportMediaLinked: the picture becomes part of its report. What cannot be had, or is no picture, is told to
    those who deal with the report; what might be had later is tried again."""
    linked = msgspec.convert(news.data, ReportMediaLinked)
    me = Principal(id=linked.machine_id, kind="machine", session_id=linked.machine_id)
    async with database.acquire() as db:
        keep = await db.fetchval(sql.media_wanted, linked.report_id, linked.upload_id)
    if keep is None:
        return
    content = await guarded.file(linked.url, most_bytes=MOST_BYTES, of=str(linked.machine_id))
    if content is None or not await _is_picture(database, me, linked, content):
        await _give_up(database, me, linked)
        return
    async with database.deed() as db:
        await reports.take_uploads(db, me.id, linked.report_id, [linked.upload_id], linked.part, keep=keep)
        await db.execute(sql.touch_report, linked.report_id)


async def _is_picture(database: Database, me: Principal, linked: ReportMediaLinked, content: bytes) -> bool:
    """Whether it was one, and is an upload now. Raises what may come right later."""
    try:
        await take(database, me, content, linked.upload_id)
    except Refusal as refusal:
        if refusal.status in {409, 429} or refusal.status >= 500:
            raise
        return False
    return True


async def _give_up(database: Database, me: Principal, linked: ReportMediaLinked) -> None:
    log.info("media not taken", report=str(linked.report_id))
    words = "Ảnh kèm theo qua media_url không tải được hoặc không phải là ảnh."
    async with database.deed() as db:
        await db.execute(handling.sql.write_note, linked.upload_id, linked.report_id, me.id, words, steps.MOST_NOTES)


listeners: tuple[Listener, ...] = (
    Listener(name="report_media", kinds=("ReportMediaLinked",), errand=fetch, batch=4),
)
