"""An answer of JSON and nothing beside it is written at once, whichever way a route says it; all else as before."""

from typing import Any

import msgspec
import pytest
from litestar import Litestar, get
from litestar.datastructures import Cookie
from litestar.response.base import ASGIResponse
from litestar.testing import AsyncTestClient

from app.replies import Reply


class Word(msgspec.Struct):
    word: str


@get("/struct")
async def struct() -> Word:
    return Word("Huế")


@get("/reply")
async def reply() -> Reply[Word]:
    return Reply(Word("Huế"), status_code=202)


@get("/cookie")
async def cookie() -> Reply[Word]:
    return Reply(Word("Huế"), cookies=[Cookie("seen", "yes")])


@get("/header")
async def header() -> Reply[Word]:
    return Reply(Word("Huế"), headers={"x-seen": "yes"})


@get("/text", media_type="text/plain")
async def text() -> Reply[str]:
    return Reply("Huế", media_type="text/plain")


@pytest.fixture
def the_long_way(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The bodies that the framework wrote."""
    taken: list[str] = []
    before = ASGIResponse.__init__

    def init(self: ASGIResponse, *given: Any, **named: Any) -> None:
        taken.append(named["body"].decode())
        before(self, *given, **named)

    monkeypatch.setattr(ASGIResponse, "__init__", init)
    return taken


@pytest.mark.parametrize(
    ("path", "status", "body", "is_straight"),
    [
        ("/struct", 200, '{"word":"Huế"}', True),
        ("/reply", 202, '{"word":"Huế"}', True),
        ("/cookie", 200, '{"word":"Huế"}', False),
        ("/header", 200, '{"word":"Huế"}', False),
        ("/text", 200, "Huế", False),
    ],
)
async def test_json_alone_is_written_at_once(
    the_long_way: list[str], path: str, status: int, body: str, *, is_straight: bool
) -> None:
    app = Litestar([struct, reply, cookie, header, text], response_class=Reply, openapi_config=None)
    async with AsyncTestClient(app) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.text) == (status, body)
    assert answer.headers["content-length"] == str(len(body.encode()))
    assert answer.headers["content-type"].startswith("text/plain" if path == "/text" else "application/json")
    assert ("set-cookie" in answer.headers, answer.headers.get("x-seen")) == (
        path == "/cookie", "yes" if path == "/header" else None,
    )  # fmt: skip
    assert (the_long_way == []) == is_straight
