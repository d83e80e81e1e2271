"""What carries a message to a phone: one face, several transports."""

from app.config import Settings
from notifications.transports.chosen import chosen
from notifications.transports.face import TargetKind, Transport


def carriers(here: Settings) -> dict[TargetKind, Transport]:
    """Who carries what, as this city is set up. Raises BadSetting for credentials of no use."""
    found: dict[TargetKind, Transport] = {}
    if (fcm := chosen(here)) is not None:
        found |= {"token": fcm, "fid": fcm, "topic": fcm, "condition": fcm}
    return found
