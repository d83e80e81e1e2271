"""Which of the two carries messages to FCM: HUONG_PUSH says.

Our own sender is the default, because a warning to a city is a million messages: it takes some tenth of the time that
`firebase-admin` takes for one, honours Retry-After and outlives GOAWAYs and stalls. `firebase` is there for a city
that wants Google's own client and has few to tell."""

from pathlib import Path
from typing import Any

import msgspec
from google.auth.exceptions import GoogleAuthError

from app.config import BadSetting, Settings
from notifications.transports.face import Transport
from notifications.transports.fcm import Fcm
from notifications.transports.firebase import Firebase
from notifications.transports.google_access import Access

SANDBOX_FOLDER = "sandbox-fcm"
"""The folder of DATA_DIR in which a sandbox's stand-in leaves its account and its certificate."""


def chosen(settings: Settings) -> Transport | None:
    """The transport to FCM; None: there is nobody to send by (no credentials, or no stand-in yet).

    For the event loop in which it is used, and to be closed there. Raises BadSetting for credentials of no use."""
    ca = settings.fcm_ca
    if settings.fcm_credentials:
        access = _access(settings.fcm_credentials.encode(), ca)
    elif settings.fcm_stand_in_port is not None:
        folder = settings.data_dir / SANDBOX_FOLDER
        ca = ca or folder / "root.pem"
        try:
            access = _access((folder / "account.json").read_bytes(), ca, token_uri=f"{settings.fcm_url}/token")
        except FileNotFoundError:
            return None
    else:
        return None
    if settings.push == "firebase":
        return Firebase(access, settings.fcm_url, ca=ca)
    return Fcm(access, settings.fcm_url, ca=ca, connections=settings.fcm_connections)


def _access(account: bytes, ca: Path | None, **other: str) -> Access:
    try:
        return Access(msgspec.json.decode(account, type=dict[str, Any]) | other, ca)
    except (msgspec.DecodeError, KeyError, ValueError, GoogleAuthError):
        pass  # what is wrong with a secret may quote it
    raise BadSetting("HUONG_FCM_CREDENTIALS: it must be a service account's JSON, as Firebase's console makes it")
