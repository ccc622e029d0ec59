"""Stations: their live status, and what snapshots of them bring."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from services.chassis.pagination import Page, PageRequest
from services.kernel.clock import Clock
from services.monitoring.application.alerts import forget_hardware, judge
from services.monitoring.domain.charge_point import ChargePoint, placed, shown, taken_away
from services.monitoring.domain.connector import Connector
from services.monitoring.domain.rules import fault_verdict
from services.monitoring.domain.station import (
    Station,
    StationFilter,
    StationSnapshot,
    StationView,
    health_of,
    is_newer,
)
from services.monitoring.domain.transaction import Transaction
from services.monitoring.ports import Work, Works


class Stations:
    """The use cases of stations. Each method is one unit of work."""

    def __init__(self, works: Works) -> None:
        self._works = works

    async def page(self, narrowing: StationFilter, page: PageRequest) -> Page[StationView]:
        """One page of stations by name, with what is known of them now."""
        async with self._works() as work:
            stations = await work.stations.page(narrowing, page)
            views = await _views(work, stations.items)
        return Page(views, stations.next_token, stations.total_size)


async def take_in_station(work: Work, snapshot: StationSnapshot, clock: Clock) -> None:
    """Bring a station and what stands at it up to date; an older snapshot than the known one changes nothing."""
    known = await work.stations.find(snapshot.id, for_update=True)
    if not is_newer(snapshot, known):
        return
    await work.stations.store(
        Station(
            id=snapshot.id,
            name=snapshot.name,
            revision=snapshot.revision,
            told_time=snapshot.told_time,
            deleted=snapshot.deleted,
            update_time=max(snapshot.told_time, known.update_time) if known else snapshot.told_time,
        )
    )
    present = set() if snapshot.deleted else {point.id for point in snapshot.charge_points}
    left = await _take_in_charge_points(work, snapshot, present, clock)
    for connector in snapshot.connectors:
        if connector.charge_point_id in present and await work.connectors.record(connector):
            await judge(work, [fault_verdict(connector, snapshot.id, is_news=False)], clock)
    await work.connectors.keep_only(present, snapshot.connectors)
    for station_id in sorted({snapshot.id, *left}):
        await refresh(work, station_id, snapshot.told_time)


async def refresh(work: Work, station_id: str | None, time: datetime) -> None:
    """Judge a station's health anew after something at it changed at `time`; nothing for None or an unknown one."""
    # Locked before what stands there is read, so that of two changes at once the later one sees both.
    if station_id is not None and await work.stations.touch(station_id, time):
        points = await work.charge_points.of_stations([station_id])
        connectors = await work.connectors.of_stations([station_id])
        await work.stations.set_health(station_id, health_of(points, connectors))


async def _take_in_charge_points(
    work: Work, snapshot: StationSnapshot, present: Collection[str], clock: Clock
) -> set[str]:
    """Place those that are there, take away those that no longer are; the other stations that lost one by it."""
    left: set[str] = set()
    for shot in sorted(snapshot.charge_points, key=lambda point: point.id):
        if shot.id in present:
            before = await work.charge_points.lock(shot.id)
            after = placed(shown(before, shot), snapshot.id, snapshot.told_time)
            await work.charge_points.store(after)
            if before.station_id is not None and before.station_id != after.station_id:
                left.add(before.station_id)
    for known in await work.charge_points.of_stations([snapshot.id]):
        if known.id not in present:
            after = taken_away(await work.charge_points.lock(known.id), snapshot.id)
            await work.charge_points.store(after)
            if after.removed:
                await forget_hardware(work, after, clock)
    return left


async def _views(work: Work, stations: Sequence[Station]) -> list[StationView]:
    ids = [station.id for station in stations]
    points: defaultdict[str | None, list[ChargePoint]] = defaultdict(list)
    connectors: defaultdict[str | None, list[Connector]] = defaultdict(list)
    transactions: defaultdict[str | None, list[Transaction]] = defaultdict(list)
    for point in await work.charge_points.of_stations(ids):
        points[point.station_id].append(point)
    station_of = {point.id: station_id for station_id, found in points.items() for point in found}
    for connector in await work.connectors.of_stations(ids):
        connectors[station_of.get(connector.charge_point_id)].append(connector)
    for transaction in await work.transactions.running_at(ids):
        transactions[transaction.station_id].append(transaction)
    alerts = await work.alerts.open_counts(ids)
    return [
        StationView(
            station=station,
            charge_points=points[station.id],
            connectors=connectors[station.id],
            transactions=transactions[station.id],
            open_alert_count=alerts.get(station.id, 0),
        )
        for station in stations
    ]
