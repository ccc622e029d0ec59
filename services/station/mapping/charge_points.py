"""Charge points and what is reported of them."""

from collections.abc import Iterable
from typing import Any

from csms.station.v1 import charge_point_pb2 as charge_point_pb
from csms.station.v1 import charge_point_service_pb2 as service_pb
from csms.station.v1 import connectivity_service_pb2 as connectivity_pb
from services.kernel.clock import Clock
from services.kernel.errors import invalid
from services.kernel.identity import composed
from services.kernel.validation import search_text
from services.rpc import masks
from services.rpc.protobuf import Fields, enum_of, read, time_of, timestamp
from services.rpc.tenants import named
from services.station.application.charge_points import ChargePointView
from services.station.domain.charge_point import BootReport, ChargePoint, ChargePointFilter, ChargePointState
from services.station.domain.connector import Connector
from services.station.mapping.connectors import connector_to_proto
from services.station.mapping.free_vending import free_vending_of, free_vending_to_proto

# Looked up once: lists ask for very many.
_STATES = {each: charge_point_pb.ChargePoint.State.Value(each) for each in ChargePointState}
_CHARGE_POINT_FIELDS: Fields = {
    "id": lambda point: composed(point.id),
    "station_id": lambda point: point.station_id or None,
    "vendor": lambda point: point.vendor,
    "model": lambda point: point.model,
    "serial_number": lambda point: point.serial_number,
    "security_profile": lambda point: point.security_profile,
    "pinned_protocol": lambda point: point.pinned_protocol,
    "state": lambda point: _state(point.state) or ChargePointState.ACCEPTED,
    "heartbeat_interval_seconds": lambda point: point.heartbeat_interval_seconds,
    "password": lambda point: point.password,
    "free_vending": lambda point: free_vending_of(point.free_vending),
}
_CHARGE_POINT_CHANGES = _CHARGE_POINT_FIELDS.keys() - {"id"}


def charge_point_filter(request: service_pb.ListChargePointsRequest) -> ChargePointFilter:
    """What a list request asks for. Raises: INVALID_FIELD."""
    return ChargePointFilter(
        station_id=request.station_id,
        state=_state(request.state),
        online=request.online if request.HasField("online") else None,
        text=search_text(request.text),
        vendor=request.vendor,
        model=request.model,
        firmware_version=request.firmware_version,
        protocol=request.protocol,
    )


def charge_point_fields(message: charge_point_pb.ChargePoint) -> dict[str, Any]:
    """What a caller says of a new charge point, by the names of the domain."""
    return read(message, _CHARGE_POINT_FIELDS, _CHARGE_POINT_FIELDS)


def charge_point_changes(request: service_pb.UpdateChargePointRequest) -> dict[str, Any]:
    """The fields an update changes, with their new values. Raises: INVALID_UPDATE_MASK, INVALID_FIELD."""
    if request.charge_point.id and composed(request.charge_point.id) != composed(request.charge_point_id):
        raise invalid("chargePoint.id", "cannot be changed")
    names = masks.updated_fields(request.charge_point, request.update_mask, _CHARGE_POINT_CHANGES)
    return read(request.charge_point, _CHARGE_POINT_FIELDS, names)


def view_to_proto(view: ChargePointView) -> charge_point_pb.ChargePoint:
    """The resource as callers see it."""
    return charge_point_to_proto(view.charge_point, view.connectors)


def charge_point_to_proto(point: ChargePoint, plugs: Iterable[Connector] = ()) -> charge_point_pb.ChargePoint:
    """The resource; events are told without its connectors."""
    return charge_point_pb.ChargePoint(
        id=point.id,
        station_id=point.station_id or "",
        vendor=point.vendor or point.reported_vendor,
        model=point.model or point.reported_model,
        serial_number=point.serial_number,
        firmware_version=point.firmware_version,
        protocol=point.protocol,
        security_profile=point.security_profile,
        pinned_protocol=point.pinned_protocol,
        state=state_to_proto(point.state),
        online=point.online,
        last_seen_time=timestamp(point.last_seen_time),
        boot_time=timestamp(point.boot_time),
        heartbeat_interval_seconds=point.heartbeat_interval_seconds,
        has_password=point.password_hash is not None,
        rotation_pending=bool(point.next_passwords),
        create_time=timestamp(point.create_time),
        update_time=timestamp(point.update_time),
        etag=str(point.revision),
        protocol_hint=point.protocol_hint,
        connectors=map(connector_to_proto, plugs),
        free_vending=free_vending_to_proto(point.free_vending),
        tenant_id=named(point.tenant_id),
        cost_currency=point.cost_currency or None,
    )


def state_to_proto(state: ChargePointState) -> charge_point_pb.ChargePoint.State.ValueType:
    """A state as the contract numbers it."""
    return _STATES[state]


def boot_report(message: connectivity_pb.BootReport, clock: Clock) -> BootReport:
    """A BootNotification."""
    return BootReport(
        charge_point_id=message.charge_point_id,
        epoch=message.epoch,
        vendor=message.vendor,
        model=message.model,
        serial_number=message.serial_number,
        firmware_version=message.firmware_version,
        reason=message.reason,
        received_time=time_of(message, "received_time") or clock.now(),
    )


def _state(number: int) -> ChargePointState | None:
    return enum_of(ChargePointState, charge_point_pb.ChargePoint.State, number)
