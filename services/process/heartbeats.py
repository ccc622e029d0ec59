"""Heartbeats of background tasks: whether each gets on, fails, or stands still.

A task says so itself, in the context that its process runs it in. Restarts nothing: what is wrong is shown by health,
metrics and /services, and becomes an alert.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from time import monotonic
from typing import NoReturn

from services.kernel.errors import DomainError
from services.process import metrics
from services.process.stirring import Rest, stir

# A task that failed less often in a row may only have met a restart of what it needs.
FAILURES_IN_A_ROW = 3

_log = logging.getLogger(__name__)


class TaskState(StrEnum):
    """How a background task does."""

    WORKING = "WORKING"
    FAILING = "FAILING"
    STUCK = "STUCK"


@dataclass(slots=True)
class Heartbeat:
    """What is known of one background task.

    `silence_seconds` is how long it may take from one step to the next; None for one that waits for others to speak.
    """

    name: str
    silence_seconds: float | None = None
    failures: int = 0
    error: str = ""
    progress_time: datetime = field(default_factory=lambda: datetime.now(UTC))
    _heard: float = field(default_factory=lambda: monotonic())
    _failed: metrics.Counter = field(init=False)

    def __post_init__(self) -> None:
        self._failed = metrics.counter(
            "background_task_failures_total", "Steps of a background task that failed.", task=self.name
        )
        silence = metrics.gauge(
            "background_task_silence_seconds", "Seconds since a background task got on or failed.", task=self.name
        )
        silence.read_from(lambda: monotonic() - self._heard)

    @property
    def state(self) -> TaskState:
        """FAILING still says something, STUCK does not."""
        if self.silence_seconds is not None and monotonic() - self._heard > self.silence_seconds:
            return TaskState.STUCK
        return TaskState.FAILING if self.failures >= FAILURES_IN_A_ROW else TaskState.WORKING

    def got_on(self) -> None:
        """A step is done, or there was nothing to do."""
        if self.failures >= FAILURES_IN_A_ROW:
            _log.info("background task %s works again", self.name)
        self.failures, self.error = 0, ""
        self._heard, self.progress_time = monotonic(), datetime.now(UTC)

    def alive(self) -> None:
        """It waits, and hears that there is nothing for it: no news of whether its steps succeed."""
        self._heard = monotonic()

    def failed(self, error: Exception) -> None:
        """A step has failed; the task goes on. Logged with its traceback once in a row when nobody foresaw it."""
        # Others see this: of our own defects they hear no more than that.
        said = error.message if isinstance(error, DomainError) else "internal error"
        is_news = not self.failures or said != self.error
        self.failures, self.error, self._heard = self.failures + 1, said, monotonic()
        self._failed.add()
        # Others may be hit by the same, and the process as a whole.
        stir()
        if not isinstance(error, DomainError) and is_news:
            _log.error("background task %s failed", self.name, exc_info=error)
        elif self.failures & (self.failures - 1) == 0:  # a power of two: ever more seldom
            _log.warning("background task %s failed %d times in a row: %s", self.name, self.failures, self.error)


_CURRENT: ContextVar[Heartbeat | None] = ContextVar("heartbeat", default=None)


def heartbeat() -> Heartbeat:
    """The heartbeat of the task that asks; one that nobody listens to when its process does not run it as such."""
    return _CURRENT.get() or Heartbeat("unwatched")


async def beating(watched: Heartbeat, run: Callable[[], Awaitable[object]]) -> None:
    """Run a task whose heartbeat is `watched`."""
    _CURRENT.set(watched)
    await run()


def is_background() -> bool:
    """Whether who asks is a background task, or was begun by one."""
    return _CURRENT.get() is not None


async def every(
    seconds: float,
    work: Callable[[], Awaitable[object]],
    retry_seconds: float | None = None,
    at_rest_seconds: float | None = None,
) -> NoReturn:
    """Do `work` for ever, so many seconds apart; after a failure `retry_seconds`, if that is another time.

    With `at_rest_seconds` so far apart as long as nothing is done in this service (stirring.py).
    """

    async def once() -> float:
        await work()
        return seconds if at_rest_seconds is None else at_rest_seconds

    pace = None if at_rest_seconds is None else seconds
    await repeat(once, seconds if retry_seconds is None else retry_seconds, pace)


async def repeat(
    work: Callable[[], Awaitable[float]],
    retry_seconds: float,
    pace_seconds: float | None = None,
    rest: Rest | None = None,
) -> NoReturn:
    """Do `work` for ever. It returns the seconds to wait before the next time; after a failure these are
    `retry_seconds`. No failure ends this.

    With `pace_seconds` it need not wait longer than these once something is done in this service (stirring.py), and
    not even that when somebody hurries `rest`.
    """
    watched, rest = heartbeat(), rest or Rest()
    while True:
        rest.begin_look()
        try:
            pause = await work()
            watched.got_on()
        except Exception as error:  # whatever it is, the next attempt may do better; it is logged and shown
            watched.failed(error)
            await asyncio.sleep(retry_seconds)
            continue
        if pace_seconds is None:
            await asyncio.sleep(pause)
        else:
            await rest.pause(pause, pace_seconds)
