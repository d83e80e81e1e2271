"""What may be reported, and by which rules."""

import msgspec

from app.db import Connection, many, maybe, queries_beside
from app.errors import Language, Refusal
from feedback.models import ReportCategory

sql = queries_beside(__file__)

COMPLAINT = "officer_conduct"
"""The category of complaints: it is on no list."""


class UnknownCategory(Refusal):
    """Không có lĩnh vực phản ánh này.

    There is no such category."""

    status = 400


class Rules(msgspec.Struct, frozen=True):
    """A category's rules, as filing needs them."""

    code: str
    name_vi: str
    name_en: str
    photo: bool
    private: bool
    confidential: bool
    keeps_original: bool
    place_precision_m: int
    due_minutes: int
    warn_minutes: int


async def all_of_them(db: Connection, language: Language) -> list[ReportCategory]:
    """Every category that is on the list."""
    return await many(ReportCategory, db, sql.categories, language)


async def rules_of(db: Connection, code: str) -> Rules:
    """The rules of a category; raises UnknownCategory."""
    rules = await maybe(Rules, db, sql.category_rules, code)
    if rules is None:
        raise UnknownCategory
    return rules
