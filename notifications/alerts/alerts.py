"""Warnings as everybody sees them."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.config import settings
from app.db import Connection, many, maybe, queries_beside
from app.errors import Language, NotFound
from app.staff.pages import before, page_of
from app.types import Page
from notifications.alerts.models import (
    Alert,
    AlertCategory,
    AlertReference,
    AlertStatus,
    AlertValue,
    AlertWard,
    Certainty,
    Ended,
    MsgType,
    ResponseType,
    Severity,
    Urgency,
)

sql = queries_beside(__file__)


class Earlier(msgspec.Struct, frozen=True):
    """A warning of the chain before another one."""

    id: UUID
    identifier: str
    sender: str
    sent_at: datetime
    msg_type: MsgType
    headline_vi: str
    headline_en: str


class Sent(msgspec.Struct, frozen=True):
    """A warning that went out, in both languages."""

    id: UUID
    identifier: str
    sender: str
    sender_name_vi: str
    sender_name_en: str
    sent_at: datetime
    published_at: datetime
    status: AlertStatus
    msg_type: MsgType
    replaced_by: UUID | None
    ended: Ended | None
    chain: list[Earlier]
    note: str | None
    categories: list[AlertCategory]
    event_vi: str
    event_en: str
    response_types: list[ResponseType]
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    effective_at: datetime
    onset_at: datetime | None
    expires_at: datetime
    headline_vi: str
    headline_en: str
    description_vi: str
    description_en: str
    instruction_vi: str | None
    instruction_en: str | None
    web: str | None
    contact: str | None
    parameters: list[AlertValue]
    wards: list[str]
    wards_named: list[AlertWard]


async def page(
    db: Connection,
    ward: str | None,
    category: AlertCategory | None,
    status: AlertStatus,
    cursor: str | None,
    limit: int,
    language: Language,
) -> Page[Alert]:
    """Warnings in force, the newest first: those for a ward (the whole city's among them), of a category. Raises
    BadCursor."""
    lines = await many(Sent, db, sql.alerts_in_force, ward, category, status, *before(cursor), limit + 1)
    found = page_of(lines, limit, lambda sent: (sent.published_at, sent.id))
    return Page(items=[_in(language, sent) for sent in found.items], next=found.next)


async def show(db: Connection, alert_id: UUID, language: Language) -> Alert:
    """A warning that went out, also when it is over; raises NotFound."""
    return _in(language, await sent(db, alert_id))


async def sent(db: Connection, alert_id: UUID) -> Sent:
    """The same in both languages; raises NotFound."""
    found = await maybe(Sent, db, sql.public_alert, alert_id)
    if found is None:
        raise NotFound
    return found


def address_of(alert_id: UUID) -> str:
    """Where its CAP document is."""
    return f"{settings().public_url}/v1/alerts/{alert_id}.cap"


def _in(language: Language, sent: Sent) -> Alert:
    vi = language == "vi"
    return Alert(
        id=sent.id,
        identifier=sent.identifier,
        sender=sent.sender,
        sender_name=sent.sender_name_vi if vi else sent.sender_name_en,
        sent_at=sent.sent_at,
        status=sent.status,
        msg_type=sent.msg_type,
        scope="Public",
        in_force=sent.ended is None and sent.msg_type != "Cancel",
        ended=sent.ended,
        replaced_by=sent.replaced_by,
        references=[
            AlertReference(
                id=one.id,
                identifier=one.identifier,
                sender=one.sender,
                sent_at=one.sent_at,
                msg_type=one.msg_type,
                headline=one.headline_vi if vi else one.headline_en,
            )
            for one in sent.chain
        ],
        note=sent.note,
        categories=sent.categories,
        event=sent.event_vi if vi else sent.event_en,
        response_types=sent.response_types,
        urgency=sent.urgency,
        severity=sent.severity,
        certainty=sent.certainty,
        effective_at=sent.effective_at,
        onset_at=sent.onset_at,
        expires_at=sent.expires_at,
        headline=sent.headline_vi if vi else sent.headline_en,
        description=sent.description_vi if vi else sent.description_en,
        instruction=sent.instruction_vi if vi else sent.instruction_en,
        web=sent.web,
        contact=sent.contact,
        parameters=sent.parameters,
        wards=sent.wards_named,
        cap=address_of(sent.id),
    )
