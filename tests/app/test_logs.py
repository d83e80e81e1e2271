"""The log tells what happened, and no secret of anybody's: no whole number, no code, no PIN, no token."""

import asyncio
import logging
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
import structlog
from structlog.testing import capture_logs

from app import jobs, observe
from app.config import SANDBOX_PEPPER
from app.db import Connection
from app.errors import InternalError
from app.identity import sessions
from app.jobs import Listener, News
from app.observe import Lines, scrubbed, start_logging
from app.worker import Worker
from tests.app.phones import REAL_PHONE, ask_for_code, bearer, printed, problem, redeem, refreshed
from tests.conftest import City, OneConnection
from tests.logged import logged
from tests.makers import PIN, a_resident
from tests.statements import sql

WRONG_PIN, WRONG_CODE = "147369", "999998"


def a_row_that_is_there_already() -> asyncpg.UniqueViolationError:
    """PostgreSQL's complaint, which quotes the row."""
    breach = asyncpg.UniqueViolationError('duplicate key value violates unique constraint "principal_phone_unique"')
    breach.detail = f"Key (phone)=({REAL_PHONE}) already exists."  # pyright: ignore[reportAttributeAccessIssue]
    assert REAL_PHONE in str(breach)
    return breach


def text_of(lines: Sequence[Mapping[str, Any]]) -> str:
    """All that the lines say, with the traces of what went wrong."""
    traces = [line["exc_info"] for line in lines if isinstance(line.get("exc_info"), BaseException)]
    return repr(lines) + "".join("".join(traceback.format_exception(trace)) for trace in traces)


async def test_a_day_with_secrets_leaves_none_in_the_log(
    town: City, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    client = town.client
    with logged() as lines, caplog.at_level(logging.DEBUG):
        challenge_id = (await ask_for_code(client, REAL_PHONE)).json()["challenge_id"]
        assert problem(await ask_for_code(client, REAL_PHONE)) == (429, "TooManyCodes")
        await town.worker.drain()
        [(_, code)] = printed(capsys)
        assert problem(await redeem(client, challenge_id, WRONG_CODE)) == (401, "WrongCode")
        session = (await redeem(client, challenge_id, code, device={"name": "Nokia"})).json()
        headers = bearer(session)
        assert (await client.put("/v1/me/pin", headers=headers, json={"pin": PIN})).status_code == 204
        wrong = await client.post("/v1/wallet/unlocks", headers=headers, json={"pin": WRONG_PIN})
        assert problem(wrong) == (403, "WrongPin")
        assert (await client.post("/v1/wallet/unlocks", headers=headers, json={"pin": PIN})).status_code == 201
        renewed = (await refreshed(client, session["refresh_token"])).json()
        paid = await client.post("/v1/wallet/payee-readings", headers=headers, json={"phone": REAL_PHONE})
        assert paid.status_code == 200
        await client.get(f"/v1/{session['access_token']}?pin={PIN}")
        await town.worker.drain()
    ours = [record.getMessage() for record in caplog.records if record.name != "httpx"]  # the tests' own client
    said = text_of(lines) + "".join(ours) + "".join(capsys.readouterr())

    assert [line["event"] for line in lines].count("request") == 10
    assert session["me"]["id"] in said
    secrets = {
        REAL_PHONE, REAL_PHONE.removeprefix("+84"), code, WRONG_CODE, PIN, WRONG_PIN, SANDBOX_PEPPER,
        session["access_token"], session["refresh_token"], renewed["access_token"], renewed["refresh_token"],
    }  # fmt: skip
    assert {secret for secret in secrets if secret in said} == set()


async def test_a_request_is_one_line_by_its_route(db: Connection, desk: httpx.AsyncClient) -> None:
    resident = await a_resident(db)
    with logged() as lines:
        answer = await desk.delete(f"/v1/sign-in/sessions/{resident.id}?why=x", headers=resident.headers)
    [line] = lines
    assert line.pop("ms") > 0
    assert line == {
        "log_level": "info",
        "event": "request",
        "method": "DELETE",
        "route": "/v1/sign-in/sessions/{session_id}",
        "status": 404,
        "request_id": answer.headers["x-request-id"],
        "principal": str(resident.id),
    }


async def test_a_job_that_fails_on_a_row_does_not_quote_it(db: Connection) -> None:
    async def hear(_: Connection, __: Sequence[News]) -> None:
        raise a_row_that_is_there_already()

    await db.execute(jobs.sql.record_event, "BellRang", {})
    with capture_logs() as lines:
        await Worker(OneConnection(db), [Listener(name="monk", kinds=("BellRang",), hear=hear)], ()).drain()
    [failed] = [line for line in lines if line["event"] == "job failed"]
    assert "UniqueViolationError" in failed["error"]
    assert REAL_PHONE not in text_of(lines)
    [job] = await db.fetch(sql.job_rows)
    assert "UniqueViolationError" in job["last_error"]
    assert REAL_PHONE not in job["last_error"]


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> list[logging.Handler]:
    """What a running city's log does with libraries' lines; pytest's own handlers stay."""
    made: list[logging.Handler] = []

    def basic_config(*, handlers: list[logging.Handler], **_: object) -> None:
        made.extend(handlers)

    monkeypatch.setattr(logging, "basicConfig", basic_config)
    monkeypatch.setattr(observe, "requests", None)  # and back again, whatever starts a log meanwhile
    return made


@pytest.fixture
def written(handlers: list[logging.Handler]) -> Callable[..., bytes]:
    """What the log of a running city holds of a line."""
    before, hook = structlog.get_config(), sys.excepthook
    start_logging("info")
    sys.excepthook = hook
    processors = structlog.get_config()["processors"]
    structlog.configure(**before)

    def write(**line: object) -> bytes:
        event: Any = line
        for processor in processors:
            event = processor(None, "error", event)
        return event

    return write


def test_a_line_is_json_with_its_level_and_its_time(written: Callable[..., bytes]) -> None:
    line = msgspec.json.decode(written(event="Huế", id=InternalError()))
    assert (line["event"], line["level"]) == ("Huế", "error")
    assert line["id"] == "InternalError('InternalError')"
    assert line["at"].endswith("Z")


def test_a_trace_does_not_quote_the_row(written: Callable[..., bytes]) -> None:
    line = written(event="unhandled", exc_info=a_row_that_is_there_already())
    assert (
        b'UniqueViolationError: duplicate key value violates unique constraint \\"principal_phone_unique\\"' in line
    )
    assert b"Key (phone)" not in line
    assert REAL_PHONE.encode() not in line
    assert msgspec.json.decode(line)["event"] == "unhandled"


def test_a_trace_tells_what_came_before_and_beside(written: Callable[..., bytes]) -> None:
    def fail() -> None:
        try:
            raise a_row_that_is_there_already()
        except asyncpg.UniqueViolationError as breach:
            raise ExceptionGroup("two things", [KeyError("Huế"), ValueError("Đà Nẵng")]) from breach

    with pytest.raises(ExceptionGroup) as raised:
        fail()
    trace = msgspec.json.decode(written(event="unhandled", exc_info=raised.value))["exception"]
    said = ("UniqueViolationError: duplicate", "and then", "KeyError: 'Huế'", "and beside it", "ValueError: Đà Nẵng")
    at = [trace.index(words) for words in (*said, "ExceptionGroup: two things")]
    assert at == sorted(at)
    assert "raise a_row_that_is_there_already()" in trace
    assert "Key (phone)" not in trace


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"no {REAL_PHONE}, no 0905123456", "no +84905***456, no 0905***456"),
        ("postgresql://huong:s3cret@db/huong", "postgresql://huong:***@db/huong"),
        ("GET https://id.example/token?code=abc&state=d 502", "GET https://id.example/token?*** 502"),
        ("authorization: Bearer abcdefgh.ijkl", "authorization: Bearer ***"),
        ("{'Authorization': 'Basic aHVvbmc6czNjcmV0'}", "{'Authorization': 'Basic ***'}"),
        (f"hk_test_{'A' * 22}{'b' * 49}!", f"hk_test_{'A' * 22}***!"),
        ("id eyJhbGciOiJI.eyJzdWIiOiIx.c2ln.", "id ***."),
        (f"cookie=__Host-x={'t' * 43};", "cookie=__Host-x=***;"),
        (
            "invalid input for query argument $2: '258036' (expected int)\nat 1",
            "invalid input for query argument $2: ***\nat 1",
        ),
        ('invalid input syntax for type uuid: "258036"', "invalid input syntax for type uuid: ***"),
        ("breach\nDETAIL:  Failing row contains (1,\nHuế).\nHINT: none", "breach"),
        (
            "01a20a71-7c70-76cd-b61a-856f9bf0bdfd, 1.000.000 đồng, 0.25 s",
            "01a20a71-7c70-76cd-b61a-856f9bf0bdfd, 1.000.000 đồng, 0.25 s",
        ),
    ],
)
def test_what_looks_like_a_secret_is_not_written(text: str, kept: str) -> None:
    assert scrubbed(text) == kept


def test_what_this_process_knows_is_not_written_by_anybody(
    handlers: list[logging.Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = structlog.get_config()
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    start_logging("info", ['our "own" secret', "short"])
    structlog.configure(**before)
    [handler] = handlers
    record = logging.LogRecord("redis", logging.ERROR, "", 0, "wrong: %r, short", ('our "own" secret',), None)
    assert msgspec.json.decode(handler.format(record))["event"] == "wrong: '***', short"
    start_logging("info")
    structlog.configure(**before)
    assert "own" in handler.format(record)


@pytest.mark.usefixtures("written")
def test_a_librarys_line_is_like_ours(handlers: list[logging.Handler]) -> None:
    breach = a_row_that_is_there_already()
    record = logging.LogRecord("asyncpg", logging.ERROR, "", 0, "%s broke", ("it",), (type(breach), breach, None))
    [handler] = handlers
    line = msgspec.json.decode(handler.format(record))
    assert (line["event"], line["level"], line["logger"]) == ("it broke", "error", "asyncpg")
    assert line["exception"].startswith("UniqueViolationError: duplicate key value")
    assert REAL_PHONE not in line["exception"]


async def test_a_surprise_is_logged_with_its_trace(
    db: Connection, desk: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def surprise(*_: object) -> None:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(sessions, "profile", surprise)
    resident = await a_resident(db)
    with logged() as lines:
        await desk.get("/v1/me?pin=258036", headers=resident.headers)
    assert [line["event"] for line in lines] == ["unhandled", "request"]
    assert lines[0]["path"] == "/v1/me"
    said = text_of(lines)
    assert "of all things" in said
    assert resident.token not in said
    assert "258036" not in said


def test_a_line_does_not_wait_for_a_loop_that_has_stopped(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    lines = Lines()

    async def say(line: bytes) -> None:
        lines.info(line)

    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(say(b"one"))
        assert capsysbinary.readouterr().err == b""
        lines.info(b"two")
        assert capsysbinary.readouterr().err == b"one\ntwo\n"
        loop.run_until_complete(say(b"three"))
        loop.run_until_complete(asyncio.sleep(0.1))
        assert capsysbinary.readouterr().err == b"three\n"
    finally:
        loop.close()
