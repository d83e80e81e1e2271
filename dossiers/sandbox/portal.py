"""The stand-in of the national portal, below `/national`.

It gives tokens, takes `DongBoHoSoMC` and `CapNhatTienDoHoSoMC`, and keeps what it took per dossier, in order:
`GET /national/dossiers/{code}` shows it, `DELETE /national/dossiers` forgets all. It refuses what is malformed (2), a
step or a change of a dossier that it does not know (3), a step that is earlier than the last one (4), and another new
dossier under a known code (5); what it has already is taken once. Told to misbehave, it is down, slow, answers
nonsense, says -1, forgets its tokens, or takes what it gets and does not answer. `POST /national/filings` has it file
dossiers with the city, signed as its machine."""

import asyncio
import secrets
from datetime import datetime
from typing import Annotated, Any, Literal

import httpx
import msgspec
from litestar import Request, Response, Router, delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from app.machines import signing
from app.sandbox.behaviour import Behaviour, Trouble, trouble

MOST_DOSSIERS = 10_000
TOKEN_LIFE_S = 300

Asked = Request[Any, Any, Any]
Mischief = Literal[Trouble, "silence", "unauthorised", "refuse"]
Truth = Literal["True", "False"]
At = Annotated[str, Meta(pattern=r"^[0-9]{14}$(?!\n)")]


class MisbehaveAtPortal(msgspec.Struct, forbid_unknown_fields=True):
    """What goes wrong next, in which answer and how often. `silence`: it is done, and not answered."""

    next: Mischief
    at: Literal["token", "message"] = "message"
    times: Annotated[int, Meta(ge=0, le=1000)] = 1


class FileWithCity(msgspec.Struct, forbid_unknown_fields=True):
    """Have these dossiers filed with the city at `city_url`, signed by `key`, `times` times.

    `signed_url`: what the city's settings call that address, if it listens elsewhere than they say."""

    key: str
    data: list[dict[str, Any]]
    city_url: Annotated[str, Meta(max_length=200)] | None = None
    signed_url: Annotated[str, Meta(max_length=200)] | None = None
    times: Annotated[int, Meta(ge=1, le=5)] = 1


class TakenStep(msgspec.Struct, frozen=True):
    """A step as the portal reads it."""

    MaHoSo: Annotated[str, Meta(min_length=8)]
    ThoiDiemXuLy: At
    TrangThai: Annotated[str, Meta(pattern=r"^([1-9]|10)$(?!\n)")]
    NguoiXuLy: str
    NoiDungXuLy: Annotated[str, Meta(min_length=1)]


class TakenSteps(msgspec.Struct, frozen=True):
    """`CapNhatTienDoHoSoMC`."""

    data: Annotated[list[TakenStep], Meta(min_length=1, max_length=100)]


class TakenDossier(msgspec.Struct, frozen=True):
    """A dossier as the portal reads it."""

    MaHoSo: Annotated[str, Meta(min_length=8)]
    MaTTHC: Annotated[str, Meta(min_length=1)]
    ChuHoSo: Annotated[str, Meta(min_length=1)]
    TrangThaiHoSo: Annotated[str, Meta(pattern=r"^([1-9]|10)$(?!\n)")]
    HinhThuc: Annotated[str, Meta(pattern=r"^[123]$(?!\n)")]
    NgayTiepNhan: str
    NgayHenTra: str
    TaiLieuNop: list[dict[str, Any]]
    DanhSachLePhi: list[dict[str, Any]]
    DanhSachHoSoBoSung: list[dict[str, Any]]
    DanhSachGiayToKetQua: list[dict[str, Any]]
    GhiChu: str


class TakenSync(msgspec.Struct, frozen=True):
    """`DongBoHoSoMC`."""

    isUpdating: Truth  # noqa: N815 - the portal's word
    data: Annotated[list[TakenDossier], Meta(min_length=1, max_length=100)]


class Known(msgspec.Struct):
    """What the portal has of a dossier; `took`: each message that changed something, in order."""

    dossier: dict[str, Any]
    took: list[str]
    steps: list[dict[str, Any]]
    doubles: int = 0


class Portal:
    """The portal's books, and how the city is found."""

    def __init__(self, client_id: str, client_secret: str, city_url: str) -> None:
        self.client = (client_id, client_secret)
        self.city_url = city_url
        self.behaviour = Behaviour()
        self.tokens: set[str] = set()
        self.dossiers: dict[str, Known] = {}

    def sync(self, body: bytes) -> tuple[str, str]:
        """Take dossiers; the error's code and its words."""
        try:
            message, raw = msgspec.json.decode(body, type=TakenSync), msgspec.json.decode(body)
        except msgspec.DecodeError as mistake:
            return "2", str(mistake)
        for taken, whole in zip(message.data, raw["data"], strict=True):
            known = self.dossiers.get(taken.MaHoSo)
            if message.isUpdating == "True":
                if known is None:
                    return "3", "Không có hồ sơ này"
                if known.dossier == whole:
                    known.doubles += 1
                else:
                    known.dossier = whole
                    known.took.append("changed")
            elif known is None:
                while len(self.dossiers) >= MOST_DOSSIERS:
                    self.dossiers.pop(next(iter(self.dossiers)))
                self.dossiers[taken.MaHoSo] = Known(whole, ["new"], [])
            elif known.dossier["MaTTHC"] == taken.MaTTHC:
                known.doubles += 1
            else:
                return "5", "Mã hồ sơ đã dùng"
        return "0", "Thành công"

    def progress(self, body: bytes) -> tuple[str, str]:
        """Take steps; the error's code and its words."""
        try:
            message, raw = msgspec.json.decode(body, type=TakenSteps), msgspec.json.decode(body)
            for step in message.data:
                datetime.strptime(step.ThoiDiemXuLy, "%Y%m%d%H%M%S")  # noqa: DTZ007 - only whether it is one
        except (msgspec.DecodeError, ValueError) as mistake:
            return "2", str(mistake)
        for taken, whole in zip(message.data, raw["data"], strict=True):
            known = self.dossiers.get(taken.MaHoSo)
            if known is None:
                return "3", "Không có hồ sơ này"
            if any(step["ThoiDiemXuLy"] == taken.ThoiDiemXuLy for step in known.steps):
                known.doubles += 1
                continue
            if known.steps and known.steps[-1]["ThoiDiemXuLy"] > taken.ThoiDiemXuLy:
                return "4", "Sai thứ tự"
            known.steps.append(whole)
            known.took.append(taken.ThoiDiemXuLy)
        return "0", "Thành công"


def _portal(request: Asked) -> Portal:
    return request.app.state.portal


@post("/national/token", status_code=200)
async def give_token(request: Asked) -> Response[Any]:
    """A token for whoever knows the secret."""
    portal, said = _portal(request), await request.form()
    if answer := await trouble(portal.behaviour.take("token")):
        return answer
    if (said.get("client_id"), said.get("client_secret")) != portal.client:
        return Response({"error": "invalid_client"}, status_code=401)
    token = secrets.token_urlsafe(24)
    portal.tokens.add(token)
    return Response({"access_token": token, "expires_in": TOKEN_LIFE_S, "token_type": "Bearer"}, status_code=200)


@post(["/national/DongBoHoSoMC", "/national/CapNhatTienDoHoSoMC"], status_code=200)
async def take_message(request: Asked) -> Response[Any]:
    """One of the two messages."""
    portal, body = _portal(request), await request.body()
    mischief = portal.behaviour.take("message")
    if mischief == "unauthorised":
        portal.tokens.clear()
    if request.headers.get("authorization", "").removeprefix("Bearer ") not in portal.tokens:
        return Response({"error": "invalid_token"}, status_code=401)
    if mischief == "refuse":
        return Response({"error_code": "-1", "message": "Lỗi hệ thống"}, status_code=200)
    if answer := await trouble(mischief):
        return answer
    took = portal.sync if request.url.path.endswith("DongBoHoSoMC") else portal.progress
    error_code, message = took(body)
    if mischief == "silence":
        return Response({"error": "later"}, status_code=503)
    return Response({"error_code": error_code, "message": message}, status_code=200)


@get("/national/dossiers/{code:str}")
async def show_taken(request: Asked, code: FromPath[str]) -> Response[Any]:
    """What the portal has of a dossier."""
    known = _portal(request).dossiers.get(code)
    return Response({"error": "unknown"} if known is None else known, status_code=404 if known is None else 200)


@delete("/national/dossiers", status_code=204)
async def forget_all(request: Asked) -> None:
    """It knows of no dossier any more."""
    _portal(request).dossiers.clear()


@post("/national/filings", status_code=200)
async def file_with_city(request: Asked, data: JSONBody[FileWithCity]) -> Response[Any]:
    """For whoever plays a citizen at the portal: answers how the city answered, each time."""
    url = data.city_url or _portal(request).city_url
    body = msgspec.json.encode({"data": data.data})
    answers = await asyncio.gather(*(_file(data, url, body) for _ in range(data.times)))
    return Response({"answered": answers}, status_code=200)


async def _file(data: FileWithCity, url: str, body: bytes) -> Any:
    """The city's status and answer; null: it did not answer."""
    headers = signing.sign(data.key, "POST", data.signed_url or url, body) | {"content-type": "application/json"}
    try:
        async with httpx.AsyncClient(verify=False, timeout=10) as client:  # noqa: S501 - the city is on this machine
            told = await client.post(url, content=body, headers=headers)
    except httpx.HTTPError:
        return None
    return {"status": told.status_code, "body": told.json()}


@put("/national/behaviour", status_code=204)
async def misbehave_at_portal(request: Asked, data: JSONBody[MisbehaveAtPortal]) -> None:
    """What shall go wrong next."""
    _portal(request).behaviour.tell(data.next, data.at, data.times)


router = Router(
    "/", route_handlers=[give_token, take_message, show_taken, forget_all, file_with_city, misbehave_at_portal]
)
