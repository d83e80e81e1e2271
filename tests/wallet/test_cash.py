"""Cash at a counter: receipts that count once, a drawer that adds up, and what the bank gets of it."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

import migrations
from app.clock import city_today
from app.db import Connection
from app.types import new_id
from tests.conftest import City, Servers, StandIns, cloned
from tests.makers import (
    Resident,
    StaffMember,
    a_bill,
    a_biller,
    a_machine,
    a_policy,
    a_resident,
    a_staff_member,
    with_role,
)
from tests.statements import sql
from tests.wallet.banking import broken_laws, told
from tests.wallet.billing import a_known_bill, a_water_company
from tests.wallet.conftest import Passing
from tests.wallet.telling import balance, check_suspense, items, of_sepay, refused, sepay
from wallet import ledger
from wallet.billers import billers
from wallet.gateways import cash
from wallet.models import BillerKind

pytestmark = pytest.mark.usefixtures("stand_ins")

DESK = "mot-cua"


# Makers


async def a_clerk(city: City, agency: str = DESK) -> StaffMember:
    async with city.database.transaction() as db:
        return await a_staff_member(db, role="clerk", agency=agency)


async def finance(city: City) -> StaffMember:
    async with city.database.transaction() as db:
        return await a_staff_member(db, role="finance")


async def someone(city: City, balance: int = 0) -> Resident:
    async with city.database.transaction() as db:
        return await a_resident(db, balance=balance)


async def put(city: City, who: StaffMember, path: str, body: Mapping[str, object]) -> httpx.Response:
    return await city.client.put(f"/v1/staff/{path}", headers=who.headers, json=body)


def for_wallet(who: Resident, amount: int = 50_000, **other: object) -> dict[str, object]:
    return {"agency": DESK, "for": {"kind": "top_up", "phone": who.phone}, "amount": amount, **other}


def for_bill(bill_id: UUID, amount: int, **other: object) -> dict[str, object]:
    return {"agency": DESK, "for": {"kind": "bill", "bill_id": str(bill_id)}, "amount": amount, **other}


async def taken(city: City, clerk: StaffMember, body: dict[str, object]) -> dict[str, Any]:
    """A receipt that was just given."""
    answer = await put(city, clerk, f"cash-receipts/{uuid4()}", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def receipts(city: City, who: StaffMember, **query: str) -> list[dict[str, Any]]:
    answer = await city.client.get("/v1/staff/cash-receipts", headers=who.headers, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def asked_void(city: City, receipt_id: str, clerk: StaffMember) -> httpx.Response:
    return await put(city, clerk, f"cash-receipts/{receipt_id}/voiding", {"reason": "Nhập nhầm số điện thoại"})


async def voided(city: City, receipt_id: str, clerk: StaffMember, other: StaffMember) -> httpx.Response:
    """One asks, another agrees."""
    asked = await asked_void(city, receipt_id, clerk)
    assert asked.status_code == 200, asked.text
    assert asked.json()["status"] == "void_asked"
    return await put(city, other, f"cash-receipts/{receipt_id}/voiding/approval", {})


async def closed(city: City, clerk: StaffMember, counted: int, **other: object) -> httpx.Response:
    body = {"agency": DESK, "on": str(city_today()), "counted": counted, **other}
    return await put(city, clerk, f"cash-closes/{uuid4()}", body)


async def closes(city: City, who: StaffMember) -> list[dict[str, Any]]:
    answer = await city.client.get("/v1/staff/cash-closes", headers=who.headers)
    return answer.json()["items"]


async def came_in(city: City, amount: int) -> str:
    """The bank tells of a transfer whose words name nobody; the id of what waits in suspense."""
    await sepay(city, of_sepay(amount, "nop tien mat"))
    item, *_ = await items(city, await finance(city))
    return item["id"]


def for_drawer(close_id: str) -> dict[str, object]:
    return {"kind": "cash_close", "cash_close_id": close_id, "note": "Giấy nộp tiền số 17"}


async def booked(city: City, item_id: str, close_id: str) -> httpx.Response:
    """Found to be a drawer's by one of finance, and by another."""
    proposal = await put(city, await finance(city), f"suspense/{item_id}/resolution", for_drawer(close_id))
    assert proposal.status_code == 200, proposal.text
    seen = {"resolution_id": proposal.json()["resolution"]["id"]}
    return await put(city, await finance(city), f"suspense/{item_id}/resolution/approval", seen)


async def check_all(city: City) -> None:
    await check_suspense(city)
    assert await broken_laws(city) == []


async def covered(city: City) -> None:
    """Cash is in drawers, not at the bank: the city's reserve covers it until it is."""
    async with city.database.transaction() as db:
        await ledger.move(db, ledger.Move(uuid4(), "reserve", ledger.GUARANTEE, ledger.RESERVE, 1_000_000_000))


# Receipts


async def test_cash_is_in_the_wallet_and_the_paper_has_a_number(city: City) -> None:
    await covered(city)
    me, clerk = await someone(city), await a_clerk(city)
    receipt = await taken(city, clerk, for_wallet(me, payer_name="Lê Văn Con"))
    second = await taken(city, clerk, for_wallet(me, 1))
    day = f"{city_today():%Y%m%d}"
    assert [one["number"] for one in (receipt, second)] == [f"MOT-CUA-{day}-0001", f"MOT-CUA-{day}-0002"]
    assert (receipt["payee"], receipt["status"], receipt["payer_name"]) == (
        "L*** T*** N*** Bình",
        "paid",
        "Lê Văn Con",
    )
    assert (await balance(city, me.id), await balance(city, ledger.CASH)) == (50_001, -50_001)
    async with city.database.acquire() as db:
        assert [news["number"] for news in await told(db, "CashToppedUp")] == [receipt["number"], second["number"]]
    await check_all(city)


async def test_the_same_again_is_the_same_even_forty_times_at_once(city: City) -> None:
    me, clerk, receipt_id = await someone(city), await a_clerk(city), uuid4()
    path = f"cash-receipts/{receipt_id}"
    answers = await asyncio.gather(*(put(city, clerk, path, for_wallet(me)) for _ in range(40)))
    fine = [answer for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert len({answer.json()["number"] for answer in fine}) == 1
    assert await balance(city, me.id) == 50_000
    other = await someone(city)
    for body in (for_wallet(me, 50_001), for_wallet(other), for_wallet(me, payer_name="A")):
        assert refused(await put(city, clerk, path, body)) == (409, "CashReceiptIdTaken")
    colleague = await a_clerk(city)
    assert refused(await put(city, colleague, path, for_wallet(me))) == (409, "CashReceiptIdTaken")
    elsewhere = await a_clerk(city, "quay-2")
    body = for_wallet(me, agency="quay-2")
    assert refused(await put(city, elsewhere, path, body)) == (409, "CashReceiptIdTaken")


async def test_numbers_have_no_gaps_and_no_doubles(city: City) -> None:
    me, clerk = await someone(city), await a_clerk(city)
    refused_one = await put(city, clerk, f"cash-receipts/{uuid4()}", for_bill(uuid4(), 1))
    assert refused(refused_one) == (404, "UnknownBill")
    for _ in range(3):
        await asyncio.gather(*(taken(city, clerk, for_wallet(me, 1)) for _ in range(4)))
    numbers = sorted(int(receipt["number"][-4:]) for receipt in await receipts(city, clerk))
    assert numbers == list(range(1, 13))


async def test_cash_pays_a_bill_exactly_and_once(city: City) -> None:
    clerk = await a_clerk(city)
    async with city.database.transaction() as db:
        await a_biller(db)
        bill_id = await a_bill(db, amount=120_000)
    short = await put(city, clerk, f"cash-receipts/{uuid4()}", for_bill(bill_id, 119_000))
    assert refused(short) == (409, "AmountDiffers")
    receipt = await taken(city, clerk, for_bill(bill_id, 120_000))
    assert (receipt["payee"], receipt["bill_id"]) == ("Điện lực Huế", str(bill_id))
    twice = await put(city, clerk, f"cash-receipts/{uuid4()}", for_bill(bill_id, 120_000))
    assert refused(twice) == (409, "BillNotDue")
    async with city.database.acquire() as db:
        assert await db.fetchval(sql.balance, await db.fetchval(sql.biller_account, "dien-luc-hue")) == 120_000
    await check_all(city)


@pytest.mark.parametrize(("customer_code", "status"), [("HW000901", "paid"), ("HW000902", "refused")])
async def test_a_biller_that_is_asked_may_refuse_it_and_the_cash_is_handed_back(
    city: City, stand_ins: StandIns, customer_code: str, status: str
) -> None:
    clerk, colleague = await a_clerk(city), await a_clerk(city)
    async with city.database.transaction() as db:
        bill_id = await a_known_bill(db, await a_water_company(db, stand_ins), customer_code, 100_000)
    receipt = await taken(city, clerk, for_bill(bill_id, 100_000))
    assert receipt["status"] == "pending"
    await check_suspense(city)
    early = await asked_void(city, receipt["id"], clerk)
    assert refused(early) == (409, "BillerHasActed"), "it is being asked"
    await city.worker.drain()
    if status == "paid":
        assert refused(await asked_void(city, receipt["id"], clerk)) == (409, "BillerHasActed")
    else:
        assert (await voided(city, receipt["id"], clerk, colleague)).json()["status"] == "voided"
        assert (await balance(city, ledger.CASH), await balance(city, ledger.SUSPENSE)) == (0, 0)
    await check_all(city)


async def test_a_refused_one_that_is_not_handed_back_is_finances(city: City, stand_ins: StandIns) -> None:
    clerk, one = await a_clerk(city), await finance(city)
    async with city.database.transaction() as db:
        bill_id = await a_known_bill(db, await a_water_company(db, stand_ins), "HW000902", 100_000)
    await taken(city, clerk, for_bill(bill_id, 100_000))
    await city.worker.drain()
    [receipt] = await receipts(city, clerk)
    [item] = await items(city, one)
    assert (receipt["status"], item["source"], item["source_id"]) == ("refused", "cash_receipt", receipt["id"])
    assert (item["status"], item["reason"], item["content"]) == ("open", "biller_refused", None)


async def test_only_a_clerk_of_that_agency_takes_cash_there(city: City) -> None:
    me, elsewhere, one = await someone(city), await a_clerk(city, "quay-2"), await finance(city)
    path = f"cash-receipts/{uuid4()}"
    assert refused(await put(city, elsewhere, path, for_wallet(me))) == (403, "Forbidden")
    assert refused(await put(city, one, path, for_wallet(me))) == (403, "Forbidden")
    clerk = await a_clerk(city)
    for body, problem in (
        ({"phone": "0905123456"}, (404, "UnknownPayee")),
        ({"phone": "12345678"}, (400, "BadPhone")),
    ):
        wanted = {"agency": DESK, "for": {"kind": "top_up", **body}, "amount": 1}
        assert refused(await put(city, clerk, path, wanted)) == problem
    for amount in (0, -1, 1.5, "1000", 10**12 + 1):
        body = {**for_wallet(me), "amount": amount}
        assert refused(await put(city, clerk, path, body)) == (400, "Malformed")
    assert await receipts(city, clerk) == []


async def test_a_clerk_sees_their_own_agencys_receipts_and_finance_all(city: City) -> None:
    me, here, there, one = (
        await someone(city),
        await a_clerk(city),
        await a_clerk(city, "quay-2"),
        await finance(city),
    )
    await taken(city, here, for_wallet(me))
    await taken(city, there, for_wallet(me, agency="quay-2"))
    assert [receipt["agency"] for receipt in await receipts(city, here)] == [DESK]
    assert len(await receipts(city, one, on=str(city_today()))) == 2
    assert len(await receipts(city, one, agency="quay-2")) == 1
    assert await receipts(city, one, on=str(city_today() - timedelta(days=1))) == []
    peeking = await city.client.get("/v1/staff/cash-receipts?agency=quay-2", headers=here.headers)
    assert refused(peeking) == (403, "Forbidden")


async def test_a_receipt_is_of_so_much_and_no_more(city: City) -> None:
    """Whoever takes cash is believed before it is counted: an accomplice could withdraw it meanwhile."""
    accomplice, clerk = await someone(city), await a_clerk(city)
    for amount in (10**12, 50_000_001):
        answer = await put(city, clerk, f"cash-receipts/{uuid4()}", for_wallet(accomplice, amount))
        assert refused(answer) == (400, "CashReceiptTooLarge")
        assert (answer.json()["most"], "50.000.000" in answer.json()["title"]) == ("50.000.000", True)
    async with city.database.transaction() as db:
        await a_biller(db)
        dear = await a_bill(db, amount=50_000_001)
    answer = await put(city, clerk, f"cash-receipts/{uuid4()}", for_bill(dear, 50_000_001))
    assert refused(answer) == (400, "CashReceiptTooLarge")
    assert (await receipts(city, clerk), await balance(city, accomplice.id)) == ([], 0)
    assert (await taken(city, clerk, for_wallet(accomplice, 50_000_000)))["amount"] == 50_000_000


async def test_cash_into_a_wallet_is_a_top_up_like_others(city: City) -> None:
    me, clerk = await someone(city), await a_clerk(city)
    async with city.database.transaction() as db:
        await a_policy(db, "limit.top_up_most", 1_000_000)
        await a_biller(db)
        bill_id = await a_bill(db, amount=1_000_001)
    answer = await put(city, clerk, f"cash-receipts/{uuid4()}", for_wallet(me, 1_000_001))
    assert (refused(answer), answer.json()["most"]) == ((400, "CashReceiptTooLarge"), "1.000.000")
    await taken(city, clerk, for_bill(bill_id, 1_000_001))


async def test_a_clerk_takes_so_much_on_a_day_at_all_counters_together(city: City) -> None:
    await covered(city)
    me, clerk, colleague = await someone(city), await a_clerk(city), await a_clerk(city)
    async with city.database.transaction() as db:
        clerk = await with_role(db, clerk, "clerk", "quay-2")
    agencies = (DESK, "quay-2") * 4
    answers = await asyncio.gather(
        *(
            put(city, clerk, f"cash-receipts/{uuid4()}", for_wallet(me, 50_000_000, agency=agency))
            for agency in agencies
        )
    )
    assert [answer.status_code for answer in answers].count(200) <= 4
    # Whoever found the counter too busy above comes again.
    *_, answer = [await put(city, clerk, f"cash-receipts/{uuid4()}", for_wallet(me, 50_000_000)) for _ in range(5)]
    assert refused(answer) == (403, "ClerkDayLimitReached")
    assert (answer.json()["allowed"], answer.json()["left"]) == ("200.000.000", "0")
    given = await receipts(city, clerk)
    assert (len(given), await balance(city, me.id)) == (4, 200_000_000)
    again = await put(
        city, clerk, f"cash-receipts/{given[0]['id']}", for_wallet(me, 50_000_000, agency=given[0]["agency"])
    )
    assert again.status_code == 200, "what was taken is answered again"
    await taken(city, colleague, for_wallet(me, 50_000_000))
    here = next(receipt for receipt in given if receipt["agency"] == DESK)
    assert (await voided(city, here["id"], clerk, colleague)).status_code == 200
    await taken(city, clerk, for_wallet(me, 50_000_000))


async def test_a_page_of_many_counters_and_years_is_read_and_not_the_years(template: Servers) -> None:
    async with cloned(template) as database:
        owner = await asyncpg.connect(template.url(database, migrations.OWNER_ROLE))
        db = await asyncpg.connect(template.url(database, migrations.APP_ROLE))
        clerk, one = await a_staff_member(db, role="clerk", agency=DESK), await a_staff_member(db, role="finance")
        for agency in ("quay-2", "quay-3"):
            clerk = await with_role(db, clerk, "clerk", agency)
        await owner.execute(sql.a_long_past_of_counters, clerk.id, (await a_resident(db)).id)
        await owner.execute("ANALYZE")
        for who, on in ((clerk, None), (one, None), (one, city_today() - timedelta(days=100))):
            before = await counters_read(db)
            pages = [await cash.receipts(db, who.me, None, on, None, 20)]
            for _ in range(3):
                pages.append(await cash.receipts(db, who.me, None, on, pages[-1].next, 20))
            assert await counters_read(db) - before < 4 * 3 * 21 + 1
            lines = [(receipt.made_at, receipt.id) for page in pages for receipt in page.items]
            assert lines == sorted(set(lines), reverse=True)
            assert lines[0][0] - lines[-1][0] == timedelta(minutes=15) * (len(lines) - 1), "none is left out"
            before = await counters_read(db)
            counts = await cash.closes(db, who.me, None, on, None, 20)
            assert (len(counts.items), await counters_read(db) - before < 3 * 21 + 1) == (3 if on else 20, True)
        await db.close()
        await owner.close()


async def counters_read(db: Connection) -> int:
    await db.execute(sql.flush_statistics)
    return await db.fetchval(sql.counters_read)


# Voiding


async def test_a_receipt_is_voided_by_two_and_the_money_leaves_the_wallet(city: City) -> None:
    me, clerk, colleague = await someone(city), await a_clerk(city), await a_clerk(city)
    receipt = await taken(city, clerk, for_wallet(me))
    not_asked = await put(city, colleague, f"cash-receipts/{receipt['id']}/voiding/approval", {})
    assert refused(not_asked) == (409, "VoidNotAsked")
    own = await voided(city, receipt["id"], clerk, clerk)
    assert refused(own) == (403, "VoidNeedsSecondPairOfEyes")
    path = f"cash-receipts/{receipt['id']}/voiding/approval"
    answers = await asyncio.gather(*(put(city, colleague, path, {}) for _ in range(5)))
    assert {answer.json()["status"] for answer in answers} == {"voided"}
    assert (await balance(city, me.id), await balance(city, ledger.CASH)) == (0, 0)
    async with city.database.acquire() as db:
        [news] = await told(db, "CashReceiptVoided")
    assert (news["principal_id"], news["amount"]) == (str(me.id), 50_000)
    assert (await closed(city, clerk, 0)).json()["expected"] == 0
    await check_all(city)


async def test_money_that_was_spent_meanwhile_is_not_taken_back(city: City) -> None:
    me, friend, clerk, colleague = await someone(city), await someone(city), await a_clerk(city), await a_clerk(city)
    receipt = await taken(city, clerk, for_wallet(me))
    body = {"kind": "person", "phone": friend.phone, "amount": 1000}
    assert (await city.client.put(f"/v1/wallet/payments/{uuid4()}", headers=me.headers, json=body)).status_code == 201
    late = await voided(city, receipt["id"], clerk, colleague)
    assert refused(late) == (409, "InsufficientFunds")
    assert [one["status"] for one in await receipts(city, clerk)] == ["void_asked"]


async def test_a_voided_bill_is_due_again_unless_somebody_acts_on_it(city: City) -> None:
    clerk, colleague = await a_clerk(city), await a_clerk(city)
    async with city.database.transaction() as db:
        await a_biller(db)
        bill_id, fee_id = await a_bill(db, amount=1000), await a_bill(db, amount=2000, subject="dossier 17")
    plain, fee = [await taken(city, clerk, for_bill(*one)) for one in ((bill_id, 1000), (fee_id, 2000))]
    assert refused(await asked_void(city, fee["id"], clerk)) == (409, "BillerHasActed")
    assert (await voided(city, plain["id"], clerk, colleague)).json()["status"] == "voided"
    async with city.database.acquire() as db:
        statuses = [await db.fetchval(sql.bill_status, one) for one in (bill_id, fee_id)]
    assert statuses == ["due", "paid"]
    await taken(city, clerk, for_bill(bill_id, 1000))
    await check_all(city)


@pytest.mark.parametrize("kind", ["public_service_fee", "traffic_fine"])
async def test_a_fee_or_a_fine_has_a_number_of_its_own_and_is_not_voided(city: City, kind: BillerKind) -> None:
    """Whether the number stands already, or the worker gives it in a moment."""
    clerk = await a_clerk(city)
    async with city.database.transaction() as db:
        account_id = new_id()
        await db.execute(ledger.sql.plant_account, account_id, "biller")
        await db.execute(ledger.sql.plant_biller, "kho-bac", kind, "Kho bạc", "Treasury", account_id, "^.*$", "A")
        bill_id = await a_bill(db, biller="kho-bac", amount=150_000)
    receipt = await taken(city, clerk, for_bill(bill_id, 150_000))
    assert refused(await asked_void(city, receipt["id"], clerk)) == (409, "BillerHasActed")
    await city.worker.drain()
    assert refused(await asked_void(city, receipt["id"], clerk)) == (409, "BillerHasActed")
    assert [one["status"] for one in await receipts(city, clerk)] == ["paid"]


@pytest.mark.parametrize("deed", ["an e-invoice", "a machine"])
async def test_what_its_biller_has_acted_on_is_not_voided_not_even_between_the_two(city: City, deed: str) -> None:
    clerk, colleague = await a_clerk(city), await a_clerk(city)
    async with city.database.transaction() as db:
        biller = await a_biller(db)
        bill_ids = [await a_bill(db, amount=1000), await a_bill(db, amount=1000)]
    asked, not_yet = [await taken(city, clerk, for_bill(bill_id, 1000)) for bill_id in bill_ids]
    assert (await asked_void(city, asked["id"], clerk)).status_code == 200
    async with city.database.transaction() as db:
        if deed == "an e-invoice":
            await db.execute(sql.plant_e_invoice, UUID(asked["id"]))
            await db.execute(sql.plant_e_invoice, UUID(not_yet["id"]))
        else:
            admin, machine = await a_staff_member(db, role="admin"), await a_machine(db, ["bills.read"])
            await billers.bind_machine(db, admin.me, biller, machine.id)
    late = await put(city, colleague, f"cash-receipts/{asked['id']}/voiding/approval", {})
    assert refused(late) == (409, "BillerHasActed")
    assert refused(await asked_void(city, not_yet["id"], clerk)) == (409, "BillerHasActed")
    async with city.database.acquire() as db:
        assert [await db.fetchval(sql.bill_status, one) for one in bill_ids] == ["paid", "paid"]
    await check_all(city)


async def test_a_receipt_is_voided_on_its_day_only_and_not_after_the_count(city: City, passing: Passing) -> None:
    me, clerk, colleague = await someone(city), await a_clerk(city), await a_clerk(city)
    receipt = await taken(city, clerk, for_wallet(me))
    assert (await closed(city, clerk, 50_000)).status_code == 200
    counted = await put(city, clerk, f"cash-receipts/{receipt['id']}/voiding", {"reason": "Nhầm"})
    assert refused(counted) == (409, "ReceiptCannotBeVoided")
    elsewhere = await a_clerk(city, "quay-2")
    stranger = await put(city, elsewhere, f"cash-receipts/{receipt['id']}/voiding", {"reason": "Nhầm"})
    unknown = await put(city, colleague, f"cash-receipts/{uuid4()}/voiding", {"reason": "Nhầm"})
    assert refused(stranger) == refused(unknown) == (404, "NotFound")


# The evening


async def test_the_drawer_is_counted_and_the_difference_is_written_down(city: City) -> None:
    await covered(city)
    me, clerk = await someone(city), await a_clerk(city)
    for amount in (50_000, 70_000, 80_000):
        await taken(city, clerk, for_wallet(me, amount))
    close = (await closed(city, clerk, 195_000)).json()
    assert (close["receipts"], close["expected"], close["counted"], close["difference"]) == (
        3,
        200_000,
        195_000,
        -5_000,
    )
    late = await put(city, clerk, f"cash-receipts/{uuid4()}", for_wallet(me))
    assert refused(late) == (409, "CashDayClosed")
    assert refused(await closed(city, clerk, 195_000)) == (409, "CashDayClosed")
    assert (close["deposited"], close["outstanding"]) == (0, 195_000)
    assert (await booked(city, await came_in(city, 195_000), close["id"])).status_code == 200
    assert await balance(city, ledger.CASH) == -5_000, "what is missing stays visible"
    await check_all(city)


async def test_a_count_again_is_the_same_and_another_is_not(city: City) -> None:
    clerk, close_id = await a_clerk(city), uuid4()
    body: dict[str, object] = {"agency": DESK, "on": str(city_today()), "counted": 0}
    answers = [await put(city, clerk, f"cash-closes/{close_id}", body) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert refused(await put(city, clerk, f"cash-closes/{close_id}", {**body, "counted": 1})) == (
        409,
        "CashCloseIdTaken",
    )
    tomorrow = str(city_today() + timedelta(days=1))
    assert refused(await closed(city, clerk, 0, on=tomorrow)) == (400, "CashDayAhead")
    assert (await closed(city, clerk, 0, on=str(city_today() - timedelta(days=1)))).status_code == 200
    assert refused(await closed(city, clerk, 0, agency="quay-2")) == (403, "Forbidden")
    listed = await city.client.get("/v1/staff/cash-closes", headers=clerk.headers)
    assert [close["on"] for close in listed.json()["items"]] == [str(city_today() - timedelta(days=1)), body["on"]]


async def test_cash_that_is_taken_while_the_drawer_is_counted_counts_or_is_refused(city: City) -> None:
    me, clerk = await someone(city), await a_clerk(city)
    await taken(city, clerk, for_wallet(me, 1))
    count, *given = await asyncio.gather(
        closed(city, clerk, 0),
        *(put(city, clerk, f"cash-receipts/{uuid4()}", for_wallet(me, 1)) for _ in range(8)),
    )
    assert {answer.status_code for answer in given} <= {200, 409, 503}
    assert count.json()["expected"] == -await balance(city, ledger.CASH)


# At the bank


async def test_a_drawer_is_carried_to_the_bank_in_several_trips_and_never_more_than_was_counted(city: City) -> None:
    await covered(city)
    me, clerk = await someone(city), await a_clerk(city)
    await taken(city, clerk, for_wallet(me, 50_000))
    close_id = (await closed(city, clerk, 50_000)).json()["id"]
    before = await balance(city, ledger.GUARANTEE)
    for amount, deposited, outstanding in ((30_000, 30_000, 20_000), (15_000, 45_000, 5_000)):
        item = (await booked(city, await came_in(city, amount), close_id)).json()
        assert (item["status"], item["resolution"]["whose"]) == ("resolved", DESK)
        [close] = await closes(city, clerk)
        assert (close["counted"], close["deposited"], close["outstanding"]) == (50_000, deposited, outstanding)
    assert (await balance(city, ledger.CASH), await balance(city, ledger.SUSPENSE)) == (-5_000, 0)
    assert await balance(city, ledger.GUARANTEE) == before - 45_000, "as much as the bank has told, and no more"
    one = await finance(city)
    too_much = await put(city, one, f"suspense/{await came_in(city, 5_001)}/resolution", for_drawer(close_id))
    assert (refused(too_much), too_much.json()["outstanding"]) == ((409, "MoreThanOutstanding"), "5.000")
    await check_all(city)


async def test_a_strangers_transfer_is_no_deposit_on_one_persons_word(city: City) -> None:
    await covered(city)
    me, clerk = await someone(city), await a_clerk(city)
    await taken(city, clerk, for_wallet(me))
    close_id = (await closed(city, clerk, 50_000)).json()["id"]
    item_id, one = await came_in(city, 50_000), await finance(city)
    proposal = await put(city, one, f"suspense/{item_id}/resolution", for_drawer(close_id))
    seen = {"resolution_id": proposal.json()["resolution"]["id"]}
    alone = await put(city, one, f"suspense/{item_id}/resolution/approval", seen)
    assert refused(alone) == (403, "ResolutionNeedsSecondPairOfEyes")
    gone = await put(city, one, f"cash-closes/{close_id}/deposit", {"amount": 50_000, "bank_reference": "FT1"})
    assert gone.status_code == 404
    assert [(close["deposited"], close["outstanding"]) for close in await closes(city, clerk)] == [(0, 50_000)]
    assert (await balance(city, ledger.SUSPENSE), await balance(city, ledger.CASH)) == (50_000, -50_000)
    await check_all(city)


async def test_deposits_that_are_approved_at_once_are_not_more_than_the_drawer(city: City) -> None:
    await covered(city)
    me, clerk = await someone(city), await a_clerk(city)
    one, another = await finance(city), await finance(city)
    await taken(city, clerk, for_wallet(me))
    close_id = (await closed(city, clerk, 50_000)).json()["id"]
    seen: dict[str, dict[str, object]] = {}
    for _ in range(6):
        item_id = await came_in(city, 20_000)
        proposal = await put(city, one, f"suspense/{item_id}/resolution", for_drawer(close_id))
        seen[item_id] = {"resolution_id": proposal.json()["resolution"]["id"]}
    answers = await asyncio.gather(
        *(put(city, another, f"suspense/{item_id}/resolution/approval", body) for item_id, body in seen.items())
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409, 409, 409]
    assert [(close["deposited"], close["outstanding"]) for close in await closes(city, clerk)] == [(40_000, 10_000)]
    assert (await balance(city, ledger.CASH), await balance(city, ledger.SUSPENSE)) == (-10_000, 80_000)
    await check_all(city)


async def test_only_a_drawer_that_was_counted_has_been_at_the_bank(city: City) -> None:
    item_id, one = await came_in(city, 1), await finance(city)
    answer = await put(city, one, f"suspense/{item_id}/resolution", for_drawer(str(uuid4())))
    assert refused(answer) == (404, "UnknownCashClose")


async def test_two_drawers_in_one_trip_are_filled_the_oldest_first(city: City, passing: Passing) -> None:
    """A weekend's money is carried to the bank on Monday."""
    await covered(city)
    me, clerk = await someone(city), await a_clerk(city)
    await taken(city, clerk, for_wallet(me, 20_000))
    await closed(city, clerk, 20_000)
    await passing(city, 86_400)
    clerk = await a_clerk(city)
    await taken(city, clerk, for_wallet(me, 30_000))
    last_id = (await closed(city, clerk, 30_000)).json()["id"]
    for amount, outstanding in ((25_000, [25_000, 0]), (25_000, [0, 0])):
        item = (await booked(city, await came_in(city, amount), last_id)).json()
        assert item["status"] == "resolved", item
        assert [close["outstanding"] for close in await closes(city, clerk)] == outstanding
    assert (await balance(city, ledger.CASH), await balance(city, ledger.SUSPENSE)) == (0, 0)
    await check_all(city)
