"""What is told to many, and how far that is."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from app.types import Answer, Body, LongName, Paragraph
from notifications.models import Category, DeliveryState, WardCode

BroadcastLane = Literal["critical", "bulk"]
BroadcastState = Literal["waiting", "going", "done", "cancelled", "expired"]
Screen = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^/(?!/)[0-9A-Za-z/_.-]*$(?!\n)")]
Moment = Annotated[datetime, Meta(tz=True)]


class InBoth(Body):
    """A line in Vietnamese and in English."""

    vi: LongName
    en: LongName


class ParagraphInBoth(Body):
    """Some sentences in Vietnamese and in English."""

    vi: Paragraph
    en: Paragraph


class MakeBroadcast(Body):
    """What is to be told. `wards`: to those who care for one of them; null: to all. `lane`: `critical` wakes
    everybody and wants a second pair of eyes; `bulk` respects what people want. `per_device`: a critical one goes to
    each device by itself, so that what became of each is known, instead of by topic. `link`: the app's screen."""

    title: InBoth
    body: ParagraphInBoth
    expires_at: Moment
    wards: Annotated[list[WardCode], Meta(min_length=1, max_length=40)] | None = None
    category: Category = "alert"
    lane: BroadcastLane = "bulk"
    per_device: bool = False
    link: Screen | None = None


class CorrectBroadcast(Body):
    """The right words, for those who were told the wrong ones; `correction_id` is the new broadcast's id."""

    correction_id: UUID
    title: InBoth
    body: ParagraphInBoth
    expires_at: Moment


class Words(Answer):
    """In both languages."""

    vi: str
    en: str


class Reach(Answer):
    """Of those who care for a ward: how many were told, and how many a device, a text or a reading says have it."""

    ward: str
    told: int
    reached: int


class Broadcast(Answer):
    """What is told to many, and how far that is. `told`: inboxes that have it; `texts`: text messages; `deliveries`:
    how many of them are in which state; `received`: devices that said they have it; `corrects`: the one whose place
    it takes."""

    id: UUID
    title: Words
    body: Words
    link: str | None
    wards: list[str]
    category: Category
    lane: BroadcastLane
    per_device: bool
    state: BroadcastState
    told: int
    texts: int
    deliveries: dict[DeliveryState, int]
    received: int
    corrects: UUID | None
    made_by: str | None
    approved_by: str | None
    made_at: datetime
    started_at: datetime | None
    pushed_at: datetime | None
    ended_at: datetime | None
    expires_at: datetime


class BroadcastProgress(Broadcast):
    """The same, with its reach by ward (of a broadcast to all: of each ward that somebody cares for)."""

    reach: list[Reach]
