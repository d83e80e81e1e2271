"""A shop's messages live in a terminal, for whoever writes the system that will hear them.

It talks to the city as any machine of the shop does: it makes an endpoint without a url, looks every second at what
was kept there, and takes the endpoint away at the end. What it forwards is signed as the city would sign it, but by a
secret of its own: the city tells none."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from types import NoneType
from typing import Any, TypeVar, get_args
from urllib.parse import urlencode
from uuid import UUID

import httpx
import msgspec

from app.clock import CITY_ZONE, city_now
from app.machines import signing
from app.machines.signing import CannotSign
from app.types import Page, new_id
from wallet.merchants import webhook_signatures
from wallet.merchants.webhook_models import WebhookEndpoint, WebhookEvent, WebhookMessage, WebhookMessageWithTries

T = TypeVar("T")

LOOK_S = 1.0
FORWARD_WITHIN_S = 10.0
PAGE = 100


class NotHeard(Exception):
    """The city does not answer, or says no; one line for the person at the shell."""


class Ear(msgspec.Struct, frozen=True, kw_only=True):
    """Who listens: `client` with the city's address as its base, a shop's API key, and where to forward to.

    `tell` takes a line at a time."""

    client: httpx.AsyncClient
    key: str
    merchant_id: UUID
    secret: str
    forward: str | None
    tell: Callable[[str], None]

    async def listen(self) -> None:
        """Tell and forward each message until somebody ends it; raises NotHeard if it cannot begin."""
        async with self._endpoint() as endpoint_id:
            self.tell(f"listening to {self.merchant_id}; what is forwarded is signed by {self.secret}")
            seen: set[UUID] = set()
            while True:
                try:
                    for message in await self._unseen(endpoint_id, seen):
                        seen.add(message.id)
                        await self._pass_on(message)
                except NotHeard as trouble:
                    self.tell(f"{trouble}; trying again")
                await asyncio.sleep(LOOK_S)

    async def replay(self, message_id: UUID) -> None:
        """Tell and forward a message that was there before, whichever endpoint it was for; raises NotHeard."""
        await self._pass_on(await self._ask("GET", f"webhook-messages/{message_id}", WebhookMessageWithTries))

    @asynccontextmanager
    async def _endpoint(self) -> AsyncGenerator[UUID]:
        """An endpoint of ours for as long as it lasts."""
        endpoint_id = new_id()
        wanted = {"events": list(get_args(WebhookEvent)), "description": "litestar webhooks listen"}
        await self._ask("PUT", f"webhook-endpoints/{endpoint_id}", WebhookEndpoint, body=wanted)
        try:
            yield endpoint_id
        finally:
            with suppress(NotHeard):
                await self._ask("DELETE", f"webhook-endpoints/{endpoint_id}", NoneType)

    async def _unseen(self, endpoint_id: UUID, seen: set[UUID]) -> list[WebhookMessage]:
        """What came since, the oldest first."""
        unseen: list[WebhookMessage] = []
        cursor: str | None = None
        while True:
            query = {"endpoint_id": str(endpoint_id), "limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
            page = await self._ask("GET", f"webhook-messages?{urlencode(query)}", Page[WebhookMessage])
            fresh = [message for message in page.items if message.id not in seen]
            unseen += fresh
            if len(fresh) < len(page.items) or page.next is None:
                return unseen[::-1]
            cursor = page.next

    async def _pass_on(self, message: WebhookMessage) -> None:
        at = message.made_at.astimezone(CITY_ZONE)
        self.tell(f"{at:%H:%M:%S} {message.event} {message.id}")
        self.tell(message.body)
        if self.forward is not None:
            self.tell(f"→ {self.forward} {await self._forwarded(message, self.forward)}")

    async def _forwarded(self, message: WebhookMessage, url: str) -> str:
        """The status of the answer, or why there is none."""
        body, now = message.body.encode(), int(city_now().timestamp())
        headers = webhook_signatures.headers(str(message.id), now, body, [self.secret])
        try:
            async with httpx.AsyncClient(timeout=FORWARD_WITHIN_S, trust_env=False) as client:
                answer = await client.post(url, content=body, headers={**headers, "content-type": "application/json"})
        except (httpx.HTTPError, httpx.InvalidURL) as trouble:
            return type(trouble).__name__
        return str(answer.status_code)

    async def _ask(self, method: str, what: str, type_: type[T], body: Any = None) -> T:
        """Ask the city as the shop's machine; raises NotHeard."""
        url = f"{str(self.client.base_url).rstrip('/')}/v1/merchants/{self.merchant_id}/{what}"
        content = b"" if body is None else msgspec.json.encode(body)
        try:
            headers = signing.sign(self.key, method, url, content)
            sent = headers | ({"content-type": "application/json"} if content else {})
            answer = await self.client.request(method, url, headers=sent, content=content)
        except (CannotSign, httpx.HTTPError, httpx.InvalidURL) as trouble:
            raise NotHeard(f"{url}: {trouble or type(trouble).__name__}") from None
        if not answer.is_success:
            raise NotHeard(f"the city answered {answer.status_code}: {answer.text[:300]}")
        return msgspec.json.decode(answer.content or b"null", type=type_)
