"""Short words for what tests of fines begin with: a violation that somebody reported, an officer, the treasury."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import httpx
import msgspec

from app.db import Connection, many
from app.types import new_id
from tests.conftest import City
from tests.makers import Resident, StaffMember, a_resident, a_staff_member
from tests.statements import sql
from wallet import ledger

BILLER = "phat-giao-thong"
AGENCY = "traffic-police"
NOTICE = {"plate": "75A-123.45", "violation": "Vượt đèn đỏ", "offender_name": "Lê Văn Vi Phạm"}
DECISION = {**NOTICE, "decision_number": "123/QĐ-XPHC", "amount": 1_000_000}
PAIR = {"plate": "75a 12345", "decision_number": "123/qd-xphc"}


@dataclass(frozen=True)
class Case:
    """A violation that was reported, and who deals with it."""

    report_id: UUID
    code: str
    reporter: Resident
    officer: StaffMember

    @property
    def path(self) -> str:
        return f"/v1/staff/reports/{self.report_id}/fine"


class FineRow(msgspec.Struct, frozen=True):
    """A fine as it is kept."""

    id: UUID
    code: str
    status: str
    plate: str | None
    offender_name: str | None
    amount: int | None
    late_amount: int
    bills: int
    bill_id: UUID | None
    reference: str | None
    due_on: date | None
    renew_on: date | None
    paid_amount: int | None
    paid_at: Any
    payment_id: UUID | None


async def the_treasury(db: Connection) -> None:
    """The biller by which fines are collected."""
    account_id = new_id()
    names = ("traffic_fine", "Xử phạt vi phạm giao thông", "Traffic fines")
    await db.execute(ledger.sql.plant_account, account_id, "biller")
    await db.execute(ledger.sql.plant_biller, BILLER, *names, account_id, "^VP[0-9]{6}([0-9]{6})?$", "VP000000000001")


async def a_case(
    db: Connection,
    *,
    category: str = "traffic_violation",
    status: str = "assigned",
    officer: StaffMember | None = None,
) -> Case:
    """A report of a violation at the traffic police, whose version is 1."""
    reporter = await a_resident(db, name="Trần Thị Phản Ánh")
    officer = officer or await a_staff_member(db, role="agency_officer", agency=AGENCY, name="Nguyễn Văn Cán Bộ")
    report_id, code = new_id(), "PA" + "".join(secrets.choice("0123456789ABCDEFGHJK") for _ in range(8))
    await db.execute(sql.plant_report, report_id, code, reporter.id, category, "assigned", AGENCY)
    if status != "assigned":
        await db.execute(sql.set_report_status, report_id, status)
    return Case(report_id, code, reporter, officer)


async def fined(
    client: httpx.AsyncClient, case: Case, body: Mapping[str, object], version: int = 1
) -> dict[str, Any]:
    """The agency puts a fine, and it is taken."""
    answer = await client.put(case.path, headers=case.officer.headers, json={"version": version, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def a_decided_case(city: City) -> Case:
    """A case with a decision of 1,000,000 đồng, in a city with a treasury."""
    async with city.database.transaction() as db:
        await the_treasury(db)
        case = await a_case(db)
    await fined(city.client, case, DECISION)
    return case


async def fines_of(city: City, case: Case) -> list[FineRow]:
    """All fines of a report, oldest first."""
    async with city.database.acquire() as db:
        return await many(FineRow, db, sql.fine_rows, case.report_id)


async def fine_of(city: City, case: Case) -> FineRow:
    """Its only one."""
    [fine] = await fines_of(city, case)
    return fine


async def late_by(city: City, case: Case, days: int) -> None:
    """As if so many days had passed after the last one to pay."""
    fine = await fine_of(city, case)
    assert fine.due_on is not None
    async with city.database.acquire() as db:
        await db.execute(sql.age_fine, case.report_id, 10 + days)


async def look_up(client: httpx.AsyncClient, **pair: str) -> httpx.Response:
    """As anybody may."""
    return await client.post("/v1/feedback/fines/look-ups", json={**PAIR, **pair})


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Its status and the name of the problem."""
    return answer.status_code, answer.json()["type"].rpartition(":")[2]
