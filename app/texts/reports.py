"""How texts ended, as the gateway tells: signed, as often and as late as it likes.

    sent ─► expired ─► failed ─► delivered

A report moves its text forward only: what comes late, twice or out of order changes nothing. What is kept has the
text's reference and neither its number nor its words."""

from collections.abc import Mapping

import msgspec

from app import outbox
from app.config import settings
from app.db import Connection, Database, queries_beside
from app.errors import Malformed, NotFound, Refusal
from app.jobs import Scheduled
from app.texts.events import TextReported
from app.texts.models import Report, ReportHeard
from app.texts.signatures import is_signed

sql = queries_beside(__file__)

FORGET_AT_ONCE = 5000


class WrongTextSignature(Refusal):
    """Chữ ký của báo cáo tin nhắn này không đúng.

    The signature of this report of a text is wrong."""

    status = 401


async def hear(database: Database, headers: Mapping[str, str], body: bytes) -> ReportHeard:
    """The gateway tells how a text went, in a deed of its own; the same again is the same.

    Raises NotFound (the door is closed), WrongTextSignature, Malformed."""
    key = settings().text_key
    if not key:
        raise NotFound
    if not is_signed(key, headers, body):
        raise WrongTextSignature
    try:
        told = msgspec.json.decode(body, type=Report)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Malformed from None
    async with database.deed() as db:
        await _write(db, told)
    return ReportHeard()


async def _write(db: Connection, told: Report) -> None:
    why = "".join(letter for letter in told.why if letter.isprintable())
    moved = await db.fetchval(sql.move_text, told.reference, told.state, told.channel, why, told.at)
    if moved and told.state != "sent":
        await outbox.record(db, TextReported(reference=told.reference, state=told.state, why=why))


async def forget_old(db: Connection) -> None:
    """By the clock: how a text went is nobody's business after ninety days."""
    await db.execute(sql.forget_reports, FORGET_AT_ONCE)


schedule = (Scheduled(name="forget_text_reports", every_s=3600, run=forget_old),)
