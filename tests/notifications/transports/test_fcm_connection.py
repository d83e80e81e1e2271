"""A connection to FCM, without a socket: what is said in which order, byte for byte."""

from typing import Any

import pytest
from h2.events import RequestReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes

from notifications.transports.fcm_connection import Connection
from notifications.transports.http2 import Header, Http2

HEADERS: list[Header] = [
    (b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"fcm"), (b":path", b"/"),
]  # fmt: skip
NO_LAST = 2**31 - 1


class Asked:
    """A request under way."""

    def __init__(self) -> None:
        self.status = 0
        self.retry_after: str | None = None
        self.body = bytearray()
        self.until = 1e9


class Owner:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def answered(self, asked: Any) -> None:
        self.told.append(("answered", asked))

    def untouched(self, asked: Any) -> None:
        self.told.append(("untouched", asked))

    def lost(self, asked: Any, why: str) -> None:
        self.told.append((why, asked))

    def has_room(self, connection: Connection) -> None:
        pass

    def ended(self, connection: Connection, why: str) -> None:
        self.told.append(("ended", why))


class Wire:
    """Stands for asyncio's transport."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.closed = False

    def get_extra_info(self, name: str) -> Any:
        return self

    def selected_alpn_protocol(self) -> str:
        return "h2"

    def write(self, data: bytes) -> None:
        self.sent += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close


class Both:
    """A connection and its other end."""

    def __init__(self, **settings: int) -> None:
        said = {SettingCodes[name]: value for name, value in settings.items()}
        self.owner, self.wire = Owner(), Wire()
        self.there = Http2(client=False, strict=True, settings=said)
        self.here = Connection(self.owner, lambda: 0.0)
        self.here.connection_made(self.wire)  # pyright: ignore[reportArgumentType]
        self.there.begin()
        self.speak()
        self.listen()

    def speak(self) -> None:
        """What they have to say."""
        self.here.data_received(self.there.data_to_send())

    def listen(self) -> list[Any]:
        """What we have said, as they hear it."""
        self.here._flush()  # pyright: ignore[reportPrivateUsage]
        sent, self.wire.sent = bytes(self.wire.sent), bytearray()
        return self.there.receive_data(sent)


async def test_what_was_asked_before_a_farewell_is_still_said() -> None:
    both, asked = Both(), Asked()
    both.here.ask(asked, HEADERS, b"{}")  # and nothing of it has left yet
    both.there.close_connection(last_stream_id=NO_LAST)
    both.speak()
    assert {type(event) for event in both.listen()} >= {RequestReceived, StreamEnded}
    assert both.owner.told == []
    assert both.here.room == 0
    both.there.send_headers(1, [(b":status", b"200")])
    both.there.send_data(1, b"{}", end_stream=True)
    both.speak()
    assert both.owner.told == [("answered", asked), ("ended", "")]
    assert (asked.status, bytes(asked.body)) == (200, b"{}")
    assert both.wire.closed


async def test_only_what_a_goaway_cuts_off_goes_elsewhere() -> None:
    both, one, two = Both(), Asked(), Asked()
    both.here.ask(one, HEADERS, b"{}")
    both.here.ask(two, HEADERS, b"{}")
    both.listen()
    both.there.close_connection(last_stream_id=1)
    both.speak()
    assert both.owner.told == [("untouched", two)]
    both.here.connection_lost(None)
    assert both.owner.told[1:] == [("connection closed", one), ("ended", "connection closed")]


async def test_an_answer_to_half_a_body_is_an_answer() -> None:
    both, asked = Both(INITIAL_WINDOW_SIZE=10), Asked()
    both.here.ask(asked, HEADERS, b"0123456789 and more")
    assert not any(isinstance(event, StreamEnded) for event in both.listen())
    assert both.here.room == 0, "nobody overtakes a body on its way"
    both.there.send_headers(1, [(b":status", b"413")], end_stream=True)
    both.speak()
    assert both.owner.told == [("answered", asked)]
    assert any(isinstance(event, StreamReset) for event in both.listen()), "the rest is not said"
    assert both.here.room == 100


async def test_windows_that_open_let_the_rest_through() -> None:
    both, asked = Both(INITIAL_WINDOW_SIZE=10), Asked()
    both.here.ask(asked, HEADERS, b"0123456789 and more")
    both.listen()
    both.there.increment_flow_control_window(4, 1)
    both.speak()
    assert not any(isinstance(event, StreamEnded) for event in both.listen())
    both.there.increment_flow_control_window(100, 1)
    both.speak()
    assert any(isinstance(event, StreamEnded) for event in both.listen())


@pytest.mark.parametrize("wanted", [1, 100, 1000])
async def test_there_is_room_for_as_many_as_they_take_and_a_hundred_at_most(wanted: int) -> None:
    assert Both(MAX_CONCURRENT_STREAMS=wanted).here.room == min(wanted, 100)


async def test_the_same_headers_are_a_few_bytes_each_time() -> None:
    both, sizes = Both(), list[int]()
    headers = [*HEADERS, (b"authorization", b"Bearer " + b"x" * 1000)]
    for stream_id in (1, 3, 5, 7):
        both.here.ask(Asked(), headers, b"")
        both.here._flush()  # pyright: ignore[reportPrivateUsage]
        sizes.append(len(both.wire.sent))
        heard = [event for event in both.listen() if isinstance(event, RequestReceived)]
        assert [(event.stream_id, list(event.headers or [])) for event in heard] == [(stream_id, headers)]
    assert sizes[0] > 700
    assert max(sizes[1:]) < 40
