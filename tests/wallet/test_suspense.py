"""Money that is nobody's: one member of finance says whose it is, another agrees, and it moves once."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.conftest import City, StandIns
from tests.makers import Resident, StaffMember, a_bill, a_biller, a_resident, a_shop, a_staff_member
from tests.statements import sql
from tests.wallet import banking
from tests.wallet.banking import broken_laws, money, told
from tests.wallet.billing import a_known_bill, a_water_company
from tests.wallet.telling import balance, casso, check_suspense, items, of_casso, of_sepay, refused, sepay
from wallet import ledger
from wallet.gateways import suspense
from wallet.gateways.inbound_models import SuspenseSource
from wallet.ledger import Move

pytestmark = pytest.mark.usefixtures("stand_ins")

AMOUNT = 100_000
NOTE = "Khách gọi tổng đài, có ảnh chụp biên lai"


# Makers


async def two_of_finance(city: City) -> tuple[StaffMember, StaffMember]:
    async with city.database.transaction() as db:
        return await a_staff_member(db, role="finance"), await a_staff_member(db, role="finance")


async def lost_money(city: City, **other: object) -> UUID:
    """Money that came in with words that say nothing, from Nguyễn Văn A; the item's id."""
    await casso(city, of_casso(AMOUNT, "chuyen tien", **other))
    async with city.database.transaction() as db:
        finance = await a_staff_member(db, role="finance")
    item, *_ = await items(city, finance)
    return UUID(item["id"])


async def money_from(city: City, source: SuspenseSource, account_id: UUID) -> UUID:
    """Money that a biller has not taken of a counter, or that came for a wallet that is closed; the item's id."""
    async with city.database.transaction() as db:
        await suspense.keep(db, source, uuid4(), AMOUNT, "closed", account_id)
        finance = await a_staff_member(db, role="finance")
    [item] = await items(city, finance)
    return UUID(item["id"])


async def put(city: City, who: StaffMember, item_id: UUID, body: dict[str, object], rest: str = "") -> httpx.Response:
    path = f"/v1/staff/suspense/{item_id}/resolution{rest}"
    return await city.client.put(path, headers=who.headers, json=body)


async def proposed(city: City, who: StaffMember, item_id: UUID, **body: object) -> str:
    """The id of the proposal."""
    answer = await put(city, who, item_id, {"note": NOTE, **body})
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "proposed"
    return answer.json()["resolution"]["id"]


async def resolved(city: City, item_id: UUID, **body: object) -> dict[str, Any]:
    """Proposed by one and approved by another."""
    one, another = await two_of_finance(city)
    resolution_id = await proposed(city, one, item_id, **body)
    answer = await put(city, another, item_id, {"resolution_id": resolution_id}, "/approval")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def someone(city: City) -> Resident:
    async with city.database.transaction() as db:
        return await a_resident(db)


async def check_all(city: City) -> None:
    await check_suspense(city)
    assert await broken_laws(city) == []


# Each kind


async def test_it_is_found_to_be_somebodys(city: City) -> None:
    me, item_id = await someone(city), await lost_money(city)
    item = await resolved(city, item_id, kind="top_up", phone=me.phone)
    assert (item["status"], item["resolution"]["whose"]) == ("resolved", "L*** T*** N*** Bình")
    assert (await balance(city, me.id), await balance(city, ledger.SUSPENSE)) == (AMOUNT, 0)
    async with city.database.acquire() as db:
        [credited] = await told(db, "TransferCredited")
    assert (credited["principal_id"], credited["amount"]) == (str(me.id), AMOUNT)
    await check_all(city)


async def test_it_pays_a_bill_of_exactly_that_amount(city: City) -> None:
    async with city.database.transaction() as db:
        await a_biller(db)
        bill_id, dear_id = await a_bill(db, amount=AMOUNT), await a_bill(db, amount=AMOUNT + 1)
    item_id = await lost_money(city)
    one, _ = await two_of_finance(city)
    dear = await put(city, one, item_id, {"kind": "bill", "bill_id": str(dear_id), "note": NOTE})
    assert refused(dear) == (409, "AmountDiffers")
    item = await resolved(city, item_id, kind="bill", bill_id=str(bill_id))
    assert (item["status"], item["resolution"]["whose"]) == ("resolved", "Điện lực Huế")
    async with city.database.acquire() as db:
        assert await db.fetchval(sql.bill_status, bill_id) == "paid"
    await check_all(city)


@pytest.mark.parametrize(("customer_code", "status"), [("HW000901", "resolved"), ("HW000902", "open")])
async def test_a_biller_that_is_asked_may_refuse_it_and_then_it_waits_again(
    city: City, stand_ins: StandIns, customer_code: str, status: str
) -> None:
    async with city.database.transaction() as db:
        bill_id = await a_known_bill(db, await a_water_company(db, stand_ins), customer_code, AMOUNT)
    item_id = await lost_money(city)
    item = await resolved(city, item_id, kind="bill", bill_id=str(bill_id))
    assert item["status"] == "resolving"
    await check_all(city)
    await city.worker.drain()
    one, another = await two_of_finance(city)
    [item] = await items(city, one, status=status)
    if status == "open":
        assert (item["reason"], item["resolution"]["status"]) == ("biller_refused", "failed")
        again = await proposed(city, one, item_id, kind="reserve")
        assert (await put(city, another, item_id, {"resolution_id": again}, "/approval")).status_code == 200
    await check_all(city)


async def test_it_is_a_shops(city: City) -> None:
    async with city.database.transaction() as db:
        shop = await a_shop(db)
    item_id = await lost_money(city)
    await resolved(city, item_id, kind="merchant", merchant_id=str(shop.id))
    assert await balance(city, shop.id) == AMOUNT
    async with city.database.acquire() as db:
        [taken] = await told(db, "TransferTaken")
    assert (taken["payer"], taken["merchant_id"]) == ("N*** V*** A", str(shop.id))
    await check_all(city)


async def test_it_goes_back_to_its_sender(city: City) -> None:
    item_id = await lost_money(city)
    item = await resolved(city, item_id, kind="return")
    assert item["status"] == "resolving"
    assert await money(city, ledger.SUSPENSE) == (AMOUNT, AMOUNT)
    await city.worker.drain()
    assert await money(city, ledger.SUSPENSE) == (0, 0)
    [sent] = await banking.payouts(city)
    assert (sent.status, str(sent.id)) == ("paid", item["resolution"]["id"])
    await check_all(city)


async def test_what_the_senders_bank_refuses_waits_again(city: City) -> None:
    item_id = await lost_money(city, counterAccountNumber=banking.REFUSED)
    await resolved(city, item_id, kind="return")
    await city.worker.drain()
    one, another = await two_of_finance(city)
    [item] = await items(city, one, status="open")
    assert (item["reason"], item["resolution"]["status"]) == ("bank_refused", "failed")
    account = {"bank_bin": "970436", "account_number": banking.PAYS, "account_name": "NGUYEN VAN A"}
    again = await proposed(city, one, item_id, kind="return", **account)
    assert (await put(city, another, item_id, {"resolution_id": again}, "/approval")).status_code == 200
    await city.worker.drain()
    assert await balance(city, ledger.SUSPENSE) == 0
    await check_all(city)


async def test_where_the_sender_was_not_told_somebody_names_an_account(city: City) -> None:
    await sepay(city, of_sepay(AMOUNT, "?"))
    one, _ = await two_of_finance(city)
    [item] = await items(city, one)
    for body, problem in (
        ({}, (409, "SenderUnknown")),
        ({"bank_bin": "970436"}, (400, "Malformed")),
        ({"bank_bin": "000000", "account_number": "1234", "account_name": "A B"}, (400, "UnknownBank")),
    ):
        answer = await put(city, one, UUID(item["id"]), {"kind": "return", "note": NOTE, **body})
        assert refused(answer) == problem


@pytest.mark.parametrize(
    ("kind", "account_id"),
    [("gateway", ledger.GATEWAY), ("reserve", ledger.RESERVE), ("mistake", ledger.GUARANTEE)],
)
async def test_it_is_the_citys_own_or_the_gateways_or_was_never_there(
    city: City, kind: str, account_id: UUID
) -> None:
    item_id = await lost_money(city)
    await resolved(city, item_id, kind=kind)
    assert await balance(city, account_id) == (0 if kind == "mistake" else AMOUNT)
    assert await balance(city, ledger.SUSPENSE) == 0
    await check_all(city)


@pytest.mark.parametrize(("source", "account_id"), [("cash_receipt", ledger.CASH), ("top_up", ledger.GATEWAY)])
async def test_what_is_in_a_drawer_or_at_the_gateway_is_undone_there(
    city: City, source: SuspenseSource, account_id: UUID
) -> None:
    """The mirror of the bank says nothing of it: the bank never had it."""
    item_id = await money_from(city, source, account_id)
    assert await balance(city, account_id) == -AMOUNT
    await resolved(city, item_id, kind="mistake")
    balances = [await balance(city, one) for one in (account_id, ledger.SUSPENSE, ledger.GUARANTEE)]
    assert balances == [0, 0, 0]
    await check_all(city)


@pytest.mark.parametrize(("source", "account_id"), [("cash_receipt", ledger.CASH), ("top_up", ledger.GATEWAY)])
async def test_what_the_bank_has_not_got_is_no_deposit_and_no_payment_of_the_gateways(
    city: City, source: SuspenseSource, account_id: UUID
) -> None:
    item_id = await money_from(city, source, account_id)
    one, _ = await two_of_finance(city)
    for body in ({"kind": "gateway"}, {"kind": "cash_close", "cash_close_id": str(uuid4())}):
        assert refused(await put(city, one, item_id, {"note": NOTE, **body})) == (409, "NotFromTheBank")
    await resolved(city, item_id, kind="reserve")
    assert (await balance(city, ledger.RESERVE), await balance(city, account_id)) == (AMOUNT, -AMOUNT)
    await check_all(city)


@pytest.mark.parametrize(("source", "account_id"), [("cash_receipt", ledger.CASH), ("top_up", ledger.GATEWAY)])
async def test_it_is_sent_back_from_what_lies_at_the_bank(
    city: City, source: SuspenseSource, account_id: UUID
) -> None:
    async with city.database.transaction() as db:
        await ledger.move(db, Move(uuid4(), "reserve", ledger.GUARANTEE, ledger.RESERVE, 10 * AMOUNT))
    item_id = await money_from(city, source, account_id)
    account = {"bank_bin": "970436", "account_number": banking.PAYS, "account_name": "NGUYEN VAN A"}
    await resolved(city, item_id, kind="return", **account)
    await city.worker.drain()
    balances = [await balance(city, one) for one in (account_id, ledger.SUSPENSE, ledger.GUARANTEE)]
    assert balances == [-AMOUNT, 0, -9 * AMOUNT]
    await check_all(city)


# Two pairs of eyes


async def test_whoever_proposes_does_not_approve_and_nothing_moves_before(city: City) -> None:
    item_id = await lost_money(city)
    one, another = await two_of_finance(city)
    resolution_id = await proposed(city, one, item_id, kind="reserve")
    own = await put(city, one, item_id, {"resolution_id": resolution_id}, "/approval")
    assert refused(own) == (403, "ResolutionNeedsSecondPairOfEyes")
    assert await balance(city, ledger.RESERVE) == 0
    yes = [await put(city, another, item_id, {"resolution_id": resolution_id}, "/approval") for _ in range(2)]
    assert [answer.status_code for answer in yes] == [200, 200], "the same yes again is the same"
    assert await balance(city, ledger.RESERVE) == AMOUNT


async def test_another_proposal_takes_the_place_of_none_and_is_not_approved_by_mistake(city: City) -> None:
    item_id = await lost_money(city)
    one, another = await two_of_finance(city)
    first = await proposed(city, one, item_id, kind="reserve")
    assert await proposed(city, one, item_id, kind="reserve") == first
    other = await put(city, another, item_id, {"kind": "mistake", "note": NOTE})
    assert refused(other) == (409, "AlreadyProposed")
    no = await put(city, one, item_id, {"resolution_id": first}, "/refusal")
    assert (no.json()["status"], no.json()["resolution"]["status"]) == ("open", "refused")
    second = await proposed(city, one, item_id, kind="mistake")
    stale = await put(city, another, item_id, {"resolution_id": first}, "/approval")
    assert refused(stale) == (409, "ResolutionIsDecided")
    unknown = await put(city, another, item_id, {"resolution_id": str(uuid4())}, "/approval")
    assert refused(unknown) == (404, "NotFound")
    assert (await put(city, another, item_id, {"resolution_id": second}, "/approval")).status_code == 200
    late = await put(city, one, item_id, {"kind": "reserve", "note": NOTE})
    assert refused(late) == (409, "AlreadyResolved")


async def test_twenty_who_approve_and_refuse_at_once_bring_about_one_end(city: City) -> None:
    me, item_id = await someone(city), await lost_money(city)
    one, _ = await two_of_finance(city)
    resolution_id = await proposed(city, one, item_id, kind="top_up", phone=me.phone)
    async with city.database.transaction() as db:
        others = [await a_staff_member(db, role="finance") for _ in range(10)]
    answers = await asyncio.gather(
        *(
            put(city, other, item_id, {"resolution_id": resolution_id}, rest)
            for other in others
            for rest in ("/approval", "/refusal")
        )
    )
    assert [answer.status_code for answer in answers].count(200) == 1
    [item] = await items(city, one)
    assert await balance(city, me.id) == (AMOUNT if item["status"] == "resolved" else 0)
    await check_all(city)


async def test_an_approval_that_the_ledger_refuses_leaves_it_proposed(city: City) -> None:
    async with city.database.transaction() as db:
        await a_biller(db)
        bill_id = await a_bill(db, amount=AMOUNT)
        payer = await a_resident(db, balance=AMOUNT)
    item_id = await lost_money(city)
    one, another = await two_of_finance(city)
    resolution_id = await proposed(city, one, item_id, kind="bill", bill_id=str(bill_id))
    body = {"kind": "bill", "bill_id": str(bill_id)}
    assert (
        await city.client.put(f"/v1/wallet/payments/{uuid4()}", headers=payer.headers, json=body)
    ).status_code == 201
    late = await put(city, another, item_id, {"resolution_id": resolution_id}, "/approval")
    assert refused(late) == (409, "BillNotDue")
    [item] = await items(city, one)
    assert item["status"] == "proposed"
    await check_all(city)


async def test_what_is_proposed_must_be_there(city: City) -> None:
    item_id = await lost_money(city)
    one, _ = await two_of_finance(city)
    for body, problem in (
        ({"kind": "top_up", "phone": "0905 123 456"}, (404, "UnknownPayee")),
        ({"kind": "top_up", "phone": "12345678"}, (400, "BadPhone")),
        ({"kind": "bill", "bill_id": str(uuid4())}, (404, "UnknownBill")),
        ({"kind": "merchant", "merchant_id": str(uuid4())}, (400, "UnknownMerchant")),
        ({"kind": "nobody"}, (400, "Malformed")),
        ({"kind": "reserve", "note": ""}, (400, "Malformed")),
    ):
        assert refused(await put(city, one, item_id, {"note": NOTE, **body})) == problem
    assert refused(await put(city, one, uuid4(), {"kind": "reserve", "note": NOTE})) == (404, "NotFound")


async def test_the_list_goes_by_status_and_by_page(city: City) -> None:
    ids = [await lost_money(city) for _ in range(3)]
    one, _ = await two_of_finance(city)
    await proposed(city, one, ids[1], kind="reserve")
    assert [item["id"] for item in await items(city, one, status="open")] == [str(ids[2]), str(ids[0])]
    path = "/v1/staff/suspense"
    first = (await city.client.get(path, headers=one.headers, params={"limit": "2"})).json()
    rest = (await city.client.get(path, headers=one.headers, params={"cursor": first["next"]})).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == [str(one_id) for one_id in reversed(ids)]
    assert first["items"][0]["sender_name"] == "NGUYEN VAN A"


async def test_what_was_called_a_mistake_and_comes_after_all_is_booked(city: City) -> None:
    """The notice was early, the bank's statement late: under the same reference it is another transfer then."""
    item_id = await lost_money(city, reference="FT0001", id=4711)
    await resolved(city, item_id, kind="mistake")
    assert (await balance(city, ledger.SUSPENSE), await balance(city, ledger.GUARANTEE)) == (0, 0)
    for _ in range(2):
        await casso(city, of_casso(AMOUNT, "chuyen tien", reference="FT0001", id=4711))
    assert (await balance(city, ledger.SUSPENSE), await balance(city, ledger.GUARANTEE)) == (AMOUNT, -AMOUNT)
    await check_all(city)
