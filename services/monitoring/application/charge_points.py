"""Charge points and their connectors: what their connections, boots and status reports bring."""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from services.monitoring.application.consequences import Consequences
from services.monitoring.application.partition_by_key import partition_by_key
from services.monitoring.domain.charge_point import (
    ChargePoint,
    ChargePointSnapshot,
    ConnectivityChange,
    Sighting,
    connected,
    deleted,
    is_of_later_one,
    shown,
    sighted,
)
from services.monitoring.domain.connector import StatusReport
from services.monitoring.domain.device_event import DeviceEvent
from services.monitoring.domain.metrics import MetricChange, Metrics, bucket_of
from services.monitoring.domain.refusal import Refusal
from services.monitoring.domain.rules import (
    back_verdicts,
    device_verdict,
    disconnect,
    fault,
    fault_verdict,
    guessed,
    refused,
)
from services.monitoring.ports import UnitOfWork


@asynccontextmanager
async def locked_points(
    work: UnitOfWork, charge_point_ids: Collection[str]
) -> AsyncIterator[MutableMapping[str, ChargePoint]]:
    """These charge points by identity, locked, to be changed in the block; those that have changed are stored when it
    ends well. Once for all that a unit of work takes in: what it costs hardly depends on how many there are."""
    before = await work.charge_points.lock(charge_point_ids)
    points = dict(before)
    yield points
    await work.charge_points.store([point for name, point in points.items() if point is not before[name]])


def take_in_connectivity(
    points: MutableMapping[str, ChargePoint], changes: Iterable[ConnectivityChange], follows: Consequences
) -> None:
    """Note that connections were opened or closed; each closing counts, also one that others have overtaken."""
    for batch in partition_by_key(changes, lambda change: change.charge_point_id):
        after = {change.charge_point_id: connected(points[change.charge_point_id], change) for change in batch}
        _turn(points, after, {change.charge_point_id: change.time for change in batch}, follows)
        closed = [change for change in batch if not change.online]
        follows.count(_counted([(change.station_id, change.time) for change in closed], Metrics(disconnect_count=1)))
        missed = [change for change in closed if after[change.charge_point_id].is_missed]
        follows.note_incidents(dict(map(disconnect, missed)))


def take_in_boots(
    points: MutableMapping[str, ChargePoint], snapshots: Iterable[ChargePointSnapshot], follows: Consequences
) -> None:
    """Note what boots show of charge points."""
    for batch in partition_by_key(snapshots, lambda snapshot: snapshot.id):
        after = {snapshot.id: shown(points[snapshot.id], snapshot) for snapshot in batch}
        _turn(points, after, {snapshot.id: snapshot.told_time for snapshot in batch}, follows)


def take_in_deletions(
    points: MutableMapping[str, ChargePoint], snapshots: Iterable[ChargePointSnapshot], follows: Consequences
) -> None:
    """Note that charge points are no more; one that was made anew since stays."""
    gone = {snapshot.id: snapshot for snapshot in snapshots}
    after = {
        name: points[name] if is_of_later_one(points[name], snapshot.created_time) else deleted(points[name])
        for name, snapshot in gone.items()
    }
    _turn(points, after, {name: snapshot.told_time for name, snapshot in gone.items()}, follows)


def take_in_refusals(refusals: Iterable[Refusal], follows: Consequences) -> None:
    """Note that charge points in service were refused at the handshake; too often is an alert."""
    for batch in partition_by_key(refusals, lambda refusal: refusal.charge_point_id):
        follows.note_incidents(dict(map(refused, batch)))
        follows.note_incidents(dict(map(guessed, [refusal for refusal in batch if refusal.guess_count])))


def take_in_device_events(events: Iterable[DeviceEvent], follows: Consequences) -> None:
    """Note what charge points told of themselves that somebody should look at."""
    for batch in partition_by_key(map(device_verdict, events), lambda verdict: (verdict.kind, verdict.subject)):
        follows.judge(batch)


async def take_in_sightings(work: UnitOfWork, sightings: Sequence[Sighting], follows: Consequences) -> None:
    """Note who is connected and who is not, at most one sighting per charge point."""
    async with locked_points(work, {sighting.charge_point_id for sighting in sightings}) as points:
        after = {one.charge_point_id: sighted(points[one.charge_point_id], one) for one in sightings}
        _turn(points, after, {one.charge_point_id: one.time for one in sightings}, follows)


async def take_in_statuses(work: UnitOfWork, reports: Iterable[StatusReport], follows: Consequences) -> None:
    """Note the status of connectors; each report of a fault counts, also one that others have overtaken."""
    for batch in partition_by_key(reports, lambda report: report.connector.key):
        kept = await work.connectors.record([report.connector for report in batch])
        news = [report for report in batch if report.connector.key in kept]
        follows.judge([fault_verdict(report, is_news=True) for report in news])
        for report in news:
            follows.changed({report.station_id: report.connector.told_time})
        faults = [report for report in batch if report.connector.is_faulted]
        times = [(report.station_id, report.connector.told_time) for report in faults]
        follows.count(_counted(times, Metrics(fault_count=1)))
        follows.note_incidents(dict(map(fault, faults)))


def _turn(
    points: MutableMapping[str, ChargePoint],
    after: Mapping[str, ChargePoint],
    times: Mapping[str, datetime],
    follows: Consequences,
) -> None:
    """Make `points` what they are `after` something of these times, and tell what follows for those that it changed."""
    changed = [point for name, point in after.items() if point is not points[name]]
    back = [point for point in changed if point.online]
    follows.judge([verdict for point in back for verdict in back_verdicts(point)])
    follows.forget_hardware([point.id for point in changed if _is_no_longer_missed(point, points[point.id])])
    for point in changed:
        follows.changed({point.station_id: times[point.id]})
    points.update(after)


def _is_no_longer_missed(point: ChargePoint, before: ChargePoint) -> bool:
    is_gone = point.removed and not before.removed and point.epoch == 0
    return is_gone or (before.is_missed and not point.is_missed)


def _counted(places: Iterable[tuple[str | None, datetime]], metrics: Metrics) -> Iterator[MetricChange]:
    for station_id, time in places:
        if station_id is not None:
            yield MetricChange(station_id=station_id, time=bucket_of(time), metrics=metrics)
