"""The gateway of text messages, on a real socket."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import StandIns
from tests.texting import Phones, the_phones


@pytest.fixture
async def phones(stand_ins: StandIns) -> AsyncIterator[Phones]:
    """The stand-in's phones."""
    async with the_phones(stand_ins) as there:
        yield there
