"""Shifts: whose turn it is at a terminal, and what came in there until it ended.

A shift begins and ends between two entries of the shop's account, by their numbers and not by a clock: so nothing is
in two shifts, whatever is being paid while one ends and the next begins. Bank transfers count where they name an
order, which names its terminal; refunds count at the terminal of what they give back, in the shift in which they are
made."""

from uuid import UUID

from app.db import Connection, many, maybe, queries_beside
from app.errors import NotFound, Refusal
from app.identity.models import Principal
from app.staff.pages import before, page_of
from app.types import Page
from wallet.merchants.models import OpenShift, Shift

sql = queries_beside(__file__)

LONGEST_H = 24
"""Whoever goes home without closing their shift must not keep the terminal."""


class ShiftIdTaken(Refusal):
    """Mã ca này đã được dùng; hãy tạo mã mới.

    This shift's id is taken; make a new one."""


class ShiftStillOpen(Refusal):
    """Điểm này đang có ca chưa đóng; hãy đóng ca đó trước.

    Another shift is open at this terminal; close it first."""


async def begin(db: Connection, me: Principal, merchant_id: UUID, shift_id: UUID, wanted: OpenShift) -> Shift:
    """Begin my turn at a terminal, with the next entry of the shop's account; the same again is the same shift.

    Raises NotFound, ShiftStillOpen, ShiftIdTaken."""
    if not await db.fetchval(sql.acts_for_merchant, merchant_id, me.id):
        raise NotFound
    known = await _shift(db, me, merchant_id, shift_id)
    if known is None:
        if await db.fetchval(sql.live_terminal, wanted.terminal_id, merchant_id) is None:
            raise NotFound
        await db.execute(sql.open_shift, shift_id, merchant_id, wanted.terminal_id, me.id)
        known = await _shift(db, me, merchant_id, shift_id)
    holder: UUID | None = await db.fetchval(sql.shift_holder, shift_id)
    if holder is None:
        raise ShiftStillOpen
    if known is None or (holder, known.terminal_id) != (me.id, wanted.terminal_id):
        raise ShiftIdTaken
    return known


async def _shift(db: Connection, me: Principal, merchant_id: UUID, shift_id: UUID) -> Shift | None:
    return await maybe(Shift, db, sql.shifts, merchant_id, me.id, shift_id, None, None, 1)


async def close(db: Connection, me: Principal, merchant_id: UUID, shift_id: UUID) -> Shift:
    """End a shift of mine, or of my shop, with its totals; one that has ended is answered as it ended. Raises
    NotFound."""
    if await db.fetchval(sql.shift_to_close, shift_id, merchant_id, me.id) is None:
        raise NotFound
    await db.execute(sql.close_shifts, [shift_id], me.id)
    return await show(db, me, merchant_id, shift_id)


async def close_all(db: Connection, me: Principal, merchant_id: UUID, *, of: UUID | None = None) -> None:
    """End every open shift at a shop, or those of one person there."""
    shift_ids = [row["id"] for row in await db.fetch(sql.open_shifts, merchant_id, of)]
    await db.execute(sql.close_shifts, shift_ids, me.id)


async def close_forgotten(db: Connection) -> None:
    """End shifts that nobody has closed for a day."""
    shift_ids = [row["id"] for row in await db.fetch(sql.forgotten_shifts, LONGEST_H)]
    await db.execute(sql.close_shifts, shift_ids, None)


async def show(db: Connection, me: Principal, merchant_id: UUID, shift_id: UUID) -> Shift:
    """A shift of mine, or of my shop, with what came in so far; raises NotFound."""
    shift = await _shift(db, me, merchant_id, shift_id)
    if shift is None:
        raise NotFound
    return shift


async def page(db: Connection, me: Principal, merchant_id: UUID, cursor: str | None, limit: int) -> Page[Shift]:
    """The shifts at my shop, newest first; whoever works there sees their own. Raises NotFound, BadCursor."""
    lines = await many(Shift, db, sql.shifts, merchant_id, me.id, None, *before(cursor), limit + 1)
    if not lines and not await db.fetchval(sql.acts_for_merchant, merchant_id, me.id):
        raise NotFound
    return page_of(lines, limit, lambda shift: (shift.opened_at, shift.id))
