"""Settlement: a shop's day is closed once, its fee taken, its money sent; whatever happens on the way."""

import asyncio
import csv
import io
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import openpyxl
import pytest
from pypdf import PdfReader

from app import jobs, paper
from app.clock import CITY_ZONE, city_now
from app.db import Connection, Database
from app.types import new_id
from tests.conftest import City
from tests.makers import Resident, Shop, a_policy, a_resident, a_shop, a_staff_member, fund
from tests.statements import sql
from tests.wallet import banking, pdfs
from tests.wallet.banking import broken_laws, money, payouts, told
from tests.wallet.conftest import Passing
from wallet import ledger
from wallet.ledger import Move
from wallet.merchants import settlements
from wallet.papers import receipts

pytestmark = pytest.mark.usefixtures("stand_ins")

ACCOUNT = {"bank_bin": "970418", "account_number": banking.PAYS, "account_name": "Hoàng Thị Đông Ba"}


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:huong:problem:")


async def a_shop_with_an_account(city: City, account_number: str = banking.PAYS) -> Shop:
    async with city.database.transaction() as db:
        shop = await a_shop(db)
    await give_account(city, shop, account_number)
    return shop


async def give_account(city: City, shop: Shop, account_number: str) -> httpx.Response:
    path = f"/v1/merchants/{shop.id}/bank-account"
    body = {**ACCOUNT, "account_number": account_number}
    answer = await city.client.put(path, headers=shop.owner.headers, json=body)
    assert answer.status_code == 200, answer.text
    return answer


async def buys(city: City, shop: Shop, *amounts: int) -> list[str]:
    """Somebody pays these amounts at the shop, one after the other; the payments' ids."""
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=sum(amounts))
    return [await _buy(city, payer, shop, amount) for amount in amounts]


async def _buy(city: City, payer: Resident, shop: Shop, amount: int) -> str:
    payment_id = str(uuid4())
    body = {"kind": "merchant", "qr": shop.qr, "amount": amount}
    paid = await city.client.put(f"/v1/wallet/payments/{payment_id}", headers=payer.headers, json=body)
    assert paid.status_code == 201, paid.text
    return payment_id


async def settle(city: City, shop: Shop, settlement_id: object = None) -> httpx.Response:
    path = f"/v1/merchants/{shop.id}/settlements/{settlement_id or uuid4()}"
    return await city.client.put(path, headers=shop.owner.headers, json={})


async def listed(city: City, shop: Shop) -> list[dict[str, Any]]:
    answer = await city.client.get(f"/v1/merchants/{shop.id}/settlements", headers=shop.owner.headers)
    return answer.json()["items"]


async def a_fee(city: City, basis_points: int, **other: object) -> str:
    """A rule that one member of finance proposed and another approved, from ten minutes on."""
    async with city.database.transaction() as db:
        one, other_one = await a_staff_member(db, role="finance"), await a_staff_member(db, role="finance")
    path = f"/v1/staff/fee-rules/{(rule_id := uuid4())}"
    begins = {"effective_from": (city_now() + timedelta(minutes=10)).isoformat()}
    rule = {"basis_points": basis_points, **begins, **other}
    proposed = await city.client.put(path, headers=one.headers, json=rule)
    assert proposed.status_code == 200, proposed.text
    alone = await city.client.put(f"{path}/approval", headers=one.headers, json={})
    assert refused(alone) == (403, "FeeNeedsSecondPairOfEyes")
    approved = await city.client.put(f"{path}/approval", headers=other_one.headers, json={})
    assert approved.status_code == 200, approved.text
    return str(rule_id)


def until_the_night() -> float:
    """How many seconds until two o'clock of the next night in Huế."""
    here = city_now().astimezone(CITY_ZONE)
    return (datetime.combine(here.date() + timedelta(days=1), time(2), CITY_ZONE) - here).total_seconds()


async def night_falls(city: City, passing: Passing) -> date:
    """The next night, with all that is done in it; the day that ended."""
    day = city_now().astimezone(CITY_ZONE).date()
    await passing(city, until_the_night())
    await city.worker.keep_schedule()
    await city.worker.drain()
    return day


async def test_by_night_the_day_is_closed_and_its_money_goes_to_the_bank(city: City, passing: Passing) -> None:
    shop = await a_shop_with_an_account(city)
    await a_fee(city, 55)
    await passing(city, 601)
    await buys(city, shop, 100_000, 50_000, 33_333)
    day = await night_falls(city, passing)
    [settlement] = await listed(city, shop)
    fee = 550 + 275 + 183  # 183.33 is rounded, payment by payment
    wanted = {
        "settled_on": day.isoformat(), "run": 0, "status": "paid", "reason": None, "opening": 0, "takings": 183_333,
        "takings_count": 3, "refunds": 0, "others": 0, "fee": fee, "amount": 183_333 - fee, "closing": 0,
        "bank_name": "BIDV", "account_number": "***7890", "account_name": "HOANG THI DONG BA",
    }  # fmt: skip
    assert wanted.items() <= settlement.items(), settlement
    assert await money(city, shop.id) == (0, 0)
    assert await money(city, ledger.SETTLEMENT) == (0, 0)
    assert await money(city, ledger.FEES) == (fee, 0)
    async with city.database.acquire() as db:
        [news] = await told(db, "SettlementPaid")
    assert (news["owner_id"], news["amount"], news["fee"]) == (str(shop.owner.id), 183_333 - fee, fee)
    assert await broken_laws(city) == []


async def test_c31_a_day_that_is_closed_twice_is_closed_once(city: City, passing: Passing) -> None:
    shop = await a_shop_with_an_account(city)
    await buys(city, shop, 100_000)
    day = await night_falls(city, passing)

    async def close() -> object:
        async with city.database.transaction() as db:
            return await settlements.close_day(db, shop.id, day)

    ids = await asyncio.gather(*(close() for _ in range(5)))
    await city.worker.keep_schedule()
    await city.worker.drain()
    [settlement] = await listed(city, shop)
    assert {str(one) for one in ids} == {settlement["id"]}
    assert len(await payouts(city)) == 1
    assert await broken_laws(city) == []


async def test_what_comes_in_after_midnight_is_the_next_days(city: City, passing: Passing) -> None:
    shop = await a_shop_with_an_account(city)
    await buys(city, shop, 100_000)
    await passing(city, until_the_night() - 5400)  # half past midnight
    await buys(city, shop, 20_000)
    await passing(city, 5400)
    await city.worker.keep_schedule()
    await city.worker.drain()
    [first] = await listed(city, shop)
    assert (first["takings"], first["amount"], first["closing"]) == (100_000, 100_000, 0)
    assert await money(city, shop.id) == (20_000, 0)
    await night_falls(city, passing)
    second, _ = await listed(city, shop)
    assert (second["opening"], second["takings"], second["amount"], second["others"]) == (0, 20_000, 20_000, 0)


class Killed(BaseException):
    """kill -9: nothing after it is run."""


@pytest.mark.parametrize(
    "step", ["before the fee", "before the settlement", "before the hold", "after the hold", "after the commit"]
)
async def test_c31_a_night_in_which_the_worker_dies_is_finished_by_the_next_worker(
    city: City, passing: Passing, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """At the second of three shops: what was not finished leaves nothing, and is done once by whoever comes next."""
    shops = [await a_shop_with_an_account(city) for _ in range(3)]
    await a_fee(city, 100)
    await passing(city, 601)
    for shop in shops:
        await buys(city, shop, 100_000)
    await passing(city, until_the_night())
    await city.worker.keep_schedule()

    with monkeypatch.context() as patched:
        _kill(patched, step)
        with pytest.raises(Killed):
            await city.worker.drain()
    assert len(await payouts(city)) == (2 if step == "after the commit" else 1)
    closed = [shop for shop in shops if await listed(city, shop)]
    assert len(closed) == len(await payouts(city))
    for shop in shops:
        assert await money(city, shop.id) == ((0, 0) if shop in closed else (100_000, 0))
    assert await broken_laws(city) == []

    for _ in range(3):
        await passing(city, 61)
        await city.worker.drain()
        await city.worker.keep_schedule()
    for shop in shops:
        [settlement] = await listed(city, shop)
        assert (settlement["status"], settlement["fee"], settlement["amount"]) == ("paid", 1_000, 99_000)
        assert await money(city, shop.id) == (0, 0)
    assert [payout.status for payout in await payouts(city)] == ["paid"] * 3
    assert await money(city, ledger.SETTLEMENT) == (0, 0)
    assert await money(city, ledger.FEES) == (3_000, 0)
    assert await broken_laws(city) == []


def _kill(patched: pytest.MonkeyPatch, step: str) -> None:
    """The worker dies at this step of the second shop."""
    come = 0

    def die_the_second_time() -> None:
        nonlocal come
        come += 1
        if come == 2:
            raise Killed

    move, hold, turn = ledger.move, settlements.payouts.hold, jobs._turn  # pyright: ignore[reportPrivateUsage]

    async def move_or_die(db: Connection, wanted: Move) -> object:
        if wanted.kind == {"before the fee": "fee", "before the settlement": "settlement"}.get(step):
            die_the_second_time()
        return await move(db, wanted)

    async def hold_or_die(*args: Any) -> None:
        if step == "before the hold":
            die_the_second_time()
        await hold(*args)
        if step == "after the hold":
            die_the_second_time()

    async def turn_or_die(database: Database, listener: jobs.Listener, leased: Any) -> None:
        await turn(database, listener, leased)
        if (listener.name, step) == ("settlements", "after the commit"):
            die_the_second_time()

    patched.setattr(ledger, "move", move_or_die)
    patched.setattr(settlements.payouts, "hold", hold_or_die)
    patched.setattr(jobs, "_turn", turn_or_die)


async def test_refunds_and_what_is_held_stay_and_open_the_next(city: City, passing: Passing) -> None:
    shop = await a_shop_with_an_account(city)
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=300_000)
    payment_id = await _buy(city, payer, shop, 300_000)
    async with city.database.transaction() as db:
        refund = Move(new_id(), "refund", shop.id, payer.id, 40_000, original_id=UUID(payment_id))
        await ledger.move(db, refund)
        held = Move(new_id(), "refund", shop.id, ledger.GUARANTEE, 60_000, held=True)
        await ledger.move(db, held)
    settled = (await settle(city, shop)).json()
    figures = {"takings": 300_000, "refunds": 40_000, "refunds_count": 1, "amount": 200_000, "closing": 60_000}
    assert figures.items() <= settled.items(), settled
    async with city.database.transaction() as db:
        await settlements.payouts.holds.void(db, held.id)
    again = (await settle(city, shop)).json()
    figures = {"run": 2, "opening": 60_000, "takings": 0, "others": 0, "amount": 60_000, "closing": 0}
    assert figures.items() <= again.items(), again
    assert await broken_laws(city) == []


async def test_its_owner_may_ask_for_it_at_once_and_once_per_id(city: City) -> None:
    shop, settlement_id = await a_shop_with_an_account(city), uuid4()
    assert refused(await settle(city, shop)) == (409, "NothingToSettle")
    await buys(city, shop, 70_000)
    answers = await asyncio.gather(*(settle(city, shop, settlement_id) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert refused(await settle(city, shop)) == (409, "NothingToSettle")
    await city.worker.drain()
    again = await settle(city, shop, settlement_id)
    assert (again.status_code, again.json()["status"], again.json()["run"]) == (200, "paid", 1)
    other = await a_shop_with_an_account(city)
    await buys(city, other, 70_000)
    assert refused(await settle(city, other, settlement_id)) == (409, "SettlementIdTaken")


async def test_ten_who_ask_under_ids_of_their_own_get_each_line_once(city: City) -> None:
    shop = await a_shop_with_an_account(city)
    await buys(city, shop, 70_000, 30_000)
    answers = await asyncio.gather(*(settle(city, shop) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert await money(city, shop.id) == (0, 0)
    assert await broken_laws(city) == []


async def test_a_few_a_day_can_be_asked_for(city: City) -> None:
    shop = await a_shop_with_an_account(city)
    for _ in range(settlements.MOST_A_DAY):
        await buys(city, shop, 10_000)
        assert (await settle(city, shop)).status_code == 201
    await buys(city, shop, 10_000)
    assert refused(await settle(city, shop)) == (409, "TooManySettlements")


async def test_money_that_the_bank_refuses_waits_for_another_account(city: City) -> None:
    shop = await a_shop_with_an_account(city, banking.REFUSED)
    await buys(city, shop, 70_000)
    settlement_id = (await settle(city, shop)).json()["id"]
    path = f"/v1/merchants/{shop.id}/settlements/{settlement_id}"
    await city.worker.drain()
    failed = (await city.client.get(path, headers=shop.owner.headers)).json()
    assert (failed["status"], failed["reason"]) == ("failed", "account_unknown")
    assert await money(city, ledger.SETTLEMENT) == (70_000, 0), "closed books are not opened"
    async with city.database.acquire() as db:
        [news] = await told(db, "SettlementFailed")
    assert news["reason"] == "account_unknown"

    await give_account(city, shop, banking.PAYS)
    answers = await asyncio.gather(
        *(city.client.put(f"{path}/retry", headers=shop.owner.headers, json={}) for _ in range(5))
    )
    assert [answer.json()["status"] for answer in answers] == ["sent"] * 5
    await city.worker.drain()
    paid = (await city.client.put(f"{path}/retry", headers=shop.owner.headers, json={})).json()
    assert (paid["status"], paid["account_number"]) == ("paid", "***7890")
    assert [payout.status for payout in await payouts(city)] == ["refused", "paid"]
    assert await money(city, ledger.SETTLEMENT) == (0, 0)
    assert await broken_laws(city) == []


async def test_what_is_too_much_for_a_fast_transfer_goes_by_the_other_route(city: City, passing: Passing) -> None:
    shop, other = await a_shop_with_an_account(city), await a_shop_with_an_account(city)
    async with city.database.transaction() as db:
        for merchant, amount in ((shop, 500_000_000), (other, 499_999_999)):
            await ledger.move(db, Move(new_id(), "taking", ledger.GUARANTEE, merchant.id, amount))
    for merchant in (shop, other):
        assert (await settle(city, merchant)).status_code == 201
    await city.worker.drain()
    assert sorted(payout.status for payout in await payouts(city)) == ["paid", "unknown"]
    async with city.database.transaction() as db:
        await a_policy(db, "payout.fast_most", 10**12)  # what was told stays as it was told
    for _ in range(3):
        await passing(city, 3600)
        await city.worker.keep_schedule()
        await city.worker.drain()
    [settlement] = await listed(city, shop)
    assert (settlement["status"], settlement["amount"]) == ("paid", 500_000_000)
    assert await broken_laws(city) == []


async def test_what_is_too_much_for_one_settlement_goes_with_the_next(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlements, "MOST_VERSIONS", 2)
    shop = await a_shop_with_an_account(city)
    await buys(city, shop, 1_000, 2_000, 4_000)
    first = (await settle(city, shop)).json()
    assert {"takings_count": 2, "amount": 3_000, "closing": 0}.items() <= first.items(), first
    second = (await settle(city, shop)).json()
    assert {"opening": 0, "takings_count": 1, "amount": 4_000, "closing": 0}.items() <= second.items(), second
    assert refused(await settle(city, shop)) == (409, "NothingToSettle")
    assert await broken_laws(city) == []


async def test_what_only_went_back_and_forth_keeps_no_settlement_from_what_came_after(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlements, "MOST_VERSIONS", 2)
    shop = await a_shop_with_an_account(city)
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=50_000)
    for _ in range(3):
        payment_id = await _buy(city, payer, shop, 5_000)
        async with city.database.transaction() as db:
            back = Move(new_id(), "refund", shop.id, payer.id, 5_000, original_id=UUID(payment_id))
            await ledger.move(db, back)
    await buys(city, shop, 7_000)
    settled = (await settle(city, shop)).json()
    assert {"takings": 22_000, "refunds": 15_000, "amount": 7_000}.items() <= settled.items(), settled


async def test_nobodys_money_waits_while_a_shops_books_are_read(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guarantee is moved by others while the figures are made."""
    shop, made = await a_shop_with_an_account(city), settlements._figures  # pyright: ignore[reportPrivateUsage]
    await buys(city, shop, 7_000)
    async with city.database.transaction() as db:
        other = await a_resident(db)
    at_once: list[bool] = []

    async def figures(*asked: Any) -> Any:
        found = await made(*asked)
        async with asyncio.timeout(3), city.database.transaction() as db:
            await fund(db, other.id, 1_000)
        at_once.append(True)
        return found

    monkeypatch.setattr(settlements, "_figures", figures)
    assert (await settle(city, shop)).json()["amount"] == 7_000
    assert at_once == [True]


# Where the money goes


async def test_without_an_account_nothing_is_sent(city: City, passing: Passing) -> None:
    async with city.database.transaction() as db:
        shop = await a_shop(db)
    await buys(city, shop, 70_000)
    assert refused(await settle(city, shop)) == (409, "NoBankAccount")
    await night_falls(city, passing)
    assert await listed(city, shop) == []
    assert await money(city, shop.id) == (70_000, 0)


async def test_another_account_is_paid_to_after_a_while_and_its_owner_is_told(city: City, passing: Passing) -> None:
    shop = await a_shop_with_an_account(city)
    async with city.database.transaction() as db:
        await a_policy(db, "settlement.bank_change_hours", 24)
    await buys(city, shop, 70_000)
    same = await give_account(city, shop, banking.PAYS)
    assert datetime.fromisoformat(same.json()["usable_from"]) <= city_now()
    await give_account(city, shop, "2223334445")
    assert refused(await settle(city, shop)) == (409, "BankAccountWaits")
    async with city.database.acquire() as db:
        first, second = await told(db, "MerchantBankChanged")
    assert (first["account"], second["account"]) == ("7890", "4445")
    night = (city_now().astimezone(CITY_ZONE) + timedelta(days=2)).replace(hour=2)
    await passing(city, (night - city_now()).total_seconds())
    await city.worker.keep_schedule()
    await city.worker.drain()
    [settlement] = await listed(city, shop)
    assert (settlement["status"], settlement["account_number"]) == ("paid", "***4445")


async def test_a_locked_wallet_changes_no_account(city: City) -> None:
    async with city.database.transaction() as db:
        shop = await a_shop(db)
        await db.execute(sql.lock, shop.owner.session_id)
    path = f"/v1/merchants/{shop.id}/bank-account"
    assert refused(await city.client.put(path, headers=shop.owner.headers, json=ACCOUNT)) == (403, "WalletLocked")
    assert refused(await city.client.get(path, headers=shop.owner.headers)) == (404, "NotFound")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"bank_bin": "000000"}, (400, "UnknownBank")),
        ({"account_number": "1"}, (400, "Malformed")),
        ({"account_name": "\u202e"}, (400, "Malformed")),
        ({"usable_from": "2020-01-01"}, (400, "Malformed")),
    ],
)
async def test_an_account_that_makes_no_sense_is_refused(
    city: City, change: dict[str, str], problem: tuple[int, str]
) -> None:
    async with city.database.transaction() as db:
        shop = await a_shop(db)
    path = f"/v1/merchants/{shop.id}/bank-account"
    assert refused(await city.client.put(path, headers=shop.owner.headers, json={**ACCOUNT, **change})) == problem


# Fees


async def test_the_rule_that_is_closest_holds_and_none_reaches_back(city: City, passing: Passing) -> None:
    shop, other = await a_shop_with_an_account(city), await a_shop_with_an_account(city)
    await buys(city, shop, 1_000_000)  # before any rule
    await a_fee(city, 100)
    await a_fee(city, 50, fixed=500, category_code="5812")
    await a_fee(city, 20, most=1_500, merchant_id=str(shop.id))
    await passing(city, 601)
    await buys(city, shop, 1_000_000, 100_000)
    await buys(city, other, 1_000_000)
    await night_falls(city, passing)
    [mine], [theirs] = await listed(city, shop), await listed(city, other)
    assert mine["fee"] == 1_500 + 200, "2,000 is more than the most"
    assert theirs["fee"] == 5_000 + 500, "its category's"
    assert await broken_laws(city) == []


async def test_a_fee_is_by_what_the_shop_was_when_it_sold(city: City, passing: Passing) -> None:
    """Whatever it becomes before its books are closed, or after."""
    shop = await a_shop_with_an_account(city)
    await a_fee(city, 100, category_code="5812")
    await a_fee(city, 0, category_code="8398")
    await passing(city, 601)

    async def become(category_code: str) -> None:
        body = {"name": "Bún bò bên chợ", "category_code": category_code, "ward": "19777"}
        answer = await city.client.put(f"/v1/merchants/{shop.id}", headers=shop.owner.headers, json=body)
        assert answer.status_code == 200, answer.text

    await buys(city, shop, 1_000_000)
    await become("8398")
    await buys(city, shop, 500_000)
    await become("5812")
    await become("8398")
    settled = (await settle(city, shop)).json()
    assert settled["fee"] == 10_000
    await become("5812")
    await buys(city, shop, 200_000)
    await become("8398")
    path = f"/v1/merchants/{shop.id}/settlements/{settled['id']}/statement.csv"
    lines = (await city.client.get(path, headers=shop.owner.headers)).content.decode("utf-8-sig")
    assert [line["Phí"] for line in csv.DictReader(io.StringIO(lines))] == ["10000", "0"]
    assert (await settle(city, shop)).json()["fee"] == 2_000


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"basis_points": 1001}, (400, "Malformed")),
        ({"basis_points": -1}, (400, "Malformed")),
        ({"basis_points": 0.5}, (400, "Malformed")),
        ({"effective_from": "2026-01-01T00:00:00Z"}, (409, "FeeRuleInThePast")),
        ({"effective_from": "2036-01-01T00:00:00"}, (400, "Malformed")),
        ({"merchant_id": str(uuid4())}, (400, "UnknownMerchant")),
        ({"merchant_id": str(uuid4()), "category_code": "5812"}, (400, "FeeRuleForTooMany")),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(
    db: Connection, desk: httpx.AsyncClient, change: dict[str, object], problem: tuple[int, str]
) -> None:
    finance = await a_staff_member(db, role="finance")
    rule = {"basis_points": 10, "effective_from": "2036-01-01T00:00:00Z", **change}
    assert refused(await desk.put(f"/v1/staff/fee-rules/{uuid4()}", headers=finance.headers, json=rule)) == problem


async def test_a_rule_is_proposed_once_and_seen_by_finance(db: Connection, desk: httpx.AsyncClient) -> None:
    finance, rule_id = await a_staff_member(db, role="finance"), uuid4()
    rule = {"basis_points": 10, "effective_from": "2036-01-01T00:00:00Z"}
    first = await desk.put(f"/v1/staff/fee-rules/{rule_id}", headers=finance.headers, json=rule)
    again = await desk.put(f"/v1/staff/fee-rules/{rule_id}", headers=finance.headers, json=rule)
    assert first.json() == again.json()
    other = await desk.put(f"/v1/staff/fee-rules/{rule_id}", headers=finance.headers, json={**rule, "fixed": 1})
    assert refused(other) == (409, "FeeRuleIdTaken")
    assert refused(await desk.put(f"/v1/staff/fee-rules/{uuid4()}/approval", headers=finance.headers, json={})) == (
        404,
        "NotFound",
    )
    seen = (await desk.get("/v1/staff/fee-rules", headers=finance.headers)).json()["items"]
    assert first.json() in seen


# Papers


async def test_its_lines_are_a_file_in_three_forms(city: City, passing: Passing) -> None:
    shop = await a_shop_with_an_account(city)
    await a_fee(city, 100)
    await passing(city, 601)
    ids = await buys(city, shop, 100_000, 50_000)
    settlement_id = (await settle(city, shop)).json()["id"]
    await buys(city, shop, 10_000)
    path = f"/v1/merchants/{shop.id}/settlements/{settlement_id}/statement"

    as_csv = await city.client.get(f"{path}.csv", headers=shop.owner.headers)
    lines = list(csv.DictReader(io.StringIO(as_csv.content.decode("utf-8-sig"))))
    assert [(line["Mã giao dịch"], line["Số tiền"], line["Phí"]) for line in lines] == [
        (ids[0], "100000", "1000"),
        (ids[1], "50000", "500"),
    ]
    as_xlsx = await city.client.get(f"{path}.xlsx", headers={**shop.owner.headers, "accept-language": "en"})
    cells = [cell for row in openpyxl.load_workbook(io.BytesIO(as_xlsx.content)).active.values for cell in row]  # pyright: ignore[reportOptionalMemberAccess]
    assert {"Settlement statement", "148.500", ids[0], 100_000} <= set(cells)
    as_pdf = await city.client.get(f"{path}.pdf", headers=shop.owner.headers)
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(as_pdf.content)).pages)
    assert "Bảng kê quyết toán" in text
    assert "148.500" in text
    assert set(pdfs.fonts(as_pdf.content).values()) == {True}, "it carries its letters"
    stranger = await city.client.get(f"{path}.csv", headers=(await _stranger(city)).headers)
    assert refused(stranger) == (404, "NotFound")


async def test_its_file_names_payers_as_the_list_of_takings_does(city: City) -> None:
    shop = await a_shop_with_an_account(city)
    taking_id, order_id = new_id(), uuid4()
    async with city.database.transaction() as db:
        await db.execute(
            sql.plant_bank_taking, taking_id, shop.id, 90_000, "970436", "1014567890", "NGUYEN THI HUONG GIANG"
        )
        await ledger.move(db, Move(taking_id, "taking", ledger.GUARANTEE, shop.id, 90_000))
    order = {"terminal_id": str(shop.terminal_id), "amount": 60_000, "reference": "HD-17"}
    path = f"/v1/merchants/{shop.id}"
    asked = await city.client.put(f"{path}/orders/{order_id}", headers=shop.owner.headers, json=order)
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=60_000)
    body = {"kind": "merchant", "qr": asked.json()["text"]}
    paid = await city.client.put(f"/v1/wallet/payments/{uuid4()}", headers=payer.headers, json=body)
    assert paid.status_code == 201, paid.text
    settlement_id = (await settle(city, shop)).json()["id"]
    file = await city.client.get(f"{path}/settlements/{settlement_id}/statement.csv", headers=shop.owner.headers)
    lines = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
    takings = (await city.client.get(f"{path}/takings", headers=shop.owner.headers)).json()["items"]
    wanted = [
        (one["id"], one["payer"], one["terminal"] or "", one["reference"] or "", one["memo"] or "")
        for one in reversed(takings)
    ]
    names = ("Mã giao dịch", "Khách", "Điểm bán", "Đơn hàng", "Lời nhắn")
    assert [tuple(line[name] for name in names) for line in lines] == wanted
    assert lines[0]["Khách"] == "N*** T*** H*** GIANG"
    assert lines[1]["Đơn hàng"] == "HD-17"


async def test_its_files_have_a_budget_and_wait_for_no_place_for_ever(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper, "WAIT_S", 0.1)
    shop = await a_shop_with_an_account(city)
    async with city.database.transaction() as db:
        payer = await a_resident(db, balance=70_000)
    payment_id = UUID(await _buy(city, payer, shop, 70_000))
    settlement_id = (await settle(city, shop)).json()["id"]
    path = f"/v1/merchants/{shop.id}/settlements/{settlement_id}/statement"
    async with paper.two_drawings_at_a_time, paper.two_drawings_at_a_time:
        for form in ("pdf", "xlsx"):
            busy = await city.client.get(f"{path}.{form}", headers=shop.owner.headers)
            assert refused(busy) == (503, "Unavailable")
            assert int(busy.headers["retry-after"]) > 0
        drawn = await receipts.file(city.database, payer.me, payment_id)
        assert drawn.content.startswith(b"%PDF"), "a receipt has places of its own"
    assert (await city.client.get(f"{path}.pdf", headers=shop.owner.headers)).status_code == 200
    for _ in range(27):
        assert (await city.client.get(f"{path}.csv", headers=shop.owner.headers)).status_code == 200
    assert refused(await city.client.get(f"{path}.csv", headers=shop.owner.headers)) == (429, "TooManyRequests")
    mine = await city.client.get("/v1/wallet/statement.csv?from=2026-01-01&to=2026-01-02", headers=shop.owner.headers)
    assert refused(mine) == (429, "TooManyRequests"), "files of all kinds together"


async def _stranger(city: City) -> Resident:
    async with city.database.transaction() as db:
        return await a_resident(db)


async def test_finance_sees_every_payout_and_no_whole_account_number(city: City) -> None:
    shop = await a_shop_with_an_account(city)
    await buys(city, shop, 70_000)
    await settle(city, shop)
    async with city.database.transaction() as db:
        finance = await a_staff_member(db, role="finance")
    seen = (await city.client.get("/v1/staff/payouts?status=ready", headers=finance.headers)).json()["items"]
    assert [(one["kind"], one["amount"], one["account_number"]) for one in seen] == [
        ("settlement", 70_000, "***7890")
    ]
    assert (await city.client.get("/v1/staff/payouts?status=paid", headers=finance.headers)).json()["items"] == []
    assert refused(await city.client.get("/v1/staff/payouts?status=null", headers=finance.headers))[0] == 400
