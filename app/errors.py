"""How this city says no: refusals, and problem+json (RFC 9457) in the caller's language.

A refusal is a class. Its name is the problem's type, its docstring is what the person reads: first paragraph
Vietnamese, second English. Fields given to it appear as members of the problem and fill the {holes} of its words.
"""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar, Literal

import asyncpg
import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, ValidationException
from litestar.types import Scope, Send

log = structlog.get_logger()

Language = Literal["vi", "en"]
CONTENT_TYPE = "application/problem+json"


class Refusal(Exception):
    """Yêu cầu bị từ chối.

    The request was refused."""

    status: ClassVar[int] = 409
    keeps: ClassVar[bool] = False
    """True: what the request wrote is committed all the same (a wrong try must stay counted)."""

    def __init__(self, *, retry_after_s: int | None = None, **members: Any) -> None:
        super().__init__(type(self).__name__)
        self.retry_after_s = retry_after_s
        self.members = members

    def words(self, language: Language) -> str:
        """What the person reads, its holes filled from the refusal's members."""
        vi, en = _paragraphs(type(self))
        return (vi if language == "vi" else en).format(**self.members)


@cache
def _paragraphs(refusal: type[Refusal]) -> tuple[str, str]:
    vi, _, en = (refusal.__doc__ or "").partition("\n\n")
    if not en:
        raise TypeError(f"{refusal.__name__} needs two paragraphs of words: vi, then en")
    return " ".join(vi.split()), " ".join(en.split())


class Malformed(Refusal):
    """Yêu cầu không đúng định dạng.

    The request is malformed."""

    status = 400


class SignInRequired(Refusal):
    """Bạn cần đăng nhập.

    You need to sign in."""

    status = 401


class Forbidden(Refusal):
    """Bạn không có quyền làm việc này.

    You may not do this."""

    status = 403


class NotFound(Refusal):
    """Không tìm thấy.

    Not found."""

    status = 404


class MethodNotAllowed(Refusal):
    """Địa chỉ này không nhận phương thức đó.

    This address does not take that method."""

    status = 405


class TooLarge(Refusal):
    """Nội dung gửi lên quá lớn.

    The body is too large."""

    status = 413


class UnsupportedMediaType(Refusal):
    """Kiểu nội dung không được hỗ trợ; hãy gửi application/json.

    This content type is not supported; send application/json."""

    status = 415


class TooManyRequests(Refusal):
    """Bạn thao tác quá nhanh. Vui lòng thử lại sau.

    Too many requests. Please try again later."""

    status = 429


class Unavailable(Refusal):
    """Hệ thống đang bận. Yêu cầu của bạn chưa được thực hiện; vui lòng thử lại sau giây lát.

    The service is busy. Your request was not carried out; please try again in a moment."""

    status = 503

    def __init__(self, **members: Any) -> None:
        super().__init__(**{"retry_after_s": 1, **members})


class OutcomeUnknown(Refusal):
    """Hệ thống chưa xác nhận được kết quả. Hãy gửi lại đúng yêu cầu này với cùng mã; sẽ không bị thực hiện hai lần.

    The outcome is not known yet. Send this same request again with the same id; it is never carried out twice."""

    status = 503

    def __init__(self, **members: Any) -> None:
        super().__init__(**{"retry_after_s": 1, **members})


class InternalError(Refusal):
    """Có lỗi ở phía chúng tôi. Vui lòng thử lại; nếu vẫn lỗi, hãy báo mã yêu cầu kèm theo.

    Something went wrong on our side. Please try again; if it goes on, tell us the request id."""

    status = 500


@contextmanager
def refusing(**constraints: type[Refusal]) -> Generator[None]:
    """Turn the breach of a named constraint into its refusal: `with refusing(bill_pkey=BillIdTaken): …`.

    The transaction is dead after a breach, so the refusal must travel to its edge."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as breach:
        refusal = constraints.get(breach.constraint_name or "")
        if refusal is None:
            raise
        raise refusal from breach


def problem_of(refusal: Refusal, language: Language, request_id: str) -> dict[str, Any]:
    """The problem document of a refusal (RFC 9457): stable `type`, words in the caller's language."""
    other: Language = "en" if language == "vi" else "vi"
    return {
        "type": f"urn:huong:problem:{type(refusal).__name__}",
        "title": refusal.words(language),
        "title_translated": {other: refusal.words(other)},
        "status": refusal.status,
        "request_id": request_id,
        **refusal.members,
    }


def refusal_of(problem: BaseException) -> Refusal | None:
    """The refusal that an exception amounts to; None: it is our fault, a 500."""
    match problem:
        case Refusal():
            return problem
        case ExceptionGroup(exceptions=[inside]):  # a rollback that failed too
            return refusal_of(inside)
        case ValidationException():
            return Malformed(errors=_field_errors(problem))
        case HTTPException(detail="client disconnected prematurely"):  # nobody hears the answer
            return Malformed()
        case HTTPException() if problem.status_code < 500 or problem.status_code == 503:
            return _BY_STATUS.get(problem.status_code, Malformed)()
        case asyncpg.DataError() | UnicodeError():
            return Malformed()
        case LookupError() if str(problem).startswith("unknown encoding"):
            return Malformed()
        case (
            asyncpg.QueryCanceledError()
            | asyncpg.LockNotAvailableError()
            | asyncpg.PostgresConnectionError()
            | asyncpg.CannotConnectNowError()
            | asyncpg.AdminShutdownError()
            | asyncpg.IdleInTransactionSessionTimeoutError()
            | asyncpg.InsufficientResourcesError()  # the disk is full, memory is short, too many connections
            | asyncpg.InterfaceError()
            | asyncpg.InternalClientError()
            | asyncpg.SerializationError()
            | asyncpg.DeadlockDetectedError()
            | TimeoutError()
            | ConnectionError()
        ):
            return Unavailable()
        case _:
            return None


_BY_STATUS: dict[int, type[Refusal]] = {
    400: Malformed,
    401: SignInRequired,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
    415: UnsupportedMediaType,
    429: TooManyRequests,
    503: Unavailable,
}


def _field_errors(problem: ValidationException) -> list[dict[str, str]]:
    errors = problem.extra if isinstance(problem.extra, list) else []
    if [error.get("message") for error in errors if isinstance(error, dict)] == ["'data'"]:
        return [{"field": "", "message": "a JSON body is expected"}]
    return [
        {"field": str(error.get("key", "")), "message": str(error.get("message", ""))}
        for error in errors
        if isinstance(error, dict)
    ]


def answer_problem(request: Request[Any, Any, Any], problem: Exception) -> Response[bytes]:
    """The one exception handler: every no is problem+json."""
    status, headers, body = _rendered(refusal_for(problem, request.scope), request.scope)
    if isinstance(problem, MethodNotAllowedException):
        headers["allow"] = allowed((problem.headers or {}).get("allow", "").split(", "))
    return Response(body, status_code=status, headers=headers, media_type=CONTENT_TYPE)


def allowed(methods: Iterable[str]) -> str:
    """An Allow header (RFC 9110, 10.2.1); where an address takes GET, it takes HEAD."""
    taken = {str(method) for method in methods}
    return ", ".join(sorted(taken | {"HEAD"} if "GET" in taken else taken))


def refusal_for(problem: Exception, scope: Any) -> Refusal:
    """The refusal to answer with; only a surprise is logged with its trace."""
    refusal = refusal_of(problem)
    if refusal is None:
        log.error("unhandled", exc_info=problem, path=scope["path"], request_id=_request_id(scope))
        return InternalError()
    if refusal.status >= 500:
        log.warning("unavailable", cause=repr(problem.__cause__ or problem), request_id=_request_id(scope))
    return refusal


async def send_problem(refusal: Refusal, scope: Scope, send: Send) -> None:
    """A problem from outside the routes (middleware)."""
    status, headers, body = _rendered(refusal, scope)
    headers |= {"content-type": CONTENT_TYPE, "content-length": str(len(body))}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _rendered(refusal: Refusal, scope: Any) -> tuple[int, dict[str, str], bytes]:
    asked = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
    language = preferred_language(asked)
    headers = {"content-language": language}
    if refusal.retry_after_s is not None:
        headers["retry-after"] = str(refusal.retry_after_s)
    if refusal.status == 401:
        headers["www-authenticate"] = "Bearer"
    return refusal.status, headers, msgspec.json.encode(problem_of(refusal, language, _request_id(scope)))


def _request_id(scope: Any) -> str:
    return scope.get("state", {}).get("request_id", "")


def preferred_language(accept_language: str) -> Language:
    """`en` only if English is asked for above Vietnamese (RFC 9110, 12.5.4)."""
    weights = {"vi": 0.0, "en": 0.0}
    for part in accept_language.lower().replace(" ", "").split(","):
        tag, _, quality = part.partition(";q=")
        language = tag.split("-")[0]
        if language in weights:
            weights[language] = max(weights[language], _quality(quality))
    return "en" if weights["en"] > weights["vi"] else "vi"


def _quality(text: str) -> float:
    try:
        return float(text or 1)
    except ValueError:
        return 0.0
