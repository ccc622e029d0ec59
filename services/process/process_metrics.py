"""Where the time of a process gets lost: a late event loop, garbage collection. What it uses is told by `prometheus`.

Costs one timer, which rests while the process does, and a callback for each collection.
"""

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from services.process import metrics

_TICK_SECONDS = 0.1
# A process that does next to nothing is measured ever more seldom, down to this. What holds up one that works shows.
_REST_SECONDS = 5.0
_WORKING_SHARE = 0.02
# A maximum is that of the last one to two of these.
_WINDOW_SECONDS = 30.0


@contextmanager
def measured() -> Iterator[None]:
    """Measure the process until the block ends. Called inside the running event loop."""
    lag, collections = _LoopLag(), _Collections()
    gc.callbacks.append(collections.notice)
    lag.start()
    try:
        yield
    finally:
        lag.stop()
        gc.callbacks.remove(collections.notice)


class RecentMaximum:
    """The greatest value of the last half to full minute, so that an old mishap does not hide a new one."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._began = monotonic()
        self._before = 0.0
        self._now = 0.0

    def observe(self, value: float) -> None:
        self._turn()
        self._now = max(self._now, value)

    def read(self) -> float:
        self._turn()
        return max(self._before, self._now)

    def _turn(self) -> None:
        passed = self._monotonic() - self._began
        if passed >= _WINDOW_SECONDS:
            self._before = self._now if passed < 2 * _WINDOW_SECONDS else 0.0
            self._now = 0.0
            self._began += passed


class _LoopLag:
    """How much later than asked a timer fires: by so much everything else was late, too."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = metrics.histogram("event_loop_lag_seconds", "How late a timer of the event loop fired.")
        self._greatest = RecentMaximum()
        metrics.gauge(
            "event_loop_lag_max_seconds", "The greatest lag of the event loop in the last 30 to 60 seconds."
        ).read_from(self._greatest.read)
        self._due = 0.0
        self._pause = _TICK_SECONDS
        self._processor_seconds = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._due = self._loop.time() + self._pause
        self._timer = self._loop.call_at(self._due, self._tick)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        late = max(self._loop.time() - self._due, 0.0)
        self._seconds.observe(late)
        self._greatest.observe(late)
        used, self._processor_seconds = self._processor_seconds, time.process_time()
        works = self._processor_seconds - used > _WORKING_SHARE * (self._pause + late)
        self._pause = _TICK_SECONDS if works else min(self._pause * 2, _REST_SECONDS)
        self.start()


class _Collections:
    """How long each garbage collection stopped the process."""

    def __init__(self) -> None:
        self._seconds = [
            metrics.histogram("gc_pause_seconds", "How long garbage collections took.", generation=str(generation))
            for generation in range(3)
        ]
        self._greatest = RecentMaximum()
        metrics.gauge("gc_pause_max_seconds", "The longest garbage collection of the last 30 to 60 seconds.").read_from(
            self._greatest.read
        )
        self._began = 0.0

    def notice(self, phase: str, about: dict[str, Any]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
            return
        took = time.perf_counter() - self._began
        self._seconds[about["generation"]].observe(took)
        self._greatest.observe(took)
