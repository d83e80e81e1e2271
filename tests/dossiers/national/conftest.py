"""The portal's stand-in, on its socket."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.conftest import StandIns
from tests.dossiers.national.speaking import PortalPlayer


@pytest.fixture
async def portal(stand_ins: StandIns) -> AsyncIterator[PortalPlayer]:
    """It knows nothing yet, and does as it should until it is told otherwise."""
    async with httpx.AsyncClient(verify=False, base_url=f"{stand_ins.url}/national") as client:
        there = PortalPlayer(client)
        await there.misbehave("down", times=0)
        (await client.delete("/dossiers")).raise_for_status()
        yield there
