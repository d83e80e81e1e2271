"""Whatever is sent, the answer is ours: 4xx problem+json, never a 500, and what is too long is not read to its end.

`test_errors.py` tries odd bodies at every door; here is what goes on below JSON, over real sockets too, and what
counts as a number."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from app.db import Connection
from app.deps import _decoder_of  # pyright: ignore[reportPrivateUsage]
from app.rates import UNCOUNTED
from tests.app.phones import problem
from tests.conftest import City, Desk, served
from tests.house.doors import doors, filled
from tests.logged import logged
from tests.makers import Resident, a_resident, a_shop
from tests.statements import sql

JSON = {"content-type": "application/json"}
CODES = "/v1/sign-in/codes"
MEGABYTE = 1024 * 1024


# Numbers


@pytest.fixture
async def pays(db: Connection, desk: httpx.AsyncClient) -> Callable[[str], Any]:
    """Tries to place an order of an amount, as it is written."""
    shop = await a_shop(db)

    async def place(amount: str) -> httpx.Response:
        body = f'{{"terminal_id": "{shop.terminal_id}", "amount": {amount}}}'.encode()
        path = f"/v1/merchants/{shop.id}/orders/{uuid4()}"
        return await desk.put(path, content=body, headers=shop.owner.headers | JSON)

    return place


@pytest.mark.parametrize(
    "amount",
    [
        "0", "-1", "-0", "1.5", "1.0", "1000.0", "1e3", "1E3", "1e+3", "10e-1", "1e999", '"1000"', '"1e3"', "true",
        "null", "[1000]", "{}", "9223372036854775807", "9223372036854775808", "-9223372036854775809",
        "18446744073709551616", "1000000000001", "1" + "0" * 400, "NaN", "Infinity", "-Infinity", "0x10", "01", "+1",
        "1_000", "1,000", "1000đ", ".5", "1.", "'1000'",
    ],
)  # fmt: skip
async def test_c32_an_amount_is_a_whole_number_of_dong_and_written_as_one(
    pays: Callable[[str], Any], amount: str
) -> None:
    assert problem(await pays(amount)) == (400, "Malformed")


async def test_c32_what_is_wrong_with_an_amount_is_told(pays: Callable[[str], Any]) -> None:
    answers = [(await pays(amount)).json()["errors"] for amount in ("1e3", '"1000"', "0")]
    assert answers == [
        [{"field": "amount", "message": "Expected `int`, got `float`"}],
        [{"field": "amount", "message": "Expected `int`, got `str`"}],
        [{"field": "amount", "message": "Expected `int` >= 1"}],
    ]
    assert (await pays("1000")).status_code == 201


def test_c32_no_door_takes_a_number_in_quotes_for_a_number() -> None:
    """Every body is read strictly, straight into its struct."""
    for door in doors():
        if "data" in door.hints:
            decoder = _decoder_of(door.handler.fn)
            assert decoder.strict, door
            assert decoder.type is not Any, door


async def test_a_flag_is_true_or_false(db: Connection, desk: httpx.AsyncClient) -> None:
    headers = (await a_resident(db)).headers
    for text in ('"true"', "1", '"1"', '"yes"'):
        body = f'{{"new_number": {text}}}'.encode()
        answer = await desk.put(f"/v1/me/verifications/{uuid4()}", content=body, headers=headers | JSON)
        assert problem(answer) == (400, "Malformed"), text


# JSON


async def test_of_a_key_that_is_there_twice_the_last_one_counts(db: Connection, desk: httpx.AsyncClient) -> None:
    """RFC 8259, 4 leaves it open; whoever checks before us must know."""
    body = b'{"phone": "0905123456", "phone": "0905123457"}'
    challenge = (await desk.post(CODES, content=body, headers=JSON)).json()
    kept = await db.fetchrow(sql.code_row, UUID(challenge["challenge_id"]))
    assert kept is not None
    assert kept["phone"] == "+84905123457"


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + b'{"phone": "0905123456"}',
        '{"phone": "0905123456"}'.encode("utf-16"),
        '{"phone": "0905123456"}'.encode("utf-32"),
        b'{"phone": "0905123456", "phone": NaN}',
        b'{"phone": "0905123456"}{}',
        b'{"phone": "0905123456"} // a comment',
        b'\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03',
    ],
    ids=["a mark", "utf-16", "utf-32", "not a number", "two", "a comment", "gzip"],
)  # fmt: skip
async def test_what_is_almost_json_is_malformed(desk: httpx.AsyncClient, body: bytes) -> None:
    assert problem(await desk.post(CODES, content=body, headers=JSON)) == (400, "Malformed")


async def test_d33_json_of_any_depth_is_refused_and_not_fallen_into(desk: httpx.AsyncClient) -> None:
    for deep in (b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000):
        for body in (deep, b'{"phone": ' + deep + b"}", b'{"phone": "0905123456", "x": ' + deep + b"}"):
            assert problem(await desk.post(CODES, content=body, headers=JSON)) == (400, "Malformed")


async def test_d33_json_of_any_depth_in_a_free_field_is_refused_too(db: Connection, desk: httpx.AsyncClient) -> None:
    """A passkey's credential is the browser's to shape."""
    headers = (await a_resident(db)).headers | JSON
    deep = b'{"method": "passkey", "credential": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}"
    answer = await desk.put(f"/v1/wallet/step-ups/{uuid4()}/proof", content=deep, headers=headers)
    assert problem(answer) == (400, "Malformed")


# Kinds


ODD_KINDS: list[tuple[bytes, bytes]] = [
    (
        b"multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="\xff\xfe"\r\n\r\n\xff\r\n--x--',
    ),
    (b"multipart/form-data; boundary=x; charset=klingon", b"--x\r\n\r\n\r\n--x--"),
    (b"multipart/form-data", b"--x--"),
    (b"multipart/form-data; boundary=\xff", b"--x--"),
    (b"application/x-www-form-urlencoded; charset=klingon", b"phone=%ff"),
    (b"text/plain; charset=klingon", b"\xff"),
    (b"\xff\xfe", b"{}"),
    (b"", b"{}"),
    (b"application/json, text/plain", b"{}"),
    (b"application/jsonp", b"{}"),
]


@pytest.mark.parametrize(("kind", "body"), ODD_KINDS, ids=[repr(kind) for kind, _ in ODD_KINDS])
async def test_what_is_not_json_by_name_is_not_looked_at(desk: httpx.AsyncClient, kind: bytes, body: bytes) -> None:
    answer = await desk.post(CODES, content=body, headers={b"content-type": kind})
    assert problem(answer) == (415, "UnsupportedMediaType")


async def test_a_body_without_a_kind_is_not_looked_at(desk: httpx.AsyncClient) -> None:
    assert problem(await desk.post(CODES, content=b'{"phone": "0905123456"}')) == (415, "UnsupportedMediaType")


# Bodies that are too long


async def test_d33_what_announces_itself_as_too_long_is_refused_before_it_comes(desk: httpx.AsyncClient) -> None:
    drops = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal drops
        while True:
            drops += 1
            yield b" " * 1024

    headers = JSON | {"content-length": str(10 * MEGABYTE)}
    assert problem(await desk.post(CODES, content=body(), headers=headers)) == (413, "TooLarge")
    assert drops == 0


@pytest.mark.parametrize("announced", [None, "10", "0"], ids=["chunked", "a lie", "a great lie"])
async def test_d33_what_comes_too_long_is_cut_off(desk: httpx.AsyncClient, announced: str | None) -> None:
    """The server below holds a body to its announced length; this holds without one."""
    drops = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal drops
        for _ in range(10 * 1024):
            drops += 1
            yield b" " * 1024

    headers = JSON | ({} if announced is None else {"content-length": announced})
    assert problem(await desk.post(CODES, content=body(), headers=headers)) == (413, "TooLarge")
    assert drops <= 66


@pytest.mark.parametrize("announced", ["ten", "-1", "1.5", "", "1e3", "9" * 400, "０"])
async def test_a_length_that_is_none_is_no_500(desk: httpx.AsyncClient, announced: str) -> None:
    headers = {b"content-type": b"application/json", b"content-length": announced.encode()}
    answer = await desk.post(CODES, content=b'{"phone": "1"}', headers=headers)
    assert answer.status_code in {400, 413}
    assert answer.headers["content-type"] == "application/problem+json"


def test_d33_every_door_has_a_bound_for_its_body() -> None:
    """64 KB; what takes more says how much."""
    most = {door.name: door.handler.resolve_request_max_body_size() for door in doors()}
    assert all(bound for bound in most.values())
    assert {name for name, bound in most.items() if bound and bound > 64 * 1024} <= LARGE


LARGE = {
    "reconcile", "put_upload", "create_tus_upload", "patch_tus_upload", "patch_or_terminate_tus_upload",
    "post_service_request", "post_service_request_update",
}  # fmt: skip
"""Doors that take more than 64 KB; each needs a reason: a day's file of a bank has a line per transfer, photographs
are written down as they come, and Open311's forms have a picture in them."""


# Addresses


ODD_PATHS = (
    "/v1/me%00", "/%00", "/v1/%00/me", "/v1/me/%2e%2e", "/v1/%ff%fe", "/v1/me%0d%0aset-cookie:a=b", "/v1//me//",
    "/v1/merchants/%00", "/v1/merchants/5d0c6f6e-7f0b-4a34-8f1e-0c1f6a9d2b70%00",
    "/v1/merchants/5d0c6f6e-7f0b-4a34-8f1e-0c1f6a9d2b70%0a",
    "/v1/merchants/{id}", "/v1/merchants/00000000000000000000000000000000000",
    "/" + "v1/" * 20_000, "/v1/" + "%00" * 20_000, "/v1/merchants/" + "a" * 60_000,
)  # fmt: skip


@pytest.mark.parametrize("path", ODD_PATHS, ids=[path[:40] for path in ODD_PATHS])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_no_path_leads_to_a_500(db: Connection, desk: httpx.AsyncClient, method: str, path: str) -> None:
    headers = (await a_resident(db)).headers | JSON
    answer = await desk.request(
        method, httpx.URL("http://huong.test").copy_with(raw_path=path.encode()), headers=headers
    )
    assert answer.status_code in {200, 204, 400, 404, 405}
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


ELSEWHERE = {"readyz", "begin_staff_sign_in"}
"""Doors behind which others are asked, who are not there."""


async def test_no_query_leads_to_a_500(db: Connection, desk: httpx.AsyncClient) -> None:
    headers = (await a_resident(db)).headers
    odd = (
        "%00",
        "%ff",
        "a" * 60_000,
        "&" * 60_000,
        "=".join("ab" * 10_000),
        "limit=1&limit=2",
        "limit[]=1",
        "cursor",
    )
    for door in doors():
        if door.method == "GET" and "{" not in door.path:
            for query in odd:
                answer = await desk.get(f"{door.path}?{query}", headers=headers)
                no_fault = answer.status_code < 500 or (answer.status_code == 503 and door.name in ELSEWHERE)
                assert no_fault, f"{door}?{query[:20]}"


async def test_a_parameter_that_says_null_says_nothing_that_there_is(db: Connection, desk: httpx.AsyncClient) -> None:
    headers = (await a_resident(db)).headers
    for value in ("null", "NULL", "Null", "elephant"):
        answer = await desk.get("/v1/wallet/movements", params={"kind": value}, headers=headers)
        assert problem(answer) == (400, "Malformed"), value
    answer = await desk.get("/v1/wallet/bills", params={"biller": "null", "customer_code": "null"}, headers=headers)
    assert problem(answer) == (404, "UnknownBiller")  # a text may be this one


# Methods


async def test_what_an_address_takes_is_told_to_whoever_tries_otherwise(desk: httpx.AsyncClient) -> None:
    for path, allowed in (
        ("/v1/home", "GET, HEAD, OPTIONS"),
        (CODES, "OPTIONS, POST"),
        ("/livez", "GET, HEAD, OPTIONS"),
    ):
        for method in ("DELETE", "PATCH", "BREW", "TRACE"):
            answer = await desk.request(method, path)
            assert problem(answer) == (405, "MethodNotAllowed")
            assert answer.headers["allow"] == allowed


async def test_what_an_address_takes_is_told_to_whoever_asks(db: Connection, desk: httpx.AsyncClient) -> None:
    headers = (await a_resident(db)).headers
    taken: dict[str, set[str]] = {}
    for door in doors():
        taken.setdefault(door.path, {"OPTIONS"}).update({"GET", "HEAD"} if door.method == "GET" else {door.method})
    assert len(taken) > 30
    for path, methods in taken.items():
        if path in UNCOUNTED:  # nobody looks there who asks
            continue
        answer = await desk.options(filled(path), headers=headers)
        assert (answer.status_code, answer.headers["allow"]) == (204, ", ".join(sorted(methods))), path


async def test_a1_head_is_answered_as_get_would_be_but_for_the_body(db: Connection, desk: httpx.AsyncClient) -> None:
    headers = (await a_resident(db)).headers
    asked = 0
    for door in doors():
        if door.method == "GET" and "{" not in door.path and door.name not in ELSEWHERE | {"metrics"}:
            for who in ({}, headers):
                got, head = await desk.get(door.path, headers=who), await desk.head(door.path, headers=who)
                assert head.content == b"", door
                assert head.status_code == got.status_code, door
                assert _comparable(head) == _comparable(got), door
                asked += 1
    assert asked > 20


def _comparable(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "date"}}


async def test_head_knows_what_is_unchanged(desk: httpx.AsyncClient) -> None:
    etag = (await desk.get("/v1/places/wards")).headers["etag"]
    head = await desk.head("/v1/places/wards", headers={"if-none-match": etag})
    assert (head.status_code, head.content) == (304, b"")


async def test_head_is_logged_as_what_it_was_and_where(desk: httpx.AsyncClient) -> None:
    with logged() as lines:
        await desk.head("/livez")
    assert [(line["method"], line["route"]) for line in lines if line["event"] == "request"] == [("HEAD", "/livez")]


async def test_head_of_what_takes_no_get_is_refused(db: Connection, desk: httpx.AsyncClient) -> None:
    answer = await desk.head("/v1/sign-in/codes")
    assert (answer.status_code, answer.content) == (405, b"")


async def test_a_page_of_the_schema_that_is_not_there_is_a_problem_like_any_other(desk: httpx.AsyncClient) -> None:
    for path in ("/schema/swagger", "/schema/openapi.yaml", "/schema/a/b", "/schema/%00"):
        assert problem(await desk.get(path)) == (404, "NotFound")


async def test_whoever_hangs_up_is_nobodys_fault(desk_app: Desk) -> None:
    """A phone in a tunnel must not ring the alarm."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": CODES, "raw_path": CODES.encode(), "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1),
        "server": ("huong.test", 80), "headers": [(b"content-type", b"application/json")], "extensions": {},
    }  # fmt: skip
    with capture_logs() as lines:
        await desk_app.app(scope, receive, send)
    assert not [line for line in lines if line["log_level"] == "error"]
    assert sent[0]["status"] == 400


# Over a socket


@dataclass(frozen=True)
class Wire:
    """A served city, spoken to in bytes."""

    port: int
    resident: Resident

    async def say(self, text: bytes) -> bytes:
        """What is answered until the other side falls silent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(text)
            async with asyncio.timeout(5):
                return await reader.read(MEGABYTE)
        finally:
            writer.close()

    async def status(self, text: bytes) -> int:
        """The status alone."""
        return int((await self.say(text)).split(b" ", 2)[1])


@pytest.fixture
async def wire(town: City) -> AsyncIterator[Wire]:
    async with town.database.transaction() as db:
        resident = await a_resident(db)
    async with served(town.app) as port:
        yield Wire(port, resident)


def a_request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Bytes of HTTP/1.1; nothing is added but the host and the wish to end."""
    lines = [f"{method} {path} HTTP/1.1", "host: huong.test", "connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


async def test_what_breaks_http_itself_is_a_400(wire: Wire) -> None:
    for text in (
        b"\x00\x00\x00\r\n\r\n",
        b"GET /v1/me\x00 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /v1/me HTTP/1.1\r\nhost: a\r\nx: \x00\r\n\r\n",
        b"POST /v1/sign-in/codes HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        b"POST /v1/sign-in/codes HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}",
    ):
        assert await wire.status(text) == 400, text


async def test_d33_a_socket_is_not_read_to_the_end_of_what_is_too_long(wire: Wire) -> None:
    announced = a_request("POST", CODES, JSON | {"content-length": str(10 * MEGABYTE)})
    assert await wire.status(announced) == 413
    chunk = b"400\r\n" + b" " * 1024 + b"\r\n"
    chunked = a_request("POST", CODES, JSON | {"transfer-encoding": "chunked"}, chunk * 200)
    assert await wire.status(chunked) == 413


async def test_a_socket_that_says_more_than_it_announced_says_it_in_vain(wire: Wire) -> None:
    body = b'{"phone": "0905123456"}'
    answer = await wire.say(a_request("POST", CODES, JSON | {"content-length": "2"}, body))
    assert answer.split(b" ", 2)[1] == b"400"


async def test_head_over_a_socket_says_how_long_it_would_be_and_no_more(wire: Wire) -> None:
    headers = {"authorization": f"Bearer {wire.resident.token}"}
    head = await wire.say(a_request("HEAD", "/v1/me", headers))
    top, _, rest = head.partition(b"\r\n\r\n")
    assert (top.split(b" ", 2)[1], rest) == (b"200", b"")
    _, _, body = (await wire.say(a_request("GET", "/v1/me", headers))).partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in top.lower()


async def test_long_headers_and_paths_over_a_socket_are_no_500(wire: Wire) -> None:
    for text in (
        a_request("GET", "/v1/me", {"x": "y" * 100_000}),
        a_request("GET", "/v1/me", {f"x-{n}": "y" for n in range(1000)}),
        a_request("GET", "/v1/me", {"authorization": "Bearer " + "x" * 50_000}),
        a_request("GET", "/" + "a" * 60_000, {}),
        a_request("GET", "/v1/me?" + "a=b&" * 15_000, {}),
    ):
        assert 400 <= await wire.status(text) < 500
