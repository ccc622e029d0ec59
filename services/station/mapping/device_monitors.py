"""Monitors: what the edge tells of them, and what operators see."""

from csms.station.v1 import device_model_service_pb2 as service_pb
from csms.station.v1 import device_monitor_pb2 as monitor_pb
from csms.station.v1 import device_variable_pb2 as variable_pb
from services.kernel.errors import invalid
from services.kernel.identity import composed
from services.kernel.validation import search_text
from services.rpc.protobuf import enum_of, timestamp, told_enum
from services.station.domain.device_monitor import (
    DeviceMonitor,
    DeviceMonitorFilter,
    MonitoredChange,
    MonitorKind,
    MonitorReport,
    MonitorType,
    ReportedMonitor,
    Trigger,
    Watched,
)
from services.station.domain.device_report import MonitoringReportRequest, ReportPart
from services.station.mapping.device_variables import report_request

_TYPES, _KINDS = monitor_pb.DeviceMonitor.Type, monitor_pb.DeviceMonitor.Kind
_TRIGGERS = monitor_pb.MonitoredChange.Trigger


def monitor_report(message: monitor_pb.MonitorReport) -> MonitorReport:
    """What one message tells of monitors. Raises: INVALID_FIELD."""
    part = message.part
    kinds = [told_enum(MonitorKind, _KINDS, kind) for kind in message.gone_kinds]
    return MonitorReport(
        monitors=[_reported(one) for one in message.monitors],
        part=ReportPart(part.request_id, part.seq_no, part.last) if message.HasField("part") else None,
        gone_kinds=[kind for kind in kinds if kind is not None],
    )


def monitoring_report_request(message: variable_pb.ReportRequest) -> MonitoringReportRequest:
    """That a report of monitors was asked for. Raises: INVALID_FIELD."""
    return MonitoringReportRequest(report_request(message))


def monitored_change(message: monitor_pb.MonitoredChange) -> MonitoredChange:
    """Why a variable was told."""
    return MonitoredChange(
        trigger=told_enum(Trigger, _TRIGGERS, message.trigger),
        is_cleared=message.cleared,
        monitor_id=message.monitor_id if message.HasField("monitor_id") else None,
        severity=message.severity if message.HasField("severity") else None,
    )


def monitored_change_to_proto(change: MonitoredChange) -> monitor_pb.MonitoredChange:
    """The same for other services."""
    return monitor_pb.MonitoredChange(
        trigger=_TRIGGERS.Value(change.trigger or "TRIGGER_UNSPECIFIED"),
        cleared=change.is_cleared,
        monitor_id=change.monitor_id,
        severity=change.severity,
    )


def device_monitor_filter(request: service_pb.ListDeviceMonitorsRequest) -> DeviceMonitorFilter:
    """What a list request asks for. Raises: INVALID_FIELD."""
    return DeviceMonitorFilter(
        charge_point_id=composed(request.charge_point_id),
        component=request.component,
        variable=request.variable,
        text=search_text(request.text),
        type=enum_of(MonitorType, _TYPES, request.type),
        kind=enum_of(MonitorKind, _KINDS, request.kind),
        severity=request.severity if request.HasField("severity") else None,
        evse_id=request.evse_id,
        gone=request.gone if request.HasField("gone") else None,
    )


def device_monitor_to_proto(monitor: DeviceMonitor) -> monitor_pb.DeviceMonitor:
    """The resource as callers see it."""
    watched = monitor.watched
    return monitor_pb.DeviceMonitor(
        charge_point_id=monitor.charge_point_id,
        monitor_id=monitor.monitor_id,
        component=variable_pb.DeviceComponent(
            name=watched.component,
            instance=watched.component_instance,
            evse_id=watched.evse_id,
            connector_id=watched.connector_id,
        ),
        variable=variable_pb.DeviceVariableName(name=watched.variable, instance=watched.variable_instance),
        type=_TYPES.Value(monitor.type or "TYPE_UNSPECIFIED"),
        value=monitor.value,
        severity=monitor.severity,
        during_transaction=monitor.is_during_transaction,
        kind=_KINDS.Value(monitor.kind or "KIND_UNSPECIFIED"),
        first_seen_time=timestamp(monitor.first_seen_time),
        reported_time=timestamp(monitor.telling.time),
        action=monitor.action,
        event_id=monitor.telling.event_id,
        gone_time=timestamp(monitor.gone_time),
    )


def _reported(message: monitor_pb.ReportedMonitor) -> ReportedMonitor:
    if message.gone:
        return ReportedMonitor(monitor_id=message.monitor_id, is_gone=True)
    component, variable = message.component, message.variable
    if not component.name or not variable.name:
        raise invalid("events.monitorReport.monitors", "must have a component and a variable with a name")
    return ReportedMonitor(
        monitor_id=message.monitor_id,
        watched=Watched(
            component.name,
            component.instance,
            component.evse_id,
            component.connector_id,
            variable.name,
            variable.instance,
        ),
        type=told_enum(MonitorType, _TYPES, message.type),
        value=message.value if message.HasField("value") else None,
        severity=message.severity if message.HasField("severity") else None,
        is_during_transaction=message.during_transaction,
        kind=told_enum(MonitorKind, _KINDS, message.kind),
    )
