"""Alerts, and the events that tell of them."""

from datetime import datetime

from csms.event.v1 import domain_event_pb2 as event_pb
from csms.monitoring.v1 import alert_service_pb2 as service_pb
from csms.monitoring.v1 import monitoring_pb2 as monitoring_pb
from services.kernel.ids import new_id
from services.messaging.subjects import subject
from services.monitoring.domain.alert import Alert, AlertFilter, AlertSeverity, AlertState
from services.monitoring.domain.events import AlertChanged
from services.rpc.protobuf import enum_of, number_of, text_of, timestamp

_VERBS = {AlertState.OPEN: "raised", AlertState.ACKNOWLEDGED: "acknowledged", AlertState.CLEARED: "cleared"}


def alert_filter(request: service_pb.ListAlertsRequest) -> AlertFilter:
    """What a list request asks for."""
    return AlertFilter(
        severity=enum_of(AlertSeverity, monitoring_pb.Alert.Severity, request.severity),
        state=enum_of(AlertState, monitoring_pb.Alert.State, request.state),
        kind=text_of(monitoring_pb.Alert.Kind, request.kind),
        charge_point_id=request.charge_point_id,
        station_id=request.station_id,
    )


def alert_to_proto(alert: Alert) -> monitoring_pb.Alert:
    """The resource as callers see it."""
    return monitoring_pb.Alert(
        id=alert.id,
        severity=monitoring_pb.Alert.Severity.Value(alert.severity),
        state=monitoring_pb.Alert.State.Value(alert.state),
        kind=number_of(monitoring_pb.Alert.Kind, alert.kind),
        charge_point_id=alert.charge_point_id,
        station_id=alert.station_id or "",
        connector_id=alert.connector_id,
        message=alert.message,
        create_time=timestamp(alert.create_time),
        acknowledge_time=timestamp(alert.acknowledge_time),
        acknowledged_by=alert.acknowledged_by,
        clear_time=timestamp(alert.clear_time),
        occurrence_count=alert.occurrence_count,
    )


def event_to_proto(event: AlertChanged, now: datetime) -> event_pb.DomainEvent:
    """A domain event with its subject and a fresh id."""
    alert = event.alert
    return event_pb.DomainEvent(
        id=new_id(),
        tenant_id=alert.tenant_id,
        create_time=timestamp(now),
        subject=subject("alert_changed", _VERBS[alert.state], alert.charge_point_id or alert.id),
        alert_changed=event_pb.AlertChanged(
            alert_id=alert.id,
            charge_point_id=alert.charge_point_id,
            kind=alert.kind.upper(),
            state=alert.state,
            message=alert.message,
        ),
    )
