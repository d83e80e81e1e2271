"""The stand-in of the gateway of text messages, below `/texts`, and of the phones behind it.

It speaks what `app/texts` tells, and checks and makes signatures by code of its own. A reference is taken once. What
phones got is at `GET /texts`, newest first: as JSON for programs, as a page for people; who has a number outside the
sandbox's range is masked. `POST /texts/messages/{reference}/reports` tells the city how a text went, as often, as
late and in whatever order is wished. Told to misbehave, it is down, slow, busy, answers nonsense, takes no such
number, refuses, or takes a text and does not answer."""

import asyncio
import hmac
from base64 import b64encode
from datetime import datetime, timedelta
from hashlib import sha256
from html import escape
from itertools import count
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import msgspec
from litestar import Request, Response, Router, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from app.clock import CITY_ZONE, city_now
from app.sandbox import pages
from app.sandbox.behaviour import SLOW_S, Behaviour, Trouble, tell_city, trouble
from app.types import SANDBOX_PHONES, masked_phone

SKEW_S = 300
MOST_TEXTS = 10_000
MOST_SHOWN = 200

Asked = Request[Any, Any, Any]
Mischief = Literal[Trouble, "busy", "garbage", "silence", "late", "unknown_sender", "invalid_number", "blocked"]
Channel = Literal["zns", "sms"]
ReportState = Literal["sent", "expired", "failed", "delivered"]


class MisbehaveAtTexts(msgspec.Struct, forbid_unknown_fields=True):
    """What goes wrong next, and how often. `busy`: 429, with `retry_after_s`; `silence`: taken,
    not answered; `late`: taken at once, answered after long."""

    next: Mischief
    times: Annotated[int, Meta(ge=0, le=100_000)] = 1
    retry_after_s: Annotated[int, Meta(ge=0, le=86_400)] = 1


class ReportText(msgspec.Struct, forbid_unknown_fields=True):
    """How a text went, told `times` times; `late_s`: that is so long ago. `city_url`: where, if the city listens
    elsewhere than its settings say."""

    state: ReportState
    channel: Channel = "sms"
    why: Annotated[str, Meta(max_length=100)] = ""
    times: Annotated[int, Meta(ge=0, le=5)] = 1
    late_s: Annotated[int, Meta(ge=0, le=10**7)] = 0
    city_url: Annotated[str, Meta(max_length=200)] | None = None


class ByChannel(msgspec.Struct, frozen=True):
    """A way to the phone, as it is asked for."""

    by: Channel
    words: str = ""
    brand: str = ""
    segments: int = 0
    template: str = ""
    fields: dict[str, str] = {}


class Wanted(msgspec.Struct, frozen=True):
    """A text as the city asks for it."""

    reference: UUID
    to: Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{7,14}$(?!\n)")]
    kind: str
    expires_at: Annotated[datetime, Meta(tz=True)]
    channels: Annotated[list[ByChannel], Meta(min_length=1, max_length=2)]


class Got(msgspec.Struct):
    """A text that was taken."""

    wanted: Wanted
    message_id: str
    at: datetime
    asked: int = 1


class Phones:
    """The gateway's books: what phones got, and how the city is told."""

    def __init__(self, key: str, city_url: str) -> None:
        self.key = key
        self.city_url = city_url
        self.behaviour = Behaviour()
        self.retry_after_s = 1
        self.texts: dict[UUID, Got] = {}
        self.numbers = count(1)

    def take(self, wanted: Wanted) -> Got:
        """Take a text; one that is there already is not sent twice."""
        while len(self.texts) >= MOST_TEXTS:
            self.texts.pop(next(iter(self.texts)))
        if got := self.texts.get(wanted.reference):
            got.asked += 1
            return got
        return self.texts.setdefault(wanted.reference, Got(wanted, f"vn-{next(self.numbers):08}", city_now()))

    def signed(self, message_id: str, at: str, body: bytes) -> str:
        """Standard Webhooks 1.0."""
        text = f"{message_id}.{at}.".encode() + body
        return f"v1,{b64encode(hmac.new(self.key.encode(), text, sha256).digest()).decode()}"

    def is_the_citys(self, request: Asked, body: bytes) -> bool:
        """Has the city sent this just now?"""
        at, message_id = request.headers.get("webhook-timestamp", ""), request.headers.get("webhook-id", "")
        if not at.isdecimal() or abs(int(at) - city_now().timestamp()) > SKEW_S:
            return False
        shown = request.headers.get("webhook-signature", "")
        return hmac.compare_digest(self.signed(message_id, at, body), shown)


def _phones(request: Asked) -> Phones:
    return request.app.state.phones


async def _in_trouble(phones: Phones, mischief: str | None) -> Response[Any] | None:
    match mischief:
        case "busy":
            after = {"retry-after": str(phones.retry_after_s)}
            return Response({"error": "busy"}, status_code=429, headers=after)
        case "garbage":
            return Response({"message_id": 7}, status_code=200)
        case "unknown_sender":
            return Response({"error": "unknown_sender"}, status_code=403)
        case "invalid_number" | "blocked":
            return Response({"error": mischief}, status_code=422)
        case _:
            return await trouble(mischief)


@put("/texts/messages/{reference:uuid}")
async def take_text(request: Asked, reference: FromPath[UUID]) -> Response[Any]:
    """The city has a text for a phone; the same again is the same."""
    phones, body = _phones(request), await request.body()
    if not phones.is_the_citys(request, body):
        return Response({"error": "signature"}, status_code=401)
    mischief = phones.behaviour.take("send")
    if answer := await _in_trouble(phones, mischief):
        return answer
    try:
        wanted = msgspec.json.decode(body, type=Wanted)
    except msgspec.DecodeError as mistake:
        return Response({"error": f"malformed: {mistake}"[:100]}, status_code=422)
    if wanted.reference != reference:
        return Response({"error": "reference"}, status_code=422)
    if wanted.expires_at <= city_now():
        return Response({"error": "expired"}, status_code=422)
    got = phones.take(wanted)
    if got.wanted != wanted:
        return Response({"error": "another text has this reference"}, status_code=409)
    if mischief == "late":
        await asyncio.sleep(SLOW_S)
    if mischief == "silence":
        return Response({"error": "later"}, status_code=503)
    return Response({"message_id": got.message_id}, status_code=202)


@post("/texts/messages/{reference:uuid}/reports", status_code=200)
async def report_text(request: Asked, reference: FromPath[UUID], data: JSONBody[ReportText]) -> Response[Any]:
    """For whoever plays the carrier: so it went. Answers what was sent, and how the city answered each time."""
    phones = _phones(request)
    told = {
        "reference": reference,
        "state": data.state,
        "channel": data.channel,
        "at": city_now() - timedelta(seconds=data.late_s),
        "why": data.why,
    }
    body, at, message_id = msgspec.json.encode(told), str(int(city_now().timestamp())), str(uuid4())
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": at,
        "webhook-signature": phones.signed(message_id, at, body),
    }
    url = data.city_url or phones.city_url
    statuses = await asyncio.gather(*(tell_city(url, headers, body) for _ in range(data.times)))
    return Response({"headers": headers, "body": body.decode(), "answered": statuses}, status_code=200)


@get("/texts")
async def show_texts(request: Asked) -> Response[Any]:
    """What phones got, newest first: JSON, or a page for whoever wants HTML. `?to=` asks for one phone's."""
    to = request.query_params.get("to")
    texts = [got for got in reversed(_phones(request).texts.values()) if to in {None, got.wanted.to}][:MOST_SHOWN]
    if "text/html" in request.headers.get("accept", ""):
        return _page(texts)
    return Response({"texts": [_shown(got) for got in texts]})


def _shown(got: Got) -> dict[str, Any]:
    first, sms = got.wanted.channels[0], got.wanted.channels[-1]
    return {
        "reference": got.wanted.reference,
        "to": _number(got.wanted.to),
        "kind": got.wanted.kind,
        "by": first.by,
        "fields": first.fields,
        "brand": sms.brand,
        "words": sms.words,
        "segments": sms.segments,
        "at": got.at,
        "expires_at": got.wanted.expires_at,
        "asked": got.asked,
    }


def _number(e164: str) -> str:
    return e164 if e164.startswith(SANDBOX_PHONES) else masked_phone(e164)


def _page(texts: list[Got]) -> Response[str]:
    none = pages.said("Chưa có tin nhắn nào.", "No text has come yet.")
    return pages.page("Tin nhắn đã đến điện thoại", "Texts that phones got", "".join(map(_item, texts)) or none)


def _item(got: Got) -> str:
    shown = _shown(got)
    words = escape(shown["words"]).replace("\n", "<br>")
    return (
        f"<article><h2>{escape(shown['brand'])} → {escape(shown['to'])}</h2><p>{words}</p>"
        f'<p class="small">{got.at.astimezone(CITY_ZONE):%H:%M:%S %d/%m/%Y} · {escape(shown["by"].upper())} · '
        f"{shown['segments']} SMS</p></article>"
    )


@put("/texts/behaviour", status_code=204)
async def misbehave_at_texts(request: Asked, data: JSONBody[MisbehaveAtTexts]) -> None:
    """What shall go wrong next."""
    phones = _phones(request)
    phones.retry_after_s = data.retry_after_s
    phones.behaviour.tell(data.next, "send", data.times)


router = Router("/", route_handlers=[take_text, report_text, show_texts, misbehave_at_texts])
