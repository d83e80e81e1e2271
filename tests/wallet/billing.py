"""Short words for what tests ask of billers with a system of their own."""

import csv
import io
from collections.abc import Mapping
from datetime import date, timedelta
from uuid import UUID, uuid4

import httpx
import msgspec

from app.clock import city_today
from app.db import Connection, many
from app.types import new_id
from tests.conftest import City, StandIns
from tests.makers import Resident
from tests.statements import sql
from wallet import bills, ledger
from wallet.billers import adapters, connections
from wallet.sandbox import biller as stand_in


class Asked(msgspec.Struct, frozen=True):
    """Where the asking of a biller stands, and what became of the money."""

    payment_id: UUID
    state: str
    attempts: int
    hold: str
    payment: str
    bill: str


async def a_water_company(db: Connection, stand_ins: StandIns, *, timeout_ms: int = 6000) -> str:
    """A biller of its own, for whom the stand-in answers: whatever other tests paid there is none of its business."""
    code, account_id = f"nuoc-{uuid4().hex[:12]}", new_id()
    await db.execute(ledger.sql.plant_account, account_id, "biller")
    pattern = "^HW[0-9]{6}$"
    names = ("water", "Cấp nước Huế", "Huế Water")
    await db.execute(ledger.sql.plant_biller, code, *names, account_id, pattern, "HW000001")
    connection = new_id()
    url = f"{stand_ins.url}/biller/{code}"
    await connections.plant(db, connection, code, url, stand_in.KEY_ID, stand_in.SECRET)
    await db.execute(sql.set_connection_timeout, connection, timeout_ms)
    return code


async def a_known_bill(db: Connection, biller: str, customer_code: str, amount: int = 100_000) -> UUID:
    """A bill that the city knows from elsewhere; the stand-in takes it over its amount."""
    return await bills.issue(
        db,
        biller=biller,
        reference=f"{customer_code}-{uuid4().hex[:8]}",
        customer_code=customer_code,
        customer_name="Lê Thị Ngự Bình",
        period="11/2026",
        amount=amount,
        due_on=date(2026, 11, 30),
    )


async def listed(city: City, who: Resident, biller: str, customer_code: str) -> dict[str, object]:
    """What the phone sees of a customer's bills."""
    query = {"biller": biller, "customer_code": customer_code}
    answer = await city.client.get("/v1/wallet/bills", headers=who.headers, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def pay(
    city: City, who: Resident, bill_id: object, payment_id: object = None, **seen: object
) -> httpx.Response:
    """Pay a bill as a phone does."""
    body: Mapping[str, object] = {"kind": "bill", "bill_id": str(bill_id), **seen}
    path = f"/v1/wallet/payments/{payment_id or uuid4()}"
    return await city.client.put(path, headers=who.headers, json=body)


async def fate(city: City, who: Resident, payment_id: object) -> str:
    """pending, paid or failed."""
    answer = await city.client.get(f"/v1/wallet/payments/{payment_id}", headers=who.headers)
    return answer.json()["status"]


def adapter_to(stand_ins: StandIns, biller: str) -> adapters.HttpAdapter:
    """How the biller is asked, without the city."""
    return adapters.HttpAdapter(f"{stand_ins.url}/biller/{biller}", stand_in.KEY_ID, stand_in.SECRET, 6000)


async def pay_elsewhere(stand_ins: StandIns, biller: str, customer_code: str, amount: int) -> object:
    """Somebody pays this month's bill at the biller's own counter."""
    reference = f"{customer_code}-{city_today():%Y%m}"
    customer = adapters.Customer(code=customer_code)
    order = adapters.PayOrder(our_reference=uuid4(), bill_reference=reference, customer=customer, amount=amount)
    return await adapter_to(stand_ins, biller).pay(order)


async def paid_there(stand_ins: StandIns, biller: str) -> list[str]:
    """Our references of what the biller says was paid there, today or (the clock was moved) tomorrow."""
    found: list[str] = []
    async with httpx.AsyncClient(verify=False) as client:
        for days in (-1, 0, 1):
            on = city_today() + timedelta(days=days)
            answer = await client.get(f"{stand_ins.url}/biller/{biller}/payments.csv", params={"on": on.isoformat()})
            found += [line["reference"] for line in csv.DictReader(io.StringIO(answer.text))]
    return found


async def calls(city: City) -> list[Asked]:
    """All that billers were asked."""
    async with city.database.acquire() as db:
        return await many(Asked, db, sql.biller_calls)


async def bill_statuses(city: City, biller: str) -> set[tuple[int, str]]:
    """Amounts and statuses of a biller's bills."""
    async with city.database.acquire() as db:
        return {(row["amount"], row["status"]) for row in await db.fetch(sql.bill_statuses, biller)}
