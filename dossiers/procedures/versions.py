"""Which version of a procedure is in force, and what a version says."""

import re
from collections import OrderedDict
from datetime import datetime
from uuid import UUID

import msgspec

from app.db import Connection, queries_beside
from app.errors import Refusal
from dossiers.procedures.definitions import Definition
from dossiers.procedures.models import Pinned

sql = queries_beside(__file__)

MOST_KEPT = 500
"""Definitions that a process keeps decoded; a city has some hundreds in force."""


class UnknownProcedure(Refusal):
    """Không có thủ tục này, hoặc thủ tục chưa được công bố hay đã bị bãi bỏ.

    There is no such procedure, or it is not published, or it was abolished."""

    status = 404


_CODE = re.compile(r"[1-9]\.[0-9]{6}")
_kept: OrderedDict[tuple[str, int], tuple[datetime, Definition]] = OrderedDict()


async def current(db: Connection, code: str) -> Pinned:
    """The version that is in force; raises UnknownProcedure."""
    version = await db.fetchval(sql.current_version, code) if _CODE.fullmatch(code) else None
    if version is None:
        raise UnknownProcedure
    return Pinned(code, version, await pinned(db, code, version))


async def pinned(db: Connection, code: str, version: int) -> Definition:
    """What a published version says, also of a procedure that was abolished; raises UnknownProcedure.

    It is decoded once per process. The database is asked all the same when it was published: a publication that was
    rolled back must not be remembered."""
    known = _kept.get((code, version))
    row = await db.fetchrow(sql.published_definition, code, version, known and known[0])
    if row is None:
        raise UnknownProcedure
    if known is not None and row["definition"] is None:
        _kept.move_to_end((code, version))
        return known[1]
    definition = msgspec.convert(row["definition"], Definition)
    _kept[code, version] = (row["published_at"], definition)
    _kept.move_to_end((code, version))
    while len(_kept) > MOST_KEPT:
        _kept.popitem(last=False)
    return definition


async def put_in_force(db: Connection, code: str, version: int, definition: Definition, by: UUID | None) -> None:
    """Freeze a version and let it be the one that is in force; `by` null: from a file of the catalogue."""
    await db.execute(sql.publish_version, code, version, by)
    name = definition.name
    await db.execute(
        sql.make_current, code, version, name.vi, name.en, definition.field, definition.online_level,
        definition.wards, definition.agencies,
    )  # fmt: skip
