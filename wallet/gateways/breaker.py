"""A breaker and a bulkhead before each outside party: what is down is left in peace, what is slow ties up few of us.

Closed: calls pass. After `FAILURES` calls in a row without an answer it opens: none passes for `REST_S` seconds. Then
one is let through to see; its answer closes the breaker, its silence opens it again. In memory, one per process and
party: it spares time and connections, and decides nothing about money."""

from collections.abc import Generator
from contextlib import contextmanager
from time import monotonic
from typing import Literal

from app.outside import NoAnswer

State = Literal["closed", "open", "half_open"]

FAILURES = 5
REST_S = 30.0
AT_ONCE = 8


class NotAsked(Exception):
    """The party rests, or enough of us wait for it already: nothing was sent. Try again in `again_in_s` seconds."""

    def __init__(self, again_in_s: float) -> None:
        super().__init__("not asked")
        self.again_in_s = again_in_s


class Breaker:
    """What stands before one party; `at_once`: how many may wait for its answers side by side."""

    def __init__(self, *, failures: int = FAILURES, rest_s: float = REST_S, at_once: int = AT_ONCE) -> None:
        self.failures = failures
        self.rest_s = rest_s
        self.at_once = at_once
        self._failed = 0
        self._opened_at: float | None = None
        self._under_way = 0

    @property
    def state(self) -> State:
        """Whether calls pass now."""
        if self._opened_at is None:
            return "closed"
        return "half_open" if monotonic() - self._opened_at >= self.rest_s else "open"

    @contextmanager
    def passing(self) -> Generator[None]:
        """Around one call: raises NotAsked before it; `NoAnswer` inside counts against the party.

        Whoever is cancelled inside says nothing about the party."""
        state = self.state
        if state == "open":
            assert self._opened_at is not None
            raise NotAsked(self.rest_s - (monotonic() - self._opened_at))
        if self._under_way >= (1 if state == "half_open" else self.at_once):
            raise NotAsked(1.0)
        self._under_way += 1
        try:
            yield
        except NoAnswer:
            self._failed += 1
            if self._failed >= self.failures:
                self._opened_at = monotonic()
            raise
        else:
            self._failed, self._opened_at = 0, None
        finally:
            self._under_way -= 1


_breakers: dict[str, Breaker] = {}


def before(party: str) -> Breaker:
    """The breaker of this process before a party: `bank`, `biller:cap-nuoc-hue`."""
    return _breakers.setdefault(party, Breaker())


def states() -> dict[str, State]:
    """Every party that was asked so far, for the dashboard."""
    return {party: breaker.state for party, breaker in _breakers.items()}


def forget() -> None:
    """As if nobody had been asked yet."""
    _breakers.clear()
