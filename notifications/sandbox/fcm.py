"""What is asked of the stand-in of FCM beside what FCM is asked: below `/fcm`, by HTTP/1 like all stand-ins.

`GET /fcm/phones` shows what the phones have got, the newest first: a page for a browser, JSON for others;
`GET /fcm/phones/{token}` one phone's (or a topic's); `DELETE /fcm/phones` forgets all of it, and what was to go
wrong. `PUT /fcm/behaviour` says what goes wrong next; `PUT /fcm/pace` how long answers and access tokens take."""

from html import escape
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, delete, get, put
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from app.clock import CITY_ZONE
from app.sandbox import pages
from notifications.sandbox.fcm_cloud import Cloud, Misbehave, Received

MOST_SHOWN = 100

Asked = Request[Any, Any, Any]


class Pace(msgspec.Struct, forbid_unknown_fields=True):
    """How late each answer is, and how long access tokens are good from now on, in seconds."""

    latency_s: Annotated[float, Meta(ge=0, le=60)] = 0.0
    token_life_s: Annotated[int, Meta(ge=1, le=3600)] = 3600


class Counts(msgspec.Struct, frozen=True):
    """What was taken and not taken so far, and how many access tokens were given."""

    taken: int
    targets: int
    refused: dict[str, int]
    tokens_given: int


class Phones(msgspec.Struct, frozen=True):
    """The newest messages, and the counts."""

    items: list[Received]
    counts: Counts


def _cloud(request: Asked) -> Cloud:
    return request.app.state.fcm


@get("/fcm/phones")
async def show_phones(request: Asked) -> Response[Any]:
    """What the phones have got."""
    cloud = _cloud(request)
    newest = cloud.newest(MOST_SHOWN)
    if "text/html" in request.headers.get("accept", ""):
        return _page(newest)
    counts = Counts(cloud.took.total(), len(cloud.took), dict(cloud.refused), cloud.tokens_given)
    return Response(Phones(newest, counts), status_code=200)


@get("/fcm/phones/{token:str}")
async def show_phone(request: Asked, token: FromPath[str]) -> Response[Any]:
    """What one phone has got, or was sent to a topic of that name."""
    newest = list(_cloud(request).phones.get(token, ()))
    if "text/html" in request.headers.get("accept", ""):
        return _page(newest)
    return Response({"items": newest}, status_code=200)


@delete("/fcm/phones", status_code=204)
async def forget_phones(request: Asked) -> None:
    """As if nobody had sent anything."""
    _cloud(request).forget()


@put("/fcm/behaviour", status_code=204)
async def misbehave_at_fcm(request: Asked, data: JSONBody[Misbehave]) -> None:
    """What shall go wrong next."""
    _cloud(request).behave(data)


@put("/fcm/pace", status_code=204)
async def pace_fcm(request: Asked, data: JSONBody[Pace]) -> None:
    """How slow it is."""
    cloud = _cloud(request)
    cloud.latency_s, cloud.token_life_s = data.latency_s, data.token_life_s


def _page(newest: list[Received]) -> Response[str]:
    shown = "".join(_shown(one) for one in newest) or pages.said("Chưa có tin nào.", "Nothing yet.")
    return pages.page("Điện thoại đã nhận", "What the phones have got", f"<ul>{shown}</ul>")


_LANES = {
    "critical": ("khẩn cấp", "critical"),
    "transactional": ("giao dịch", "transactional"),
    "bulk": ("thông thường", "bulk"),
}


def _shown(one: Received) -> str:
    """A message as its phone shows it."""
    words: dict[str, str] = one.message.get("notification") or {}
    data: dict[str, str] = one.message.get("data") or {}
    vi, en = _LANES.get(data.get("lane", ""), ("", ""))
    about = f"{one.at.astimezone(CITY_ZONE):%H:%M:%S %d/%m/%Y} · {one.target[:40]} · {vi}"
    link = data.get("link")
    return (
        f"<li><h2>{escape(words.get('title', ''))}</h2><p>{escape(words.get('body', ''))}</p>"
        f'<p class="small">{escape(about)} <span lang="en">{escape(en)}</span>'
        + (f"<br><code>{escape(link)}</code>" if link else "")
        + "</p></li>"
    )


router = Router("/", route_handlers=[show_phones, show_phone, forget_phones, misbehave_at_fcm, pace_fcm])
