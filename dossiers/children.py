"""Inter-agency: dossiers that are made out of one, in parallel, each at its agency with its own code and deadline.

The parent waits for them. When the last is done it goes on; when one is not done, the others end, and it goes where
its flow says."""

from uuid import UUID, uuid5

import msgspec

from app.db import Connection, many, queries_beside
from app.errors import Refusal
from dossiers import acceptance, fees, filing, steps, stored_papers
from dossiers.models import DossierOutcome
from dossiers.procedures import versions
from dossiers.procedures.definitions import Child, Spawn, Told
from dossiers.steps import WITHDRAWN, Locked, Step

sql = queries_beside(__file__)

CLOSED = Told("Kết thúc theo hồ sơ gốc", "Ended with the dossier that it was made out of")


class ChildNotPossible(Refusal):
    """Thủ tục liên thông {procedure} không còn hiệu lực hoặc đã thay đổi; hãy báo quản trị cập nhật quy trình.

    The joined procedure {procedure} is in force no more, or has changed; have the flow brought up to date."""


class Sibling(msgspec.Struct, frozen=True):
    """A child and how it ended."""

    id: UUID
    outcome: DossierOutcome | None


async def spawn(db: Connection, parent: Locked, effect: Spawn) -> None:
    """Make the children, each accepted at its agency at once: what they need was handed in with the parent."""
    for nth, child in enumerate(effect.children, 1):
        await _make(db, parent, uuid5(parent.id, f"child {parent.version} {nth}"), child)


async def _make(db: Connection, parent: Locked, child_id: UUID, child: Child) -> None:
    try:
        pinned = await versions.current(db, child.procedure)
    except versions.UnknownProcedure:
        raise ChildNotPossible(procedure=child.procedure) from None
    if pinned.definition.case(child.case) is None:
        raise ChildNotPossible(procedure=child.procedure)
    form = {own: parent.form[theirs] for own, theirs in child.fields.items() if theirs in parent.form}
    agency: str = await db.fetchval(steps.sql.agency_now, child.agency or parent.agency_code)
    made = await filing.make_child(db, parent, child_id, pinned, child.case, agency, form)
    for own, theirs in child.papers.items():
        await db.execute(stored_papers.sql.share_papers, parent.id, theirs, child_id, own)
    await acceptance.take_in(db, None, made, note=None)


async def of(db: Connection, parent_id: UUID) -> list[Sibling]:
    """A dossier's children; those of the last time, if it had some before."""
    return await many(Sibling, db, sql.children_of, parent_id)


async def close(db: Connection, parent_id: UUID, note: str | None) -> None:
    """Those that are still open end."""
    for child in await of(db, parent_id):
        if child.outcome is None:
            dossier = await steps.lock(db, child.id)
            await fees.drop(db, dossier)
            await db.execute(sql.revoke_unsigned, child.id, CLOSED.vi)
            step = Step(code="closed", name=CLOSED, happened="stopped", by="city", note=note, told=False)
            await steps.move(db, await steps.lock(db, child.id), WITHDRAWN, step)
