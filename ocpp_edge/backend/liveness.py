"""Tells the station service every few seconds that this node lives and whom it has heard, and closes what is old.

One call for all heartbeats, pings and messages; the lease of the node hangs on it, and so does it that the newest
connection of a charge point wins within a lease.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

from csms.station.v1.connectivity_service_pb2 import Sighting
from ocpp_edge.admission.registry import Registry
from ocpp_edge.rpc.connection import Connection
from services.kernel.clock import Clock
from services.process.heartbeats import repeat
from services.rpc.protobuf import write_time

logger = logging.getLogger(__name__)

# Reports in the time of a lease: several may fail before it runs out.
REPORTS_PER_LEASE = 6
# In so many reports everybody is told of once, however silent: only so does a node learn that a charge point which no
# longer says anything here has connected elsewhere. Two reports may fail before a lease is over.
_REPORTS_PER_ROUND = 4
_USUAL_LEASE = timedelta(seconds=30)
# The contract allows 5000.
_MAX_SIGHTINGS = 2000


# Renews the lease of this node and tells whom it has heard; names the charge points that are newer elsewhere.
Live = Callable[[timedelta, Sequence[Sighting]], Awaitable[Sequence[str]]]


class LivenessReporter:
    """Reports what the connections of `registry` have heard; `monotonic` is the clock of their `last_seen`."""

    def __init__(
        self,
        live: Live,
        registry: Registry[Connection[Any]],
        clock: Clock,
        monotonic: Callable[[], float],
        lease: timedelta = _USUAL_LEASE,
    ) -> None:
        self._live = live
        self._lease = lease
        self._registry = registry
        self._clock = clock
        self._monotonic = monotonic
        # Everything heard until then has been reported.
        self._reported = float("-inf")
        self._round = 0

    async def run(self) -> None:
        """Report for ever. A report that fails is made good by the next."""
        pause = self._lease.total_seconds() / REPORTS_PER_LEASE

        async def report() -> float:
            await self.report()
            return pause

        await repeat(report, pause)

    async def report(self) -> None:
        """Renew the lease, tell of whom was heard since the last time and of a part of the silent ones, and hang up on
        those that are newer elsewhere.

        Raises DomainError; then the same is told again next time.
        """
        began = self._monotonic()
        sightings = self._sightings()
        batch = list(islice(sightings, _MAX_SIGHTINGS))
        while True:
            epochs = {sighting.charge_point_id: sighting.epoch for sighting in batch}
            for charge_point_id in await self._live(self._lease, batch):
                if self._registry.revoke(charge_point_id, epochs.get(charge_point_id, -1)):
                    logger.info("superseded on another node", extra={"charge_point_id": charge_point_id})
            batch = list(islice(sightings, _MAX_SIGHTINGS))
            if not batch:
                break
        self._reported = began
        self._round = (self._round + 1) % _REPORTS_PER_ROUND

    def _sightings(self) -> Iterator[Sighting]:
        now, monotonic = self._clock.now(), self._monotonic()
        for connection in self._registry:
            context = connection.context
            is_its_turn = hash(context.charge_point_id) % _REPORTS_PER_ROUND == self._round
            if connection.last_seen >= self._reported or is_its_turn:
                silence = timedelta(seconds=max(monotonic - connection.last_seen, 0.0))
                sighting = Sighting(charge_point_id=context.charge_point_id, epoch=context.epoch)
                write_time(now - silence, sighting.last_seen_time)
                yield sighting
