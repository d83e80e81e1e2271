"""What the portal knows otherwise than we do: for those who look after it."""

from datetime import datetime
from uuid import UUID

from app import outbox
from app.audit import records
from app.db import Connection, many, one, queries_beside
from app.errors import Language, NotFound
from app.identity.models import Principal
from app.staff.pages import before, page_of
from app.types import Page
from dossiers.events import DossierOutOfStep
from dossiers.national.models import DifferenceState, NationalDifference

sql = queries_beside(__file__)


async def listed(
    db: Connection, state: DifferenceState | None, cursor: str | None, limit: int, language: Language
) -> Page[NationalDifference]:
    """Dossiers that are out of step, newest first; raises BadCursor."""
    lines = await many(NationalDifference, db, sql.differences, state, *before(cursor), limit + 1, language, None)
    return page_of(lines, limit, _key)


def _key(line: NationalDifference) -> tuple[datetime, UUID]:
    assert line.since_at is not None
    return line.since_at, line.dossier_id


async def resend(db: Connection, me: Principal, dossier_id: UUID, language: Language) -> NationalDifference:
    """Send it again from where the portal stopped. Raises NotFound."""
    if (state := await db.fetchval(sql.resend, dossier_id)) is None:
        raise NotFound
    if state != "in_step":
        await outbox.record(db, DossierOutOfStep(dossier_id=dossier_id))
        await records.record(db, me, "dossier.sent_to_portal", dossier_id)
    return await one(NationalDifference, db, sql.differences, None, None, None, 1, language, dossier_id)
