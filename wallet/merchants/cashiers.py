"""Who works at a shop's counter.

A cashier is a resident with their own phone, PIN and number, and a row that says at which shop they work: so one
person may serve at two shops and pay with the same app, whoever did what is a person and not a shared account, and
whoever leaves loses the shop and keeps the wallet. The row is asked at every deed (`acts_for_merchant` in SQL), never
remembered: who is removed is out at once.

    invited ──► active ──► removed
       ╲──► expired (a week)

A cashier places and sees orders, charges customers' codes, sees what came in during their own shifts, and gives back
up to what the owner allows. Bank accounts, settlements, others' shifts and the list of cashiers are the owner's."""

from uuid import UUID

import msgspec

from app import outbox, policies
from app.budgets import Budget, spend
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import NotFound, Refusal
from app.identity.models import Principal
from app.types import phone
from wallet.events import CashierAccepted, CashierInvited, CashierRemoved
from wallet.ledger import WalletLocked
from wallet.merchants import shifts
from wallet.merchants.merchants import TooManyOfThem
from wallet.merchants.models import Cashier, Cashiers, Invitation, Invitations, InviteCashier

sql = queries_beside(__file__)

MOST_CASHIERS = 50
MOST_INVITATIONS_A_DAY = 50


class CashierIdTaken(Refusal):
    """Mã thu ngân này đã được dùng; hãy tạo mã mới.

    This cashier's id is taken; make a new one."""


class CashierAlreadyThere(Refusal):
    """Người này đã là thu ngân hoặc đã được mời tại cửa hàng này.

    This person works at this shop already, or is invited to."""


class RefundAboveCeiling(Refusal):
    """Vượt mức hoàn tiền trong ngày mà chủ cửa hàng cho phép bạn; hãy nhờ chủ cửa hàng hoàn.

    This is above what the shop's owner lets you give back in a day; ask them to do it."""

    status = 403


class InvitationExpired(Refusal):
    """Lời mời này đã hết hạn; hãy nhờ chủ cửa hàng mời lại.

    This invitation has expired; ask the shop's owner for a new one."""


class _Shop(msgspec.Struct, frozen=True):
    owner_id: UUID
    name: str


class _Others(msgspec.Struct, frozen=True):
    others: int
    same_number: bool


class _Told(msgspec.Struct, frozen=True):
    principal_id: UUID
    merchant_name: str


class _Invitation(msgspec.Struct, frozen=True):
    name: str
    accepted: bool
    in_time: bool
    works_there: bool


class _Removed(msgspec.Struct, frozen=True):
    id: UUID
    principal_id: UUID | None
    merchant_name: str


async def invite(
    db: Connection, me: Principal, merchant_id: UUID, cashier_id: UUID, wanted: InviteCashier
) -> Cashier:
    """Ask whoever has this number to work at my shop; the same id and number again changes name and ceiling.

    Nothing in the answer says whether anybody has the number. Raises NotFound, BadPhone, CashierAlreadyThere,
    CashierIdTaken, TooManyOfThem, TooManyRequests."""
    if await db.fetchval(sql.lock_merchant_of_mine, merchant_id, me.id) is None:
        raise NotFound
    number = phone(wanted.phone)
    there = await one(_Others, db, sql.other_cashiers, merchant_id, cashier_id, number)
    if there.same_number:
        raise CashierAlreadyThere
    if there.others >= MOST_CASHIERS:
        raise TooManyOfThem(most=MOST_CASHIERS)
    before = await maybe(Cashier, db, sql.cashier, cashier_id, merchant_id)
    invited = await db.fetchval(
        sql.invite_cashier, cashier_id, merchant_id, number, wanted.name, wanted.may_refund_up_to
    )
    if invited is None:
        raise CashierIdTaken
    if before is None:
        await spend(db, Budget(f"invite cashier {me.id}", MOST_INVITATIONS_A_DAY, 86_400))
        await _tell(db, merchant_id, cashier_id, number)
    return await one(Cashier, db, sql.cashier, cashier_id, merchant_id)


async def _tell(db: Connection, merchant_id: UUID, cashier_id: UUID, number: str) -> None:
    """Whoever has the number now; whoever gets it later finds the invitation in their list."""
    told = await maybe(_Told, db, sql.resident_of_number, number, merchant_id)
    if told is not None:
        news = CashierInvited(
            cashier_id=cashier_id,
            principal_id=told.principal_id,
            merchant_id=merchant_id,
            merchant_name=told.merchant_name,
        )
        await outbox.record(db, news)


async def of_merchant(db: Connection, me: Principal, merchant_id: UUID) -> Cashiers:
    """Who works at my shop or is invited to, fifty at most; raises NotFound."""
    if await db.fetchval(sql.owns_merchant, merchant_id, me.id) is None:
        raise NotFound
    return Cashiers(items=await many(Cashier, db, sql.cashiers, merchant_id))


async def invitations(db: Connection, me: Principal) -> Invitations:
    """The shops that ask for whoever has my number, the newest first, fifty at most."""
    return Invitations(items=await many(Invitation, db, sql.invitations_of_mine, me.id))


async def accept(db: Connection, me: Principal, merchant_id: UUID, cashier_id: UUID) -> Cashier:
    """Work at the shop that asks me; raises NotFound, InvitationExpired, CashierAlreadyThere."""
    shop = await maybe(_Shop, db, sql.lock_merchant, merchant_id)
    invitation = shop and await maybe(_Invitation, db, sql.invitation_to_me, cashier_id, merchant_id, me.id)
    if shop is None or invitation is None:
        raise NotFound
    if not invitation.accepted:
        if not invitation.in_time:
            raise InvitationExpired
        if invitation.works_there:
            raise CashierAlreadyThere
        await db.execute(sql.accept_invitation, cashier_id, me.id)
        news = CashierAccepted(
            cashier_id=cashier_id,
            merchant_id=merchant_id,
            owner_id=shop.owner_id,
            merchant_name=shop.name,
            cashier_name=invitation.name,
        )
        await outbox.record(db, news)
    return await one(Cashier, db, sql.cashier, cashier_id, merchant_id)


async def remove(db: Connection, me: Principal, merchant_id: UUID, cashier_id: UUID) -> None:
    """Work there no longer, as the owner says or they themselves; their open shifts end. Whoever is invited says no
    this way. Raises NotFound."""
    await db.execute(sql.lock_merchant, merchant_id)
    removed = await maybe(_Removed, db, sql.remove_cashier, cashier_id, merchant_id, me.id)
    if removed is None:
        raise NotFound
    if removed.principal_id is None:
        return
    await shifts.close_all(db, me, merchant_id, of=removed.principal_id)
    news = CashierRemoved(
        cashier_id=cashier_id,
        principal_id=removed.principal_id,
        merchant_id=merchant_id,
        merchant_name=removed.merchant_name,
    )
    await outbox.record(db, news)


async def need_refund(db: Connection, me: Principal, merchant_id: UUID, refund_id: UUID, amount: int) -> None:
    """Before I give so much back at this shop by this refund: its owner may, and its machines with the scope that the
    door asks for; a cashier up to their ceiling a day, all refunds together, of which this one may be there already.
    Much at once takes a person's open wallet: a phone that lies on the counter gives nothing away.

    Locks the cashier's row until the transaction ends: two refunds at once are counted one after the other. Raises
    NotFound for whoever works elsewhere, RefundAboveCeiling, WalletLocked."""
    if await db.fetchval(sql.merchant_i_act_for, merchant_id, me.id) is None:
        ceiling: int | None = await db.fetchval(sql.cashier_who_refunds, merchant_id, me.id)
        if ceiling is None:
            raise NotFound
        if await db.fetchval(sql.refunded_today, merchant_id, me.id, refund_id) + amount > ceiling:
            raise RefundAboveCeiling
    is_much = me.kind != "machine" and amount > await policies.value(db, "refund.unlocked_above")
    if is_much and not await db.fetchval(sql.session_is_unlocked, me.session_id, me.id):
        raise WalletLocked
