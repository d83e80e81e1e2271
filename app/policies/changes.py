"""How a policy is changed: proposed by one, approved by another, in force from a moment that lies ahead."""

from uuid import UUID

from app.audit import records
from app.clock import city_now
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import NotFound, Refusal, refusing
from app.identity.models import Principal
from app.policies.models import Policies, Policy, PolicyChange, ProposeChange
from app.staff.grants import SecondPairOfEyesNeeded
from app.staff.members import need_grant
from app.staff.pages import before, page_of
from app.types import Page

sql = queries_beside(__file__)


class ChangeIdTaken(Refusal):
    """Mã đề nghị này đã được dùng với nội dung khác.

    This proposal's id is already used with other content."""


class ChangeIsDecided(Refusal):
    """Đề nghị này đã được quyết định.

    This proposal was decided already."""


class ChangeInThePast(Refusal):
    """Thời điểm có hiệu lực phải ở tương lai.

    The moment from which a policy changes must lie ahead."""

    status = 400


class MomentTaken(Refusal):
    """Quy định này đã có một thay đổi khác từ đúng thời điểm đó.

    This policy already has another change from that very moment."""


async def all_of_them(db: Connection) -> Policies:
    """What holds now, and what was approved for later."""
    return Policies(items=await many(Policy, db, sql.policies))


async def page(db: Connection, cursor: str | None, limit: int) -> Page[PolicyChange]:
    """Proposals, newest first; raises BadCursor."""
    lines = await many(PolicyChange, db, sql.policy_changes, *before(cursor), limit + 1)
    return page_of(lines, limit, lambda change: (change.made_at, change.id))


async def propose(db: Connection, me: Principal, code: str, change_id: UUID, wanted: ProposeChange) -> PolicyChange:
    """Propose a change; the same again is the same. Raises Forbidden, NotFound, ChangeInThePast, ChangeIdTaken."""
    await need_grant(db, me, "compliance")
    if not await db.fetchval(sql.policy_is_known, code):
        raise NotFound
    made = await db.fetchval(
        sql.propose_policy_change, change_id, code, wanted.value, wanted.effective_from, wanted.reason, me.id
    )
    change = await one(PolicyChange, db, sql.policy_change, change_id)
    if made is None:
        kept = (change.code, change.value, change.effective_from, change.reason, change.proposed_by)
        if kept != (code, wanted.value, wanted.effective_from, wanted.reason, me.id):
            raise ChangeIdTaken
        return change
    if wanted.effective_from <= city_now():
        raise ChangeInThePast
    await records.record(db, me, "policy.change_proposed", change_id, code=code, value=wanted.value)
    return change


async def approve(db: Connection, me: Principal, code: str, change_id: UUID) -> PolicyChange:
    """The second pair of eyes.

    Raises Forbidden, NotFound, ChangeIsDecided, SecondPairOfEyesNeeded, ChangeInThePast, MomentTaken."""
    await need_grant(db, me, "compliance", "admin")
    change = await _for_update(db, code, change_id)
    if change.status == "proposed":
        if change.effective_from <= city_now():
            raise ChangeInThePast
        with refusing(policy_change_second_pair_of_eyes=SecondPairOfEyesNeeded):
            await db.execute(sql.decide_policy_change, change_id, "approved", me.id)
        with refusing(policy_pkey=MomentTaken):
            await db.execute(sql.put_policy, change.code, change.effective_from, change.value)
        await records.record(db, me, "policy.change_approved", change_id, code=change.code, value=change.value)
    elif (change.status, change.decided_by) != ("approved", me.id):
        raise ChangeIsDecided
    return await one(PolicyChange, db, sql.policy_change, change_id)


async def refuse(db: Connection, me: Principal, code: str, change_id: UUID) -> PolicyChange:
    """No; also whoever proposed it may take it back so. Raises NotFound, ChangeIsDecided."""
    change = await _for_update(db, code, change_id)
    if change.status == "proposed":
        await db.execute(sql.decide_policy_change, change_id, "refused", me.id)
        await records.record(db, me, "policy.change_refused", change_id, code=change.code)
    elif (change.status, change.decided_by) != ("refused", me.id):
        raise ChangeIsDecided
    return await one(PolicyChange, db, sql.policy_change, change_id)


async def _for_update(db: Connection, code: str, change_id: UUID) -> PolicyChange:
    change = await maybe(PolicyChange, db, sql.policy_change_for_update, change_id)
    if change is None or change.code != code:
        raise NotFound
    return change
