"""What the gateway of text messages and we say to each other."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.types import Answer

TextKind = Literal["code", "critical"]
Channel = Literal["zns", "sms"]
ReportState = Literal["sent", "expired", "failed", "delivered"]
"""Each takes the place of those before it, never of those after: what a phone has, it has, whatever is told later."""


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """One text for one phone. `to`: E.164. `reference`: the gateway takes it once, however often it is asked.

    `fields`: what the Zalo template of this kind says, if there is one; then Zalo is tried before SMS."""

    reference: UUID
    to: str
    kind: TextKind
    words: str
    expires_at: datetime
    fields: dict[str, str] = {}


class TextOutcome(msgspec.Struct, frozen=True):
    """What became of one. `accepted`: the gateway has it, under `name`, which does not say that the phone does;
    `again`: not now, and not before `after_s` seconds if they said so; `gone`: the number is nobody's; `refused`:
    they will never take this text. `why`: their word for it, or ours."""

    kind: Literal["accepted", "again", "gone", "refused"]
    why: str = ""
    after_s: float | None = None
    name: str = ""


class ByZns(msgspec.Struct, frozen=True, tag_field="by", tag="zns"):
    """By Zalo, in a template that Zalo has approved."""

    template: str
    fields: dict[str, str]


class BySms(msgspec.Struct, frozen=True, tag_field="by", tag="sms"):
    """By SMS, from a sender's name. `segments`: as many as we count; that many are paid."""

    brand: str
    words: str
    segments: int


class Order(msgspec.Struct, frozen=True):
    """What the gateway is asked: the channels are tried in turn, and none after `expires_at`."""

    reference: UUID
    to: str
    kind: TextKind
    expires_at: datetime
    channels: list[ByZns | BySms]


class Taken(msgspec.Struct, frozen=True):
    """The gateway's yes."""

    message_id: Annotated[str, Meta(min_length=1, max_length=100)]


class No(msgspec.Struct, frozen=True):
    """The gateway's no."""

    error: Annotated[str, Meta(min_length=1, max_length=100)]


class Report(msgspec.Struct, frozen=True):
    """How the gateway says that a text went. `sent`: by this channel, no more; the others end it."""

    reference: UUID
    state: ReportState
    channel: Channel
    at: Annotated[datetime, Meta(tz=True)]
    why: Annotated[str, Meta(max_length=100)] = ""


class ReportHeard(Answer):
    """The gateway need not tell it again."""

    heard: bool = True
