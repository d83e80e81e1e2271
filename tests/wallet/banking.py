"""Short words for what tests ask of money on its way to banks."""

import csv
import io
from collections.abc import Mapping
from uuid import UUID, uuid4

import httpx
import msgspec

from app.db import Connection, many
from tests.conftest import City, StandIns
from tests.makers import Resident
from tests.statements import sql
from wallet import ledger

PAYS, REFUSED, SILENT_PAYS, SILENT_REFUSES, PROCESSING, SLOW, LOST = (
    "1014567890", "1000000001", "1000000002", "1000000003", "1000000004", "1000000005", "1000000006",
)  # fmt: skip
"""Account numbers by which the stand-in of the bank knows how a transfer shall end."""


class Sent(msgspec.Struct, frozen=True):
    """A payout as it stands."""

    id: UUID
    status: str
    attempts: int
    hold: str


def asked(account_number: str = PAYS, **other: object) -> dict[str, object]:
    """What a phone sends to withdraw 50,000 đồng to Lê Thị Ngự Bình's own account."""
    account = {"bank_bin": "970436", "account_number": account_number, "account_name": "LE THI NGU BINH"}
    return {"kind": "withdrawal", "amount": 50_000, **account, **other}


async def withdraw(
    city: City, who: Resident, body: Mapping[str, object], withdrawal_id: object = None, **headers: str
) -> httpx.Response:
    path = f"/v1/wallet/withdrawals/{withdrawal_id or uuid4()}"
    return await city.client.put(path, headers={**who.headers, **headers}, json=body)


async def fate(city: City, who: Resident, withdrawal_id: object) -> str:
    """pending, paid or failed."""
    answer = await city.client.get(f"/v1/wallet/withdrawals/{withdrawal_id}", headers=who.headers)
    return answer.json()["status"]


async def payouts(city: City) -> list[Sent]:
    """All payouts, with what became of their holds."""
    async with city.database.acquire() as db:
        return await many(Sent, db, sql.payouts)


async def paid_there(stand_ins: StandIns, account_number: str) -> list[int]:
    """What the bank's own statement says that it paid to an account."""
    async with httpx.AsyncClient(verify=False) as client:
        text = (await client.get(f"{stand_ins.url}/bank/statement.csv")).text
    return [
        int(line["amount"])
        for line in csv.DictReader(io.StringIO(text))
        if (line["side"], line["account_number"]) == ("out", account_number)
    ]


async def money(city: City, account_id: object) -> tuple[int, int]:
    """What an account holds, and what of it is held."""
    async with city.database.acquire() as db:
        row = await db.fetchrow(sql.posted_and_pending, account_id)
    return (row["posted"], row["pending"]) if row else (0, 0)


async def broken_laws(city: City) -> list[str]:
    """The laws of the ledger that do not hold."""
    async with city.database.transaction() as db:
        return [law.law for law in await ledger.check(db) if law.broken]


async def told(db: Connection, kind: str) -> list[dict[str, object]]:
    """What was told of one kind of news, oldest first."""
    return [row["data"] for row in await db.fetch(sql.event_rows, kind)]
