"""What follows from the facts that one unit of work takes in: gathered meanwhile, done at its end.

In one order for all, because it locks what others lock as well: stations, then the minutes of metrics, then alerts.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from services.kernel.clock import Clock
from services.monitoring.application.alerts import forget_connectors, forget_hardware, judge, note_incidents
from services.monitoring.domain.alert import Verdict
from services.monitoring.domain.charge_point import ChargePoint
from services.monitoring.domain.connector import Connector
from services.monitoring.domain.metrics import MetricChange, merged
from services.monitoring.domain.rules import Incident
from services.monitoring.domain.station import Station, health_of
from services.monitoring.ports import UnitOfWork

_AlertStep = Callable[[UnitOfWork, datetime], Awaitable[None]]


class Consequences:
    """What follows so far."""

    def __init__(self) -> None:
        self._stations: dict[str, Station] = {}
        self._times: dict[str, datetime] = {}
        self._metrics: list[MetricChange] = []
        self._alerts: list[_AlertStep] = []

    def store(self, station: Station) -> None:
        """A station is to be stored like this; the last one counts."""
        self._stations[station.id] = station

    def changed(self, times: Mapping[str | None, datetime]) -> None:
        """Something changed at stations at these times; what is at none is left out."""
        for station_id, time in times.items():
            if station_id is not None:
                self._times[station_id] = max(time, self._times.get(station_id, time))

    def count(self, changes: Iterable[MetricChange]) -> None:
        """Something counts in the metrics."""
        self._metrics += changes

    def judge(self, verdicts: Sequence[Verdict]) -> None:
        """The rules found this, at most one verdict for each kind and subject at a time."""
        if verdicts:
            self._alerts.append(lambda work, now: judge(work, verdicts, now))

    def note_incidents(self, incidents: Mapping[Incident, Verdict]) -> None:
        """These happened, all of one kind; see alerts.note_incidents."""
        if incidents:
            self._alerts.append(lambda work, now: note_incidents(work, incidents, now))

    def forget_hardware(self, charge_point_ids: Collection[str]) -> None:
        """Charge points are no longer there."""
        if charge_point_ids:
            self._alerts.append(lambda work, now: forget_hardware(work, charge_point_ids, now))

    def forget_connectors(self, connectors: Collection[str]) -> None:
        """Connectors are no longer there, named as in alerts."""
        if connectors:
            self._alerts.append(lambda work, now: forget_connectors(work, connectors, now))

    async def follow(self, work: UnitOfWork, now: datetime) -> None:
        """Do all of it. Alerts are judged in the order in which the facts came."""
        station_ids = await work.stations.change(list(self._stations.values()), self._times)
        if station_ids:
            points, connectors = await standing_at(work, station_ids)
            await work.stations.set_healths({one: health_of(points[one], connectors[one]) for one in station_ids})
        await work.metrics.add(merged(self._metrics))
        for step in self._alerts:
            await step(work, now)


@asynccontextmanager
async def consequences(work: UnitOfWork, clock: Clock) -> AsyncIterator[Consequences]:
    """Gathers what follows from the facts of the block, and does it when the block ends well."""
    gathered = Consequences()
    yield gathered
    await gathered.follow(work, clock.now())


async def standing_at(
    work: UnitOfWork, station_ids: Collection[str]
) -> tuple[Mapping[str | None, list[ChargePoint]], Mapping[str | None, list[Connector]]]:
    """The charge points and the connectors of stations, by station."""
    points = by_station(await work.charge_points.of_stations(station_ids))
    connectors: defaultdict[str | None, list[Connector]] = defaultdict(list)
    station_of = {point.id: station_id for station_id, found in points.items() for point in found}
    for connector in await work.connectors.of_stations(station_ids):
        connectors[station_of.get(connector.charge_point_id)].append(connector)
    return points, connectors


def by_station(points: Iterable[ChargePoint]) -> Mapping[str | None, list[ChargePoint]]:
    """Charge points by the station they stand at."""
    found: defaultdict[str | None, list[ChargePoint]] = defaultdict(list)
    for point in points:
        found[point.station_id].append(point)
    return found
