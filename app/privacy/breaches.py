"""The breach register and its clock: the authority is told within 72 hours (Law 91/2025/QH15, Art. 23)."""

from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from app import outbox
from app.audit import records
from app.clock import city_now
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import NotFound, Refusal
from app.identity.models import Principal
from app.privacy.data_requests import compliance_members
from app.privacy.events import BreachClock
from app.privacy.models import Breach, CloseBreach, Moment, NotifyBreach, ReportBreach
from app.types import Page, cursor_of, key_of

sql = queries_beside(__file__)
log = structlog.get_logger()


class BreachInTheFuture(Refusal):
    """Thời điểm này nằm ở tương lai; hãy kiểm tra lại ngày giờ.

    This moment lies in the future; check the date and time."""

    status = 400


class BreachClosed(Refusal):
    """Sự cố này đã được đóng trong sổ.

    This breach is closed in the register."""


class BreachAlreadyNotified(Refusal):
    """Sự cố này đã được thông báo cho cơ quan chuyên trách.

    The authority was told of this breach already."""


class BreachNotNotified(Refusal):
    """Chưa thông báo sự cố này cho cơ quan chuyên trách nên chưa thể đóng.

    The authority was not told of this breach, so it cannot be closed yet."""


async def report(db: Connection, me: Principal, breach_id: UUID, known: ReportBreach) -> Breach:
    """Write down what is known of a breach, or what is known now; the same again is no new version.

    Raises BreachInTheFuture, BreachClosed."""
    if max(known.found_at, known.happened_at or known.found_at) > city_now():
        raise BreachInTheFuture
    await db.execute(sql.open_breach, breach_id)
    if await db.fetchval(sql.breach_lock, breach_id):
        raise BreachClosed
    version: int | None = await db.fetchval(
        sql.write_breach,
        breach_id,
        known.found_at,
        known.happened_at,
        known.what,
        sorted(set(known.kinds_of_data)),
        known.people_affected,
        known.harm,
        known.measures,
        me.id,
    )
    if version is not None:
        await records.record(db, me, "privacy.breach_reported", breach_id, version=version)
    return await one(Breach, db, sql.breach, breach_id)


async def notify(db: Connection, me: Principal, breach_id: UUID, sent: NotifyBreach) -> Breach:
    """Write down that the authority was told; raises NotFound, BreachInTheFuture, BreachAlreadyNotified."""
    if sent.sent_at > city_now():
        raise BreachInTheFuture
    before = await _held(db, breach_id)
    if before.notified_at is not None:
        if (before.notified_at, before.reference) != (sent.sent_at, sent.reference):
            raise BreachAlreadyNotified
        return before
    await db.execute(sql.notify_breach, breach_id, sent.sent_at, sent.reference, me.id)
    await records.record(db, me, "privacy.breach_notified", breach_id, reference=sent.reference)
    return await one(Breach, db, sql.breach, breach_id)


async def close(db: Connection, me: Principal, breach_id: UUID, learnt: CloseBreach) -> Breach:
    """Close it with what was learnt; raises NotFound, BreachNotNotified, BreachClosed."""
    before = await _held(db, breach_id)
    if before.notified_at is None:
        raise BreachNotNotified
    if before.closed_at is not None:
        if before.lessons != learnt.lessons:
            raise BreachClosed
        return before
    await db.execute(sql.close_breach, breach_id, learnt.lessons, me.id)
    await records.record(db, me, "privacy.breach_closed", breach_id)
    return await one(Breach, db, sql.breach, breach_id)


async def _held(db: Connection, breach_id: UUID) -> Breach:
    await db.execute(sql.breach_lock, breach_id)
    breach = await maybe(Breach, db, sql.breach, breach_id)
    if breach is None:
        raise NotFound
    return breach


class _Line(Breach):
    made_at: datetime


async def page(db: Connection, me: Principal, cursor: str | None, limit: int) -> Page[Breach]:
    """The register, newest first; looking is audited. Raises BadCursor."""
    key = key_of(cursor, tuple[Moment, UUID]) or (None, None)
    lines = await many(_Line, db, sql.breaches, *key, limit + 1)
    await records.record(db, me, "privacy.breaches_read")
    after = cursor_of(lines[limit - 1].made_at, lines[limit - 1].breach_id) if len(lines) > limit else None
    return Page(items=[msgspec.convert(line, Breach, from_attributes=True) for line in lines[:limit]], next=after)


class _Clock(msgspec.Struct, frozen=True):
    breach_id: UUID
    notify_by: datetime
    late: bool


async def watch_the_clock(db: Connection) -> None:
    """Tell compliance when a day is left to tell the authority, and again when it is late."""
    clocks = await many(_Clock, db, sql.breach_clocks)
    told = await compliance_members(db) if clocks else []
    for clock in clocks:
        log.error("breach clock", breach_id=str(clock.breach_id), late=clock.late)
        await db.execute(sql.tell_breach, clock.breach_id, clock.late)
        await outbox.record(
            db,
            BreachClock(breach_id=clock.breach_id, notify_by=clock.notify_by, late=clock.late, told=told),
        )
