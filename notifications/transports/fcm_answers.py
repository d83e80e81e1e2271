"""What FCM's answers mean (https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode)."""

from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any

import msgspec
import structlog

from app.clock import city_now
from notifications.transports.face import Outcome

log = structlog.get_logger()

QUOTA_WAIT_S = 60.0
"""Google's own advice for a 429 without Retry-After."""
TROUBLE_WAIT_S = 60.0
"""When it is our own settings that are wrong, soon is too soon."""
LONGEST_WAIT_S = 86_400.0
COMPLAIN_EVERY_S = 60.0
_OF_TARGET = {"message.token", "message.fid"}
_UNCLEAR = ("registration token", "installation id")


class _Taken(msgspec.Struct):
    name: str = ""


class _Violation(msgspec.Struct):
    field: str = ""


class _Detail(msgspec.Struct, rename={"error_code": "errorCode", "field_violations": "fieldViolations"}):
    error_code: str = ""
    field_violations: list[_Violation] = []


class _Error(msgspec.Struct):
    status: str = ""
    message: str = ""
    details: list[_Detail] = []


class _Failed(msgspec.Struct):
    error: _Error = msgspec.field(default_factory=_Error)


_complained: dict[str, float] = {}
_taken: msgspec.json.Decoder[_Taken] = msgspec.json.Decoder(_Taken)


def outcome_of(status: int, body: bytes | bytearray, retry_after: str | None = None) -> Outcome:
    """What became of a message that was answered so. `retry_after`: the header of that name."""
    if status == 200:
        try:
            return Outcome("accepted", name=_taken.decode(body).name)
        except msgspec.DecodeError:
            return Outcome("accepted")
    error = _error_in(body)
    codes = {detail.error_code for detail in error.details}
    why = next((code for code in codes if code), error.status) or f"answered {status}"
    match status:
        case 400:
            return Outcome("gone" if _is_about_target(error) else "refused", why)
        case 401 if "THIRD_PARTY_AUTH_ERROR" in codes or "APNS_AUTH_ERROR" in codes:
            _complain("fcm has no valid credentials for apple's or a browser's push service", why=why)
            return Outcome("again", why, TROUBLE_WAIT_S)
        case 403 if "SENDER_ID_MISMATCH" in codes:
            log.warning("fcm token of another sender", why=why)
            return Outcome("gone", why)
        case 404 if "UNREGISTERED" in codes:
            return Outcome("gone", why)
        case 401 | 403 | 404:
            _complain("fcm does not let us in", status=status, why=why)
            return Outcome("again", why, TROUBLE_WAIT_S)
        case 429:
            wait_s = _seconds(retry_after)
            return Outcome("again", why, QUOTA_WAIT_S if wait_s is None else wait_s)
        case _ if 400 <= status < 500 and status != 408:
            return Outcome("refused", why)
        case _:
            return Outcome("again", why, _seconds(retry_after))


def wants_new_access(status: int, body: bytes | bytearray) -> bool:
    """Is it our access token that they don't take? A 401 may also be about Apple's or a browser's push service."""
    return status == 401 and not any("_AUTH_ERROR" in detail.error_code for detail in _error_in(body).details)


def _complain(event: str, **more: Any) -> None:
    """Once a minute: what is wrong with one message is wrong with a million."""
    now = monotonic()
    if now - _complained.get(event, -COMPLAIN_EVERY_S) >= COMPLAIN_EVERY_S:
        _complained[event] = now
        log.error(event, **more)


def _error_in(body: bytes | bytearray) -> _Error:
    try:
        return msgspec.json.decode(body, type=_Failed).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Error()


def _is_about_target(error: _Error) -> bool:
    """FCM says the same code of a bad token and of a bad message; only one of them is the target's fault."""
    fields = [violation.field for detail in error.details for violation in detail.field_violations]
    if fields:
        return all(field in _OF_TARGET for field in fields)
    return any(words in error.message.lower() for words in _UNCLEAR)


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After (RFC 9110, 10.2.3): seconds, or a date."""
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        return min(float(retry_after), LONGEST_WAIT_S)
    try:
        wait: Any = parsedate_to_datetime(retry_after) - city_now()
    except (ValueError, TypeError):
        return None
    return max(0.0, min(wait.total_seconds(), LONGEST_WAIT_S))
