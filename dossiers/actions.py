"""What those who deal with a dossier do: the actions that its flow has for their role at its desk."""

from typing import NoReturn
from uuid import UUID

from app.audit import records
from app.db import Connection, queries_beside
from app.errors import Language, NotFound, Refusal
from app.identity.models import Principal
from dossiers import moves, showing, steps, stored_papers
from dossiers.models import ActOnDossier, HandOverResult, IssueResult, RehomeDossier, StaffDossier
from dossiers.moves import Given, Made
from dossiers.procedures.definitions import Action, AskSupplement, Definition, Told
from dossiers.procedures.definitions import IssueResult as Issue
from dossiers.steps import COUNTER, INCOMPLETE, Locked, Step

sql = queries_beside(__file__)

ASK_AT_THE_COUNTER = "ask_supplement"
"""Before a dossier is accepted: the frame's only action beside acceptance and refusal."""
ASKED = Told("Yêu cầu bổ sung giấy tờ", "Papers asked for")
REHOMED = Told("Chuyển cơ quan giải quyết", "Moved to another agency")


class UnknownAction(Refusal):
    """Ở trạng thái "{state_vi}" không có bước này, hoặc bước này không thuộc vai trò của bạn.

    There is no such action in the state "{state_en}", or it is not your role's."""


class NoteNeeded(Refusal):
    """Bước này cần ghi rõ nội dung.

    This step needs a note."""

    status = 400


class PaperNeeded(Refusal):
    """Bước này cần đính kèm giấy tờ.

    This step needs a paper."""

    status = 400


class AssigneeNeeded(Refusal):
    """Bước này cần chọn người xử lý.

    This step needs somebody to be named who goes on."""

    status = 400


class NotTheirDesk(Refusal):
    """Người được giao không làm việc ở bộ phận này.

    Whoever is named does not work at that desk."""

    status = 400


async def act(
    db: Connection, me: Principal, dossier_id: UUID, action_id: UUID, wanted: ActOnDossier, language: Language
) -> StaffDossier:
    """Do an action of the flow; the same again is the same.

    Raises NotFound, DossierChanged, UnknownAction, DossierActionIdTaken, NoteNeeded, PaperNeeded, AssigneeNeeded,
    NotTheirDesk, UnknownPaper, ResultNeeded, FeeNotPaid, AlreadyExtended, TooLateToExtend, BadNewDate, NoFeeBiller,
    NothingToPay, and what an upload may not be."""
    hash_ = steps.request_hash(wanted, action_id)
    if await db.fetchval(sql.is_event_of_agencies, dossier_id, me.id, hash_, me.agencies_as(*steps.ROLES)):
        return await showing.after(db, me, dossier_id, language)
    dossier = await steps.lock_for_staff(db, me, dossier_id)
    if not await steps.is_done(db, me, dossier, wanted.version, wanted, action_id):
        if await db.fetchval(sql.is_action_taken, action_id):
            raise steps.DossierActionIdTaken
        if dossier.state == "submitted":
            await _ask_at_the_counter(db, me, dossier, action_id, wanted)
        else:
            await _act(db, me, dossier, action_id, wanted)
    return await showing.after(db, me, dossier_id, language)


async def _ask_at_the_counter(
    db: Connection, me: Principal, dossier: Locked, action_id: UUID, wanted: ActOnDossier
) -> None:
    at_counter = await steps.works_at(db, me, dossier.agency_code, COUNTER, dossier.procedure_code)
    if wanted.action != ASK_AT_THE_COUNTER or not at_counter:
        _refuse_unknown(dossier)
    definition = await steps.definition_of(db, dossier)
    await _check_asked(definition, dossier, wanted)
    await moves.ask_supplement(db, dossier.id, Given(actor=me, note=wanted.note, papers=wanted.papers))
    step = Step(
        code=ASK_AT_THE_COUNTER,
        name=ASKED,
        happened="supplement_asked",
        actor=me,
        note=wanted.note,
        note_for_applicant=True,
        wanted=wanted,
        beside=action_id,
    )
    await steps.move(db, dossier, INCOMPLETE, step)


async def _act(db: Connection, me: Principal, dossier: Locked, action_id: UUID, wanted: ActOnDossier) -> None:
    definition = await steps.definition_of(db, dossier)
    action = await _mine(db, me, dossier, definition, wanted.action)
    if any(isinstance(effect, Issue) for effect in action.effects):
        raise moves.ResultNeeded
    await _check_given(db, dossier, definition, action, wanted)
    await stored_papers.attach(db, me, dossier.id, action.name.vi, action.name.en, wanted.uploads)
    given = Given(
        actor=me,
        by="staff",
        note=wanted.note,
        assignee=wanted.assignee,
        papers=wanted.papers,
        until=wanted.until,
        wanted=wanted,
        beside=action_id,
    )
    await moves.apply(db, dossier, definition, action, given)


def _refuse_unknown(dossier: Locked) -> NoReturn:
    raise UnknownAction(state=dossier.state, state_vi=dossier.state_vi, state_en=dossier.state_en)


async def _mine(db: Connection, me: Principal, dossier: Locked, definition: Definition, code: str) -> Action:
    action = definition.flow.action(code)
    if action is None or not dossier.is_open or dossier.state not in action.from_ or not action.roles:
        _refuse_unknown(dossier)
    agency = steps.whose(action, dossier.agency_code, dossier.desk_agency, dossier.desk_role)
    if not await steps.works_at(db, me, agency, action.roles, dossier.procedure_code):
        _refuse_unknown(dossier)
    return action


async def _check_given(
    db: Connection, dossier: Locked, definition: Definition, action: Action, wanted: ActOnDossier
) -> None:
    if "note" in action.needs and not wanted.note:
        raise NoteNeeded
    if "paper" in action.needs and not wanted.uploads:
        raise PaperNeeded
    if "assignee" in action.needs and wanted.assignee is None:
        raise AssigneeNeeded
    if wanted.assignee is not None:
        target = definition.flow.state(action.to or dossier.state)
        desk = target.desk if target else None
        agency = (desk.agency or dossier.agency_code) if desk else None
        if desk is not None and desk.agency is not None:
            agency = await db.fetchval(sql.agency_now, desk.agency)
        if desk is None or not await db.fetchval(
            sql.has_desk, wanted.assignee, agency, desk.role, dossier.procedure_code
        ):
            raise NotTheirDesk
    if any(isinstance(effect, AskSupplement) for effect in action.effects):
        await _check_asked(definition, dossier, wanted)


async def _check_asked(definition: Definition, dossier: Locked, wanted: ActOnDossier) -> None:
    if not wanted.note:
        raise NoteNeeded
    known = {paper.code for paper in definition.papers_of(dossier.case_code)}
    for paper in wanted.papers:
        if paper not in known:
            raise stored_papers.UnknownPaper(paper=paper)


async def issue(
    db: Connection, me: Principal, dossier_id: UUID, wanted: IssueResult, language: Language
) -> StaffDossier:
    """The result: number and words, signed after the commit. It is the flow's action that issues it.

    Raises NotFound, DossierChanged, UnknownAction, and what `act` does."""
    dossier = await steps.lock_for_staff(db, me, dossier_id)
    if not await steps.is_done(db, me, dossier, wanted.version, wanted):
        definition = await steps.definition_of(db, dossier)
        codes = [
            action.code
            for action in definition.flow.actions
            if dossier.state in action.from_ and any(isinstance(effect, Issue) for effect in action.effects)
        ]
        if not codes:
            _refuse_unknown(dossier)
        action = await _mine(db, me, dossier, definition, codes[0])
        given = Given(
            actor=me,
            by="staff",
            note=wanted.note,
            result=Made(number=wanted.number, body=wanted.body),
            wanted=wanted,
        )
        await moves.apply(db, dossier, definition, action, given)
    return await showing.staff(db, me, dossier_id, language)


async def hand_over(
    db: Connection, me: Principal, dossier_id: UUID, wanted: HandOverResult, language: Language
) -> StaffDossier:
    """The result is fetched at the counter. Raises NotFound, DossierChanged, DossierOutOfTurn, FeeNotPaid."""
    dossier = await steps.lock_for_staff(db, me, dossier_id)
    if not await steps.works_at(db, me, dossier.agency_code, COUNTER, dossier.procedure_code):
        raise NotFound
    if not await steps.is_done(db, me, dossier, wanted.version, wanted):
        if dossier.delivery_state != "ready" or dossier.outcome != "done":
            steps.refuse_out_of_turn(dossier)
        await moves.hand_over(db, dossier, me, wanted)
    return await showing.staff(db, me, dossier_id, language)


async def rehome(
    db: Connection, me: Principal, dossier_id: UUID, wanted: RehomeDossier, language: Language
) -> StaffDossier:
    """An open dossier goes on at another agency; its code and its dates stay. Raises NotFound, DossierChanged,
    DossierOutOfTurn."""
    dossier = await steps.lock(db, dossier_id)
    if dossier.state == "draft":
        raise NotFound
    if not await steps.is_done(db, me, dossier, wanted.version, wanted):
        if not dossier.is_open:
            steps.refuse_out_of_turn(dossier)
        await move_home(db, dossier, wanted.agency, wanted.reason, actor=me, wanted=wanted)
        subject = dossier.code or str(dossier.id)
        await records.record(db, me, "dossier.rehomed", subject, to=wanted.agency, reason=wanted.reason)
    return await showing.after(db, me, dossier_id, language)


async def move_home(
    db: Connection,
    dossier: Locked,
    agency: str,
    reason: str,
    *,
    actor: Principal | None = None,
    wanted: RehomeDossier | None = None,
) -> None:
    """Where it is dealt with from now on. Raises NotFound for an agency that there is not, or is no more."""
    if await db.fetchval(sql.rehome_dossier, dossier.id, agency) is None:
        raise NotFound
    step = Step(
        code="rehomed",
        name=REHOMED,
        happened="rehomed",
        actor=actor,
        by="staff" if actor else "city",
        note=reason,
        note_for_applicant=True,
        wanted=wanted,
    )
    await steps.note_down(db, dossier, step)
