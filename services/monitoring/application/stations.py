"""Stations: their live status, and what snapshots of them bring."""

from collections import defaultdict
from collections.abc import Sequence

from services.kernel.pagination import Page, PageRequest
from services.monitoring.application.consequences import Consequences, by_station, standing_at
from services.monitoring.application.partition_by_key import partition_by_key
from services.monitoring.domain.charge_point import ChargePointSnapshot, placed, shown, taken_away
from services.monitoring.domain.connector import StatusReport
from services.monitoring.domain.rules import fault_verdict, name_of
from services.monitoring.domain.station import (
    Station,
    StationFilter,
    StationSnapshot,
    StationView,
    is_newer,
    stored,
)
from services.monitoring.domain.transaction import Transaction
from services.monitoring.ports import UnitOfWork, UnitsOfWork


class Stations:
    """The use cases of stations. Each method is one unit of work."""

    def __init__(self, units_of_work: UnitsOfWork) -> None:
        self._units_of_work = units_of_work

    async def page(self, narrowing: StationFilter, page: PageRequest) -> Page[StationView]:
        """One page of stations by name, with what is known of them now."""
        async with self._units_of_work() as work:
            stations = await work.stations.page(narrowing, page)
            views = await _views(work, stations.items)
        return Page(views, stations.next_token, stations.total_size)


async def take_in_stations(work: UnitOfWork, snapshots: Sequence[StationSnapshot], follows: Consequences) -> None:
    """Bring stations and what stands at them up to date; snapshots older than the known ones change nothing."""
    if not snapshots:
        return
    known = dict(await work.stations.known({snapshot.id for snapshot in snapshots}))
    for batch in partition_by_key(snapshots, lambda snapshot: snapshot.id):
        newer = [snapshot for snapshot in batch if is_newer(snapshot, known.get(snapshot.id))]
        for snapshot in newer:
            known[snapshot.id] = stored(snapshot, known.get(snapshot.id))
            follows.store(known[snapshot.id])
            follows.changed({snapshot.id: snapshot.told_time})
        if newer:
            await _take_in_charge_points(work, newer, follows)
            await _take_in_connectors(work, newer, follows)


async def _take_in_charge_points(work: UnitOfWork, snapshots: Sequence[StationSnapshot], follows: Consequences) -> None:
    """Place those that are there, take away those that no longer are; other stations may have lost one by it."""
    standing = await work.charge_points.of_stations([snapshot.id for snapshot in snapshots])
    points_at = by_station(standing)
    present = {shot.id for snapshot in snapshots for shot in _shots(snapshot)}
    points = await work.charge_points.lock(present | {point.id for point in standing})
    were_missed = {name for name, point in points.items() if point.is_missed}
    for snapshot in snapshots:
        shots = {shot.id: shot for shot in _shots(snapshot)}
        for name, shot in shots.items():
            before = points[name]
            points[name] = placed(shown(before, shot), snapshot.id, snapshot.told_time)
            if before.station_id not in (None, points[name].station_id):
                follows.changed({before.station_id: snapshot.told_time})
        for known in points_at[snapshot.id]:
            if known.id not in shots:
                points[known.id] = taken_away(points[known.id], snapshot.id)
    await work.charge_points.store(points.values())
    follows.forget_hardware(
        [name for name, point in points.items() if point.removed or (name in were_missed and not point.is_missed)]
    )


async def _take_in_connectors(work: UnitOfWork, snapshots: Sequence[StationSnapshot], follows: Consequences) -> None:
    present = [snapshot for snapshot in snapshots if not snapshot.deleted]
    shown_as = {
        plug.key: StatusReport(connector=plug, station_id=snapshot.id, tenant_id=snapshot.tenant_id)
        for snapshot in present
        for plug in snapshot.connectors
    }
    kept = await work.connectors.record([report.connector for report in shown_as.values()])
    follows.judge([fault_verdict(shown_as[key], is_news=False) for key in sorted(kept)])
    follows.forget_connectors([name_of(key) for key in await work.connectors.keep_only(present)])


def _shots(snapshot: StationSnapshot) -> Sequence[ChargePointSnapshot]:
    """What a snapshot shows to stand at its station."""
    return () if snapshot.deleted else snapshot.charge_points


async def _views(work: UnitOfWork, stations: Sequence[Station]) -> list[StationView]:
    ids = [station.id for station in stations]
    points, connectors = await standing_at(work, ids)
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
