"""What SePay and Casso tell of transfers that came in, and whether it was they who told it. Pure.

SePay shows a key that we agreed on (`Authorization: Apikey KEY`); Casso, version 2, signs the moment and the body
(`X-Casso-Signature: t=<ms>,v1=<hex>`: HMAC-SHA512 over `t.` and the body as compact JSON, the keys of every object in
order, letters unescaped: RFC 8785). Both add fields as they like: what is not read here is passed over."""

import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
import rfc8785
from msgspec import Meta

from app.clock import CITY_ZONE, city_now
from app.errors import Malformed, Refusal
from app.types import MOST_DONG

Source = Literal["sepay", "casso", "finance"]

SIGNED_WITHIN_S = 300
MOST_CONTENT = 500

_SIGNATURE = re.compile(r"t=([0-9]{1,15}),v1=([0-9a-fA-F]{128})")
_SPACES_AND_WORSE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


class WrongWebhookSecret(Refusal):
    """Khóa hoặc chữ ký của thông báo không đúng.

    The notice's key or signature is wrong."""

    status = 401


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer that came in, as somebody tells it. `told_as`: their own id of the notice; `bank_reference`: the
    bank's name of the transfer, which all who tell of it share."""

    source: Source
    told_as: str
    account_number: str
    virtual_account: str | None = None
    bank_reference: str | None = None
    amount: int
    content: str
    sender_bank_bin: str | None = None
    sender_account: str | None = None
    sender_name: str | None = None
    occurred_at: datetime


_Id = Annotated[str, Meta(min_length=1, max_length=100)] | Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Text = Annotated[str, Meta(max_length=2000)] | None
_Account = Annotated[str, Meta(max_length=40)]
_Amount = Annotated[int, Meta(ge=1, le=MOST_DONG)]


class _Sepay(msgspec.Struct, frozen=True, rename="camel"):
    """SePay's webhook. `transferType` `out`: money that left, which is not our business here."""

    id: _Id
    account_number: _Account
    transfer_type: Literal["in", "out"]
    transfer_amount: _Amount
    transaction_date: _Text = None
    content: _Text = None
    sub_account: _Account | None = None
    reference_code: _Text = None


class _CassoData(msgspec.Struct, frozen=True, rename="camel"):
    """What Casso tells of one transfer; below zero: it left."""

    id: _Id
    amount: Annotated[int, Meta(ge=-MOST_DONG, le=MOST_DONG)]
    account_number: _Account
    reference: _Text = None
    description: _Text = None
    transaction_date_time: _Text = None
    virtual_account_number: _Account | None = None
    counter_account_name: _Text = None
    counter_account_number: _Account | None = None
    counter_account_bank_id: _Text = None


class _Casso(msgspec.Struct, frozen=True):
    data: _CassoData


def of_sepay(headers: Mapping[str, str], body: bytes, key: str) -> Notice | None:
    """What SePay tells; None: money that left. Raises WrongWebhookSecret, Malformed."""
    scheme, _, shown = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "apikey" or not hmac.compare_digest(shown.strip().encode(), key.encode()):
        raise WrongWebhookSecret
    told = _read(body, _Sepay)
    if told.transfer_type == "out":
        return None
    return Notice(
        source="sepay",
        told_as=str(told.id),
        account_number=packed(told.account_number) or "",
        virtual_account=packed(told.sub_account),
        bank_reference=reference(told.reference_code),
        amount=told.transfer_amount,
        content=_clean(told.content) or "",
        occurred_at=_moment(told.transaction_date),
    )


def of_casso(headers: Mapping[str, str], body: bytes, secret: str) -> Notice | None:
    """What Casso tells; None: money that left. Raises WrongWebhookSecret, Malformed."""
    _check_signature(headers.get("x-casso-signature", ""), body, secret)
    told = _read(body, _Casso).data
    if told.amount < 0:
        return None
    if told.amount == 0:
        raise Malformed(errors=[{"field": "data.amount", "message": "nothing was transferred"}])
    bank = (told.counter_account_bank_id or "").strip()
    return Notice(
        source="casso",
        told_as=str(told.id),
        account_number=packed(told.account_number) or "",
        virtual_account=packed(told.virtual_account_number),
        bank_reference=reference(told.reference),
        amount=told.amount,
        content=_clean(told.description) or "",
        sender_bank_bin=bank if re.fullmatch("[0-9]{6}", bank) else None,
        sender_account=_account(told.counter_account_number),
        sender_name=_clean(told.counter_account_name, 70),
        occurred_at=_moment(told.transaction_date_time),
    )


def _read(body: bytes, type_: type[Any]) -> Any:
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as mistake:
        raise Malformed(errors=[{"field": "", "message": type(mistake).__name__}]) from None


def _check_signature(shown: str, body: bytes, secret: str) -> None:
    parts = _SIGNATURE.fullmatch(shown.replace(" ", ""))
    if parts is None or abs(int(parts[1]) / 1000 - city_now().timestamp()) > SIGNED_WITHIN_S:
        raise WrongWebhookSecret
    signature = hmac.digest(secret.encode(), f"{parts[1]}.".encode() + _in_order(body), "sha512")
    if not hmac.compare_digest(signature.hex(), parts[2].lower()):
        raise WrongWebhookSecret


def _in_order(body: bytes) -> bytes:
    """The body as the sender's JSON.stringify writes it, the keys of every object in order."""
    try:
        return rfc8785.dumps(json.loads(body, parse_int=_as_javascript_has_it))
    except (ValueError, OverflowError, RecursionError):  # no JSON, a surrogate that no UTF-8 has, or no number
        raise WrongWebhookSecret from None


def _as_javascript_has_it(number: str) -> int | float:
    """There all numbers are doubles, and whole ones are exact up to 2^53."""
    value = int(number)
    return value if abs(value) < 2**53 else float(value)


def _clean(text: str | None, most: int = MOST_CONTENT) -> str | None:
    """One line of printable text, or None. PostgreSQL keeps no NUL, and UTF-8 no lone surrogate."""
    return _SPACES_AND_WORSE.sub(" ", text or "").strip()[:most] or None


def packed(account: str | None) -> str | None:
    """An account number as all write it the same."""
    return _SPACES_AND_WORSE.sub("", account or "").upper() or None


def _account(account: str | None) -> str | None:
    """A number that money can be sent back to."""
    number = packed(account) or ""
    return number if re.fullmatch("[0-9A-Z]{4,24}", number) else None


def reference(text: str | None) -> str | None:
    """The bank's name of a transfer, as all write it the same."""
    return (packed(text) or "")[:100] or None


def _moment(text: str | None) -> datetime:
    """When it happened, by the clocks of Việt Nam unless it says otherwise; now, if that cannot be read."""
    try:
        moment = datetime.fromisoformat((text or "").strip())
        return moment if moment.tzinfo else moment.replace(tzinfo=CITY_ZONE)
    except ValueError:
        return city_now()
