"""Connectors and what is reported of them."""

from typing import Any

from csms.station.v1 import connectivity_service_pb2 as connectivity_pb
from csms.station.v1 import connector_pb2 as connector_pb
from csms.station.v1 import station_service_pb2 as service_pb
from services.kernel.clock import Clock
from services.kernel.errors import invalid
from services.kernel.identity import composed
from services.rpc import masks
from services.rpc.protobuf import Fields, enum_of, read, time_of, timestamp, told_enum
from services.station.domain.connector import (
    NO_ERROR,
    Availability,
    Connector,
    ConnectorStatus,
    ConnectorType,
    StatusReport,
    checked,
)
from services.station.domain.device import told_time
from services.station.mapping.free_vending import free_vending_of, free_vending_to_proto

# Looked up once: lists ask for very many.
_TYPES = {None: connector_pb.Connector.TYPE_UNSPECIFIED} | {
    each: connector_pb.Connector.Type.Value(each) for each in ConnectorType
}
_STATUSES = {None: connector_pb.Connector.STATUS_UNSPECIFIED} | {
    each: connector_pb.Connector.Status.Value(each) for each in ConnectorStatus
}
_AVAILABILITIES = {each: connector_pb.Connector.Availability.Value(each) for each in Availability}
_CONNECTOR_FIELDS: Fields = {
    "charge_point_id": lambda connector: composed(connector.charge_point_id),
    # OCPP 1.6 knows no EVSE: there each connector is one.
    "evse_id": lambda connector: connector.evse_id or connector.connector_id,
    "connector_id": lambda connector: connector.connector_id,
    "type": lambda connector: enum_of(ConnectorType, connector_pb.Connector.Type, connector.type),
    "max_power_w": lambda connector: connector.max_power_w,
    "availability": lambda connector: (
        enum_of(Availability, connector_pb.Connector.Availability, connector.availability) or Availability.OPERATIVE
    ),
    "free_vending": lambda connector: free_vending_of(connector.free_vending),
}


def connector_fields(message: connector_pb.Connector) -> dict[str, Any]:
    """What a caller says of a new connector, by the names of the domain."""
    return read(message, _CONNECTOR_FIELDS, _CONNECTOR_FIELDS)


def connector_changes(request: service_pb.UpdateConnectorRequest) -> dict[str, Any]:
    """The fields an update changes, with their new values. Raises: INVALID_UPDATE_MASK."""
    names = masks.updated_fields(request.connector, request.update_mask, _CONNECTOR_FIELDS.keys())
    return read(request.connector, _CONNECTOR_FIELDS, names)


def connector_of(message: connector_pb.Connector) -> Connector:
    """A connector as an event told of it."""
    return Connector(id=message.id, **connector_fields(message))


def connector_to_proto(connector: Connector) -> connector_pb.Connector:
    """The resource as callers see it."""
    return connector_pb.Connector(
        id=connector.id,
        station_id=connector.station_id or "",
        charge_point_id=connector.charge_point_id,
        evse_id=connector.evse_id,
        connector_id=connector.connector_id,
        type=_TYPES[connector.type],
        max_power_w=connector.max_power_w,
        status=status_to_proto(connector.status),
        reported_status=connector.reported_status,
        error_code=connector.error_code,
        availability=_AVAILABILITIES[connector.availability],
        status_time=timestamp(connector.status_time),
        free_vending=free_vending_to_proto(connector.free_vending),
    )


def status_to_proto(status: ConnectorStatus | None) -> connector_pb.Connector.Status.ValueType:
    """A status as the contract numbers it; None is unspecified."""
    return _STATUSES[status]


def status_report(message: connectivity_pb.StatusReport, clock: Clock) -> StatusReport:
    """A StatusNotification. A status that only a newer edge knows is kept by its number. Raises: INVALID_FIELD."""
    status = told_enum(ConnectorStatus, connector_pb.Connector.Status, message.status)
    reported_status = message.reported_status or (str(message.status) if message.status and status is None else "")
    error_code = message.error_code or NO_ERROR
    if status is None and not reported_status and error_code == NO_ERROR:
        raise invalid("status", "must be set, unless the report tells an error or a status of the vendor's own")
    received = time_of(message, "received_time") or clock.now()
    report = StatusReport(
        charge_point_id=message.charge_point_id,
        epoch=message.epoch,
        evse_id=message.evse.evse_id,
        connector_id=message.evse.connector_id,
        status=status,
        error_code=error_code,
        info=message.info,
        vendor_error_code=message.vendor_error_code,
        time=told_time(time_of(message, "device_time"), received),
        received_time=received,
        reported_status=reported_status,
    )
    return checked(report)
