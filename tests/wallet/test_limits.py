"""Limits: counted under the wallet's lock, by the days and months of Huế, and named when they are met."""

import asyncio
import re
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from app.clock import CITY_ZONE, city_now
from app.db import Connection
from app.errors import Refusal
from app.types import new_id
from tests.conftest import City, Later
from tests.makers import Resident, Shop, a_bill, a_biller, a_policy, a_resident, a_shop
from tests.statements import sql
from wallet import holds, ledger, limits
from wallet.ledger import Move


def to_shop(payer: Resident, shop: Shop, amount: int) -> Move:
    return Move(
        new_id(),
        "merchant",
        payer.id,
        amount=amount,
        session_id=payer.session_id,
        terminal_id=shop.terminal_id,
        fingerprint=b"%d" % amount,
    )


def to_bill(payer: Resident, bill_id: UUID) -> Move:
    return Move(new_id(), "bill", payer.id, session_id=payer.session_id, bill_id=bill_id, fingerprint=bill_id.bytes)


async def verdict_of(db: Connection, move: Move) -> str:
    """`applied`, or why not; the moves of one test are one transaction."""
    [verdict] = await ledger.move_all(db, [move])
    return type(verdict).__name__ if isinstance(verdict, Refusal) else "applied"


def test_every_policy_that_the_ledger_holds_to_is_one_that_it_asks_for() -> None:
    """One that it did not ask for would be null, and bind nobody."""
    text = Path(ledger.__file__).with_suffix(".sql").read_text(encoding="utf-8")
    listed = re.search(r"FROM current_policy WHERE code = ANY \(ARRAY\[([^]]*)\]\)", text)
    assert listed
    held = set(re.findall(r"policies ->> '([^']+)'", text)) | set(re.findall(r"THEN '(level\.\w+)'", text))
    assert "ELSE 'level.pay_' || i.kind END" in text
    held |= {f"level.pay_{kind}" for kind in ("bill", "merchant", "person")}
    assert set(re.findall(r"'([^']+)'", listed[1])) == held


def until(moment: datetime) -> float:
    return (moment - city_now()).total_seconds()


def next_midnight() -> datetime:
    today = city_now().astimezone(CITY_ZONE)
    return (today + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def next_month() -> datetime:
    first = city_now().astimezone(CITY_ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


async def test_c27_a_month_is_huess_and_ends_at_its_midnight(db: Connection, later: Later) -> None:
    payer, shop = await a_resident(db, balance=1_000_000), await a_shop(db)
    await a_policy(db, "limit.month_general", 300_000)
    await later(until(next_month() - timedelta(seconds=30)))
    await db.execute(sql.unlock, payer.session_id)
    assert await verdict_of(db, to_shop(payer, shop, 300_000)) == "applied"
    assert await verdict_of(db, to_shop(payer, shop, 1)) == "MonthLimitReached"
    await later(until(next_month()) + 1)
    assert await verdict_of(db, to_shop(payer, shop, 300_000)) == "applied"
    assert (await limits.show(db, payer.me)).month_general.left == 0


async def test_c27_a_day_ends_at_midnight_in_hue(db: Connection, later: Later) -> None:
    payer, shop = await a_resident(db, balance=1_000_000), await a_shop(db)
    await a_policy(db, "limit.day_goods", 200_000)
    await later(until(next_midnight() - timedelta(seconds=30)))
    await db.execute(sql.unlock, payer.session_id)
    assert await verdict_of(db, to_shop(payer, shop, 150_000)) == "applied"
    assert await verdict_of(db, to_shop(payer, shop, 50_001)) == "DayLimitReached"
    await later(until(next_midnight()) + 1)
    assert await verdict_of(db, to_shop(payer, shop, 200_000)) == "applied"


async def test_c27_under_the_lock_many_at_once_do_not_pass_the_limit_together(city: City) -> None:
    async with city.database.transaction() as db:
        payer, shop = await a_resident(db, balance=10_000_000), await a_shop(db)
        await a_policy(db, "limit.month_general", 1_000_000)

    async def pay() -> str:
        try:
            return (await city.app.state.till.pay(to_shop(payer, shop, 100_000))).status
        except Refusal as refusal:
            return type(refusal).__name__

    assert Counter(await asyncio.gather(*[pay() for _ in range(40)])) == {"paid": 10, "MonthLimitReached": 30}


async def test_essential_bills_have_a_month_of_their_own(db: Connection) -> None:
    payer, shop = await a_resident(db, balance=1_000_000), await a_shop(db)
    power = await a_biller(db, essential=True)
    fines = await a_biller(db, "phat")
    await a_policy(db, "limit.month_general", 100_000)
    await a_policy(db, "limit.month_essential", 200_000)
    assert await verdict_of(db, to_shop(payer, shop, 100_000)) == "applied"
    assert await verdict_of(db, to_bill(payer, await a_bill(db, biller=fines, amount=1_000))) == "MonthLimitReached"
    assert await verdict_of(db, to_bill(payer, await a_bill(db, biller=power, amount=200_000))) == "applied"
    assert await verdict_of(db, to_bill(payer, await a_bill(db, biller=power, amount=1))) == "EssentialLimitReached"


async def test_a_refund_gives_the_month_back_while_it_lasts(db: Connection, later: Later) -> None:
    payer, shop = await a_resident(db, balance=1_000_000), await a_shop(db)
    paid = to_shop(payer, shop, 300_000)
    assert await verdict_of(db, paid) == "applied"
    part = Move(new_id(), "refund", shop.id, payer.id, 100_000, original_id=paid.id)
    assert await verdict_of(db, part) == "applied"
    assert (await limits.show(db, payer.me)).month_general.used == 200_000
    await later(until(next_month()) + 60)
    await db.execute(sql.unlock, payer.session_id)
    assert await verdict_of(db, to_shop(payer, shop, 50_000)) == "applied"
    assert await verdict_of(db, part._replace(id=new_id())) == "applied"
    assert (await limits.show(db, payer.me)).month_general.used == 50_000


async def test_a_refund_goes_to_its_payer_and_never_beyond_the_payment(db: Connection) -> None:
    payer, shop, other = await a_resident(db, balance=100_000), await a_shop(db), await a_resident(db)
    paid = to_shop(payer, shop, 50_000)
    assert await verdict_of(db, paid) == "applied"
    refund = Move(new_id(), "refund", shop.id, payer.id, 30_000, original_id=paid.id)
    assert await verdict_of(db, refund) == "applied"
    assert await verdict_of(db, refund._replace(id=new_id(), amount=20_001)) == "RefundTooMuch"
    assert await verdict_of(db, refund._replace(id=new_id(), credit_id=other.id, amount=1)) == "NotRefundable"
    assert await verdict_of(db, refund._replace(id=new_id(), amount=20_000)) == "applied"


async def test_what_was_held_and_voided_was_not_spent(db: Connection) -> None:
    payer = await a_resident(db, balance=1_000_000)
    await a_biller(db, adapter="http", essential=True)
    pending = to_bill(payer, await a_bill(db, amount=412_500))
    assert await verdict_of(db, pending) == "applied"
    used = await limits.show(db, payer.me)
    assert (used.month_essential.used, used.day_goods.used) == (412_500, 412_500)
    await holds.void(db, pending.id)
    used = await limits.show(db, payer.me)
    assert (used.month_essential.used, used.day_goods.used) == (0, 0)


async def test_a_days_total_asks_for_a_proof(db: Connection) -> None:
    payer, payee, shop = await a_resident(db, balance=90_000_000), await a_resident(db), await a_shop(db)
    assert await verdict_of(db, to_shop(payer, shop, 3_000_000)) == "applied"
    assert await verdict_of(db, to_shop(payer, shop, 2_000_000)) == "applied"
    assert await verdict_of(db, to_shop(payer, shop, 1)) == "StepUpRequired"

    def to_person(amount: int) -> Move:
        return Move(
            new_id(),
            "person",
            payer.id,
            amount=amount,
            session_id=payer.session_id,
            phone=payee.phone,
            fingerprint=b"p",
        )

    assert await verdict_of(db, to_person(10_000_000)) == "applied"
    assert await verdict_of(db, to_person(10_000_000)) == "applied"
    assert await verdict_of(db, to_person(1)) == "StrongStepUpRequired"
    withdrawal = Move(
        new_id(), "withdrawal", payer.id, ledger.GUARANTEE, 1, session_id=payer.session_id, fingerprint=b"w"
    )
    assert await verdict_of(db, withdrawal) == "StrongStepUpRequired"


async def test_a_policy_holds_from_its_moment_on(db: Connection, later: Later) -> None:
    payer, shop = await a_resident(db, balance=1_000_000), await a_shop(db)
    await db.execute(sql.set_policy_from, "limit.month_general", 100_000, city_now() + timedelta(hours=1))
    assert await verdict_of(db, to_shop(payer, shop, 100_001)) == "applied"
    await later(3601)
    await db.execute(sql.unlock, payer.session_id)
    assert await verdict_of(db, to_shop(payer, shop, 1)) == "MonthLimitReached"


async def test_the_refusal_names_the_limit_and_what_is_left(city: City) -> None:
    async with city.database.transaction() as db:
        payer, shop = await a_resident(db, balance=1_000_000), await a_shop(db)
        await a_policy(db, "limit.month_general", 300_000)
    body = {"kind": "merchant", "qr": shop.qr, "amount": 200_000}
    assert (
        await city.client.put(f"/v1/wallet/payments/{uuid4()}", headers=payer.headers, json=body)
    ).status_code == 201
    refused = await city.client.put(f"/v1/wallet/payments/{uuid4()}", headers=payer.headers, json=body)
    assert refused.status_code == 403
    assert "300.000" in refused.json()["title"]
    assert "100.000" in refused.json()["title"]
    shown = (await city.client.get("/v1/wallet/limits", headers=payer.headers)).json()
    assert shown["month_general"] == {"allowed": 300_000, "used": 200_000, "left": 100_000}


@pytest.mark.parametrize("sessionless", [Move(new_id(), "bill", new_id())])
async def test_without_a_session_only_an_autopay_pays(db: Connection, sessionless: Move) -> None:
    payer = await a_resident(db, balance=1_000_000)
    await a_biller(db)
    bill_id = await a_bill(db, amount=412_500)
    without = sessionless._replace(debit_id=payer.id, bill_id=bill_id, fingerprint=bill_id.bytes)
    assert await verdict_of(db, without) == "AutopayNotAllowed"
    too_low, ended, fine = new_id(), new_id(), new_id()
    for mandate, ceiling, over in ((too_low, 412_499, True), (ended, 500_000, True), (fine, 412_500, False)):
        await db.execute(sql.plant_autopay, mandate, payer.id, "dien-luc-hue", "PP03000000001", ceiling)
        expected = "AutopayNotAllowed"
        if mandate == too_low:
            assert await verdict_of(db, without._replace(original_id=mandate)) == expected
        if over:
            await db.execute(sql.end_autopay, mandate)
            assert await verdict_of(db, without._replace(original_id=mandate)) == expected
    assert await verdict_of(db, without._replace(original_id=fine)) == "applied"
