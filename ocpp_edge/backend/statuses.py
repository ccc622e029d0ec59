"""Statuses of connectors on their way to the station service, or held back while the node sheds them.

What is held back has been refused to the charge point: nothing is acknowledged that is not stored. It need not repeat
it, and many do not: the last status of each connector is handed in from here once the pressure has gone.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from csms.station.v1.connectivity_service_pb2 import StatusReport
from ocpp_edge.overload import Overload
from services.kernel.errors import DomainError, ErrorKind
from services.process import metrics
from services.process.heartbeats import repeat
from services.process.stirring import AT_REST_SECONDS, Rest

logger = logging.getLogger(__name__)

_MOST_HELD = 50_000
_LOOK_SECONDS = 0.5
_AT_A_TIME = 256

_Key = tuple[str, int, int]


class Statuses:
    """Passes reports to `submit`, which stores them or raises DomainError, as long as `overload` allows."""

    def __init__(self, submit: Callable[[StatusReport], Awaitable[object]], overload: Overload) -> None:
        self._submit = submit
        self._overload = overload
        self._held: dict[_Key, StatusReport] = {}
        self._rest = Rest()
        self._shed = metrics.counter("ocpp_statuses_shed_total", "Statuses refused to spare transactions.")
        metrics.gauge("ocpp_statuses_held", "Connectors whose last status is handed in later.").read_from(
            self._held.__len__
        )

    async def report(self, status: StatusReport) -> None:
        """Returns when the status is stored. Raises DomainError: QUEUE_FULL while statuses are shed."""
        if self._overload.sheds_statuses:
            self._shed.add()
            self._hold(status)
            raise DomainError(ErrorKind.RESOURCE_EXHAUSTED, "QUEUE_FULL", "too much is waiting; try again later")
        await self._submit(status)
        if self._held:
            self._held.pop(_key(status), None)

    async def run(self) -> None:
        """Hand in what is held, for ever, whenever the pressure has gone."""
        await repeat(self._hand_in_held, _LOOK_SECONDS, _LOOK_SECONDS, self._rest)

    async def _hand_in_held(self) -> float:
        await self.hand_in()
        return _LOOK_SECONDS if self._held else AT_REST_SECONDS

    async def hand_in(self) -> None:
        """Hand in what is held, as long as nothing is shed. What fails for the moment stays."""
        while self._held and not self._overload.sheds_statuses:
            batch = list(self._held.items())[:_AT_A_TIME]
            stored = await asyncio.gather(*(self._hand_in(status) for _, status in batch))
            for (key, status), done in zip(batch, stored, strict=True):
                # A newer one may have come in its place.
                if done and self._held.get(key) is status:
                    del self._held[key]
            if not any(stored):
                return

    async def _hand_in(self, status: StatusReport) -> bool:
        """Whether that is settled: stored, or refused for good."""
        try:
            await self._submit(status)
        except DomainError as error:
            if error.kind in _PASSING:
                return False
            logger.info("held status refused: %s", error.message, extra={"charge_point_id": status.charge_point_id})
        return True

    def _hold(self, status: StatusReport) -> None:
        key = _key(status)
        if key in self._held or len(self._held) < _MOST_HELD:
            self._held[key] = status
            self._rest.stir()


_PASSING = frozenset({ErrorKind.UNAVAILABLE, ErrorKind.DEADLINE_EXCEEDED, ErrorKind.RESOURCE_EXHAUSTED})


def _key(status: StatusReport) -> _Key:
    return status.charge_point_id, status.evse.evse_id, status.evse.connector_id
