"""What a resident finds in the inbox."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from app.types import Answer, Body

Category = Literal["money", "report", "dossier", "alert", "account"]


class Message(Answer):
    """One message; `link` is the screen it opens, `seq` its place in this inbox."""

    seq: int
    category: Category
    title: str
    body: str
    link: str | None
    at: datetime
    read: bool


class WebPushKey(Answer):
    """The city's key for browsers: an uncompressed point of P-256 in base64url (RFC 8292, 3.2)."""

    key: str


class ReadUpTo(Body):
    """The `seq` of the last message that was read."""

    up_to: Annotated[int, Meta(ge=0, le=2**53)]


class Unread(Answer):
    """How many messages are left to read."""

    unread: int
