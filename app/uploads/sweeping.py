"""What is left over: bytes that a killed process did not finish, files that nobody needs, objects that are doomed."""

import asyncio
from contextlib import suppress
from uuid import UUID

import msgspec

from app.db import Database, many, queries_beside
from app.errors import Refusal
from app.jobs import Scheduled
from app.uploads import incoming, receiving, storage
from app.uploads.kinds import Purpose

sql = queries_beside(__file__)

AT_ONCE = 100


class _Unfinished(msgspec.Struct, frozen=True):
    id: UUID
    purpose: Purpose
    size: int


async def finish_uploads(database: Database) -> None:
    """Make of whole uploads what somebody was killed over. One that is refused is done too."""
    async with database.acquire() as db:
        unfinished = await many(_Unfinished, db, sql.unfinished, AT_ONCE)
    for upload in unfinished:
        if incoming.size_of(upload.id) == upload.size:
            with suppress(Refusal):
                await receiving.settle_whole(database, upload.id, upload.purpose, upload.size)


async def sweep_incoming(database: Database) -> None:
    """Take away files whose upload has ended, and bodies whose process was killed; none that is being written."""
    names = await asyncio.to_thread(incoming.names)
    aside = [name for name in names if "." in name]
    own = {UUID(name): name for name in names if "." not in name}
    async with database.acquire() as db:
        needed = {row["id"] for row in await db.fetch(sql.on_their_way, list(own))}
    for name in [*aside, *(name for upload_id, name in own.items() if upload_id not in needed)]:
        await asyncio.to_thread(incoming.drop_left, name)


async def sweep_stored_objects(database: Database) -> None:
    """Delete what is doomed: there first, then here, so that a kill in between only has it deleted twice."""
    while True:
        async with database.acquire() as db:
            keys = [row["key"] for row in await db.fetch(sql.doomed_objects, AT_ONCE)]
        for key in keys:
            await storage.delete(key)
            async with database.acquire() as db:
                await db.execute(sql.forget_object, key)
        if len(keys) < AT_ONCE:
            return


schedule: tuple[Scheduled, ...] = (
    Scheduled(name="finish_uploads", every_s=15, errand=finish_uploads),
    Scheduled(name="sweep_incoming", every_s=600, errand=sweep_incoming),
    Scheduled(name="sweep_stored_objects", every_s=60, errand=sweep_stored_objects),
)
