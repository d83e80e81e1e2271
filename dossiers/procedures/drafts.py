"""Versions of a procedure on their way: written as a draft by one, published by another, frozen then.

Whoever keeps the catalogue is an administrator or a head, of the city or of its Department of Justice."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.audit import records
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import Forbidden, Language, Malformed, NotFound, Refusal
from app.identity.models import Principal
from app.staff.members import need_grant
from app.types import Page, cursor_of, key_of
from dossiers.procedures.checking import check_references, findings, refuse
from dossiers.procedures.definitions import Definition, ProcedureCode
from dossiers.procedures.models import (
    DefinitionFinding,
    ProcedureVersion,
    ProcedureVersionLine,
    PublishProcedure,
    PutProcedureVersion,
)
from dossiers.procedures.versions import put_in_force

sql = queries_beside(__file__)

KEEPERS = frozenset({"city", "justice"})
"""Agencies that keep the city's catalogue."""
MOST_VERSIONS = 10_000
_Number = Annotated[int, Meta(ge=1, le=MOST_VERSIONS)]


class BadProcedureCode(Refusal):
    """Mã thủ tục phải theo mẫu của danh mục quốc gia, ví dụ 1.001193.

    A procedure's code is as the national catalogue has it, for example 1.001193."""

    status = 400


class DraftHasChanged(Refusal):
    """Bản dự thảo đã được người khác sửa; hãy tải lại rồi sửa tiếp.

    Somebody else has changed the draft; load it again and go on from there."""


class VersionFrozen(Refusal):
    """Phiên bản này đã công bố nên không sửa được nữa; hãy lập phiên bản mới.

    This version was published and never changes; write a new one."""


class PublisherIsAuthor(Refusal):
    """Người soạn không tự công bố được; cần một người khác xem và công bố.

    Whoever wrote a version cannot publish it; another person must look at it and do so."""

    status = 403


class VersionIsPast(Refusal):
    """Đã có phiên bản mới hơn đang áp dụng.

    A newer version is in force already."""


class ProcedureAbolished(Refusal):
    """Thủ tục này đã bị bãi bỏ.

    This procedure was abolished."""


async def need_keeper(db: Connection, me: Principal) -> None:
    """Raises Forbidden unless I keep the catalogue, this very moment."""
    await need_grant(db, me, "admin", "agency_head")
    if not KEEPERS & set(me.agencies_as("admin", "agency_head")):
        raise Forbidden


async def put(
    db: Connection, me: Principal, code: str, number: str, wanted: PutProcedureVersion, language: Language
) -> ProcedureVersion:
    """Write a draft down; the same again is the same. What is not right with it yet is told in `findings`.

    Raises Forbidden, BadProcedureCode, Malformed, NotFound, VersionFrozen, DraftHasChanged."""
    await need_keeper(db, me)
    version, definition = version_of(number), _read(wanted.definition)
    try:
        msgspec.convert(code, ProcedureCode)
    except msgspec.ValidationError:
        raise BadProcedureCode from None
    await db.execute(sql.make_procedure, code)
    await db.fetchrow(sql.lock_procedure, code)
    kept = await maybe(ProcedureVersion, db, sql.version, code, version)
    if kept is None and wanted.edit is not None:
        raise DraftHasChanged
    if kept is not None:
        if _said_in(kept) == definition:
            return await _with_findings(db, kept, language)
        if kept.published_at is not None:
            raise VersionFrozen
        if kept.edit != wanted.edit:
            raise DraftHasChanged
    await db.execute(sql.put_version, code, version, definition, me.id)
    await records.record(db, me, "procedure.drafted", code, version=version)
    return await show(db, me, code, number, language)


async def show(db: Connection, me: Principal, code: str, number: str, language: Language) -> ProcedureVersion:
    """A version, whole, with what stands against publishing it; raises Forbidden, NotFound."""
    await need_keeper(db, me)
    kept = await maybe(ProcedureVersion, db, sql.version, code, version_of(number))
    if kept is None:
        raise NotFound
    return await _with_findings(db, kept, language)


async def _with_findings(db: Connection, kept: ProcedureVersion, language: Language) -> ProcedureVersion:
    if kept.published_at is None:
        kept.findings = await _findings(db, kept, language)
    return kept


async def _findings(db: Connection, kept: ProcedureVersion, language: Language) -> list[DefinitionFinding]:
    definition = _said_in(kept)
    found = [*findings(definition), *await check_references(db, definition)]
    return [finding.told(language) for finding in found]


def _said_in(kept: ProcedureVersion) -> Definition:
    return msgspec.convert(kept.definition, Definition)


def _read(wanted: dict[str, Any]) -> Definition:
    try:
        return msgspec.convert(wanted, Definition)
    except msgspec.ValidationError as mistake:
        message, _, where = str(mistake).partition(" - at `$")
        raise Malformed(errors=[{"field": f"definition{where.rstrip('`')}", "message": message}]) from None


async def page(
    db: Connection, me: Principal, code: str, cursor: str | None, limit: int
) -> Page[ProcedureVersionLine]:
    """A procedure's versions, the newest first; raises Forbidden, NotFound, BadCursor."""
    await need_keeper(db, me)
    if not await db.fetchval(sql.procedure_is_known, code):
        raise NotFound
    before = key_of(cursor, tuple[_Number])
    lines = await many(ProcedureVersionLine, db, sql.versions, code, before and before[0], limit + 1)
    return Page(items=lines[:limit], next=cursor_of(lines[limit - 1].version) if len(lines) > limit else None)


async def publish(
    db: Connection, me: Principal, code: str, number: str, wanted: PublishProcedure, language: Language
) -> ProcedureVersion:
    """Freeze a draft and let it be in force: dossiers filed before stay with theirs. The same again is the same.

    Raises Forbidden, NotFound, DraftHasChanged, PublisherIsAuthor, VersionIsPast, ProcedureAbolished,
    DefinitionBroken."""
    await need_keeper(db, me)
    version = version_of(number)
    procedure = await db.fetchrow(sql.lock_procedure, code)
    kept = await maybe(ProcedureVersion, db, sql.version, code, version)
    if procedure is None or kept is None:
        raise NotFound
    if kept.edit != wanted.edit:
        raise DraftHasChanged
    if kept.published_at is not None:
        return kept
    if procedure["abolished_at"] is not None:
        raise ProcedureAbolished
    if (procedure["published_version"] or 0) > version:
        raise VersionIsPast
    if kept.made_by == me.id:
        raise PublisherIsAuthor
    definition = _said_in(kept)
    refuse([*findings(definition), *await check_references(db, definition)], language)
    await put_in_force(db, code, version, definition, me.id)
    await records.record(db, me, "procedure.published", code, version=version, written_by=str(kept.made_by))
    return await one(ProcedureVersion, db, sql.version, code, version)


def version_of(number: str) -> int:
    """A version's number as an address has it; raises NotFound for what is none."""
    if not (number.isascii() and number.isdecimal() and len(number) <= 5 and 1 <= int(number) <= MOST_VERSIONS):
        raise NotFound
    return int(number)
