"""The stand-in of FCM on the line: TLS, HTTP/2 for who asks for it (ALPN), else HTTP/1.1, which `requests` speaks."""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import h11
import msgspec
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError, StreamClosedError
from h2.settings import SettingCodes
from joserfc.jwk import RSAKey

from notifications.sandbox import fcm_account
from notifications.sandbox.fcm_account import Papers
from notifications.sandbox.fcm_cloud import Answer, Broken, Cloud, Parting
from notifications.transports.http2 import Header, Http2

MOST_BODY_BYTES = 64 * 1024
FRAME_BYTES = 16 * 1024
MOST_STREAM_ID = 2**31 - 1
FAREWELL_S = 0.01
NOWHERE = Answer(404, b'{"error":{"code":404,"message":"Not found","status":"NOT_FOUND"}}')

_JSON = (b"content-type", b"application/json; charset=UTF-8")


def answer_to(cloud: Cloud, method: str, path: str, authorization: str, body: bytes | bytearray) -> Answer | Broken:
    """Whatever is asked here."""
    if method == "POST" and path == "/token":
        return cloud.give_token(bytes(body))
    if method == "POST" and path.endswith("/messages:send"):
        return cloud.take(path, authorization, body)
    address = urlsplit(path)
    match [unquote(part) for part in address.path.split("/")[1:]]:
        case ["v1", "projects", _, "registrations", token, "topicSubscriptions"] if method == "POST":
            topic = dict(parse_qsl(address.query)).get("topic_name", "")
            return cloud.subscribe(authorization, token, topic, True)
        case ["v1", "projects", _, "registrations", token, "topicSubscriptions", topic] if method == "DELETE":
            return cloud.subscribe(authorization, token, topic, False)
        case _:
            return NOWHERE


class _Request:
    __slots__ = ("authorization", "body", "method", "path")

    def __init__(self, headers: list[Any]) -> None:
        self.method = self.path = self.authorization = ""
        self.body = bytearray()
        for name, value in headers:
            if name == b":method":
                self.method = value.decode("latin-1")
            elif name == b":path":
                self.path = value.decode("latin-1")
            elif name == b"authorization":
                self.authorization = value.decode("latin-1")


class Line(asyncio.Protocol):
    """One connection, in whichever HTTP."""

    def __init__(self, server: "Server") -> None:
        self.server, self.cloud = server, server.cloud
        self.transport: asyncio.Transport | None = None
        self.is_stalled = False
        self.last_stream_id: int | None = None
        self.highest_taken = 0
        self._http1: h11.Connection | None = None
        self._request1: h11.Request | None = None
        self._body1 = bytearray()
        self._http2: Http2 | None = None
        self._requests: dict[int, _Request] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there; ALPN says what they speak."""
        self.transport = cast(asyncio.Transport, transport)
        self.server.lines.add(self)
        secured: ssl.SSLObject = transport.get_extra_info("ssl_object")
        if secured.selected_alpn_protocol() == "h2":
            self._http2 = Http2(client=False, strict=bool(self.cloud.keep), settings=self.server.settings)
            self._http2.begin()
            self._flush()
        else:
            self._http1 = h11.Connection(h11.SERVER)

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone."""
        self.server.lines.discard(self)

    def data_received(self, data: bytes) -> None:
        """They said something; who is stalled does not hear it."""
        if self.is_stalled:
            return
        if self._http2 is None:
            self._hear1(data)
            return
        try:
            events = self._http2.receive_data(data)
        except ProtocolError:
            self._flush()
            self.cut()
            return
        for event in events:
            if self.is_stalled or self.transport is None:
                return
            match event:
                case RequestReceived():
                    self._requests[event.stream_id or 0] = _Request(event.headers or [])
                case DataReceived():
                    self._http2.took(event.flow_controlled_length or 0)
                    if event.stream_ended is None and event.flow_controlled_length:
                        self._http2.increment_flow_control_window(event.flow_controlled_length, event.stream_id)
                    if request := self._requests.get(event.stream_id or 0):
                        request.body += event.data or b""
                        if len(request.body) > MOST_BODY_BYTES:
                            self._reset(event.stream_id or 0, ErrorCodes.ENHANCE_YOUR_CALM)
                case StreamEnded():
                    self._take(event.stream_id or 0)
                case StreamReset():
                    self._requests.pop(event.stream_id or 0, None)
                    self._http2.forget(event.stream_id or 0)
                case ConnectionTerminated():
                    self.transport.close()
                case _:
                    pass
        self._flush()

    def cut(self) -> None:
        """At once."""
        if self.transport is not None:
            self.transport.abort()
            self.transport = None

    def _take(self, stream_id: int) -> None:
        request = self._requests.pop(stream_id, None)
        if request is None or (self.last_stream_id is not None and stream_id > self.last_stream_id):
            return  # after a GOAWAY nobody looks at it
        said = answer_to(self.cloud, request.method, request.path, request.authorization, request.body)
        if not isinstance(said, Answer):
            self._break(stream_id, said)
            return
        self.highest_taken = stream_id
        if said.parting is not None:
            self._part(said.parting)
        if self.cloud.latency_s:
            asyncio.get_running_loop().call_later(self.cloud.latency_s, self._answer_late, stream_id, said)
        else:
            self._answer(stream_id, said)

    def _answer_late(self, stream_id: int, answer: Answer) -> None:
        if self.transport is not None and not self.is_stalled:
            assert self._http2 is not None
            if stream_id in self._http2.streams:
                self._answer(stream_id, answer)
                self._flush()

    def _answer(self, stream_id: int, answer: Answer) -> None:
        assert self._http2 is not None
        headers: list[Header] = [(b":status", str(answer.status).encode()), _JSON]
        if answer.retry_after is not None:
            headers.append((b"retry-after", answer.retry_after.encode()))
        with suppress(StreamClosedError):  # they may have reset it meanwhile
            self._http2.send_headers(stream_id, headers)
            for start in range(0, len(answer.body), FRAME_BYTES):
                piece = answer.body[start : start + FRAME_BYTES]
                self._http2.send_data(stream_id, piece, end_stream=start + FRAME_BYTES >= len(answer.body))
        self._http2.forget(stream_id)

    def _part(self, how: Parting) -> None:
        """What comes later than this is not looked at; of a farewell, what comes more than a little later."""
        assert self._http2 is not None
        if how == "farewell":
            self._http2.close_connection(last_stream_id=MOST_STREAM_ID)
            asyncio.get_running_loop().call_later(FAREWELL_S, self._part_for_good)
        else:
            self._part_for_good()

    def _part_for_good(self) -> None:
        if self._http2 is not None and self.transport is not None and self.last_stream_id is None:
            self.last_stream_id = self.highest_taken
            self._http2.close_connection(last_stream_id=self.highest_taken)
            self._flush()

    def _break(self, stream_id: int, how: Broken) -> None:
        assert self._http2 is not None
        match how:
            case "stall":
                self._flush()
                self.is_stalled = True
            case "silence":
                pass
            case "reset":
                self._reset(stream_id, ErrorCodes.INTERNAL_ERROR)
            case "refuse_stream":
                self._reset(stream_id, ErrorCodes.REFUSED_STREAM)
            case "drop":
                self._flush()
                self.cut()

    def _reset(self, stream_id: int, code: ErrorCodes) -> None:
        assert self._http2 is not None
        self._requests.pop(stream_id, None)
        self._http2.reset_stream(stream_id, code)
        self._http2.forget(stream_id)

    def _flush(self) -> None:
        if self._http2 is not None and self.transport is not None and not self.transport.is_closing():
            data = self._http2.data_to_send()
            if data:
                self.transport.write(data)

    def _hear1(self, data: bytes) -> None:
        assert self._http1 is not None
        http1 = self._http1
        try:
            http1.receive_data(data)
            while self.transport is not None:
                event = http1.next_event()
                match event:
                    case h11.Request():
                        self._request1, self._body1 = event, bytearray()
                    case h11.Data():
                        self._body1 += event.data
                    case h11.EndOfMessage():
                        self._answer1(http1)
                    case h11.NEED_DATA | h11.PAUSED:
                        return
                    case _:
                        self.transport.close()
                        return
        except h11.RemoteProtocolError:
            self.cut()

    def _answer1(self, http1: h11.Connection) -> None:
        assert self._request1 is not None
        assert self.transport is not None
        request = self._request1
        shown = dict(request.headers).get(b"authorization", b"").decode("latin-1")
        said = answer_to(
            self.cloud, request.method.decode("latin-1"), request.target.decode("latin-1"), shown, self._body1
        )
        if not isinstance(said, Answer):
            self.cut()
            return
        headers = [_JSON, (b"content-length", str(len(said.body)).encode())]
        if said.retry_after is not None:
            headers.append((b"retry-after", said.retry_after.encode()))
        pieces = (
            h11.Response(status_code=said.status, headers=headers),
            h11.Data(data=said.body),
            h11.EndOfMessage(),
        )
        content = b"".join(http1.send(piece) or b"" for piece in pieces)
        wait_s = self.server.token_takes_s if request.target == b"/token" else 0
        asyncio.get_running_loop().call_later(wait_s, self.transport.write, content)
        if http1.our_state is h11.DONE and http1.their_state is h11.DONE:
            http1.start_next_cycle()


class Server:
    """The stand-in, listening. `most_streams`: how many a connection may have under way; `window_bytes`: how much of
    a body may come at first; `token_takes_s`: how long an access token takes."""

    def __init__(self, cloud: Cloud, papers: Papers, *, most_streams: int = 100, window_bytes: int = 65_535) -> None:
        self.cloud, self.papers = cloud, papers
        self.settings = {
            SettingCodes.MAX_CONCURRENT_STREAMS: most_streams,
            SettingCodes.INITIAL_WINDOW_SIZE: window_bytes,
        }
        self.token_takes_s = 0.0
        self.lines: set[Line] = set()
        self.port = 0
        self._listening: asyncio.Server | None = None
        self._secured = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._secured.load_cert_chain(papers.server)
        self._secured.set_alpn_protocols(["h2", "http/1.1"])

    async def start(self, host: str, port: int) -> None:
        """Listen there; port 0: on a free one."""
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(
            lambda: Line(self), host, port, ssl=self._secured, reuse_address=True, backlog=200
        )
        self.port = self._listening.sockets[0].getsockname()[1]

    def only_http1(self) -> None:
        """From now on nobody is spoken to in HTTP/2."""
        self._secured.set_alpn_protocols(["http/1.1"])

    async def stop(self) -> None:
        """Cut every connection and listen no more."""
        if self._listening is not None:
            self._listening.close()
            for line in list(self.lines):
                line.cut()
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._listening.wait_closed()
            self._listening = None


def cloud_of(papers: Papers, *, keep: int = 20) -> Cloud:
    """The books of whom the account belongs to."""
    account = msgspec.json.decode(papers.account.read_bytes(), type=dict[str, Any])
    private = RSAKey.import_key(account["private_key"])
    public = RSAKey.import_key(private.as_dict(private=False))
    return Cloud(account["project_id"], account["client_email"], public, keep=keep)


@asynccontextmanager
async def listening(
    folder: Path, *, port: int = 0, keep: int = 20, most_streams: int = 100, window_bytes: int = 65_535
) -> AsyncGenerator[Server]:
    """A stand-in on 127.0.0.1 for so long, its account in the folder pointing at it."""
    papers = fcm_account.make(folder, f"https://localhost:{port}")
    server = Server(cloud_of(papers, keep=keep), papers, most_streams=most_streams, window_bytes=window_bytes)
    await server.start("127.0.0.1", port)
    fcm_account.make(folder, f"https://localhost:{server.port}")
    try:
        yield server
    finally:
        await server.stop()
