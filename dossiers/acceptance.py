"""At the counter: a complete dossier is accepted, and has its code and its deadline from then on; another is not.

Codes follow each other without a gap per agency and day (`H57.31-261122-0001`), and none is given twice: the row that
counts is locked until the transaction ends, and what is rolled back has counted nothing."""

from uuid import UUID

from app.clock import city_today
from app.db import Connection, queries_beside
from app.errors import Language, NotFound
from app.identity.models import Principal
from dossiers import deadlines, fees, showing, steps
from dossiers.delegations import DelegationOver
from dossiers.models import AcceptDossier, RefuseDossier, StaffDossier
from dossiers.procedures.definitions import Definition, Term, Told
from dossiers.steps import COUNTER, REFUSED, Locked, Step, place_of

sql = queries_beside(__file__)

ACCEPTED = Told("Tiếp nhận hồ sơ", "Accepted")
NOT_ACCEPTED = Told("Từ chối tiếp nhận hồ sơ", "Not accepted")


async def accept(
    db: Connection, me: Principal, dossier_id: UUID, wanted: AcceptDossier, language: Language
) -> StaffDossier:
    """It is complete: it gets its code, the clock starts, and its first desk has it.

    Raises NotFound, DossierChanged, DossierOutOfTurn, DelegationOver."""
    dossier = await _lock_at_counter(db, me, dossier_id)
    if not await steps.is_done(db, me, dossier, wanted.version, wanted):
        steps.need(dossier, "submitted")
        await take_in(db, me, dossier, note=wanted.note, wanted=wanted)
    return await showing.staff(db, me, dossier_id, language)


async def _lock_at_counter(db: Connection, me: Principal, dossier_id: UUID) -> Locked:
    dossier = await steps.lock_for_staff(db, me, dossier_id)
    if not await steps.works_at(db, me, dossier.agency_code, COUNTER, dossier.procedure_code):
        raise NotFound
    return dossier


async def take_in(
    db: Connection, me: Principal | None, dossier: Locked, *, note: str | None, wanted: AcceptDossier | None = None
) -> Locked:
    """Accept a dossier that was submitted; by the city itself if it was made out of another."""
    definition = await steps.definition_of(db, dossier)
    term = term_of(definition, dossier)
    due = await deadlines.of_term(db, term)
    start = definition.flow.state(definition.flow.start)
    assert start is not None
    code = await next_code(db, dossier.agency_code)
    await db.execute(sql.give_code, dossier.id, code, start.code)
    await deadlines.begin(db, dossier.id, due)
    if dossier.delegation_id is not None and me is not None:
        await _confirm(db, me, dossier.delegation_id)
    await fees.begin(db, await steps.lock(db, dossier.id), term)
    step = Step(
        code="accepted",
        name=ACCEPTED,
        happened="accepted",
        actor=me,
        by="staff" if me else "city",
        note=note,
        wanted=wanted,
        due_at=due.due_at,
        note_for_applicant=True,
    )
    step_due_at = await deadlines.of_step(db, start.limit_minutes, due.started_at)
    return await steps.move(db, dossier, place_of(start), step, step_due_at=step_due_at)


def term_of(definition: Definition, dossier: Locked) -> Term:
    """Time and fee of a dossier; one that was made out of another may have come in by a way that its case has not."""
    case = definition.case(dossier.case_code)
    assert case is not None
    return definition.term(dossier.case_code, dossier.channel) or case.terms[0]


async def _confirm(db: Connection, me: Principal, delegation_id: UUID) -> None:
    if await db.fetchval(sql.confirm_delegation, delegation_id, me.id) is None:
        raise DelegationOver


async def next_code(db: Connection, agency: str) -> str:
    """The next code of an agency today; its counter stays locked until the transaction ends."""
    row = await db.fetchrow(sql.count_dossier, agency, city_today())
    assert row is not None
    return f"{row['national_code']}-{city_today():%y%m%d}-{row['last']:04}"


async def refuse(
    db: Connection, me: Principal, dossier_id: UUID, wanted: RefuseDossier, language: Language
) -> StaffDossier:
    """It cannot be accepted, and why: it ends here, without a code. Raises NotFound, DossierChanged,
    DossierOutOfTurn."""
    dossier = await _lock_at_counter(db, me, dossier_id)
    if not await steps.is_done(db, me, dossier, wanted.version, wanted):
        steps.need(dossier, "submitted", "incomplete")
        step = Step(
            code="refused",
            name=NOT_ACCEPTED,
            happened="refused",
            actor=me,
            note=wanted.reason,
            note_for_applicant=True,
            wanted=wanted,
        )
        await steps.move(db, dossier, REFUSED, step)
    return await showing.staff(db, me, dossier_id, language)
