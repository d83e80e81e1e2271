"""How long what is held is kept, and the job that keeps to it."""

from datetime import datetime

import msgspec
import structlog

from app.audit import records
from app.db import Connection, many, queries_beside
from app.errors import Language
from app.identity.models import Principal
from app.privacy.holdings import Holding, Holdings
from app.privacy.models import Retained

sql = queries_beside(__file__)
log = structlog.get_logger()

ROWS_A_TURN = 5000


class _Turn(msgspec.Struct, frozen=True):
    holding: str
    ran_at: datetime
    forgotten: int
    forgotten_last: int


async def keep(db: Connection, holdings: Holdings, rows: int = ROWS_A_TURN) -> None:
    """Forget what is past its time: so many rows a turn at the most, of those holdings first that waited longest.

    A holding that cannot be forgotten keeps none of the others waiting."""
    for holding in await _in_turn(db, holdings):
        if rows <= 0:
            return
        assert holding.forget is not None
        try:
            async with db.transaction():
                forgotten: int = await db.fetchval(holding.forget, holding.kept_days, rows)
        except Exception as problem:
            log.error("holding not forgotten", holding=holding.name, error=repr(problem)[:500])
            forgotten = 0
        await db.execute(sql.note_retention, holding.name, forgotten)
        rows -= forgotten


async def _in_turn(db: Connection, holdings: Holdings) -> list[Holding]:
    ran = {turn.holding: turn.ran_at.timestamp() for turn in await many(_Turn, db, sql.retention_turns)}
    forgettable = [holding for holding in holdings if holding.forget is not None]
    return sorted(forgettable, key=lambda holding: ran.get(holding.name, 0.0))


async def table(db: Connection, me: Principal, holdings: Holdings, language: Language) -> list[Retained]:
    """What is held, for how long and by what right, and when it was last looked through. Looking is audited."""
    turns = {turn.holding: turn for turn in await many(_Turn, db, sql.retention_turns)}
    await records.record(db, me, "privacy.retention_read")
    return [_line(holding, turns.get(holding.name), language) for holding in holdings]


def _line(holding: Holding, turn: _Turn | None, language: Language) -> Retained:
    return Retained(
        holding=holding.name,
        what=holding.what.in_(language),
        why=holding.why.in_(language),
        basis=holding.basis.in_(language),
        kept_days=holding.kept_days,
        hold=holding.hold.why.in_(language) if holding.hold else None,
        last_run_at=turn.ran_at if turn else None,
        forgotten_last=turn.forgotten_last if turn else 0,
        forgotten=turn.forgotten if turn else 0,
    )
