"""What a phone does at the front door, and what a test may know of the answers."""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.db import Connection
from app.identity import codes
from app.worker import Worker
from tests.conftest import OneConnection
from tests.makers import PIN, Resident
from tests.statements import sql

PLAY_PHONE = "+84900000777"
WRONG = "147369"
"""A PIN that is nobody's."""
REAL_PHONE = "+84905123456"

_PRINTED = re.compile(r"the code for (\S+) is ([0-9]{6})\n")


async def ask_for_code(client: httpx.AsyncClient, phone: str = PLAY_PHONE) -> httpx.Response:
    """POST the phone's number."""
    return await client.post("/v1/sign-in/codes", json={"phone": phone})


async def redeem(
    client: httpx.AsyncClient, challenge_id: str, code: str = "000000", device: dict[str, str] | None = None
) -> httpx.Response:
    """POST the code, from a device if one is described."""
    body = {"challenge_id": challenge_id, "code": code}
    return await client.post("/v1/sign-in/sessions", json=body | ({"device": device} if device else {}))


async def signed_in(client: httpx.AsyncClient, phone: str = PLAY_PHONE, **device: str) -> dict[str, Any]:
    """Both steps; the session as the phone gets it."""
    challenge = await ask_for_code(client, phone)
    assert challenge.status_code == 202
    answer = await redeem(client, challenge.json()["challenge_id"], device=device)
    assert answer.status_code == 201
    return answer.json()


async def refreshed(client: httpx.AsyncClient, refresh_token: str) -> httpx.Response:
    """POST a refresh token."""
    return await client.post("/v1/sign-in/refreshes", json={"refresh_token": refresh_token})


def bearer(session: dict[str, Any]) -> dict[str, str]:
    """The header of a session's access token."""
    return {"authorization": f"Bearer {session['access_token']}"}


def codes_worker(db: Connection) -> Worker:
    """A worker that only sends codes, on the connection of a test that rolls back."""
    return Worker(OneConnection(db), codes.listeners, ())


def printed(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """(masked phone, code) of each code that the sandbox has printed since it was last asked."""
    return _PRINTED.findall(capsys.readouterr().err)


def all_but_request_id(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    """A problem without the one thing that two equal problems differ in."""
    request_id = answer.headers["x-request-id"].encode()
    assert request_id in answer.content
    return answer.status_code, headers_of(answer), answer.content.replace(request_id, b"")


def headers_of(answer: httpx.Response) -> dict[str, str]:
    """The headers of an answer, its request id left out."""
    return {name: value for name, value in answer.headers.items() if name != "x-request-id"}


def problem(answer: httpx.Response) -> tuple[int, str]:
    """The status and the type of a problem, without its prefix."""
    return answer.status_code, answer.json()["type"].removeprefix("urn:huong:problem:")


def a_device() -> str:
    """An id as a phone makes it for itself."""
    return str(uuid4())


async def a_sent_code(
    db: Connection, desk: httpx.AsyncClient, capsys: pytest.CaptureFixture[str], phone: str = REAL_PHONE
) -> tuple[str, str]:
    """A challenge and the code that was sent for it."""
    asked = await ask_for_code(desk, phone)
    assert asked.status_code == 202
    await codes_worker(db).drain()
    [(_, code)] = printed(capsys)
    return asked.json()["challenge_id"], code


def wrong_for(code: str, count: int) -> list[str]:
    """So many guesses, none of them right."""
    return [guess for guess in (f"{n:06}" for n in range(1, count + 2)) if guess != code][:count]


async def unlock(client: httpx.AsyncClient, who: Resident, pin: str = PIN) -> httpx.Response:
    """Open the wallet."""
    return await client.post("/v1/wallet/unlocks", headers=who.headers, json={"pin": pin})


async def tries(client: httpx.AsyncClient, who: Resident, count: int) -> list[tuple[str, int | None]]:
    """What so many wrong PINs are answered: the problem's name, and the tries that are left."""
    answers = [await unlock(client, who, WRONG) for _ in range(count)]
    assert {answer.status_code for answer in answers} <= {403}
    return [(problem(answer)[1], answer.json().get("tries_left")) for answer in answers]


async def wrong_tries(db: Connection, who: Resident) -> int:
    """The count, as it is kept."""
    kept = await db.fetchrow(sql.pin_row, who.id)
    assert kept is not None
    return kept["wrong_tries"]


async def me(client: httpx.AsyncClient, session: dict[str, str]) -> httpx.Response:
    """GET /v1/me with a session's access token."""
    return await client.get("/v1/me", headers=bearer(session))
