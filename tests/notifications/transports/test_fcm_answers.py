"""FCM's answers, word for word, and what they mean."""

from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from notifications.transports import fcm_answers
from notifications.transports.face import Outcome
from notifications.transports.fcm_answers import outcome_of, wants_new_access

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"


def said(code: int, status: str, fcm_code: str = "", *, message: str = "", field: str = "") -> bytes:
    """An error as FCM writes it."""
    details: list[dict[str, Any]] = [{"@type": FCM_ERROR, "errorCode": fcm_code}] if fcm_code else []
    if field:
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": field}]})
    return msgspec.json.encode({"error": {"code": code, "message": message, "status": status, "details": details}})


@pytest.mark.parametrize(
    ("message", "field", "kind"),
    [
        ("", "message.token", "gone"),
        ("", "message.fid", "gone"),
        ("The registration token is not a valid FCM registration token", "", "gone"),
        ("", "message.android.ttl", "refused"),
        ("The registration token is fine", "message.data[from]", "refused"),
        ("Request contains an invalid argument.", "", "refused"),
        ("Android message is too big", "message", "refused"),
    ],
)
def test_a_phone_is_given_up_only_for_what_is_wrong_with_its_token(message: str, field: str, kind: str) -> None:
    body = said(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", message=message, field=field)
    assert outcome_of(400, body) == Outcome(kind, "INVALID_ARGUMENT")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_no_phone_is_given_up_for_what_is_wrong_with_us(status: int) -> None:
    assert outcome_of(status, said(status, "PERMISSION_DENIED")) == Outcome("again", "PERMISSION_DENIED", 60.0)


@pytest.mark.parametrize(
    ("retry_after", "after_s"),
    [("0", 0.0), ("5", 5.0), ("99999999", 86_400.0), ("-5", 60.0), ("soon", 60.0), ("", 60.0), (None, 60.0)],
)
def test_a_quota_is_waited_for_as_long_as_they_say(retry_after: str | None, after_s: float) -> None:
    body = said(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")
    assert outcome_of(429, body, retry_after) == Outcome("again", "QUOTA_EXCEEDED", after_s)


@pytest.mark.parametrize("status", [0, 302, 408, 500, 502, 503, 504])
def test_what_is_no_answer_of_theirs_is_for_another_time(status: int) -> None:
    assert outcome_of(status, b"<html>Bad gateway</html>") == Outcome("again", f"answered {status}")


@pytest.mark.parametrize(
    "body", [b"", b"no JSON", b"[]", b'{"error": 1}', b'{"error": {"details": {}}}', b"\xff" * 9]
)
def test_an_answer_that_cannot_be_read_is_judged_by_its_status(body: bytes) -> None:
    assert outcome_of(400, body) == Outcome("refused", "answered 400")
    assert outcome_of(200, body).kind == "accepted"
    assert wants_new_access(401, body)


def test_apples_key_is_no_matter_of_our_access() -> None:
    assert wants_new_access(401, said(401, "UNAUTHENTICATED"))
    assert not wants_new_access(401, said(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"))
    assert not wants_new_access(403, said(403, "PERMISSION_DENIED"))


def test_what_is_wrong_with_all_of_them_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcm_answers, "_complained", {})
    with capture_logs() as lines:
        for _ in range(100):
            outcome_of(403, said(403, "PERMISSION_DENIED"))
            outcome_of(401, said(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"))
    assert [line["log_level"] for line in lines] == ["error", "error"]


def test_a_token_of_another_sender_is_logged_without_the_token() -> None:
    with capture_logs() as lines:
        assert outcome_of(403, said(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH")).kind == "gone"
    assert lines == [{"event": "fcm token of another sender", "log_level": "warning", "why": "SENDER_ID_MISMATCH"}]
