"""A biller's own system: what we ask of it, whatever it speaks; and the way of speaking that ships, HTTP and JSON.

Every request is signed (wallet/gateways/signed_requests.py). Below the biller's address:

    GET bills?customer_code=…     200 {"bills": [{"reference", "customer_code", "customer_name", "period", "amount",
                                  "due_on"}, …]}: all that is due, none if the code is unknown
    PUT payments/{our reference}  {"bill_reference", "customer_code", "amount"}; 200 with the payment's fate
    GET payments/{our reference}  200 with its fate, 404 {"status": "unknown"} if it never came there

A fate is {"status": "paid", "reference", "e_invoice": {"number", "look_up_code", "url"} or null}, or {"status":
"refused", "reason"}, or {"status": "processing"}. What was paid or refused stays so: the same PUT again is answered
the same, pays nothing again, and a payment that was refused is never made later."""

import asyncio
from datetime import date
from typing import Annotated, Any, Literal, Protocol
from urllib.parse import quote, urlencode
from uuid import UUID

import msgspec
from msgspec import Meta

from app import outside
from app.outside import NoAnswer, Said
from app.types import Dong, ShortText
from wallet.gateways import signed_requests

Short = Annotated[
    str, Meta(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*$(?!\n)")
]
Address = Annotated[str, Meta(max_length=500, pattern=r"^https?://[\x21-\x7e]+$(?!\n)")]

RefusalReason = Literal[
    "amount_changed", "already_paid", "unknown_bill", "unknown_customer", "insufficient", "maintenance", "other"
]
"""Why a biller takes no payment; whatever it says that is not one of these is `other`. Nothing was done there."""

MOST_LISTED = 100
ANSWER_WITHIN_MS = 6000
FETCH_WITHIN_MS = 3000
"""A person waits for the bills on a screen; nobody waits for a payment, whose money is held."""


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a biller is asked about. The code has the form that the biller's row says."""

    code: str


class Listed(msgspec.Struct, frozen=True):
    """A bill that is due, as the biller has it. `amount` in đồng."""

    reference: Annotated[str, Meta(min_length=1, max_length=60, pattern=r"^[0-9A-Za-z._/-]+$(?!\n)")]
    customer_code: Short
    customer_name: ShortText
    period: Short
    amount: Dong
    due_on: date


class PayOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that a biller shall take. `our_reference` names it on both sides, however often it is sent."""

    our_reference: UUID
    bill_reference: str
    customer: Customer
    amount: int


class EInvoice(msgspec.Struct, frozen=True):
    """How the biller's electronic invoice is looked up."""

    number: Short
    look_up_code: Short | None = None
    url: Address | None = None


class Paid(msgspec.Struct, frozen=True):
    """The biller has it, under its own reference."""

    reference: str
    e_invoice: EInvoice | None = None


class Refused(msgspec.Struct, frozen=True):
    """It takes it not, now or later."""

    reason: RefusalReason


class Processing(msgspec.Struct, frozen=True):
    """It has it, and does not know yet."""


class NotKnown(msgspec.Struct, frozen=True):
    """It never came there, or has not yet."""


class Adapter(Protocol):
    """What the city asks of a biller's system. Each raises NoAnswer: then nobody knows what was done."""

    async def fetch(self, customer: Customer) -> list[Listed]:
        """All bills of a customer that are due, at most `MOST_LISTED`."""
        ...

    async def pay(self, order: PayOrder) -> Paid | Refused | Processing:
        """Have a bill paid; the same order again is answered the same."""
        ...

    async def inquire(self, our_reference: UUID) -> Paid | Refused | Processing | NotKnown:
        """What became of a payment."""
        ...


class _List(msgspec.Struct):
    bills: Annotated[list[Listed], Meta(max_length=MOST_LISTED)]


class _Fate(msgspec.Struct):
    status: Literal["paid", "refused", "processing", "unknown"]
    reference: str | None = None
    reason: str | None = None
    e_invoice: Any = None


class HttpAdapter:
    """A biller that speaks HTTP and JSON, at an address that two pairs of eyes have approved."""

    def __init__(self, url: str, key_id: str, secret: str, timeout_ms: int) -> None:
        self.url = url.rstrip("/")
        self.key_id = key_id
        self.secret = secret
        self.timeout_ms = timeout_ms

    async def fetch(self, customer: Customer) -> list[Listed]:
        """All bills of a customer that are due; whatever is another customer's is left out. Raises NoAnswer."""
        query = urlencode({"customer_code": customer.code}, quote_via=quote)
        said = await self._ask("GET", f"/bills?{query}", within_ms=FETCH_WITHIN_MS)
        if said.status != 200:
            raise NoAnswer(f"answered {said.status}")
        return [bill for bill in said.read(_List).bills if bill.customer_code == customer.code]

    async def pay(self, order: PayOrder) -> Paid | Refused | Processing:
        """Have a bill paid. An answer that is no fate (a wrong key, a proxy's page) says nothing: NoAnswer."""
        wanted = {
            "bill_reference": order.bill_reference,
            "customer_code": order.customer.code,
            "amount": order.amount,
        }
        said = await self._ask("PUT", f"/payments/{order.our_reference}", msgspec.json.encode(wanted))
        if said.status not in {200, 201, 202}:
            raise NoAnswer(f"answered {said.status}")
        fate = _fate(said)
        if isinstance(fate, NotKnown):
            raise NoAnswer("a payment that was just sent is unknown")
        return fate

    async def inquire(self, our_reference: UUID) -> Paid | Refused | Processing | NotKnown:
        """What became of a payment; only a 404 that says `unknown` itself means that it never came there."""
        said = await self._ask("GET", f"/payments/{our_reference}")
        if said.status not in {200, 404}:
            raise NoAnswer(f"answered {said.status}")
        fate = _fate(said)
        if (said.status == 404) is not isinstance(fate, NotKnown):
            raise NoAnswer(f"answered {said.status} and something else")
        return fate

    async def _ask(self, method: str, path: str, body: bytes = b"", *, within_ms: int = ANSWER_WITHIN_MS) -> Said:
        url = self.url + path
        headers = signed_requests.sign(self.key_id, self.secret, method, url, body)
        try:
            async with asyncio.timeout(min(self.timeout_ms, within_ms) / 1000):
                return await outside.ask(
                    method, url, headers={**headers, "content-type": "application/json"}, content=body
                )
        except TimeoutError as problem:
            raise NoAnswer("too late") from problem


def _fate(said: Said) -> Paid | Refused | Processing | NotKnown:
    """What an answer says of a payment; raises NoAnswer for one that is whole only at a first look."""
    fate = said.read(_Fate)
    match fate.status:
        case "paid" if fate.reference:
            return Paid("".join(filter(str.isprintable, fate.reference))[:60], _e_invoice(fate.e_invoice))
        case "refused" if fate.reason is not None:
            return Refused(_reason(fate.reason))
        case "processing":
            return Processing()
        case "unknown":
            return NotKnown()
        case _:
            raise NoAnswer("half a fate")


def _e_invoice(said: Any) -> EInvoice | None:
    """What is kept of an invoice; one that cannot be read leaves its payment paid all the same."""
    try:
        return msgspec.convert(said, EInvoice | None)
    except msgspec.ValidationError:
        return None


def _reason(text: str) -> RefusalReason:
    try:
        return msgspec.convert(text, RefusalReason)
    except msgspec.ValidationError:
        return "other"
