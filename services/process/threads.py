"""Slow work beside the event loop: few threads, and few that wait for them, so that nobody waits for long.

Knows nothing of the work.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

from services.kernel.errors import too_many

_Result = TypeVar("_Result")

_RETRY_AFTER = timedelta(seconds=1)


class ThreadQueue:
    """`threads` threads, and `places` for work that is done or waits, of which one caller holds `places_each`."""

    def __init__(self, name: str, *, threads: int, places: int, places_each: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._places = places
        self._places_each = places_each
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    async def run(self, caller: str, work: Callable[[], _Result]) -> _Result:
        """What `work` returns, done in a thread. Whoever is cancelled meanwhile keeps the place until it is done.

        Raises: QUEUE_FULL when there is no place, or none for this caller.
        """
        with self._lock:
            if self._taken.total() >= self._places or self._taken[caller] >= self._places_each:
                raise too_many("QUEUE_FULL", "the service is busy", _RETRY_AFTER)
            self._taken[caller] += 1
        done = self._executor.submit(work)
        done.add_done_callback(lambda _: self._leave(caller))
        return await asyncio.wrap_future(done)

    def _leave(self, caller: str) -> None:
        """In the thread that has done the work, or of who takes back what still waited."""
        with self._lock:
            self._taken[caller] -= 1
            if not self._taken[caller]:
                del self._taken[caller]
