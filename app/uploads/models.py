"""What was sent, and what was made of it."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from app.types import Answer, Body
from app.uploads.kinds import MOST_BYTES, Purpose

Status = Literal["receiving", "processing", "ready", "refused"]
RenditionSize = Literal["large", "small", "poster"]


class CapturePlace(Answer):
    """Where a picture says it was taken (WGS 84)."""

    lat: float
    lng: float


class Rendition(Answer):
    """A picture that everybody may see who knows its address. A video has a `poster`."""

    size: RenditionSize
    url: str
    media_type: str
    width: int
    height: int
    redacted: bool


class Upload(Answer, kw_only=True):
    """Something that I sent, or am sending. `offset`: so many bytes of it are here.

    `place` and `taken_at` are what the picture tells of itself, offered to me until something holds it.
    `refused_because`: the type of the problem, without `urn:huong:problem:`. `expires_at`: when it is forgotten;
    null: something holds it."""

    id: UUID
    purpose: Purpose
    status: Status
    claimed: bool
    offset: int = 0
    size: int | None
    media_type: str | None
    file_name: str | None
    width: int | None
    height: int | None
    duration_ms: int | None
    sha256: str | None
    refused_because: str | None
    renditions: list[Rendition]
    place: CapturePlace | None
    taken_at: datetime | None
    made_at: datetime
    expires_at: datetime | None


class AskPresigned(Body):
    """What is going to be sent straight to the storage, and how many bytes it has."""

    purpose: Purpose
    size: Annotated[int, Meta(ge=1, le=MOST_BYTES)]


class Presigned(Answer):
    """Where the bytes go: one request of this method with these headers and nobody's token, until `expires_at`."""

    method: Literal["PUT"]
    url: str
    headers: dict[str, str]
    expires_at: datetime
