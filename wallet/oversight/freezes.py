"""Freezes: an authority's order that money stays where it is. One member of compliance proposes, another approves.

    proposed ──► active ──► lift_proposed ──► lifted
        ╲──► refused   ◄── (kept) ──┘

All of an account: nothing goes out any more, money may still come in, and what was held before (a withdrawal on its
way) still ends as its bank says. A part: that amount is held under the freeze's id, the rest is free. Several orders
may hold an account: it is free when the last of them is lifted."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app import outbox
from app.audit import records
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import NotFound, Refusal, refusing
from app.identity.models import Principal
from app.staff.members import need_grant
from app.staff.pages import before, page_of
from app.types import Page, phone
from wallet import holds, ledger
from wallet.events import MoneyFrozen, MoneyReleased
from wallet.ledger import Move
from wallet.oversight.models import Freeze, FreezeStatus, LiftFreeze, ProposeFreeze

sql = queries_beside(__file__)


class FreezeIdTaken(Refusal):
    """Mã lệnh phong tỏa này đã được dùng với nội dung khác.

    This freeze's id is already used with other content."""


class FreezeOfOneAccount(Refusal):
    """Hãy ghi số điện thoại, hoặc mã ví hay mã cửa hàng: một trong hai.

    Name a phone number or an account's id: one of the two."""

    status = 400


class FreezeIsDecided(Refusal):
    """Lệnh phong tỏa này đã được quyết định.

    This freeze was decided already."""


class FreezeDoesNotHold(Refusal):
    """Lệnh phong tỏa này không còn hoặc chưa có hiệu lực.

    This freeze does not hold, or no more."""


class FreezeNeedsSecondPairOfEyes(Refusal):
    """Người đề nghị không thể tự duyệt; cần một người khác của bộ phận tuân thủ.

    Whoever proposed it may not approve it; another member of compliance must."""

    status = 403


class TooLittleToFreeze(Refusal):
    """Tài khoản không có đủ số tiền này; hãy phong tỏa toàn bộ tài khoản.

    The account has not so much money; freeze all of it instead."""


class _Account(msgspec.Struct, frozen=True):
    account_id: UUID
    owner_id: UUID
    merchant_id: UUID | None


class _Row(msgspec.Struct, frozen=True):
    id: UUID
    account_id: UUID
    owner_id: UUID
    merchant_name: str | None
    amount: int | None
    tell_owner: bool
    status: FreezeStatus
    decided_by: UUID | None
    lift_reason: str | None
    lift_proposed_by: UUID | None
    lifted_by: UUID | None


async def propose(db: Connection, me: Principal, freeze_id: UUID, wanted: ProposeFreeze) -> Freeze:
    """Propose a freeze; nothing is frozen by it. The same again is the same.

    Raises Forbidden, FreezeOfOneAccount, BadPhone, NotFound, FreezeIdTaken."""
    await need_grant(db, me, "compliance")
    if (wanted.phone is None) == (wanted.account_id is None):
        raise FreezeOfOneAccount
    number = None if wanted.phone is None else phone(wanted.phone)
    account = await maybe(_Account, db, sql.freezable, number, wanted.account_id)
    if account is None:
        raise NotFound
    new = await db.fetchval(
        sql.propose_freeze,
        freeze_id,
        account.account_id,
        account.owner_id,
        account.merchant_id,
        wanted.order_number,
        wanted.issued_by,
        wanted.reason,
        wanted.amount,
        wanted.tell_owner,
        me.id,
    )
    freeze = await one(Freeze, db, sql.freeze, freeze_id)
    if new is None:
        _check_same(freeze, me, account, wanted)
        return freeze
    what = {"account_id": account.account_id, "order_number": wanted.order_number, "amount": wanted.amount}
    await records.record(db, me, "wallet.freeze_proposed", freeze_id, **what)
    return freeze


def _check_same(freeze: Freeze, me: Principal, account: _Account, wanted: ProposeFreeze) -> None:
    kept = (freeze.proposed_by, freeze.account_id, freeze.order_number, freeze.issued_by)
    if kept != (me.id, account.account_id, wanted.order_number, wanted.issued_by):
        raise FreezeIdTaken
    if (freeze.reason, freeze.amount, freeze.tell_owner) != (wanted.reason, wanted.amount, wanted.tell_owner):
        raise FreezeIdTaken


async def approve(db: Connection, me: Principal, freeze_id: UUID) -> Freeze:
    """The second pair of eyes: it holds from now on. Again by the same person changes nothing.

    Raises Forbidden, NotFound, FreezeIsDecided, FreezeNeedsSecondPairOfEyes, TooLittleToFreeze, AccountFrozen (a part
    of what is frozen already), AccountClosed."""
    await need_grant(db, me, "compliance")
    row = await _for_update(db, freeze_id)
    if row.status != "proposed":
        if row.status == "refused" or row.decided_by != me.id:
            raise FreezeIsDecided
        return await one(Freeze, db, sql.freeze, freeze_id)
    with refusing(account_freeze_second_pair_of_eyes=FreezeNeedsSecondPairOfEyes):
        await db.execute(sql.decide_freeze, freeze_id, "active", me.id)
    await records.record(db, me, "wallet.freeze_approved", freeze_id, account_id=row.account_id, amount=row.amount)
    if row.tell_owner:
        await outbox.record(db, MoneyFrozen(**_news(row)))
    freeze = await one(Freeze, db, sql.freeze, freeze_id)
    await _freeze(db, row)
    return freeze


def _news(row: _Row) -> dict[str, Any]:
    return {
        "freeze_id": row.id,
        "owner_id": row.owner_id,
        "merchant_name": row.merchant_name,
        "amount": row.amount,
    }


async def _freeze(db: Connection, row: _Row) -> None:
    if row.amount is None:
        await db.execute(sql.open_account, row.account_id)
        await _set_frozen(db, row)
        return
    try:
        await holds.place(db, Move(row.id, "payout", row.account_id, ledger.GUARANTEE, row.amount))
    except ledger.InsufficientFunds:
        raise TooLittleToFreeze from None


async def _set_frozen(db: Connection, row: _Row) -> None:
    """Under the account's lock, which every movement takes; only then it is seen which other orders hold it."""
    await db.execute(sql.lock_account, row.account_id)
    await db.execute(sql.set_frozen, row.account_id)


async def refuse(db: Connection, me: Principal, freeze_id: UUID) -> Freeze:
    """No; also whoever proposed it may take it back so. Raises Forbidden, NotFound, FreezeIsDecided."""
    await need_grant(db, me, "compliance")
    row = await _for_update(db, freeze_id)
    if row.status == "proposed":
        await db.execute(sql.decide_freeze, freeze_id, "refused", me.id)
        await records.record(db, me, "wallet.freeze_refused", freeze_id)
    elif (row.status, row.decided_by) != ("refused", me.id):
        raise FreezeIsDecided
    return await one(Freeze, db, sql.freeze, freeze_id)


async def propose_lift(db: Connection, me: Principal, freeze_id: UUID, wanted: LiftFreeze) -> Freeze:
    """Propose that it ends; it holds on until another approves. Raises Forbidden, NotFound, FreezeDoesNotHold."""
    await need_grant(db, me, "compliance")
    row = await _for_update(db, freeze_id)
    if row.status == "active":
        await db.execute(sql.propose_lift, freeze_id, me.id, wanted.reason)
        await records.record(db, me, "wallet.freeze_lift_proposed", freeze_id)
    elif (row.status, row.lift_proposed_by, row.lift_reason) != ("lift_proposed", me.id, wanted.reason):
        raise FreezeDoesNotHold
    return await one(Freeze, db, sql.freeze, freeze_id)


async def refuse_lift(db: Connection, me: Principal, freeze_id: UUID) -> Freeze:
    """It goes on. Raises Forbidden, NotFound, FreezeDoesNotHold."""
    await need_grant(db, me, "compliance")
    row = await _for_update(db, freeze_id)
    if row.status == "lift_proposed":
        await db.execute(sql.drop_lift, freeze_id)
        await records.record(db, me, "wallet.freeze_lift_refused", freeze_id)
    elif row.status != "active":
        raise FreezeDoesNotHold
    return await one(Freeze, db, sql.freeze, freeze_id)


async def lift(db: Connection, me: Principal, freeze_id: UUID) -> Freeze:
    """The second pair of eyes: it ends now. Again by the same person changes nothing.

    Raises Forbidden, NotFound, FreezeDoesNotHold, FreezeNeedsSecondPairOfEyes."""
    await need_grant(db, me, "compliance")
    row = await _for_update(db, freeze_id)
    if row.status != "lift_proposed":
        if (row.status, row.lifted_by) != ("lifted", me.id):
            raise FreezeDoesNotHold
        return await one(Freeze, db, sql.freeze, freeze_id)
    with refusing(account_freeze_lift_second_pair_of_eyes=FreezeNeedsSecondPairOfEyes):
        await db.execute(sql.lift_freeze, freeze_id, me.id)
    await records.record(db, me, "wallet.freeze_lifted", freeze_id, account_id=row.account_id)
    if row.tell_owner:
        await outbox.record(db, MoneyReleased(**_news(row)))
    freeze = await one(Freeze, db, sql.freeze, freeze_id)
    if row.amount is None:
        await _set_frozen(db, row)
    else:
        await holds.void(db, freeze_id)
    return freeze


async def _for_update(db: Connection, freeze_id: UUID) -> _Row:
    row = await maybe(_Row, db, sql.freeze_for_update, freeze_id)
    if row is None:
        raise NotFound
    return row


async def show(db: Connection, freeze_id: UUID) -> Freeze:
    """A freeze; raises NotFound."""
    freeze = await maybe(Freeze, db, sql.freeze, freeze_id)
    if freeze is None:
        raise NotFound
    return freeze


async def page(db: Connection, status: FreezeStatus | None, cursor: str | None, limit: int) -> Page[Freeze]:
    """Freezes and proposals, newest first, of one status if asked for; raises BadCursor."""
    lines = await many(Freeze, db, sql.freezes, status, *before(cursor), limit + 1)
    return page_of(lines, limit, _key)


def _key(freeze: Freeze) -> tuple[datetime, UUID]:
    return freeze.made_at, freeze.id
