"""The catalogue: procedures that stand as files beside the code, put into the database.

Terms and fees in it are to be compared with the city's own decisions before anybody files by them."""

from pathlib import Path
from uuid import UUID

import msgspec

from app.audit import records
from app.db import Connection, queries_beside
from dossiers.procedures.definitions import Definition

sql = queries_beside(__file__)

CATALOGUE = Path(__file__).with_name("catalogue")


def read(folder: Path = CATALOGUE) -> dict[str, Definition]:
    """What the files of a folder say, by code; raises msgspec.DecodeError."""
    return {path.stem: decoded(path) for path in sorted(folder.glob("*.json"))}


def decoded(path: Path) -> Definition:
    """What a file says; raises msgspec.DecodeError for what is no definition."""
    return msgspec.json.decode(path.read_bytes(), type=Definition)


async def load(db: Connection, by: UUID | None = None, folder: Path = CATALOGUE) -> int:
    """Publish what was not published yet as the files have it, each as one more version; returns how many these were.

    What staff have published since stays in force: a file that was once published is not published again."""
    files = read(folder)
    new: list[str] = []
    for code, definition in files.items():
        published = await db.fetch(sql.published_definitions, code)
        if definition not in [msgspec.convert(row["definition"], Definition) for row in published]:
            new.append(code)
    for code in new:
        await _publish(db, code, files[code], by)
    return len(new)


async def _publish(db: Connection, code: str, definition: Definition, by: UUID | None) -> None:
    await db.execute(sql.make_procedure, code)
    await db.fetchrow(sql.lock_procedure, code)
    version: int = await db.fetchval(sql.newest_version, code) + 1
    await db.execute(sql.put_version, code, version, definition, by)
    await db.execute(sql.publish_version, code, version, None)
    await db.execute(sql.make_current, code, version, *listed(definition))
    await records.record_own(db, "procedure.published", code, version=version)


def listed(definition: Definition) -> tuple[object, ...]:
    """What a list of procedures shows of a definition, in the order of `make_current`."""
    name = definition.name
    return name.vi, name.en, definition.field, definition.online_level, definition.wards, definition.agencies
