"""The partner bank's transfers: we tell it to pay, it says what became of it. Signed HTTP and JSON, one id for good.

    PUT {bank_url}/transfers/{id}   amount, bank_bin, account_number, account_name, content, route
    GET {bank_url}/transfers/{id}   → {"status": "done" | "refused" | "processing", "reason", "reference"}, or 404

The same PUT again is the same transfer. What is not said clearly is not known: a wrong answer, an error of theirs,
none at all are `NoAnswer`, and the transfer must be asked for until the bank has said how it ended."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
import structlog
from msgspec import Meta

from app import outside
from app.config import settings
from app.outside import NoAnswer, Said
from wallet.gateways import breaker, signed_requests
from wallet.models import RefusalReason

log = structlog.get_logger()

PARTY = "bank"

Route = Literal["fast", "interbank"]

_REASONS: dict[str, RefusalReason] = {
    "account_unknown": "account_unknown",
    "account_closed": "account_closed",
    "name_differs": "name_differs",
    "bank_unreachable": "bank_unreachable",
}


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Pay `amount` đồng to an account. Names and content are plain ASCII, as transfers between banks carry them.

    `route`: `fast` arrives at once and has a limit, `interbank` has none and takes hours."""

    amount: int
    bank_bin: str
    account_number: str
    account_name: str
    content: str
    route: Route = "fast"


class Done(msgspec.Struct, frozen=True):
    """It was paid; `reference` is the bank's own."""

    reference: str


class Refused(msgspec.Struct, frozen=True):
    """It was not paid, and never will be under this id."""

    reason: RefusalReason


class Processing(msgspec.Struct, frozen=True):
    """The bank has it, and has not decided yet."""


class NotKnown(msgspec.Struct, frozen=True):
    """The bank has never heard of it so far. A request may still be on its way to it."""


class _Told(msgspec.Struct, frozen=True):
    status: Literal["accepted", "processing", "done", "refused"]
    reason: Annotated[str, Meta(max_length=200)] | None = None
    reference: Annotated[str, Meta(max_length=100)] | None = None


async def transfer(transfer_id: UUID, order: Order) -> Done | Refused | Processing:
    """Tell the bank to pay; again with the same id is the same transfer.

    Raises NotAsked (nothing was sent), NoAnswer (nobody knows whether it was paid)."""
    said = await _ask("PUT", transfer_id, msgspec.json.encode(order))
    if said.status not in {200, 201, 202}:
        # Not a refusal of this payment: our key, or a request that it cannot read. Somebody must look.
        log.error("partner bank does not take a transfer", transfer=str(transfer_id), status=said.status)
        raise NoAnswer(f"answered {said.status}")
    return _read(said)


async def inquire(transfer_id: UUID) -> Done | Refused | Processing | NotKnown:
    """What became of a transfer; raises NotAsked, NoAnswer."""
    said = await _ask("GET", transfer_id)
    if said.status == 404:
        return NotKnown()
    if said.status not in {200, 202}:
        log.error("partner bank does not take an inquiry", transfer=str(transfer_id), status=said.status)
        raise NoAnswer(f"answered {said.status}")
    return _read(said)


async def _ask(method: str, transfer_id: UUID, body: bytes = b"") -> Said:
    here = settings()
    with breaker.before(PARTY).passing():
        if here.bank_url is None:
            raise NoAnswer("no partner bank is configured")
        url = f"{here.bank_url.rstrip('/')}/transfers/{transfer_id}"
        signed = signed_requests.sign(here.bank_key_id, here.bank_secret, method, url, body)
        return await outside.ask(method, url, headers={**signed, "content-type": "application/json"}, content=body)


def _read(said: Said) -> Done | Refused | Processing:
    told = said.read(_Told)
    match told.status:
        case "done":
            return Done(told.reference or "")
        case "refused":
            return Refused(_REASONS.get(told.reason or "", "other"))
        case "accepted" | "processing":
            return Processing()
