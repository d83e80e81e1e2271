"""The catalogue: procedures that stand as files beside the code, put into the database.

Terms and fees in it are to be compared with the city's own decisions before anybody files by them."""

from pathlib import Path
from uuid import UUID

import msgspec

from app.audit import records
from app.db import Connection, queries_beside
from dossiers.procedures.checking import Finding, check_references, findings, refuse
from dossiers.procedures.definitions import Definition, ProcedureCode
from dossiers.procedures.versions import put_in_force

sql = queries_beside(__file__)

CATALOGUE = Path(__file__).with_name("catalogue")


class BadProcedureFile(Exception):
    """A file that is no definition: which, and why."""


def read(folder: Path = CATALOGUE) -> dict[str, Definition]:
    """What the files of a folder say, by code; raises BadProcedureFile."""
    return {path.stem: decoded(path) for path in sorted(folder.glob("*.json"))}


def decoded(path: Path) -> Definition:
    """What a file says; raises BadProcedureFile."""
    try:
        msgspec.convert(path.stem, ProcedureCode)
        return msgspec.json.decode(path.read_bytes(), type=Definition)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as trouble:
        raise BadProcedureFile(f"{path.name}: {trouble}") from None


async def load(db: Connection, by: UUID | None = None, folder: Path = CATALOGUE) -> int:
    """Publish what was not published yet as the files have it, each as one more version; returns how many these were.

    Raises what `publish_new` does, and BadProcedureFile; then nothing is published."""
    return await publish_new(db, read(folder), by)


async def publish_new(db: Connection, files: dict[str, Definition], by: UUID | None = None) -> int:
    """Publish definitions, by their codes, that were never published as they are; returns how many these were.

    What staff have published since stays in force. Raises DefinitionBroken, whose `errors` name the file; then
    nothing is published."""
    new = {code: one for code, one in files.items() if not await _was_published(db, code, one)}
    broken = [
        Finding(f"{code}: {finding.field}", finding.code, finding.vi, finding.en)
        for code, definition in new.items()
        for finding in findings(definition) or await check_references(db, definition, files)
    ]
    refuse(broken, "en")
    for code, definition in new.items():
        await db.execute(sql.make_procedure, code)
        await db.fetchrow(sql.lock_procedure, code)
        version: int = await db.fetchval(sql.newest_version, code) + 1
        await db.execute(sql.put_version, code, version, definition, by)
        await put_in_force(db, code, version, definition, None)
        await records.record_own(db, "procedure.published", code, version=version)
    return len(new)


async def _was_published(db: Connection, code: str, definition: Definition) -> bool:
    rows = await db.fetch(sql.published_definitions, code)
    return any(msgspec.convert(row["definition"], Definition) == definition for row in rows)
