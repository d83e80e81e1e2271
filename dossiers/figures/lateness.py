"""What is late or will be soon, for those who can do something about it."""

from datetime import datetime
from uuid import UUID

from app import clock
from app.db import Connection, many, queries_beside
from app.errors import Forbidden, Language
from app.identity.models import Principal
from app.staff.pages import before, page_of
from app.types import Page
from dossiers.figures.models import LateDossier

sql = queries_beside(__file__)


async def listed(
    db: Connection,
    me: Principal,
    agency: str | None,
    within_days: int,
    cursor: str | None,
    limit: int,
    language: Language,
) -> Page[LateDossier]:
    """What is overdue, or is due within so many working days after today, worst first: for a supervisor at any
    agency, for a head at their own. One that waits for somebody else is not late. Raises BadCursor, Forbidden."""
    today = clock.city_today()
    time = await clock.working_time(db, today)
    until = clock.closing(clock.add_working_days(today, within_days, time.calendar), time)
    lines = await many(
        LateDossier, db, sql.lateness, _agencies(me, agency), until, *before(cursor), limit + 1, language
    )
    return page_of(lines, limit, _due)


def _agencies(me: Principal, agency: str | None) -> list[str] | None:
    """Where I may look: None is everywhere."""
    if me.agencies_as("supervisor"):
        return None if agency is None else [agency]
    mine = me.agencies_as("agency_head")
    if agency is not None and agency not in mine:
        raise Forbidden
    return list(mine) if agency is None else [agency]


def _due(line: LateDossier) -> tuple[datetime, UUID]:
    return line.due_at, line.dossier_id
