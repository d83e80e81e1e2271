"""The stand-in of the partner bank: it pays out what the city asks, and people transfer to the city from it.

Transfers out are signed HTTP and JSON (see `wallet/gateways/partner_bank.py`; the signature is checked by code of its
own). How one ends is said by the last four digits of the account that it goes to; all others are paid at once:

    0001  refused: there is no such account
    0002  no answer, and paid
    0003  no answer, and refused, as an inquiry tells
    0004  being processed; paid at the third inquiry
    0005  paid after ten seconds: later than anybody waits
    0006  lost on the way the first time: the bank has never heard of it

A fast transfer of 500 million and more is refused; one by the interbank route is being processed, and paid at the
third inquiry.

Of what people transfer to the city from this bank (a form at `/bank`, or `POST /bank/customers/transfer`) the city is
told by webhook, as SePay and Casso do it. What it did not answer, or with an error of its own (5xx), it is told again
a few times, as SePay does over five hours: here over seconds."""

import asyncio
import csv
import hmac
import io
from collections.abc import Coroutine, Mapping
from datetime import date, datetime
from hashlib import sha256
from html import escape
from itertools import count
from json import dumps
from typing import Annotated, Any, Literal

import httpx
import msgspec
from litestar import MediaType, Request, Response, Router, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, UnsetType

from app.clock import CITY_ZONE, city_now
from app.sandbox import pages
from app.sandbox.behaviour import Behaviour, Trouble, trouble

SKEW_S = 300
SLOW_S = 10.0
DELAY_S = 2.0
TELL_AGAIN_AFTER_S = (1.0, 2.0, 4.0)
MOST_LINES = 10_000
HERE_BIN = "970436"
FAST_MOST = 499_999_999

Asked = Request[Any, Any, Any]
Mischief = Literal[Trouble, "duplicate", "reorder", "delay", "wrong_amount", "bad_signature", "silence"]
Via = Literal["sepay", "casso", "both"]
Ending = Literal["processing", "done", "refused"]
Webhook = tuple[str, Mapping[str, str], bytes]
"""Where to, its headers and its body."""
Line = Annotated[str, Meta(max_length=200)]


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """What the city asks to be paid."""

    amount: Annotated[int, Meta(ge=1, le=10**12)]
    bank_bin: Annotated[str, Meta(pattern=r"^[0-9]{6}$")]
    account_number: Annotated[str, Meta(pattern=r"^[0-9A-Z]{4,24}$")]
    account_name: Annotated[str, Meta(pattern=r"^[ -~]{1,70}$")]
    content: Annotated[str, Meta(pattern=r"^[ -~]{0,100}$")]
    route: Literal["fast", "interbank"]


class Transfer(msgspec.Struct):
    """A transfer that the city asked for. `answers`: how often it was asked what became of it."""

    order: Order
    reference: str
    ending: Ending
    reason: str | None = None
    answers: int = 0


class CustomerTransfer(msgspec.Struct, forbid_unknown_fields=True):
    """Somebody transfers money from this bank to an account of the city's: its own, or a shop's virtual one."""

    account_number: Annotated[str, Meta(pattern=r"^[0-9A-Z]{4,24}$")]
    amount: Annotated[int, Meta(ge=1, le=10**12)]
    content: Line = ""
    sender_name: Line = "TON THAT HUONG"
    sender_account: Annotated[str, Meta(pattern=r"^[0-9A-Z]{4,24}$")] = "1002003004"
    sender_bin: Annotated[str, Meta(pattern=r"^[0-9]{6}$")] = HERE_BIN
    via: Via = "sepay"


class MisbehaveAtBank(msgspec.Struct, forbid_unknown_fields=True):
    """What goes wrong next, where and how often; and where the city is, for the webhooks."""

    next: Mischief | UnsetType = UNSET
    at: Literal["transfer", "inquiry", "webhook"] = "transfer"
    times: Annotated[int, Meta(ge=0, le=1000)] = 1
    city_url: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET


class StatementLine(msgspec.Struct):
    """A line of the day's file. `side`: `out` of the city's account, or `in`."""

    reference: str
    side: Literal["in", "out"]
    amount: int
    account_number: str
    content: str
    occurred_at: datetime


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """What this bank and those who tell of its transfers share with the city."""

    key_id: str
    secret: str
    sepay_key: str
    casso_secret: str
    account: str


class Bank:
    """The bank's books: transfers by their ids, the day's lines, and how it shall misbehave."""

    def __init__(self, keys: Keys, city_url: str) -> None:
        self.keys = keys
        self.city_url = city_url
        self.behaviour = Behaviour()
        self.transfers: dict[str, Transfer] = {}
        self.dropped: set[str] = set()
        self.nonces: dict[str, int] = {}
        self.lines: list[StatementLine] = []
        self.numbers = count(1)
        self.held_back: CustomerNotice | None = None
        self.later: set[asyncio.Task[Any]] = set()

    def write(self, side: Literal["in", "out"], amount: int, account_number: str, content: str) -> StatementLine:
        """A line of the statement; the oldest make room."""
        line = StatementLine(f"FT{next(self.numbers):012}", side, amount, account_number, content, city_now())
        self.lines = [*self.lines[-MOST_LINES:], line]
        return line


def _bank(request: Asked) -> Bank:
    return request.app.state.bank


# Money out


@put("/bank/transfers/{transfer_id:str}")
async def put_transfer(request: Asked, transfer_id: FromPath[str]) -> Response[Any]:
    """The city asks to pay; the same again is the same."""
    bank, body = _bank(request), await request.body()
    if why := _fault(bank, request, body):
        return Response({"error": why}, status_code=401)
    if answer := await trouble(bank.behaviour.take("transfer")):
        return answer
    try:
        order = msgspec.json.decode(body, type=Order)
    except msgspec.DecodeError as mistake:
        return Response({"error": str(mistake)}, status_code=422)
    known = bank.transfers.get(transfer_id)
    if known is not None:
        return _told(known) if known.order == order else Response({"error": "another transfer"}, status_code=409)
    return await _paid_as_its_number_says(bank, transfer_id, order)


async def _paid_as_its_number_says(bank: Bank, transfer_id: str, order: Order) -> Response[Any]:
    if order.route == "fast" and order.amount > FAST_MOST:
        return _told(_decide(bank, transfer_id, order, "refused", "amount_too_large"))
    match order.account_number[-4:]:
        case "0001":
            return _told(_decide(bank, transfer_id, order, "refused", "account_unknown"))
        case "0002":
            _decide(bank, transfer_id, order, "done")
            return _no_answer()
        case "0003":
            _decide(bank, transfer_id, order, "refused", "account_closed")
            return _no_answer()
        case "0004":
            return _told(_decide(bank, transfer_id, order, "processing"))
        case "0005":
            await asyncio.sleep(SLOW_S)
            return _told(bank.transfers.get(transfer_id) or _decide(bank, transfer_id, order, "done"))
        case "0006" if transfer_id not in bank.dropped:
            bank.dropped.add(transfer_id)
            return _no_answer()
        case _ if order.route == "interbank":
            return _told(_decide(bank, transfer_id, order, "processing"))
        case _:
            return _told(_decide(bank, transfer_id, order, "done"))


def _decide(bank: Bank, transfer_id: str, order: Order, ending: Ending, reason: str | None = None) -> Transfer:
    reference = f"REF{next(bank.numbers):012}"
    if ending == "done":
        reference = bank.write("out", order.amount, order.account_number, order.content).reference
    transfer = bank.transfers[transfer_id] = Transfer(order, reference, ending, reason)
    return transfer


def _no_answer() -> Response[Any]:
    """What a proxy says when the bank behind it does not answer."""
    return Response("", status_code=504, media_type=MediaType.TEXT)


def _told(transfer: Transfer) -> Response[Any]:
    said = {"status": transfer.ending, "reason": transfer.reason, "reference": transfer.reference}
    return Response(said, status_code=202 if transfer.ending == "processing" else 200)


@get("/bank/transfers/{transfer_id:str}")
async def get_transfer(request: Asked, transfer_id: FromPath[str]) -> Response[Any]:
    """The city asks what became of a transfer."""
    bank = _bank(request)
    if why := _fault(bank, request, b""):
        return Response({"error": why}, status_code=401)
    if answer := await trouble(bank.behaviour.take("inquiry")):
        return answer
    transfer = bank.transfers.get(transfer_id)
    if transfer is None:
        return Response({"error": "not known"}, status_code=404)
    transfer.answers += 1
    if transfer.ending == "processing" and transfer.answers >= 3:
        order, transfer.ending = transfer.order, "done"
        transfer.reference = bank.write("out", order.amount, order.account_number, order.content).reference
    return _told(transfer)


def _fault(bank: Bank, request: Asked, body: bytes) -> str | None:
    """What is wrong with a request's signature; None: nothing, and its nonce is used up."""
    headers = request.headers
    at, nonce, shown = (headers.get(name, "") for name in ("x-timestamp", "x-nonce", "x-signature"))
    now = int(city_now().timestamp())
    if headers.get("x-key-id") != bank.keys.key_id or not at.isdecimal():
        return "key"
    if abs(now - int(at)) > SKEW_S:
        return "time"
    path = request.scope["raw_path"].decode().partition("?")[0]
    query = request.scope["query_string"].decode()
    text = "\n".join([request.method, path, query, sha256(body).hexdigest(), at, nonce])
    if not hmac.compare_digest(hmac.digest(bank.keys.secret.encode(), text.encode(), "sha256").hex(), shown):
        return "signature"
    bank.nonces = {known: since for known, since in bank.nonces.items() if since > now - 2 * SKEW_S}
    if nonce in bank.nonces:
        return "nonce"
    bank.nonces[nonce] = now
    return None


# Money in


class CustomerNotice(msgspec.Struct, frozen=True):
    """What is told of a transfer that a customer made."""

    number: int
    line: StatementLine
    transfer: CustomerTransfer


@post("/bank/customers/transfer", status_code=200)
async def transfer_as_customer(request: Asked, data: JSONBody[CustomerTransfer]) -> Response[Any]:
    """Transfer money to the city as somebody with an account here would; the city is told. What it answered."""
    reference, statuses = await _transfer(_bank(request), data)
    return Response({"reference": reference, "statuses": statuses})


async def _transfer(bank: Bank, data: CustomerTransfer) -> tuple[str, list[int]]:
    """The reference, and what the city answered each notice (0: nothing)."""
    line = bank.write("in", data.amount, data.account_number, data.content)
    notice = CustomerNotice(next(bank.numbers), line, data)
    match bank.behaviour.take("webhook"):
        case "silence":
            statuses = []
        case "delay":
            _later(bank, _tell_delayed(bank, notice))
            statuses = []
        case "reorder":
            bank.held_back = notice
            statuses = []
        case "duplicate":
            first, second = await asyncio.gather(_tell(bank, notice), _tell(bank, notice))
            statuses = first + second
        case "wrong_amount":
            statuses = await _tell(bank, notice, more=1000)
        case "bad_signature":
            statuses = await _tell(bank, notice, forged=True)
        case _:
            statuses = await _tell(bank, notice)
    before = bank.held_back
    if before is not None and before is not notice:
        bank.held_back = None
        statuses += await _tell(bank, before)
    return line.reference, statuses


def _later(bank: Bank, work: Coroutine[Any, Any, object]) -> None:
    task = asyncio.create_task(work)
    bank.later.add(task)
    task.add_done_callback(bank.later.discard)


async def _tell_delayed(bank: Bank, notice: CustomerNotice) -> None:
    await asyncio.sleep(DELAY_S)
    await _tell(bank, notice)


async def _tell(bank: Bank, notice: CustomerNotice, *, more: int = 0, forged: bool = False) -> list[int]:
    """What the city answered at once; what it did not take is told again later."""
    told: list[int] = []
    if notice.transfer.via in {"sepay", "both"}:
        told.append(await _tell_once(bank, _as_sepay(bank, notice, more, forged)))
    if notice.transfer.via in {"casso", "both"}:
        told.append(await _tell_once(bank, _as_casso(bank, notice, more, forged)))
    return told


async def _tell_once(bank: Bank, webhook: Webhook) -> int:
    status = await _post(*webhook)
    if _is_to_be_told_again(status):
        _later(bank, _tell_again(webhook))
    return status


async def _tell_again(webhook: Webhook) -> None:
    for wait_s in TELL_AGAIN_AFTER_S:
        await asyncio.sleep(wait_s)
        if not _is_to_be_told_again(await _post(*webhook)):
            return


def _is_to_be_told_again(status: int) -> bool:
    return status == 0 or status >= 500


async def _post(url: str, headers: Mapping[str, str], body: bytes) -> int:
    try:
        async with httpx.AsyncClient(verify=False, timeout=10) as client:  # noqa: S501 - the city is on this machine
            answer = await client.post(url, headers={"content-type": "application/json", **headers}, content=body)
    except httpx.HTTPError:
        return 0
    return answer.status_code


def _as_sepay(bank: Bank, notice: CustomerNotice, more: int, forged: bool) -> Webhook:
    """SePay's webhook: what happened, and a key that we agreed on."""
    line, transfer, here = notice.line, notice.transfer, notice.line.occurred_at.astimezone(CITY_ZONE)
    body = {
        "id": notice.number,
        "gateway": "Vietcombank",
        "transactionDate": f"{here:%Y-%m-%d %H:%M:%S}",
        "accountNumber": bank.keys.account,
        "code": None,
        "content": line.content,
        "transferType": "in",
        "transferAmount": line.amount + more,
        "accumulated": 0,
        "subAccount": None if transfer.account_number == bank.keys.account else transfer.account_number,
        "referenceCode": line.reference,
        "description": f"{transfer.sender_name} chuyen tien {line.content}",
    }
    key = "forged" if forged else bank.keys.sepay_key
    url = f"{bank.city_url}/v1/gateways/bank-transfers/sepay"
    return url, {"authorization": f"Apikey {key}"}, dumps(body).encode()


def _as_casso(bank: Bank, notice: CustomerNotice, more: int, forged: bool) -> Webhook:
    """Casso's webhook, version 2: signed over the moment and the body with its keys in order."""
    line, transfer, here = notice.line, notice.transfer, notice.line.occurred_at.astimezone(CITY_ZONE)
    virtual = None if transfer.account_number == bank.keys.account else transfer.account_number
    body = {
        "error": 0,
        "data": {
            "id": notice.number,
            "reference": line.reference,
            "description": line.content,
            "amount": line.amount + more,
            "runningBalance": 0,
            "transactionDateTime": f"{here:%Y-%m-%d %H:%M:%S}",
            "accountNumber": bank.keys.account,
            "bankName": "Vietcombank",
            "bankAbbreviation": "VCB",
            "virtualAccountNumber": virtual,
            "virtualAccountName": None,
            "counterAccountName": transfer.sender_name,
            "counterAccountNumber": transfer.sender_account,
            "counterAccountBankId": transfer.sender_bin,
            "counterAccountBankName": None,
        },
    }
    at_ms = int(city_now().timestamp() * 1000)
    text = f"{at_ms}.{dumps(body, sort_keys=True, separators=(',', ':'), ensure_ascii=False)}"
    secret = "forged" if forged else bank.keys.casso_secret
    signature = hmac.digest(secret.encode(), text.encode(), "sha512").hex()
    url = f"{bank.city_url}/v1/gateways/bank-transfers/casso"
    return url, {"x-casso-signature": f"t={at_ms},v1={signature}"}, dumps(body, ensure_ascii=False).encode()


# The day's file


@get("/bank/statement.csv")
async def get_statement(request: Asked) -> Response[str]:
    """The lines of a day (`?on=2026-11-24`), or all, as the bank's own file has them."""
    on = request.query_params.get("on")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["reference", "side", "amount", "account_number", "content", "occurred_at"])
    for line in _bank(request).lines:
        here = line.occurred_at.astimezone(CITY_ZONE)
        if on is None or here.date() == date.fromisoformat(on):
            said = f"{here:%Y-%m-%d %H:%M:%S}"
            writer.writerow([line.reference, line.side, line.amount, line.account_number, line.content, said])
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8")


# By hand


@get("/bank")
async def show_form(request: Asked) -> Response[str]:
    """Transfer by hand; a QR's text fills the form."""
    read = _read_vietqr(request.query_params.get("qr", "").strip())
    return pages.page(
        "Ngân hàng đóng thế",
        "Stand-in of a bank",
        pages.heading("Dán nội dung mã VietQR", "Paste what a VietQR says")
        + '<form method="get">'
        + _field("qr", "Nội dung mã", "Text of the QR", "")
        + _button("Đọc", "Read")
        + "</form>"
        + pages.heading("Chuyển tiền", "Transfer")
        + '<form method="post">'
        + _field(
            "account_number", "Số tài khoản", "Account number", read.get("account") or _bank(request).keys.account
        )
        + _field("amount", "Số tiền (đồng)", "Amount in đồng", read.get("amount", ""))
        + _field("content", "Nội dung", "Content", read.get("purpose", ""))
        + _field("sender_name", "Người chuyển", "Sender", "TON THAT HUONG")
        + _button("Chuyển", "Transfer")
        + "</form>",
    )


def _field(name: str, vi: str, en: str, value: str) -> str:
    label = f'<label for="{name}">{vi} <span lang="en" class="small">{en}</span></label>'
    return f'{label}<input id="{name}" name="{name}" value="{escape(value)}" required>'


def _button(vi: str, en: str) -> str:
    return f'<button>{vi} <span lang="en" class="small">{en}</span></button>'


@post("/bank", status_code=200)
async def transfer_by_hand(request: Asked) -> Response[str]:
    """A button of the form was pressed."""
    form = {name: str(value).strip() for name, value in (await request.form()).items()}
    try:
        wanted = msgspec.convert(
            {**form, "amount": form.get("amount", "").replace(".", "")}, CustomerTransfer, strict=False
        )
    except msgspec.ValidationError as mistake:
        return pages.page("Chưa chuyển được", "Not transferred", pages.said("Hãy xem lại.", str(mistake)), status=400)
    reference, statuses = await _transfer(_bank(request), wanted)
    heard = ", ".join(map(str, statuses)) or "–"
    words = (
        f"Mã giao dịch {reference}; thành phố trả lời {heard}.",
        f"Reference {reference}; the city said {heard}.",
    )
    return pages.page("Đã chuyển", "Transferred", pages.said(*words))


def _read_vietqr(text: str) -> dict[str, str]:
    """Account, amount and purpose of a VietQR, as any bank's app reads them: tag, length, value."""
    root = _fields(text)
    napas = _fields(root.get("38", ""))
    found = {
        "account": _fields(napas.get("01", "")).get("01", ""),
        "amount": root.get("54", ""),
        "purpose": _fields(root.get("62", "")).get("08", ""),
    }
    return {name: value for name, value in found.items() if value}


def _fields(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    while len(text) >= 4 and text[:4].isdecimal():
        length = int(text[2:4])
        found[text[:2]] = text[4 : 4 + length]
        text = text[4 + length :]
    return found


@put("/bank/behaviour", status_code=204)
async def misbehave_at_bank(request: Asked, data: JSONBody[MisbehaveAtBank]) -> None:
    """What shall go wrong next, and where the city is."""
    bank = _bank(request)
    if data.next is not UNSET:
        bank.behaviour.tell(data.next, data.at, data.times)
    if data.city_url is not UNSET:
        bank.city_url = data.city_url.rstrip("/")


router = Router(
    "/",
    route_handlers=[
        put_transfer, get_transfer, transfer_as_customer, get_statement, show_form, transfer_by_hand,
        misbehave_at_bank,
    ],
)  # fmt: skip
