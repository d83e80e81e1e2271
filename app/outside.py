"""How the city asks an outside party something: in little time and little room, and where it was told, not elsewhere.

Addresses come from the settings, or from a document of somebody whom the settings name; people's own addresses are
another matter."""

import asyncio
import ssl
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, TypeVar

import httpx
import msgspec

from app.clock import city_now
from app.config import settings

T = TypeVar("T")

ANSWER_WITHIN_S = 6.0
"""From the first look at the address to the last byte."""
CONNECT_WITHIN_S = 3.0
MOST_ANSWER_BYTES = 256 * 1024


class NoAnswer(Exception):
    """They did not answer, or with nothing that can be used; the text holds nothing of what was sent.

    `after_s`: they say that they want to be left in peace for so long."""

    def __init__(self, why: str = "", *, after_s: float | None = None) -> None:
        super().__init__(why)
        self.after_s = after_s


class NobodyThere(NoAnswer):
    """Nobody took the connection: nothing was sent."""


class Said(msgspec.Struct, frozen=True):
    """What they answered, whatever its status below 500."""

    status: int
    body: bytes

    def read(self, type_: type[T]) -> T:
        """The JSON body as a `type_`; raises NoAnswer."""
        try:
            return msgspec.json.decode(self.body, type=type_)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as problem:
            raise NoAnswer(f"malformed: {type(problem).__name__}") from problem


async def ask(method: str, url: str, *, headers: dict[str, str] | None = None, **content: Any) -> Said:
    """One request (`json=`, `data=` as httpx has them), never repeated; raises NoAnswer.

    No redirect is followed: it could lead to where our secrets are nobody's business. No compression is taken: what
    is small on the way could be large here."""
    try:
        async with (
            asyncio.timeout(ANSWER_WITHIN_S),
            httpx.AsyncClient(verify=trusted(), timeout=httpx.Timeout(None, connect=CONNECT_WITHIN_S)) as client,
            client.stream(
                method,
                usable(url),
                headers={"accept": "application/json", "accept-encoding": "identity", **(headers or {})},
                follow_redirects=False,
                **content,
            ) as answer,
        ):
            body = bytearray()
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > MOST_ANSWER_BYTES:
                    raise NoAnswer(f"longer than {MOST_ANSWER_BYTES} bytes")
    except httpx.ConnectError as problem:
        raise NobodyThere(type(problem).__name__) from problem
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as problem:
        raise NoAnswer(type(problem).__name__) from problem
    if answer.status_code >= 500 or answer.status_code == 429:
        raise NoAnswer(f"answered {answer.status_code}", after_s=wanted_wait_s(answer.headers.get("retry-after")))
    return Said(answer.status_code, bytes(body))


@cache
def trusted() -> ssl.SSLContext:
    """Whom the machine trusts (SSL_CERT_FILE may name others); reading all of them takes longer than a call."""
    return httpx.create_ssl_context()


def usable(url: str) -> str:
    """The address, if it is encrypted or this is a sandbox; raises NoAnswer."""
    if url.startswith("https://") or (settings().sandbox and url.startswith("http://")):
        return url
    raise NoAnswer("the address is not https")


def wanted_wait_s(retry_after: str | None) -> float | None:
    """The seconds that a Retry-After header asks for, as a number or as a date (RFC 9110, 10.2.3); None: it says
    nothing that can be read."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - city_now()).total_seconds())
    except (ValueError, TypeError):  # no date, or one that does not say of which zone
        return None
