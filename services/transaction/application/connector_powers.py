"""Keeps what connectors can give: transactions are judged by it. Compared with the station service now and then."""

from datetime import timedelta

from services.kernel.clock import Clock
from services.transaction.ports import Stations, UnitsOfWork

# What is told in answer to a question counts as told so long ago: news that is on its way must not lose against it.
_MARGIN = timedelta(minutes=1)


class ConnectorPowers:
    """Takes in what connectors of all stations can give. Idempotent."""

    def __init__(self, units_of_work: UnitsOfWork, stations: Stations, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._stations = stations
        self._clock = clock

    async def compare(self) -> int:
        """Ask for all, page by page; how many connectors were looked at. Raises: UNAVAILABLE."""
        told_time, looked_at, token = self._clock.now() - _MARGIN, 0, ""
        while True:
            powers, token = await self._stations.connector_powers(told_time, token)
            async with self._units_of_work() as work:
                await work.connector_powers.note(powers)
            looked_at += len(powers)
            if not token:
                return looked_at
