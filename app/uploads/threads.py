"""Where pictures and videos are decoded: a few threads of their own, so that neither the loop nor its other threads
wait for them. What waits for its turn waits on disk."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

AT_ONCE = 2
NICENESS = 10
"""Of a core that the loop and a decoder want, the loop gets nine tenths."""

T = TypeVar("T")


def _step_back() -> None:
    if sys.platform == "linux":  # elsewhere the number is not a thread's
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


_decoders = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="decoder", initializer=_step_back)


async def decode(work: Callable[[], T]) -> T:
    """What `work` returns or raises, from one of the threads."""
    return await asyncio.get_running_loop().run_in_executor(_decoders, work)
