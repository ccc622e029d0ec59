"""Live status, metrics and connections as callers see them."""

from datetime import datetime

from csms.monitoring.v1 import monitoring_pb2 as monitoring_pb
from csms.monitoring.v1 import monitoring_service_pb2 as service_pb
from csms.station.v1 import charge_point_pb2 as charge_point_pb
from csms.station.v1 import connector_pb2 as connector_pb
from services.monitoring.domain.connection import Connection
from services.monitoring.domain.metrics import MetricPoint
from services.monitoring.domain.station import (
    ConnectorView,
    Health,
    StationFilter,
    StationView,
    changed_time_of,
    connector_counts,
    connector_views,
    power_of,
)
from services.rpc.protobuf import enum_of, timestamp


def station_filter(request: service_pb.ListStationStatusesRequest) -> StationFilter:
    """What a list request asks for."""
    health = enum_of(Health, monitoring_pb.StationStatus.Health, request.health)
    return StationFilter(health=health, station_id=request.station_id)


def station_status_to_proto(view: StationView, now: datetime) -> monitoring_pb.StationStatus:
    """A station as callers see it at this moment."""
    connectors = connector_views(view)
    return monitoring_pb.StationStatus(
        station_id=view.station.id,
        name=view.station.name,
        health=monitoring_pb.StationStatus.Health.Value(view.station.health),
        charge_point_count=len(view.charge_points),
        online_charge_point_count=sum(point.online for point in view.charge_points),
        connector_counts=connector_counts(connectors),
        connectors=map(_connector_to_proto, connectors),
        power_w=power_of(view, now),
        active_transaction_count=len(view.transactions),
        open_alert_count=view.open_alert_count,
        update_time=timestamp(changed_time_of(view)),
    )


def metric_point_to_proto(point: MetricPoint) -> monitoring_pb.MetricPoint:
    """The metrics of one step as callers see them."""
    metrics = point.metrics
    return monitoring_pb.MetricPoint(
        time=timestamp(point.time),
        energy_wh=metrics.energy_wh,
        max_power_w=metrics.max_power_w,
        started_transaction_count=metrics.started_transaction_count,
        ended_transaction_count=metrics.ended_transaction_count,
        fault_count=metrics.fault_count,
        disconnect_count=metrics.disconnect_count,
    )


def connection_to_proto(connection: Connection) -> charge_point_pb.Connection:
    """A live connection as callers see it."""
    return charge_point_pb.Connection(
        charge_point_id=connection.charge_point_id,
        protocol=connection.protocol,
        connected_time=timestamp(connection.connected_time),
        last_seen_time=timestamp(connection.last_seen_time),
        node=connection.node,
        epoch=connection.epoch,
        remote_address=connection.remote_address,
        node_address=connection.node_address,
    )


def _connector_to_proto(view: ConnectorView) -> monitoring_pb.ConnectorLiveStatus:
    connector = view.connector
    return monitoring_pb.ConnectorLiveStatus(
        charge_point_id=connector.charge_point_id,
        evse_id=connector.evse_id,
        connector_id=connector.connector_id,
        status=connector_pb.Connector.Status.Value(connector.status or "STATUS_UNSPECIFIED"),
        error_code=connector.error_code,
        online=view.online,
        transaction_id=view.transaction_id,
        status_time=timestamp(connector.status_time),
    )
