"""What every step of a dossier has in common: it is locked, seen as it was last seen, moved on and told of, in one
transaction.

A step is a guarded update of the dossier and one row of `dossier_event`, and makes a new version; whoever saw an
older one is told. The states before it is accepted are the frame's, those after it the flow's (see
`procedures/definitions.py`). Whoever locks a dossier that was made out of another has locked that one first."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NoReturn
from uuid import UUID

import msgspec

from app import outbox
from app.clock import city_now
from app.db import Connection, maybe, queries_beside
from app.errors import NotFound, Refusal, refusing
from app.identity.models import Principal
from dossiers.events import DossierHandedOn, DossierMoved, Happened
from dossiers.models import ApplicantKind, DeliverBy, DeliveryState, DossierOutcome, EventBy, PaymentState
from dossiers.procedures import versions
from dossiers.procedures.definitions import (
    Action,
    Channel,
    Clock,
    Definition,
    FlowRole,
    NationalStatus,
    State,
    Told,
)

sql = queries_beside(__file__)

COUNTER: tuple[FlowRole, ...] = ("clerk",)
ROLES: tuple[FlowRole, ...] = ("clerk", "agency_officer", "agency_head")
RECEPTION = Told("Bộ phận tiếp nhận và trả kết quả", "Reception and results desk")


class DossierChanged(Refusal):
    """Hồ sơ này vừa được {by} cập nhật; hãy tải lại rồi làm tiếp.

    This dossier was just changed by {by}; load it again and go on."""


class DossierOutOfTurn(Refusal):
    """Không thể làm việc này khi hồ sơ đang ở trạng thái "{state_vi}".

    This cannot be done to a dossier in the state "{state_en}"."""


class DossierActionIdTaken(Refusal):
    """Mã này đã được dùng cho một bước khác; hãy tạo mã mới.

    This id is used for another step; make a new one."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a dossier is: a state of the frame or of its flow, as one noun."""

    code: str
    name: Told
    national: NationalStatus
    percent: int
    clock: Clock = "stop"
    agency: str | None = None
    role: FlowRole | None = None
    department: Told | None = None
    limit_minutes: int | None = None
    outcome: DossierOutcome | None = None


SUBMITTED = Place(
    code="submitted",
    name=Told("Mới đăng ký", "Filed"),
    national=1,
    percent=5,
    role="clerk",
    department=RECEPTION,
)
INCOMPLETE = Place(
    code="incomplete", name=Told("Chờ bổ sung giấy tờ", "Papers asked for"), national=5, percent=5, clock="pause"
)
REFUSED = Place(
    code="refused", name=Told("Không được tiếp nhận", "Not accepted"), national=3, percent=100, outcome="refused"
)
WITHDRAWN = Place(
    code="withdrawn", name=Told("Đã rút hồ sơ", "Withdrawn"), national=7, percent=100, outcome="withdrawn"
)

RETURNED = Place(
    code="returned", name=Told("Đã trả kết quả", "Result handed over"), national=10, percent=100, outcome="done"
)


def place_of(state: State) -> Place:
    """A state of a flow as a place."""
    return Place(
        code=state.code,
        name=state.name,
        national=state.national,
        percent=state.percent,
        clock=state.clock,
        agency=state.desk.agency if state.desk else None,
        role=state.desk.role if state.desk else None,
        department=state.desk.department if state.desk else None,
        limit_minutes=state.limit_minutes,
        outcome=state.outcome,
    )


class Locked(msgspec.Struct, frozen=True, kw_only=True):
    """A dossier whose row is locked, with what its steps need to know."""

    id: UUID
    code: str | None
    portal_code: str | None
    procedure_code: str
    procedure_version: int
    procedure_vi: str
    procedure_en: str
    case_code: str
    channel: Channel
    agency_code: str
    parent_id: UUID | None
    owner_id: UUID | None
    filed_by: UUID | None
    delegation_id: UUID | None
    applicant_kind: ApplicantKind
    applicant_name: str | None
    form: dict[str, Any]
    deliver_by: DeliverBy
    state: str
    state_vi: str
    state_en: str
    national_status: NationalStatus | None
    clock: Clock
    outcome: DossierOutcome | None
    version: int
    desk_agency: str | None
    desk_role: FlowRole | None
    department_vi: str | None
    department_en: str | None
    assignee_id: UUID | None
    accepted_at: datetime | None
    started_at: datetime | None
    first_due_at: datetime | None
    due_at: datetime | None
    stopped_at: datetime | None
    extended_at: datetime | None
    finished_at: datetime | None
    payment_state: PaymentState
    fee_amount: int
    bill_id: UUID | None
    delivery_state: DeliveryState
    rating: str | None
    result_state: Literal["made", "signed", "revoked"] | None

    @property
    def is_open(self) -> bool:
        """Was it filed, and has it not ended?"""
        return self.state != "draft" and self.outcome is None


async def lock(db: Connection, dossier_id: UUID) -> Locked:
    """The dossier, locked until the transaction ends; raises NotFound."""
    dossier = await maybe(Locked, db, sql.lock_dossier, dossier_id)
    if dossier is None:
        raise NotFound
    return dossier


async def lock_mine(db: Connection, me: Principal, dossier_id: UUID) -> Locked:
    """The same of a dossier of mine; raises NotFound."""
    dossier = await lock(db, dossier_id)
    if dossier.owner_id != me.id:
        raise NotFound
    return dossier


async def lock_for_staff(db: Connection, me: Principal, dossier_id: UUID) -> Locked:
    """The same for a member of staff who may see it; raises NotFound."""
    dossier = await lock(db, dossier_id)
    if not sees(me, dossier.agency_code, dossier.desk_agency) or dossier.state == "draft":
        raise NotFound
    return dossier


def sees(me: Principal, agency: str, desk_agency: str | None) -> bool:
    """May this member of staff read a dossier of an agency: one of its people, or of those whose desk it is on?"""
    return not {agency, desk_agency}.isdisjoint(me.agencies_as(*ROLES))


def whose(action: Action, agency: str, desk_agency: str | None, desk_role: str | None) -> str:
    """At which agency an action is done: where the dossier is, if it is for that desk; else (a head ends a wait, or
    gives a new date) at the dossier's own, for whoever is only asked decides nothing."""
    return desk_agency if desk_agency is not None and desk_role in action.roles else agency


async def works_at(
    db: Connection, me: Principal, agency: str | None, roles: Sequence[FlowRole], procedure: str
) -> bool:
    """Has this member of staff one of the roles at an agency, and this procedure on their desk?"""
    if agency not in me.agencies_as(*roles):
        return False
    return await db.fetchval(sql.deals_with, me.id, agency, procedure)


def request_hash(wanted: Any, beside: UUID | None = None) -> bytes:
    """Of all that is asked for. `beside`: what else the address names."""
    return hashlib.sha256(msgspec.json.encode((type(wanted).__name__, wanted, beside), order="sorted")).digest()


async def is_done(
    db: Connection, me: Principal, dossier: Locked, version: int, wanted: Any, beside: UUID | None = None
) -> bool:
    """Have I made this very step before (its answer was lost on the way)? Else the version must be the dossier's;
    raises DossierChanged."""
    if await is_made(db, me, dossier.id, wanted, beside):
        return True
    if dossier.version == version:
        return False
    name = await db.fetchval(sql.latest_actor, dossier.id)
    raise DossierChanged(by=name or "…", version=dossier.version, state=dossier.state)


async def is_made(db: Connection, me: Principal, dossier_id: UUID, wanted: Any, beside: UUID | None = None) -> bool:
    """Is there a step of mine by this very request?"""
    return await db.fetchval(sql.is_my_event, dossier_id, me.id, request_hash(wanted, beside))


def need(dossier: Locked, *states: str) -> None:
    """Raises DossierOutOfTurn unless the dossier is in one of these states."""
    if dossier.state not in states:
        refuse_out_of_turn(dossier)


def refuse_out_of_turn(dossier: Locked) -> NoReturn:
    """Not in this state: raises DossierOutOfTurn."""
    raise DossierOutOfTurn(state=dossier.state, state_vi=dossier.state_vi, state_en=dossier.state_en)


async def definition_of(db: Connection, dossier: Locked) -> Definition:
    """What the version says under which it was filed."""
    return await versions.pinned(db, dossier.procedure_code, dossier.procedure_version)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What is done: its code and how it is told; by whom, in whose name, in which words, by which request.

    `note_for_applicant`: else it is between those who deal with it. `told`: its owner hears of it. `due_at`: written
    into the event where the step gives a date. `assignee`: whose it is next."""

    code: str
    name: Told
    happened: Happened = "moved"
    actor: Principal | None = None
    by: EventBy = "staff"
    note: str | None = None
    note_for_applicant: bool = False
    told: bool = True
    wanted: Any = None
    beside: UUID | None = None
    due_at: datetime | None = None
    assignee: UUID | None = None


async def move(
    db: Connection, dossier: Locked, place: Place, step: Step, *, step_due_at: datetime | None = None
) -> Locked:
    """Put a dossier at a place, as its next version, and tell whoever may know. Returns it as it is now.

    What happens to deadline, fee and papers is done before. `step_due_at`: until when the desk has it."""
    desk_agency = (place.agency or dossier.agency_code) if place.role else None
    if place.agency is not None:
        desk_agency = await db.fetchval(sql.agency_now, place.agency)
    await db.execute(
        sql.move_dossier,
        dossier.id,
        place.code,
        place.name.vi,
        place.name.en,
        place.national,
        place.percent,
        place.clock,
        place.outcome,
        desk_agency,
        place.role,
        place.department and place.department.vi,
        place.department and place.department.en,
        step.assignee,
        step_due_at,
    )
    await _record(db, dossier, place.code, place.national, step)
    moved = await lock(db, dossier.id)
    await tell(db, moved, step)
    handed_on = (moved.desk_agency, moved.desk_role) != (dossier.desk_agency, dossier.desk_role)
    if moved.is_open and moved.desk_role and (handed_on or step.assignee):
        await _tell_desk(db, moved, step)
    return moved


async def note_down(db: Connection, dossier: Locked, step: Step) -> Locked:
    """A step that leaves the dossier where it is."""
    await db.execute(sql.next_version, dossier.id)
    await _record(db, dossier, dossier.state, dossier.national_status, step)
    noted = await lock(db, dossier.id)
    await tell(db, noted, step)
    return noted


async def _record(
    db: Connection, dossier: Locked, to_state: str, national: NationalStatus | None, step: Step
) -> None:
    with refusing(dossier_event_action_unique=DossierActionIdTaken):
        await db.execute(
            sql.record_event,
            dossier.id,
            step.code,
            step.beside,
            dossier.state,
            to_state,
            step.name.vi,
            step.name.en,
            national,
            step.actor and step.actor.id,
            step.by,
            dossier.desk_agency or dossier.agency_code,
            dossier.department_vi,
            dossier.department_en,
            step.note,
            step.note_for_applicant,
            step.due_at,
            None if step.wanted is None else request_hash(step.wanted, step.beside),
        )


async def tell(db: Connection, dossier: Locked, step: Step) -> None:
    """The news of a step, also where there is nobody to tell in the app: the national portal hears it."""
    await outbox.record(
        db,
        DossierMoved(
            dossier_id=dossier.id,
            code=dossier.code,
            procedure=dossier.procedure_vi,
            procedure_en=dossier.procedure_en,
            happened=step.happened,
            state=dossier.state_vi,
            state_en=dossier.state_en,
            national_status=dossier.national_status or 1,
            note=step.note if step.note_for_applicant else None,
            due_at=dossier.due_at,
            amount=dossier.fee_amount if dossier.payment_state in {"due", "paid"} else 0,
            before_due=dossier.due_at is not None and city_now() < dossier.due_at,
            owner_id=dossier.owner_id if step.told else None,
            version=dossier.version,
        ),
    )


async def _tell_desk(db: Connection, dossier: Locked, step: Step) -> None:
    people = [step.assignee] if step.assignee else await people_at(db, dossier, [dossier.desk_role or "clerk"])
    others = [person for person in people if step.actor is None or person != step.actor.id]
    if others:
        await outbox.record(
            db,
            DossierHandedOn(
                dossier_id=dossier.id,
                code=dossier.code,
                procedure=dossier.procedure_vi,
                procedure_en=dossier.procedure_en,
                due_at=dossier.due_at,
                officer_ids=others,
            ),
        )


async def people_at(db: Connection, dossier: Locked, roles: Sequence[FlowRole]) -> list[UUID]:
    """Who has one of the roles at the agency whose desk it is on, and this procedure on theirs."""
    agency = dossier.desk_agency or dossier.agency_code
    return await db.fetchval(sql.people_at_desk, agency, list(roles), dossier.procedure_code)
