"""Monitors of charge points: what events tell of them is folded into what is known of them, in the unit of work that
keeps the events."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from services.kernel.clock import Clock
from services.kernel.pagination import Page, PageRequest
from services.station.application import device_reports
from services.station.domain.device_event import VARIABLE, DeviceEvent, Severity
from services.station.domain.device_monitor import (
    DeviceMonitor,
    DeviceMonitorFilter,
    MonitoredChange,
    MonitorKey,
    MonitorReport,
    Sighting,
    Trigger,
    seen,
)
from services.station.domain.device_report import (
    DeviceReport,
    MonitoringReportRequest,
    Scope,
    SeenReport,
    completed,
)
from services.station.ports import UnitOfWork, UnitsOfWork


class DeviceMonitors:
    """The use cases of monitors. Each method is one unit of work."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._clock = clock

    async def page(self, narrowing: DeviceMonitorFilter, page: PageRequest) -> Page[DeviceMonitor]:
        """One page of monitors of a charge point by number."""
        async with self._units_of_work.reading() as work:
            return await work.device_monitors.page(narrowing, page)

    async def reports(self, charge_point_id: str, page: PageRequest) -> Page[SeenReport]:
        """One page of the reports that a charge point was asked for, the latest first."""
        async with self._units_of_work.reading() as work:
            return await device_reports.shown(work.monitoring_reports, charge_point_id, page, self._clock.now())


async def with_severities(work: UnitOfWork, events: Sequence[DeviceEvent]) -> Sequence[DeviceEvent]:
    """The same events; those of monitors as bad as the charge point says or, where it does not (OCPP 2.0.1), as the
    monitor was set."""
    wanted = {
        MonitorKey(event.charge_point_id, change.monitor_id)
        for event in events
        if (change := event.change) is not None and change.severity is None and change.monitor_id is not None
    }
    if not wanted:
        return events
    known = await work.device_monitors.known(wanted)

    def of_monitor(event: DeviceEvent) -> DeviceEvent:
        change = event.change
        if change is None or change.severity is not None or change.monitor_id is None:
            return event
        monitor = known.get(MonitorKey(event.charge_point_id, change.monitor_id))
        if monitor is None or monitor.severity is None:
            return event
        return event.with_change(replace(change, severity=monitor.severity))

    return [of_monitor(event) for event in events]


async def fold(work: UnitOfWork, events: Sequence[DeviceEvent]) -> Sequence[DeviceEvent]:
    """Take in what events tell of monitors that were not kept before; what they say is over of what monitors notified.
    Of any order, and idempotent."""
    reported = [(one, one.body) for one in events if isinstance(one.body, MonitorReport)]
    asked = [(one, one.body) for one in events if isinstance(one.body, MonitoringReportRequest)]
    if not reported and not asked:
        return []
    # What is known is read and written back: one after the other for each charge point.
    await work.device_variables.lock({event.charge_point_id for event in events if event.body is not None})
    sightings = [one for event, report in reported for one in _sightings(event, report)]
    ended: list[tuple[DeviceEvent, DeviceMonitor]] = []
    if sightings:
        known = await work.device_monitors.known({sighting.key for sighting in sightings})
        after = seen(known, sightings)
        await work.device_monitors.store(list(after.values()))
        by_event = {event.id: event for event in events}
        for sighting in sightings:
            monitor = after.get(sighting.key)
            if sighting.reported.is_gone and monitor is not None and monitor.gone_time is not None:
                ended.append((by_event[sighting.telling.event_id], monitor))
    for event, report in reported:
        if report.gone_kinds:
            name, time = event.charge_point_id, event.telling.time
            taken = await work.device_monitors.end_kinds(name, report.gone_kinds, time)
            ended += [(event, monitor) for monitor in taken]
    ended += await _fold_reports(work, reported, asked)
    return [_over(event, monitor) for event, monitor in ended]


async def _fold_reports(
    work: UnitOfWork,
    reported: Sequence[tuple[DeviceEvent, MonitorReport]],
    asked: Sequence[tuple[DeviceEvent, MonitoringReportRequest]],
) -> list[tuple[DeviceEvent, DeviceMonitor]]:
    """Note reports and their parts; the monitors that are not in one that is whole and tells of all."""
    parts = list(device_reports.arrived((event, report.part) for event, report in reported))
    reports = [DeviceReport(event.charge_point_id, request.request) for event, request in asked]
    if not parts and not reports:
        return []
    await work.monitoring_reports.add(reports, parts)
    names = {part.charge_point_id for part in parts} | {report.charge_point_id for report in reports}
    whole = list(completed(*await work.monitoring_reports.waiting(names)))
    await work.monitoring_reports.complete(whole)
    events = {event.charge_point_id: event for event, _ in reported}
    events |= {event.charge_point_id: event for event, _ in asked}
    ended = []
    for report in whole:
        if report.request.scope is Scope.FULL_INVENTORY and report.time is not None:
            missed = await work.device_monitors.end_unreported(report.charge_point_id, report.time)
            ended += [(events[report.charge_point_id], monitor) for monitor in missed]
    return ended


def _over(event: DeviceEvent, monitor: DeviceMonitor) -> DeviceEvent:
    """That nobody watches any more what a monitor may have notified."""
    change = MonitoredChange(
        trigger=Trigger.ALERTING, is_cleared=True, monitor_id=monitor.monitor_id, severity=monitor.severity
    )
    over = replace(
        event,
        kind=VARIABLE,
        subject=monitor.watched.subject,
        status="",
        info="the monitor is gone",
        evse_id=monitor.watched.evse_id,
        connector_id=monitor.watched.connector_id,
        severity=Severity.INFO,
        body=None,
    )
    return over.with_change(change)


def _sightings(event: DeviceEvent, report: MonitorReport) -> Iterator[Sighting]:
    telling = event.telling
    for reported in report.monitors:
        yield Sighting(event.charge_point_id, reported, telling, event.action)
