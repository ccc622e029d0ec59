"""What operators and the edge say to the station service, short to say."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from csms.station.v1 import charge_point_pb2, connector_pb2, station_pb2
from csms.station.v1 import charge_point_service_pb2 as point_pb
from csms.station.v1 import connectivity_service_pb2 as pb
from csms.station.v1 import station_service_pb2 as service_pb
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.station_service_pb2_grpc import StationServiceStub
from services.rpc.protobuf import timestamp
from tests.fixtures.shorthand import spelled_out

ChargePoint, Station, Connector = charge_point_pb2.ChargePoint, station_pb2.Station, connector_pb2.Connector

EDGE = "edge-1"


def mask(paths: Sequence[str]) -> FieldMask | None:
    """An update mask; none without paths."""
    return FieldMask(paths=paths) if paths else None


async def create_station(stations: StationServiceStub, request_id: str = "", **fields: Any) -> station_pb2.Station:
    """Make a station."""
    station = Station(**{"name": "North", **fields})
    return (
        await stations.CreateStation(service_pb.CreateStationRequest(station=station, request_id=request_id))
    ).station


async def get_station(stations: StationServiceStub, station_id: str) -> station_pb2.Station:
    """Find a station."""
    return (await stations.GetStation(service_pb.GetStationRequest(station_id=station_id))).station


async def update_station(
    stations: StationServiceStub, station_id: str, *paths: str, **fields: Any
) -> station_pb2.Station:
    """Change a station; with `paths` exactly these."""
    request = service_pb.UpdateStationRequest(station_id=station_id, station=Station(**fields), update_mask=mask(paths))
    return (await stations.UpdateStation(request)).station


async def update_connector(
    stations: StationServiceStub, station_id: str, connector_id: str, *paths: str, **fields: Any
) -> connector_pb2.Connector:
    """Change a connector; with `paths` exactly these."""
    request = service_pb.UpdateConnectorRequest(
        station_id=station_id, connector_id=connector_id, connector=Connector(**fields), update_mask=mask(paths)
    )
    return (await stations.UpdateConnector(request)).connector


async def create_point(points: ChargePointServiceStub, name: str, request_id: str = "", **fields: Any) -> Any:
    """Make a charge point."""
    point = ChargePoint(id=name, **fields)
    request = point_pb.CreateChargePointRequest(charge_point=point, request_id=request_id)
    return (await points.CreateChargePoint(request)).charge_point


async def get_point(points: ChargePointServiceStub, name: str) -> charge_point_pb2.ChargePoint:
    """Find a charge point."""
    return (await points.GetChargePoint(point_pb.GetChargePointRequest(charge_point_id=name))).charge_point


async def update_point(
    points: ChargePointServiceStub, name: str, *paths: str, **fields: Any
) -> charge_point_pb2.ChargePoint:
    """Change a charge point; with `paths` exactly these."""
    request = point_pb.UpdateChargePointRequest(
        charge_point_id=name, charge_point=ChargePoint(**fields), update_mask=mask(paths)
    )
    return (await points.UpdateChargePoint(request)).charge_point


def attempt(name: str, *, node: str = EDGE, password: str | bytes | None = None, **fields: Any) -> pb.ConnectionAttempt:
    """A handshake; with Basic authentication when there is a password."""
    shown = password.encode() if isinstance(password, str) else password
    usual = {
        "protocol": "ocpp1.6",
        "node": node,
        "node_address": f"{node}:14000",
        "remote_address": "192.0.2.1",
        "security_profile": 0 if shown is None else 1,
    }
    return pb.ConnectionAttempt(charge_point_id=name, password=shown, **{**usual, **fields})


async def open_all(edge: ConnectivityServiceStub, *attempts: pb.ConnectionAttempt) -> Sequence[pb.ConnectionAdmission]:
    """Knock with a batch of handshakes; returns the answers in order."""
    return (await edge.OpenConnections(pb.OpenConnectionsRequest(attempts=attempts))).admissions


async def open_one(edge: ConnectivityServiceStub, name: str, **fields: Any) -> int:
    """Let a charge point in; returns the epoch of its connection."""
    [admission] = await open_all(edge, attempt(name, **fields))
    assert not admission.HasField("error"), admission.error
    return admission.epoch


async def refused(edge: ConnectivityServiceStub, name: str, **fields: Any) -> int:
    """Knock in vain; returns the reason."""
    [admission] = await open_all(edge, attempt(name, **fields))
    assert not admission.epoch
    return admission.error.reason


async def rule_for(edge: ConnectivityServiceStub, name: str, **fields: Any) -> str:
    """Knock in vain; returns the rule that refuses."""
    [admission] = await open_all(edge, attempt(name, **fields))
    assert not admission.epoch
    return admission.error.metadata["rule"]


async def close_all(edge: ConnectivityServiceStub, *ended: tuple[str, int]) -> list[int]:
    """Tell that these connections have ended; returns the reasons of refusal in order, 0 for none."""
    closed = [pb.ClosedConnection(charge_point_id=name, epoch=epoch, reason="gone") for name, epoch in ended]
    response = await edge.CloseConnections(pb.CloseConnectionsRequest(connections=closed))
    return [answer.error.reason for answer in response.answers]


async def live(
    edge: ConnectivityServiceStub, *seen: tuple[str, int, datetime], node: str = EDGE, lease_seconds: int = 30
) -> list[str]:
    """Tell that a node lives and what it has seen; returns the charge points that it must let go."""
    request = pb.ReportLivenessRequest(
        node=node,
        node_address=f"{node}:14000",
        sightings=[
            pb.Sighting(charge_point_id=name, epoch=epoch, last_seen_time=timestamp(time)) for name, epoch, time in seen
        ],
    )
    request.lease.seconds = lease_seconds
    return list((await edge.ReportLiveness(request)).superseded_charge_point_ids)


def status(
    name: str, epoch: int, status: Any, time: datetime | None = None, *, connector: int = 1, **fields: Any
) -> pb.StatusReport:
    """A StatusNotification of a connector that is its own EVSE."""
    usual = {"evse_id": connector, "connector_id": connector, "device_time": timestamp(time)}
    return pb.StatusReport(charge_point_id=name, epoch=epoch, status=status, **spelled_out({**usual, **fields}))


async def report(edge: ConnectivityServiceStub, *statuses: pb.StatusReport) -> list[int]:
    """Report a batch of statuses; returns the reasons of refusal in order, 0 for none."""
    response = await edge.ReportStatuses(pb.ReportStatusesRequest(statuses=statuses))
    return [answer.error.reason for answer in response.answers]
