"""Money of which somebody outside says nothing does not wait for ever: finance finds out, and two of them decide.

A payout of which the bank says nothing, a payment of which its biller says nothing, a top-up at which the gateway
looks for ever: one member of finance writes down what became of it, as papers or a call have it, and another approves
what was seen. Before that they are asked by machine for `PATIENCE_S`. What they say themselves meanwhile comes first,
and what was sent again meanwhile must be found out again (docs/decisions/0012)."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from app.audit import records
from app.db import Connection, maybe, one, queries_beside
from app.errors import NotFound, Refusal, refusing
from app.identity.models import Principal
from app.staff.members import need_grant
from wallet.models import ApproveFinding, Finding, WriteFinding

sql = queries_beside(__file__)

PATIENCE_S = 3600
STILL_ON_ITS_WAY_S = 120
"""What was sent so short a time ago may still arrive there."""


class NotStuck(Refusal):
    """Giao dịch này đã có kết quả, hoặc bên kia vẫn còn thời gian để trả lời.

    This has ended, or the other side still has time to answer."""


class ReferenceNeeded(Refusal):
    """Giao dịch đã hoàn tất cần có mã giao dịch của bên kia.

    What was paid needs the other side's reference."""

    status = 400


class SentSinceFound(Refusal):
    """Lệnh đã được gửi lại sau khi ghi kết quả này; hãy hỏi lại bên kia rồi ghi lại.

    It was sent again since this was found; ask the other side once more, and write it down anew."""


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


class Matter(NamedTuple):
    """What may wait for somebody outside.

    `noun` names it in the audit; `lock` is the statement that locks one and says whether it is `stuck` after so many
    seconds (and nothing was sent in the last so many), and when it was `sent_at` last; `end` brings about what was
    found, in the same transaction."""

    noun: str
    lock: str
    end: Callable[[Connection, Finding], Awaitable[None]]


class _Locked(msgspec.Struct, frozen=True):
    stuck: bool
    sent_at: datetime


async def write(db: Connection, me: Principal, matter: Matter, movement_id: UUID, wanted: WriteFinding) -> Finding:
    """Write down what became of it, instead of what was written before; it decides nothing yet.

    Raises Forbidden, NotFound, NotStuck, ReferenceNeeded."""
    await need_grant(db, me, "finance")
    if not (await _locked(db, matter, movement_id)).stuck:
        raise NotStuck
    with refusing(finding_paid_has_reference=ReferenceNeeded):
        what = (matter.noun, movement_id, wanted.status, wanted.reference, wanted.note)
        finding = await one(Finding, db, sql.write_finding, *what, me.id)
    await records.record(db, me, f"wallet.{matter.noun}_found", movement_id, status=wanted.status)
    return finding


async def approve(db: Connection, me: Principal, matter: Matter, movement_id: UUID, seen: ApproveFinding) -> Finding:
    """The second pair of eyes, on what was `seen`: the money goes, or is free again. The same again changes nothing.

    Raises Forbidden, NotFound, NotStuck, SentSinceFound, FindingIsApproved, FindingHasChanged,
    FindingNeedsSecondPairOfEyes."""
    await need_grant(db, me, "finance")
    locked = await _locked(db, matter, movement_id)
    finding = await maybe(Finding, db, sql.finding, matter.noun, movement_id)
    if finding is None:
        raise NotFound
    if finding.approved_by is not None:
        if locked.stuck or finding.approved_by != me.id:  # stuck anew: what was found before says nothing of it
            raise FindingIsApproved
        return finding
    if (finding.status, finding.found_at) != (seen.status, seen.found_at):
        raise FindingHasChanged
    if not locked.stuck:
        raise NotStuck
    if locked.sent_at >= finding.found_at:
        raise SentSinceFound
    with refusing(finding_second_pair_of_eyes=FindingNeedsSecondPairOfEyes):
        approved = await one(Finding, db, sql.approve_finding, matter.noun, movement_id, me.id)
    await records.record(db, me, f"wallet.{matter.noun}_finding_approved", movement_id, status=finding.status)
    await matter.end(db, approved)
    return approved


async def _locked(db: Connection, matter: Matter, movement_id: UUID) -> _Locked:
    locked = await maybe(_Locked, db, matter.lock, movement_id, PATIENCE_S, STILL_ON_ITS_WAY_S)
    if locked is None:
        raise NotFound
    return locked
