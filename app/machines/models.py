"""Machines that call us, what they may do, and their keys."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.staff.models import Moment
from app.types import Answer, Body, Code, ShortText

Scope = Literal[
    "bills.read",
    "bills.write",
    "reports.read",
    "reports.write",
    "dossiers.read",
    "dossiers.write",
    "national.write",
    "statistics.read",
    "orders.read",
    "orders.write",
    "takings.read",
    "refunds.write",
    "webhooks.read",
    "webhooks.write",
    "readings.write",
]
KeyMode = Literal["test", "live"]
Network = Annotated[
    str,
    Meta(
        min_length=2,
        max_length=49,
        pattern=r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$(?!\n)",
        description="an address, or a network as CIDR (RFC 4632, RFC 4291)",
    ),
]


class PutMachine(Body):
    """A machine as it shall be from now on. `addresses`: from where it may call; none: from anywhere.

    `plain_key`: it may show its key as it is where a route takes that (Open311), instead of signing with it."""

    name: ShortText
    scopes: Annotated[list[Scope], Meta(max_length=20)]
    agency: Code | None = None
    addresses: Annotated[list[Network], Meta(max_length=50)] = msgspec.field(default_factory=list[Network])
    plain_key: bool = False


class Machine(Answer):
    """A machine that calls us, or did. `last_used_at` is at most a minute late."""

    id: UUID
    name: str
    agency: str | None
    scopes: list[Scope]
    addresses: list[str]
    plain_key: bool
    made_at: datetime
    last_used_at: datetime | None
    closed_at: datetime | None
    close_reason: str | None


class Key(Answer):
    """A key, without what is secret of it. `expires_at`: null: it is good until it is revoked."""

    id: UUID
    made_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class MachineWithKeys(Machine):
    """A machine, and its fifty newest keys."""

    keys: list[Key]


class MakeKey(Body):
    """Until when the key shall be good; null: until it is revoked."""

    expires_at: Moment | None = None


class MadeKey(Answer):
    """A new key. `key` is shown this once: whoever loses it makes another.

    `keyid` is its public part, which a signature names."""

    key_id: UUID
    key: str
    keyid: str
    made_at: datetime
    expires_at: datetime | None


class MachineItself(Answer):
    """Who I am, what I may do, and the key that says so. `signed`: false: the key was shown as it is."""

    machine_id: UUID
    name: str
    agency: str | None
    scopes: list[Scope]
    key_id: UUID
    mode: KeyMode
    signed: bool
    expires_at: datetime | None
