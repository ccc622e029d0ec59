"""Charge points and their connectors: what their connections, boots and status reports bring."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from services.kernel.clock import Clock
from services.monitoring.application.alerts import judge, note_incidents
from services.monitoring.application.rounds import rounds
from services.monitoring.application.stations import refresh
from services.monitoring.domain.charge_point import (
    ChargePoint,
    ChargePointSnapshot,
    ConnectivityChange,
    Sighting,
    connected,
    shown,
    sighted,
)
from services.monitoring.domain.connector import StatusReport
from services.monitoring.domain.metrics import MetricChange, Metrics, bucket_of, merged
from services.monitoring.domain.rules import disconnect, fault, fault_verdict, offline_verdict
from services.monitoring.ports import Work


async def take_in_connectivity(work: Work, changes: Iterable[ConnectivityChange], clock: Clock) -> None:
    """Note that connections were opened or closed; each closing counts, also one that others have overtaken."""
    for batch in rounds(changes, lambda change: change.charge_point_id):
        before = await work.charge_points.lock({change.charge_point_id for change in batch})
        after = {change.charge_point_id: connected(before[change.charge_point_id], change) for change in batch}
        await _store(work, before, after, {change.charge_point_id: change.time for change in batch}, clock)
        closed = [change for change in batch if not change.online]
        await _count(work, [(change.station_id, change.time) for change in closed], Metrics(disconnect_count=1))
        await note_incidents(work, dict(map(disconnect, closed)), clock.now())


async def take_in_boots(work: Work, snapshots: Iterable[ChargePointSnapshot], clock: Clock) -> None:
    """Note what boots show of charge points."""
    for batch in rounds(snapshots, lambda snapshot: snapshot.id):
        before = await work.charge_points.lock({snapshot.id for snapshot in batch})
        after = {snapshot.id: shown(before[snapshot.id], snapshot) for snapshot in batch}
        await _store(work, before, after, {snapshot.id: snapshot.told_time for snapshot in batch}, clock)


async def take_in_sightings(work: Work, sightings: Sequence[Sighting], clock: Clock) -> None:
    """Note who is connected and who is not, at most one sighting per charge point."""
    before = await work.charge_points.lock({sighting.charge_point_id for sighting in sightings})
    after = {one.charge_point_id: sighted(before[one.charge_point_id], one) for one in sightings}
    await _store(work, before, after, {one.charge_point_id: one.time for one in sightings}, clock)


async def take_in_statuses(work: Work, reports: Iterable[StatusReport], clock: Clock) -> None:
    """Note the status of connectors; each report of a fault counts, also one that others have overtaken."""
    for batch in rounds(reports, lambda report: report.connector.key):
        kept = await work.connectors.record([report.connector for report in batch])
        news = [report for report in batch if report.connector.key in kept]
        verdicts = [fault_verdict(report.connector, report.station_id, is_news=True) for report in news]
        await judge(work, verdicts, clock.now())
        await refresh(work, {report.station_id: report.connector.told_time for report in news})
        faults = [report for report in batch if report.connector.is_faulted]
        times = [(report.station_id, report.connector.told_time) for report in faults]
        await _count(work, times, Metrics(fault_count=1))
        await note_incidents(work, dict(map(fault, faults)), clock.now())


async def _store(
    work: Work,
    before: Mapping[str, ChargePoint],
    after: Mapping[str, ChargePoint],
    times: Mapping[str, datetime],
    clock: Clock,
) -> None:
    """Store those charge points that have changed, at these times, and what follows from it."""
    changed = [point for name, point in after.items() if point is not before[name]]
    await work.charge_points.store(changed)
    back = [point for point in changed if point.online]
    await judge(work, [offline_verdict(point, stands=False) for point in back], clock.now())
    stations: dict[str | None, datetime] = {}
    for point in changed:
        stations[point.station_id] = max(times[point.id], stations.get(point.station_id, times[point.id]))
    await refresh(work, stations)


async def _count(work: Work, places: Iterable[tuple[str | None, datetime]], metrics: Metrics) -> None:
    await work.metrics.add(
        merged(
            MetricChange(station_id=station_id, time=bucket_of(time), metrics=metrics)
            for station_id, time in places
            if station_id is not None
        )
    )
