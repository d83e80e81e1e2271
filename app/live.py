"""Hints between processes that something is new: a bell by topic, rung through Redis, and in this process at once.

A bell says nothing of what is new: whoever hears it looks in the database, which is the truth. So nothing is lost
where Redis is away or slow: listeners look by themselves every so often, oftener while it is."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Any, Protocol

import redis
import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.config import settings

log = structlog.get_logger()

CHANNEL = "huong:live"
REDIS_TIMEOUT_S = 0.2
AGAIN_AFTER_S = 1.0
LISTEN_S = 5.0
TOPICS_AT_ONCE = 500
"""In one message of Redis's, with spaces between them."""


class Ear(Protocol):
    """Whoever listens in this process for the topics of one kind; so many of them."""

    count: int

    def hear(self, topic: str) -> None:
        """Somebody rang, here or elsewhere."""

    def close(self) -> None:
        """The process ends."""


class Live:
    """One per process. A topic is `kind:id`. `heard`: does Redis bring what other processes ring?"""

    def __init__(self, redis_url: str | None) -> None:
        self.redis_url = redis_url
        self.heard = False
        self.closing = False
        self.ears: dict[str, Ear] = {}
        self.listening: asyncio.Task[None] | None = None
        self._client: Any = None

    def start(self) -> None:
        """Listen, if there is a Redis."""
        if self.redis_url is not None:
            self.listening = asyncio.create_task(self._listen(), name="live-ear")

    async def close(self) -> None:
        """Have whoever listens end, and let go of Redis."""
        self.closing = True
        for ear in self.ears.values():
            ear.close()
        if self.listening is not None:
            self.listening.cancel()
            await asyncio.gather(self.listening, return_exceptions=True)
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def ring(self, topics: Sequence[str]) -> None:
        """Something is new on these topics. Redis away costs the others a moment, and us nothing."""
        for topic in topics:
            self._wake(topic)
        if self.redis_url is None:
            return
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                pipeline = self._redis().pipeline(transaction=False)
                for first in range(0, len(topics), TOPICS_AT_ONCE):
                    pipeline.publish(CHANNEL, " ".join(topics[first : first + TOPICS_AT_ONCE]))
                await pipeline.execute()
        except (redis.RedisError, OSError, TimeoutError) as trouble:
            log.warning("Redis carries no bells", error=repr(trouble))

    def _wake(self, topic: str) -> None:
        ear = self.ears.get(topic.partition(":")[0])
        if ear is not None:
            ear.hear(topic)

    def _redis(self) -> Any:
        if self._client is None:
            self._client = redis.asyncio.Redis.from_url(
                self.redis_url or "",
                socket_timeout=REDIS_TIMEOUT_S,
                socket_connect_timeout=REDIS_TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
            )
        return self._client

    async def _listen(self) -> None:
        while True:
            with suppress(redis.RedisError, OSError, TimeoutError):
                await self._hear()
            self.heard = False
            await asyncio.sleep(AGAIN_AFTER_S)

    async def _hear(self) -> None:
        client: Any = redis.asyncio.Redis.from_url(
            self.redis_url or "", socket_timeout=None, socket_connect_timeout=REDIS_TIMEOUT_S
        )
        try:
            channel = client.pubsub(ignore_subscribe_messages=True)
            await channel.subscribe(CHANNEL)
            self.heard = True
            while True:
                message = await channel.get_message(timeout=LISTEN_S)
                if message is None:
                    await channel.ping()
                elif isinstance(message["data"], bytes):
                    for topic in message["data"].decode(errors="replace").split(" "):
                        self._wake(topic)
        finally:
            await client.aclose()


@cache
def here() -> Live:
    """This process's, for whoever only rings (the worker): it hears nothing."""
    return Live(settings().redis_url)
