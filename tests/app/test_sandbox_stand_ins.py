"""The stand-ins keep to the standards that the real parties keep to."""

import httpx

from tests.conftest import StandIns


async def test_discover(stand_ins: StandIns) -> None:
    async with httpx.AsyncClient() as client:
        said = (await client.get(f"{stand_ins.url}/citizen/.well-known/openid-configuration")).json()
    assert said["issuer"] == f"{stand_ins.url}/citizen"
