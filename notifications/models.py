"""What a person is told, where, and how they want it."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, field

from app.errors import Language
from app.types import Answer, Body

Category = Literal["money", "report", "dossier", "alert", "account"]
Lane = Literal["critical", "transactional", "bulk"]
Channel = Literal["push", "text", "topic"]
DeliveryState = Literal["queued", "sending", "accepted", "delivered", "expired", "failed", "cancelled"]
Platform = Literal["android", "ios", "web"]
DeviceTargetKind = Literal["token", "fid", "web_push"]
Digest = Literal["none", "burst", "daily"]

_TARGET = r"^[\x21-\x7e]+$(?!\n)"
Target = Annotated[str, Meta(min_length=8, max_length=4096, pattern=_TARGET)]
AppVersion = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[0-9A-Za-z.+_-]+$(?!\n)")]
HourOfDay = Annotated[str, Meta(max_length=5, pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)")]
WardCode = Annotated[str, Meta(min_length=1, max_length=20, pattern=r"^[0-9A-Za-z-]+$(?!\n)")]


class Message(Answer):
    """One message; `link` is the screen it opens, `seq` its place in this inbox."""

    seq: int
    category: Category
    title: str
    body: str
    link: str | None
    at: datetime
    read: bool


class NewMessage(Message):
    """One that has just come, and how many are left to read with it."""

    unread: int


class InboxStands(Answer):
    """The `seq` of the newest message, 0 where there is none, and how many are left to read."""

    seq: int
    unread: int


class WebPushKey(Answer):
    """The city's key for browsers: an uncompressed point of P-256 in base64url (RFC 8292, 3.2)."""

    key: str


class ReadUpTo(Body):
    """The `seq` of the last message that was read."""

    up_to: Annotated[int, Meta(ge=0, le=2**53)]


class Unread(Answer):
    """How many messages are left to read."""

    unread: int


class RegisterDevice(Body):
    """Where this device is reached. `target`: of a `token` or `fid` what FCM gave the app; of `web_push` the
    browser's subscription, as JSON without spaces: `{"endpoint":"https://…","keys":{"p256dh":"…","auth":"…"}}`."""

    platform: Platform
    target_kind: DeviceTargetKind
    target: Target
    locale: Language
    app_version: AppVersion


class PushDevice(Answer):
    """A device that is reached by push; its id is that of the device in `/v1/me/devices`."""

    id: UUID
    platform: Platform
    target_kind: DeviceTargetKind
    locale: Language
    app_version: str
    made_at: datetime
    seen_at: datetime


class PushDevices(Answer):
    """My devices that are reached by push."""

    items: list[PushDevice]


class KeepQuietHours(Body):
    """From when to when nothing makes a sound but warnings and what concerns the account's safety: hours of the day
    in Huế, over midnight if the first is later than the second."""

    start: HourOfDay = field(name="from", default="22:00")
    end: HourOfDay = field(name="to", default="06:00")


class KeepPreferences(Body):
    """What I want to be told. `muted`: categories that come to the inbox only. `texts`: warnings by text message
    where no push reached me. `quiet`: null for none. `digest` of reports and dossiers: `none` each by itself, `burst`
    one at once and what follows within ten minutes together, `daily` at 18:00. `amounts`: pushes about money say how
    much. `wards`: whose warnings matter to me. Critical warnings ask for nobody's leave."""

    muted: Annotated[list[Category], Meta(max_length=5)] = field(default_factory=list[Category])
    texts: bool = True
    quiet: KeepQuietHours | None = field(default_factory=KeepQuietHours)
    digest: Digest = "burst"
    amounts: bool = True
    wards: Annotated[list[WardCode], Meta(max_length=10)] = field(default_factory=list[WardCode])


class QuietHours(Answer):
    """Hours of the day in Huế."""

    start: str = field(name="from")
    end: str = field(name="to")


class Preferences(Answer):
    """What I want to be told; `quiet` null: at any hour."""

    muted: list[Category]
    texts: bool
    quiet: QuietHours | None
    digest: Digest
    amounts: bool
    wards: list[str]


class Receive(Body):
    """The device has the message; `opened`: its owner has looked at it."""

    opened: bool = False


class Received(Answer):
    """When the device first said so."""

    id: UUID
    delivered_at: datetime
    opened_at: datetime | None


class Delivery(Answer):
    """What became of a message on its way to one device, or by text. `accepted`: they who carry it have it;
    `delivered`: the device said so itself. `why`: of what did not arrive, in their words or ours. `first_seq`,
    `last_seq`: which messages of the inbox; null of a topic's."""

    id: UUID
    device_id: UUID | None
    platform: Platform | None
    channel: Channel
    lane: Lane
    state: DeliveryState
    category: Category
    first_seq: int | None
    last_seq: int | None
    why: str | None
    name: str | None
    attempts: int
    due_at: datetime
    expires_at: datetime
    made_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    opened_at: datetime | None
    broadcast_id: UUID | None
