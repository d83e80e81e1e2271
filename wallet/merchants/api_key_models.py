"""The nouns of API keys: with which a shop's own machines act for it."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from app.types import Answer, Body, ShortText

MerchantScope = Literal[
    "orders.read", "orders.write", "takings.read", "refunds.write", "webhooks.read", "webhooks.write"
]


class PutApiKey(Body):
    """What a machine of my shop's is called, and what it may do there."""

    name: ShortText
    scopes: Annotated[list[MerchantScope], Meta(min_length=1, max_length=10)]


class ApiKey(Answer):
    """A key of a shop's. `key` (`hk_live_…`, `hk_test_…`) is shown once: when it is made.

    `keyid` is its public part, which the machine's signatures name. `last_used_at` is at most a minute late."""

    id: UUID
    name: str
    scopes: list[MerchantScope]
    keyid: str
    made_at: datetime
    last_used_at: datetime | None
    key: str | None = None


class ApiKeys(Answer):
    """The keys of a shop that open something."""

    items: list[ApiKey]
