"""Bytes on their way in: files of DATA_DIR, written as they come, so that a cut loses none that were here.

Whoever writes a file holds its lock, which ends with the process. All processes of a city share the folder."""

import asyncio
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from litestar import Request
from litestar.exceptions import ClientException
from litestar.status_codes import HTTP_413_REQUEST_ENTITY_TOO_LARGE

from app.config import settings
from app.errors import Malformed, Refusal, TooLarge, TooManyRequests, Unavailable

SYNC_BYTES = 4 * 1024 * 1024
"""After so many bytes a power cut would lose none of them."""
IDLE_S = 30.0
AT_ONCE = 6
"""Bodies of one person that may be on their way here."""

_OURS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.[0-9a-f]+)?")
_under_way: dict[UUID, int] = {}


class UploadBusy(Refusal):
    """Tệp này đang được gửi ở một kết nối khác; hãy đợi rồi hỏi lại xem đã nhận đến đâu.

    This file is being sent on another connection; wait, then ask how far it has come."""


class TooManyUploadsAtOnce(TooManyRequests):
    """Bạn đang gửi quá nhiều tệp cùng lúc; hãy đợi vài tệp xong rồi gửi tiếp.

    You are sending too many files at once; wait until some are through."""


class UploadCut(Malformed):
    """Việc gửi tệp bị ngắt giữa chừng; hãy gửi lại, hoặc gửi tiếp từ chỗ đã nhận.

    The file was cut off on its way; send it again, or go on from where it was received."""


class Arriving(NamedTuple):
    """A body as it comes in. `length`: in bytes, as announced; None: it is not said."""

    parts: AsyncIterator[bytes]
    length: int | None


def arriving(request: Request[Any, Any, Any]) -> Arriving:
    """The request's body, none of which is in memory for longer than it takes to write it down; raises Malformed."""
    announced = request.headers.get("content-length")
    if announced is not None and not (announced.isascii() and announced.isdigit()):
        raise Malformed
    return Arriving(_as_they_come(request), None if announced is None else int(announced))


async def _as_they_come(request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
    """Raises UploadCut, TooLarge."""
    parts = request.stream()
    while True:
        try:
            async with asyncio.timeout(IDLE_S):
                part = await anext(parts)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise UploadCut from None
        except ClientException as problem:
            too_large = problem.status_code == HTTP_413_REQUEST_ENTITY_TOO_LARGE
            raise (TooLarge if too_large else UploadCut) from None
        yield part


def arrived(content: bytes) -> Arriving:
    """What is here already, to be taken in like a body."""

    async def at_once() -> AsyncIterator[bytes]:
        yield content

    return Arriving(at_once(), len(content))


@contextmanager
def place_for(owner_id: UUID) -> Generator[None]:
    """Room for one more body of this person's; raises TooManyUploadsAtOnce."""
    if _under_way.get(owner_id, 0) >= AT_ONCE:
        raise TooManyUploadsAtOnce(retry_after_s=5)
    _under_way[owner_id] = _under_way.get(owner_id, 0) + 1
    try:
        yield
    finally:
        _under_way[owner_id] -= 1
        if not _under_way[owner_id]:
            del _under_way[owner_id]


class Incoming:
    """A file that is being written, by nobody else."""

    def __init__(self, path: Path, handle: int, size: int) -> None:
        self.path = path
        self.handle = handle
        self.size = size
        self.unsynced = 0
        self.sha256 = hashlib.sha256()
        """Of what was taken here."""

    async def take(self, body: Arriving, most: int, too_large: Refusal) -> None:
        """Write all of it; raises `too_large` where it would have more than `most` bytes altogether, UploadCut,
        Unavailable."""
        try:
            async for part in body.parts:
                if self.size + len(part) > most:
                    raise too_large
                await _to_its_end(self._write, part)
        except OSError as trouble:  # the disk is full
            raise Unavailable from trouble
        finally:
            await _to_its_end(os.fdatasync, self.handle)

    def _write(self, part: bytes) -> None:
        left = memoryview(part)
        while left:
            left = left[os.write(self.handle, left) :]
        self.sha256.update(part)
        self.size += len(part)
        self.unsynced += len(part)
        if self.unsynced >= SYNC_BYTES:
            os.fdatasync(self.handle)
            self.unsynced = 0

    async def become(self, upload_id: UUID) -> None:
        """From now on it is this upload's file, in place of any other."""
        await _to_its_end(os.replace, self.path, path_of(upload_id))
        await _to_its_end(_sync_folder)

    async def append(self, other: "Incoming") -> None:
        """Add what the other holds."""
        await _to_its_end(self._append, other)

    def _append(self, other: "Incoming") -> None:
        with other.path.open("rb") as file:
            while part := file.read(SYNC_BYTES):
                self._write(part)
        os.fdatasync(self.handle)


async def _to_its_end(work: Callable[..., object], *arguments: object) -> None:
    """In a thread; whoever is cancelled meanwhile waits, for nobody may close a file under its writer."""
    working = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait({working})
        raise


@asynccontextmanager
async def of_upload(upload_id: UUID) -> AsyncGenerator[Incoming]:
    """The upload's own file, to be written on from its end; raises UploadBusy."""
    file = await asyncio.to_thread(_open, path_of(upload_id))
    try:
        yield file
    finally:
        await _to_its_end(os.close, file.handle)  # of a file that was dropped meanwhile, the disk frees all of it now


@asynccontextmanager
async def aside(upload_id: UUID) -> AsyncGenerator[Incoming]:
    """A file for one body, gone at the end unless it has become the upload's."""
    file = await asyncio.to_thread(_open, folder() / f"{upload_id}.{secrets.token_hex(8)}")
    try:
        yield file
    finally:
        await _to_its_end(_end, file)


def _end(file: Incoming) -> None:
    file.path.unlink(missing_ok=True)
    os.close(file.handle)


def _open(path: Path) -> Incoming:
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise UploadBusy from None
        found = os.fstat(handle)
        if found.st_nlink:
            return Incoming(path, handle, found.st_size)
        os.close(handle)  # swept away between the opening and the lock


def folder() -> Path:
    """Where they all are."""
    return settings().data_dir / "incoming"


def path_of(upload_id: UUID) -> Path:
    """The upload's own file."""
    return folder() / str(upload_id)


def size_of(upload_id: UUID) -> int:
    """So many bytes of the upload are here."""
    try:
        return path_of(upload_id).stat().st_size
    except FileNotFoundError:
        return 0


def sha256_of(path: Path) -> bytes:
    """Of all that is in a file; in a thread, for it takes a while."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def drop(upload_id: UUID) -> None:
    """The upload's own file is needed no more."""
    path_of(upload_id).unlink(missing_ok=True)


def drop_empty(file: Incoming) -> None:
    """A file that was only made by being opened."""
    if not file.size:
        file.path.unlink(missing_ok=True)


def names() -> list[str]:
    """Of every file of ours: the upload's id, and of one that stands aside a dot and more."""
    try:
        return [name for name in os.listdir(folder()) if _OURS.fullmatch(name)]
    except FileNotFoundError:
        return []


def drop_left(name: str) -> None:
    """Take a file away unless somebody is writing it."""
    with suppress(UploadBusy, FileNotFoundError):
        _end(_open(folder() / name))


def _sync_folder() -> None:
    handle = os.open(folder(), os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
