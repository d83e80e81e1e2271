"""Remittance: what residents paid to a biller arrives at its bank in the night, once."""

from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.clock import CITY_ZONE, city_now
from app.db import Connection
from app.types import new_id
from tests.conftest import City
from tests.makers import a_bill, a_biller, a_resident, a_staff_member
from tests.statements import sql
from tests.wallet import banking
from tests.wallet.banking import broken_laws, money
from tests.wallet.conftest import Passing
from wallet import holds, ledger
from wallet.billers import remittances
from wallet.ledger import Move

pytestmark = pytest.mark.usefixtures("stand_ins")

ACCOUNT = {"bank_bin": "970415", "account_number": banking.PAYS, "account_name": "Điện lực Huế"}


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:huong:problem:")


async def an_account(city: City, biller: str, account_number: str = banking.PAYS) -> None:
    """Two of finance say where the biller's money goes."""
    async with city.database.transaction() as db:
        one, other = await a_staff_member(db, role="finance"), await a_staff_member(db, role="finance")
    path = f"/v1/staff/biller-bank-accounts/{uuid4()}"
    body = {**ACCOUNT, "biller": biller, "account_number": account_number}
    assert (await city.client.put(path, headers=one.headers, json=body)).status_code == 200
    approved = await city.client.put(f"{path}/approval", headers=other.headers, json={})
    assert approved.json()["approved_by"] == str(other.id)


async def a_bill_is_paid(city: City, biller: str) -> None:
    async with city.database.transaction() as db:
        payer, bill_id = await a_resident(db, balance=500_000), await a_bill(db, biller=biller)
    body = {"kind": "bill", "bill_id": str(bill_id)}
    paid = await city.client.put(f"/v1/wallet/payments/{uuid4()}", headers=payer.headers, json=body)
    assert paid.status_code == 201, paid.text


async def night_falls(city: City, passing: Passing) -> None:
    """Two o'clock of the next night, and what is done in it."""
    here = city_now().astimezone(CITY_ZONE)
    two = datetime.combine(here.date() + timedelta(days=1), time(2), CITY_ZONE)
    await passing(city, (two - here).total_seconds())
    await city.worker.keep_schedule()
    await city.worker.drain()


async def listed(city: City) -> list[dict[str, Any]]:
    async with city.database.transaction() as db:
        finance = await a_staff_member(db, role="finance")
    return (await city.client.get("/v1/staff/remittances", headers=finance.headers)).json()["items"]


async def account_of(city: City, biller: str) -> object:
    async with city.database.acquire() as db:
        return await db.fetchval(sql.biller_account, biller)


async def test_what_was_collected_by_day_is_sent_by_night_once(city: City, passing: Passing) -> None:
    async with city.database.transaction() as db:
        biller = await a_biller(db)
    await an_account(city, biller)
    for _ in range(2):
        await a_bill_is_paid(city, biller)
    day = city_now().astimezone(CITY_ZONE).date()
    await night_falls(city, passing)
    [remittance] = await listed(city)
    wanted = {"biller": biller, "remitted_on": day.isoformat(), "amount": 825_000, "status": "paid"}
    assert wanted.items() <= remittance.items(), remittance
    assert await money(city, await account_of(city, biller)) == (0, 0)
    async with city.database.transaction() as db:
        assert not await remittances.send(db, biller, day)
    await night_falls(city, passing)
    assert len(await listed(city)) == 1, "a day without money sends none"
    assert await broken_laws(city) == []


@pytest.mark.parametrize("answered", [False, True])
async def test_what_was_on_its_way_elsewhere_is_not_taken_from_the_next_day(
    city: City, passing: Passing, answered: bool
) -> None:
    async with city.database.transaction() as db:
        biller = await a_biller(db)
    await an_account(city, biller)
    await a_bill_is_paid(city, biller)
    account_id, day = await account_of(city, biller), city_now().astimezone(CITY_ZONE).date()
    held = Move(new_id(), "return", UUID(str(account_id)), ledger.GUARANTEE, 100_000, held=True)
    async with city.database.transaction() as db:
        await ledger.move(db, held)
    here = city_now().astimezone(CITY_ZONE)
    one = datetime.combine(here.date() + timedelta(days=1), time(0, 30), CITY_ZONE)
    await passing(city, (one - here).total_seconds())
    await a_bill_is_paid(city, biller)
    async with city.database.transaction() as db:
        if answered:
            await holds.capture(db, held.id)
        assert await remittances.send(db, biller, day)
    [remittance] = await listed(city)
    assert remittance["amount"] == 312_500, "the day's own"


async def test_what_the_bank_refuses_goes_with_the_next_night_to_the_account_of_then(
    city: City, passing: Passing
) -> None:
    async with city.database.transaction() as db:
        biller = await a_biller(db)
    await an_account(city, biller, banking.REFUSED)
    await a_bill_is_paid(city, biller)
    await night_falls(city, passing)
    [failed] = await listed(city)
    assert (failed["status"], failed["reason"]) == ("failed", "account_unknown")
    assert await money(city, await account_of(city, biller)) == (412_500, 0)
    await an_account(city, biller)
    await night_falls(city, passing)
    paid, _ = await listed(city)
    assert (paid["status"], paid["amount"], paid["account_number"]) == ("paid", 412_500, "***7890")
    assert await broken_laws(city) == []


async def test_without_an_account_that_two_approved_nothing_is_sent(city: City, passing: Passing) -> None:
    async with city.database.transaction() as db:
        biller, one = await a_biller(db), await a_staff_member(db, role="finance")
    path = f"/v1/staff/biller-bank-accounts/{uuid4()}"
    body = {**ACCOUNT, "biller": biller}
    assert (await city.client.put(path, headers=one.headers, json=body)).status_code == 200
    alone = await city.client.put(f"{path}/approval", headers=one.headers, json={})
    assert refused(alone) == (403, "BillerAccountNeedsSecondPairOfEyes")
    await a_bill_is_paid(city, biller)
    await night_falls(city, passing)
    assert await listed(city) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"biller": "nobody"}, (404, "UnknownBiller")),
        ({"bank_bin": "000000"}, (400, "UnknownBank")),
        ({"account_number": "1\n"}, (400, "Malformed")),
    ],
)
async def test_an_account_that_makes_no_sense_is_refused(
    db: Connection, desk: httpx.AsyncClient, change: dict[str, str], problem: tuple[int, str]
) -> None:
    finance, body = await a_staff_member(db, role="finance"), {**ACCOUNT, "biller": await a_biller(db)}
    path = f"/v1/staff/biller-bank-accounts/{uuid4()}"
    assert refused(await desk.put(path, headers=finance.headers, json={**body, **change})) == problem


async def test_a_proposal_is_one_per_id(db: Connection, desk: httpx.AsyncClient) -> None:
    finance, body = await a_staff_member(db, role="finance"), {**ACCOUNT, "biller": await a_biller(db)}
    path = f"/v1/staff/biller-bank-accounts/{uuid4()}"
    first = await desk.put(path, headers=finance.headers, json=body)
    assert (await desk.put(path, headers=finance.headers, json=body)).json() == first.json()
    other = await desk.put(path, headers=finance.headers, json={**body, "account_number": "99999999"})
    assert refused(other) == (409, "BillerBankAccountIdTaken")
    unknown = await desk.put(f"/v1/staff/biller-bank-accounts/{uuid4()}/approval", headers=finance.headers, json={})
    assert refused(unknown) == (404, "NotFound")
