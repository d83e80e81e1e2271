"""A phone's connection as uvicorn serves it, with two words more for answers that go on and on (app/streams.py): it
can be cut at once, whatever waits to be sent, and it says when the server is about to stop."""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Connection(HttpToolsProtocol):
    """A stream finds it in the request's scope, as the extension `huong.connection`."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.going_away: Callable[[], None] | None = None
        self.extensions: dict[str, Any] = {"huong.connection": self}

    def on_message_begin(self) -> None:
        """uvicorn's, and the extension."""
        super().on_message_begin()
        self.scope["extensions"] = self.extensions

    def cut(self) -> None:
        """End it, and drop what the phone did not take: to close it would wait for that."""
        self.transport.abort()

    def shutdown(self) -> None:
        """The server waits until all answers have ended, and a stream ends by itself only now."""
        super().shutdown()
        if self.going_away is not None:
            self.going_away()
