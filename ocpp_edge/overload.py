"""What a node leaves undone when it has too much to do, in this order: the journal, then statuses and newcomers.

Transactions are never left out: they are what it judges by. Looks now and then; whoever sheds reads one attribute.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from enum import IntEnum

from services.process import metrics
from services.process.heartbeats import heartbeat

logger = logging.getLogger(__name__)

# Looks in the time that transaction events may wait, while some wait. While none does, one look: what comes now has
# waited too long by then at the earliest.
_LOOKS = 4


class Level(IntEnum):
    """How much is shed; each level includes the ones before."""

    NOTHING = 0
    # Frames wait in the journal's bounded room; the oldest are forgotten when it is full.
    JOURNAL = 1
    # Statuses are refused, the last of each connector is handed in later; handshakes get 503 with Retry-After.
    STATUSES = 2


# When a level begins, as multiples of the time that transaction events may wait for their answer.
THRESHOLDS: Mapping[Level, float] = {Level.JOURNAL: 1, Level.STATUSES: 3}
# A level is left when the pressure has been below half of its threshold for this multiple of the same time.
CALM = 2


class Overload:
    """The judge of one node. `level` is what counts now; `patience_seconds` is how long transaction events may wait."""

    def __init__(self, patience_seconds: float = 1.0) -> None:
        self._rest_seconds, self._look_seconds = patience_seconds, patience_seconds / _LOOKS
        self._thresholds = {level: times * patience_seconds for level, times in THRESHOLDS.items()}
        self._calm_seconds = CALM * patience_seconds
        self.level = Level.NOTHING
        self._pressure = 0.0
        self._calm_since: float | None = None
        metrics.gauge("ocpp_overload_level", "What is shed: 0 nothing, 1 journal, 2 also statuses.").read_from(
            lambda: self.level
        )
        metrics.gauge("ocpp_overload_pressure_seconds", "How long transaction events wait for their answer.").read_from(
            lambda: self._pressure
        )

    @property
    def sheds_journal(self) -> bool:
        return self.level >= Level.JOURNAL

    @property
    def sheds_statuses(self) -> bool:
        return self.level >= Level.STATUSES

    def judge(self, pressure: float, now: float) -> None:
        """Take in the pressure at the moment `now`, both in seconds. Up at once, down one by one after a calm time."""
        self._pressure = pressure
        needed = max(
            (level for level, seconds in self._thresholds.items() if pressure >= seconds), default=Level.NOTHING
        )
        if needed > self.level:
            self._turn_to(needed)
        elif self.level is Level.NOTHING or pressure >= self._thresholds[self.level] / 2:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        elif now - self._calm_since >= self._calm_seconds:
            self._turn_to(Level(self.level - 1))

    async def run(self, waiting_seconds: Callable[[], float]) -> None:
        """Judge for ever, by how long transaction events wait and by how late the event loop is."""
        loop, watched = asyncio.get_running_loop(), heartbeat()
        while True:
            watched.got_on()
            is_calm = self.level is Level.NOTHING and not waiting_seconds()
            pause = self._rest_seconds if is_calm else self._look_seconds
            due = loop.time() + pause
            await asyncio.sleep(pause)
            now = loop.time()
            self.judge(max(waiting_seconds(), now - due), now)

    def _turn_to(self, level: Level) -> None:
        logger.warning("overload: shedding %s, was %s (%.1f s)", level.name, self.level.name, self._pressure)
        self.level = level
        self._calm_since = None
