"""Stations."""

from collections import defaultdict
from typing import Any

from csms.station.v1 import connector_pb2 as connector_pb
from csms.station.v1 import station_pb2 as station_pb
from csms.station.v1 import station_service_pb2 as service_pb
from services.kernel.validation import search_text
from services.rpc import masks
from services.rpc.protobuf import Fields, enum_of, read, timestamp
from services.rpc.tenants import named
from services.station.application.stations import StationView
from services.station.domain.station import StationFilter, StationStatus, circle_of
from services.station.mapping.charge_points import charge_point_to_proto
from services.station.mapping.connectors import connector_to_proto
from services.station.mapping.free_vending import free_vending_of, free_vending_to_proto

# Looked up once: lists ask for very many.
_STATUSES = {each: station_pb.Station.Status.Value(each) for each in StationStatus}
_STATION_FIELDS: Fields = {
    "name": lambda station: station.name,
    "address": lambda station: station.address,
    "city": lambda station: station.city,
    "country": lambda station: station.country,
    "latitude": lambda station: station.latitude if station.HasField("latitude") else None,
    "longitude": lambda station: station.longitude if station.HasField("longitude") else None,
    "time_zone": lambda station: station.time_zone or "UTC",
    "status": lambda station: _status(station.status) or StationStatus.ACTIVE,
    "configuration": lambda station: dict(station.configuration),
    "free_vending": lambda station: free_vending_of(station.free_vending),
}


def station_filter(request: service_pb.ListStationsRequest) -> StationFilter:
    """What a list request asks for. Raises: INVALID_FIELD."""
    place = [
        getattr(request, name) if request.HasField(name) else None for name in ("latitude", "longitude", "radius_km")
    ]
    return StationFilter(status=_status(request.status), text=search_text(request.text), circle=circle_of(*place))


def station_fields(message: station_pb.Station) -> dict[str, Any]:
    """What a caller says of a new station, by the names of the domain."""
    return read(message, _STATION_FIELDS, _STATION_FIELDS)


def station_changes(request: service_pb.UpdateStationRequest) -> dict[str, Any]:
    """The fields an update changes, with their new values. Raises: INVALID_UPDATE_MASK."""
    names = masks.updated_fields(request.station, request.update_mask, _STATION_FIELDS.keys())
    return read(request.station, _STATION_FIELDS, names)


def view_to_proto(view: StationView) -> station_pb.Station:
    """The resource as callers see it: each charge point with its connectors."""
    message = station_to_proto(view)
    if not view.connectors:
        return message
    plugs: defaultdict[str, list[connector_pb.Connector]] = defaultdict(list)
    for plug in message.connectors:
        plugs[plug.charge_point_id].append(plug)
    for point in message.charge_points:
        point.connectors.extend(plugs[point.id])
    return message


def station_to_proto(view: StationView) -> station_pb.Station:
    """The resource as events tell it."""
    station = view.station
    return station_pb.Station(
        id=station.id,
        name=station.name,
        address=station.address,
        city=station.city,
        country=station.country,
        latitude=station.latitude,
        longitude=station.longitude,
        time_zone=station.time_zone,
        status=_STATUSES[station.status],
        connectors=map(connector_to_proto, view.connectors),
        charge_points=map(charge_point_to_proto, view.charge_points),
        configuration=station.configuration,
        distance_meters=view.distance_meters,
        create_time=timestamp(station.create_time),
        update_time=timestamp(station.update_time),
        etag=str(station.revision),
        free_vending=free_vending_to_proto(station.free_vending),
        tenant_id=named(station.tenant_id),
    )


def _status(number: int) -> StationStatus | None:
    return enum_of(StationStatus, station_pb.Station.Status, number)
