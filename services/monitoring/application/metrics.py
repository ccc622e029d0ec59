"""The metrics of stations over time."""

from datetime import datetime, timedelta

from services.kernel.clock import Clock
from services.kernel.errors import not_found
from services.monitoring.domain.metrics import MetricPoint, window_of
from services.monitoring.ports import UnitsOfWork


class StationMetrics:
    """The use cases of metrics."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._clock = clock

    async def of_station(
        self, station_id: str, length: timedelta | None, step: timedelta | None, end: datetime | None
    ) -> list[MetricPoint]:
        """One point per step, also of a station that was deleted. Raises: STATION_NOT_FOUND, INVALID_FIELD."""
        window = window_of(length, step, end, self._clock.now())
        async with self._units_of_work() as work:
            if not await work.stations.exists(station_id):
                raise not_found("station", station_id)
            return window.filled(await work.metrics.steps(station_id, window))
