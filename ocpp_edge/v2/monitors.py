"""Monitors of OCPP 2.x (part 2, block N): what reports and answers tell of them. Pure."""

from collections.abc import Iterable, Iterator
from typing import Any

from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_monitor_pb2 import DeviceMonitor, MonitoredChange, MonitorReport, ReportedMonitor
from csms.station.v1.device_variable_pb2 import ReportPart, ReportRequest
from ocpp_edge.backend.ports import Backend
from ocpp_edge.facts.exchange import Answers, Exchange, answer_event, recording_answer
from ocpp_edge.facts.variables import name_of, variable_report, with_value
from ocpp_edge.rpc.frames import Payload
from services.rpc.protobuf import write_time

TYPES = {
    "UpperThreshold": DeviceMonitor.UPPER_THRESHOLD,
    "LowerThreshold": DeviceMonitor.LOWER_THRESHOLD,
    "Delta": DeviceMonitor.DELTA,
    "Periodic": DeviceMonitor.PERIODIC,
    "PeriodicClockAligned": DeviceMonitor.PERIODIC_CLOCK_ALIGNED,
    "TargetDelta": DeviceMonitor.TARGET_DELTA,
    "TargetDeltaRelative": DeviceMonitor.TARGET_DELTA_RELATIVE,
}
# What says that a monitor that was to be cleared is not there any more.
GONE = frozenset({"Accepted", "NotFound"})
_KINDS = {
    "CustomMonitor": DeviceMonitor.CUSTOM,
    "PreconfiguredMonitor": DeviceMonitor.PRECONFIGURED,
    "HardWiredMonitor": DeviceMonitor.HARD_WIRED,
    "HardWiredNotification": DeviceMonitor.HARD_WIRED,
}
_TRIGGERS = {
    "Alerting": MonitoredChange.ALERTING,
    "Delta": MonitoredChange.DELTA,
    "Periodic": MonitoredChange.PERIODIC,
}
# What each base takes away (N03.FR.03 to 05).
_TAKEN_AWAY = {
    "FactoryDefault": (DeviceMonitor.CUSTOM,),
    "HardWiredOnly": (DeviceMonitor.CUSTOM, DeviceMonitor.PRECONFIGURED),
}
_CONTROLLER = {"name": "MonitoringCtrlr"}
_INT64, _SEVERITIES = range(-(2**63), 2**63), range(10)
_ACCEPTED = "Accepted"


def reported_monitors(entries: Iterable[Payload]) -> Iterator[ReportedMonitor]:
    """What the entries of a report (MonitoringDataType) tell: one for each monitor."""
    for entry in entries:
        for monitor in entry.get("variableMonitoring", ()):
            reported = _monitor(entry, monitor)
            if reported is not None:
                yield reported


def monitored_change(entry: Payload) -> MonitoredChange:
    """What an entry of NotifyEvent (EventDataType) tells beside the value."""
    change = MonitoredChange(
        event_id=_number(entry, "eventId") or 0,
        trigger=_TRIGGERS.get(entry.get("trigger", ""), MonitoredChange.TRIGGER_UNSPECIFIED),
        cleared=bool(entry.get("cleared")),
        monitor_id=_number(entry, "variableMonitoringId"),
        kind=_KINDS.get(entry.get("eventNotificationType", ""), DeviceMonitor.KIND_UNSPECIFIED),
        severity=_severity(entry),
    )
    return change


def number_of_monitor(entry: Payload) -> int | None:
    """The number of the monitor that an entry is about; None for one that cannot be kept."""
    return _number(entry, "id")


def set_monitors(exchange: Exchange) -> DeviceEvent | None:
    """What SetVariableMonitoring was answered (N04): those that were taken are there from now on."""
    asked: dict[Any, list[Payload]] = {}
    for entry in exchange.asked.get("setMonitoringData", ()):
        asked.setdefault(_key(entry), []).append(entry)
    monitors = []
    for result in exchange.answer.get("setMonitoringResult", ()):
        requested = asked.get(_key(result)) or [{}]
        said = requested.pop(0) if len(requested) > 1 else requested[0]
        if result.get("status") != _ACCEPTED:
            continue
        told = {"type": result.get("type"), "severity": result.get("severity"), "id": result.get("id")}
        reported = _monitor(result, {**said, **{name: value for name, value in told.items() if value is not None}})
        if reported is not None:
            reported.kind = DeviceMonitor.CUSTOM
            monitors.append(reported)
    return _event(exchange, MonitorReport(monitors=monitors)) if monitors else None


def cleared_monitors(exchange: Exchange) -> DeviceEvent | None:
    """What ClearVariableMonitoring was answered (N06)."""
    numbers = [
        number_of_monitor(result)
        for result in exchange.answer.get("clearMonitoringResult", ())
        if result.get("status") in GONE
    ]
    gone = [ReportedMonitor(monitor_id=number, gone=True) for number in numbers if number is not None]
    return _event(exchange, MonitorReport(monitors=gone)) if gone else None


async def set_base(exchange: Exchange, backend: Backend) -> None:
    """What SetMonitoringBase was answered (N03): the base is a variable, and monitors are taken away by it."""
    if exchange.answer.get("status") != _ACCEPTED:
        return
    base = str(exchange.asked.get("monitoringBase", ""))
    event = _controller_event(exchange, "ActiveMonitoringBase", base)
    taken_away = _TAKEN_AWAY.get(base, ())
    events = [event, _event(exchange, MonitorReport(gone_kinds=taken_away))] if taken_away else [event]
    await backend.record_device_events(events)


def set_level(exchange: Exchange) -> DeviceEvent | None:
    """What SetMonitoringLevel was answered (N05)."""
    if exchange.answer.get("status") != _ACCEPTED:
        return None
    return _controller_event(exchange, "ActiveMonitoringLevel", str(exchange.asked.get("severity", "")))


def requested_report(exchange: Exchange) -> DeviceEvent | None:
    """That a station will send a report of its monitors (N02)."""
    request_id = exchange.asked.get("requestId")
    if exchange.answer.get("status") != _ACCEPTED or not isinstance(request_id, int):
        return None
    event = answer_event("report_request", exchange)
    event.request_id = request_id
    is_narrowed = exchange.asked.get("monitoringCriteria") or exchange.asked.get("componentVariable")
    scope = ReportRequest.SELECTION if is_narrowed else ReportRequest.FULL_INVENTORY
    request = ReportRequest(request_id=request_id, scope=scope, command_id=exchange.command_id)
    write_time(exchange.ask_time, request.ask_time)
    event.monitoring_report_request.CopyFrom(request)
    return event


ANSWERS: Answers = {
    "SetVariableMonitoring": recording_answer(set_monitors),
    "ClearVariableMonitoring": recording_answer(cleared_monitors),
    "SetMonitoringBase": set_base,
    "SetMonitoringLevel": recording_answer(set_level),
    "GetMonitoringReport": recording_answer(requested_report),
}


def report_of(monitors: Iterable[ReportedMonitor], part: ReportPart | None) -> MonitorReport | None:
    """What a message tells of monitors; None when it tells of nothing."""
    report = MonitorReport(monitors=monitors, part=part)
    return report if report.monitors or part is not None else None


def _event(exchange: Exchange, report: MonitorReport) -> DeviceEvent:
    event = answer_event("monitors", exchange)
    event.monitor_report.CopyFrom(report)
    return event


def _controller_event(exchange: Exchange, variable: str, value: str) -> DeviceEvent:
    event = answer_event("variables", exchange)
    named = name_of(_CONTROLLER, {"name": variable})
    if named is not None and (report := variable_report([with_value(named, value)])) is not None:
        event.variable_report.CopyFrom(report)
    return event


def _monitor(entry: Payload, monitor: Payload) -> ReportedMonitor | None:
    """A monitor of the variable that `entry` names; None without a number or a name."""
    number, named = number_of_monitor(monitor), name_of(entry.get("component", {}), entry.get("variable", {}))
    if number is None or named is None:
        return None
    return ReportedMonitor(
        monitor_id=number,
        component=named.component,
        variable=named.variable,
        type=TYPES.get(monitor.get("type", ""), DeviceMonitor.TYPE_UNSPECIFIED),
        value=monitor.get("value"),
        severity=_severity(monitor),
        during_transaction=bool(monitor.get("transaction")),
        kind=_KINDS.get(monitor.get("eventNotificationType", ""), DeviceMonitor.KIND_UNSPECIFIED),
    )


def _key(entry: Payload) -> tuple[Any, ...]:
    """What a monitor that was asked for and the answer about it have in common."""
    named = name_of(entry.get("component", {}), entry.get("variable", {}))
    name = b"" if named is None else named.SerializeToString(deterministic=True).lower()
    return name, entry.get("type"), entry.get("severity")


def _number(entry: Payload, name: str) -> int | None:
    number = entry.get(name)
    return number if isinstance(number, int) and number in _INT64 else None


def _severity(entry: Payload) -> int | None:
    severity = entry.get("severity")
    return severity if isinstance(severity, int) and severity in _SEVERITIES else None
