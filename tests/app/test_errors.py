"""Every no is problem+json in the caller's language, whatever was sent and whatever went wrong."""

import asyncio
import math
from collections.abc import AsyncIterator
from typing import get_args

import asyncpg
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from app.db import Connection
from app.errors import Refusal, preferred_language, refusing
from app.identity import codes, sessions
from app.identity.models import Grant, Kind, Principal, Role
from app.identity.tokens import token_hash
from app.types import new_id
from app.uploads import tus
from tests.app.phones import PLAY_PHONE, REAL_PHONE, ask_for_code, problem
from tests.conftest import City, Desk
from tests.house.doors import OPEN311, Door, doors, filled
from tests.makers import PIN, Resident, a_resident
from tests.statements import sql

JSON = {"content-type": "application/json"}


# The shape of a no


async def test_a_problem_is_told_in_vietnamese(desk: httpx.AsyncClient) -> None:
    answer = await desk.get("/v1/me")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-language"] == "vi"
    assert answer.json() == {
        "type": "urn:huong:problem:SignInRequired",
        "title": "Bạn cần đăng nhập.",
        "title_translated": {"en": "You need to sign in."},
        "status": 401,
        "request_id": answer.headers["x-request-id"],
    }


async def test_a_problem_is_told_in_english_to_whoever_prefers_it(desk: httpx.AsyncClient) -> None:
    answer = await desk.get("/v1/me", headers={"accept-language": "en-GB,en;q=0.9,vi;q=0.8"})
    assert answer.headers["content-language"] == "en"
    assert answer.json()["title"] == "You need to sign in."
    assert answer.json()["title_translated"] == {"vi": "Bạn cần đăng nhập."}


@pytest.mark.parametrize(
    ("accept_language", "language"),
    [
        ("", "vi"),
        ("en", "en"),
        ("EN-us", "en"),
        ("vi", "vi"),
        ("vi-VN,vi;q=0.9,en;q=0.8", "vi"),
        ("en;q=0.8,vi;q=0.9", "vi"),
        ("en;q=0.9,vi;q=0.8", "en"),
        ("en; q=0.9, vi; q=0.8", "en"),
        ("en ;q=0.3 , vi ;q=0.4", "vi"),
        ("en,vi", "vi"),
        ("fr,en;q=0.1", "en"),
        ("fr", "vi"),
        ("*", "vi"),
        ("en;q=0", "vi"),
        ("en;q=lots", "vi"),
        ("english", "vi"),
        ("vi;q=0,en", "en"),
    ],
)
def test_english_is_spoken_only_where_it_is_preferred(accept_language: str, language: str) -> None:
    assert preferred_language(accept_language) == language


@given(st.text())
def test_any_wish_for_a_language_is_understood_somehow(accept_language: str) -> None:
    assert preferred_language(accept_language) in {"vi", "en"}


class TooManyElephants(Refusal):
    """Quá nhiều voi: {elephants}.

    Too many elephants:
    {elephants}."""


def test_the_words_of_a_refusal_are_filled_from_its_members() -> None:
    refusal = TooManyElephants(elephants=3)
    assert refusal.words("vi") == "Quá nhiều voi: 3."
    assert refusal.words("en") == "Too many elephants: 3."


def test_a_refusal_without_words_in_both_languages_is_a_mistake() -> None:
    class Silent(Refusal):
        """Im lặng."""

    with pytest.raises(TypeError, match="Silent needs two paragraphs"):
        Silent().words("vi")


async def test_the_breach_of_a_named_constraint_is_its_refusal(db: Connection) -> None:
    async def plant_twins() -> None:
        async with db.transaction():
            for _ in range(2):
                await db.execute(sessions.sql.plant_principal, new_id(), "resident", REAL_PHONE, "Sinh đôi")

    with refusing(somebody_elses=Refusal), pytest.raises(asyncpg.UniqueViolationError):
        await plant_twins()
    with pytest.raises(TooManyElephants), refusing(principal_phone_unique=TooManyElephants):
        await plant_twins()


# What is sent


async def test_a_malformed_field_is_named(desk: httpx.AsyncClient) -> None:
    answer = await desk.post("/v1/sign-in/codes", json={"phone": 905123456})
    assert problem(answer) == (400, "Malformed")
    assert answer.json()["errors"] == [{"field": "phone", "message": "Expected `str`, got `int`"}]


async def test_an_unknown_field_is_a_mistake_worth_telling(desk: httpx.AsyncClient) -> None:
    answer = await desk.post("/v1/sign-in/codes", json={"phone": REAL_PHONE, "colour": "blue"})
    assert problem(answer) == (400, "Malformed")
    assert "colour" in answer.json()["errors"][0]["message"]


async def test_what_is_not_there_is_not_found(desk: httpx.AsyncClient) -> None:
    for path in ("/v1/nothing", "/v2/me", "/v1/wallet/payments/not-a-uuid", "/v1/%ff", "/v1/%00", "/x" * 2000):
        assert problem(await desk.get(path)) == (404, "NotFound"), path


async def test_a_method_that_an_address_does_not_take_is_refused(desk: httpx.AsyncClient) -> None:
    assert problem(await desk.delete("/v1/home")) == (405, "MethodNotAllowed")
    assert problem(await desk.get("/v1/sign-in/codes")) == (405, "MethodNotAllowed")
    assert problem(await desk.request("BREW", "/v1/home")) == (405, "MethodNotAllowed")


async def test_a_body_of_seventy_kilobytes_is_too_large(desk: httpx.AsyncClient) -> None:
    body = b'{"phone": "0905123456", "padding": "' + b"x" * 70 * 1024 + b'"}'
    assert problem(await desk.post("/v1/sign-in/codes", content=body, headers=JSON)) == (413, "TooLarge")


async def test_a_body_that_does_not_say_how_long_it_is_is_cut_off_too(desk: httpx.AsyncClient) -> None:
    async def drops() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b"x" * 1024

    assert problem(await desk.post("/v1/sign-in/codes", content=drops(), headers=JSON)) == (413, "TooLarge")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/html; charset=utf-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "application/msgpack",
        "application/jsonx",
        "json",
        "",
    ],
)
async def test_what_does_not_say_that_it_is_json_is_not_read(desk: httpx.AsyncClient, content_type: str) -> None:
    answer = await desk.post(
        "/v1/sign-in/codes", content=b'{"phone": "0905123456"}', headers={"content-type": content_type}
    )
    assert problem(answer) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8", "a/b+json"])
async def test_json_by_any_of_its_names_is_read(desk: httpx.AsyncClient, content_type: str) -> None:
    answer = await desk.post(
        "/v1/sign-in/codes", content=b'{"phone": "0905123456"}', headers={"content-type": content_type}
    )
    assert answer.status_code == 202


BAD_BODIES: list[bytes] = [
    b"",
    b"null",
    b"{",
    b"}",
    b"[]",
    b"7",
    b'"text"',
    b"{'a': 1}",
    b'{"a": 1,}',
    b'{"a": 1} {"b": 2}',
    b"NaN",
    b"\x00",
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b'{"phone": "\xff\xfe"}',
    b'{"phone": "\xed\xa0\x80", "name": "\xed\xa0\x80", "text": "\xed\xa0\x80"}',
    b'{"phone": "\\ud800", "name": "\\ud800", "text": "\\udfff", "code": "\\ud800", "pin": "\\ud800"}',
    b'{"name": "\\ud800"}',
    b'{"name": "a\\u0000b"}',
    b'{"text": "a\\u0000b"}',
    b'{"phone": "0905123456\\u0000", "name": "\\u0000", "text": "\\u0000", "pin": "\\u0000"}',
    b'{"amount": 9223372036854775808, "phone": 1' + b"0" * 400 + b"}",
    b'{"kind": "person", "phone": "0905123456", "amount": 9223372036854775808}',
    b'{"kind": "person", "phone": "0905123456", "amount": 1' + b"0" * 400 + b"}",
    b'{"kind": "person", "phone": "0905123456", "amount": 1e999}',
    b'{"kind": "person", "phone": "0905123456", "amount": -0.0}',
    b'{"kind": [], "kind": {}}',
    b'{"kind": "elephant"}',
    b"[" * 60_000,
    b"[" * 30_000 + b"]" * 30_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b'{"phone": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: repr(body[:30]))
async def test_no_body_makes_a_door_fall_off_its_hinges(
    db: Connection, desk: httpx.AsyncClient, desk_app: Desk, body: bytes
) -> None:
    resident = await a_resident(db)
    with_bodies = [door for door in doors() if door.method in {"POST", "PUT", "PATCH"}]
    assert len(with_bodies) >= 14
    for door in with_bodies:
        desk_app.app.state.bearer.seen[token_hash(resident.token)] = (math.inf, _passing(door, resident))
        headers = resident.headers | JSON
        answer = await desk.request(door.method, filled(door.path), content=body, headers=headers)
        expected = {405, 412} if door.path.startswith(tus.PATH) else {400, 401}
        assert answer.status_code in expected, (str(door), answer.text)
        assert answer.headers["content-type"] == _kind_of_a_no(door)
        await db.execute(sql.unlock, new_id())  # the transaction is alive


def _kind_of_a_no(door: Door) -> str:
    if not door.path.startswith(OPEN311):
        return "application/problem+json"
    return "text/xml; charset=utf-8" if door.path.endswith(".xml") else "application/json; charset=utf-8"


def _passing(door: Door, resident: Resident) -> Principal:
    """Somebody whom this door lets in."""
    who: tuple[str, ...] = door.handler.opt.get("who") or ("resident",)
    kinds = [kind for kind in get_args(Kind) if kind in who]
    scopes = [hat.removeprefix("scope:") for hat in who if hat.startswith("scope:")]
    grants = [Grant(agency="city", role=role) for role in get_args(Role) if role in who]
    kind: Kind = kinds[0] if kinds else "staff" if grants else "machine"
    return Principal(id=resident.id, kind=kind, session_id=resident.session_id, grants=grants, scopes=scopes)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=abc",
        "limit=1.5",
        "limit=9223372036854775808",
        "limit=" + "9" * 400,
        "limit=1%00",
        "cursor=%00",
        "cursor=%ff",
        "cursor=" + "A" * 300,
        "kind=elephant",
    ],
)
async def test_a_malformed_question_is_refused(db: Connection, desk: httpx.AsyncClient, query: str) -> None:
    headers = (await a_resident(db)).headers
    answer = await desk.get(f"/v1/wallet/movements?{query}", headers=headers)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "headers",
    [
        {b"accept-language": b"\xff\xfe"},
        {b"accept-language": b"en;q=" + b"9" * 5000},
        {b"accept": b"\xff"},
        {b"content-type": b"application/json; charset=klingon"},
        {b"content-type": b"application/json; charset=\xff"},
        {b"content-type": b"multipart/form-data; charset=klingon; boundary=x"},
        {b"cookie": b"huong_refresh=\xff; ; =; a"},
        {b"x-forwarded-for": b"\xff,,,"},
        {b"host": b"\xff"},
    ],
)
async def test_no_header_makes_a_door_fall_off_its_hinges(
    db: Connection, desk: httpx.AsyncClient, headers: dict[bytes, bytes]
) -> None:
    resident = await a_resident(db)
    signed = {b"authorization": f"Bearer {resident.token}".encode()}
    assert (await desk.get("/v1/me", headers=signed | headers)).status_code in {200, 400}
    answer = await desk.post(
        "/v1/sign-in/refreshes", content=b"{}", headers={b"content-type": b"application/json"} | headers
    )
    assert answer.status_code in {400, 401, 415}, answer.text


# What goes wrong


async def test_a_surprise_is_a_500_that_says_nothing_but_its_request_id(
    db: Connection, desk: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def surprise(*_: object) -> None:
        raise ZeroDivisionError("the vault's number is 1234")

    monkeypatch.setattr(sessions, "profile", surprise)
    with capture_logs() as lines:
        answer = await desk.get("/v1/me", headers=(await a_resident(db)).headers)
    assert problem(answer) == (500, "InternalError")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "vault" not in answer.text
    assert "ZeroDivisionError" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    [unhandled] = [line for line in lines if line["event"] == "unhandled"]
    assert isinstance(unhandled["exc_info"], ZeroDivisionError)


async def test_a_surprise_takes_back_what_the_request_wrote(
    db: Connection, desk: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def surprise(*_: object) -> None:
        raise ZeroDivisionError

    challenge_id = (await ask_for_code(desk)).json()["challenge_id"]
    body = {"challenge_id": challenge_id, "code": "000000"}
    with monkeypatch.context() as broken, capture_logs():
        broken.setattr(sessions, "profile", surprise)
        assert (await desk.post("/v1/sign-in/sessions", json=body)).status_code == 500
    assert await db.fetch(sql.principals_by_phone, PLAY_PHONE) == []
    assert (await desk.post("/v1/sign-in/sessions", json=body)).status_code == 201


async def test_a_deed_whose_commit_is_lost_is_not_said_to_be_undone(
    town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town.database.transaction() as db:
        resident = await a_resident(db)

    async def breaks(db: Connection, *_: object) -> None:
        async with town.database.acquire() as elsewhere:
            await elsewhere.execute(sql.end_backend, await db.fetchval(sql.my_pid))

    with monkeypatch.context() as broken:
        broken.setattr(sessions, "change_profile", breaks)
        answer = await town.client.patch("/v1/me", headers=resident.headers, json={"language": "en"})
    assert problem(answer) == (503, "OutcomeUnknown")
    assert answer.headers["retry-after"] == "1"
    assert (await town.client.patch("/v1/me", headers=resident.headers, json={"language": "en"})).status_code == 200


async def test_a_connection_that_breaks_in_the_middle_is_a_503_and_the_next_request_works(town: City) -> None:
    async with town.database.transaction() as busy:
        await busy.execute(codes.sql.lock_phone, REAL_PHONE)
        asking = asyncio.create_task(ask_for_code(town.client, REAL_PHONE))
        async with town.database.acquire() as db, asyncio.timeout(5):
            while (pid := await db.fetchval(sql.waiters)) is None:  # noqa: ASYNC110 - it happens in the database
                await asyncio.sleep(0.01)
            await db.execute(sql.end_backend, pid)
        answer = await asking
    assert problem(answer) == (503, "Unavailable")
    assert answer.headers["retry-after"] == "1"
    assert (await ask_for_code(town.client, REAL_PHONE)).status_code == 202


async def test_every_request_has_an_id_of_its_own(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    answers = [
        await desk.get("/livez"),
        await desk.get("/v1/me", headers=resident.headers),
        await desk.post("/v1/wallet/unlocks", headers=resident.headers, json={"pin": PIN}),
        await desk.get("/v1/nothing", headers={"x-request-id": "mine"}),
    ]
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)
    assert "mine" not in answers[-1].headers["x-request-id"]


async def test_trouble_while_a_token_is_looked_up_is_a_problem_too(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with city.database.transaction() as db:
        resident = await a_resident(db)

    async def slow(*_: object) -> None:
        raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")

    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    for trouble, expected in ((slow, (503, "Unavailable")), (broken, (500, "InternalError"))):
        monkeypatch.setattr(city.app.state.bearer.holders, "look", trouble)
        answer = await city.client.get("/v1/me", headers=resident.headers)
        assert problem(answer) == expected
        assert answer.headers["x-request-id"] == answer.json()["request_id"]
        assert "content-security-policy" in answer.headers


async def test_an_empty_body_is_told_what_is_missing(desk: httpx.AsyncClient) -> None:
    answer = await desk.post("/v1/sign-in/codes", headers=JSON)
    assert (answer.status_code, answer.json()["errors"]) == (
        400,
        [{"field": "", "message": "a JSON body is expected"}],
    )
