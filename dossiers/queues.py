"""What there is to do, by whose turn it is. One indexed predicate per desk, keyset pages, no totals."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.db import Connection, many, queries_beside
from app.errors import Language
from app.identity.models import Principal
from app.staff.pages import before, page_of
from app.types import Page
from dossiers import steps
from dossiers.models import DossierQueue, StaffDossierLine

sql = queries_beside(__file__)

SOON_DAYS = 2


class SoughtDossiers(msgspec.Struct, frozen=True):
    """Which of a queue's dossiers: of a procedure, in a state, of whom or with which code."""

    procedure: str | None = None
    state: str | None = None
    q: str | None = None


async def listed(
    db: Connection,
    me: Principal,
    queue: DossierQueue,
    sought: SoughtDossiers,
    cursor: str | None,
    limit: int,
    language: Language,
) -> Page[StaffDossierLine]:
    """`mine`: given to me; `unit`: at my desks; `due_soon` and `overdue`: of my agencies; `ready`: to
    be fetched at my counter. Whose turn is over
    first comes first. Raises BadCursor."""
    match queue:
        case "mine":
            statement, whose, more = sql.dossiers_of_mine, me.id, (me.agencies_as(*steps.ROLES),)
        case "unit":
            statement, whose, more = sql.dossiers_at_desks, desks_of(me), (me.id,)
        case "ready":
            statement, whose, more = sql.dossiers_to_fetch, me.agencies_as("clerk"), ()
        case "due_soon" | "overdue":
            statement, whose, more = (
                sql.dossiers_by_due,
                me.agencies_as(*steps.ROLES),
                (queue == "overdue", SOON_DAYS),
            )
    lines = await many(
        StaffDossierLine,
        db,
        statement,
        whose,
        sought.procedure,
        sought.state,
        sought.q,
        *before(cursor),
        limit + 1,
        language,
        *more,
    )
    return page_of(lines, limit, _turn)


def desks_of(me: Principal) -> list[str]:
    """`agency/role` of each of mine."""
    return sorted({f"{grant.agency}/{grant.role}" for grant in me.grants if grant.role in steps.ROLES})


def _turn(line: StaffDossierLine) -> tuple[datetime, UUID]:
    return line.turn_at, line.id
