"""Charge points and their connectors: what their connections, boots and status reports bring."""

from services.kernel.clock import Clock
from services.monitoring.application.alerts import judge, note_incident
from services.monitoring.application.stations import refresh
from services.monitoring.domain.charge_point import ChargePointSnapshot, ConnectivityChange, connected, shown
from services.monitoring.domain.connector import Connector
from services.monitoring.domain.metrics import MetricChange, Metrics, bucket_of
from services.monitoring.domain.rules import Incident, IncidentKind, fault_verdict, offline_verdict, subject_of
from services.monitoring.ports import Work


async def take_in_connectivity(work: Work, change: ConnectivityChange, clock: Clock) -> None:
    """Note that a connection was opened or closed; each closing counts, also one that others have overtaken."""
    before = await work.charge_points.lock(change.charge_point_id)
    after = connected(before, change)
    if after is not before:
        await work.charge_points.store(after)
        if after.online:
            await judge(work, [offline_verdict(after, stands=False)], clock)
        await refresh(work, after.station_id, change.time)
    if not change.online:
        incident = Incident(kind=IncidentKind.DISCONNECT, subject=change.charge_point_id, time=change.time)
        await _count(work, change.station_id, incident, Metrics(disconnect_count=1))
        await note_incident(work, incident, clock, charge_point_id=change.charge_point_id, station_id=change.station_id)


async def take_in_boot(work: Work, snapshot: ChargePointSnapshot) -> None:
    """Note what a boot shows of a charge point."""
    before = await work.charge_points.lock(snapshot.id)
    after = shown(before, snapshot)
    if after is not before:
        await work.charge_points.store(after)
        await refresh(work, after.station_id, snapshot.told_time)


async def take_in_status(work: Work, connector: Connector, station_id: str | None, clock: Clock) -> None:
    """Note the status of a connector; each report of a fault counts, also one that others have overtaken."""
    if await work.connectors.record(connector):
        await judge(work, [fault_verdict(connector, station_id, is_news=True)], clock)
        await refresh(work, station_id, connector.told_time)
    if connector.is_faulted:
        incident = Incident(kind=IncidentKind.FAULT, subject=subject_of(connector), time=connector.told_time)
        await _count(work, station_id, incident, Metrics(fault_count=1))
        await note_incident(
            work,
            incident,
            clock,
            charge_point_id=connector.charge_point_id,
            station_id=station_id,
            connector_id=connector.connector_id,
        )


async def _count(work: Work, station_id: str | None, incident: Incident, metrics: Metrics) -> None:
    if station_id is not None:
        change = MetricChange(station_id=station_id, time=bucket_of(incident.time), metrics=metrics)
        await work.metrics.add([change])
