"""Bounds, times and headers: the lines of the security checklist, one by one; what is sent is in test_input.py."""

import re
from typing import get_origin

import httpx
import msgspec
import pytest

from app import db as db_module
from app.db import Connection
from app.identity import codes
from app.main import create_app
from app.types import Page
from tests.app.phones import REAL_PHONE, ask_for_code, problem, signed_in
from tests.conftest import City, Servers, client_of, open_city, settings_for
from tests.house.doors import PUBLIC, doors, filled
from tests.house.test_openapi import document
from tests.makers import a_resident


def test_d33_a_page_has_a_hundred_things_at_most() -> None:
    paged = [door for door in doors() if get_origin(door.hints["return"]) is Page]
    assert paged
    for door in paged:
        operation = document()["paths"][re.sub(r":\w+}", "}", door.path)]["get"]
        [limit] = [asked["schema"] for asked in operation["parameters"] if asked["name"] == "limit"]
        assert (limit["minimum"], limit["maximum"]) == (1, 100), door


async def test_d36_when_every_connection_is_lent_the_answer_is_503(
    town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db_module, "ACQUIRE_TIMEOUT_S", 0.05)
    async with open_city(msgspec.structs.replace(town.settings, database_connections=2)) as small:
        session = await signed_in(small.client)
        headers = {"authorization": f"Bearer {session['access_token']}"}
        small.app.state.bearer.seen.clear()
        async with small.database.acquire(), small.database.acquire():
            assert small.database.in_use == 2
            for answer in (
                await small.client.get("/v1/me", headers=headers | {"accept-language": "en"}),
                await ask_for_code(small.client, REAL_PHONE),
            ):
                assert problem(answer) == (503, "Unavailable")
                assert answer.headers["retry-after"] == "1"
        assert (await small.client.get("/v1/me", headers=headers)).status_code == 200
        assert (await ask_for_code(small.client, REAL_PHONE)).status_code == 202


@pytest.mark.parametrize(
    "address", ["postgresql://huong_app@/huong?host=/nonexistent", "postgresql://huong_app@127.0.0.1:1/huong"]
)
async def test_d36_without_postgresql_the_answer_is_503(template: Servers, address: str) -> None:
    settings = msgspec.structs.replace(settings_for(template, "nowhere"), database_url=address)
    async with client_of(create_app(settings)) as client:
        for answer in (
            await ask_for_code(client),
            await client.get("/v1/me", headers={"authorization": "Bearer " + "x" * 43}),
            await client.get("/readyz"),
            await client.get("/metrics"),
        ):
            assert problem(answer) == (503, "Unavailable")
            assert answer.headers["retry-after"] == "1"
            assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert problem(await client.get("/v1/me")) == (401, "SignInRequired")


async def test_d36_a_statement_that_waits_too_long_is_a_503(town: City) -> None:
    for limit, phone in (("lock_timeout", "+84905123458"), ("statement_timeout", "+84905123459")):
        await town.database.close()
        town.database.settings = {limit: "50ms"}
        async with town.database.transaction() as busy:
            await busy.execute(codes.sql.lock_phone, phone)
            answer = await ask_for_code(town.client, phone)
        assert problem(answer) == (503, "Unavailable")
        assert answer.headers["retry-after"] == "1"
        assert (await ask_for_code(town.client, phone)).status_code == 202


SAFE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "cross-origin-opener-policy": "same-origin",
}


async def test_e39_every_answer_has_safe_headers(db: Connection, desk: httpx.AsyncClient) -> None:
    """Yes and no alike; what somebody sees who is signed in is nowhere kept on the way."""
    headers = (await a_resident(db)).headers
    answers = [await desk.request(door.method, filled(door.path), headers=headers) for door in doors()]
    answers += [await desk.get("/v1/nothing"), await desk.get("/schema"), await desk.request("BREW", "/v1/me")]
    for answer in answers:
        assert SAFE.items() <= dict(answer.headers).items(), answer.request.url
        [policy] = answer.headers.get_list("content-security-policy")
        assert policy.startswith(("default-src 'self'", "default-src 'none'"))
        assert "unsafe-eval" not in policy
        assert "script-src" not in policy
        assert "server" not in answer.headers
        assert "x-powered-by" not in answer.headers


async def test_e39_nothing_is_stored_of_what_somebody_sees_who_is_signed_in(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    closed = [door for door in doors() if (door.method, door.path) not in PUBLIC]
    assert len(closed) > 20
    for door in closed:
        headers = (await a_resident(db)).headers
        for as_what in (door.method, "HEAD") if door.method == "GET" else (door.method,):
            answer = await desk.request(as_what, filled(door.path), headers=headers)
            assert "no-store" in answer.headers["cache-control"], door


def test_e40_the_api_tells_of_every_door_but_those_of_the_house() -> None:
    """What it tells of each is compared in tests/house/test_openapi.py; docs/openapi.json is what is served."""
    told = {(method.upper(), path) for path, item in document()["paths"].items() for method in item}
    there = {(door.method, re.sub(r":\w+}", "}", door.path)) for door in doors()}
    assert told <= there
    assert all(path.startswith(("/v1/", "/livez", "/readyz")) for _, path in told)
