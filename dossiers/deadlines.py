"""When a dossier is due: by the city's working days, from the day on which the complete dossier was accepted.

The days are those of the case and the channel (Decree 118/2025/NĐ-CP): what comes in after 15:00 is handed on the
next working day and counts from it. A lack that is told within three working days begins the deadline anew when the
papers are complete, or lets it stand still meanwhile, as the flow says; told later it only stands still, so that who
is late with asking wins no time by it. One new date, with an apology,
at least a working day before the old one is over; the first one stays written down, and both are counted. A desk of
another agency that says nothing does not agree by it: its head and ours hear of it."""

from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec

from app import outbox, policies
from app.clock import (
    CITY_ZONE,
    WorkingTime,
    add_working_days,
    add_working_minutes,
    city_now,
    closing,
    day_received,
    working_days,
    working_minutes,
    working_time,
)
from app.db import Connection, many, queries_beside
from app.errors import Refusal
from app.jobs import Scheduled
from dossiers.events import DossierDueSoon, DossierOverdue
from dossiers.procedures.definitions import FlowRole, Term
from dossiers.steps import Locked

sql = queries_beside(__file__)

SWEEP_S = 60
AT_ONCE = 200
APOLOGY_BEFORE_DAYS = 1
NOTICE_WITHIN_DAYS = 3
LONGEST_EXTENSION_DAYS = 120


class AlreadyExtended(Refusal):
    """Hồ sơ này đã được hẹn lại một lần; không hẹn lại lần nữa.

    This dossier was given a new date once already; there is no second one."""


class TooLateToExtend(Refusal):
    """Phải xin lỗi và hẹn lại trước khi hết hạn ít nhất một ngày làm việc; hạn là {due_on}.

    The apology and the new date must go out at least a working day before it is due, on {due_on}."""


class BadNewDate(Refusal):
    """Ngày hẹn lại phải là ngày làm việc sau hạn hiện tại và trong vòng {days} ngày.

    The new date must be a working day after the one that stands, and within {days} days."""

    status = 400


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """From when the deadline runs, until when, and from when on people are warned. `statutory_at`: what the law
    would allow."""

    started_at: datetime
    due_at: datetime
    statutory_at: datetime
    warn_at: datetime


async def of_term(db: Connection, term: Term, now: datetime | None = None) -> Due:
    """The deadline of what is complete now."""
    now = now or city_now()
    time = await working_time(db, now.astimezone(CITY_ZONE).date())
    received_on = day_received(now, time, await policies.value(db, "dossiers.cut_off_minute"))
    started_at = max(now, opening(received_on, time))
    due_at = closing(add_working_days(received_on, term.days, time.calendar), time)
    statutory_at = closing(add_working_days(received_on, term.statutory_days, time.calendar), time)
    warn_minutes = await policies.value(db, "dossiers.warn_minutes")
    return Due(
        started_at=started_at,
        due_at=due_at,
        statutory_at=max(due_at, statutory_at),
        warn_at=warned_before(due_at, warn_minutes, started_at, time),
    )


def opening(day: date, time: WorkingTime) -> datetime:
    """When the city opens on a working day."""
    midnight = datetime.combine(day, datetime.min.time(), CITY_ZONE)
    return midnight + timedelta(minutes=time.spells[0].starts_minute)


def warned_before(due_at: datetime, minutes: int, start: datetime, time: WorkingTime) -> datetime:
    """So much working time before it is due, but not before `start`."""
    return add_working_minutes(start, max(0, working_minutes(start, due_at, time) - minutes), time)


async def of_step(db: Connection, limit_minutes: int | None, start: datetime | None = None) -> datetime | None:
    """Until when a desk has it: so much working time from `start` (now) on; None: no limit."""
    if limit_minutes is None:
        return None
    start = start or city_now()
    time = await working_time(db, start.astimezone(CITY_ZONE).date())
    return add_working_minutes(start, limit_minutes, time)


async def of_look(db: Connection) -> datetime | None:
    """Until when a clerk ought to have looked at what comes in now."""
    return await of_step(db, await policies.value(db, "dossiers.look_minutes"))


async def begin(db: Connection, dossier_id: UUID, due: Due) -> None:
    """The clock runs from the beginning, and the first date with it: the papers are complete only now."""
    await db.execute(sql.begin_clock, dossier_id, due.started_at, due.due_at, due.statutory_at, due.warn_at)


async def go_on(db: Connection, dossier: Locked) -> None:
    """The clock stood still and runs again: so many working days as were left are left, of both dates. What was late
    stays so."""
    stopped_at, due_at, first_due_at, now = dossier.stopped_at, dossier.due_at, dossier.first_due_at, city_now()
    if stopped_at is None or due_at is None or first_due_at is None:
        return
    time = await working_time(db, stopped_at.astimezone(CITY_ZONE).date())

    def moved(moment: datetime) -> datetime:
        if moment <= stopped_at:
            return moment
        left = working_days(_date(stopped_at), _date(moment), time.calendar)
        return closing(add_working_days(_date(now), left, time.calendar), time)

    warn_minutes = await policies.value(db, "dossiers.warn_minutes")
    new_due_at = moved(due_at)
    warn_at = warned_before(new_due_at, warn_minutes, now, time) if new_due_at > now else new_due_at
    await db.execute(sql.go_on_clock, dossier.id, new_due_at, moved(first_due_at), warn_at)


async def noticed_in_time(db: Connection, started_at: datetime, asked_at: datetime) -> bool:
    """Were papers asked for within the working days that there are for it?"""
    time = await working_time(db, started_at.astimezone(CITY_ZONE).date())
    day = day_received(started_at, time)
    return asked_at <= closing(add_working_days(day, NOTICE_WITHIN_DAYS, time.calendar), time)


async def extend(db: Connection, dossier: Locked, until: date | None) -> datetime:
    """A new date, once, at its close of business. Raises AlreadyExtended, TooLateToExtend, BadNewDate."""
    due_at = dossier.due_at
    assert due_at is not None
    if dossier.extended_at is not None:
        raise AlreadyExtended
    now = city_now()
    time = await working_time(db, min(now, due_at).astimezone(CITY_ZONE).date())
    if add_working_days(now.astimezone(CITY_ZONE).date(), APOLOGY_BEFORE_DAYS, time.calendar) > _date(due_at):
        raise TooLateToExtend(due_on=_day(due_at))
    allowed = until is not None and _date(due_at) < until <= _date(now) + timedelta(days=LONGEST_EXTENSION_DAYS)
    if until is None or not allowed or add_working_days(until, 0, time.calendar) != until:
        raise BadNewDate(days=LONGEST_EXTENSION_DAYS)
    new_due_at = closing(until, time)
    warn_minutes = await policies.value(db, "dossiers.warn_minutes")
    await db.execute(sql.extend_dossier, dossier.id, new_due_at, warned_before(new_due_at, warn_minutes, now, time))
    return new_due_at


def _date(moment: datetime) -> date:
    return moment.astimezone(CITY_ZONE).date()


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(CITY_ZONE):%d/%m/%Y}"


# The sweep


class _Late(msgspec.Struct, frozen=True):
    id: UUID
    code: str | None
    procedure_code: str
    procedure_vi: str
    procedure_en: str
    agency_code: str
    desk_agency: str | None
    desk_role: FlowRole | None
    assignee_id: UUID | None
    state_vi: str
    state_en: str
    due_at: datetime


async def sweep(db: Connection) -> None:
    """All of it at once."""
    for _, part in _PARTS:
        await part(db)


async def warn(db: Connection) -> None:
    """Warn of what is due soon: whoever has it, and its agency's head, who may still give a new date."""
    for late in await many(_Late, db, sql.warn_dossiers, AT_ONCE):
        people = [*await _whose(db, late), *await _heads(db, late, late.agency_code)]
        await outbox.record(
            db,
            DossierDueSoon(
                dossier_id=late.id,
                code=late.code or "",
                procedure=late.procedure_vi,
                procedure_en=late.procedure_en,
                due_at=late.due_at,
                officer_ids=list(dict.fromkeys(people)),
            ),
        )


async def flag(db: Connection) -> None:
    """Flag what is late, once."""
    for late in await many(_Late, db, sql.flag_dossiers, AT_ONCE):
        people = [*await _whose(db, late), *await _heads(db, late, late.agency_code)]
        await _tell_overdue(db, late, people, step=False)


async def escalate(db: Connection) -> None:
    """A desk whose turn is over has said nothing: that is no consent. Its head hears of it, and the dossier's."""
    for late in await many(_Late, db, sql.flag_steps, AT_ONCE):
        people = [
            *await _heads(db, late, late.desk_agency or late.agency_code),
            *await _heads(db, late, late.agency_code),
            *await _whose(db, late),
        ]
        await _tell_overdue(db, late, people, step=True)


async def _whose(db: Connection, late: _Late) -> list[UUID]:
    if late.assignee_id is not None:
        return [late.assignee_id]
    agency, role = late.desk_agency or late.agency_code, late.desk_role or "clerk"
    return await db.fetchval(sql.people_at_desk, agency, [role], late.procedure_code)


async def _heads(db: Connection, late: _Late, agency: str) -> list[UUID]:
    return await db.fetchval(sql.people_at_desk, agency, ["agency_head"], late.procedure_code)


async def _tell_overdue(db: Connection, late: _Late, people: list[UUID], *, step: bool) -> None:
    await outbox.record(
        db,
        DossierOverdue(
            dossier_id=late.id,
            code=late.code,
            procedure=late.procedure_vi,
            procedure_en=late.procedure_en,
            due_at=late.due_at,
            step=late.state_vi if step else None,
            step_en=late.state_en if step else None,
            officer_ids=list(dict.fromkeys(people)),
        ),
    )


async def forget_drafts(db: Connection) -> None:
    """Drafts that nobody goes on with are forgotten; papers stay with their owner."""
    await db.fetchval(sql.forget_drafts, await policies.value(db, "dossiers.draft_days"), AT_ONCE)


_PARTS = (
    ("warn_of_dossiers", warn),
    ("flag_late_dossiers", flag),
    ("escalate_dossiers", escalate),
    ("forget_dossier_drafts", forget_drafts),
)
schedule = tuple(Scheduled(name=name, every_s=SWEEP_S, run=part) for name, part in _PARTS)
"""Each in a transaction of its own: what fails in one stops no other."""
