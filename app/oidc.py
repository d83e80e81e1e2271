"""The relying party of OpenID Connect: a resident or a member of staff goes to a provider and comes back."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from app.db import Database

ProviderName = Literal["citizen", "staff"]


class Flow(msgspec.Struct, frozen=True):
    """On the way."""

    id: UUID
    authorize_url: str
    expires_at: datetime


class Claims(msgspec.Struct, frozen=True):
    """What the provider said."""

    flow_id: UUID
    issuer: str
    subject: str
    name: str
    email: str | None
    email_verified: bool
    phone: str | None
    born_on: date | None


async def begin(
    database: Database, provider: ProviderName, *, holder: str, redirect_path: str, flow_id: UUID | None = None
) -> Flow:
    """Begin."""
    raise NotImplementedError


async def finish(
    database: Database, provider: ProviderName, *, state: str, code: str, holder: str, redirect_path: str
) -> Claims:
    """Finish."""
    raise NotImplementedError
