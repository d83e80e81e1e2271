"""The gateway of text messages at the stand-ins, and the phones behind it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx

from app.texts import gateway
from tests.conftest import StandIns


class Phones:
    """Whoever looks at the phones, and plays the carrier."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def got(self, to: str) -> list[dict[str, Any]]:
        """The texts of one phone, newest first."""
        return (await self.client.get("", params={"to": to})).json()["texts"]

    async def misbehave(self, mischief: str, times: int = 1, **more: int) -> None:
        """What goes wrong next."""
        said = {"next": mischief, "times": times, **more}
        (await self.client.put("/behaviour", json=said)).raise_for_status()

    async def report(self, reference: UUID | str, state: str, **more: Any) -> dict[str, Any]:
        """Tell the city how a text went."""
        told = await self.client.post(f"/messages/{reference}/reports", json={"state": state, **more})
        assert told.status_code == 200, told.text
        return told.json()


@asynccontextmanager
async def the_phones(stand_ins: StandIns) -> AsyncGenerator[Phones]:
    """The gateway does as it should until it is told otherwise, and is not being left in peace."""
    async with httpx.AsyncClient(verify=False, base_url=f"{stand_ins.url}/texts") as client:
        there = Phones(client)
        await there.misbehave("down", times=0)
        gateway.forget_peace()
        yield there
        gateway.forget_peace()
        await there.misbehave("down", times=0)
