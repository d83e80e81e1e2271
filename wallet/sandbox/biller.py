"""The stand-in of billers with a system of their own: any number of them, below `/biller/{code}`.

It speaks what `wallet/billers/adapters.py` tells, and checks the signatures by code of its own. Each customer code
has a bill of the month, always the same; how its payment ends is said by the code's last three digits, and all others
are paid at once:

    901  paid at once
    902  refused: the customer's account there does not allow it
    903  no answer in time, and paid
    904  no answer in time, and refused, as an inquiry tells
    905  the amount was changed since the bill was fetched
    906  paid after ten seconds: later than anybody waits
    907  closed for maintenance (503) for the first two requests

A bill that it has never listed is taken over the amount that is offered, if its reference begins with its customer
code: the city may know bills from elsewhere."""

import asyncio
import csv
import hmac
import io
from calendar import monthrange
from datetime import date, datetime
from hashlib import sha256
from itertools import count
from typing import Annotated, Any, Literal
from zlib import crc32

import msgspec
from litestar import MediaType, Request, Response, Router, get, put
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta

from app.clock import CITY_ZONE, city_now, city_today
from app.sandbox import pages
from app.sandbox.behaviour import Behaviour, Trouble, trouble

KEY_ID, SECRET = "huong", "the-sandbox-keeps-no-secrets-from-billers"
SKEW_S = 300
LATE_S = 8.0
SLOW_S = 10.0
MAINTENANCE_REQUESTS = 2
MORE = 10_000
MOST_PAYMENTS = 10_000

SEEDED: dict[str, tuple[str, int]] = {
    "HW000001": ("Lê Thị Ngự Bình", 86_400),
    "HW000002": ("Trần Văn Vọng Cảnh", 124_800),
    "HW000003": ("Hồ Thị Kim Phụng", 57_600),
    "HW000004": ("Phan Văn Thiên Thai", 98_400),
    "HW000005": ("Nguyễn Thị Bạch Mã", 142_100),
}
"""Customers whom the city's seed knows too, with the same bills."""
NAMES = ("Nguyễn Thị Hương", "Tôn Thất An Cựu", "Huỳnh Văn Lương Quán", "Đặng Thị Gia Hội")

Asked = Request[Any, Any, Any]
Mischief = Literal[Trouble, "silence"]
Ending = Literal["processing", "paid", "refused"]


class MisbehaveAtBiller(msgspec.Struct, forbid_unknown_fields=True):
    """What goes wrong next, in which answer and how often. `silence`: it is done, and not answered."""

    next: Mischief
    at: Literal["bills", "payment", "inquiry"] = "payment"
    times: Annotated[int, Meta(ge=0, le=1000)] = 1


class PayBill(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What the city asks to be taken."""

    bill_reference: Annotated[str, Meta(pattern=r"^[0-9A-Za-z._/-]{1,60}$(?!\n)")]
    customer_code: Annotated[str, Meta(pattern=r"^[0-9A-Za-z._-]{1,40}$(?!\n)")]
    amount: Annotated[int, Meta(ge=1, le=10**12)]


class Payment(msgspec.Struct):
    """A payment, by the city's reference."""

    order: PayBill
    number: int
    ending: Ending
    reason: str | None
    decided_at: datetime


class Billers:
    """The books of all billers: payments by biller and reference, amounts that were changed."""

    def __init__(self) -> None:
        self.behaviour = Behaviour()
        self.payments: dict[tuple[str, str], Payment] = {}
        self.paid_bills: set[tuple[str, str]] = set()
        self.changed: set[tuple[str, str]] = set()
        self.closed_to: dict[str, int] = {}
        self.nonces: dict[str, int] = {}
        self.numbers = count(1)

    def bill(self, biller: str, customer_code: str) -> dict[str, Any]:
        """The customer's bill of this month."""
        today = city_today()
        seed = crc32(f"{biller} {customer_code} {today:%Y%m}".encode())
        name, amount = SEEDED.get(customer_code, (NAMES[seed % len(NAMES)], 40_000 + seed % 160 * 1000))
        reference = f"{customer_code}-{today:%Y%m}"
        return {
            "reference": reference,
            "customer_code": customer_code,
            "customer_name": name,
            "period": f"{today:%m/%Y}",
            "amount": amount + (MORE if (biller, reference) in self.changed else 0),
            "due_on": date(today.year, today.month, monthrange(today.year, today.month)[1]),
        }

    def decide(
        self, biller: str, reference: str, order: PayBill, ending: Ending, reason: str | None = None
    ) -> Payment:
        """How a payment ends; what is paid or refused stays so."""
        while len(self.payments) >= MOST_PAYMENTS:
            self.payments.pop(next(iter(self.payments)))
        if ending == "paid":
            self.paid_bills.add((biller, order.bill_reference))
        payment = Payment(order, next(self.numbers), ending, reason, city_now())
        self.payments[biller, reference] = payment
        return payment


def _billers(request: Asked) -> Billers:
    return request.app.state.billers


@get("/biller/{biller:str}/bills")
async def list_bills(request: Asked, biller: FromPath[str], customer_code: FromQuery[str]) -> Response[Any]:
    """What is due of a customer."""
    books = _billers(request)
    if why := _fault(books, request, b""):
        return Response({"error": why}, status_code=401)
    if answer := await trouble(books.behaviour.take("bills")):
        return answer
    bill = books.bill(biller, customer_code)
    return Response({"bills": [] if (biller, bill["reference"]) in books.paid_bills else [bill]})


@put("/biller/{biller:str}/payments/{reference:str}")
async def put_payment(request: Asked, biller: FromPath[str], reference: FromPath[str]) -> Response[Any]:
    """The city has a bill paid; the same again is the same."""
    books, body = _billers(request), await request.body()
    if why := _fault(books, request, body):
        return Response({"error": why}, status_code=401)
    mischief = books.behaviour.take("payment")
    if answer := await trouble(mischief):
        return answer
    try:
        order = msgspec.json.decode(body, type=PayBill)
    except msgspec.DecodeError as mistake:
        return Response({"error": str(mistake)}, status_code=422)
    known = books.payments.get((biller, reference))
    if known is not None:
        return _told(known) if known.order == order else Response({"error": "another payment"}, status_code=409)
    answer = await _taken(books, biller, reference, order)
    return _no_answer() if mischief == "silence" else answer


async def _taken(books: Billers, biller: str, reference: str, order: PayBill) -> Response[Any]:
    why = _against(books, biller, order)
    if why is not None:
        return _told(books.decide(biller, reference, order, "refused", why))
    match order.customer_code[-3:]:
        case "902":
            return _told(books.decide(biller, reference, order, "refused", "insufficient"))
        case "903":
            books.decide(biller, reference, order, "paid")
            await asyncio.sleep(LATE_S)
            return _no_answer()
        case "904":
            books.decide(biller, reference, order, "refused", "insufficient")
            await asyncio.sleep(LATE_S)
            return _no_answer()
        case "906":
            books.decide(biller, reference, order, "processing")
            await asyncio.sleep(SLOW_S)
            return _told(books.decide(biller, reference, order, "paid"))
        case "907" if _is_closed(books, biller, reference):
            return _maintenance()
        case _:
            return _told(books.decide(biller, reference, order, "paid"))


def _against(books: Billers, biller: str, order: PayBill) -> str | None:
    """What is wrong with a payment; None: nothing."""
    bill = books.bill(biller, order.customer_code)
    if not order.bill_reference.startswith(order.customer_code):
        return "unknown_bill"
    if (biller, order.bill_reference) in books.paid_bills:
        return "already_paid"
    if order.bill_reference != bill["reference"]:
        return None
    if order.customer_code.endswith("905"):
        books.changed.add((biller, order.bill_reference))
    return None if order.amount == books.bill(biller, order.customer_code)["amount"] else "amount_changed"


def _is_closed(books: Billers, biller: str, reference: str) -> bool:
    books.closed_to[reference] = books.closed_to.get(reference, 0) + 1
    return books.closed_to[reference] <= MAINTENANCE_REQUESTS


def _maintenance() -> Response[Any]:
    return Response("<p>Bảo trì hệ thống</p>", status_code=503, media_type=MediaType.HTML)


def _no_answer() -> Response[Any]:
    """What a proxy says when the biller behind it does not answer."""
    return Response("", status_code=504, media_type=MediaType.TEXT)


def _told(payment: Payment) -> Response[Any]:
    match payment.ending:
        case "processing":
            return Response({"status": "processing"}, status_code=202)
        case "refused":
            return Response({"status": "refused", "reason": payment.reason})
        case "paid":
            number = f"1C26THU{payment.number:08}"
            look_up_code = sha256(number.encode()).hexdigest()[:10].upper()
            invoice = {"number": number, "look_up_code": look_up_code, "url": "http://localhost/tra-cuu"}
            return Response({"status": "paid", "reference": f"BL{payment.number:010}", "e_invoice": invoice})


@get("/biller/{biller:str}/payments/{reference:str}")
async def get_payment(request: Asked, biller: FromPath[str], reference: FromPath[str]) -> Response[Any]:
    """The city asks what became of a payment."""
    books = _billers(request)
    if why := _fault(books, request, b""):
        return Response({"error": why}, status_code=401)
    if answer := await trouble(books.behaviour.take("inquiry")):
        return answer
    payment = books.payments.get((biller, reference))
    if payment is not None:
        told = _told(payment)
        return Response(told.content, status_code=200)
    if reference in books.closed_to and _is_closed(books, biller, reference):
        return _maintenance()
    return Response({"status": "unknown"}, status_code=404)


@get("/biller/{biller:str}/payments.csv", media_type="text/csv")
async def payments_file(request: Asked, biller: FromPath[str], on: FromQuery[date]) -> str:
    """The day's file to reconcile with: what was paid on a day of Huế, by the city's references."""
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(("reference", "customer_code", "amount", "paid_at"))
    for (of_biller, reference), payment in _billers(request).payments.items():
        here = payment.decided_at.astimezone(CITY_ZONE)
        if of_biller == biller and payment.ending == "paid" and here.date() == on:
            lines.writerow((reference, payment.order.customer_code, payment.order.amount, here.isoformat()))
    return out.getvalue()


@get("/biller")
async def show_billers() -> Response[str]:
    """What a person can try."""
    ends = [
        ("…901", "trả ngay", "paid at once"),
        ("…902", "đơn vị thu từ chối", "refused by the biller"),
        ("…903", "không trả lời, đã thu", "no answer, and paid"),
        ("…904", "không trả lời, không thu", "no answer, and refused"),
        ("…905", "số tiền đã đổi", "the amount was changed"),
        ("…906", "chậm mười giây", "slow by ten seconds"),
        ("…907", "đang bảo trì", "closed for maintenance"),
    ]
    return pages.page(
        "Đơn vị thu",
        "Billers",
        "".join(pages.heading(code, code) + pages.said(vi, en) for code, vi, en in ends),
    )


@put("/biller/behaviour", status_code=204)
async def misbehave_at_biller(request: Asked, data: JSONBody[MisbehaveAtBiller]) -> None:
    """What shall go wrong next."""
    _billers(request).behaviour.tell(data.next, data.at, data.times)


def _fault(books: Billers, request: Asked, body: bytes) -> str | None:
    """What is wrong with a request's signature; None: nothing, and its nonce is used up."""
    headers = request.headers
    at, nonce, shown = (headers.get(name, "") for name in ("x-timestamp", "x-nonce", "x-signature"))
    now = int(city_now().timestamp())
    if headers.get("x-key-id") != KEY_ID or not at.isdecimal():
        return "key"
    if abs(now - int(at)) > SKEW_S:
        return "time"
    path = request.scope["raw_path"].decode().partition("?")[0]
    query = request.scope["query_string"].decode()
    signed = "\n".join([request.method, path, query, sha256(body).hexdigest(), at, nonce])
    if not hmac.compare_digest(hmac.digest(SECRET.encode(), signed.encode(), "sha256").hex(), shown):
        return "signature"
    books.nonces = {known: since for known, since in books.nonces.items() if since > now - 2 * SKEW_S}
    if nonce in books.nonces:
        return "nonce"
    books.nonces[nonce] = now
    return None


router = Router(
    "/",
    route_handlers=[
        show_billers,
        list_bills,
        put_payment,
        get_payment,
        payments_file,
        misbehave_at_biller,
    ],
)
