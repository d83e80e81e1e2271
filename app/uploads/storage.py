"""Where uploads lie: a folder of DATA_DIR, or any S3. What is under a key never changes.

`originals/…` are private. `renditions/…` are shown by `pictures`. `presigned/…` is what phones write themselves."""

import asyncio
import os
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from obstore import sign_async
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from app.config import settings
from app.errors import Unavailable

if TYPE_CHECKING:
    from obstore.store import S3Config

PART_BYTES = 256 * 1024
WITHIN = timedelta(seconds=60)
CONNECT_WITHIN = timedelta(seconds=5)


class NotThere(Exception):
    """Nothing lies under this key."""


async def put(key: str, content: Path | bytes) -> None:
    """Keep a file, or a few bytes; raises Unavailable."""
    store = _store()
    with _reaching():
        await store.put_async(key, content)
    if isinstance(store, LocalStore):
        await asyncio.to_thread(_make_last, folder() / key)


def _make_last(path: Path) -> None:
    """The file and its name outlive a power cut from here on."""
    for one in (path, path.parent):
        handle = os.open(one, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


async def read(key: str) -> bytes:
    """All that lies there; raises NotThere, Unavailable."""
    with _reaching():
        return bytes(await (await _store().get_async(key)).bytes_async())


async def parts(key: str) -> AsyncIterator[bytes]:
    """The same part by part, for what may be long; raises NotThere, Unavailable."""
    with _reaching():
        found = await _store().get_async(key)
        async for part in found.stream(min_chunk_size=PART_BYTES):
            yield bytes(part)


async def size_of(key: str) -> int | None:
    """How many bytes lie there; None: nothing does. Raises Unavailable."""
    try:
        with _reaching():
            return (await _store().head_async(key))["size"]
    except NotThere:
        return None


async def delete(key: str) -> None:
    """Nothing lies there any more; raises Unavailable."""
    with suppress(NotThere), _reaching():
        await _store().delete_async(key)


def signs() -> bool:
    """Can somebody else be let write there?"""
    return isinstance(_store(), S3Store)


async def sign_put(key: str, within: timedelta) -> str:
    """An address at which whoever has it may put something under the key; raises Unavailable."""
    store = _store()
    assert isinstance(store, S3Store)
    with _reaching():
        return await sign_async(store, "PUT", key, within)


def folder() -> Path:
    """Where files lie when there is no S3."""
    return settings().data_dir / "uploads"


def _store() -> LocalStore | S3Store:
    city = settings()
    if city.storage_url is None:
        return _a_folder(folder())
    return _an_s3(
        city.storage_url, city.storage_endpoint, city.storage_region, city.storage_key_id, city.storage_secret
    )


@lru_cache(1)
def _a_folder(path: Path) -> LocalStore:
    return LocalStore(path, mkdir=True)


@lru_cache(1)
def _an_s3(url: str, endpoint: str | None, region: str, key_id: str, secret: str) -> S3Store:
    """Without a key of its own it asks for one as Amazon's machines do."""
    known: S3Config = {"access_key_id": key_id, "secret_access_key": secret} if key_id else {}
    if endpoint:
        known["endpoint"] = endpoint
    return S3Store.from_url(
        url,
        config={**known, "region": region, "virtual_hosted_style_request": False},
        client_options={
            "timeout": WITHIN,
            "connect_timeout": CONNECT_WITHIN,
            "allow_http": (endpoint or "").startswith("http://"),
        },
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=20)},
    )


@contextmanager
def _reaching() -> Generator[None]:
    try:
        yield
    except FileNotFoundError as nothing:
        raise NotThere from nothing
    except (BaseError, OSError) as trouble:
        raise Unavailable from trouble
