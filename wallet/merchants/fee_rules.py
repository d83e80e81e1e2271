"""What the city takes of a taking: rules that one member of finance proposes and another approves."""

from uuid import UUID

from app.audit import records
from app.clock import city_now
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import NotFound, Refusal, refusing
from app.identity.models import Principal
from app.staff.members import need_grant
from app.staff.pages import before, page_of
from app.types import Page
from wallet.merchants.settlement_models import FeeRule, ProposeFeeRule

sql = queries_beside(__file__)


class FeeRuleIdTaken(Refusal):
    """Mã quy tắc phí này đã được dùng với nội dung khác.

    This fee rule's id is already used with other content."""


class FeeRuleForTooMany(Refusal):
    """Quy tắc phí chỉ dành cho một cửa hàng, một ngành hoặc tất cả.

    A fee rule is for one merchant, for one category, or for all."""

    status = 400


class FeeRuleInThePast(Refusal):
    """Quy tắc phí phải có hiệu lực từ một thời điểm ở phía trước.

    A fee rule must hold from a moment that lies ahead."""


class UnknownMerchant(Refusal):
    """Không tìm thấy cửa hàng này.

    This merchant is not known."""

    status = 400


class FeeNeedsSecondPairOfEyes(Refusal):
    """Người đề nghị không thể tự duyệt; cần một người khác của bộ phận tài chính.

    Whoever proposed a rule may not approve it; another member of finance must."""

    status = 403


async def propose(db: Connection, me: Principal, fee_rule_id: UUID, wanted: ProposeFeeRule) -> FeeRule:
    """Propose a rule; it counts for nothing yet. The same again is the same.

    Raises Forbidden, FeeRuleForTooMany, UnknownMerchant, FeeRuleInThePast, FeeRuleIdTaken."""
    await need_grant(db, me, "finance")
    with refusing(fee_rule_for_one_or_a_kind=FeeRuleForTooMany, fee_rule_merchant_id_fkey=UnknownMerchant):
        made = await db.fetchval(
            sql.propose_fee_rule,
            fee_rule_id,
            wanted.merchant_id,
            wanted.category_code,
            wanted.basis_points,
            wanted.fixed,
            wanted.most,
            wanted.effective_from,
            me.id,
        )
    rule = await one(FeeRule, db, sql.fee_rule, fee_rule_id)
    if made is None:
        _check_same(rule, me, wanted)
        return rule
    if wanted.effective_from <= city_now():
        raise FeeRuleInThePast
    await records.record(db, me, "wallet.fee_rule_proposed", fee_rule_id, basis_points=rule.basis_points)
    return rule


def _check_same(rule: FeeRule, me: Principal, wanted: ProposeFeeRule) -> None:
    kept = (rule.proposed_by, rule.merchant_id, rule.category_code, rule.basis_points, rule.fixed, rule.most)
    asked = (me.id, wanted.merchant_id, wanted.category_code, wanted.basis_points, wanted.fixed, wanted.most)
    if kept != asked or rule.effective_from != wanted.effective_from:
        raise FeeRuleIdTaken


async def approve(db: Connection, me: Principal, fee_rule_id: UUID) -> FeeRule:
    """The second pair of eyes: the rule holds from its moment on. Again by whomever changes nothing.

    Raises Forbidden, NotFound, FeeRuleInThePast, FeeNeedsSecondPairOfEyes."""
    await need_grant(db, me, "finance")
    rule = await maybe(FeeRule, db, sql.fee_rule_for_update, fee_rule_id)
    if rule is None:
        raise NotFound
    if rule.approved_at is not None:
        return rule
    if rule.effective_from <= city_now():
        raise FeeRuleInThePast
    with refusing(fee_rule_second_pair_of_eyes=FeeNeedsSecondPairOfEyes):
        await db.execute(sql.approve_fee_rule, fee_rule_id, me.id)
    await records.record(db, me, "wallet.fee_rule_approved", fee_rule_id, basis_points=rule.basis_points)
    return await one(FeeRule, db, sql.fee_rule, fee_rule_id)


async def page(db: Connection, cursor: str | None, limit: int) -> Page[FeeRule]:
    """All rules and proposals, newest first; raises BadCursor."""
    lines = await many(FeeRule, db, sql.fee_rules, *before(cursor), limit + 1)
    return page_of(lines, limit, lambda rule: (rule.made_at, rule.id))
