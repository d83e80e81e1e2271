"""Finance looks at shops: one that opens waits for a yes, and one that gives cause is stopped for a while.

    pending ──► active ◄──► suspended
       ╲─────────────────────► suspended
    pending | active ──► closed, by its owner (merchants.close)

A suspended shop takes nothing and is not settled with; its money stays its own. Another name or category that its
owner wants waits for a yes too, while the shop goes on as it is."""

from uuid import UUID

import msgspec

from app import outbox
from app.audit import records
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import NotFound, Refusal
from app.identity.models import Principal
from app.staff.members import need_grant
from app.staff.models import GiveReason
from app.staff.pages import before, page_of
from app.types import Page
from wallet.events import MerchantApproved, MerchantReinstated, MerchantStopped
from wallet.merchants.models import ApproveMerchant, StaffMerchant
from wallet.models import MerchantStatus

sql = queries_beside(__file__)


class MerchantStateDiffers(Refusal):
    """Đơn vị này không ở trạng thái cho phép việc đó.

    This merchant is not in a state that allows this."""


class MerchantChangedMeanwhile(Refusal):
    """Chủ đơn vị vừa đổi tên hoặc ngành nghề; hãy xem lại rồi duyệt.

    The owner has just changed the name or the category; look again before you approve."""


class _Merchant(msgspec.Struct, frozen=True):
    status: MerchantStatus
    status_reason: str | None
    owner_id: UUID
    name: str
    category_code: str
    ward: str
    wanted_name: str | None
    wanted_category_code: str | None


async def page(
    db: Connection, status: MerchantStatus | None, waiting: bool, cursor: str | None, limit: int
) -> Page[StaffMerchant]:
    """The city's shops, newest first; of one status, or those that wait for a yes, if asked for. Raises BadCursor."""
    lines = await many(StaffMerchant, db, sql.merchants_for_staff, status, waiting, *before(cursor), limit + 1)
    return page_of(lines, limit, lambda merchant: (merchant.made_at, merchant.id))


async def approve(db: Connection, me: Principal, merchant_id: UUID, seen: ApproveMerchant) -> StaffMerchant:
    """A shop that waits may take payments; one that takes them may be what its owner wants.

    Raises Forbidden, NotFound, MerchantStateDiffers, MerchantChangedMeanwhile."""
    merchant = await _to_change(db, me, merchant_id)
    if merchant.status not in {"pending", "active"}:
        raise MerchantStateDiffers
    name, category_code = (
        merchant.wanted_name or merchant.name,
        merchant.wanted_category_code or merchant.category_code,
    )
    if (seen.name, seen.category_code) != (name, category_code):
        raise MerchantChangedMeanwhile
    if merchant.status == "pending":
        await _change(db, me, merchant_id, "active", "wallet.merchant_approved")
    elif merchant.wanted_name is not None:
        await db.execute(sql.change_merchant, merchant_id, name, category_code, merchant.ward)
        await records.record(
            db, me, "wallet.merchant_change_approved", merchant_id, name=name, category_code=category_code
        )
    else:
        return await one(StaffMerchant, db, sql.merchant_for_staff, merchant_id)
    await outbox.record(db, MerchantApproved(merchant_id=merchant_id, owner_id=merchant.owner_id, merchant_name=name))
    return await one(StaffMerchant, db, sql.merchant_for_staff, merchant_id)


async def suspend(db: Connection, me: Principal, merchant_id: UUID, wanted: GiveReason) -> StaffMerchant:
    """A shop takes no payments until it is reinstated; its owner is told why. Raises Forbidden, NotFound,
    MerchantStateDiffers."""
    merchant = await _to_change(db, me, merchant_id)
    if merchant.status in {"pending", "active"}:
        await _change(db, me, merchant_id, "suspended", "wallet.merchant_suspended", wanted.reason)
        news = MerchantStopped(
            merchant_id=merchant_id,
            owner_id=merchant.owner_id,
            merchant_name=merchant.name,
            reason=wanted.reason,
        )
        await outbox.record(db, news)
    elif (merchant.status, merchant.status_reason) != ("suspended", wanted.reason):
        raise MerchantStateDiffers
    return await one(StaffMerchant, db, sql.merchant_for_staff, merchant_id)


async def reinstate(db: Connection, me: Principal, merchant_id: UUID) -> StaffMerchant:
    """A suspended shop takes payments again. Raises Forbidden, NotFound, MerchantStateDiffers."""
    merchant = await _to_change(db, me, merchant_id)
    if merchant.status == "suspended":
        await _change(db, me, merchant_id, "active", "wallet.merchant_reinstated")
        news = MerchantReinstated(merchant_id=merchant_id, owner_id=merchant.owner_id, merchant_name=merchant.name)
        await outbox.record(db, news)
    elif merchant.status != "active":
        raise MerchantStateDiffers
    return await one(StaffMerchant, db, sql.merchant_for_staff, merchant_id)


async def _to_change(db: Connection, me: Principal, merchant_id: UUID) -> _Merchant:
    await need_grant(db, me, "finance")
    merchant = await maybe(_Merchant, db, sql.merchant_to_change, merchant_id)
    if merchant is None:
        raise NotFound
    return merchant


async def _change(
    db: Connection, me: Principal, merchant_id: UUID, status: MerchantStatus, deed: str, reason: str | None = None
) -> None:
    await db.execute(sql.change_merchant_status, merchant_id, status, reason)
    await records.record(db, me, deed, merchant_id, **({} if reason is None else {"reason": reason}))
