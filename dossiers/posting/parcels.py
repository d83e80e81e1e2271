"""Results on their way by public post.

    ready ─► posted ─► on the way ─► delivered
                            ╲──► returned

The post is asked to fetch a result under its dossier's id, so that asking again makes no second parcel; the tracking
number and the dossier's step are one transaction. It tells us by itself when a parcel arrives; of one that it has
told nothing of for two days it is asked."""

import asyncio
from collections.abc import Mapping
from uuid import UUID

import msgspec
import structlog

from app.config import settings
from app.db import Connection, Database, many, maybe, queries_beside
from app.errors import Malformed, NotFound, Refusal
from app.jobs import News
from app.outside import NoAnswer
from dossiers import happenings
from dossiers.posting import public_post
from dossiers.posting.models import DeliveryHeard, Parcel, SilentParcel, Whereabouts
from dossiers.posting.public_post import PostRefused
from dossiers.posting.signatures import is_signed

sql = queries_beside(__file__)
log = structlog.get_logger()

AT_ONCE = 4
ASKED_AT_ONCE = 32


class WrongPostSignature(Refusal):
    """Chữ ký của thông báo này không đúng.

    The signature of this message is wrong."""

    status = 401


async def hand_over(database: Database, news: News) -> None:
    """ResultToBePosted: have it fetched; nothing if it is on its way already, or goes another way by now."""
    dossier_id = UUID(news.data["dossier_id"])
    async with database.acquire() as db:
        parcel = await maybe(Parcel, db, sql.dossier_to_post, dossier_id)
    if parcel is None:
        return
    tracking_number = await public_post.hand_over(dossier_id, parcel)
    async with database.transaction() as db:
        if await happenings.posted(db, dossier_id, tracking_number):
            await db.execute(sql.insert_parcel, dossier_id, tracking_number)


async def hear(database: Database, headers: Mapping[str, str], path: str, body: bytes) -> DeliveryHeard:
    """The post tells where a parcel is, in a deed of its own; the same again is the same.

    Raises NotFound (the door is closed, or there is no such parcel), WrongPostSignature, Malformed."""
    secret = settings().post_secret
    if not secret:
        raise NotFound
    if not is_signed(secret, headers, "POST", path, body):
        raise WrongPostSignature
    try:
        told = msgspec.json.decode(body, type=Whereabouts)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Malformed from None
    async with database.deed() as db:
        if not await _write(db, told):
            raise NotFound
    return DeliveryHeard()


async def _write(db: Connection, told: Whereabouts) -> bool:
    """Is there such a parcel? What has arrived stays so, whatever is told of it later."""
    dossier_id = await db.fetchval(sql.move_parcel, told.tracking_number, told.state, told.at)
    if dossier_id is None:
        return await db.fetchval(sql.parcel_is_known, told.tracking_number)
    if told.state == "delivered":
        await happenings.delivered(db, dossier_id)
    return True


async def ask_about_silent(database: Database) -> None:
    """By the clock: the post is asked about what it has told nothing of for two days, a few side by side."""
    async with database.acquire() as db:
        silent = await many(SilentParcel, db, sql.silent_parcels, ASKED_AT_ONCE)
    room = asyncio.Semaphore(AT_ONCE)
    await asyncio.gather(*(_ask_about(database, room, parcel) for parcel in silent))


async def _ask_about(database: Database, room: asyncio.Semaphore, parcel: SilentParcel) -> None:
    async with room:
        try:
            told = await public_post.whereabouts(parcel.dossier_id)
            if told.tracking_number != parcel.tracking_number:
                raise NoAnswer("answered about another parcel")
            async with database.transaction() as db:
                await _write(db, told)
        except NoAnswer as silence:
            log.warning("parcel: no answer", dossier=str(parcel.dossier_id), why=str(silence))
            async with database.acquire() as db:
                await db.execute(sql.ask_again_soon, parcel.dossier_id)
        except PostRefused as refusal:
            log.error("parcel: the post knows it no more", dossier=str(parcel.dossier_id), why=str(refusal))
