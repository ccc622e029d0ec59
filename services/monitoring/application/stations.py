"""Stations: their live status, and what snapshots of them bring."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from services.chassis.pagination import Page, PageRequest
from services.kernel.clock import Clock
from services.monitoring.application.alerts import forget_connectors, forget_hardware, judge
from services.monitoring.application.rounds import rounds
from services.monitoring.domain.charge_point import ChargePoint, ChargePointSnapshot, placed, shown, taken_away
from services.monitoring.domain.connector import Connector
from services.monitoring.domain.rules import fault_verdict, name_of
from services.monitoring.domain.station import (
    Station,
    StationFilter,
    StationSnapshot,
    StationView,
    health_of,
    is_newer,
    stored,
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


async def take_in_stations(work: Work, snapshots: Iterable[StationSnapshot], clock: Clock) -> None:
    """Bring stations and what stands at them up to date; snapshots older than the known ones change nothing."""
    for batch in rounds(snapshots, lambda snapshot: snapshot.id):
        known = await work.stations.lock([snapshot.id for snapshot in batch])
        newer = [snapshot for snapshot in batch if is_newer(snapshot, known.get(snapshot.id))]
        await work.stations.store([stored(snapshot, known.get(snapshot.id)) for snapshot in newer])
        changed: dict[str | None, datetime] = {snapshot.id: snapshot.told_time for snapshot in newer}
        changed |= await _take_in_charge_points(work, newer, clock)
        await _take_in_connectors(work, newer, clock)
        await refresh(work, changed)


async def refresh(work: Work, changed: Mapping[str | None, datetime]) -> None:
    """Judge the health of stations anew after something at them changed at these times; unknown ones are left out."""
    times = {station_id: time for station_id, time in changed.items() if station_id is not None}
    # Locked before what stands there is read, so that of two changes at once the later one sees both.
    station_ids = await work.stations.touch(times)
    if station_ids:
        points, connectors = await _standing_at(work, station_ids)
        healths = {one: health_of(points[one], connectors[one]) for one in station_ids}
        await work.stations.set_healths(healths)


async def _take_in_charge_points(
    work: Work, snapshots: Sequence[StationSnapshot], clock: Clock
) -> dict[str | None, datetime]:
    """Place those that are there, take away those that no longer are; other stations that lost one by it, and when."""
    standing = await work.charge_points.of_stations([snapshot.id for snapshot in snapshots])
    points_at = _by_station(standing)
    present = {shot.id for snapshot in snapshots for shot in _shots(snapshot)}
    points = await work.charge_points.lock(present | {point.id for point in standing})
    were_missed = {name for name, point in points.items() if point.is_missed}
    left: dict[str | None, datetime] = {}
    for snapshot in snapshots:
        shots = {shot.id: shot for shot in _shots(snapshot)}
        for name, shot in shots.items():
            before = points[name]
            points[name] = placed(shown(before, shot), snapshot.id, snapshot.told_time)
            if before.station_id not in (None, points[name].station_id):
                left[before.station_id] = snapshot.told_time
        for known in points_at[snapshot.id]:
            if known.id not in shots:
                points[known.id] = taken_away(points[known.id], snapshot.id)
    await work.charge_points.store(points.values())
    unwanted = [
        name for name, point in points.items() if point.removed or (name in were_missed and not point.is_missed)
    ]
    if unwanted:
        await forget_hardware(work, unwanted, clock.now())
    return left


async def _take_in_connectors(work: Work, snapshots: Sequence[StationSnapshot], clock: Clock) -> None:
    present = [snapshot for snapshot in snapshots if not snapshot.deleted]
    connectors = {plug.key: (plug, snapshot.id) for snapshot in present for plug in snapshot.connectors}
    kept = await work.connectors.record([plug for plug, _ in connectors.values()])
    await judge(work, [fault_verdict(*connectors[key], is_news=False) for key in sorted(kept)], clock.now())
    gone = await work.connectors.keep_only(present)
    if gone:
        await forget_connectors(work, [name_of(key) for key in gone], clock.now())


def _shots(snapshot: StationSnapshot) -> Sequence[ChargePointSnapshot]:
    """What a snapshot shows to stand at its station."""
    return () if snapshot.deleted else snapshot.charge_points


async def _standing_at(
    work: Work, station_ids: Collection[str]
) -> tuple[Mapping[str | None, list[ChargePoint]], Mapping[str | None, list[Connector]]]:
    """The charge points and the connectors of stations, by station."""
    points = _by_station(await work.charge_points.of_stations(station_ids))
    connectors: defaultdict[str | None, list[Connector]] = defaultdict(list)
    station_of = {point.id: station_id for station_id, found in points.items() for point in found}
    for connector in await work.connectors.of_stations(station_ids):
        connectors[station_of.get(connector.charge_point_id)].append(connector)
    return points, connectors


def _by_station(points: Iterable[ChargePoint]) -> Mapping[str | None, list[ChargePoint]]:
    found: defaultdict[str | None, list[ChargePoint]] = defaultdict(list)
    for point in points:
        found[point.station_id].append(point)
    return found


async def _views(work: Work, stations: Sequence[Station]) -> list[StationView]:
    ids = [station.id for station in stations]
    points, connectors = await _standing_at(work, ids)
    transactions: defaultdict[str | None, list[Transaction]] = defaultdict(list)
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
