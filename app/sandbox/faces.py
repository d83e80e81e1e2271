"""The stand-in of the partner who matches faces: asked by the city, answered by a person on the partner's page."""

import hmac
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, Router, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from app.clock import city_now
from app.errors import Forbidden, NotFound
from app.sandbox import pages
from app.sandbox.behaviour import Behaviour, MisbehaveAtFaces, trouble

MATCH_LIVES_S = 300
_MOST_MATCHES = 10_000

Asked = Request[Any, Any, Any]
Status = Literal["pending", "matched", "refused", "expired"]
Text = Annotated[str, Meta(min_length=1, max_length=255)]


class AskMatch(msgspec.Struct, forbid_unknown_fields=True):
    """Whose face shall be matched, and what the answer is bound to. `reference` is made by who asks."""

    reference: Annotated[str, Meta(pattern=r"^[0-9A-Za-z-]{16,64}$(?!\n)")]
    subject: Text
    challenge: Text


class Match(msgspec.Struct):
    """A match that was asked for."""

    subject: str
    challenge: str
    expires_at: datetime
    status: Status = "pending"


class Faces:
    """The matches that were asked for, and how the partner shall misbehave."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.behaviour = Behaviour()
        self.matches: dict[str, Match] = {}

    def find(self, reference: str) -> Match:
        """The match as it stands now; raises NotFound."""
        match = self.matches.get(reference)
        if match is None:
            raise NotFound
        if match.status == "pending" and match.expires_at <= city_now():
            match.status = "expired"
        return match


def _faces(request: Asked) -> Faces:
    return request.app.state.faces


def _need_key(request: Asked) -> None:
    shown = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    if not hmac.compare_digest(shown.encode(), _faces(request).key.encode()):
        raise Forbidden


@post("/face/matches")
async def ask_match(request: Asked, data: JSONBody[AskMatch]) -> Response[Any]:
    """Have a face matched; the person is to open `url`. The same reference again is the same match."""
    _need_key(request)
    faces = _faces(request)
    if answer := await trouble(faces.behaviour.take("asked")):
        return answer
    if data.reference not in faces.matches:
        while len(faces.matches) >= _MOST_MATCHES:
            faces.matches.pop(next(iter(faces.matches)))
        until = city_now() + timedelta(seconds=MATCH_LIVES_S)
        faces.matches[data.reference] = Match(data.subject, data.challenge, until)
    match = faces.find(data.reference)
    url = f"{request.url.scheme}://{request.url.netloc}/face/{data.reference}"
    return Response({"reference": data.reference, "url": url, "expires_at": match.expires_at}, status_code=201)


@get("/face/matches/{reference:str}")
async def show_match(request: Asked, reference: FromPath[str]) -> Response[Any]:
    """How it came out, and for whom and what."""
    _need_key(request)
    faces = _faces(request)
    mischief = faces.behaviour.take("outcome")
    if answer := await trouble(mischief):
        return answer
    match = faces.find(reference)
    return Response(
        {
            "status": match.status,
            "subject": "another" if mischief == "wrong_subject" else match.subject,
            "challenge": "another" if mischief == "wrong_challenge" else match.challenge,
            "score": {"matched": 0.98, "refused": 0.11}.get(match.status),
        }
    )


@get("/face/{reference:str}")
async def ask_face(request: Asked, reference: FromPath[str]) -> Response[str]:
    """The page that the person opens; `?auto=match` or `?auto=refuse` answers without it."""
    match = _faces(request).find(reference)
    _decide(match, request.query_params.get("auto", ""))
    return _page(match)


@post("/face/{reference:str}", status_code=200)
async def answer_face(request: Asked, reference: FromPath[str]) -> Response[str]:
    """A button of the page was pressed."""
    match = _faces(request).find(reference)
    form = await request.form()
    _decide(match, str(form.get("answer") or ""))
    return _page(match)


def _decide(match: Match, answer: str) -> None:
    if match.status == "pending" and answer in {"match", "refuse"}:
        match.status = "matched" if answer == "match" else "refused"


_WORDS: dict[Status, tuple[str, str]] = {
    "pending": ("Đây có phải là khuôn mặt của bạn không?", "Is this your face?"),
    "matched": ("Khuôn mặt đã khớp. Hãy quay lại ứng dụng.", "The face matches. Go back to the app."),
    "refused": ("Khuôn mặt không khớp. Hãy quay lại ứng dụng.", "The face does not match. Go back to the app."),
    "expired": ("Đã hết thời gian. Hãy quay lại ứng dụng.", "The time is up. Go back to the app."),
}


def _page(match: Match) -> Response[str]:
    buttons = [("match", "Khớp", "It matches"), ("refuse", "Không khớp", "It does not match")]
    body = pages.said(*_WORDS[match.status])
    return pages.page(
        "Đối chiếu khuôn mặt",
        "Face match",
        body + (pages.choices("answer", buttons) if match.status == "pending" else ""),
    )


@put("/face/behaviour", status_code=204)
async def misbehave_at_faces(request: Asked, data: JSONBody[MisbehaveAtFaces]) -> None:
    """What shall go wrong next."""
    at = "outcome" if data.next in {"wrong_challenge", "wrong_subject"} else data.at
    _faces(request).behaviour.tell(data.next, at, data.times)


router = Router("/", route_handlers=[ask_match, show_match, ask_face, answer_face, misbehave_at_faces])
