"""Lists that are newest first, by a moment and an id."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

from msgspec import Meta

from app.types import Page, cursor_of, key_of

T = TypeVar("T")

Key = tuple[datetime, UUID]


def before(cursor: str | None) -> tuple[datetime | None, UUID | None]:
    """The last row of the page before; raises BadCursor."""
    return key_of(cursor, tuple[Annotated[datetime, Meta(tz=True)], UUID]) or (None, None)


def page_of(lines: list[T], limit: int, key: Callable[[T], Key]) -> Page[T]:
    """A page from one line more than it holds."""
    return Page(items=lines[:limit], next=cursor_of(*key(lines[limit - 1])) if len(lines) > limit else None)
