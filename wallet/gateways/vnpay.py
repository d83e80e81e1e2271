"""VNPAY's payment gateway, version 2.1.0: what is sent to it, how both sides sign, what its codes mean. Pure.

Sources: VNPAY's integration guides for `pay` (the browser's way to the gateway, the notice IPN and the way back) and
for `querydr` (what became of a payment). Amounts on the wire are đồng × 100, moments `yyyyMMddHHmmss` in Việt Nam."""

import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import parse_qsl, quote_plus
from uuid import UUID

import msgspec

from app.clock import CITY_ZONE
from app.errors import Language

VERSION = "2.1.0"
MOST_QUERY_BYTES = 8192
_HASH, _HASH_TYPE = "vnp_SecureHash", "vnp_SecureHashType"

Outcome = Literal["paid", "review", "failed", "unclear", "unknown"]
"""`review`: paid, but they suspect fraud. `unclear`: they have not finished, or contradict themselves: ask again.
`unknown`: they have never heard of it."""
Failure = Literal["cancelled", "timed_out", "insufficient", "refused"]


class NotTheirs(Exception):
    """What came was not signed by the gateway, or is nothing that it sends; the text says what is wrong with it."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that somebody shall make on the gateway's page. `amount` in đồng."""

    reference: str
    amount: int
    order_info: str
    address: str
    language: Language
    return_url: str
    made_at: datetime
    expires_at: datetime


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway says of a payment, by its own signature. `amount` in đồng; None: it is no whole number."""

    terminal: str
    reference: str
    amount: int | None
    outcome: Outcome
    failure: Failure | None
    transaction_number: str
    bank: str


# Signing


def encoded(text: str) -> str:
    """A key or a value as browsers' URLSearchParams writes it: space is `+`, of the marks only `*-._` stay."""
    return quote_plus(text, safe="*").replace("~", "%7E")


def canonical(values: Mapping[str, str]) -> str:
    """What is signed of a query: sorted by key, without empty values and without the signature itself."""
    signed = sorted((key, value) for key, value in values.items() if value and key not in (_HASH, _HASH_TYPE))
    return "&".join(f"{encoded(key)}={encoded(value)}" for key, value in signed)


def signature(secret: str, text: str) -> str:
    """HMAC-SHA512 (RFC 2104) in lower-case hex."""
    return hmac.digest(secret.encode(), text.encode(), "sha512").hex()


def signed(secret: str, values: Mapping[str, str]) -> str:
    """A whole query with its signature at the end."""
    text = canonical(values)
    return f"{text}&{_HASH}={signature(secret, text)}"


def _is_right(secret: str, text: str, shown: str) -> bool:
    """In a time that says nothing, capitals or not. Without a secret nothing is right."""
    right = signature(secret, text)
    return bool(secret) and hmac.compare_digest(right.encode(), shown.lower().encode("utf-8", "replace"))


# To the gateway


def pay_url(page: str, terminal: str, secret: str, ask: Ask) -> str:
    """The address on which a person pays; the same payment always has the same."""
    values = {
        "vnp_Version": VERSION,
        "vnp_Command": "pay",
        "vnp_TmnCode": terminal,
        "vnp_Amount": str(ask.amount * 100),
        "vnp_CreateDate": moment(ask.made_at),
        "vnp_ExpireDate": moment(ask.expires_at),
        "vnp_CurrCode": "VND",
        "vnp_IpAddr": ask.address,
        "vnp_Locale": "en" if ask.language == "en" else "vn",
        "vnp_OrderInfo": order_info(ask.order_info),
        "vnp_OrderType": "other",
        "vnp_ReturnUrl": ask.return_url,
        "vnp_TxnRef": ask.reference,
    }
    return f"{page}?{signed(secret, values)}"


def order_info(text: str) -> str:
    """Words that the gateway takes: ASCII letters, digits and `.,:_-`, 255 of them at most."""
    return re.sub(r"[^A-Za-z0-9 .,:_-]", "", text)[:255]


def moment(at: datetime) -> str:
    """`20261124153000`: as clocks in Việt Nam show it."""
    return f"{at.astimezone(CITY_ZONE):%Y%m%d%H%M%S}"


def reference_of(an_id: UUID) -> str:
    """An id as `vnp_TxnRef`: 32 letters and digits."""
    return an_id.hex


def id_of(reference: str) -> UUID | None:
    """The id that a `vnp_TxnRef` of ours stands for; None: it is none of ours."""
    return UUID(reference) if re.fullmatch(r"[0-9a-f]{32}", reference) else None


_QUERY = (
    "vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_TxnRef", "vnp_TransactionDate",
    "vnp_CreateDate", "vnp_IpAddr", "vnp_OrderInfo",
)  # fmt: skip


def query_request(
    terminal: str, secret: str, *, request_id: UUID, reference: str, made_at: datetime, now: datetime
) -> dict[str, str]:
    """The body of `querydr`; `request_id` is new each time, `made_at` the moment that the pay address says."""
    values = {
        "vnp_RequestId": request_id.hex,
        "vnp_Version": VERSION,
        "vnp_Command": "querydr",
        "vnp_TmnCode": terminal,
        "vnp_TxnRef": reference,
        "vnp_OrderInfo": f"Hoi giao dich {reference}",
        "vnp_TransactionDate": moment(made_at),
        "vnp_CreateDate": moment(now),
        "vnp_IpAddr": "127.0.0.1",
    }
    return values | {_HASH: signature(secret, "|".join(values[key] for key in _QUERY))}


# From the gateway


def read_notice(secret: str, query: bytes) -> Told:
    """What an IPN or a way back says; raises NotTheirs for anything that the gateway has not signed as it is.

    Parameters that are not the gateway's (`vnp_…`) are passed over; one of its own that is there twice is refused."""
    values = _values_of(query)
    if not _is_right(secret, canonical(values), values.get(_HASH, "")):
        raise NotTheirs("signature")
    outcome, failure = _outcome(values.get("vnp_ResponseCode", ""), values.get("vnp_TransactionStatus", ""))
    return _told(values, outcome, failure)


def _values_of(query: bytes) -> dict[str, str]:
    if len(query) > MOST_QUERY_BYTES:
        raise NotTheirs("too long")
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise NotTheirs("malformed") from None
    pairs = [(key, value) for key, value in pairs if key.startswith("vnp_")]
    values = dict(pairs)
    if len(values) < len(pairs):
        raise NotTheirs("a parameter is there twice")
    return values


_ANSWER = (
    "vnp_ResponseId", "vnp_Command", "vnp_ResponseCode", "vnp_Message", "vnp_TmnCode", "vnp_TxnRef", "vnp_Amount",
    "vnp_BankCode", "vnp_PayDate", "vnp_TransactionNo", "vnp_TransactionType", "vnp_TransactionStatus",
    "vnp_OrderInfo", "vnp_PromotionCode", "vnp_PromotionAmount",
)  # fmt: skip


def read_answer(secret: str, answer: Mapping[str, Any]) -> Told:
    """What `querydr` answered; raises NotTheirs if that is not signed, or says nothing of the payment."""
    values = {key: _text(answer.get(key)) for key in (*_ANSWER, _HASH)}
    if not _is_right(secret, "|".join(values[key] for key in _ANSWER), values[_HASH]):
        raise NotTheirs("signature")
    match values["vnp_ResponseCode"]:
        case "00":
            status = values["vnp_TransactionStatus"]
            outcome, failure = _outcome("00" if status in {"00", "01"} else status, status)
        case "91":
            outcome, failure = "unknown", None
        case code:
            raise NotTheirs(f"answered {code[:20]}")
    return _told(values, outcome, failure)


def _text(value: object) -> str:
    """Numbers are written with quotes or without."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _told(values: Mapping[str, str], outcome: Outcome, failure: Failure | None) -> Told:
    return Told(
        terminal=values.get("vnp_TmnCode", ""),
        reference=values.get("vnp_TxnRef", ""),
        amount=_dong(values.get("vnp_Amount", "")),
        outcome=outcome,
        failure=failure,
        transaction_number=values.get("vnp_TransactionNo", "")[:40],
        bank=values.get("vnp_BankCode", "")[:40],
    )


def _dong(text: str) -> int | None:
    if not re.fullmatch(r"[0-9]{1,15}", text) or int(text) % 100:
        return None
    return int(text) // 100


_FAILURES: dict[str, Failure] = {
    "24": "cancelled",
    "11": "timed_out",
    "15": "timed_out",
    "08": "timed_out",
    "51": "insufficient",
    "65": "insufficient",
}
_NO_END = {"", "00", "01"}
"""Of a transaction: nothing said, paid, not finished."""
_TAKEN_BUT_NOT_DONE = {"04", "07", "09"}
"""Of a transaction: the bank has taken the money and VNPAY has not finished; suspected of fraud; a refused refund."""
_GOING_BACK = {"05", "06"}
"""Of a transaction: its refund is under way; how that ends is not known yet."""


def _outcome(code: str, status: str) -> tuple[Outcome, Failure | None]:
    """What a response code and a transaction's status say together; only two noughts are money."""
    if (code, status) == ("00", "00"):
        return "paid", None
    if code == "07" or status in _TAKEN_BUT_NOT_DONE:
        return "review", None
    if code in _NO_END or status in _NO_END or status in _GOING_BACK:
        return "unclear", None
    return "failed", _FAILURES.get(code) or _FAILURES.get(status) or "refused"
