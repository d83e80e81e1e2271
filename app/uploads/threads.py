"""Where pictures and videos are decoded: a few threads of their own, so that neither the loop nor its other threads
wait for them. What waits for its turn waits on disk."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

AT_ONCE = 2

T = TypeVar("T")

_decoders = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="decoder")


async def decode(work: Callable[[], T]) -> T:
    """What `work` returns or raises, from one of the threads."""
    return await asyncio.get_running_loop().run_in_executor(_decoders, work)
