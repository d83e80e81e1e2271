"""Bills of billers that are asked: held at once, and one end each, whatever the biller does and whoever is killed."""

import asyncio
import contextlib
from uuid import UUID, uuid4

import pytest

from app.cli import plant_people
from app.outside import NoAnswer
from tests.conftest import City, StandIns
from tests.makers import Resident, a_biller, a_policy, a_resident
from tests.statements import sql
from tests.wallet.banking import broken_laws, money, told
from tests.wallet.billing import (
    a_known_bill,
    a_water_company,
    bill_statuses,
    calls,
    fate,
    listed,
    paid_there,
    pay,
    pay_elsewhere,
)
from tests.wallet.conftest import Passing
from wallet import bills, ledger
from wallet.billers import adapters
from wallet.billers import calls as biller_calls
from wallet.gateways import breaker
from wallet.sandbox import biller as stand_in

AT_ONCE, REFUSES, SILENT_PAYS, SILENT_REFUSES, CHANGES, SLOW, CLOSED = (
    "HW000901", "HW000902", "HW000903", "HW000904", "HW000905", "HW000906", "HW000907",
)  # fmt: skip
IMPATIENT_MS = 800


@pytest.fixture(autouse=True)
def _a_quicker_biller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Late is later than these tests wait, not than people would."""
    monkeypatch.setattr(stand_in, "LATE_S", 1.2)
    monkeypatch.setattr(stand_in, "SLOW_S", 1.2)


async def a_payer(
    city: City, stand_ins: StandIns, customer_code: str, *, timeout_ms: int = 6000
) -> tuple[Resident, str, UUID, int]:
    """A resident with 500,000 đồng, a biller, a fetched bill and its amount."""
    async with city.database.transaction() as db:
        me = await a_resident(db, balance=500_000)
        biller = await a_water_company(db, stand_ins, timeout_ms=timeout_ms)
    [bill] = (await listed(city, me, biller, customer_code))["items"]  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]
    return me, biller, UUID(bill["id"]), int(bill["amount"])  # pyright: ignore[reportUnknownArgumentType]


async def let_time_pass(city: City, passing: Passing, times: int = 8) -> None:
    """The worker works, and time passes in between."""
    for _ in range(times):
        await city.worker.drain()
        await city.worker.keep_schedule()
        if all(call.state in {"paid", "refused"} for call in await calls(city)):
            break
        await passing(city, 61)
    await city.worker.drain()


# How it goes


async def test_a_bill_is_paid_when_its_biller_has_it_and_the_phone_sees_it_pending_before(
    city: City, stand_ins: StandIns
) -> None:
    me, biller, bill_id, amount = await a_payer(city, stand_ins, AT_ONCE)
    payment_id = uuid4()
    made = await pay(city, me, bill_id, payment_id)
    assert (made.status_code, made.json()["status"]) == (201, "pending")
    assert await money(city, me.id) == (500_000, amount), "held at once"
    assert await bill_statuses(city, biller) == {(amount, "paying")}
    other = await pay(city, me, bill_id)
    assert other.json()["type"] == "urn:huong:problem:BillNotDue", "it is claimed"
    await city.worker.drain()
    assert await fate(city, me, payment_id) == "paid"
    assert await money(city, me.id) == (500_000 - amount, 0)
    assert await bill_statuses(city, biller) == {(amount, "paid")}
    again = await pay(city, me, bill_id, payment_id)
    assert (again.status_code, again.json()["status"]) == (200, "paid")
    async with city.database.acquire() as db:
        [news] = await told(db, "BillPaid")
    assert (news["payment_id"], news["amount"]) == (str(payment_id), amount)
    assert await broken_laws(city) == []


async def test_the_billers_invoice_is_kept_and_shown_to_the_payer_alone(city: City, stand_ins: StandIns) -> None:
    me, _, bill_id, _ = await a_payer(city, stand_ins, AT_ONCE)
    async with city.database.transaction() as db:
        other = await a_resident(db)
    payment_id = uuid4()
    path = f"/v1/wallet/payments/{payment_id}/e-invoice"
    await pay(city, me, bill_id, payment_id)
    assert (await city.client.get(path, headers=me.headers)).status_code == 404, "not yet"
    await city.worker.drain()
    shown = (await city.client.get(path, headers=me.headers)).json()
    assert shown["number"].startswith("1C26THU")
    assert len(shown["look_up_code"]) == 10
    assert (await city.client.get(path, headers=other.headers)).status_code == 404


@pytest.mark.parametrize(
    ("customer_code", "end", "reason"),
    [
        (AT_ONCE, "paid", None),
        (REFUSES, "refused", "insufficient"),
        (SILENT_PAYS, "paid", None),
        (SILENT_REFUSES, "refused", "insufficient"),
        (CHANGES, "refused", "amount_changed"),
        (SLOW, "paid", None),
        (CLOSED, "paid", None),
    ],
)
async def test_c29_each_biller_comes_to_its_one_end(
    city: City, stand_ins: StandIns, passing: Passing, customer_code: str, end: str, reason: str | None
) -> None:
    me, biller, bill_id, amount = await a_payer(city, stand_ins, customer_code, timeout_ms=IMPATIENT_MS)
    payment_id = uuid4()
    await pay(city, me, bill_id, payment_id)
    await city.worker.drain()
    if customer_code == SLOW:
        [call] = await calls(city)
        assert (call.state, call.hold) == ("unknown", "pending")
        await asyncio.sleep(stand_in.SLOW_S)  # its own time, not the city's
    await let_time_pass(city, passing)
    [call] = await calls(city)
    paid = end == "paid"
    assert (call.state, call.hold) == (end, "captured" if paid else "voided")
    assert await fate(city, me, payment_id) == ("paid" if paid else "failed")
    assert await money(city, me.id) == ((500_000 - amount if paid else 500_000), 0)
    async with city.database.acquire() as db:
        news = await told(db, "BillPaid") + await told(db, "BillPaymentFailed")
    assert len(news) == 1, "told once"
    assert news[0].get("why") == reason
    assert await paid_there(stand_ins, biller) == ([str(payment_id)] if paid else [])
    assert await broken_laws(city) == []


async def test_after_the_amount_was_changed_the_phone_sees_the_new_one_and_can_pay_it(
    city: City, stand_ins: StandIns
) -> None:
    me, biller, bill_id, amount = await a_payer(city, stand_ins, CHANGES)
    await pay(city, me, bill_id)
    await city.worker.drain()
    assert await bill_statuses(city, biller) == {(amount + stand_in.MORE, "due")}, "fetched again by itself"
    as_seen = await pay(city, me, bill_id, amount=amount)
    assert as_seen.json()["type"] == "urn:huong:problem:AmountDiffers", "nobody pays more than they saw"
    payment_id = uuid4()
    assert (await pay(city, me, bill_id, payment_id)).json()["amount"] == amount + stand_in.MORE
    await city.worker.drain()
    assert await fate(city, me, payment_id) == "paid"


async def test_a_payment_that_never_came_there_is_sent_again_under_the_same_reference(
    city: City, stand_ins: StandIns, passing: Passing
) -> None:
    me, biller, bill_id, amount = await a_payer(city, stand_ins, AT_ONCE)
    payment_id = uuid4()
    await pay(city, me, bill_id, payment_id)
    await stand_ins.behave("biller", "down", at="payment")
    await city.worker.drain()
    [call] = await calls(city)
    assert (call.state, call.attempts) == ("unknown", 1)
    await passing(city, 31)
    await city.worker.keep_schedule()
    [call] = await calls(city)
    assert (call.state, call.attempts, call.hold) == ("unknown", 1, "pending"), "it may still be on its way"
    await passing(city, 31)
    await city.worker.keep_schedule()
    [call] = await calls(city)
    assert (call.state, call.attempts, call.hold) == ("paid", 2, "captured")
    assert await paid_there(stand_ins, biller) == [str(payment_id)]
    assert await money(city, me.id) == (500_000 - amount, 0)


@pytest.mark.parametrize("mischief", ["not_json", "huge", "moved", "down"])
async def test_an_answer_that_is_none_gives_nothing_back_and_pays_nothing(
    city: City, stand_ins: StandIns, passing: Passing, mischief: str
) -> None:
    me, _, bill_id, amount = await a_payer(city, stand_ins, AT_ONCE)
    await pay(city, me, bill_id)
    await stand_ins.behave("biller", mischief, at="payment")
    await city.worker.drain()
    [call] = await calls(city)
    assert (call.state, call.hold) == ("unknown", "pending")
    assert await money(city, me.id) == (500_000, amount)
    await let_time_pass(city, passing)
    [call] = await calls(city)
    assert (call.state, call.hold) == ("paid", "captured")


async def test_money_from_elsewhere_waits_for_the_biller_too_and_stays_in_suspense_if_it_refuses(
    city: City, stand_ins: StandIns
) -> None:
    async with city.database.transaction() as db:
        biller = await a_water_company(db, stand_ins)
        takes = await a_known_bill(db, biller, "HW000111", 70_000)
        refuses = await a_known_bill(db, biller, "HW111902", 50_000)
        for bill_id, amount in ((takes, 70_000), (refuses, 50_000)):
            await bills.collect(db, uuid4(), bill_id, ledger.GUARANTEE, amount)
    assert await money(city, ledger.SUSPENSE) == (120_000, 120_000)
    await city.worker.drain()
    assert await money(city, ledger.SUSPENSE) == (50_000, 0), "what was refused is somebody's to look at"
    assert {call.state for call in await calls(city)} == {"paid", "refused"}
    assert await broken_laws(city) == []


async def test_a_biller_without_a_system_is_paid_at_once(city: City) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db, balance=500_000)
        await a_biller(db)
        bill_id = await a_known_bill(db, "dien-luc-hue", "PP03000000001")
    assert (await pay(city, me, bill_id)).json()["status"] == "paid"
    await city.worker.drain()
    assert await calls(city) == []


async def test_the_seeds_water_company_is_asked_wherever_the_stand_in_listens(
    city: City, stand_ins: StandIns
) -> None:
    """Its bills are the same there, so that looking at them changes nothing."""
    await plant_people(city.database)
    await plant_people(city.database)
    async with city.database.transaction() as db:
        me = await a_resident(db, balance=500_000)
    answer = await listed(city, me, "cap-nuoc-hue", "HW000001")
    [bill] = answer["items"]  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]
    assert (answer["stale"], bill["amount"]) == (False, 86_400)
    assert (await pay(city, me, bill["id"], payment_id := uuid4(), amount=86_400)).json()["status"] == "pending"  # pyright: ignore[reportUnknownArgumentType]
    await city.worker.drain()
    assert await fate(city, me, payment_id) == "paid"


# Killed on the way


class Killed(BaseException):
    """kill -9: nothing after it is run."""


ENDS = [(AT_ONCE, True), (REFUSES, False), (SILENT_PAYS, True), (SILENT_REFUSES, False), (CHANGES, False)]


@pytest.mark.parametrize(("customer_code", "paid"), ENDS)
@pytest.mark.parametrize("step", ["after the claim", "after the biller", "before the money", "after the money"])
async def test_a_worker_that_is_killed_at_any_step_leaves_one_end(
    city: City,
    stand_ins: StandIns,
    passing: Passing,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    customer_code: str,
    paid: bool,
) -> None:
    me, biller, bill_id, amount = await a_payer(city, stand_ins, customer_code, timeout_ms=IMPATIENT_MS)
    await pay(city, me, bill_id, payment_id := uuid4())
    with monkeypatch.context() as patched:
        _kill(patched, step)
        with contextlib.suppress(Killed):
            await city.worker.drain()
    await passing(city, 31)
    await let_time_pass(city, passing)
    [call] = await calls(city)
    assert (call.state, call.hold) == (("paid", "captured") if paid else ("refused", "voided"))
    assert await fate(city, me, payment_id) == ("paid" if paid else "failed")
    assert await money(city, me.id) == ((500_000 - amount if paid else 500_000), 0)
    assert await paid_there(stand_ins, biller) == ([str(payment_id)] if paid else [])
    async with city.database.acquire() as db:
        assert len(await told(db, "BillPaid") + await told(db, "BillPaymentFailed")) == 1
    assert await broken_laws(city) == []


def _kill(patched: pytest.MonkeyPatch, step: str) -> None:
    """The worker dies at this step; where the biller says nothing, some steps are never reached."""

    async def die(*_: object) -> None:
        raise Killed

    if step == "after the claim":
        patched.setattr(adapters.HttpAdapter, "pay", die)
    elif step == "after the biller":
        patched.setattr(biller_calls, "_settle", die)
    elif step == "before the money":
        patched.setattr(biller_calls.holds, "capture", die)
        patched.setattr(biller_calls.holds, "void", die)
    else:
        settle = biller_calls._settle  # pyright: ignore[reportPrivateUsage]

        async def settle_and_die(*args: object) -> None:
            await settle(*args)  # pyright: ignore[reportArgumentType]
            raise Killed

        patched.setattr(biller_calls, "_settle", settle_and_die)


async def test_a_job_that_was_lost_is_found_by_the_clock(city: City, stand_ins: StandIns, passing: Passing) -> None:
    me, _, bill_id, _ = await a_payer(city, stand_ins, AT_ONCE)
    await pay(city, me, bill_id, payment_id := uuid4())
    async with city.database.transaction() as db:
        await db.execute(sql.forget_the_day)
    await city.worker.keep_schedule()
    assert await fate(city, me, payment_id) == "pending", "its job may still come"
    await passing(city, 61)
    await city.worker.keep_schedule()
    assert await fate(city, me, payment_id) == "paid"


async def test_many_workers_at_once_ask_the_biller_once(city: City, stand_ins: StandIns) -> None:
    me, biller, bill_id, _ = await a_payer(city, stand_ins, AT_ONCE)
    await pay(city, me, bill_id, payment_id := uuid4())
    async with city.database.transaction() as db:
        await db.execute(biller_calls.sql.know_call, payment_id)
    await asyncio.gather(*(biller_calls.sweep(city.database) for _ in range(6)))
    [call] = await calls(city)
    assert (call.state, call.attempts) == ("paid", 1)
    assert await paid_there(stand_ins, biller) == [str(payment_id)]


async def test_a_refusal_that_comes_after_a_newer_request_counts_no_more(city: City, stand_ins: StandIns) -> None:
    """A worker that stood still for a while cannot give back what was sent again meanwhile."""
    me, _, bill_id, _ = await a_payer(city, stand_ins, AT_ONCE)
    await pay(city, me, bill_id, payment_id := uuid4())
    async with city.database.transaction() as db:
        await db.execute(biller_calls.sql.know_call, payment_id)
        await db.execute(biller_calls.sql.claim_call_to_pay, payment_id, 0)
        await db.execute(biller_calls.sql.put_call_off, payment_id, 1, "ready", 0)
        await db.execute(biller_calls.sql.claim_call_to_pay, payment_id, 30)
        assert await db.fetchval(biller_calls.sql.call_refused, payment_id, "maintenance", 1) is None
        assert await db.fetchval(biller_calls.sql.call_refused, payment_id, "maintenance", 2) is not None


# A biller that does not answer


async def test_a_biller_that_is_down_is_left_in_peace_and_people_see_it(
    city: City, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch, passing: Passing
) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db, balance=2_000_000)
        biller = await a_water_company(db, stand_ins)
        known = [await a_known_bill(db, biller, f"HW00011{n}", 10_000) for n in range(8)]
        await a_policy(db, "limit.day_goods", 10**9)
    sent: list[object] = []
    real = adapters.HttpAdapter.pay

    async def silent(self: adapters.HttpAdapter, order: adapters.PayOrder) -> object:
        sent.append(order.our_reference)
        raise NoAnswer("down")

    for bill_id in known:
        assert (await pay(city, me, bill_id)).status_code == 201
    with monkeypatch.context() as patched:
        patched.setattr(adapters.HttpAdapter, "pay", silent)
        await city.worker.drain()
    states = [call.state for call in await calls(city)]
    assert len(sent) == states.count("unknown") <= 8
    assert breaker.before(f"biller:{biller}").state == "open"
    assert await _availability(city, me, biller) is False
    answer = await listed(city, me, biller, "HW000110")
    assert answer["stale"] is True, "it is not asked for bills either; what is known is shown"
    assert len(answer["items"]) == 1  # pyright: ignore[reportArgumentType]
    assert adapters.HttpAdapter.pay is real
    breaker.forget()
    await passing(city, 31)
    await let_time_pass(city, passing)
    assert {call.state for call in await calls(city)} == {"paid"}
    assert await _availability(city, me, biller) is True
    assert await money(city, me.id) == (2_000_000 - 80_000, 0)


async def _availability(city: City, me: Resident, biller: str) -> bool:
    found = (await city.client.get("/v1/wallet/billers", headers=me.headers)).json()
    return next(one["available"] for one in found if one["code"] == biller)


async def test_a_biller_in_maintenance_refuses_and_is_shown_as_unavailable(
    city: City, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    me, biller, bill_id, _ = await a_payer(city, stand_ins, AT_ONCE)
    await pay(city, me, bill_id, payment_id := uuid4())

    async def in_maintenance(*_: object) -> object:
        return adapters.Refused("maintenance")

    with monkeypatch.context() as patched:
        patched.setattr(adapters.HttpAdapter, "pay", in_maintenance)
        await city.worker.drain()
    assert await fate(city, me, payment_id) == "failed"
    assert await _availability(city, me, biller) is False


async def test_one_billers_silence_holds_up_no_other(city: City, stand_ins: StandIns) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db, balance=500_000)
        slow = await a_water_company(db, stand_ins, timeout_ms=IMPATIENT_MS)
        quick = await a_water_company(db, stand_ins)
        late = await a_known_bill(db, slow, "HW000903")
        soon = await a_known_bill(db, quick, "HW000001")
    await pay(city, me, late)
    await pay(city, me, soon, payment_id := uuid4())
    await city.worker.drain()
    assert await fate(city, me, payment_id) == "paid"


# Fetching


async def test_bills_are_the_billers_own_and_follow_its_list(
    city: City, stand_ins: StandIns, passing: Passing
) -> None:
    me, biller, _, amount = await a_payer(city, stand_ins, "HW000321")
    async with city.database.transaction() as db:
        elsewhere = await a_known_bill(db, biller, "HW000321", 5_000)
    assert await bill_statuses(city, biller) == {(amount, "due"), (5_000, "due")}
    answer = await listed(city, me, biller, "HW000321")
    assert answer["stale"] is False
    there = await pay_elsewhere(stand_ins, biller, "HW000321", amount)
    assert isinstance(there, adapters.Paid)
    await passing(city, 10)
    await listed(city, me, biller, "HW000321")
    assert await bill_statuses(city, biller) == {(amount, "withdrawn"), (5_000, "due")}, (
        f"paid elsewhere; what was never in a list stays ({elsewhere})"
    )


async def test_a_biller_that_does_not_tell_its_bills_shows_the_known_ones_as_stale(
    city: City, stand_ins: StandIns, passing: Passing
) -> None:
    me, biller, bill_id, _ = await a_payer(city, stand_ins, "HW000654")
    await passing(city, 10)
    await stand_ins.behave("biller", "down", at="bills")
    answer = await listed(city, me, biller, "HW000654")
    assert answer["stale"] is True
    assert [bill["id"] for bill in answer["items"]] == [str(bill_id)]  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]


async def test_the_codes_that_i_keep_are_asked_for_too(city: City, stand_ins: StandIns) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
        biller = await a_water_company(db, stand_ins)
    body = {"biller": biller, "customer_code": "HW000777"}
    kept = await city.client.put(f"/v1/wallet/customer-codes/{uuid4()}", headers=me.headers, json=body)
    assert kept.status_code == 200, kept.text
    found = (await city.client.get("/v1/wallet/bills", headers=me.headers)).json()
    assert (found["stale"], [bill["customer_code"] for bill in found["items"]]) == (False, ["HW000777"])


async def test_a_bill_on_its_way_is_not_touched_by_a_list(city: City, stand_ins: StandIns, passing: Passing) -> None:
    me, biller, bill_id, amount = await a_payer(city, stand_ins, CHANGES)
    await pay(city, me, bill_id)
    assert await pay_elsewhere(stand_ins, biller, CHANGES, amount) == adapters.Refused("amount_changed")
    await passing(city, 10)
    await listed(city, me, biller, CHANGES)
    assert await bill_statuses(city, biller) == {(amount, "paying")}
