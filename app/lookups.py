"""Look-ups that travel together: whoever asks while a question is under way is in the next one.

When everybody comes at once, one statement for fifty tokens costs the database what it costs for three, and they hold
one connection instead of fifty. Whoever comes alone waits for nobody."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from app.db import LOST, Connection, Database

Key = TypeVar("Key")
Found = TypeVar("Found")

_Group = list[tuple[Key, "asyncio.Future[Found | None]"]]

MOST_AT_ONCE = 256
LATE_S = 0.25
"""A question that takes longer (its backend hangs, its packets are lost) is overtaken: nobody waits behind it."""


class LookUps(Generic[Key, Found]):
    """What `look` finds, for many at once: one question under way, on a connection of the pool."""

    def __init__(
        self, database: Database, look: Callable[[Connection, Sequence[Key]], Awaitable[Mapping[Key, Found]]]
    ) -> None:
        self.database = database
        self.look = look
        self.waiting: _Group[Key, Found] = []
        self.asking: asyncio.Task[None] | None = None
        self.overtaken: set[asyncio.Task[Any]] = set()

    async def find(self, key: Key) -> Found | None:
        """What there is now under this key; raises what `look` raises, and Unavailable.

        It is asked for after this was called: what had changed before is seen."""
        found: asyncio.Future[Found | None] = asyncio.get_running_loop().create_future()
        self.waiting.append((key, found))
        if self.asking is None:
            self._start()
        return await found

    def _start(self) -> None:
        self.asking = asyncio.create_task(self._ask(), name="look-ups")

    async def _ask(self) -> None:
        me = asyncio.current_task()
        try:
            while self.waiting and self.asking is me:
                await self._answer()
        finally:
            if self.asking is me:
                self.asking = None

    async def _answer(self) -> None:
        group: _Group[Key, Found] = []
        try:
            there = await self._look(group)
        except Exception as problem:
            for _, found in _still_there(group or self._take(len(self.waiting))):  # for want of a connection: all
                found.set_exception(problem)
        except BaseException:  # somebody ends this process
            for _, found in _still_there(group + self._take(len(self.waiting))):
                found.cancel()
            raise
        else:
            for key, found in _still_there(group):
                found.set_result(there.get(key))

    async def _look(self, group: "_Group[Key, Found]") -> Mapping[Key, Found]:
        """What is found for the group; once more, if the connection had ended and nobody had heard of it."""
        try:
            return await self._look_once(group)
        except LOST as problem:
            if isinstance(problem, TimeoutError):
                raise
            return await self._look_once(group)

    async def _look_once(self, group: "_Group[Key, Found]") -> Mapping[Key, Found]:
        """The group are those who wait when there is a connection."""
        async with self.database.acquire() as db:
            group += [] if group else self._take(MOST_AT_ONCE)
            overtaking = asyncio.get_running_loop().call_later(LATE_S, self._overtake, asyncio.current_task())
            try:
                return await self.look(db, list({key for key, _ in group}))
            finally:
                overtaking.cancel()

    def _take(self, most: int) -> "_Group[Key, Found]":
        group, self.waiting = self.waiting[:most], self.waiting[most:]
        return group

    def _overtake(self, late: "asyncio.Task[Any] | None") -> None:
        if late is not None and self.asking is late:
            self.overtaken.add(late)
            late.add_done_callback(self.overtaken.discard)
            self.asking = None
            if self.waiting:
                self._start()


def _still_there(group: "_Group[Key, Found]") -> "_Group[Key, Found]":
    return [(key, found) for key, found in group if not found.done()]
