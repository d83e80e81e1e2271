"""Whoever carries pushes, written down."""

from collections.abc import Iterator

import pytest

from app.config import Settings
from notifications import sending
from notifications.transports import Carriers
from tests.notifications.phones import Carrier


@pytest.fixture
def carrier(monkeypatch: pytest.MonkeyPatch) -> Iterator[Carrier]:
    """The one who carries everything, of every city of this test."""
    one = Carrier()

    def complete(carriers: Carriers, _: Settings) -> None:
        carriers |= {"token": one, "topic": one, "phone": one}

    monkeypatch.setattr(sending.transports, "complete", complete)
    yield one
    sending.in_use.clear()
