"""How Open311 says no: a list of reasons, each with the HTTP status as its code, in the format that was asked for.

The standard knows 404 for an unknown id, service, token or jurisdiction, 403 for an api_key that is missing or wrong,
and 400 for the rest. What is no fault of the request (429, 5xx), and a method that an address does not take (405),
keep their own."""

from collections.abc import Iterator
from typing import Any

from litestar import Request, Response

from app.errors import Language, Refusal, SignInRequired, preferred_language, refusal_for
from feedback.open311 import formats
from feedback.open311.models import ErrorLine


class ApiKeyMissing(Refusal):
    """Thiếu api_key: hãy gửi khóa trong biểu mẫu, trong địa chỉ hoặc trong X-API-Key.

    The api_key is missing: send it in the form, in the query or in X-API-Key."""

    status = 403


def language_of(accept_language: str) -> Language:
    """English, unless Vietnamese is asked for: machines ask for nothing."""
    return preferred_language(accept_language) if "vi" in accept_language.lower() else "en"


def answer(request: Request[Any, Any, Any], problem: Exception) -> Response[bytes]:
    """The exception handler of these routes."""
    refusal = refusal_for(problem, request.scope)
    if isinstance(refusal, SignInRequired):
        refusal = ApiKeyMissing()
    status = _status_of(refusal)
    language = language_of(request.headers.get("accept-language", ""))
    lines = [ErrorLine(code=str(status), description=words) for words in _reasons(refusal, language)]
    headers = {"content-language": language}
    if refusal.retry_after_s is not None:
        headers["retry-after"] = str(refusal.retry_after_s)
    format_ = formats.asked_for(request.scope["path"])
    return Response(
        formats.write(format_, "errors", lines),
        status_code=status,
        headers=headers,
        media_type=formats.CONTENT_TYPES[format_],
    )


def _status_of(refusal: Refusal) -> int:
    if refusal.status in {401, 403}:
        return 403
    return refusal.status if refusal.status in {404, 405, 429} or refusal.status >= 500 else 400


def _reasons(refusal: Refusal, language: Language) -> Iterator[str]:
    yield refusal.words(language)
    for mistake in refusal.members.get("errors", ()):
        yield f"{mistake['field']}: {mistake['message']}"
