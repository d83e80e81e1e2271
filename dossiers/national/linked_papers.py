"""Papers of a dossier that the portal filed stand elsewhere: they are fetched by the worker, from the open Internet
alone (`app.guarded`), and become papers of the dossier as any upload does."""

import msgspec

from app import guarded
from app.db import Database, queries_beside
from app.errors import Refusal
from app.identity.models import Principal
from app.jobs import News
from app.uploads import incoming, kinds, receiving
from dossiers import steps, stored_papers
from dossiers.events import NationalPaperLinked
from dossiers.models import HandInPaper
from dossiers.procedures.definitions import Told
from dossiers.steps import Step

sql = queries_beside(__file__)

AT_ONCE = 4
MOST_BYTES = kinds.MOST["paper"]
NOT_HAD = Told("Không tải được giấy tờ từ Cổng", "A paper could not be fetched from the portal")


async def fetch(database: Database, news: News) -> None:
    """NationalPaperLinked: the paper becomes part of its dossier. What cannot be had, or is no paper, is told to
    those who deal with the dossier; what might be had later is tried again."""
    linked = msgspec.convert(news.data, NationalPaperLinked)
    me = Principal(id=linked.machine_id, kind="machine", session_id=linked.machine_id)
    async with database.acquire() as db:
        if not await db.fetchval(sql.paper_wanted, linked.dossier_id, linked.upload_id):
            return
    content = await guarded.file(linked.url, most_bytes=MOST_BYTES, of=str(linked.machine_id))
    if content is None or not await _hand_in(database, me, linked, content):
        await _give_up(database, linked)


async def _hand_in(database: Database, me: Principal, linked: NationalPaperLinked, content: bytes) -> bool:
    """Whether it was a paper, and is the dossier's now. Raises what may come right later."""
    try:
        await receiving.put(database, me, linked.upload_id, "paper", incoming.arrived(content))
        async with database.deed() as db:
            dossier = await steps.lock(db, linked.dossier_id)
            definition = await steps.definition_of(db, dossier)
            paper = HandInPaper(paper=linked.paper, kind=2, upload_id=linked.upload_id)
            await stored_papers.hand_in(db, me, dossier.owner_id, dossier.id, definition, dossier.case_code, [paper])
    except Refusal as refusal:
        if refusal.status in {409, 429} or refusal.status >= 500:
            raise
        return False
    return True


async def _give_up(database: Database, linked: NationalPaperLinked) -> None:
    async with database.deed() as db:
        dossier = await steps.lock(db, linked.dossier_id)
        if not dossier.is_open or await db.fetchval(sql.paper_given_up, linked.upload_id):
            return
        step = Step(
            code="paper_not_fetched",
            name=NOT_HAD,
            by="city",
            note=linked.paper,
            told=False,
            beside=linked.upload_id,
        )
        await steps.note_down(db, dossier, step)
