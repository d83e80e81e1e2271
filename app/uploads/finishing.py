"""All bytes are here: what they are, what is made of them, and where it is kept.

No connection is held meanwhile. Whoever is killed at it leaves a lease that ends, and somebody else begins anew."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import structlog

from app.db import Connection, Database, queries_beside
from app.errors import NotFound, Refusal, Unavailable
from app.uploads import images, incoming, kinds, papers, storage, videos
from app.uploads.images import Capture, Picture, Shown
from app.uploads.kinds import Purpose
from app.uploads.models import RenditionSize
from app.uploads.threads import decode

sql = queries_beside(__file__)
log = structlog.get_logger()

LEASE_S = 180
INTENDED_S = 3600
"""What lies in the storage for so long and belongs to nothing is deleted."""

Shows = Sequence[tuple[RenditionSize, Shown]]
Named = Sequence[tuple[str, RenditionSize, Shown]]


class _Made(NamedTuple):
    media_type: str
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    phash: int | None = None
    capture: Capture = Capture()
    shows: Shows = ()


async def take_up(db: Connection, upload_id: UUID, size: int, sha256: bytes) -> int | None:
    """The right to make something of an upload whose bytes are here, as a fence; None: somebody has it, or had."""
    return await db.fetchval(sql.take_up, upload_id, size, sha256, LEASE_S)


async def finish(database: Database, upload_id: UUID, purpose: Purpose, fence: int) -> None:
    """Make of it what is to be made, under a fence from `take_up`.

    Raises FileTypeRefused, PictureBroken, TooManyPixels, VideoBroken, VideoTooLong, PaperBroken; then the upload is
    refused. Raises Unavailable and whatever else: then somebody may try again."""
    path = incoming.path_of(upload_id)
    try:
        made = await decode(lambda: _made(path, purpose))
    except Refusal as refusal:
        await _refuse(database, upload_id, fence, refusal)
        raise
    except Exception:
        await _let_go(database, upload_id, fence)
        raise
    try:
        await _keep(database, upload_id, fence, path, made)
    except Exception:
        await _let_go(database, upload_id, fence)
        raise
    incoming.drop(upload_id)


def _made(path: Path, purpose: Purpose) -> _Made:
    with path.open("rb") as file:
        media_type = kinds.sniff(file.read(kinds.HEAD_BYTES), purpose)
    match purpose:
        case "photo":
            picture = images.read(path.read_bytes(), media_type)
            return _of_picture(media_type, picture, [("large", picture.large), ("small", picture.small)])
        case "video":
            video = videos.read(path, media_type)
            shows: Shows = [("poster", video.poster.large), ("small", video.poster.small)]
            return _of_picture(media_type, video.poster, shows)._replace(duration_ms=video.duration_ms)
        case "paper" if media_type == "application/pdf":
            papers.check_pdf(path)
            return _Made(media_type)
        case "paper":
            scan = images.read(path.read_bytes(), media_type)  # a broken one helps nobody at the counter
            return _Made(media_type, scan.width, scan.height)


def _of_picture(media_type: str, picture: Picture, shows: Shows) -> _Made:
    return _Made(media_type, picture.width, picture.height, phash=picture.phash, capture=picture.capture, shows=shows)


async def _refuse(database: Database, upload_id: UUID, fence: int, refusal: Refusal) -> None:
    async with database.deed() as db:
        if await db.fetchval(sql.refuse, upload_id, fence, type(refusal).__name__) is not None:
            incoming.drop(upload_id)  # before anybody can put other bytes in their place


async def _let_go(database: Database, upload_id: UUID, fence: int) -> None:
    try:
        async with database.acquire() as db:
            await db.execute(sql.let_go, upload_id, fence)
    except Unavailable:  # then the lease ends by itself
        log.warning("upload waits for its lease", upload_id=str(upload_id))


async def _keep(database: Database, upload_id: UUID, fence: int, path: Path, made: _Made) -> None:
    """Written down, put there, then adopted along with the upload's end."""
    original_key = f"originals/{upload_id}.{secrets.token_hex(8)}"
    named: Named = [(new_name(), size, shown) for size, shown in made.shows]
    keys = [original_key, *(key_of(name) for name, _, _ in named)]
    async with database.acquire() as db:
        await intend(db, upload_id, keys)
    await storage.put(original_key, path)
    await put_renditions(named)
    async with database.deed() as db:
        finished = await db.fetchval(
            sql.finish, upload_id, fence, made.media_type, made.width, made.height, made.duration_ms, made.phash,
            made.capture.lat, made.capture.lng, made.capture.taken_at, original_key,
        )  # fmt: skip
        if finished is None:  # it was taken back, or somebody else was quicker
            raise NotFound
        await adopt(db, keys)
        await show_renditions(db, upload_id, named, redacted=False)


def new_name() -> str:
    """A picture's name: 192 random bits."""
    return secrets.token_urlsafe(24)


def key_of(name: str) -> str:
    """Where a picture lies by its name."""
    return f"renditions/{name}"


async def put_renditions(named: Named) -> None:
    """Into the storage; raises Unavailable."""
    for name, _, shown in named:
        await storage.put(key_of(name), shown.content)


async def show_renditions(db: Connection, upload_id: UUID, named: Named, *, redacted: bool) -> None:
    """For everybody from now on."""
    await db.execute(
        sql.keep_renditions,
        upload_id,
        redacted,
        [name for name, _, _ in named],
        [size for _, size, _ in named],
        [shown.media_type for _, _, shown in named],
        [shown.width for _, _, shown in named],
        [shown.height for _, _, shown in named],
    )


async def intend(db: Connection, upload_id: UUID, keys: Sequence[str], within_s: int = INTENDED_S) -> None:
    """Write down what is about to be put into the storage."""
    await db.execute(sql.intend_objects, upload_id, keys, within_s)


async def adopt(db: Connection, keys: Sequence[str]) -> None:
    """What was put there stays; raises Unavailable for what came so late that it may be deleted already."""
    if len(await db.fetch(sql.adopt_objects, keys)) < len(keys):
        raise Unavailable
