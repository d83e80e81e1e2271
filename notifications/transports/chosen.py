"""Which of the two carries messages to FCM: HUONG_PUSH says.

Our own sender is the default, because a warning to a city is a million messages: it takes some tenth of the time that
`firebase-admin` takes for one, honours Retry-After and outlives GOAWAYs and stalls. `firebase` is there for a city
that wants Google's own client and has few to tell."""

from typing import Any

import msgspec

from app.config import Settings
from notifications.transports.face import Transport
from notifications.transports.fcm import Fcm
from notifications.transports.firebase import Firebase
from notifications.transports.google_access import Access

SANDBOX_FOLDER = "sandbox-fcm"
"""The folder of DATA_DIR in which a sandbox's stand-in leaves its account and its certificate."""


def chosen(settings: Settings) -> Transport | None:
    """The transport to FCM; None: there is nobody to send by (no credentials, or no stand-in yet).

    For the event loop in which it is used, and to be closed there."""
    if settings.fcm_credentials:
        account = msgspec.json.decode(settings.fcm_credentials, type=dict[str, Any])
        ca = settings.fcm_ca
    elif settings.fcm_stand_in_port is not None:
        folder = settings.data_dir / SANDBOX_FOLDER
        try:
            account = msgspec.json.decode((folder / "account.json").read_bytes(), type=dict[str, Any])
        except FileNotFoundError:
            return None
        ca = settings.fcm_ca or folder / "root.pem"
    else:
        return None
    access = Access(account, ca)
    if settings.push == "firebase":
        return Firebase(access, settings.fcm_url, ca=ca)
    return Fcm(access, settings.fcm_url, ca=ca, connections=settings.fcm_connections)
