"""What charge points notify of themselves."""

from collections.abc import Callable, Mapping
from typing import Any

from csms.station.v1 import charge_point_service_pb2 as service_pb
from csms.station.v1 import device_event_pb2 as event_pb
from services.kernel.clock import Clock
from services.kernel.identity import composed
from services.kernel.tenancy import DEFAULT_TENANT
from services.kernel.validation import search_text
from services.rpc.flags import flag_fields, read_flags
from services.rpc.protobuf import enum_of, time_of, timestamp
from services.station.domain.device_event import SECURITY_EVENT, Body, DeviceEvent, DeviceEventFilter, Severity, checked
from services.station.mapping.device_monitors import (
    monitor_report,
    monitored_change,
    monitored_change_to_proto,
    monitoring_report_request,
)
from services.station.mapping.device_variables import report_request, variable_report

# Field of the body in the contract -> what it is in the domain.
_BODIES: Mapping[str, Callable[[Any], Body]] = {
    "variable_report": variable_report,
    "report_request": report_request,
    "monitor_report": monitor_report,
    "monitoring_report_request": monitoring_report_request,
}


def device_event(message: event_pb.DeviceEvent, clock: Clock) -> DeviceEvent:
    """A notification. Raises: INVALID_FIELD."""
    received = time_of(message, "received_time") or clock.now()
    device_time = time_of(message, "device_time")
    return checked(
        DeviceEvent(
            id="",
            charge_point_id=message.charge_point_id,
            kind=message.kind,
            action=message.action,
            protocol=message.protocol,
            epoch=message.epoch,
            time=time_of(message, "time") or device_time or received,
            device_time=device_time,
            received_time=received,
            subject=message.subject,
            status=message.status,
            info=message.info,
            request_id=message.request_id if message.HasField("request_id") else None,
            evse_id=message.evse_id,
            connector_id=message.connector_id,
            severity=Severity.INFO,
            flags=read_flags(message),
            payload_json=message.payload_json,
            dropped_json=message.dropped_json,
            message_id=message.message_id,
            tenant_id=message.tenant_id or DEFAULT_TENANT,
            body=_body(message),
            change=monitored_change(message.monitored_change) if message.HasField("monitored_change") else None,
        )
    )


def _body(message: event_pb.DeviceEvent) -> Body:
    kind = message.WhichOneof("body")
    return None if kind is None else _BODIES[kind](getattr(message, kind))


def device_event_filter(request: service_pb.ListDeviceEventsRequest) -> DeviceEventFilter:
    """What a list request asks for. Raises: INVALID_FIELD."""
    return DeviceEventFilter(
        charge_point_id=composed(request.charge_point_id),
        kind=request.kind,
        action=request.action,
        subject=request.subject,
        severity=enum_of(Severity, event_pb.DeviceEvent.Severity, request.severity),
        time_from=time_of(request, "time_from"),
        time_to=time_of(request, "time_to"),
        text=search_text(request.text),
    )


def security_event_filter(request: service_pb.ListSecurityEventsRequest) -> DeviceEventFilter:
    """What a list request asks for. Raises: INVALID_FIELD."""
    return DeviceEventFilter(
        charge_point_id=composed(request.charge_point_id),
        kind=SECURITY_EVENT,
        subject=request.subject,
        severity=enum_of(Severity, event_pb.DeviceEvent.Severity, request.severity),
        time_from=time_of(request, "time_from"),
        time_to=time_of(request, "time_to"),
        text=search_text(request.text),
    )


def device_event_to_proto(event: DeviceEvent) -> event_pb.DeviceEvent:
    """The resource as callers see it."""
    return event_pb.DeviceEvent(
        id=event.id,
        charge_point_id=event.charge_point_id,
        kind=event.kind,
        action=event.action,
        protocol=event.protocol,
        epoch=event.epoch,
        time=timestamp(event.time),
        device_time=timestamp(event.device_time),
        received_time=timestamp(event.received_time),
        subject=event.subject,
        status=event.status,
        info=event.info,
        request_id=event.request_id,
        evse_id=event.evse_id,
        connector_id=event.connector_id,
        severity=event_pb.DeviceEvent.Severity.Value(event.severity),
        **flag_fields(event.flags)._asdict(),
        payload_json=event.payload_json,
        dropped_json=event.dropped_json,
        message_id=event.message_id,
        tenant_id=event.tenant_id,
        monitored_change=None if event.change is None else monitored_change_to_proto(event.change),
    )
