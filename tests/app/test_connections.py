"""A connection as uvicorn serves it: an answer is one piece, whatever it consists of."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import pytest
from litestar import Litestar, get
from litestar.response import Stream

from app.connections import MOST_GATHERED_BYTES, Gathered
from tests.conftest import served

PIECE = b"x" * 10_000
PIECES = 400


class Wire(asyncio.Transport):
    """What went out, and how."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.ended = ""

    def write(self, data: bytes) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.sent.append(data)

    def is_closing(self) -> bool:
        return bool(self.ended)

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def gathered(wire: Wire) -> Gathered:
    return Gathered(wire, asyncio.get_running_loop())


async def test_what_is_written_in_one_go_is_one_piece(gathered: Gathered, wire: Wire) -> None:
    gathered.write(b"head ")
    gathered.write(b"body")
    assert wire.sent == []
    gathered.flush()
    assert wire.sent == [b"head body"]
    await asyncio.sleep(0)
    assert wire.sent == [b"head body"]


async def test_what_nobody_flushes_goes_out_at_the_next_turn(gathered: Gathered, wire: Wire) -> None:
    for word in (b"one", b"two"):
        gathered.write(word)
        await asyncio.sleep(0)
        assert wire.sent[-1] == word


async def test_no_more_waits_than_a_little(gathered: Gathered, wire: Wire) -> None:
    for _ in range(PIECES):
        gathered.write(PIECE)
        assert gathered.size < MOST_GATHERED_BYTES
    assert sum(map(len, wire.sent)) > PIECES * len(PIECE) - MOST_GATHERED_BYTES


async def test_the_last_words_are_sent_before_it_is_closed(gathered: Gathered, wire: Wire) -> None:
    gathered.write(b"goodbye")
    gathered.close()
    assert (wire.sent, wire.ended) == ([b"goodbye"], "closed")


async def test_what_is_cut_says_nothing_more(gathered: Gathered, wire: Wire) -> None:
    gathered.write(b"never heard")
    gathered.abort()
    await asyncio.sleep(0)
    assert (wire.sent, wire.ended) == ([], "aborted")


async def test_who_is_gone_is_told_nothing(gathered: Gathered, wire: Wire) -> None:
    gathered.write(b"never heard")
    wire.ended = "lost"
    gathered.flush()
    assert (wire.sent, gathered.waiting, gathered.size) == ([], [], 0)


# Over a socket


@get("/small", media_type="text/plain")
async def small() -> str:
    return "Huế"


@get("/slow", media_type="text/plain")
async def slow() -> Stream:
    """Its head is out long before its end."""

    async def words() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.sleep(0.3)
        yield b"last"

    return Stream(words())


produced = 0


@get("/long", media_type="text/plain")
async def long() -> Stream:
    """More than a socket takes at once, as fast as it is asked for."""

    def pieces() -> Iterator[bytes]:
        global produced
        for _ in range(PIECES * 10):
            produced += 1
            yield PIECE

    return Stream(pieces())


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with served(Litestar([small, slow, long])) as number:
        yield number


class Phone(asyncio.Protocol):
    """Keeps what it reads, each time that there is something."""

    def __init__(self) -> None:
        self.read: list[bytes] = []
        self.over = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.read.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set_result(None)


async def asks(port: int, *paths: str) -> tuple[Phone, asyncio.Transport]:
    transport, phone = await asyncio.get_running_loop().create_connection(Phone, "127.0.0.1", port)
    ends = ["keep-alive"] * (len(paths) - 1) + ["close"]
    for path, end in zip(paths, ends, strict=True):
        transport.write(f"GET {path} HTTP/1.1\r\nhost: a\r\nconnection: {end}\r\n\r\n".encode())
    return phone, cast(Any, transport)


async def test_an_answer_is_one_piece_on_the_wire(port: int) -> None:
    phone, _ = await asks(port, "/small")
    await asyncio.wait_for(phone.over, 5)
    [answer] = phone.read
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith("\r\n\r\nHuế".encode())


async def test_answers_to_what_was_asked_in_one_breath_come_in_order(port: int) -> None:
    phone, _ = await asks(port, "/small", "/slow", "/small")
    await asyncio.wait_for(phone.over, 5)
    said = b"".join(phone.read)
    assert said.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert said.index("Huế".encode()) < said.index(b"first") < said.index(b"last") < said.rindex("Huế".encode())


async def test_a_first_word_does_not_wait_for_the_last(port: int) -> None:
    phone, _ = await asks(port, "/slow")
    async with asyncio.timeout(5):
        while b"first" not in b"".join(phone.read):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    assert b"last" not in b"".join(phone.read)
    assert not phone.over.done()
    await asyncio.wait_for(phone.over, 5)
    assert b"last" in b"".join(phone.read)


async def test_who_goes_away_in_the_middle_is_no_trouble(port: int, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(20):
        phone, transport = await asks(port, "/long")
        async with asyncio.timeout(5):
            while not phone.read:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.001)
        transport.abort()
    phone, _ = await asks(port, "/small")
    await asyncio.wait_for(phone.over, 5)
    assert [record.getMessage() for record in caplog.records if record.levelname in {"WARNING", "ERROR"}] == []


async def test_who_reads_nothing_is_waited_for(port: int) -> None:
    global produced
    produced = 0
    phone, transport = await asks(port, "/long")
    transport.pause_reading()
    before = -1
    async with asyncio.timeout(10):
        while produced == 0 or produced != before:
            before = produced
            await asyncio.sleep(0.3)
    assert produced < PIECES * 10
    transport.resume_reading()
    await asyncio.wait_for(phone.over, 20)
    assert produced == PIECES * 10
    assert sum(map(len, phone.read)) > PIECES * 10 * len(PIECE)
