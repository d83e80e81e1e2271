"""What the city writes into its log, as a test reads it."""

from collections.abc import Generator, MutableMapping
from contextlib import contextmanager
from typing import Any

import msgspec
from structlog.testing import capture_logs

from app import observe


class _Straight(observe.Lines):
    """Takes the lines that do not go structlog's way."""

    def __init__(self, lines: list[MutableMapping[str, Any]]) -> None:
        self.lines = lines

    def info(self, line: bytes) -> None:
        words: dict[str, Any] = msgspec.json.decode(line)
        del words["at"]
        self.lines.append({"log_level": words.pop("level"), **words})


@contextmanager
def logged() -> Generator[list[MutableMapping[str, Any]]]:
    """All lines in their order, those of requests too, as `capture_logs` has them."""
    before = observe.requests
    with capture_logs() as lines:
        observe.requests = _Straight(lines)
        try:
            yield lines
        finally:
            observe.requests = before
