"""Short words for what tests tell the city of money that came in, as SePay and Casso tell it; signed by hand."""

import hmac
import json
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import msgspec

from app.clock import city_now
from app.config import settings
from app.db import many
from tests.conftest import City
from tests.makers import StaffMember
from tests.statements import sql
from wallet import ledger

_numbers = count(1)
SEPAY, CASSO = "/v1/gateways/bank-transfers/sepay", "/v1/gateways/bank-transfers/casso"


class Told(msgspec.Struct, frozen=True):
    """A notice, and what became of it."""

    id: UUID
    source: str
    amount: int
    status: str
    matched_kind: str | None
    why: str | None
    waits: str | None


def of_sepay(amount: int, content: str, **other: object) -> dict[str, object]:
    """SePay's body of a transfer onto the city's own account, with fields that we don't read."""
    number = next(_numbers)
    return {
        "id": 92_000 + number,
        "gateway": "Vietcombank",
        "transactionDate": "2026-11-24 14:02:37",
        "accountNumber": settings().bank_account,
        "code": None,
        "content": content,
        "transferType": "in",
        "transferAmount": amount,
        "accumulated": 19_077_000,
        "subAccount": None,
        "referenceCode": f"MBVCB.{number:010}",
        "description": "",
        "somethingNew": {"of": ["theirs"]},
        **other,
    }


def of_casso(amount: int, content: str, **other: object) -> dict[str, object]:
    """Casso's body of the same, from an account of Nguyễn Văn A's."""
    number = next(_numbers)
    data = {
        "id": 77_000 + number,
        "reference": f"FT{number:014}",
        "description": content,
        "amount": amount,
        "runningBalance": 25_000_000,
        "transactionDateTime": "2026-11-24 14:02:37",
        "accountNumber": settings().bank_account,
        "bankName": "Vietcombank",
        "bankAbbreviation": "VCB",
        "virtualAccountNumber": "",
        "virtualAccountName": "",
        "counterAccountName": "NGUYEN VAN A",
        "counterAccountNumber": "1014567890",
        "counterAccountBankId": "970436",
        "counterAccountBankName": "Ngân hàng Ngoại thương",
        **other,
    }
    return {"error": 0, "data": data}


async def sepay(city: City, body: dict[str, object], key: str | None = None) -> httpx.Response:
    """Tell it as SePay does."""
    shown = settings().sepay_key if key is None else key
    return await city.client.post(SEPAY, headers={"authorization": f"Apikey {shown}"}, json=body)


async def casso(
    city: City, body: dict[str, object], *, secret: str | None = None, late_s: float = 0
) -> httpx.Response:
    """Tell it as Casso does; the body travels with its keys in another order than they are signed in."""
    signature = signature_of(body, secret=secret, late_s=late_s)
    headers = {"x-casso-signature": signature, "content-type": "application/json"}
    return await city.client.post(CASSO, headers=headers, content=json.dumps(body, indent=1))


def signature_of(body: dict[str, object], *, secret: str | None = None, late_s: float = 0) -> str:
    """Casso's header for a body, made so many seconds ago."""
    at_ms = int((city_now().timestamp() - late_s) * 1000)
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    shared = (settings().casso_secret if secret is None else secret).encode()
    return f"t={at_ms},v1={hmac.new(shared, f'{at_ms}.{text}'.encode(), 'sha512').hexdigest()}"


async def notices(city: City) -> list[Told]:
    """All notices, oldest first."""
    async with city.database.acquire() as db:
        return await many(Told, db, sql.inbound_rows)


async def balance(city: City, account_id: object) -> int:
    """What an account holds."""
    async with city.database.acquire() as db:
        return await db.fetchval(sql.balance, account_id)


async def check_suspense(city: City) -> None:
    """What waits adds up to what the account holds."""
    async with city.database.acquire() as db:
        assert await db.fetchval(sql.unresolved_suspense) == await db.fetchval(sql.balance, ledger.SUSPENSE)


async def items(city: City, member: StaffMember, **query: str) -> list[dict[str, Any]]:
    """Money in suspense as finance sees it."""
    answer = await city.client.get("/v1/staff/suspense", headers=member.headers, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Its status and the name of the problem."""
    return answer.status_code, answer.json()["type"].rpartition(":")[2]
