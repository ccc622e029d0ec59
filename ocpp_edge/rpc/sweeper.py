"""One clock for all connections: looks after each every few seconds, and after calls under way more often.

Replaces a timer for every connection; asks, and decides nothing itself.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from ocpp_edge.rpc.environment import Watched
from services.process.heartbeats import heartbeat
from services.process.stirring import Rest

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.5
# As long as no call is under way.
_REST_SECONDS = 2.0
# A connection is looked at once in a round: every ten seconds, a twentieth of the fleet at each tick.
_SLICES = 20


class Swept(Protocol):
    """Something to be looked after."""

    def sweep(self, now: float) -> None:
        """Look after yourself; `now` is monotonic."""
        ...


class Sweeper:
    """A wheel of slices. `monotonic` is the clock of all connections."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._slices: list[set[Swept]] = [set() for _ in range(_SLICES)]
        self._watched: set[Watched] = set()
        self._rest = Rest()
        self._current = 0

    def add(self, swept: Swept) -> None:
        """Look after `swept` once a round from now on."""
        min(self._slices, key=len).add(swept)

    def remove(self, swept: Swept) -> None:
        """Forget `swept`."""
        for part in self._slices:
            part.discard(swept)

    def watch(self, watched: Watched) -> None:
        """Ask `watched` at every tick until it says that it is done."""
        self._watched.add(watched)
        self._rest.stir()

    def tick(self, slices: int = 1) -> None:
        """Do what is due, in so many slices. A connection that fails spoils it for none of the others."""
        now = self._monotonic()
        for watched in tuple(self._watched):
            if not _still_busy(watched, now):
                self._watched.discard(watched)
        for _ in range(slices):
            self._current = (self._current + 1) % _SLICES
            for swept in tuple(self._slices[self._current]):
                try:
                    swept.sweep(now)
                except Exception:
                    logger.exception("a connection could not be looked after")

    async def run(self) -> None:
        """Tick for ever: twice a second while calls are under way, otherwise more seldom and for several slices."""
        watched, loop = heartbeat(), asyncio.get_running_loop()
        before = loop.time()
        while True:
            self._rest.begin_look()
            await self._rest.pause(TICK_SECONDS if self._watched else _REST_SECONDS, TICK_SECONDS)
            passed = round((loop.time() - before) / TICK_SECONDS)
            before = loop.time()
            self.tick(min(max(passed, 1), _SLICES))
            watched.got_on()


def _still_busy(watched: Watched, now: float) -> bool:
    try:
        return watched.expire_calls(now)
    except Exception:
        logger.exception("calls could not be looked after")
        return False
