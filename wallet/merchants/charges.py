"""Charges: a shop reads a customer's code and asks an amount; above a ceiling the customer confirms on their phone.

    taken ──► paid                         the code itself is the consent, up to the ceiling
      │  ╲──► declined                     no money, a limit, a closed wallet: the shop hears no more than that
      └──► asked ──► confirmed ──► paid    above the ceiling, or where the ledger asks for a proof beside the PIN
              └──────► declined            by the customer, or by three minutes

The payment has the charge's id, so that whatever is sent again or at once pays once. Short transactions of its own,
for the money goes through the till."""

from typing import Literal
from uuid import UUID

import msgspec

from app import outbox, policies
from app.budgets import Budget, spend
from app.db import Connection, maybe, one, queries_beside
from app.errors import NotFound, OutcomeUnknown, Refusal, TooManyRequests, Unavailable
from app.identity.models import Principal
from wallet.events import ChargeAsked
from wallet.ledger import Move, StepUpRequired, StrongStepUpRequired
from wallet.merchants import pay_codes
from wallet.merchants.charge_models import AskCharge, Charge, ConfirmCharge, ShopCharge
from wallet.models import PayCharge
from wallet.payments import fingerprint_of
from wallet.till import Till

sql = queries_beside(__file__)

Status = Literal["taken", "asked", "confirmed", "paid", "declined"]
NOT_DECIDED = (OutcomeUnknown, Unavailable, TooManyRequests)
"""What says nothing of the money: the same request is to be sent again."""


class PayCodeNotGood(Refusal):
    """Mã thanh toán không đúng, đã dùng hoặc đã hết hạn; hãy nhờ khách tạo mã mới.

    This code is wrong, was used, or has expired; ask the customer for a new one."""

    status = 404
    keeps = True


class ChargeIdTaken(Refusal):
    """Mã yêu cầu thu này đã dùng cho một yêu cầu khác; hãy tạo mã mới.

    This charge id was used for another charge; make a new one."""


class ChargeIsDecided(Refusal):
    """Yêu cầu thu tiền này đã được quyết định.

    This charge was decided already."""


class ChargeExpired(Refusal):
    """Yêu cầu thu tiền này đã hết hạn; hãy nhờ cửa hàng tạo lại.

    This charge has expired; ask the shop for a new one."""


class _Row(msgspec.Struct, frozen=True):
    id: UUID
    merchant_id: UUID
    terminal_id: UUID
    payer_id: UUID
    session_id: UUID
    code_mac: bytes
    amount: int
    memo: str | None
    status: Status
    late: bool


async def ask(till: Till, me: Principal, merchant_id: UUID, charge_id: UUID, wanted: AskCharge) -> ShopCharge:
    """Charge the customer whose code was read, once per id; the same again is answered as it stands now.

    Raises NotFound, ChargeIdTaken, PayCodeNotGood, TooManyRequests (after thirty wrong codes in ten minutes)."""
    async with till.database.deed() as db:
        charge = await _take(db, me, merchant_id, charge_id, wanted)
    if charge.status == "taken" and not charge.late:
        await _pay_by_code(till, charge)
    async with till.database.acquire() as db:
        return await one(ShopCharge, db, sql.charge_of_merchant, charge_id, merchant_id)


async def _take(db: Connection, me: Principal, merchant_id: UUID, charge_id: UUID, wanted: AskCharge) -> _Row:
    if not await db.fetchval(sql.acts_for_merchant, merchant_id, me.id):
        raise NotFound
    code = pay_codes.digest(wanted.pay_code)
    known = await _known(db, merchant_id, charge_id, wanted, code)
    if known is not None:
        return known
    terminal_id = await db.fetchval(sql.terminal_of_charge, merchant_id, wanted.terminal_id)
    if terminal_id is None:
        raise NotFound
    taken = await db.fetchrow(sql.take_pay_code, code, charge_id) if pay_codes.well_formed(wanted.pay_code) else None
    if taken is None:
        # Somebody may have taken it for this very charge while we waited for the code.
        known = await _known(db, merchant_id, charge_id, wanted, code)
        if known is not None:
            return known
        await spend(db, Budget(f"pay code {merchant_id}", 30, 600))
        raise PayCodeNotGood
    status: Status = "asked" if wanted.amount > await policies.value(db, "charge.confirm_above") else "taken"
    written = await db.fetchval(
        sql.write_charge,
        charge_id,
        merchant_id,
        terminal_id,
        taken["payer_id"],
        taken["session_id"],
        code,
        wanted.amount,
        wanted.memo,
        status,
        me.id,
    )
    if written is None:
        raise ChargeIdTaken
    if status == "asked":
        await _tell(db, charge_id)
    return await one(_Row, db, sql.charge_for_update, charge_id)


async def _known(db: Connection, merchant_id: UUID, charge_id: UUID, wanted: AskCharge, code: bytes) -> _Row | None:
    charge = await maybe(_Row, db, sql.charge_for_update, charge_id)
    if charge is None:
        return None
    same = (charge.merchant_id, charge.amount, charge.memo, charge.code_mac)
    if same != (merchant_id, wanted.amount, wanted.memo, code):
        raise ChargeIdTaken
    if wanted.terminal_id not in {None, charge.terminal_id}:
        raise ChargeIdTaken
    return charge


async def _tell(db: Connection, charge_id: UUID) -> None:
    row = await db.fetchrow(sql.charge_news, charge_id)
    assert row is not None
    await outbox.record(db, ChargeAsked(**dict(row)))


async def _pay_by_code(till: Till, charge: _Row) -> None:
    """The code is the consent: it was made in an open wallet, a minute ago at most."""
    status: Status = "paid"
    try:
        await till.pay(_move(charge, charge.session_id))
    except NOT_DECIDED:
        raise
    except (StepUpRequired, StrongStepUpRequired):
        status = "asked"
    except Refusal:
        status = "declined"
    async with till.database.transaction() as db:
        changed = await db.fetchval(sql.charge_status, charge.id, status)
        if status == "asked" and changed:
            await _tell(db, charge.id)


def _move(charge: _Row, session_id: UUID, step_up_id: UUID | None = None) -> Move:
    return Move(
        charge.id,
        "merchant",
        charge.payer_id,
        amount=charge.amount,
        session_id=session_id,
        terminal_id=charge.terminal_id,
        memo=charge.memo,
        fingerprint=fingerprint_of(PayCharge(charge_id=charge.id)),
        step_up_id=step_up_id,
    )


async def confirm(
    till: Till, me: Principal, charge_id: UUID, wanted: ConfirmCharge, step_up_id: UUID | None
) -> Charge:
    """Pay what a shop has asked, or decline it. `step_up_id`: a proof beside the PIN, asked for as kind `charge`.

    Raises NotFound, ChargeIsDecided, ChargeExpired, and what the ledger refuses: then it may be confirmed again."""
    async with till.database.deed() as db:
        charge = await _decide(db, me, charge_id, approve=wanted.approve)
    if wanted.approve and charge.status != "paid":
        await _pay_confirmed(till, charge, me.session_id, step_up_id)
    async with till.database.acquire() as db:
        return await one(Charge, db, sql.charge_of_payer, charge_id, me.id)


async def _decide(db: Connection, me: Principal, charge_id: UUID, *, approve: bool) -> _Row:
    charge = await maybe(_Row, db, sql.charge_for_update, charge_id)
    if charge is None or charge.payer_id != me.id:
        raise NotFound
    if (approve and charge.status == "paid") or (not approve and charge.status == "declined"):
        return charge
    if charge.status not in {"asked", "confirmed"} or (charge.status == "confirmed" and not approve):
        raise ChargeIsDecided
    if charge.late:
        raise ChargeExpired
    await db.execute(sql.charge_status, charge_id, "confirmed" if approve else "declined")
    return charge


async def _pay_confirmed(till: Till, charge: _Row, session_id: UUID, step_up_id: UUID | None) -> None:
    try:
        await till.pay(_move(charge, session_id, step_up_id))
    except NOT_DECIDED:
        raise
    except Refusal:
        async with till.database.transaction() as db:
            await db.execute(sql.charge_status, charge.id, "asked")
        raise
    async with till.database.transaction() as db:
        await db.execute(sql.charge_status, charge.id, "paid")


async def of_merchant(db: Connection, me: Principal, merchant_id: UUID, charge_id: UUID) -> ShopCharge:
    """What became of a charge of my shop; raises NotFound."""
    if not await db.fetchval(sql.acts_for_merchant, merchant_id, me.id):
        raise NotFound
    charge = await maybe(ShopCharge, db, sql.charge_of_merchant, charge_id, merchant_id)
    if charge is None:
        raise NotFound
    return charge


async def of_payer(db: Connection, me: Principal, charge_id: UUID) -> Charge:
    """What a shop asks of me; raises NotFound."""
    charge = await maybe(Charge, db, sql.charge_of_payer, charge_id, me.id)
    if charge is None:
        raise NotFound
    return charge
