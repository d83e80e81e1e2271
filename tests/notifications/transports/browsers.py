"""Browsers at the stand-in, and what is pushed to them."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import msgspec

from app.clock import city_now
from notifications.transports.face import Push


class Browser:
    """Somebody's browser: its subscription, and what it shows."""

    def __init__(self, client: httpx.AsyncClient, subscription: dict[str, Any]) -> None:
        self.client = client
        self.subscription = subscription
        self.id: str = subscription["endpoint"].rpartition("/")[2]

    @property
    def target(self) -> str:
        """The subscription as it is kept."""
        return msgspec.json.encode(self.subscription).decode()

    async def shows(self) -> list[dict[str, Any]]:
        """Newest first."""
        answer = await self.client.get(f"/{self.id}")
        assert answer.status_code == 200, answer.text
        return answer.json()["messages"]

    async def end(self) -> None:
        """It wants no more messages."""
        (await self.client.delete(f"/{self.id}")).raise_for_status()


class PushService:
    """The browsers' push service."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def a_browser(self, **wanted: str) -> Browser:
        """A browser that has said yes."""
        answer = await self.client.post("/browsers", json=wanted)
        assert answer.status_code == 201, answer.text
        return Browser(self.client, answer.json())

    async def misbehave(self, mischief: str, times: int = 1, retry_after: str = "1") -> None:
        said = {"next": mischief, "times": times, "retry_after": retry_after}
        (await self.client.put("/behaviour", json=said)).raise_for_status()


def a_push(target: str, **other: Any) -> Push:
    """A message about money for a browser, good for an hour."""
    push = Push(
        delivery_id=uuid4(),
        target_kind="web_push",
        target=target,
        lane="transactional",
        category="money",
        title="Đã nhận 50.000 ₫",
        body="Bún bò bên chợ đã nhận 50.000 ₫.",
        link="/payments/1",
        collapse_key="payment-1",
        expires_at=city_now() + timedelta(hours=1),
    )
    return msgspec.structs.replace(push, **other)
