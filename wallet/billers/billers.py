"""Who issues bills: as residents see them, and as those do who look after them."""

from uuid import UUID

import msgspec

from app.audit import records
from app.db import Connection, many, maybe, one, queries_beside
from app.errors import Language, NotFound, Refusal
from app.identity.models import Principal
from app.staff.members import need_grant
from app.types import new_id
from wallet.billers.models import PutBiller, StaffBiller, StaffBillers
from wallet.models import Biller

sql = queries_beside(__file__)


class ExampleDoesNotFit(Refusal):
    """Mã khách hàng mẫu không khớp với mẫu đã khai.

    The example of a customer code does not fit the pattern."""

    status = 400


class BillerCodeTaken(Refusal):
    """Mã đơn vị thu này vừa được dùng; hãy tải lại danh sách.

    This biller's code has just been taken; load the list again."""


async def all_of_them(db: Connection, language: Language) -> list[Biller]:
    """Every open biller, named in the caller's language."""
    return await many(Biller, db, sql.billers, language)


async def rest(db: Connection, biller_code: str, seconds: float) -> None:
    """Its system is known not to answer for so long: residents see it, and nobody asks it for bills."""
    await db.execute(sql.rest_biller, biller_code, seconds)


async def wake(db: Connection, biller_code: str) -> None:
    """It answers."""
    await db.execute(sql.wake_biller, biller_code)


async def put(db: Connection, me: Principal, biller_code: str, wanted: PutBiller) -> StaffBiller:
    """Have a biller be as is wanted; a new one gets an account. Raises Forbidden, ExampleDoesNotFit,
    BillerCodeTaken, and Malformed for a pattern that is none."""
    await need_grant(db, me, "finance")
    if not await db.fetchval(sql.fits_pattern, wanted.customer_code_example, wanted.customer_code_pattern):
        raise ExampleDoesNotFit
    kept = await maybe(PutBiller, db, sql.biller_for_update, biller_code)
    if kept is None:
        await _make(db, me, biller_code, wanted)
    elif kept != wanted:
        await db.execute(sql.change_biller, biller_code, *_described(wanted))
        before, after = msgspec.to_builtins(kept), msgspec.to_builtins(wanted)
        await records.record(db, me, "wallet.biller_changed", biller_code, before=before, after=after)
    return await one(StaffBiller, db, sql.staff_billers, biller_code)


async def _make(db: Connection, me: Principal, biller_code: str, wanted: PutBiller) -> None:
    account_id = new_id()
    kind, name_vi, name_en, pattern, example, essential = _described(wanted)
    await db.execute(sql.open_biller_account, account_id)
    made = await db.fetchval(
        sql.make_biller, biller_code, kind, name_vi, name_en, account_id, pattern, example, essential
    )
    if made is None:
        raise BillerCodeTaken
    await records.record(db, me, "wallet.biller_made", biller_code, **msgspec.to_builtins(wanted))


def _described(wanted: PutBiller) -> tuple[object, ...]:
    return (
        wanted.kind,
        wanted.name_vi,
        wanted.name_en,
        wanted.customer_code_pattern,
        wanted.customer_code_example,
        wanted.essential,
    )


async def overview(db: Connection) -> StaffBillers:
    """Every open biller, for those who look after them."""
    return StaffBillers(items=await many(StaffBiller, db, sql.staff_billers, None))


async def show(db: Connection, biller_code: str) -> StaffBiller:
    """One of them; raises NotFound."""
    biller = await maybe(StaffBiller, db, sql.staff_billers, biller_code)
    if biller is None:
        raise NotFound
    return biller


async def bind_machine(db: Connection, me: Principal, biller_code: str, machine_id: UUID) -> StaffBiller:
    """A machine speaks for a biller; what it may do there, its scopes say. Raises Forbidden, NotFound."""
    await need_grant(db, me, "admin")
    if await db.fetchval(sql.bind_machine, biller_code, machine_id, me.id) is None:
        await need_to_speak_for(db, machine_id, biller_code)
    else:
        await records.record(db, me, "wallet.biller_machine_bound", machine_id, biller=biller_code)
    return await show(db, biller_code)


async def free_machine(db: Connection, me: Principal, biller_code: str, machine_id: UUID) -> None:
    """It does no longer; raises Forbidden, NotFound."""
    await need_grant(db, me, "admin")
    if await db.fetchval(sql.free_machine, biller_code, machine_id) is None:
        raise NotFound
    await records.record(db, me, "wallet.biller_machine_freed", machine_id, biller=biller_code)


async def need_to_speak_for(db: Connection, machine_id: UUID, biller_code: str) -> None:
    """Raises NotFound unless the machine speaks for this biller: another's looks like none."""
    if await db.fetchval(sql.speaks_for, biller_code, machine_id) is None:
        raise NotFound
