"""The door to the audit."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get
from litestar.params import FromQuery, QueryParameter

from app.audit import reading
from app.audit.models import AuditRow
from app.deps import Db, Door
from app.types import Page

Subject = Annotated[str | None, QueryParameter(min_length=1, max_length=100, pattern=r"^[0-9A-Za-z:._-]+$(?!\n)")]
Action = Annotated[str | None, QueryParameter(max_length=100, pattern=r"^[a-z_]+(\.[a-z_]+)+$(?!\n)")]
Cursor = Annotated[str | None, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]


@get("/v1/staff/audit", who=("compliance", "admin"))
async def list_audit(
    db: Db,
    request: Door,
    actor_id: FromQuery[UUID | None] = None,
    subject: Subject = None,
    action: Action = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[AuditRow]:
    """Who did what, newest first: by an actor, about a subject, of one kind. That it was read is in it too."""
    return await reading.page(db, request.me, actor_id, subject, action, cursor, limit)


router = Router("/", route_handlers=[list_audit], tags=["audit"])
