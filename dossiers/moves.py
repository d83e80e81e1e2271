"""How a dossier goes through its flow: an action's effects, the move, and what follows from it by itself."""

import secrets
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from app import outbox
from app.db import Connection, queries_beside
from app.errors import Refusal, refusing
from app.identity.models import Principal
from app.types import new_id
from dossiers import children, deadlines, fees, steps
from dossiers.acceptance import term_of
from dossiers.events import Happened, ResultIssued, ResultToBePosted
from dossiers.models import EventBy, HandOverResult
from dossiers.procedures.definitions import (
    Action,
    AskFee,
    AskSupplement,
    Definition,
    Extend,
    Happening,
    IssueResult,
    Print,
    Spawn,
    State,
)
from dossiers.steps import RETURNED, Locked, Step, place_of

sql = queries_beside(__file__)

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DONE = 9


class ResultNeeded(Refusal):
    """Bước này cần nội dung kết quả; hãy gửi kết quả.

    This step needs the result; send the result."""

    status = 400


class ResultIssuedAlready(Refusal):
    """Hồ sơ này đã có kết quả; không ban hành kết quả lần nữa.

    This dossier has a result already; there is no second one."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A result as its officer wrote it."""

    number: str
    body: str


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever acts gives. By the city itself: nothing but `by`."""

    actor: Principal | None = None
    by: EventBy = "city"
    note: str | None = None
    assignee: UUID | None = None
    papers: list[str] = []
    until: date | None = None
    result: Made | None = None
    wanted: Any = None
    beside: UUID | None = None
    supplement_asked_at: datetime | None = None


async def apply(db: Connection, dossier: Locked, definition: Definition, action: Action, given: Given) -> Locked:
    """Do an action: its effects, the move with its news, and what follows. Raises what effects may raise."""
    target = definition.flow.state(action.to) if action.to else None
    for effect in action.effects:
        await _take_effect(db, dossier, definition, effect, given)
    if target is None:
        return await steps.note_down(db, await steps.lock(db, dossier.id), _step(action, None, definition, given))
    await _turn_clock(db, dossier, definition, action, target, given)
    ready = await steps.lock(db, dossier.id)
    step_due_at = await deadlines.of_step(db, target.limit_minutes)
    step = _step(action, target, definition, given)
    moved = await steps.move(db, ready, place_of(target), step, step_due_at=step_due_at)
    if moved.payment_state == "paid" and any(isinstance(effect, AskFee) for effect in action.effects):
        # It came back this way after it was paid: no news of a payment will come any more.
        return await happen(db, moved, "fee_paid") or moved
    return await _follow(db, moved)


def _step(action: Action, target: State | None, definition: Definition, given: Given) -> Step:
    happened = _happened(action, target, definition)
    return Step(
        code=action.code,
        name=action.name,
        happened=happened,
        actor=given.actor,
        by=given.by,
        note=given.note,
        note_for_applicant=happened not in {"moved", "fee_paid"},
        wanted=given.wanted,
        beside=given.beside,
        assignee=given.assignee,
    )


def _happened(action: Action, target: State | None, definition: Definition) -> Happened:
    kinds = {type(effect) for effect in action.effects}
    if action.on in {"supplemented", "fee_paid"}:
        return "supplemented" if action.on == "supplemented" else "fee_paid"
    if AskSupplement in kinds:
        return "supplement_asked"
    if AskFee in kinds:
        return "fee_asked"
    if Extend in kinds:
        return "extended"
    if target is not None and target.outcome == "stopped":
        return "stopped"
    if target is not None and target.national == DONE and not definition.result.electronic:
        return "result_ready"
    return "moved"


async def _take_effect(db: Connection, dossier: Locked, definition: Definition, effect: Any, given: Given) -> None:
    match effect:
        case AskSupplement():
            await ask_supplement(db, dossier.id, given)
        case AskFee():
            await fees.ask(db, dossier)
        case Extend():
            await deadlines.extend(db, dossier, given.until)
        case IssueResult():
            await _issue(db, dossier, definition, given)
        case Spawn():
            await children.spawn(db, dossier, effect)
        case Print():
            pass  # a form is drawn when somebody fetches it
        case _:
            raise AssertionError(effect)


async def ask_supplement(db: Connection, dossier_id: UUID, given: Given) -> None:
    """Write down which papers are asked for, and why."""
    actor = given.actor
    await db.execute(sql.ask_supplement, new_id(), dossier_id, given.note, given.papers, actor and actor.id)


async def _issue(db: Connection, dossier: Locked, definition: Definition, given: Given) -> None:
    if given.result is None or given.actor is None:
        raise ResultNeeded
    result_id = new_id()
    code = "KQ" + "".join(secrets.choice(ALPHABET) for _ in range(10))
    with refusing(dossier_result_dossier_unique=ResultIssuedAlready):
        await db.execute(
            sql.make_result,
            result_id,
            dossier.id,
            code,
            given.result.number,
            definition.result.name.vi,
            definition.result.name.en,
            given.result.body,
            given.actor.id,
            dossier.agency_code,
            definition.result.electronic,
        )
    if definition.result.electronic:
        await outbox.record(db, ResultIssued(dossier_id=dossier.id, result_id=result_id))


async def _turn_clock(
    db: Connection, dossier: Locked, definition: Definition, action: Action, target: State, given: Given
) -> None:
    """A clock that stood still runs again: from zero, where the papers are complete only now and were asked for in
    time; else with what was left."""
    if dossier.clock != "pause" or target.clock == "pause":
        return
    asked_at, started_at = given.supplement_asked_at, dossier.started_at
    anew = action.on == "supplemented" and definition.flow.supplement == "restart"
    if anew and started_at and asked_at and await deadlines.noticed_in_time(db, started_at, asked_at):
        await deadlines.begin(db, dossier.id, await deadlines.of_term(db, term_of(definition, dossier)))
        await db.execute(sql.count_restart, dossier.id)
    else:
        await deadlines.go_on(db, dossier)


async def _follow(db: Connection, moved: Locked) -> Locked:
    """What follows by itself: the fee that is due at the end, children that end, a parent that goes on, a result that
    is handed over."""
    if moved.national_status == DONE and moved.payment_state == "later":
        await fees.ask(db, moved)
    if moved.outcome is not None:
        await end(db, moved)
    return await settle(db, await steps.lock(db, moved.id))


async def end(db: Connection, ended: Locked) -> None:
    """What goes with a dossier that has ended: its bill, its children, and the parent that waits for it."""
    if ended.outcome != "done":
        await fees.drop(db, ended)
        await db.execute(sql.revoke_unsigned, ended.id, ended.state_vi)
        await children.close(db, ended.id, None)
    if ended.parent_id is None:
        return
    siblings = await children.of(db, ended.parent_id)
    parent = await steps.lock(db, ended.parent_id)
    if ended.outcome != "done":
        await children.close(db, parent.id, None)
        await happen(db, parent, "child_refused")
    elif all(sibling.outcome == "done" for sibling in siblings):
        await happen(db, parent, "joined")


async def happen(db: Connection, dossier: Locked, happening: Happening, given: Given | None = None) -> Locked | None:
    """Something happened that its flow may have an action for; None: it has none in this state."""
    if not dossier.is_open:
        return None
    definition = await steps.definition_of(db, dossier)
    action = definition.flow.on(happening, dossier.state)
    if action is None:
        return None
    return await apply(db, dossier, definition, action, given or Given())


async def settle(db: Connection, dossier: Locked) -> Locked:
    """A result that is done, signed and paid goes its way: into its owner's hands at once if it is electronic, to the
    post if that was asked for; else it waits at the counter."""
    if dossier.national_status != DONE or dossier.outcome != "done" or dossier.payment_state in {"later", "due"}:
        return dossier
    definition = await steps.definition_of(db, dossier)
    if definition.result.electronic and dossier.result_state != "signed":
        return dossier
    if dossier.deliver_by == "electronic":
        return await hand_over(db, dossier, None)
    if dossier.deliver_by == "post" and dossier.delivery_state == "ready":
        await outbox.record(db, ResultToBePosted(dossier_id=dossier.id))
    return dossier


async def hand_over(
    db: Connection, dossier: Locked, actor: Principal | None, wanted: HandOverResult | None = None
) -> Locked:
    """The result is in its owner's hands. Raises FeeNotPaid."""
    fees.need_settled(dossier)
    step = Step(
        code="returned",
        name=RETURNED.name,
        happened="handed_over",
        actor=actor,
        by="staff" if actor else "city",
        note=wanted and wanted.note,
        note_for_applicant=True,
        wanted=wanted,
    )
    return await steps.move(db, dossier, RETURNED, step)
