"""How a stand-in misbehaves when it is told to: in its next answers, then it is itself again."""

import asyncio
from typing import Annotated, Any, Literal

import httpx
from litestar import MediaType, Response
from msgspec import Meta, Struct

Trouble = Literal["slow", "down", "not_json", "huge", "moved"]
Forgery = Literal[
    "wrong_nonce", "no_nonce", "wrong_audience", "wrong_azp", "wrong_issuer", "wrong_at_hash", "expired",
    "from_tomorrow", "stale_auth", "no_auth_time", "auth_time_in_ms", "bad_signature", "alg_none", "alg_hs256",
    "unknown_kid", "rotate_keys",
]  # fmt: skip
Oddity = Literal[
    "other_subject", "email_unverified", "phone_unverified", "nameless", "name_in_parts", "name_with_null"
]
ProviderMischief = Literal[Trouble, Forgery, Oddity, "deny"]
FaceMischief = Literal[Trouble, "wrong_challenge", "wrong_subject"]

SLOW_S = 30.0
HUGE_BYTES = 2_000_000


class Misbehave(Struct, forbid_unknown_fields=True):
    """What an identity provider does wrong next, how often, and where (unless the mischief itself says where).

    `times` 0: nothing any more."""

    next: ProviderMischief
    at: Literal["discovery", "jwks", "token", "userinfo"] = "token"
    times: Annotated[int, Meta(ge=0, le=1000)] = 1


class MisbehaveAtFaces(Struct, forbid_unknown_fields=True):
    """What the face match does wrong next, how often, and in which of its two answers."""

    next: FaceMischief
    at: Literal["asked", "outcome"] = "outcome"
    times: Annotated[int, Meta(ge=0, le=1000)] = 1


class Behaviour:
    """What is still to be done wrong, in order."""

    def __init__(self) -> None:
        self._to_do: list[tuple[str, str]] = []

    def tell(self, mischief: str, at: str, times: int) -> None:
        """From now on this instead of whatever was left to do."""
        self._to_do = [(mischief, at)] * times

    def take(self, at: str) -> str | None:
        """The mischief for an answer at this place, which is used up by it."""
        if self._to_do and self._to_do[0][1] == at:
            return self._to_do.pop(0)[0]
        return None


async def trouble(mischief: str | None) -> Response[Any] | None:
    """The answer of a party in trouble; None: it is in none."""
    match mischief:
        case "slow":
            await asyncio.sleep(SLOW_S)
            return None
        case "down":
            return Response("", status_code=503, media_type=MediaType.TEXT)
        case "not_json":
            return Response("<p>Bảo trì hệ thống</p>", status_code=200, media_type=MediaType.HTML)
        case "huge":
            return Response(" " * HUGE_BYTES + "{}", status_code=200, media_type=MediaType.JSON)
        case "moved":  # to the same place, which will answer as if nothing had been
            return Response("", status_code=307, headers={"location": "?"}, media_type=MediaType.TEXT)
        case _:
            return None


async def tell_city(url: str, headers: dict[str, str], body: bytes) -> int:
    """A stand-in tells the city something; how the city answered, 0: it did not."""
    try:
        async with httpx.AsyncClient(verify=False, timeout=10) as client:  # noqa: S501 - the city is on this machine
            told = await client.post(url, content=body, headers={**headers, "content-type": "application/json"})
    except httpx.HTTPError:
        return 0
    return told.status_code
