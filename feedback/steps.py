"""What every step of a report has in common: the report is locked, seen as it was last seen, and told of.

    submitted ─► verified ─► assigned ─► in_progress ─► resolved ─► closed
        │           ▲            │             │            │
        ▼           └── returned ┴─────────────┘            └─► assigned, when its reporter has it opened again
    rejected

Every open one may also become a `duplicate` of another. A step makes a new version; whoever saw an older one is
told."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from app import outbox
from app.clock import city_now
from app.db import Connection, maybe, queries_beside
from app.errors import NotFound, Refusal
from app.identity.models import Principal, Role
from feedback.events import ReportMoved
from feedback.models import ActorKind, ReportStatus, StepKind

sql = queries_beside(__file__)

CENTRE: tuple[Role, ...] = ("operator", "supervisor")
AGENCY: tuple[Role, ...] = ("agency_officer", "agency_head")
LOOKERS = (*CENTRE, *AGENCY)
MOST_NOTES = 200

Audience = Literal["nobody", "reporter", "everybody"]


class ReportChanged(Refusal):
    """Phản ánh này vừa được {by} cập nhật; hãy tải lại rồi làm tiếp.

    This report was just changed by {by}; load it again and go on."""


class StepOutOfTurn(Refusal):
    """Không thể làm việc này khi phản ánh đang ở trạng thái "{state}".

    This cannot be done to a report that is {state}."""


class Versioned(Protocol):
    """What is asked for, of a version of a report that somebody has seen."""

    @property
    def version(self) -> int:
        """The one that they saw."""
        ...


class Locked(msgspec.Struct, frozen=True):
    """A report whose row is locked, with what its steps need to know."""

    id: UUID
    code: str
    status: ReportStatus
    version: int
    category: str
    category_vi: str
    category_en: str
    agency: str | None
    agency_vi: str | None
    ward: str
    reporter_id: UUID | None
    reporter_names: str
    private: bool
    confidential: bool
    urgent: bool
    after_photo: bool
    keeps_original: bool
    due_minutes: int
    warn_minutes: int
    made_at: datetime
    first_due_at: datetime
    due_at: datetime
    asked_at: datetime | None
    resolved_at: datetime | None
    rating: str | None

    @property
    def is_open(self) -> bool:
        """Does somebody still have to do something about it?"""
        return self.status in {"submitted", "verified", "assigned", "in_progress"}


def may_see(me: Principal, *, agency: str | None, confidential: bool) -> bool:
    """May this member of staff read it? The centre all of them, an agency its own; complaints the supervisors
    only."""
    if me.agencies_as("supervisor"):
        return True
    if confidential:
        return False
    return bool(me.agencies_as("operator")) or agency in me.agencies_as(*AGENCY)


def works_for(me: Principal, agency: str | None, roles: tuple[Role, ...]) -> bool:
    """Has this member of staff one of an agency's roles there? A supervisor may do whatever anybody may."""
    here = {grant.role for grant in me.grants if grant.agency == agency}
    return bool(me.agencies_as("supervisor")) or not here.isdisjoint({*roles} & {*AGENCY})


async def lock(db: Connection, report_id: UUID) -> Locked:
    """The report, locked until the transaction ends; raises NotFound."""
    report = await maybe(Locked, db, sql.lock_report, report_id)
    if report is None:
        raise NotFound
    return report


async def lock_for(db: Connection, me: Principal, report_id: UUID, roles: tuple[Role, ...]) -> Locked:
    """The same for a member of staff who has one of the roles; of an agency's roles, at the agency that has the
    report.

    A supervisor may do whatever anybody may. Raises NotFound."""
    report = await lock(db, report_id)
    if not may_see(me, agency=report.agency, confidential=report.confidential):
        raise NotFound
    in_the_centre = {grant.role for grant in me.grants} & {*roles} & {*CENTRE}
    if not in_the_centre and not works_for(me, report.agency, roles):
        raise NotFound
    return report


def _hash(wanted: Versioned, beside: UUID | None) -> bytes:
    """Of all that is asked for. `beside`: what else the address names."""
    return hashlib.sha256(msgspec.json.encode((type(wanted).__name__, wanted, beside))).digest()


async def is_made(
    db: Connection, me: Principal, report_id: UUID, wanted: Versioned, beside: UUID | None = None
) -> bool:
    """Is the step that followed the version this very one, and mine?"""
    return await db.fetchval(sql.is_my_step, report_id, wanted.version + 1, me.id, _hash(wanted, beside))


async def is_done(
    db: Connection, me: Principal, report: Locked, wanted: Versioned, beside: UUID | None = None
) -> bool:
    """Have I made this very step before (its answer was lost on the way)? Else the version must be the report's;
    raises ReportChanged. `beside`: what else the address names."""
    if report.version == wanted.version:
        return False
    if await is_made(db, me, report.id, wanted, beside):
        return True
    name = await db.fetchval(sql.latest_step, report.id)
    raise ReportChanged(by=name or "…", version=report.version, state=report.status)


def need(report: Locked, *statuses: ReportStatus) -> None:
    """Raises StepOutOfTurn unless the report is in one of these states."""
    if report.status not in statuses:
        raise StepOutOfTurn(state=report.status)


async def record(
    db: Connection,
    report: Locked,
    actor: Principal | None,
    kind: StepKind,
    said: str | None = None,
    *,
    audience: Audience,
    by: ActorKind = "staff",
    agency: str | None = None,
    wanted: Versioned | None = None,
    beside: UUID | None = None,
) -> None:
    """Write a step that was made down as the report's next version, and tell whoever may know.

    Its update of the report comes before it. `agency`: in whose name; `wanted` and `beside`: by which request."""
    public_words = await db.fetchval(
        sql.record_step,
        report.id,
        kind,
        actor and actor.id,
        by,
        agency,
        said,
        audience == "everybody",
        audience != "nobody",
        report.reporter_names,
        None if wanted is None else _hash(wanted, beside),
    )
    if audience == "nobody":
        return
    followers: Sequence[UUID] = []
    if audience == "everybody":
        followers = await db.fetchval(sql.followers_to_tell, report.id, actor and actor.id)
    reporter_id = None if actor is not None and actor.id == report.reporter_id else report.reporter_id
    if reporter_id is None and not followers:
        return
    await outbox.record(
        db,
        ReportMoved(
            report_id=report.id,
            code=report.code,
            category=report.category_vi,
            category_en=report.category_en,
            step=kind,
            words=said,
            public_words=public_words,
            due_at=await db.fetchval(sql.due_at, report.id) or city_now(),
            reporter_id=reporter_id,
            follower_ids=list(followers),
        ),
    )


async def officers_of(db: Connection, agency: str) -> list[UUID]:
    """The people of an agency who deal with reports."""
    return await db.fetchval(sql.people_with_roles, [agency], list(AGENCY))


async def responsible(db: Connection, agency: str | None, *, confidential: bool) -> list[UUID]:
    """Whose business a report is: its agency's people; the centre's while it is nobody's; of a complaint the
    supervisors."""
    if confidential:
        return await supervisors(db)
    if agency is not None:
        return await officers_of(db, agency)
    return await db.fetchval(sql.people_with_roles, None, list(CENTRE))


async def supervisors(db: Connection) -> list[UUID]:
    """Everybody who supervises."""
    return await db.fetchval(sql.people_with_roles, None, ["supervisor"])
