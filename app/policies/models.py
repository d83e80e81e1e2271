"""The nouns of policies: numbers that the city changes without a release."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from app.types import MOST_DONG, Answer, Body, Explanation

ChangeStatus = Literal["proposed", "approved", "refused"]


class Coming(Answer):
    """What a policy will say, and from when on."""

    value: int
    effective_from: datetime


class Policy(Answer):
    """A rule's number: đồng, hours, days or a level, as its code says. `coming`: what was approved for later."""

    code: str
    value: int
    effective_from: datetime
    coming: list[Coming]


class Policies(Answer):
    """Every policy there is, by code."""

    items: list[Policy]


class ProposeChange(Body):
    """What a policy shall say from a moment on that lies ahead, and why (the decision's number, the law)."""

    value: Annotated[int, Meta(ge=0, le=MOST_DONG)]
    effective_from: datetime
    reason: Explanation


class PolicyChange(Answer):
    """A proposal and what became of it."""

    id: UUID
    code: str
    value: int
    effective_from: datetime
    reason: str
    status: ChangeStatus
    proposed_by: UUID
    made_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
