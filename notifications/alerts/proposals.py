"""How a warning comes about: written by one, and seen by another if it is grave and meant.

    draft ──► proposed ──► published ──► (an Update or a Cancel takes its place)
       ╲──► refused ◄──╱

A draft may be written anew under its id by anybody of the operations centre; what was proposed or has gone out never
changes, so that nobody approves words that they have not read. What takes the place of a grave warning is grave
itself, whatever it says: an all-clear too early kills as well."""

from datetime import timedelta
from uuid import UUID

import msgspec

from app import outbox
from app.audit import records
from app.clock import city_now
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import Forbidden, NotFound, Refusal, refusing
from app.identity.models import Principal
from app.staff.pages import before, page_of
from app.types import Page
from notifications.alerts import publishing
from notifications.alerts.models import AlertState, PutAlert, StaffAlert
from notifications.events import AlertProposed

sql = queries_beside(__file__)

CENTRE = ("operator", "supervisor")
LONGEST = timedelta(days=30)
"""Nothing about a warning is farther away: what lasts longer is said again."""


class AlertIdTaken(Refusal):
    """Mã cảnh báo này đã được dùng với nội dung khác.

    This warning's id is already used with other content."""


class AlertIsDecided(Refusal):
    """Cảnh báo này đã được quyết định hoặc không chờ duyệt.

    This warning was decided already, or does not wait for approval."""


class AlertNeedsSecondPairOfEyes(Refusal):
    """Người soạn không thể tự duyệt cảnh báo; cần một trưởng ca khác.

    Whoever wrote a warning may not approve it; another supervisor must."""

    status = 403


class BadAlertTimes(Refusal):
    """Cảnh báo phải hết hạn sau lúc phát và lúc bắt đầu, trong 30 ngày; hiệu lực không ở tương lai (dùng onset_at).

    A warning ends after it is sent and after its onset, within 30 days; what begins later says so by onset_at."""

    status = 400


class AlertReferencesWrong(Refusal):
    """Update và Cancel phải nêu cảnh báo được thay; Alert thì không.

    An Update or a Cancel names what it takes the place of; an Alert names nothing."""

    status = 400


class InstructionInOneLanguage(Refusal):
    """Hướng dẫn phải có cả tiếng Việt và tiếng Anh, hoặc không có.

    Give the instruction in Vietnamese and in English, or not at all."""

    status = 400


class WardUnknown(Refusal):
    """Không có phường, xã với mã {code}.

    There is no ward with the code {code}."""

    status = 400


class _Standing(msgspec.Struct, frozen=True):
    id: UUID
    state: AlertState
    written_by: UUID
    decided_by: UUID | None
    decision_reason: str | None


async def put(db: Connection, me: Principal, alert_id: UUID, wanted: PutAlert) -> StaffAlert:
    """Write a warning under its writer's id: a Draft stays one, a grave one waits for a second pair of eyes, any
    other goes out at once. The same again is the same.

    Raises Forbidden, BadAlertTimes, AlertReferencesWrong, InstructionInOneLanguage, WardUnknown, AlertIdTaken,
    AlertNotCurrent."""
    if await _write(db, me, alert_id, wanted):
        await _check(db, wanted)
        await records.record(db, me, "alert.written", alert_id, severity=wanted.severity, status=wanted.status)
        if wanted.status != "Draft":
            await _send(db, me, alert_id, wanted)
    return await show(db, alert_id)


async def _write(db: Connection, me: Principal, alert_id: UUID, wanted: PutAlert) -> bool:
    """Is there anything new? Locks the warning."""
    words = alert_id, *_columns(wanted), _agency_of(me), me.id
    with refusing(
        alert_references_whole=AlertReferencesWrong,
        alert_not_its_own_reference=AlertReferencesWrong,
        alert_instruction_in_both=InstructionInOneLanguage,
    ):
        if await db.fetchval(sql.write_alert, *words) is not None:
            if await db.fetchval(sql.is_broadcast, alert_id):
                raise AlertIdTaken
            return True
        standing = await _lock(db, alert_id)
        is_same = await one(PutAlert, db, sql.alert_words, alert_id) == wanted
        if standing.state == "draft":
            if not is_same:
                await db.execute(sql.write_alert_anew, *words)
            return not is_same
        if not is_same or standing.written_by != me.id:
            raise AlertIdTaken
        return False


def _columns(wanted: PutAlert) -> tuple[object, ...]:
    """As the statements have them."""
    *plain, parameters, wards = msgspec.structs.astuple(wanted)
    return *plain, msgspec.to_builtins(parameters), wards


def _agency_of(me: Principal) -> str:
    """In whose name I write; raises Forbidden."""
    for grant in me.grants:
        if grant.role in CENTRE:
            return grant.agency
    raise Forbidden


async def _lock(db: Connection, alert_id: UUID) -> _Standing:
    standing = await maybe(_Standing, db, sql.alert_for_update, alert_id)
    if standing is None:
        raise NotFound
    return standing


async def _check(db: Connection, wanted: PutAlert) -> None:
    unknown: str | None = await db.fetchval(sql.unknown_wards, wanted.wards)
    if unknown is not None:
        raise WardUnknown(code=unknown)
    _check_times(wanted)


def _check_times(wanted: PutAlert) -> None:
    now = city_now()
    effective_at, onset_at = wanted.effective_at or now, wanted.onset_at or now
    is_near = all(abs(at - now) <= LONGEST for at in (effective_at, onset_at, wanted.expires_at))
    if not is_near or effective_at > now or wanted.expires_at <= max(now, onset_at):
        raise BadAlertTimes


async def _send(db: Connection, me: Principal, alert_id: UUID, wanted: PutAlert) -> None:
    if not await publishing.is_grave(db, wanted):
        await publishing.publish(db, alert_id, me.id, wanted, None)
        return
    await db.execute(sql.propose_alert, alert_id)
    supervisors = [row["principal_id"] for row in await db.fetch(sql.other_supervisors, me.id)]
    await outbox.record(
        db,
        AlertProposed(
            alert_id=alert_id,
            writer_id=me.id,
            supervisor_ids=supervisors,
            severity=wanted.severity,
            headline_vi=wanted.headline_vi,
            headline_en=wanted.headline_en,
            expires_at=wanted.expires_at,
        ),
    )


async def approve(db: Connection, me: Principal, alert_id: UUID) -> StaffAlert:
    """The second pair of eyes: it goes out. Again by the same person changes nothing.

    Raises NotFound, AlertIsDecided, AlertNeedsSecondPairOfEyes, BadAlertTimes, AlertNotCurrent."""
    standing = await _lock(db, alert_id)
    if standing.state != "proposed":
        if (standing.state, standing.decided_by) != ("published", me.id):
            raise AlertIsDecided
        return await show(db, alert_id)
    wanted = await one(PutAlert, db, sql.alert_words, alert_id)
    _check_times(wanted)
    with refusing(alert_second_pair_of_eyes=AlertNeedsSecondPairOfEyes):
        await publishing.publish(db, alert_id, standing.written_by, wanted, me.id)
    await records.record(db, me, "alert.approved", alert_id, severity=wanted.severity)
    return await show(db, alert_id)


async def refuse(db: Connection, me: Principal, alert_id: UUID, reason: str) -> StaffAlert:
    """No: a draft or a proposal goes nowhere, also by whoever wrote it. Raises NotFound, AlertIsDecided."""
    standing = await _lock(db, alert_id)
    if standing.state in {"draft", "proposed"}:
        await db.execute(sql.refuse_alert, alert_id, me.id, reason)
        await records.record(db, me, "alert.refused", alert_id)
    elif (standing.state, standing.decided_by, standing.decision_reason) != ("refused", me.id, reason):
        raise AlertIsDecided
    return await show(db, alert_id)


async def show(db: Connection, alert_id: UUID) -> StaffAlert:
    """One warning, whatever became of it; raises NotFound."""
    alert = await maybe(StaffAlert, db, sql.staff_alert, alert_id)
    if alert is None:
        raise NotFound
    return alert


async def page(db: Connection, state: AlertState | None, cursor: str | None, limit: int) -> Page[StaffAlert]:
    """Warnings in a state (None: in any), the one written last first; raises BadCursor."""
    lines = await many(StaffAlert, db, sql.staff_alerts, state, *before(cursor), limit + 1)
    return page_of(lines, limit, lambda alert: (alert.made_at, alert.id))
