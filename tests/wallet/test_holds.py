"""Reserved money: one outcome under any race, and none that was guessed."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest

from app.clock import city_now
from app.db import Connection
from app.errors import Refusal
from app.types import new_id
from tests.conftest import City
from tests.makers import a_bill, a_biller, a_resident
from tests.statements import sql
from wallet import bills, holds, ledger
from wallet.ledger import Move


async def held(db: Connection, owner: UUID, amount: int) -> UUID:
    """So much of somebody's money, reserved for the bank."""
    hold_id = new_id()
    await holds.place(db, Move(hold_id, "payout", owner, ledger.GUARANTEE, amount))
    return hold_id


async def assert_sound(city: City) -> None:
    async with city.database.transaction() as db:
        assert [law for law in await ledger.check(db) if law.broken] == []


async def test_reserved_money_is_not_spent_twice(db: Connection) -> None:
    owner = await a_resident(db, balance=100_000)
    await held(db, owner.id, 70_000)
    with pytest.raises(ledger.InsufficientFunds):
        async with db.transaction():
            await held(db, owner.id, 30_001)
    assert (await ledger.wallet(db, owner.me)).available == 30_000
    assert (await ledger.wallet(db, owner.me)).pending == 70_000


async def test_a_part_is_captured_once_and_the_rest_is_free(db: Connection) -> None:
    owner = await a_resident(db, balance=100_000)
    hold_id = await held(db, owner.id, 70_000)
    first = await holds.capture(db, hold_id, 50_000)
    assert (first.verdict, first.amount, first.balance_after) == ("applied", 50_000, 50_000)
    again = await holds.capture(db, hold_id, 50_000)
    assert (again.verdict, again.balance_after) == ("replayed", 50_000)
    for other in (holds.capture(db, hold_id, 20_000), holds.capture(db, hold_id), holds.void(db, hold_id)):
        with pytest.raises(holds.HoldAlreadyResolved):
            await other
    assert (await ledger.wallet(db, owner.me)).pending == 0


async def test_more_than_was_held_is_not_captured(db: Connection) -> None:
    owner = await a_resident(db, balance=100_000)
    hold_id = await held(db, owner.id, 70_000)
    with pytest.raises(ledger.AmountDiffers):
        await holds.capture(db, hold_id, 70_001)
    with pytest.raises(holds.UnknownHold):
        await holds.void(db, new_id())


async def test_the_same_hold_again_is_the_same_and_another_under_its_id_is_refused(db: Connection) -> None:
    owner = await a_resident(db, balance=100_000)
    wanted = Move(new_id(), "payout", owner.id, ledger.GUARANTEE, 70_000)
    assert not (await holds.place(db, wanted)).replayed
    assert (await holds.place(db, wanted)).replayed
    for other in (wanted._replace(amount=1), wanted._replace(kind="fee", credit_id=ledger.FEES, amount=1)):
        with pytest.raises(ledger.PaymentIdTaken):
            async with db.transaction():
                await ledger.move(db, other)


@pytest.mark.parametrize("count", [40])
async def test_many_outcomes_at_once_are_one(city: City, count: int) -> None:
    async with city.database.transaction() as db:
        owner = await a_resident(db, balance=100_000)
        hold_id = await held(db, owner.id, 70_000)

    async def resolve(number: int) -> str:
        try:
            async with city.database.transaction() as db:
                if number % 2:
                    return "captured " + (await holds.capture(db, hold_id)).verdict
                return "voided " + (await holds.void(db, hold_id)).verdict
        except Refusal as refusal:
            return type(refusal).__name__

    said: Counter[str] = Counter()
    for group in range(0, count, 8):
        said.update(await asyncio.gather(*[resolve(group + number) for number in range(8)]))
    winner = "captured" if said["captured applied"] else "voided"
    assert said == {f"{winner} applied": 1, f"{winner} replayed": count // 2 - 1, "HoldAlreadyResolved": count // 2}
    async with city.database.acquire() as db:
        assert await db.fetchval(sql.balance, owner.id) == (30_000 if winner == "captured" else 100_000)
    await assert_sound(city)


async def test_what_is_held_too_long_is_free_again_and_cannot_be_captured(city: City) -> None:
    async with city.database.transaction() as db:
        owner = await a_resident(db, balance=100_000)
        soon, never = new_id(), await held(db, owner.id, 10_000)
        late = city_now() - timedelta(seconds=1)
        await holds.place(db, Move(soon, "payout", owner.id, ledger.GUARANTEE, 60_000), expires_at=late)
    await city.worker.keep_schedule()
    async with city.database.transaction() as db:
        wallet = await ledger.wallet(db, owner.me)
        assert (wallet.available, wallet.pending) == (90_000, 10_000)
        with pytest.raises(holds.HoldAlreadyResolved):
            await holds.capture(db, soon)
        assert (await holds.capture(db, never)).verdict == "applied"
    await assert_sound(city)


async def test_a_bill_paid_from_outside_is_paid_once_and_told(city: City) -> None:
    async with city.database.transaction() as db:
        await a_biller(db)
        bill_id = await a_bill(db, amount=412_500)
    collection_id = new_id()
    for expected in (False, True):
        async with city.database.transaction() as db:
            moved = await bills.collect(db, collection_id, bill_id, ledger.GUARANTEE, 412_500)
            assert moved.replayed == expected
    with pytest.raises(ledger.BillNotDue):
        async with city.database.transaction() as db:
            await bills.collect(db, new_id(), bill_id, ledger.GUARANTEE, 412_500)
    async with city.database.acquire() as db:
        paid = await db.fetch(sql.event_rows, "BillPaid")
    assert [(row["data"]["payer_id"], row["data"]["amount"]) for row in paid] == [(None, 412_500)]
    await assert_sound(city)


async def test_another_amount_does_not_pay_a_bill(db: Connection) -> None:
    await a_biller(db)
    bill_id = await a_bill(db, amount=412_500)
    with pytest.raises(ledger.AmountDiffers):
        await bills.collect(db, new_id(), bill_id, ledger.GUARANTEE, 412_499)


async def test_money_from_outside_waits_in_suspense_until_the_biller_has_answered(city: City) -> None:
    async with city.database.transaction() as db:
        await a_biller(db, adapter="http")
        account = await db.fetchval(sql.biller_account, "dien-luc-hue")
        refused, paid = await a_bill(db, amount=1_000), await a_bill(db, amount=2_000)
    ids = {bill_id: new_id() for bill_id in (refused, paid)}
    for bill_id, amount in ((refused, 1_000), (paid, 2_000)):
        async with city.database.transaction() as db:
            assert (await bills.collect(db, ids[bill_id], bill_id, ledger.GUARANTEE, amount)).status == "pending"
    async with city.database.transaction() as db:
        await holds.void(db, ids[refused], "Mã khách hàng đã đóng")
    async with city.database.transaction() as db:
        await holds.capture(db, ids[paid])
    async with city.database.acquire() as db:
        assert await db.fetchval(sql.balance, ledger.SUSPENSE) == 1_000
        assert await db.fetchval(sql.balance, account) == 2_000
        failed = await db.fetch(sql.event_rows, "BillPaymentFailed")
    assert [row["data"]["why"] for row in failed] == ["Mã khách hàng đã đóng"]
    await assert_sound(city)


async def test_one_id_is_never_a_transfer_and_a_hold_also_if_two_ask_at_once(city: City) -> None:
    async with city.database.transaction() as db:
        one, other, payee = [await a_resident(db, balance=1_000_000) for _ in range(3)]

    async def send(movement_id: UUID) -> bool:
        wanted = Move(
            movement_id, "person", one.id, amount=1, session_id=one.session_id, phone=payee.phone, fingerprint=b"p"
        )
        try:
            await city.app.state.till.pay(wanted)
        except ledger.PaymentIdTaken:
            return False
        return True

    async def hold(movement_id: UUID) -> bool:
        try:
            async with city.database.transaction() as db:
                await holds.place(db, Move(movement_id, "payout", other.id, ledger.GUARANTEE, 1))
        except ledger.PaymentIdTaken:
            return False
        return True

    for _ in range(60):
        movement_id = new_id()
        assert sum(await asyncio.gather(send(movement_id), hold(movement_id))) == 1
    await assert_sound(city)
