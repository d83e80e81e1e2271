"""The doors of policies: for staff who answer for the city's rules."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, put
from litestar.params import FromPath, JSONBody, QueryParameter

from app.deps import Db, Door
from app.policies import changes
from app.policies.models import Policies, PolicyChange, ProposeChange
from app.types import Nothing, Page

Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]


@get("/v1/staff/policies", who=("compliance", "finance", "admin"))
async def list_policies(db: Db) -> Policies:
    """What holds now, and what was approved for later."""
    return await changes.all_of_them(db)


@get("/v1/staff/policy-changes", who=("compliance", "finance", "admin"))
async def list_policy_changes(db: Db, cursor: Cursor = None, limit: Limit = 20) -> Page[PolicyChange]:
    """Proposals and what became of them, newest first."""
    return await changes.page(db, cursor, limit)


@put("/v1/staff/policies/{policy_code:str}/changes/{change_id:uuid}", who=("compliance",))
async def propose_policy_change(
    db: Db, request: Door, policy_code: FromPath[str], change_id: FromPath[UUID], data: JSONBody[ProposeChange]
) -> PolicyChange:
    """Propose what a policy shall say, under an id that I make; somebody else approves it."""
    return await changes.propose(db, request.me, policy_code, change_id, data)


@put("/v1/staff/policies/{policy_code:str}/changes/{change_id:uuid}/approval", who=("compliance", "admin"))
async def approve_policy_change(
    db: Db, request: Door, policy_code: FromPath[str], change_id: FromPath[UUID], data: JSONBody[Nothing]
) -> PolicyChange:
    """The second pair of eyes: not who proposed it."""
    return await changes.approve(db, request.me, policy_code, change_id)


@put("/v1/staff/policies/{policy_code:str}/changes/{change_id:uuid}/refusal", who=("compliance", "admin"))
async def refuse_policy_change(
    db: Db, request: Door, policy_code: FromPath[str], change_id: FromPath[UUID], data: JSONBody[Nothing]
) -> PolicyChange:
    """No; or I take my own proposal back."""
    return await changes.refuse(db, request.me, policy_code, change_id)


router = Router(
    "/",
    route_handlers=[
        list_policies, list_policy_changes, propose_policy_change, approve_policy_change, refuse_policy_change,
    ],
    tags=["staff"],
)  # fmt: skip
