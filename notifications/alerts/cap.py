"""A warning as a document of the Common Alerting Protocol 1.2 (OASIS, CAP-v1.2-os), in Vietnamese and in English.

An element stands where the standard's schema has it: whatever comes in another order is no CAP."""

from uuid import UUID
from xml.etree import ElementTree as Xml

from app.db import Connection
from notifications.alerts import alerts, areas
from notifications.alerts.alerts import Sent
from notifications.alerts.areas import Area
from notifications.alerts.documents import add, moment, written

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
MEDIA_TYPE = "application/cap+xml"
WARD_CODES = "GSO"
"""Whose codes the `geocode`s are: the General Statistics Office's (Decision 19/2025/QĐ-TTg)."""


async def show(db: Connection, alert_id: UUID) -> bytes:
    """A warning that went out, as CAP; raises NotFound."""
    sent = await alerts.sent(db, alert_id)
    return document(sent, await areas.of(db, sent.wards))


def document(sent: Sent, where: list[Area]) -> bytes:
    """The document of a warning that holds there."""
    root = Xml.Element("alert", xmlns=NAMESPACE)
    add(root, "identifier", sent.identifier)
    add(root, "sender", sent.sender)
    add(root, "sent", moment(sent.sent_at))
    add(root, "status", sent.status)
    add(root, "msgType", sent.msg_type)
    add(root, "scope", "Public")
    add(root, "note", sent.note)
    named = [f"{one.identifier},{one.sender},{moment(one.sent_at)}" for one in sent.chain]
    add(root, "references", " ".join(named) or None)
    _info(root, sent, where, vi=True)
    _info(root, sent, where, vi=False)
    return written(root)


def _info(root: Xml.Element, sent: Sent, where: list[Area], *, vi: bool) -> None:
    info = Xml.SubElement(root, "info")
    add(info, "language", "vi-VN" if vi else "en-US")
    for category in sent.categories:
        add(info, "category", category)
    add(info, "event", sent.event_vi if vi else sent.event_en)
    for response in sent.response_types:
        add(info, "responseType", response)
    add(info, "urgency", sent.urgency)
    add(info, "severity", sent.severity)
    add(info, "certainty", sent.certainty)
    add(info, "effective", moment(sent.effective_at))
    add(info, "onset", sent.onset_at and moment(sent.onset_at))
    add(info, "expires", moment(sent.expires_at))
    add(info, "senderName", sent.sender_name_vi if vi else sent.sender_name_en)
    add(info, "headline", sent.headline_vi if vi else sent.headline_en)
    add(info, "description", sent.description_vi if vi else sent.description_en)
    add(info, "instruction", sent.instruction_vi if vi else sent.instruction_en)
    add(info, "web", sent.web)
    add(info, "contact", sent.contact)
    for parameter in sent.parameters:
        _named(info, "parameter", parameter.name, parameter.value)
    for area in where:
        _area(info, area, vi=vi)


def _area(info: Xml.Element, area: Area, *, vi: bool) -> None:
    element = Xml.SubElement(info, "area")
    add(element, "areaDesc", area.name_vi if vi else area.name_en)
    for ring in area.rings:
        add(element, "polygon", " ".join(f"{lat},{lng}" for lat, lng in ring))
    if area.circle:
        lat, lng, radius_km = area.circle
        add(element, "circle", f"{lat},{lng} {radius_km}")
    _named(element, "geocode", WARD_CODES, area.code)


def _named(parent: Xml.Element, tag: str, name: str, value: str) -> None:
    element = Xml.SubElement(parent, tag)
    add(element, "valueName", name)
    add(element, "value", value)
