"""A copy of all that is held of a person (Law 91/2025/QH15, Art. 4): asked for, made by the worker, fetched."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from uuid import UUID

import structlog

from app import outbox
from app.audit import records
from app.budgets import Budget, spend
from app.db import Connection, Database, maybe, one, queries_beside
from app.errors import NotFound, Refusal, refusal_of
from app.identity.models import Principal
from app.privacy import archive, processing
from app.privacy.events import ExportFailed, ExportReady, ExportRequested
from app.privacy.holdings import Holdings, of_residents
from app.privacy.models import Export
from app.types import new_id

sql = queries_beside(__file__)
log = structlog.get_logger()

A_DAY = 2


class ExportNotReady(Refusal):
    """Bản sao dữ liệu chưa sẵn sàng hoặc đã hết hạn; hãy xem trạng thái của nó, hoặc yêu cầu bản mới.

    The copy of your data is not ready or has expired; look at its status, or ask for a new one."""

    status = 404


async def ask(db: Connection, me: Principal) -> Export:
    """Have a copy made of all that is held of me; two a day. Raises TooManyRequests."""
    await spend(db, Budget(f"export {me.id}", A_DAY, 86_400))
    export = await one(Export, db, sql.ask_export, new_id(), me.id)
    await processing.record(db, me, "export_asked", me.id)
    await records.record(db, me, "privacy.export_asked", me.id)
    await outbox.record(db, ExportRequested(export_id=export.export_id))
    return export


async def show(db: Connection, me: Principal, export_id: UUID) -> Export:
    """How far my copy is; raises NotFound."""
    export = await maybe(Export, db, sql.export_of_mine, export_id, me.id)
    if export is None:
        raise NotFound
    return export


async def make(db: Connection, export_id: UUID, holdings: Holdings) -> None:
    """Make the copy, in the job's transaction: killed half-way it was never begun, done twice it is done once.

    What would fail again the same way is told to the person; what may pass (the database is busy) is tried again."""
    principal_id: UUID | None = await db.fetchval(sql.export_for_update, export_id)
    if principal_id is None:
        return
    try:
        async with db.transaction():
            await _make(db, export_id, principal_id, holdings)
    except Exception as problem:
        refusal = refusal_of(problem)
        if refusal is not None and refusal.status == 503:
            raise
        log.error("export failed", export_id=str(export_id), error=repr(problem)[:500])
        await db.execute(sql.fail_export, export_id)
        await outbox.record(db, ExportFailed(principal_id=principal_id, export_id=export_id))


async def _make(db: Connection, export_id: UUID, principal_id: UUID, holdings: Holdings) -> None:
    size = 0
    number = 0
    async with aclosing(archive.parts(db, of_residents(holdings), principal_id)) as parts:
        async for part in parts:
            await db.execute(sql.keep_export_part, export_id, number, part)
            size += len(part)
            number += 1
    expires_at: datetime = await db.fetchval(sql.finish_export, export_id, size)
    await processing.record_own(db, "export_made", principal_id, holdings=len(holdings), size_bytes=size)
    await outbox.record(db, ExportReady(principal_id=principal_id, export_id=export_id, expires_at=expires_at))


async def download(database: Database, me: Principal, export_id: UUID) -> tuple[int, AsyncIterator[bytes]]:
    """My copy: its size, and its parts as they are wanted. A connection for a moment each, for the phone may be slow.

    Raises NotFound, ExportNotReady."""
    async with database.deed() as db:
        export = await show(db, me, export_id)
        if export.status != "ready" or export.size_bytes is None:
            raise ExportNotReady
        await processing.record(db, me, "export_fetched", me.id)
        await records.record(db, me, "privacy.export_fetched", me.id)
    return export.size_bytes, _parts(database, me.id, export_id)


def headers_of(export_id: UUID, size: int) -> dict[str, str]:
    """To be saved, whole: the size tells a download that broke off from one that is over."""
    return {"content-length": str(size), "content-disposition": f'attachment; filename="huong-{export_id}.zip"'}


async def _parts(database: Database, principal_id: UUID, export_id: UUID) -> AsyncIterator[bytes]:
    number = 0
    while True:
        async with database.acquire() as db:
            part: bytes | None = await db.fetchval(sql.export_part, export_id, number, principal_id)
        if part is None:
            return
        yield part
        number += 1
