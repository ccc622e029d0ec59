"""Figures: the dashboard, and usage by period and dimension."""

from datetime import datetime

from services.kernel.clock import Clock
from services.monitoring.domain.dashboard import Dashboard
from services.monitoring.domain.usage import MOST_POINTS, Dimension, Period, UsagePoint, bounded, usage_query
from services.monitoring.ports import UnitsOfWork


class Analytics:
    """The use cases of figures. Each method is one unit of work."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._clock = clock

    async def dashboard(self) -> Dashboard:
        """The figures of this moment."""
        async with self._units_of_work() as work:
            return await work.dashboard_queries.dashboard(self._clock.now())

    async def usage(
        self,
        period: Period | None,
        dimension: Dimension | None,
        start: datetime | None,
        end: datetime | None,
        station_id: str,
    ) -> list[UsagePoint]:
        """The points by period and key. Raises: INVALID_FIELD."""
        query = usage_query(period, dimension, start, end, station_id, self._clock.now())
        async with self._units_of_work() as work:
            return bounded(await work.usage.points(query, MOST_POINTS + 1))
