"""A payout of which the bank says nothing does not wait for ever: finance asks the bank, and two of them decide."""

from uuid import UUID

import msgspec

from app.audit import records
from app.db import Connection, maybe, one, queries_beside
from app.errors import NotFound, Refusal, refusing
from app.identity.models import Principal
from app.staff.members import need_grant
from wallet.gateways import payout_errands
from wallet.gateways.partner_bank import Done, Refused
from wallet.gateways.payout_models import ApproveFinding, FindPayout, PayoutFinding, PayoutStatus

sql = queries_beside(__file__)

PATIENCE_S = 3600
"""The bank is asked by machine for so long before anybody may decide by hand."""


class PayoutNotStuck(Refusal):
    """Lệnh chi này đã có kết quả, hoặc ngân hàng vẫn còn thời gian để trả lời.

    This payout has ended, or the bank still has time to answer."""


class ReferenceNeeded(Refusal):
    """Lệnh đã chi cần có mã giao dịch của ngân hàng.

    A payout that was paid needs the bank's reference."""

    status = 400


class FindingIsApproved(Refusal):
    """Kết quả này đã được duyệt.

    This finding was approved already."""


class FindingHasChanged(Refusal):
    """Kết quả đã được ghi lại khác đi; hãy xem lại rồi duyệt.

    This finding was written anew meanwhile; look at it again before you approve."""


class FindingNeedsSecondPairOfEyes(Refusal):
    """Người ghi kết quả không thể tự duyệt; cần một người khác của bộ phận tài chính.

    Whoever wrote a finding down may not approve it; another member of finance must."""

    status = 403


class _Payout(msgspec.Struct, frozen=True):
    status: PayoutStatus
    stuck: bool


async def write(db: Connection, me: Principal, payout_id: UUID, wanted: FindPayout) -> PayoutFinding:
    """Write down what became of a payout, instead of what was written before; it decides nothing yet.

    Raises Forbidden, NotFound, PayoutNotStuck, ReferenceNeeded."""
    await need_grant(db, me, "finance")
    if not (await _locked(db, payout_id)).stuck:
        raise PayoutNotStuck
    with refusing(payout_finding_paid_has_reference=ReferenceNeeded):
        finding = await one(
            PayoutFinding, db, sql.write_finding, payout_id, wanted.status, wanted.bank_reference, wanted.note, me.id
        )
    await records.record(db, me, "wallet.payout_found", payout_id, status=wanted.status)
    return finding


async def approve(db: Connection, me: Principal, payout_id: UUID, seen: ApproveFinding) -> PayoutFinding:
    """The second pair of eyes, on what was `seen`: the money goes, or is free again. The same again changes nothing.

    Raises Forbidden, NotFound, PayoutNotStuck, FindingIsApproved, FindingHasChanged, FindingNeedsSecondPairOfEyes."""
    await need_grant(db, me, "finance")
    payout = await _locked(db, payout_id)
    finding = await maybe(PayoutFinding, db, sql.finding, payout_id)
    if finding is None:
        raise NotFound
    if finding.approved_by is not None:
        if finding.approved_by != me.id:
            raise FindingIsApproved
        return finding
    if (finding.status, finding.found_at) != (seen.status, seen.found_at):
        raise FindingHasChanged
    if not payout.stuck:
        raise PayoutNotStuck
    with refusing(payout_finding_second_pair_of_eyes=FindingNeedsSecondPairOfEyes):
        approved = await one(PayoutFinding, db, sql.approve_finding, payout_id, me.id)
    await records.record(db, me, "wallet.payout_finding_approved", payout_id, status=finding.status)
    outcome = Refused("other") if finding.status == "refused" else Done(finding.bank_reference or "")
    await payout_errands.resolve(db, payout_id, outcome)
    return approved


async def _locked(db: Connection, payout_id: UUID) -> _Payout:
    payout = await maybe(_Payout, db, sql.payout_to_find, payout_id, PATIENCE_S)
    if payout is None:
        raise NotFound
    return payout
