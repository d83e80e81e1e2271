"""HTTP/2 (RFC 9113) by the `h2` package, for many small requests of the same shape, on either end.

Four things are done otherwise than there. A connection goes on after a GOAWAY, with the streams that it does not
cut off (6.8; `h2` closes at once). Headers that are the same again cost nothing: as long as HPACK's table does not
change, the same headers are the same block (RFC 7541, 2.2). Ended streams are forgotten when they end, not looked for
at each new one. And the windows in which we are sent something are opened wide once, not after each frame."""

from collections.abc import Iterable
from typing import Any, ClassVar

from h2.config import H2Configuration
from h2.connection import ConnectionInputs, ConnectionState, H2Connection, H2ConnectionStateMachine
from h2.settings import SettingCodes, Settings
from hpack import Decoder, Encoder, HeaderTuple

WINDOW_BYTES = 8 << 20

Header = tuple[bytes, bytes]


class _Patient(H2ConnectionStateMachine):
    """It stays open after a GOAWAY, from either side."""

    _transitions: ClassVar[dict[Any, Any]] = H2ConnectionStateMachine._transitions | {
        (ConnectionState.IDLE, ConnectionInputs.RECV_GOAWAY): (None, ConnectionState.IDLE),
        (ConnectionState.IDLE, ConnectionInputs.SEND_GOAWAY): (None, ConnectionState.IDLE),
        (ConnectionState.CLIENT_OPEN, ConnectionInputs.RECV_GOAWAY): (None, ConnectionState.CLIENT_OPEN),
        (ConnectionState.SERVER_OPEN, ConnectionInputs.SEND_GOAWAY): (None, ConnectionState.SERVER_OPEN),
    }


class _SameEncoder(Encoder):
    """Remembers the blocks of headers that needed no new entry in the table."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[Any, ...], bytes] = {}

    def encode(self, headers: Iterable[Any], huffman: bool = True) -> bytes:
        asked = tuple(headers)
        block = None if self.header_table.resized else self._known.get(asked)
        if block is not None:
            return block
        settled = not self.header_table.resized
        before = tuple(self.header_table.dynamic_entries)
        block = super().encode(asked, huffman)
        if settled and tuple(self.header_table.dynamic_entries) == before:
            self._known[asked] = block
        else:
            self._known.clear()
        return block


class _SameDecoder(Decoder):
    """Remembers what blocks said that made no new entry in the table."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[bytes, Iterable[HeaderTuple]] = {}

    def decode(self, data: bytes, raw: bool = False) -> Iterable[Any]:
        headers = self._known.get(data)
        if headers is not None:
            return headers
        before, size = tuple(self.header_table.dynamic_entries), self.header_table_size
        headers = super().decode(data, raw)
        if tuple(self.header_table.dynamic_entries) == before and self.header_table_size == size:
            self._known[data] = headers
        else:
            self._known.clear()
        return headers


class Http2(H2Connection):
    """One end of a connection, without its socket. `strict`: headers are checked as RFC 9113, 8 wants them.

    `settings`: what is said at the start (RFC 9113, 6.5.2)."""

    def __init__(self, *, client: bool, strict: bool, settings: dict[SettingCodes, int] | None = None) -> None:
        super().__init__(
            H2Configuration(
                client_side=client,
                header_encoding=None,
                validate_inbound_headers=strict,
                normalize_inbound_headers=strict,
                validate_outbound_headers=strict,
                normalize_outbound_headers=strict,
            )
        )
        if settings:
            known = {code: value for code, value in self.local_settings.items() if isinstance(code, SettingCodes)}
            self.local_settings = Settings(client=client, initial_values=known | settings)
        self.state_machine = _Patient()
        self.encoder = _SameEncoder()
        self.decoder = _SameDecoder()
        self.decoder.max_header_list_size = self.DEFAULT_MAX_HEADER_LIST_SIZE
        self._taken_bytes = 0

    def begin(self) -> None:
        """Say hello, and let the other end send for a while."""
        self.initiate_connection()
        self.increment_flow_control_window(WINDOW_BYTES)

    def took(self, size: int) -> None:
        """So many bytes of DATA were dealt with; a stream's own window is not opened again."""
        self._taken_bytes += size
        if self._taken_bytes >= WINDOW_BYTES // 2:
            self.increment_flow_control_window(self._taken_bytes)
            self._taken_bytes = 0

    def forget(self, stream_id: int) -> None:
        """This stream has ended, both ways or by a reset."""
        stream = self.streams.pop(stream_id, None)
        if stream is not None:
            self._closed_streams[stream_id] = stream.closed_by

    @property
    def open_outbound_streams(self) -> int:
        """How many there are that were not forgotten."""
        return len(self.streams)

    @property
    def open_inbound_streams(self) -> int:
        """How many there are that were not forgotten."""
        return len(self.streams)
