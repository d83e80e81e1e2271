"""What the public post and we say to each other."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.types import Answer

ParcelState = Literal["posted", "on_the_way", "returned", "delivered"]
TrackingNumber = Annotated[str, Meta(pattern=r"^[0-9A-Z-]{6,40}$(?!\n)")]
At = Annotated[datetime, Meta(tz=True)]


class Parcel(msgspec.Struct, frozen=True):
    """What the post fetches, where, and to whom it goes. `reference`: the dossier's code."""

    reference: str
    fetched_at: str
    recipient: str
    phone: str | None
    address: str


class HandedOver(msgspec.Struct, frozen=True):
    """The post's answer; its price is between the post and whoever receives it."""

    tracking_number: TrackingNumber


class Whereabouts(msgspec.Struct, frozen=True):
    """Where the post says that a parcel is, since when."""

    tracking_number: TrackingNumber
    state: ParcelState
    at: At


class SilentParcel(msgspec.Struct, frozen=True):
    """A parcel of which nothing was heard for long."""

    dossier_id: UUID
    tracking_number: str


class DeliveryHeard(Answer):
    """The post need not tell it again."""

    heard: bool = True
