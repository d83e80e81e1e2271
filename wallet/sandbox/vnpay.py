"""The stand-in of the payment gateway VNPAY, version 2.1.0: the page on which people pay, the notice (IPN) that the
city hears, the way back to the city's page, and the answers to inquiries (`querydr`).

It signs and verifies by code of its own, which encodes byte by byte as browsers do. A notice that the city does not
take (anything but 00 or 02) is sent again, for a while. Without hands: `…/vpcpay.html?…&auto=pay`, or `fail`,
`cancel`, `suspect`."""

import asyncio
import hmac
from collections.abc import Mapping
from datetime import datetime
from html import escape
from itertools import count
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

import httpx
import msgspec
from litestar import Request, Response, Router, get, post, put
from litestar.params import FromPath, JSONBody
from litestar.response import Redirect
from msgspec import UNSET, Meta, UnsetType

from app.clock import CITY_ZONE, city_now
from app.errors import NotFound
from app.sandbox import pages
from app.sandbox.behaviour import Behaviour, Trouble, trouble
from app.types import grouped

LATE_S = 2.0
AGAIN_AFTER_S = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
MOST_PAYMENTS = 10_000

Asked = Request[Any, Any, Any]
Mischief = Literal[Trouble, "duplicate", "late", "wrong_amount", "bad_signature", "silence", "reorder", "suspect"]

_LEFT_ALONE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-._"
"""WHATWG URL, application/x-www-form-urlencoded percent-encode set: what is not in it stays."""

_ENDS: dict[str, tuple[str, str]] = {
    "pay": ("00", "00"),
    "fail": ("51", "02"),
    "cancel": ("24", "02"),
    "suspect": ("07", "07"),
}
"""Response code and status of the transaction, by what was answered on the page."""


class MisbehaveAtGateway(msgspec.Struct, forbid_unknown_fields=True):
    """What goes wrong next, where and how often; and where the city is, for the notices."""

    next: Mischief | UnsetType = UNSET
    at: Literal["ipn", "query"] = "ipn"
    times: Annotated[int, Meta(ge=0, le=1000)] = 1
    ipn_url: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET


class Payment(msgspec.Struct):
    """A payment that somebody opened the page for. `answers`: what the city said to each notice of it, in order; an
    empty text is none."""

    reference: str
    amount: str
    order_info: str
    return_url: str
    number: str
    code: str = ""
    status: str = "01"
    paid_at: str = ""
    answers: list[str] = []


class Gateway:
    """The gateway's books, and how it shall misbehave."""

    def __init__(self, terminal: str, secret: str, ipn_url: str) -> None:
        self.terminal = terminal
        self.secret = secret
        self.ipn_url = ipn_url
        self.behaviour = Behaviour()
        self.payments: dict[str, Payment] = {}
        self.asked: dict[str, None] = {}
        self.numbers = count(14_000_001)
        self.later: set[asyncio.Task[Any]] = set()

    def open(self, values: Mapping[str, str]) -> Payment:
        """The payment that a pay address asks for; the oldest are forgotten when there are too many."""
        reference = values["vnp_TxnRef"]
        if reference not in self.payments:
            while len(self.payments) >= MOST_PAYMENTS:
                self.payments.pop(next(iter(self.payments)))
            number = str(next(self.numbers))
            order_info, return_url = values["vnp_OrderInfo"], values["vnp_ReturnUrl"]
            self.payments[reference] = Payment(reference, values["vnp_Amount"], order_info, return_url, number)
        return self.payments[reference]


def _gateway(request: Asked) -> Gateway:
    return request.app.state.vnpay


# Signing


def _encoded(text: str) -> str:
    return "".join(
        chr(byte) if byte in _LEFT_ALONE else "+" if byte == 0x20 else f"%{byte:02X}" for byte in text.encode()
    )


def _query(values: Mapping[str, str]) -> str:
    kept = {key: value for key, value in values.items() if value != "" and not key.startswith("vnp_SecureHash")}
    return "&".join(f"{_encoded(key)}={_encoded(kept[key])}" for key in sorted(kept))


def _hash(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), "sha512").hexdigest()


def _signed(secret: str, values: Mapping[str, str]) -> str:
    return f"{_query(values)}&vnp_SecureHash={_hash(secret, _query(values))}"


def _moment(at: datetime) -> str:
    return at.astimezone(CITY_ZONE).strftime("%Y%m%d%H%M%S")


# The page


@get("/vnpay/paymentv2/vpcpay.html")
async def ask_to_pay(request: Asked) -> Response[Any]:
    """The page on which somebody pays."""
    gateway, values = _gateway(request), _values(request)
    if wrong := _fault(gateway, values):
        return _error_page(*wrong)
    payment = gateway.open(values)
    answer = request.query_params.get("auto", "")
    return await _decide(gateway, payment, answer) if answer in _ENDS else _choice(payment)


@post("/vnpay/paymentv2/vpcpay.html")
async def answer_page(request: Asked) -> Response[Any]:
    """A button of the page was pressed."""
    gateway, values = _gateway(request), _values(request)
    if wrong := _fault(gateway, values):
        return _error_page(*wrong)
    answer = str((await request.form()).get("answer") or "")
    payment = gateway.open(values)
    return await _decide(gateway, payment, answer) if answer in _ENDS else _choice(payment)


def _values(request: Asked) -> dict[str, str]:
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return {key: value for key, value in pairs if key.startswith("vnp_")}


_NEEDED = (
    "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_Amount", "vnp_CreateDate", "vnp_ExpireDate", "vnp_CurrCode",
    "vnp_IpAddr", "vnp_Locale", "vnp_OrderInfo", "vnp_OrderType", "vnp_ReturnUrl", "vnp_TxnRef",
)  # fmt: skip


def _fault(gateway: Gateway, values: Mapping[str, str]) -> tuple[str, str] | None:
    """What is wrong with a pay address, as the gateway's own error page says it."""
    if not hmac.compare_digest(
        _hash(gateway.secret, _query(values)).encode(), values.get("vnp_SecureHash", "").lower().encode()
    ):
        return "Sai chữ ký (70).", "Wrong signature (70)."
    if [name for name in _NEEDED if not values.get(name)]:
        return "Dữ liệu gửi sang không đúng định dạng (03).", "The request is malformed (03)."
    if values["vnp_TmnCode"] != gateway.terminal:
        return "Không tìm thấy website (72).", "No such terminal (72)."
    if values["vnp_ExpireDate"] <= _moment(city_now()):
        return "Giao dịch đã quá thời gian chờ thanh toán (15).", "The time to pay is over (15)."
    return None


def _error_page(vi: str, en: str) -> Response[str]:
    return pages.page("Không thể thanh toán", "This cannot be paid", pages.said(vi, en), status=400)


def _choice(payment: Payment) -> Response[str]:
    amount = f"{grouped(int(payment.amount) // 100)} ₫"
    answers = [
        ("pay", "Thanh toán", "Pay"),
        ("fail", "Thất bại: không đủ số dư", "Fail: not enough money"),
        ("cancel", "Hủy", "Cancel"),
        ("suspect", "Trả, nhưng bị nghi gian lận", "Pay, but under suspicion"),
    ]
    return pages.page(
        "Cổng thanh toán VNPAY (đóng thế)",
        "Stand-in of the VNPAY gateway",
        f"<h2>{amount}</h2><p>{escape(payment.order_info)}</p>" + pages.choices("answer", answers),
    )


async def _decide(gateway: Gateway, payment: Payment, answer: str) -> Redirect:
    """What was decided stays so; the city hears of it before the browser is back there, or not."""
    if payment.status == "01":
        mischief = gateway.behaviour.take("ipn")
        payment.code, payment.status = _ENDS["suspect" if mischief == "suspect" else answer]
        payment.paid_at = _moment(city_now())
        await _tell(gateway, payment, mischief)
    back = _signed(gateway.secret, _notice(gateway, payment))
    return Redirect(f"{payment.return_url}?{back}", status_code=303)


def _notice(gateway: Gateway, payment: Payment) -> dict[str, str]:
    """What an IPN and the way back say of a payment."""
    paid = payment.status in {"00", "07"}
    return {
        "vnp_Amount": payment.amount,
        "vnp_BankCode": "NCB",
        "vnp_BankTranNo": f"VNP{payment.number}" if paid else "",
        "vnp_CardType": "ATM",
        "vnp_OrderInfo": payment.order_info,
        "vnp_PayDate": payment.paid_at,
        "vnp_ResponseCode": payment.code,
        "vnp_TmnCode": gateway.terminal,
        "vnp_TransactionNo": payment.number if paid else "0",
        "vnp_TransactionStatus": payment.status,
        "vnp_TxnRef": payment.reference,
    }


# The notice


async def _tell(gateway: Gateway, payment: Payment, mischief: str | None) -> None:
    notice = _notice(gateway, payment)
    true = _signed(gateway.secret, notice)
    match mischief:
        case "silence":
            pass
        case "late":
            _afterwards(gateway, LATE_S, payment, true)
        case "duplicate":
            await asyncio.gather(*(_send(gateway, payment, true) for _ in range(2)))
        case "reorder":
            failed = notice | {"vnp_ResponseCode": "51", "vnp_TransactionStatus": "02", "vnp_TransactionNo": "0"}
            await _send(gateway, payment, _signed(gateway.secret, failed))
            await _send(gateway, payment, true)
        case "wrong_amount":
            more = {"vnp_Amount": str(int(payment.amount) + 100_000)}
            await _send(gateway, payment, _signed(gateway.secret, notice | more))
        case "bad_signature":
            await _send(gateway, payment, _signed("forged", notice))
        case _:
            if await _send(gateway, payment, true) not in {"00", "02"}:
                _afterwards(gateway, AGAIN_AFTER_S[0], payment, true)


async def _send(gateway: Gateway, payment: Payment, query: str) -> str:
    """One notice; the city's `RspCode`, or nothing."""
    said = ""
    try:
        async with httpx.AsyncClient(verify=False, timeout=10) as client:  # noqa: S501 - the city is on this machine
            answer = await client.get(f"{gateway.ipn_url}?{query}")
        said = str(msgspec.json.decode(answer.content, type=dict[str, Any]).get("RspCode", ""))
    except (httpx.HTTPError, msgspec.DecodeError):
        pass
    payment.answers.append(said)
    return said


def _afterwards(gateway: Gateway, wait_s: float, payment: Payment, query: str) -> None:
    """Tell it after a while, and again until the city takes it."""

    async def tell() -> None:
        for nth in (wait_s, *AGAIN_AFTER_S):
            await asyncio.sleep(nth)
            if await _send(gateway, payment, query) in {"00", "02"}:
                return

    task = asyncio.create_task(tell())
    gateway.later.add(task)
    task.add_done_callback(gateway.later.discard)


# Inquiries

_REQUEST = (
    "vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_TxnRef", "vnp_TransactionDate",
    "vnp_CreateDate", "vnp_IpAddr", "vnp_OrderInfo",
)  # fmt: skip
_ANSWER = (
    "vnp_ResponseId", "vnp_Command", "vnp_ResponseCode", "vnp_Message", "vnp_TmnCode", "vnp_TxnRef", "vnp_Amount",
    "vnp_BankCode", "vnp_PayDate", "vnp_TransactionNo", "vnp_TransactionType", "vnp_TransactionStatus",
    "vnp_OrderInfo", "vnp_PromotionCode", "vnp_PromotionAmount",
)  # fmt: skip


@post("/vnpay/merchant_webapi/api/transaction", status_code=200)
async def answer_inquiry(request: Asked) -> Response[Any]:
    """`querydr`: what became of a payment."""
    gateway = _gateway(request)
    mischief = gateway.behaviour.take("query")
    if answer := await trouble(mischief):
        return answer
    try:
        asked = msgspec.json.decode(await request.body(), type=dict[str, str])
    except msgspec.DecodeError:
        return _inquiry_answer(gateway, {"vnp_ResponseCode": "03", "vnp_Message": "Invalid format"})
    text = "|".join(asked.get(name, "") for name in _REQUEST)
    if not hmac.compare_digest(_hash(gateway.secret, text).encode(), asked.get("vnp_SecureHash", "").encode()):
        return _inquiry_answer(gateway, {"vnp_ResponseCode": "97", "vnp_Message": "Invalid signature"})
    if asked["vnp_RequestId"] in gateway.asked:
        return _inquiry_answer(gateway, {"vnp_ResponseCode": "94", "vnp_Message": "Duplicate request"})
    gateway.asked = dict(list(gateway.asked.items())[-MOST_PAYMENTS:]) | {asked["vnp_RequestId"]: None}
    payment = gateway.payments.get(asked["vnp_TxnRef"])
    if payment is None:
        return _inquiry_answer(gateway, {"vnp_ResponseCode": "91", "vnp_Message": "Transaction not found"})
    return _inquiry_answer(gateway, _state(payment, mischief), forged=mischief == "bad_signature")


def _state(payment: Payment, mischief: str | None) -> dict[str, str]:
    more = 100_000 if mischief == "wrong_amount" else 0
    return {
        "vnp_ResponseCode": "00",
        "vnp_Message": "QueryDR Success",
        "vnp_TxnRef": payment.reference,
        "vnp_Amount": str(int(payment.amount) + more),
        "vnp_BankCode": "NCB",
        "vnp_PayDate": payment.paid_at,
        "vnp_TransactionNo": payment.number,
        "vnp_TransactionType": "01",
        "vnp_TransactionStatus": payment.status,
        "vnp_OrderInfo": payment.order_info,
    }


def _inquiry_answer(gateway: Gateway, said: dict[str, str], *, forged: bool = False) -> Response[Any]:
    who = {"vnp_ResponseId": str(next(gateway.numbers)), "vnp_Command": "querydr", "vnp_TmnCode": gateway.terminal}
    values = who | said
    text = "|".join(values.get(name, "") for name in _ANSWER)
    return Response({**values, "vnp_SecureHash": _hash("forged" if forged else gateway.secret, text)})


# By hand


@get("/vnpay")
async def show_gateway() -> Response[str]:
    """What a person can try."""
    words = (
        "Mở địa chỉ `pay_url` của một lệnh nạp tiền; thêm &auto=pay, fail, cancel hoặc suspect để không cần bấm.",
        "Open the `pay_url` of a top-up; add &auto=pay, fail, cancel or suspect to press no button.",
    )
    return pages.page("Cổng thanh toán VNPAY (đóng thế)", "Stand-in of the VNPAY gateway", pages.said(*words))


@get("/vnpay/payments/{reference:str}")
async def show_payment(request: Asked, reference: FromPath[str]) -> Response[Any]:
    """A payment as the gateway has it, and what the city answered each notice."""
    payment = _gateway(request).payments.get(reference)
    if payment is None:
        raise NotFound
    return Response(msgspec.to_builtins(payment))


@put("/vnpay/behaviour", status_code=204)
async def misbehave_at_gateway(request: Asked, data: JSONBody[MisbehaveAtGateway]) -> None:
    """What shall go wrong next, and where the city hears."""
    gateway = _gateway(request)
    if data.next is not UNSET:
        gateway.behaviour.tell(data.next, data.at, data.times)
    if data.ipn_url is not UNSET:
        gateway.ipn_url = data.ipn_url


router = Router(
    "/",
    route_handlers=[
        show_gateway, ask_to_pay, answer_page, answer_inquiry, show_payment, misbehave_at_gateway,
    ],
)  # fmt: skip
