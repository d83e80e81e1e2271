"""Bills of codes that one keeps: reminded of once, and paid by themselves, announced, once, within the ceiling."""

import asyncio
from datetime import date, timedelta
from typing import cast, get_args
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from app.clock import city_today
from app.db import Connection, Database, many
from app.errors import OutcomeUnknown, Refusal, TooManyRequests, Unavailable
from notifications.messages import messages_of
from tests.conftest import City, StandIns
from tests.makers import Resident, a_biller, a_resident, fund
from tests.statements import sql
from tests.wallet.banking import broken_laws, money, told
from tests.wallet.billing import a_known_bill, a_water_company, calls, pay
from tests.wallet.conftest import Passing
from wallet import bills, ledger
from wallet.billers import autopay, lists, reminders
from wallet.billers.adapters import HttpAdapter, PayOrder, RefusalReason, Refused
from wallet.events import AutopayAnnounced, AutopayFailed, AutopayFailure, BillReminder
from wallet.ledger import Move

DAY_S = 86_400
CODE = "PP03000000001"


@pytest.fixture(autouse=True)
def _it_is_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminders, "FROM_HOUR", 0)


async def keep(city: City, who: Resident, *, biller: str = "dien-luc-hue", code: str = CODE, **other: object) -> str:
    """Keep a code; the path of it."""
    path = f"/v1/wallet/customer-codes/{uuid4()}"
    body = {"biller": biller, "customer_code": code, **other}
    answer = await city.client.put(path, headers=who.headers, json=body)
    assert answer.status_code == 200, answer.text
    return path


async def switch_on(city: City, who: Resident, path: str, *, ceiling: int = 500_000, days: int = 3) -> httpx.Response:
    body = {"ceiling": ceiling, "days_before_due": days}
    return await city.client.put(f"{path}/autopay", headers=who.headers, json=body)


async def a_bill_due(db: Connection, days: int, *, amount: int = 100_000, biller: str = "dien-luc-hue") -> UUID:
    """A bill that is due in so many days."""
    customer_code = CODE if biller == "dien-luc-hue" else "HW000123"
    return await bills.issue(
        db,
        biller=biller,
        reference=f"{customer_code}-{uuid4().hex[:8]}",
        customer_code=customer_code,
        customer_name="Lê Thị Ngự Bình",
        period="11/2026",
        amount=amount,
        due_on=city_today() + timedelta(days=days),
    )


async def someone(city: City, balance: int = 1_000_000) -> Resident:
    async with city.database.transaction() as db:
        await a_biller(db)
        return await a_resident(db, balance=balance)


async def a_day(city: City, passing: Passing, days: int = 1) -> None:
    """The clock's work, and then so many days."""
    await the_clock(city)
    for _ in range(days):
        await passing(city, DAY_S)
        await the_clock(city)


async def the_clock(city: City) -> None:
    await autopay.announce(city.database)
    await autopay.pay_due(city.database)
    await city.worker.drain()


async def news(city: City, kind: str) -> list[dict[str, object]]:
    async with city.database.acquire() as db:
        return await told(db, kind)


class Run(msgspec.Struct, frozen=True):
    """A bill that an autopay has before it, or behind it."""

    status: str
    why: str | None
    tries: int
    pay_on: date
    payment_id: UUID
    waits: bool


async def runs(city: City) -> list[Run]:
    async with city.database.acquire() as db:
        return await many(Run, db, sql.autopay_runs)


async def failures(city: City) -> list[tuple[object, bool]]:
    """Why bills did not pay themselves, as was told, and whether they are tried again."""
    return [(one["why"], one["again_on"] is not None) for one in await news(city, "AutopayFailed")]


async def an_announced_bill(city: City, passing: Passing, stand_ins: StandIns, *, due_in: int = 6) -> Resident:
    """Of a biller that is asked: announced yesterday, to be paid today."""
    async with city.database.transaction() as db:
        me = await a_resident(db, balance=1_000_000)
        biller = await a_water_company(db, stand_ins)
        await a_bill_due(db, due_in, biller=biller)
    await switch_on(city, me, await keep(city, me, biller=biller, code="HW000123"), days=due_in - 1)
    await the_clock(city)
    await passing(city, DAY_S)
    return me


def refusing(monkeypatch: pytest.MonkeyPatch, *reasons: RefusalReason) -> None:
    """A biller that says so to its next payments, and takes the others."""
    left, real = list(reasons), HttpAdapter.pay

    async def pay_or_refuse(adapter: HttpAdapter, order: PayOrder) -> object:
        return Refused(reason=left.pop(0)) if left else await real(adapter, order)

    monkeypatch.setattr(HttpAdapter, "pay", pay_or_refuse)


# Reminders


async def test_who_keeps_a_code_is_reminded_of_each_bill_once(city: City, passing: Passing) -> None:
    me = await someone(city)
    await keep(city, me, nickname="nhà mạ")
    async with city.database.transaction() as db:
        soon, _ = await a_bill_due(db, 3), await a_bill_due(db, 4)
        await a_bill_due(db, -1)
    for _ in range(2):
        await reminders.remind(city.database)
    [first] = await news(city, "BillReminder")
    assert (first["bill_id"], first["nickname"]) == (str(soon), "nhà mạ")
    await passing(city, DAY_S)
    await asyncio.gather(*(reminders.remind(city.database) for _ in range(4)))
    assert len(await news(city, "BillReminder")) == 2, "the other one, a day later"


async def test_who_wants_no_reminder_or_has_paid_gets_none(city: City) -> None:
    me = await someone(city)
    await keep(city, me, remind_days_before=None)
    async with city.database.transaction() as db:
        other = await a_resident(db, balance=1_000_000)
        bill_id = await a_bill_due(db, 1)
    await keep(city, other)
    assert (await pay(city, other, bill_id)).status_code == 201
    await reminders.remind(city.database)
    assert await news(city, "BillReminder") == []


async def test_nobody_is_woken_up(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    me = await someone(city)
    await keep(city, me)
    async with city.database.transaction() as db:
        await a_bill_due(db, 1)
    monkeypatch.setattr(reminders, "FROM_HOUR", 25)
    await reminders.remind(city.database)
    await the_clock(city)
    assert await news(city, "BillReminder") == []


async def test_all_pages_of_codes_are_gone_through(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminders, "BATCH", 2)
    monkeypatch.setattr(autopay, "BATCH", 2)
    first = await someone(city)
    async with city.database.transaction() as db:
        others = [await a_resident(db) for _ in range(4)]
        await a_bill_due(db, 1)
    for who in (first, *others):
        path = await keep(city, who)
        assert (await switch_on(city, who, path)).status_code == 200
    await autopay.announce(city.database)
    assert len(await news(city, "AutopayAnnounced")) == 5
    for who in (first, *others):
        codes = (await city.client.get("/v1/wallet/customer-codes", headers=who.headers)).json()
        path = f"/v1/wallet/customer-codes/{codes[0]['id']}/autopay"
        assert (await city.client.delete(path, headers=who.headers)).status_code == 204
    await reminders.remind(city.database)
    assert len(await news(city, "BillReminder")) == 5


# Switching it on and off


async def test_autopay_is_switched_on_with_an_open_wallet_and_off_without(city: City) -> None:
    me = await someone(city)
    path = await keep(city, me)
    assert (await city.client.get(f"{path}/autopay", headers=me.headers)).status_code == 404
    made = await switch_on(city, me, path)
    assert (made.status_code, made.json()["ceiling"], made.json()["days_before_due"]) == (200, 500_000, 3)
    assert (await switch_on(city, me, path)).json() == made.json()
    changed = await switch_on(city, me, path, ceiling=7)
    assert (changed.json()["id"], changed.json()["ceiling"]) == (made.json()["id"], 7)
    assert (await city.client.get(f"{path}/autopay", headers=me.headers)).json() == changed.json()
    [code] = (await city.client.get("/v1/wallet/customer-codes", headers=me.headers)).json()
    assert (code["autopay"], code["remind_days_before"]) == (changed.json(), 3)
    async with city.database.transaction() as db:
        await db.execute(sql.lock, me.session_id)
    locked = await switch_on(city, me, path)
    assert (locked.status_code, locked.json()["type"]) == (403, "urn:huong:problem:WalletLocked")
    assert (await city.client.delete(f"{path}/autopay", headers=me.headers)).status_code == 204
    assert (await city.client.delete(f"{path}/autopay", headers=me.headers)).status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"ceiling": 0}, {"ceiling": 10**13}, {"ceiling": 1.5}, {"days_before_due": 29}, {"days_before_due": -1}]
)
async def test_an_autopay_that_cannot_be_is_refused(city: City, wrong: dict[str, object]) -> None:
    me = await someone(city)
    path = await keep(city, me)
    answer = await city.client.put(f"{path}/autopay", headers=me.headers, json={"ceiling": 1000, **wrong})
    assert answer.status_code == 400


@pytest.mark.parametrize("how", ["dropped", "changed", "renamed"])
async def test_it_ends_with_its_code_but_not_with_the_codes_name(city: City, how: str) -> None:
    me = await someone(city)
    path = await keep(city, me)
    await switch_on(city, me, path)
    if how == "dropped":
        await city.client.delete(path, headers=me.headers)
    else:
        code = CODE if how == "renamed" else "PP03000000002"
        body = {"biller": "dien-luc-hue", "customer_code": code, "nickname": "quán"}
        kept = await city.client.put(path, headers=me.headers, json=body)
        assert (kept.json()["autopay"] is not None) is (how == "renamed")
    found = await city.client.get(f"{path}/autopay", headers=me.headers)
    assert found.status_code == (200 if how == "renamed" else 404)


# Paying


async def test_a_bill_is_announced_the_day_before_and_then_pays_itself_once(city: City, passing: Passing) -> None:
    me = await someone(city)
    path = await keep(city, me)
    await switch_on(city, me, path, days=3)
    async with city.database.transaction() as db:
        bill_id = await a_bill_due(db, 5)
    await the_clock(city)
    assert await news(city, "AutopayAnnounced") == [], "too early"
    await passing(city, DAY_S)
    for _ in range(2):
        await the_clock(city)
    [announced] = await news(city, "AutopayAnnounced")
    assert announced["pay_on"] == str(city_today() + timedelta(days=1))
    assert await money(city, me.id) == (1_000_000, 0), "only announced"
    await passing(city, DAY_S)
    await asyncio.gather(*(autopay.pay_due(city.database) for _ in range(5)))
    await a_day(city, passing, 2)
    assert await money(city, me.id) == (900_000, 0)
    [paid] = await news(city, "BillPaid")
    assert (paid["bill_id"], paid["payer_id"]) == (str(bill_id), str(me.id))
    assert await news(city, "AutopayFailed") == []
    assert await broken_laws(city) == []


async def test_a_killed_worker_pays_no_bill_twice(
    city: City, passing: Passing, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = await someone(city)
    await switch_on(city, me, await keep(city, me))
    async with city.database.transaction() as db:
        await a_bill_due(db, 3)
    await the_clock(city)
    await passing(city, DAY_S)

    class Killed(BaseException):
        pass

    real = ledger.move

    async def move_and_die(db: Connection, wanted: Move) -> object:
        await real(db, wanted)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "move", move_and_die)
        with pytest.raises(Killed):
            await autopay.pay_due(city.database)
    assert await money(city, me.id) == (1_000_000, 0), "it was not committed"
    for _ in range(2):
        await autopay.pay_due(city.database)
    assert await money(city, me.id) == (900_000, 0)


async def test_a_biller_that_is_asked_is_asked_for_an_autopay_too(
    city: City, passing: Passing, stand_ins: StandIns
) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db, balance=1_000_000)
        biller = await a_water_company(db, stand_ins)
        await a_bill_due(db, 2, biller=biller)
    await switch_on(city, me, await keep(city, me, biller=biller, code="HW000123"))
    await a_day(city, passing)
    [call] = await calls(city)
    assert (call.state, call.payment) == ("paid", "paid")
    assert await money(city, me.id) == (900_000, 0)


async def test_money_that_is_short_is_told_and_tried_again_the_next_day(city: City, passing: Passing) -> None:
    me = await someone(city, balance=10_000)
    await switch_on(city, me, await keep(city, me))
    async with city.database.transaction() as db:
        await a_bill_due(db, 4)
    await a_day(city, passing)
    for _ in range(2):
        await the_clock(city)
    [failed] = await news(city, "AutopayFailed")
    assert (failed["why"], failed["again_on"]) == ("balance", str(city_today() + timedelta(days=1)))
    async with city.database.transaction() as db:
        await fund(db, me.id, 100_000)
    await a_day(city, passing)
    assert await money(city, me.id) == (10_000, 0)
    assert len(await news(city, "AutopayFailed")) == 1


async def test_it_is_tried_three_times_and_no_longer(city: City, passing: Passing) -> None:
    me = await someone(city, balance=10_000)
    await switch_on(city, me, await keep(city, me), days=6)
    async with city.database.transaction() as db:
        await a_bill_due(db, 7)
    await a_day(city, passing, 6)
    failed = await news(city, "AutopayFailed")
    assert [one["again_on"] is None for one in failed] == [False, False, True]


async def test_a_bill_that_is_due_today_is_tried_no_more_tomorrow(city: City, passing: Passing) -> None:
    me = await someone(city, balance=10_000)
    await switch_on(city, me, await keep(city, me), days=0)
    async with city.database.transaction() as db:
        await a_bill_due(db, 1)
    await a_day(city, passing, 2)
    assert [one["again_on"] for one in await news(city, "AutopayFailed")] == [None]


@pytest.mark.parametrize("busy", [Unavailable, OutcomeUnknown, TooManyRequests])
async def test_a_busy_server_is_no_answer(
    city: City, passing: Passing, monkeypatch: pytest.MonkeyPatch, busy: type[Refusal]
) -> None:
    me = await someone(city)
    await switch_on(city, me, await keep(city, me))
    async with city.database.transaction() as db:
        await a_bill_due(db, 3)
    await the_clock(city)
    await passing(city, DAY_S)

    async def not_now(*_: object) -> object:
        raise busy

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "move", not_now)
        await the_clock(city)
    [run] = await runs(city)
    assert (run.status, run.tries, run.waits) == ("announced", 0, False)
    await the_clock(city)
    assert await money(city, me.id) == (900_000, 0)
    assert await failures(city) == []


async def test_an_account_that_was_just_recovered_is_waited_for_and_told_once(city: City, passing: Passing) -> None:
    me = await someone(city)
    await switch_on(city, me, await keep(city, me), days=6)
    async with city.database.transaction() as db:
        await a_bill_due(db, 7)
    await the_clock(city)
    for _ in range(4):
        async with city.database.transaction() as db:
            await db.execute(sql.money_waits, me.id)
        await passing(city, DAY_S - 60)
        await the_clock(city)
    assert await failures(city) == [("money_out_waits", True)]
    await a_day(city, passing, 2)
    assert await money(city, me.id) == (900_000, 0)


async def test_a_locked_account_is_waited_for_until_the_bill_is_due(city: City, passing: Passing) -> None:
    me = await someone(city)
    await switch_on(city, me, await keep(city, me), days=4)
    async with city.database.transaction() as db:
        await a_bill_due(db, 5)
        await db.execute(sql.lock_person, me.id)
    await a_day(city, passing, 4)
    assert await failures(city) == [("locked", True)]
    await a_day(city, passing, 2)
    assert await failures(city) == [("locked", True), ("locked", False)]
    assert [run.status for run in await runs(city)] == ["failed"]


@pytest.mark.parametrize("reason", ["maintenance", "insufficient", "other"])
async def test_what_its_biller_does_not_take_today_is_paid_tomorrow_and_once(
    city: City, passing: Passing, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch, reason: RefusalReason
) -> None:
    me = await an_announced_bill(city, passing, stand_ins)
    refusing(monkeypatch, reason)
    for _ in range(2):
        await the_clock(city)
    [run] = await runs(city)
    assert (run.status, run.why, run.pay_on) == ("announced", "biller", city_today() + timedelta(days=1))
    assert await failures(city) == [("biller", True)]
    assert await money(city, me.id) == (1_000_000, 0)
    await a_day(city, passing, 2)
    first, second = await calls(city)
    assert [(call.state, call.payment) for call in (first, second)] == [("refused", "failed"), ("paid", "paid")]
    assert await money(city, me.id) == (900_000, 0)
    assert await broken_laws(city) == []


@pytest.mark.parametrize(("due_in", "tried"), [(9, 3), (3, 2)])
async def test_a_biller_that_never_takes_it_is_asked_three_times_or_until_the_bill_is_due(
    city: City, passing: Passing, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch, due_in: int, tried: int
) -> None:
    me = await an_announced_bill(city, passing, stand_ins, due_in=due_in)
    if tried == 2:  # it is due tomorrow
        await passing(city, DAY_S)
    always: list[RefusalReason] = ["other"] * 9
    refusing(monkeypatch, *always)
    await a_day(city, passing, 5)
    assert await failures(city) == [("biller", True)] * (tried - 1) + [("biller", False)]
    assert len(await calls(city)) == tried
    assert [run.status for run in await runs(city)] == ["failed"]
    assert await money(city, me.id) == (1_000_000, 0)


@pytest.mark.parametrize("above", [False, True])
async def test_what_its_biller_asks_another_amount_for_is_announced_anew(
    city: City, passing: Passing, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch, above: bool
) -> None:
    me = await an_announced_bill(city, passing, stand_ins)
    async with city.database.transaction() as db:
        await db.execute(sql.unlock, me.session_id)
    [code] = (await city.client.get("/v1/wallet/customer-codes", headers=me.headers)).json()
    path = f"/v1/wallet/customer-codes/{code['id']}"

    async def listed_otherwise(database: Database, *_: object) -> bool:
        async with database.transaction() as db:
            [failed] = await told(db, "BillPaymentFailed")
            await db.execute(sql.set_bill_amount, UUID(str(failed["bill_id"])), 120_000)
        return True

    monkeypatch.setattr(lists, "refresh", listed_otherwise)
    refusing(monkeypatch, "amount_changed")
    if above:
        await switch_on(city, me, path, ceiling=119_999, days=5)
        await the_clock(city)
        assert await failures(city) == [("above_ceiling", False)]
        await switch_on(city, me, path, ceiling=120_000, days=5)
    await the_clock(city)
    assert [one["amount"] for one in await news(city, "AutopayAnnounced")] == [100_000, 120_000]
    assert await money(city, me.id) == (1_000_000, 0)
    await a_day(city, passing)
    assert await money(city, me.id) == (880_000, 0)
    assert len(await failures(city)) == above


@pytest.mark.parametrize(
    ("reason", "end", "said"),
    [("already_paid", "over", []), ("unknown_bill", "failed", [("biller", False)])],
)
async def test_what_is_no_bill_of_its_biller_is_not_tried_again(
    city: City,
    passing: Passing,
    stand_ins: StandIns,
    monkeypatch: pytest.MonkeyPatch,
    reason: RefusalReason,
    end: str,
    said: object,
) -> None:
    me = await an_announced_bill(city, passing, stand_ins)

    async def says_nothing(*_: object) -> bool:
        return False

    monkeypatch.setattr(lists, "refresh", says_nothing)
    refusing(monkeypatch, reason)
    await a_day(city, passing, 2)
    assert [run.status for run in await runs(city)] == [end]
    assert await failures(city) == said
    assert await money(city, me.id) == (1_000_000, 0)


@pytest.mark.parametrize("taken", [True, False])
async def test_a_bill_that_is_being_paid_by_hand_is_waited_for(
    city: City, passing: Passing, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    me = await an_announced_bill(city, passing, stand_ins)
    [announced] = await news(city, "AutopayAnnounced")
    async with city.database.transaction() as db:
        await db.execute(sql.unlock, me.session_id)
    assert (await pay(city, me, announced["bill_id"])).json()["status"] == "pending"
    await autopay.pay_due(city.database)
    [run] = await runs(city)
    assert (run.status, run.tries, run.waits) == ("announced", 0, True)
    if not taken:
        refusing(monkeypatch, "other")
    await city.worker.drain()
    await passing(city, autopay.WAIT_S + 1)
    await the_clock(city)
    assert [run.status for run in await runs(city)] == ["over" if taken else "sent"]
    assert [call.state for call in await calls(city)] == (["paid"] if taken else ["refused", "paid"])
    assert await money(city, me.id) == (900_000, 0)
    assert await failures(city) == []


async def test_all_pages_are_paid_and_those_that_stumble_stand_aside(
    city: City, passing: Passing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autopay, "BATCH", 20)
    me = await someone(city)
    await switch_on(city, me, await keep(city, me))
    async with city.database.transaction() as db:
        await db.execute(sql.plant_bills, "dien-luc-hue", CODE, 300, city_today() + timedelta(days=3))
    await the_clock(city)
    await passing(city, DAY_S)
    real, asked, under_way, most = ledger.move, 0, 0, 0

    async def stumble(db: Connection, wanted: Move) -> object:
        nonlocal asked, under_way, most
        asked, under_way = asked + 1, under_way + 1
        most = max(most, under_way)
        try:
            if cast("int", wanted.amount) <= 50:  # more than two pages of them
                raise ValueError("stumbled")
            return await real(db, wanted)
        finally:
            under_way -= 1

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "move", stumble)
        await autopay.pay_due(city.database)
        paid = [run for run in await runs(city) if run.status == "sent"]
        aside = [run for run in await runs(city) if run.status == "announced"]
        assert (len(paid), len(aside), all(run.waits for run in aside)) == (250, 50, True)
        assert most == autopay.AT_ONCE
        await autopay.pay_due(city.database)
        assert asked == 300, "not again at once"
    await passing(city, autopay.WAIT_S + 1)
    await the_clock(city)
    assert {run.status for run in await runs(city)} == {"sent"}
    assert await money(city, me.id) == (1_000_000 - sum(range(301)), 0)
    assert await broken_laws(city) == []


async def test_a_bill_above_the_ceiling_is_told_at_once_and_paid_when_the_ceiling_is_raised(
    city: City, passing: Passing
) -> None:
    me = await someone(city)
    path = await keep(city, me)
    await switch_on(city, me, path, ceiling=99_999)
    async with city.database.transaction() as db:
        await a_bill_due(db, 3)
    for _ in range(2):
        await the_clock(city)
    [failed] = await news(city, "AutopayFailed")
    assert (failed["why"], failed["again_on"]) == ("above_ceiling", None)
    assert await news(city, "AutopayAnnounced") == []
    await switch_on(city, me, path, ceiling=100_000)
    await a_day(city, passing)
    assert await money(city, me.id) == (900_000, 0)


async def test_what_was_paid_otherwise_or_switched_off_is_not_paid(city: City, passing: Passing) -> None:
    me = await someone(city)
    path = await keep(city, me)
    await switch_on(city, me, path)
    async with city.database.transaction() as db:
        first, _ = await a_bill_due(db, 3), await a_bill_due(db, 9)
    await the_clock(city)
    assert (await pay(city, me, first)).status_code == 201
    await a_day(city, passing, 1)
    assert await money(city, me.id) == (900_000, 0)
    await a_day(city, passing, 4)
    async with city.database.transaction() as db:
        await autopay.switch_off(db, me.me, UUID(path[-36:]))
    await a_day(city, passing, 3)
    assert await money(city, me.id) == (900_000, 0)
    assert await news(city, "AutopayFailed") == []


async def test_a_bill_whose_amount_was_changed_is_announced_anew(
    city: City, passing: Passing, stand_ins: StandIns
) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db, balance=1_000_000)
        biller = await a_water_company(db, stand_ins)
        bill_id = await a_bill_due(db, 5, biller=biller)
    await switch_on(city, me, await keep(city, me, biller=biller, code="HW000123"), days=4)
    await the_clock(city)
    async with city.database.transaction() as db:
        await db.execute(sql.set_bill_amount, bill_id, 120_000)
    await a_day(city, passing)
    assert [one["amount"] for one in await news(city, "AutopayAnnounced")] == [100_000, 120_000]
    assert await money(city, me.id) == (1_000_000, 0)
    await a_day(city, passing)
    assert await money(city, me.id) == (880_000, 0)


async def test_the_ledger_lets_nobody_pay_by_an_autopay_that_is_not_theirs(city: City) -> None:
    me = await someone(city)
    made = (await switch_on(city, me, await keep(city, me))).json()
    async with city.database.transaction() as db:
        thief = await a_resident(db, balance=1_000_000)
        bill_id = await a_known_bill(db, "dien-luc-hue", "PP03000000009")
    for payer in (thief, me):
        move = Move(uuid4(), "bill", payer.id, bill_id=bill_id, original_id=UUID(made["id"]))
        with pytest.raises(ledger.AutopayNotAllowed):
            async with city.database.transaction() as db:
                await ledger.move(db, move)


# Words

BILL = {
    "principal_id": UUID(int=1),
    "bill_id": UUID(int=2),
    "biller": "dien-luc-hue",
    "biller_name": "Điện lực Huế",
    "biller_name_en": "Huế Electricity",
    "customer_code": CODE,
    "period": "11/2026",
    "amount": 412_500,
}


def test_the_words_say_what_when_and_what_to_do() -> None:
    on = date(2026, 11, 27)
    [reminder] = messages_of(BillReminder(nickname=None, due_on=on, **BILL))  # pyright: ignore[reportArgumentType]
    assert reminder.body["vi"] == "412.500 ₫ cho Điện lực Huế, mã PP03000000001, kỳ 11/2026, hạn 27/11/2026."
    of = {"autopay_id": UUID(int=3), **BILL}
    [announced] = messages_of(AutopayAnnounced(pay_on=on, **of))  # pyright: ignore[reportArgumentType]
    assert "27/11/2026" in announced.body["en"]
    for why in get_args(AutopayFailure):
        for again_on in (on, None):
            [failed] = messages_of(AutopayFailed(why=why, again_on=again_on, **of))  # pyright: ignore[reportArgumentType]
            assert failed.title["vi"] != failed.title["en"]
            assert ("27/11/2026" in failed.body["vi"]) is (again_on is not None)
