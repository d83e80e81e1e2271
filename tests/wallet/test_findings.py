"""Money of which nobody outside says what became: two of finance find out; what was sent since is found out anew."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.secrets import KeyNotHere
from tests.conftest import City, StandIns
from tests.makers import Resident, StaffMember, a_resident, a_staff_member
from tests.statements import sql
from tests.wallet import banking, billing
from tests.wallet.banking import broken_laws, money, payouts, withdraw
from tests.wallet.billing import a_water_company, bill_statuses, calls, listed, paid_there, pay
from tests.wallet.conftest import Passing
from tests.wallet.telling import refused
from wallet import ledger
from wallet.billers import calls as biller_calls
from wallet.billers import connections
from wallet.gateways import breaker, payout_errands
from wallet.sandbox import biller as stand_in

HOUR = 3600
IMPATIENT_MS = 300


async def two_of_finance(city: City) -> tuple[StaffMember, StaffMember]:
    async with city.database.transaction() as db:
        return await a_staff_member(db, role="finance"), await a_staff_member(db, role="finance")


async def find(city: City, who: StaffMember, path: str, **found: object) -> httpx.Response:
    body = {"note": "Đã hỏi qua điện thoại, có công văn", **found}
    return await city.client.put(f"/v1/staff/{path}/finding", headers=who.headers, json=body)


async def approve(city: City, who: StaffMember, path: str, finding: httpx.Response) -> httpx.Response:
    seen = {name: finding.json()[name] for name in ("status", "found_at")}
    return await city.client.put(f"/v1/staff/{path}/approval", headers=who.headers, json=seen)


async def found(city: City, path: str, **what: object) -> None:
    """Found by one, approved by another."""
    one, other = await two_of_finance(city)
    finding = await find(city, one, path, **what)
    assert finding.status_code == 200, finding.text
    assert refused(await approve(city, one, path, finding)) == (403, "FindingNeedsSecondPairOfEyes")
    approved = await approve(city, other, path, finding)
    assert approved.status_code == 200, approved.text


# A biller that says nothing


async def a_silent_payment(
    city: City, stand_ins: StandIns, passing: Passing, customer_code: str = "HW000903"
) -> tuple[Resident, str, UUID, int]:
    """A resident with 500,000 đồng whose payment hangs at a biller that is down since it was asked."""
    async with city.database.transaction() as db:
        me = await a_resident(db, balance=500_000)
        biller = await a_water_company(db, stand_ins, timeout_ms=IMPATIENT_MS)
    answer: Any = await listed(city, me, biller, customer_code)
    [bill] = answer["items"]
    await pay(city, me, bill["id"], payment_id := uuid4())
    await stand_ins.behave("biller", "down", at="inquiry", times=100)
    await city.worker.drain()
    [call] = await calls(city)
    assert (call.state, call.hold) == ("unknown", "pending")
    return me, biller, payment_id, int(bill["amount"])


@pytest.fixture(autouse=True)
async def _honest_again(stand_ins: StandIns) -> Any:
    yield
    for party, at in (("biller", "inquiry"), ("biller", "payment"), ("bank", "transfer"), ("bank", "inquiry")):
        await stand_ins.behave(party, "down", at=at, times=0)


@pytest.mark.parametrize("status", ["paid", "refused"])
async def test_what_a_biller_never_tells_two_of_finance_find_out(
    city: City, stand_ins: StandIns, passing: Passing, status: str
) -> None:
    me, biller, payment_id, amount = await a_silent_payment(city, stand_ins, passing)
    path = f"biller-calls/{payment_id}"
    one, _ = await two_of_finance(city)
    assert refused(await find(city, one, path, status=status, reference="GT1")) == (409, "NotStuck")
    await passing(city, HOUR + 1)
    await city.worker.keep_schedule()
    one, _ = await two_of_finance(city)
    assert refused(await find(city, one, path, status="paid")) == (400, "ReferenceNeeded")
    assert refused(await find(city, one, f"biller-calls/{uuid4()}", status="refused")) == (404, "NotFound")
    await found(city, path, status=status, reference="GT1")
    [call] = await calls(city)
    paid = status == "paid"
    assert (call.state, call.hold) == (("paid", "captured") if paid else ("refused", "voided"))
    assert await money(city, me.id) == (500_000 - amount if paid else 500_000, 0)
    assert await bill_statuses(city, biller) == {(amount, "paid" if paid else "due")}
    one, _ = await two_of_finance(city)
    assert refused(await find(city, one, path, status=status, reference="GT1")) == (409, "NotStuck")
    assert await broken_laws(city) == []


async def test_what_was_never_sent_is_given_back_after_hours(
    city: City, stand_ins: StandIns, passing: Passing
) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db, balance=500_000)
        biller = await a_water_company(db, stand_ins, timeout_ms=IMPATIENT_MS)
    answer: Any = await listed(city, me, biller, "HW000901")
    [bill] = answer["items"]
    guard = breaker.before(f"biller:{biller}")
    for _ in range(breaker.FAILURES):
        with pytest.raises(breaker.NoAnswer), guard.passing():
            raise breaker.NoAnswer
    guard.rest_s = 10 * HOUR
    await pay(city, me, bill["id"], payment_id := uuid4())
    for _ in range(3):
        await city.worker.drain()
        await passing(city, 2 * HOUR - 60)
        await city.worker.keep_schedule()
    assert await billing.fate(city, me, payment_id) == "pending"
    await passing(city, 11 * HOUR)
    await city.worker.keep_schedule()
    assert await billing.fate(city, me, payment_id) == "failed"
    assert await money(city, me.id) == (500_000, 0)
    assert await paid_there(stand_ins, biller) == []
    assert await broken_laws(city) == []


async def test_what_was_sent_once_is_not_given_back_by_the_clock(
    city: City, stand_ins: StandIns, passing: Passing
) -> None:
    """The biller says that it never came there, and then rests: nobody knows what it does with what is on its way."""
    me, biller, payment_id, _ = await a_silent_payment(city, stand_ins, passing)
    async with city.database.transaction() as db:
        [call] = await calls(city)
        await db.execute(biller_calls.sql.put_call_off, payment_id, call.attempts, "ready", 0)
    guard = breaker.before(f"biller:{biller}")
    guard.rest_s = 100 * HOUR
    for _ in range(breaker.FAILURES):
        with pytest.raises((breaker.NoAnswer, breaker.NotAsked)), guard.passing():
            raise breaker.NoAnswer
    await passing(city, 20 * HOUR)
    await city.worker.keep_schedule()
    assert await billing.fate(city, me, payment_id) == "pending"
    await passing(city, 300)
    await found(city, f"biller-calls/{payment_id}", status="refused")
    assert await billing.fate(city, me, payment_id) == "failed"


# A biller that has moved


async def move(city: City, stand_ins: StandIns, biller: str, *, to: str) -> None:
    """The biller's connection is replaced by another, at this biller's address of the stand-in."""
    one, other = await two_of_finance(city)
    path = f"/v1/staff/billers/{biller}/connections/{uuid4()}"
    body = {
        "url": f"{stand_ins.url}/biller/{to}",
        "key_id": stand_in.KEY_ID,
        "secret": stand_in.SECRET,
        "timeout_ms": 6000,
    }
    assert (await city.client.put(path, headers=one.headers, json=body)).status_code == 200
    assert (await city.client.put(f"{path}/approval", headers=other.headers, json={})).status_code == 200


async def test_a_payment_is_inquired_where_it_was_sent_although_the_biller_has_moved(
    city: City, stand_ins: StandIns, passing: Passing
) -> None:
    """The new address has never heard of it: asked there, the money would be sent twice."""
    me, biller, payment_id, amount = await a_silent_payment(city, stand_ins, passing)
    await move(city, stand_ins, biller, to=f"{biller}-new")
    await stand_ins.behave("biller", "down", at="inquiry", times=0)
    for _ in range(3):
        await passing(city, 61)
        await city.worker.keep_schedule()
    assert await billing.fate(city, me, payment_id) == "paid"
    assert await money(city, me.id) == (500_000 - amount, 0)
    assert await paid_there(stand_ins, biller) == [str(payment_id)]
    assert await paid_there(stand_ins, f"{biller}-new") == []
    async with city.database.transaction() as db:
        await connections.forget_secrets(db)
        assert await db.fetchval(sql.replaced_secrets, biller) == 0, "nobody needs it any more"


async def test_where_it_moved_to_it_may_know_but_that_it_does_not_says_nothing(
    city: City, stand_ins: StandIns, passing: Passing, monkeypatch: pytest.MonkeyPatch
) -> None:
    me, biller, payment_id, _ = await a_silent_payment(city, stand_ins, passing)
    async with city.database.transaction() as db:
        await db.execute(sql.move_connections, biller, "http://127.0.0.1:9/gone")
    await move(city, stand_ins, biller, to=f"{biller}-new")
    await stand_ins.behave("biller", "down", at="inquiry", times=0)
    for _ in range(4):
        await passing(city, 61)
        await city.worker.keep_schedule()
    [call] = await calls(city)
    assert (call.state, call.attempts) == ("unknown", 1), "not sent again"
    assert await billing.fate(city, me, payment_id) == "pending"
    async with city.database.transaction() as db:
        assert await db.fetchval(sql.replaced_secrets, biller) == 1, "it may be needed yet"
    await move(city, stand_ins, biller, to=biller)
    for _ in range(3):
        await passing(city, 121)
        await city.worker.keep_schedule()
    assert await billing.fate(city, me, payment_id) == "paid", "where it is known, it is believed"
    assert await broken_laws(city) == []


# A payout that was sent again behind the finder's back


async def test_a_finding_says_nothing_of_what_was_sent_after_it(
    city: City, stand_ins: StandIns, passing: Passing
) -> None:
    """The bank says on the telephone that it never had it; it is sent again, the answer is lost: not free then."""
    async with city.database.transaction() as db:
        me = await a_resident(db, balance=200_000)
    withdrawal_id = uuid4()
    path = f"payouts/{withdrawal_id}"
    await withdraw(city, me, banking.asked(banking.LOST), withdrawal_id)
    await city.worker.drain()
    await stand_ins.behave("bank", "down", at="inquiry", times=100)
    await passing(city, HOUR + 1)
    one, other = await two_of_finance(city)
    finding = await find(city, one, path, status="refused")
    assert finding.status_code == 200, finding.text
    await payout_errands.send(city.database, withdrawal_id)
    assert refused(await approve(city, other, path, finding)) in {(409, "NotStuck"), (409, "SentSinceFound")}
    assert await money(city, me.id) in {(200_000, 50_000), (150_000, 0)}
    await stand_ins.behave("bank", "down", at="inquiry", times=0)
    payout_errands.breaker.forget()
    for _ in range(4):
        await passing(city, 1900)
        await city.worker.keep_schedule()
    [payout] = await payouts(city)
    assert (payout.status, payout.hold) == ("paid", "captured")
    assert await money(city, me.id) == (150_000, 0)
    assert await broken_laws(city) == []


# A top-up at which the gateway looks for ever


@pytest.mark.parametrize("status", ["paid", "refused"])
async def test_a_top_up_that_is_looked_at_for_ever_has_an_end_by_hand(
    city: City, stand_ins: StandIns, passing: Passing, status: str
) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db)
    top_up_id = uuid4()
    body = {"amount": 200_000, "method": "vnpay"}
    made = await city.client.put(f"/v1/wallet/top-ups/{top_up_id}", headers=me.headers, json=body)
    async with city.database.transaction() as db:
        await db.execute(sql.put_into_review, top_up_id)
    path = f"top-ups/{top_up_id}"
    one, _ = await two_of_finance(city)
    assert made.status_code == 201
    assert refused(await find(city, one, path, status=status, reference="VNP1")) == (409, "NotStuck")
    await passing(city, HOUR + 1)
    await found(city, path, status=status, reference="VNP1")
    assert await money(city, me.id) == ((200_000, 0) if status == "paid" else (0, 0))
    assert await money(city, ledger.GATEWAY) == ((-200_000, 0) if status == "paid" else (0, 0))
    async with city.database.acquire() as db:
        assert await db.fetchval(sql.top_up_status, top_up_id) == ("paid" if status == "paid" else "failed")


async def test_what_is_stuck_anew_is_found_anew(city: City, stand_ins: StandIns, passing: Passing) -> None:
    """Two found that nothing was paid; the gateway looks at it again, and it was paid after all."""
    async with city.database.transaction() as db:
        me = await a_resident(db)
    top_up_id = uuid4()
    body = {"amount": 200_000, "method": "vnpay"}
    await city.client.put(f"/v1/wallet/top-ups/{top_up_id}", headers=me.headers, json=body)
    async with city.database.transaction() as db:
        await db.execute(sql.put_into_review, top_up_id)
    path = f"top-ups/{top_up_id}"
    await passing(city, HOUR + 1)
    one, other = await two_of_finance(city)
    first = await find(city, one, path, status="refused")
    assert (await approve(city, other, path, first)).status_code == 200
    assert (await approve(city, other, path, first)).status_code == 200, "the same again changes nothing"
    async with city.database.transaction() as db:
        await db.execute(sql.put_into_review, top_up_id)
    assert refused(await approve(city, other, path, first)) == (409, "FindingIsApproved"), "that was of before"
    second = await find(city, other, path, status="paid", reference="VNP2")
    assert (second.status_code, second.json()["approved_by"]) == (200, None), second.text
    assert (await approve(city, one, path, second)).status_code == 200
    assert await money(city, me.id) == (200_000, 0)
    owes = "the guarantee at the bank covers all wallets"  # but for what the gateway has not paid yet
    assert await broken_laws(city) == [owes]


async def test_without_the_key_of_its_secret_a_biller_is_as_if_it_had_no_connection(
    city: City, stand_ins: StandIns, passing: Passing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with city.database.transaction() as db:
        me = await a_resident(db, balance=500_000)
        biller = await a_water_company(db, stand_ins)
    answer: Any = await listed(city, me, biller, "HW000901")
    await pay(city, me, answer["items"][0]["id"], payment_id := uuid4())

    def lost(*_: object, **__: object) -> bytes:
        raise KeyNotHere

    with monkeypatch.context() as patched:
        patched.setattr(connections, "unseal", lost)
        await city.worker.drain()
        [call] = await calls(city)
        assert (call.state, call.attempts) == ("ready", 1), "it waits, and keeps no other from its turn"
    await passing(city, 61)
    await city.worker.keep_schedule()
    assert await billing.fate(city, me, payment_id) == "paid"
