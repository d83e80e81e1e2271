"""A shop's own system, on a real socket: it hears webhooks, checks them by another's code, answers as it is told."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from standardwebhooks import Webhook, WebhookVerificationError

from tests.conftest import City
from wallet.merchants import webhook_deliveries


@dataclass(frozen=True)
class Heard:
    """A request as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def said(self) -> dict[str, Any]:
        return msgspec.json.decode(self.body)

    def is_signed_with(self, secret: str) -> bool:
        """As the library says that others use, not ours."""
        try:
            Webhook(secret).verify(self.body, self.headers)
        except WebhookVerificationError:
            return False
        return True


@dataclass
class Hook:
    """What was heard, and how the next ones are answered."""

    url: str
    heard: list[Heard] = field(default_factory=list[Heard])
    answer: Callable[[int], int] = lambda _: 204
    """The status of the n-th answer."""
    delay_s: float = 0.0
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: int = 0
    most_under_way: int = 0


@asynccontextmanager
async def a_hook(answer: int | list[int] = 204, *, delay_s: float = 0.0) -> AsyncGenerator[Hook]:
    """Answers with these, one after the other; the last one again and again."""
    answers = [answer] if isinstance(answer, int) else answer

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hook.under_way += 1
        hook.most_under_way = max(hook.most_under_way, hook.under_way)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lines = [line.partition(": ") for line in head.split("\r\n")[1:] if line]
            headers = {name.lower(): value for name, _, value in lines}
            hook.heard.append(Heard(headers, await reader.readexactly(int(headers["content-length"]))))
            hook.is_asked.set()
            status = hook.answer(len(hook.heard))
            await asyncio.sleep(hook.delay_s)
            writer.write(f"HTTP/1.1 {status} So\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            hook.under_way -= 1
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    hook = Hook(
        f"http://localhost:{port}/hook",
        answer=lambda n: answers[min(n, len(answers)) - 1],
        delay_s=delay_s,
    )
    try:
        yield hook
    finally:
        server.close()


async def sent(city: City) -> None:
    """Until nothing is left that is due now, and nobody is under way."""
    await city.worker.drain()
    courier = webhook_deliveries.courier_of(city.database)
    await courier.send_due(city.database)
    await courier.rest()
    await city.worker.drain()
