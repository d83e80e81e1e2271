"""Merchants, their terminals and their orders: what a shop shows to be paid, and what came in."""

import asyncio
from datetime import datetime
from uuid import UUID

import msgspec

from app.config import settings
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import NotFound, Refusal, refusing
from app.identity import levels
from app.identity.models import Principal
from app.types import Page, key_of
from wallet import qr
from wallet.gateways import transfer_codes
from wallet.ledger import page_of
from wallet.merchants import shifts, stickers
from wallet.models import (
    Merchant,
    Merchants,
    MerchantStatus,
    NameTerminal,
    OpenMerchant,
    Order,
    OrderStatus,
    PlaceOrder,
    RevokedTerminal,
    Taking,
    Terminal,
    TerminalQr,
)

sql = queries_beside(__file__)

MOST_MERCHANTS, MOST_TERMINALS = 20, 50
MOST_TERMINALS_EVER = 500
"""Stickers get lost, but not without end."""
_one_picture_at_a_time = asyncio.Semaphore(1)


class MerchantIdTaken(Refusal):
    """Mã đơn vị này đã được dùng; hãy tạo mã mới.

    This merchant id is taken; make a new one."""


class TerminalIdTaken(Refusal):
    """Mã điểm chấp nhận thanh toán này đã được dùng; hãy tạo mã mới.

    This terminal id is taken; make a new one."""


class OrderIdTaken(Refusal):
    """Mã đơn hàng này đã dùng cho một đơn khác; hãy tạo mã mới.

    This order id was used for another order; make a new one."""


class UnwritableName(Refusal):
    """Mã QR không ghi được tên này; hãy dùng tên có chữ.

    A QR code cannot carry this name; use one with letters."""

    status = 400


class TooManyOfThem(Refusal):
    """Bạn đã có {most}, không thể thêm nữa.

    You have {most} already; no more can be added."""


class MerchantClosed(Refusal):
    """Đơn vị này đã đóng.

    This merchant is closed."""


class MerchantSuspended(Refusal):
    """Đơn vị này đang bị tạm ngừng; vui lòng liên hệ tổng đài.

    This merchant is suspended; please call the hotline."""


class MerchantHasMoney(Refusal):
    """Đơn vị này còn tiền hoặc còn khoản đang chờ; hãy quyết toán hết trước khi đóng.

    There is money at this merchant or on its way; have all of it settled before you close it."""


class UnknownWard(Refusal):
    """Không có phường, xã nào mang mã này.

    No ward has this code."""

    status = 400


async def open_merchant(db: Connection, me: Principal, merchant_id: UUID, wanted: OpenMerchant) -> Merchant:
    """Open a merchant that I own, or change its name, category or ward. At once active in the sandbox.

    In production another name or category of a merchant that finance has looked at waits until finance has looked
    again. Raises LevelTooLow, UnknownWard, UnwritableName, TooManyOfThem, MerchantIdTaken, MerchantClosed."""
    await levels.need(db, me, "open_merchant")
    if await db.fetchval(sql.other_merchants, me.id, merchant_id) >= MOST_MERCHANTS:
        raise TooManyOfThem(most=MOST_MERCHANTS)
    try:
        qr.true_name(wanted.name, 25)
    except ValueError:
        raise UnwritableName from None
    with refusing(merchant_ward_exists=UnknownWard):
        opened = await db.fetchval(
            sql.open_merchant,
            merchant_id,
            me.id,
            wanted.name,
            wanted.category_code,
            wanted.ward,
            "active" if settings().sandbox else "pending",
        )
        if opened is None:
            await _change(db, me, merchant_id, wanted)
    return await one(Merchant, db, sql.merchant_of_mine, merchant_id, me.id)


class _ToChange(msgspec.Struct, frozen=True):
    name: str
    category_code: str
    ward: str
    status: MerchantStatus


async def _change(db: Connection, me: Principal, merchant_id: UUID, wanted: OpenMerchant) -> None:
    there = await maybe(_ToChange, db, sql.merchant_of_mine_to_change, merchant_id, me.id)
    if there is None:
        raise MerchantIdTaken
    if there.status == "closed":
        raise MerchantClosed
    is_other = (there.name, there.category_code) != (wanted.name, wanted.category_code)
    if is_other and there.status != "pending" and not settings().sandbox:
        await db.execute(sql.want_merchant_changed, merchant_id, wanted.ward, wanted.name, wanted.category_code)
    else:
        await db.execute(sql.change_merchant, merchant_id, wanted.name, wanted.category_code, wanted.ward)


async def mine(db: Connection, me: Principal) -> Merchants:
    """The merchants that I own or work at, with their terminals; a hundred at most."""
    return Merchants(items=await many(Merchant, db, sql.merchants_of_mine, me.id))


async def close(db: Connection, me: Principal, merchant_id: UUID) -> Merchant:
    """Close my merchant for good, once its money is settled; its open shifts end, and nobody works there any more.

    Its account closes before anybody looks for money on it: a payment on its way waits for the account's lock, and is
    refused then. Raises NotFound, MerchantSuspended, MerchantHasMoney."""
    if await db.fetchval(sql.lock_merchant_of_mine, merchant_id, me.id) is None:
        raise NotFound
    merchant = await one(Merchant, db, sql.merchant_of_mine, merchant_id, me.id)
    if merchant.status == "closed":
        return merchant
    if merchant.status == "suspended":
        raise MerchantSuspended
    await db.execute(sql.close_merchant_account, merchant_id)
    if await db.fetchval(sql.money_of_merchant, merchant_id):
        raise MerchantHasMoney
    await shifts.close_all(db, me, merchant_id)
    await db.execute(sql.remove_cashiers, merchant_id)
    await db.execute(sql.change_merchant_status, merchant_id, "closed", None)
    return await one(Merchant, db, sql.merchant_of_mine, merchant_id, me.id)


async def add_terminal(
    db: Connection, me: Principal, merchant_id: UUID, terminal_id: UUID, wanted: NameTerminal
) -> Terminal:
    """Add a terminal to my merchant, or rename it; raises NotFound, TooManyOfThem, TerminalIdTaken."""
    if await db.fetchval(sql.owns_merchant, merchant_id, me.id) is None:
        raise NotFound
    others = await db.fetchrow(sql.other_terminals, merchant_id, terminal_id)
    assert others is not None
    if others["now"] >= MOST_TERMINALS or others["ever"] >= MOST_TERMINALS_EVER:
        raise TooManyOfThem(most=MOST_TERMINALS)
    terminal = await maybe(Terminal, db, sql.add_terminal, terminal_id, merchant_id, wanted.name)
    if terminal is None:
        raise TerminalIdTaken
    return terminal


async def revoke_terminal(db: Connection, me: Principal, merchant_id: UUID, terminal_id: UUID) -> RevokedTerminal:
    """A sticker is lost: no wallet pays there from now on, and it stays so. The merchant's virtual account on it goes
    on taking money from banks' apps, for it is on the other stickers too. Raises NotFound."""
    if await db.fetchval(sql.owns_merchant, merchant_id, me.id) is None:
        raise NotFound
    terminal = await maybe(RevokedTerminal, db, sql.revoke_terminal, terminal_id, merchant_id)
    if terminal is None:
        raise NotFound
    return terminal


async def sticker(db: Connection, me: Principal, merchant_id: UUID, terminal_id: UUID) -> TerminalQr:
    """The static QR of a terminal: payable by our wallet and by any bank's app; raises NotFound."""
    facts = await _live_facts(db, me, merchant_id, terminal_id)
    return TerminalQr(text=_text(facts))


async def sticker_picture(
    db: Connection, me: Principal, merchant_id: UUID, terminal_id: UUID, form: stickers.Form
) -> bytes:
    """The sticker to print, with the shop's name; raises NotFound."""
    facts = await _live_facts(db, me, merchant_id, terminal_id)
    async with _one_picture_at_a_time:
        return await asyncio.to_thread(
            stickers.draw, form, _text(facts), shop=facts.merchant_name, terminal=facts.terminal_name
        )


class _Facts(msgspec.Struct, frozen=True):
    """What a terminal's QR says."""

    terminal_id: UUID
    terminal_name: str
    merchant_name: str
    category_code: str
    virtual_account: str
    revoked_at: datetime | None


async def _live_facts(db: Connection, me: Principal, merchant_id: UUID, terminal_id: UUID) -> _Facts:
    facts = await _facts(db, me, merchant_id, terminal_id)
    if facts.revoked_at is not None:
        raise NotFound
    return facts


async def _facts(db: Connection, me: Principal, merchant_id: UUID, terminal_id: UUID) -> _Facts:
    facts = await maybe(_Facts, db, sql.terminal_facts, terminal_id, merchant_id, me.id)
    if facts is None:
        raise NotFound
    return facts


def _text(
    facts: _Facts,
    *,
    order_id: UUID | None = None,
    amount: int | None = None,
    reference: str | None = None,
    purpose: str | None = None,
) -> str:
    return qr.write(
        qr.Sticker(
            terminal_id=facts.terminal_id,
            order_id=order_id,
            amount=amount,
            bank_bin=settings().partner_bank_bin,
            virtual_account=facts.virtual_account,
            merchant_name=facts.merchant_name,
            city="Huế",
            category_code=facts.category_code,
            terminal_label=facts.terminal_name,
            reference=reference,
            purpose=purpose,
        )
    )


class _OrderRow(msgspec.Struct, frozen=True):
    id: UUID
    terminal_id: UUID
    amount: int
    reference: str | None
    status: OrderStatus
    payment_id: UUID | None
    paid_at: datetime | None
    expires_at: datetime
    expires_in_s: int
    transfer_code: str | None


async def place_order(
    db: Connection, me: Principal, merchant_id: UUID, order_id: UUID, wanted: PlaceOrder
) -> tuple[Order, bool]:
    """Ask for an amount at a terminal: a QR that is paid once and expires. The same order again is the same order.

    Returns it and whether it is new; raises NotFound, OrderIdTaken."""
    facts = await _live_facts(db, me, merchant_id, wanted.terminal_id)
    placed = await db.fetchval(
        sql.place_order,
        order_id,
        merchant_id,
        wanted.terminal_id,
        wanted.amount,
        wanted.reference,
        wanted.expires_in_s,
        transfer_codes.make(transfer_codes.ORDER),
    )
    row = await maybe(_OrderRow, db, sql.order_of_mine, order_id, merchant_id, me.id)
    if row is None or (row.terminal_id, row.amount, row.reference, row.expires_in_s) != (
        wanted.terminal_id,
        wanted.amount,
        wanted.reference,
        wanted.expires_in_s,
    ):
        raise OrderIdTaken
    return _order(facts, row), placed is not None


async def show_order(db: Connection, me: Principal, merchant_id: UUID, order_id: UUID) -> Order:
    """An order of my merchant, and whether it is paid; raises NotFound."""
    row = await maybe(_OrderRow, db, sql.order_of_mine, order_id, merchant_id, me.id)
    if row is None:
        raise NotFound
    return _order(await _facts(db, me, merchant_id, row.terminal_id), row)


def _order(facts: _Facts, row: _OrderRow) -> Order:
    return Order(
        id=row.id,
        terminal_id=row.terminal_id,
        amount=row.amount,
        reference=row.reference,
        status=row.status,
        text=_text(facts, order_id=row.id, amount=row.amount, reference=row.reference, purpose=row.transfer_code),
        payment_id=row.payment_id,
        paid_at=row.paid_at,
        expires_at=row.expires_at,
    )


class _TakingLine(Taking):
    version: int


async def takings(db: Connection, me: Principal, merchant_id: UUID, cursor: str | None, limit: int) -> Page[Taking]:
    """What came in at my merchant, newest first; whoever works there sees what came in during their own shifts of the
    last month. Raises NotFound, BadCursor."""
    key = key_of(cursor, tuple[int])
    if not await db.fetchval(sql.acts_for_merchant, merchant_id, me.id):
        raise NotFound
    before = key and key[0]
    if await db.fetchval(sql.merchant_i_act_for, merchant_id, me.id) is not None:
        lines = await many(_TakingLine, db, sql.takings, merchant_id, before, limit + 1)
    else:
        lines = await many(_TakingLine, db, sql.takings_of_shifts, merchant_id, before, limit + 1, me.id)
    return page_of(lines, limit, Taking)
