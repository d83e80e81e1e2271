"""Pictures that everybody may see who knows their names, until something in them must not be seen."""

from collections.abc import Sequence
from uuid import UUID

from litestar import Response
from litestar.status_codes import HTTP_304_NOT_MODIFIED

from app.db import Connection, Database, queries_beside
from app.errors import NotFound, Unavailable
from app.uploads import finishing, images, storage, uploads
from app.uploads.images import Area
from app.uploads.models import Upload
from app.uploads.storage import NotThere
from app.uploads.threads import decode

sql = queries_beside(__file__)

MOST_TRIES = 5


async def show(database: Database, name: str, held: str) -> Response[bytes]:
    """A picture by its name, for a caller who holds these ETags; raises NotFound, Unavailable.

    What is under a name never changes, so the name is its ETag, and whoever has it need not ask again."""
    async with database.acquire() as db:
        media_type: str | None = await db.fetchval(sql.picture, name)
    if media_type is None:
        raise NotFound
    etag = f'"{name}"'
    headers = {"etag": etag, "cache-control": "public, max-age=31536000, immutable"}
    if etag in {tag.strip().removeprefix("W/") for tag in held.split(",")}:
        return Response(b"", status_code=HTTP_304_NOT_MODIFIED, headers=headers)
    try:
        content = await storage.read(finishing.key_of(name))
    except NotThere:
        raise NotFound from None
    return Response(content, media_type=media_type, headers=headers)


async def redact(database: Database, upload_id: UUID, areas: Sequence[Area]) -> Upload:
    """Black out parts of a photograph, for whoever has looked at who asks: its pictures have new names and the old
    ones are gone. Two at once are both done, one upon the other. Raises NotFound, Unavailable.

    In short transactions of its own: none is open while it is drawn."""
    for _ in range(MOST_TRIES):
        async with database.acquire() as db:
            name: str | None = await db.fetchval(sql.large_rendition, upload_id)
        if name is None:
            raise NotFound
        redacted = await _redact(database, upload_id, name, areas)
        if redacted is not None:
            return redacted
    raise Unavailable


async def _redact(database: Database, upload_id: UUID, name: str, areas: Sequence[Area]) -> Upload | None:
    """None: somebody else has drawn on it meanwhile."""
    try:
        content = await storage.read(finishing.key_of(name))
    except NotThere:
        return None
    large, small = await decode(lambda: images.redact(content, areas))
    named: finishing.Named = [(finishing.new_name(), "large", large), (finishing.new_name(), "small", small)]
    keys = [finishing.key_of(new) for new, _, _ in named]
    async with database.acquire() as db:
        await finishing.intend(db, upload_id, keys)
    await finishing.put_renditions(named)
    async with database.deed() as db:
        if not await _replace(db, upload_id, name, named):
            return None
        await finishing.adopt(db, keys)
        [upload] = await uploads.by_ids(db, [upload_id])
        return upload


async def _replace(db: Connection, upload_id: UUID, name: str, named: finishing.Named) -> bool:
    """New pictures instead of those of which `name` is the large one, if they are still there."""
    await db.fetchrow(sql.begun_for_update, upload_id)
    if await db.fetchval(sql.large_rendition, upload_id) != name:
        return False
    await db.execute(sql.drop_renditions, upload_id)
    await finishing.show_renditions(db, upload_id, named, redacted=True)
    return True
