"""A warning goes out: from now on it is public, and what it takes the place of is over."""

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from app import outbox
from app.config import settings
from app.db import Connection, many, queries_beside
from app.errors import Refusal
from notifications.alerts.models import GRAVE, AlertState, AlertStatus, MsgType, PutAlert, Severity
from notifications.events import AlertCancelled, AlertPublished, AlertUpdated

sql = queries_beside(__file__)


class AlertNotCurrent(Refusal):
    """Cảnh báo được nêu chưa phát, đã được thay hoặc hủy, hoặc khác trạng thái; hãy nêu bản mới nhất.

    A warning that is named was not published, is replaced or cancelled, or has another status; name the newest."""


class _Reference(msgspec.Struct, frozen=True):
    id: UUID
    state: AlertState
    msg_type: MsgType
    status: AlertStatus
    severity: Severity
    wards: list[str]
    replaced_by: UUID | None


async def is_grave(db: Connection, wanted: PutAlert) -> bool:
    """Must two people see it? Raises AlertNotCurrent for what it cannot take the place of."""
    references = await _references(db, wanted)
    return wanted.status == "Actual" and bool(GRAVE & {wanted.severity, *(one.severity for one in references)})


async def publish(
    db: Connection, alert_id: UUID, writer_id: UUID, wanted: PutAlert, approver_id: UUID | None
) -> None:
    """Send it out, in the place of what it names. Only what is meant (Actual) is news. Raises AlertNotCurrent."""
    references = await _references(db, wanted)
    await db.execute(sql.publish_alert, alert_id, sender(), approver_id)
    if references:
        await db.execute(sql.replace_alerts, alert_id, [one.id for one in references])
    if wanted.status == "Actual":
        await outbox.record(db, await _news(db, alert_id, writer_id, wanted, references))


async def _references(db: Connection, wanted: PutAlert) -> list[_Reference]:
    """What it takes the place of, locked, so that of two at once the later one is refused."""
    if not wanted.reference_ids:
        return []
    references = await many(_Reference, db, sql.references_for_update, wanted.reference_ids)
    if len(references) < len(set(wanted.reference_ids)):
        raise AlertNotCurrent
    for one in references:
        gone = one.state != "published" or one.replaced_by is not None or one.msg_type == "Cancel"
        if gone or one.status != wanted.status:
            raise AlertNotCurrent
    return references


def sender() -> str:
    """Who the city is to CAP: an address of its own domain."""
    return f"alerts@{urlsplit(settings().public_url).hostname}"


async def _news(
    db: Connection, alert_id: UUID, writer_id: UUID, wanted: PutAlert, references: list[_Reference]
) -> AlertPublished | AlertUpdated | AlertCancelled:
    areas = [wanted.wards, *(one.wards for one in references)]
    told: dict[str, Any] = {
        "alert_id": alert_id,
        "first_id": await db.fetchval(sql.first_of_chain, wanted.reference_ids or [alert_id]),
        "writer_id": writer_id,
        "severity": wanted.severity,
        "wards": sorted({ward for area in areas for ward in area}) if all(areas) else [],
        "headline_vi": wanted.headline_vi,
        "headline_en": wanted.headline_en,
        "body_vi": wanted.instruction_vi or wanted.description_vi,
        "body_en": wanted.instruction_en or wanted.description_en,
        "expires_at": wanted.expires_at,
    }
    replaced = [one.id for one in references]
    match wanted.msg_type:
        case "Alert":
            return AlertPublished(**told)
        case "Update":
            return AlertUpdated(**told, replaced_ids=replaced)
        case "Cancel":
            return AlertCancelled(**told, replaced_ids=replaced)
