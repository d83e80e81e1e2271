"""When an answer is due: by the city's working hours, standing still while the reporter is asked, told before and
after.

No number stands here: a category's minutes are its row's, and the calendar is the city's."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app import outbox, policies
from app.clock import CITY_ZONE, WorkingTime, add_working_minutes, city_now, working_minutes, working_time
from app.db import Connection, many, queries_beside
from app.jobs import Scheduled
from feedback import steps
from feedback.events import ReportDueSoon, ReportOverdue
from feedback.steps import Locked

sql = queries_beside(__file__)

SWEEP_S = 60
AT_ONCE = 200
ESCALATES_AFTER_MINUTES = 480
"""A working day late."""


class Due(msgspec.Struct, frozen=True):
    """Until when, and from when on its agency is warned."""

    due_at: datetime
    warn_at: datetime


async def of_new(db: Connection, minutes: int, warn_minutes: int, start: datetime | None = None) -> Due:
    """The deadline of what begins at `start` (now, unless said): so many minutes of working hours later."""
    start = start or city_now()
    time = await _time_from(db, start)
    return Due(
        add_working_minutes(start, minutes, time), add_working_minutes(start, max(0, minutes - warn_minutes), time)
    )


async def warning_before(db: Connection, due_at: datetime, warn_minutes: int) -> datetime:
    """When to warn of a deadline that somebody set."""
    now = city_now()
    time = await _time_from(db, now)
    return add_working_minutes(now, max(0, working_minutes(now, due_at, time) - warn_minutes), time)


async def _time_from(db: Connection, moment: datetime) -> WorkingTime:
    return await working_time(db, moment.astimezone(CITY_ZONE).date())


async def restart(db: Connection, report: Locked) -> datetime:
    """The clock of a report that waited for its reporter runs again: what was left is left. Returns when it is due.

    What was late before it waited stays so."""
    asked_at, now = report.asked_at, city_now()
    assert asked_at is not None
    time = await _time_from(db, asked_at)

    def moved(due_at: datetime) -> datetime:
        if due_at <= asked_at:
            return due_at
        return add_working_minutes(now, working_minutes(asked_at, due_at, time), time)

    due_at = moved(report.due_at)
    warn_at = add_working_minutes(now, max(0, working_minutes(now, due_at, time) - report.warn_minutes), time)
    await db.execute(sql.restart_clock, report.id, due_at, moved(report.first_due_at), warn_at)
    return due_at


# The sweep


class _Late(msgspec.Struct, frozen=True):
    id: UUID
    code: str
    category_vi: str
    category_en: str
    agency: str | None
    confidential: bool
    due_at: datetime


async def sweep(db: Connection) -> None:
    """All of it at once."""
    for _, part in _PARTS:
        await part(db)


async def warn(db: Connection) -> None:
    """Warn of what is due soon."""
    for late in await many(_Late, db, sql.warn_reports, AT_ONCE):
        await outbox.record(
            db,
            ReportDueSoon(
                report_id=late.id,
                code=late.code,
                category=late.category_vi,
                category_en=late.category_en,
                due_at=late.due_at,
                officer_ids=await steps.responsible(db, late.agency, confidential=late.confidential),
            ),
        )


async def flag(db: Connection) -> None:
    """Flag what is late."""
    for late in await many(_Late, db, sql.flag_reports, AT_ONCE):
        await _tell_overdue(
            db, late, await steps.responsible(db, late.agency, confidential=late.confidential), escalated=False
        )


async def escalate(db: Connection) -> None:
    """Tell supervisors of what stays late."""
    now = city_now()
    time = await _time_from(db, now - timedelta(days=30))
    for late in await many(_Late, db, sql.reports_to_escalate, AT_ONCE):
        if working_minutes(late.due_at, now, time) >= ESCALATES_AFTER_MINUTES:
            await db.execute(sql.escalate_report, late.id)
            await _tell_overdue(db, late, await steps.supervisors(db), escalated=True)


async def _tell_overdue(db: Connection, late: _Late, officer_ids: list[UUID], *, escalated: bool) -> None:
    await outbox.record(
        db,
        ReportOverdue(
            report_id=late.id,
            code=late.code,
            category=late.category_vi,
            category_en=late.category_en,
            due_at=late.due_at,
            escalated=escalated,
            officer_ids=officer_ids,
        ),
    )


async def lapse(db: Connection) -> None:
    """Let questions lapse that nobody answers."""
    days = await policies.value(db, "feedback.question_days")
    for report_id in await db.fetchval(sql.questions_to_lapse, days, AT_ONCE):
        report = await steps.lock(db, report_id)
        if report.asked_at is not None:
            await restart(db, report)
            await steps.record(db, report, None, "lapsed", audience="reporter", by="city")


async def close(db: Connection) -> None:
    """Close what nobody has had opened again."""
    days = await policies.value(db, "feedback.reopen_days")
    for report_id in await db.fetchval(sql.reports_to_close, days, AT_ONCE):
        report = await steps.lock(db, report_id)
        if report.status == "resolved":
            await db.execute(sql.close_report, report.id)
            await steps.record(db, report, None, "closed", audience="everybody", by="city")


_PARTS = (
    ("warn_of_reports", warn),
    ("flag_late_reports", flag),
    ("escalate_reports", escalate),
    ("lapse_questions", lapse),
    ("close_reports", close),
)
schedule = tuple(Scheduled(name=name, every_s=SWEEP_S, run=part) for name, part in _PARTS)
"""Each in a transaction of its own: what fails in one stops no other."""
