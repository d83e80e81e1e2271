"""What carries a message to a phone: one face, several transports."""

from app.config import Settings
from app.texts import gateway
from notifications.transports.chosen import chosen
from notifications.transports.face import TargetKind, Transport
from notifications.transports.texts import Texts
from notifications.transports.web_push import WebPush

Carriers = dict[TargetKind, Transport]


def complete(carriers: Carriers, here: Settings) -> None:
    """Add who is missing, as this city is set up. Whom nobody has set up, or who is not there yet (a sandbox's
    stand-in that begins beside us), stays missing. Raises BadSetting for credentials of no use, when all others are
    there."""
    if "web_push" not in carriers and here.vapid_private_key:
        carriers["web_push"] = WebPush()
    if "phone" not in carriers and gateway.is_configured():
        carriers["phone"] = Texts()
    if "token" not in carriers and (fcm := chosen(here)) is not None:
        carriers |= {"token": fcm, "fid": fcm, "topic": fcm, "condition": fcm}
