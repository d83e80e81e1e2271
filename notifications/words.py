"""A message, in both languages."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.clock import CITY_ZONE
from app.errors import Language
from app.types import grouped
from notifications.models import Category


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """A message for one reader. `good_for_s`: it is of use for so many seconds only, so that a push of it waits for
    no quiet hours and no others, and is not shown later; none: as its category has it."""

    principal_id: UUID
    category: Category
    title: dict[Language, str]
    body: dict[Language, str]
    link: str | None
    good_for_s: int | None = None


def words_for(
    principal_id: UUID,
    category: Category,
    link: str,
    title: tuple[str, str],
    body: tuple[str, str],
    *,
    good_for_s: int | None = None,
) -> Words:
    """A message whose title and body are said in Vietnamese and in English."""
    return Words(
        principal_id=principal_id,
        category=category,
        title={"vi": title[0], "en": title[1]},
        body={"vi": body[0], "en": body[1]},
        link=link,
        good_for_s=good_for_s,
    )


def dong(amount: int) -> str:
    """`1234567` → `1.234.567 ₫`, as it is written in Việt Nam."""
    return f"{grouped(amount)} ₫"


LONGEST_QUOTE = 300


def quoted(words: str) -> str:
    """So much of somebody's words as a message holds, in one line."""
    line = " ".join(words.split())
    return line if len(line) <= LONGEST_QUOTE else line[: LONGEST_QUOTE - 1] + "…"


def day(moment: datetime) -> str:
    """`26/11/2026`, in Huế."""
    return f"{moment.astimezone(CITY_ZONE):%d/%m/%Y}"


def hour(moment: datetime) -> str:
    """`17:00 26/11/2026`, in Huế."""
    return f"{moment.astimezone(CITY_ZONE):%H:%M %d/%m/%Y}"
