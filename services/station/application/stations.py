"""What can be done with stations."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.kernel.clock import Clock
from services.kernel.errors import DomainError, failed_precondition, invalid, not_found
from services.kernel.ids import new_id
from services.kernel.pagination import Head, Page, PageRequest
from services.station.domain import charge_point as charge_points
from services.station.domain import connector as connectors
from services.station.domain.charge_point import ChargePoint
from services.station.domain.connector import Connector
from services.station.domain.events import StationChanged
from services.station.domain.station import FoundStation, Station, StationFilter, changed, changed_settings, validated
from services.station.ports import RunningTransactions, StationReads, UnitOfWork, UnitsOfWork


@dataclass(frozen=True, slots=True)
class StationView:
    """A station with what stands at it."""

    station: Station
    connectors: Sequence[Connector]
    charge_points: Sequence[ChargePoint]
    distance_meters: float | None = None


class Stations:
    """The use cases of stations. Each method is one unit of work."""

    def __init__(
        self, units_of_work: UnitsOfWork, reads: StationReads, clock: Clock, running: RunningTransactions
    ) -> None:
        self._units_of_work = units_of_work
        self._reads = reads
        self._clock = clock
        self._running = running

    async def page(self, narrowing: StationFilter, page: PageRequest) -> Page[StationView]:
        """One page of stations, the newest first; of a search by place, the nearest first."""
        found = await self._reads.page(narrowing, page)
        return Page(await self._views(found.items), found.next_token, found.total_size)

    async def heads(self, narrowing: StationFilter, page: PageRequest) -> Page[Head]:
        """One page of stations, the newest first, but which ones it holds only."""
        return await self._reads.heads(narrowing, page)

    async def views(self, station_ids: Sequence[str]) -> list[tuple[Head, StationView]]:
        """The stations of these ids that are there."""
        found, plugs, points = await self._reads.with_ids(station_ids)
        views = _viewed([FoundStation(station) for _, station in found], plugs, points)
        return [(head, view) for (head, _), view in zip(found, views, strict=True)]

    async def get(self, station_id: str) -> StationView:
        """Raises: STATION_NOT_FOUND."""
        station = await self._reads.find(station_id)
        if station is None:
            raise _not_found(station_id)
        [view] = await self._views([FoundStation(station)])
        return view

    async def create(
        self,
        fields: Mapping[str, Any],
        inline_charge_points: Sequence[Mapping[str, Any]],
        inline_connectors: Sequence[Mapping[str, Any]],
        request_id: str,
    ) -> StationView:
        """Make a station of `fields` with what stands at it. Idempotent by `request_id`.

        Raises: INVALID_FIELD, CHARGE_POINT_EXISTS.
        """
        now = self._clock.now()
        station = validated(Station(id=new_id(), **fields, create_time=now, update_time=now))
        points = [
            charge_points.made({**given, "station_id": station.id}, now, f"station.chargePoints[{position}]")
            for position, given in enumerate(inline_charge_points)
        ]
        plugs = _inline_connectors(inline_connectors, points)
        async with self._units_of_work() as work:
            if request_id and (made := await work.remember(request_id, station.id)) != station.id:
                return await _view(work, await _found(work, made))
            await work.stations.add(station)
            await work.charge_points.add(points)
            await work.connectors.store(plugs)
            view = await _view(work, station)
            await _publish(work, view)
            return view

    async def update(self, station_id: str, changes: Mapping[str, Any], etag: str) -> StationView:
        """Raises: STATION_NOT_FOUND, INVALID_FIELD, ETAG_MISMATCH."""
        async with self._units_of_work() as work:
            before = await _found(work, station_id, for_update=True)
            after = changed(before, changes, etag, self._clock.now())
            await work.stations.replace(after)
            view = await _view(work, after)
            await _publish(work, view, changed_configuration=changed_settings(before, after))
            return view

    async def delete(self, station_id: str) -> None:
        """Raises: STATION_NOT_FOUND, TRANSACTION_RUNNING."""
        async with self._units_of_work() as work:
            await _found(work, station_id)
        # Asked outside of the unit of work: no lock is held while another service answers.
        if await self._running.at_station(station_id):
            raise failed_precondition("TRANSACTION_RUNNING", f"a transaction runs at station {station_id}")
        async with self._units_of_work() as work:
            view = await _view(work, await _found(work, station_id, for_update=True))
            await work.stations.remove(station_id)
            await _publish(work, view, deleted=True)

    async def _views(self, found: Sequence[FoundStation]) -> list[StationView]:
        return _viewed(found, *await self._reads.standing_at([item.station.id for item in found]))


async def lock_stations(work: UnitOfWork, station_ids: Collection[str | None]) -> list[Station]:
    """Lock the stations that something which changes stands at, before it is locked itself; None stands for none.

    Always in this order, so that nobody waits for another in a circle; and each tells how its station looks only when
    the one before has been committed. Raises: STATION_NOT_FOUND.
    """
    ids = sorted({station_id for station_id in station_ids if station_id is not None})
    return [await _found(work, station_id, for_update=True) for station_id in ids]


async def publish_stations(work: UnitOfWork, stations: Sequence[Station]) -> None:
    """Tell how locked stations look after something that stands at them changed."""
    for station in stations:
        await _publish(work, await _view(work, station))


def _inline_connectors(given: Sequence[Mapping[str, Any]], points: Sequence[ChargePoint]) -> list[Connector]:
    known = {point.id for point in points}
    plugs: list[Connector] = []
    for position, fields in enumerate(given):
        place = f"station.connectors[{position}]"
        if not fields["charge_point_id"] and len(known) == 1:
            fields = {**fields, "charge_point_id": next(iter(known))}
        plug = connectors.validated(Connector(id=new_id(), **fields), place)
        if plug.charge_point_id not in known:
            raise invalid(f"{place}.chargePointId", "must be one of the inline charge points")
        if any(connectors.key_of(plug) == connectors.key_of(other) for other in plugs):
            raise invalid(f"{place}.connectorId", "is given twice for the charge point")
        plugs.append(plug)
    return plugs


async def _publish(work: UnitOfWork, view: StationView, **more: Any) -> None:
    event = StationChanged(station=view.station, connectors=view.connectors, charge_points=view.charge_points, **more)
    await work.publish([event])


async def _view(work: UnitOfWork, station: Station) -> StationView:
    plugs = await work.connectors.of_stations([station.id])
    points = await work.charge_points.of_stations([station.id])
    [view] = _viewed([FoundStation(station)], plugs, points)
    return view


def _viewed(
    found: Sequence[FoundStation], connectors: Sequence[Connector], charge_points: Sequence[ChargePoint]
) -> list[StationView]:
    plugs: defaultdict[str | None, list[Connector]] = defaultdict(list)
    points: defaultdict[str | None, list[ChargePoint]] = defaultdict(list)
    for plug in connectors:
        plugs[plug.station_id].append(plug)
    for point in charge_points:
        points[point.station_id].append(point)
    return [
        StationView(item.station, plugs[item.station.id], points[item.station.id], item.distance_meters)
        for item in found
    ]


async def _found(work: UnitOfWork, station_id: str, *, for_update: bool = False) -> Station:
    station = await work.stations.find(station_id, for_update=for_update)
    if station is None:
        raise _not_found(station_id)
    return station


def _not_found(station_id: str) -> DomainError:
    return not_found("station", station_id)
