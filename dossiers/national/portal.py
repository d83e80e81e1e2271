"""How the national portal is asked: with a token that it gives us (client credentials, RFC 6749, 4.4), kept until it
expires, and got anew once when the portal takes it no more."""

from time import monotonic

import msgspec

from app import outside
from app.config import Settings, settings
from app.outside import NoAnswer, Said
from dossiers.national.wire import PortalReply

SPARE_S = 30
OK, UNAUTHORISED = 200, 401


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: int = 300


_kept: dict[tuple[str, str], tuple[float, str]] = {}
"""By address and client: until when (monotonic) which token is good."""


async def send(kind: str, body: bytes) -> PortalReply:
    """Send one message; raises NoAnswer. What was taken without an answer may be sent again: it is taken once."""
    here = settings()
    said = await _send(here, kind, body, await _token(here))
    if said.status == UNAUTHORISED:
        _kept.pop(_key(here), None)
        said = await _send(here, kind, body, await _token(here))
    if said.status != OK:
        raise NoAnswer(f"answered {said.status}")
    return said.read(PortalReply)


async def _send(here: Settings, kind: str, body: bytes, token: str) -> Said:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    return await outside.ask("POST", f"{here.national_url}/{kind}", headers=headers, content=body)


async def _token(here: Settings) -> str:
    until, token = _kept.get(_key(here), (0.0, ""))
    if until > monotonic():
        return token
    asked = {
        "grant_type": "client_credentials",
        "client_id": here.national_client_id,
        "client_secret": here.national_client_secret,
    }
    said = await outside.ask("POST", f"{here.national_url}/token", data=asked)
    if said.status != OK:
        raise NoAnswer(f"no token: answered {said.status}")
    got = said.read(_Token)
    _kept[_key(here)] = (monotonic() + got.expires_in - SPARE_S, got.access_token)
    return got.access_token


def forget_tokens() -> None:
    """Get a new one next time."""
    _kept.clear()


def _key(here: Settings) -> tuple[str, str]:
    return here.national_url or "", here.national_client_id
