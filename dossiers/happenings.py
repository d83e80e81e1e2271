"""What happens to dossiers from outside: a fee is paid, a result is signed, the post has it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.db import Connection, many, queries_beside
from app.jobs import News
from dossiers import moves, steps
from dossiers.procedures.definitions import Told
from dossiers.steps import Step
from wallet.events import BillPaid

sql = queries_beside(__file__)

PAYMENTS_AT_ONCE = 200
PAID = Told("Đã nộp phí, lệ phí", "The fee was paid")
SIGNED = Told("Đã ký số kết quả", "The result was signed")
POSTED = Told("Đã gửi kết quả qua bưu chính", "The result was posted")


class _OfBill(msgspec.Struct, frozen=True):
    id: UUID
    bill_id: UUID


async def hear_payments(db: Connection, news: Sequence[News]) -> None:
    """Bills were paid: those of dossiers are known by their ids. Told twice, a fee is paid once."""
    heard = [(msgspec.convert(one.data, BillPaid), one.made_at) for one in news]
    told = {event.bill_id: (event, made_at) for event, made_at in heard}
    for found in await many(_OfBill, db, sql.dossiers_of_bills, list(told)):
        event, made_at = told[found.bill_id]
        await _pay(db, found.id, event.payment_id, made_at)


async def _pay(db: Connection, dossier_id: UUID, payment_id: UUID, paid_at: datetime) -> None:
    dossier = await steps.lock(db, dossier_id)
    if await db.fetchval(sql.pay_fee, dossier.id, payment_id, paid_at) is None:
        return
    paid = await steps.lock(db, dossier.id)
    if await moves.happen(db, paid, "fee_paid") is None:
        step = Step(code="fee_paid", name=PAID, happened="fee_paid", by="city")
        await moves.settle(db, await steps.note_down(db, paid, step))


async def result_signed(db: Connection, dossier_id: UUID) -> None:
    """There is a file: its owner hears of it, and has it if nothing is to be paid."""
    dossier = await steps.lock(db, dossier_id)
    step = Step(code="result_signed", name=SIGNED, happened="result_ready", by="city")
    signed = await steps.note_down(db, dossier, step)
    if await moves.happen(db, signed, "result_signed") is None:
        await moves.settle(db, signed)


async def posted(db: Connection, dossier_id: UUID, tracking_number: str) -> bool:
    """The post has taken it. False: it had before, or it goes another way by now."""
    dossier = await steps.lock(db, dossier_id)
    if await db.fetchval(sql.post_result, dossier.id, tracking_number) is None:
        return False
    step = Step(
        code="posted", name=POSTED, happened="posted", by="city", note=tracking_number, note_for_applicant=True
    )
    await steps.note_down(db, await steps.lock(db, dossier.id), step)
    return True


async def delivered(db: Connection, dossier_id: UUID) -> None:
    """The post has handed it over. The same again changes nothing."""
    dossier = await steps.lock(db, dossier_id)
    if dossier.delivery_state == "posted":
        await moves.hand_over(db, dossier, await steps.definition_of(db, dossier))
