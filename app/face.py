"""The partner's face match: we ask for one, the person looks into the partner's page, we ask how it came out.

The partner is told whose face (`subject`) and for what (`challenge`), and says both again with the outcome, so that a
match for one thing is none for another. No picture ever comes here. Nothing is asked twice by itself: the person is
waiting, and may ask again."""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import uuid4

import structlog
from msgspec import Meta, Struct

from app import outside
from app.config import settings
from app.errors import Refusal
from app.outside import NoAnswer

log = structlog.get_logger()

Outcome = Literal["pending", "matched", "refused"]


class FaceUnavailable(Refusal):
    """Hệ thống đối chiếu khuôn mặt đang không trả lời; hãy thử lại hoặc chọn cách khác.

    The face match does not answer; try again, or choose another way."""

    status = 503

    def __init__(self, **members: Any) -> None:
        super().__init__(**{"retry_after_s": 10, **members})


class FaceNotConfigured(Refusal):
    """Thành phố chưa kết nối với dịch vụ đối chiếu khuôn mặt; hãy chọn cách khác.

    The city is not connected to a face match yet; choose another way."""


class FaceAsked(Struct, frozen=True):
    """A match that was asked for: the person opens `url` before `expires_at`."""

    reference: str
    url: Annotated[str, Meta(max_length=2000)]
    expires_at: Annotated[datetime, Meta(tz=True)]


class _Said(Struct, frozen=True):
    status: Literal["pending", "matched", "refused", "expired"]
    subject: str
    challenge: str


async def ask(subject: str, challenge: bytes) -> FaceAsked:
    """Have a person's face matched for this challenge; raises FaceUnavailable, FaceNotConfigured."""
    reference = str(uuid4())
    wanted = {"reference": reference, "subject": subject, "challenge": _text(challenge)}
    try:
        said = await outside.ask("POST", f"{_address()}/matches", headers=_key(), json=wanted)
        if said.status not in {200, 201}:
            raise NoAnswer(f"answered {said.status}")
        asked = said.read(FaceAsked)
        outside.usable(asked.url)
        if asked.reference != reference:
            raise NoAnswer("another reference")
    except NoAnswer as problem:
        raise FaceUnavailable from problem
    return asked


async def outcome(reference: str, subject: str, challenge: bytes) -> Outcome:
    """How the match came out: `matched` only if it was of this subject and for this challenge.

    One that is unknown or whose time is up is refused. Raises FaceUnavailable, FaceNotConfigured."""
    try:
        said = await outside.ask("GET", f"{_address()}/matches/{quote(reference, safe='')}", headers=_key())
        if said.status == 404:
            return "refused"
        if said.status != 200:
            raise NoAnswer(f"answered {said.status}")
        told = said.read(_Said)
    except NoAnswer as problem:
        raise FaceUnavailable from problem
    if not (_same(told.subject, subject) and _same(told.challenge, _text(challenge))):
        log.warning("face match refused", reason="another subject or challenge")
        return "refused"
    return "refused" if told.status == "expired" else told.status


def _address() -> str:
    address = settings().face_url
    if address is None:
        raise FaceNotConfigured
    return address.rstrip("/")


def _key() -> dict[str, str]:
    return {"authorization": f"Bearer {settings().face_key}"} if settings().face_key else {}


def _text(challenge: bytes) -> str:
    return urlsafe_b64encode(challenge).decode().rstrip("=")


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
