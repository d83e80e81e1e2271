"""The stand-in of the public post, below `/post`.

It speaks what `dossiers/posting` tells, and checks and makes signatures by code of its own. A parcel that it took is
`posted` until somebody says where it is: `PUT /post/parcels/{dossier_id}/whereabouts` moves it, and the city is told,
as often and as late as is wished (no times: nobody is told). Told to misbehave, it is down, slow, answers
nonsense, does not know a parcel, or takes one and does not answer."""

import asyncio
import hmac
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Annotated, Any, Literal
from uuid import UUID

import httpx
import msgspec
from litestar import Request, Response, Router, get, put
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from app.clock import city_now
from app.sandbox.behaviour import Behaviour, Trouble, tell_city, trouble

SKEW_S = 300
PRICE = 31_000
MOST_PARCELS = 10_000

Asked = Request[Any, Any, Any]
Place = Literal["posted", "on_the_way", "returned", "delivered"]
Mischief = Literal[Trouble, "unknown", "garbage", "silence"]


class MisbehaveAtPost(msgspec.Struct, forbid_unknown_fields=True):
    """What goes wrong next, in which answer and how often. `silence`: it is done, and not answered."""

    next: Mischief
    at: Literal["pickup", "inquiry"] = "pickup"
    times: Annotated[int, Meta(ge=0, le=1000)] = 1


class MoveParcel(msgspec.Struct, forbid_unknown_fields=True):
    """Where a parcel is now. The city is told `times` times; `late_s`: it has been there for so long.

    `city_url`: where, if the city listens elsewhere than its settings say."""

    state: Place
    times: Annotated[int, Meta(ge=0, le=5)] = 1
    late_s: Annotated[int, Meta(ge=0, le=10**7)] = 0
    city_url: Annotated[str, Meta(max_length=200)] | None = None


class Fetch(msgspec.Struct, frozen=True):
    """What the city wants to have fetched."""

    reference: str
    fetched_at: str
    recipient: str
    phone: str | None
    address: str


class Sent(msgspec.Struct):
    """A parcel on its way."""

    wanted: Fetch
    tracking_number: str
    state: Place
    at: datetime


class Post:
    """The post's books, and how the city is told."""

    def __init__(self, secret: str, city_url: str) -> None:
        self.secret = secret
        self.city_url = city_url
        self.behaviour = Behaviour()
        self.parcels: dict[UUID, Sent] = {}
        self.numbers = count(1)

    def take(self, dossier_id: UUID, wanted: Fetch) -> Sent:
        """Take a parcel; one that is there already is not taken twice."""
        while len(self.parcels) >= MOST_PARCELS:
            self.parcels.pop(next(iter(self.parcels)))
        if dossier_id not in self.parcels:
            number = f"HUE{city_now():%y%m%d}{next(self.numbers):06}VN"
            self.parcels[dossier_id] = Sent(wanted, number, "posted", city_now())
        return self.parcels[dossier_id]

    def signature(self, method: str, path: str, at: str, body: bytes) -> str:
        """Method, path, time and the body's hash, line by line, under the secret."""
        text = f"{method}\n{path}\n{at}\n{sha256(body).hexdigest()}"
        return hmac.new(self.secret.encode(), text.encode(), sha256).hexdigest()

    def is_the_citys(self, request: Asked, body: bytes) -> bool:
        """Has the city sent this just now?"""
        at, shown = request.headers.get("x-post-timestamp", ""), request.headers.get("x-post-signature", "")
        if not at.isdecimal() or abs(int(at) - city_now().timestamp()) > SKEW_S:
            return False
        return hmac.compare_digest(self.signature(request.method, request.url.path, at, body), shown)


def _post(request: Asked) -> Post:
    return request.app.state.post


def _spoken(sent: Sent) -> dict[str, Any]:
    return {"tracking_number": sent.tracking_number, "state": sent.state, "at": sent.at, "price": PRICE}


async def _in_trouble(mischief: str | None) -> Response[Any] | None:
    match mischief:
        case "unknown":
            return Response({"error": "unknown"}, status_code=404)
        case "garbage":
            return Response({"tracking_number": "?", "state": 7}, status_code=200)
        case _:
            return await trouble(mischief)


@put("/post/parcels/{dossier_id:uuid}")
async def take_parcel(request: Asked, dossier_id: FromPath[UUID]) -> Response[Any]:
    """The city has a parcel to be fetched; the same again is the same."""
    post, body = _post(request), await request.body()
    if not post.is_the_citys(request, body):
        return Response({"error": "signature"}, status_code=401)
    mischief = post.behaviour.take("pickup")
    if answer := await _in_trouble(mischief):
        return answer
    try:
        wanted = msgspec.json.decode(body, type=Fetch)
    except msgspec.DecodeError as mistake:
        return Response({"error": str(mistake)}, status_code=422)
    sent = post.take(dossier_id, wanted)
    if mischief == "silence":
        return Response({"error": "later"}, status_code=503)
    return Response(_spoken(sent), status_code=200)


@get("/post/parcels/{dossier_id:uuid}")
async def find_parcel(request: Asked, dossier_id: FromPath[UUID]) -> Response[Any]:
    """Where a parcel is."""
    post = _post(request)
    if not post.is_the_citys(request, b""):
        return Response({"error": "signature"}, status_code=401)
    if answer := await _in_trouble(post.behaviour.take("inquiry")):
        return answer
    sent = post.parcels.get(dossier_id)
    if sent is None:
        return Response({"error": "unknown"}, status_code=404)
    return Response(_spoken(sent), status_code=200)


@put("/post/parcels/{dossier_id:uuid}/whereabouts")
async def move_parcel(request: Asked, dossier_id: FromPath[UUID], data: JSONBody[MoveParcel]) -> Response[Any]:
    """For whoever plays the postman: the parcel is there now. Answers what was sent, and how the city answered."""
    post = _post(request)
    sent = post.parcels.get(dossier_id)
    if sent is None:
        return Response({"error": "unknown"}, status_code=404)
    sent.state, sent.at = data.state, city_now() - timedelta(seconds=data.late_s)
    body = msgspec.json.encode(_spoken(sent))
    at = str(int(city_now().timestamp()))
    url = data.city_url or post.city_url
    path = httpx.URL(url).raw_path.decode()
    headers = {"x-post-timestamp": at, "x-post-signature": post.signature("POST", path, at, body)}
    statuses = await asyncio.gather(*(tell_city(url, headers, body) for _ in range(data.times)))
    return Response({"headers": headers, "body": body.decode(), "answered": statuses}, status_code=200)


@put("/post/behaviour", status_code=204)
async def misbehave_at_post(request: Asked, data: JSONBody[MisbehaveAtPost]) -> None:
    """What shall go wrong next."""
    _post(request).behaviour.tell(data.next, data.at, data.times)


router = Router("/", route_handlers=[take_parcel, find_parcel, move_parcel, misbehave_at_post])
