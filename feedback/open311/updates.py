"""What was done to public reports, for those who follow them (FixMyStreet's extension of the standard), and what
somebody elsewhere has to say to one."""

from uuid import NAMESPACE_URL, uuid5

import msgspec

from app.db import Connection, Database, many, queries_beside
from app.errors import Language, Malformed
from app.identity.models import Principal
from feedback import voices
from feedback.models import StepKind, WriteComment
from feedback.open311 import media, requests
from feedback.open311.asked import Asked
from feedback.open311.models import RequestUpdate, UpdateTaken

sql = queries_beside(__file__)

MOST_AN_HOUR = 2000
"""Of one machine."""

_CLOSED: set[StepKind] = {"resolved", "closed"}
_WORDS: dict[Language, dict[str, str]] = {
    "vi": {
        "verified": "Đã xác minh.",
        "assigned": "Đã giao đơn vị xử lý.",
        "started": "Đang xử lý.",
        "extended": "Đã gia hạn.",
        "resolved": "Đã xử lý.",
        "closed": "Đã đóng.",
        "reopened": "Đã mở lại.",
    },
    "en": {
        "verified": "Verified.",
        "assigned": "Handed to the agency in charge.",
        "started": "Under way.",
        "extended": "More time was given.",
        "resolved": "Resolved.",
        "closed": "Closed.",
        "reopened": "Opened again.",
    },
}


class _Step(msgspec.Struct, frozen=True):
    update_id: str
    service_request_id: str
    kind: StepKind
    updated_datetime: str
    said: str | None
    media_url: str | None


async def search(db: Connection, asked: Asked) -> list[RequestUpdate]:
    """The steps that everybody may know of, oldest first; of the last 90 days, unless something else is said.

    Raises PeriodTooLong, and what a parameter may not be."""
    start, end = requests.bounded(asked.moment("start_date"), asked.moment("end_date"))
    page = requests.page_of(asked)
    steps = await many(_Step, db, sql.request_updates, start, end, *page, requests.pictures_at())
    return [
        RequestUpdate(
            update_id=step.update_id,
            service_request_id=step.service_request_id,
            status="closed" if step.kind in _CLOSED else "open",
            updated_datetime=step.updated_datetime,
            description=step.said or _WORDS[asked.language].get(step.kind, ""),
            media_url=step.media_url,
        )
        for step in steps
    ]


async def take(database: Database, me: Principal, asked: Asked) -> tuple[list[UpdateTaken], bool]:
    """A comment on a public report, under its sender's id, and whether it is new: the same again is the same.

    Who said it is not kept, and what they take the report's status for changes nothing.

    Raises NotFound, CommentIdTaken, TooManyComments, TooManyRequests, and what a parameter may not be."""
    update_id = asked.needed("update_id", 100)
    code = asked.needed("service_request_id", 100)
    text = asked.needed("description", 1000)
    media_url = asked.text("media_url", 2000)
    if media_url is not None:
        media.check(media_url)
    asked.moment("updated_datetime")
    asked.text("status", 40)
    author_name = requests.name_in(asked)
    comment_id = uuid5(NAMESPACE_URL, f"urn:huong:open311:{me.id}:{update_id}")
    async with database.deed() as db:
        report_id = await requests.id_of(db, code)
        new = await voices.add_comment(
            db, me, report_id, comment_id, _comment(text), most_an_hour=MOST_AN_HOUR, author_name=author_name
        )
        if new and media_url is not None:
            await requests.link_media(db, me, report_id, media_url, "informed")
    return [UpdateTaken(update_id=update_id)], new


def _comment(text: str) -> WriteComment:
    try:
        return msgspec.convert({"text": text}, WriteComment)
    except msgspec.ValidationError as mistake:
        raise Malformed(errors=[{"field": "description", "message": str(mistake)}]) from None
