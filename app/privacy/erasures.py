"""A person wants to be forgotten (Law 91/2025/QH15, Art. 14): asked for with the PIN, done by the worker at once."""

from typing import Any
from uuid import UUID

from app import outbox
from app.audit import records
from app.db import Connection, Database, queries_beside
from app.errors import Language, Refusal
from app.identity import pins
from app.identity.models import Principal
from app.privacy import processing
from app.privacy.events import ErasureRefused, ErasureRequested
from app.privacy.holdings import Holding, Holdings, of_residents, standing_against
from app.privacy.models import AskErasure, Erasure, Held
from app.types import new_id

sql = queries_beside(__file__)


class ErasureMustWait(Refusal):
    """Chưa thể xóa tài khoản: còn việc phải giải quyết trước, nêu trong danh sách kèm theo.

    The account cannot be erased yet: something must be settled first, as the list with this says."""


class _StandsAgainst(Exception):
    """Something came between the asking and the doing: what this turn wrote must not stand."""


async def ask(
    database: Database, me: Principal, wanted: AskErasure, holdings: Holdings, language: Language
) -> Erasure:
    """Have me forgotten: what goes, what is kept by law and until when. Asked twice it is one erasure.

    After `pins.check` in its own transactions. Raises ErasureMustWait, and what that raises."""
    await pins.check(database, me, wanted.pin)
    async with database.deed() as db:
        return await _ask(db, me, holdings, language)


async def _ask(db: Connection, me: Principal, holdings: Holdings, language: Language) -> Erasure:
    obstacles = await standing_against(db, holdings, me.id)
    if obstacles:
        raise ErasureMustWait(against=[_as_told(holding, language) for holding in obstacles])
    kept = await db.fetchrow(sql.ask_erasure, new_id(), me.id, me.session_id)
    assert kept is not None
    await processing.record(db, me, "erasure_asked", me.id)
    await records.record(db, me, "privacy.erasure_asked", me.id)
    await outbox.record(db, ErasureRequested(erasure_id=kept["id"]))
    there = [holding for holding in of_residents(holdings) if await db.fetchrow(holding.rows, me.id) is not None]
    return Erasure(
        erasure_id=kept["id"],
        status=kept["status"],
        holds=[
            Held(what=holding.what.in_(language), reason=holding.hold.why.in_(language), until=holding.hold.until())
            for holding in there
            if holding.hold is not None
        ],
        erases=[holding.what.in_(language) for holding in there if holding.hold is None],
    )


def _as_told(holding: Holding, language: Language) -> dict[str, Any]:
    assert holding.against is not None
    return {"what": holding.what.in_(language), "reason": holding.against.why.in_(language)}


async def carry_out(db: Connection, erasure_id: UUID, holdings: Holdings) -> None:
    """Forget the person, in the job's transaction; done twice it is done once.

    What stands against it is asked again after the accounts are locked and closed: money may have come meanwhile."""
    principal_id: UUID | None = await db.fetchval(sql.erasure_for_update, erasure_id)
    if principal_id is None:
        return
    try:
        async with db.transaction():
            erased = await _erase(db, principal_id, holdings)
            if await standing_against(db, holdings, principal_id):
                raise _StandsAgainst
            await db.execute(sql.finish_erasure, erasure_id, "done")
            await processing.record_own(db, "erasure_done", principal_id, **erased)
            await records.record_own(db, "privacy.erasure_done", principal_id)
    except _StandsAgainst:
        await db.execute(sql.finish_erasure, erasure_id, "refused")
        await processing.record_own(db, "erasure_refused", principal_id)
        await outbox.record(db, ErasureRefused(principal_id=principal_id))


async def _erase(db: Connection, principal_id: UUID, holdings: Holdings) -> dict[str, str]:
    """What each holding's statement did, as PostgreSQL says it (`DELETE 3`)."""
    await db.execute(sql.person_for_update, principal_id)
    erased: dict[str, str] = {}
    for holding in holdings:
        if holding.erase is not None:
            erased[holding.name] = await db.execute(holding.erase, principal_id)
    return erased


async def sweep(db: Connection, holdings: Holdings) -> None:
    """Erase once more, a minute after: a request under way or a message in the queue may have come in behind it."""
    for row in await db.fetch(sql.erasures_to_sweep):
        await _erase(db, row["principal_id"], holdings)
        await db.execute(sql.sweep_erasure, row["id"])
