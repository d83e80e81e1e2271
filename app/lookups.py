"""Look-ups that travel together: whoever asks while a question is under way is in the next one.

When everybody comes at once, one statement for fifty tokens costs the database what it costs for three, and they hold
one connection instead of fifty. Whoever comes alone waits for nobody."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from app.db import Connection, Database

Key = TypeVar("Key")
Found = TypeVar("Found")

MOST_AT_ONCE = 256


class LookUps(Generic[Key, Found]):
    """What `look` finds, for many at once: one question under way, on a connection of the pool."""

    def __init__(
        self, database: Database, look: Callable[[Connection, Sequence[Key]], Awaitable[Mapping[Key, Found]]]
    ) -> None:
        self.database = database
        self.look = look
        self.waiting: list[tuple[Key, asyncio.Future[Found | None]]] = []
        self.asking: asyncio.Task[None] | None = None

    async def find(self, key: Key) -> Found | None:
        """What there is now under this key; raises what `look` raises, and Unavailable.

        It is asked for after this was called: what had changed before is seen."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Found | None] = loop.create_future()
        self.waiting.append((key, found))
        if self.asking is None:
            self.asking = loop.create_task(self._ask(), name="look-ups")
        return await found

    async def _ask(self) -> None:
        try:
            while self.waiting:
                group, self.waiting = self.waiting[:MOST_AT_ONCE], self.waiting[MOST_AT_ONCE:]
                await self._answer(group)
        finally:
            self.asking = None

    async def _answer(self, group: Sequence[tuple[Key, "asyncio.Future[Found | None]"]]) -> None:
        try:
            async with self.database.acquire() as db:
                there = await self.look(db, list({key for key, _ in group}))
        except Exception as problem:
            for _, found in group:
                if not found.done():
                    found.set_exception(problem)
            return
        for key, found in group:
            if not found.done():
                found.set_result(there.get(key))
