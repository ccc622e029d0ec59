"""Who may call what of the station service."""

from typing import Any

import pytest

from csms.station.v1 import charge_point_service_pb2 as point_pb
from csms.station.v1 import connectivity_service_pb2 as connectivity_pb
from csms.station.v1 import device_model_service_pb2 as model_pb
from csms.station.v1 import station_service_pb2 as station_pb
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.device_model_service_pb2_grpc import DeviceModelServiceStub
from csms.station.v1.station_service_pb2_grpc import StationServiceStub
from tests.contract.services.station.callers import create_station
from tests.fixtures.calls import reason
from tests.fixtures.services import RunningService, ServiceRunner

pytestmark = pytest.mark.asyncio(loop_scope="module")

ID = "01890a5d-ac96-774b-bcce-b302099a8057"
# Every RPC, with the reason a caller who may make this call gets; None for an answer.
CALLS: dict[str, tuple[type, Any, str | None]] = {
    "ListStations": (StationServiceStub, station_pb.ListStationsRequest(), None),
    "GetStation": (StationServiceStub, station_pb.GetStationRequest(station_id=ID), "STATION_NOT_FOUND"),
    "CreateStation": (StationServiceStub, station_pb.CreateStationRequest(), "MISSING_FIELD"),
    "UpdateStation": (StationServiceStub, station_pb.UpdateStationRequest(), "MISSING_FIELD"),
    "DeleteStation": (StationServiceStub, station_pb.DeleteStationRequest(), "MISSING_FIELD"),
    "ListConnectors": (StationServiceStub, station_pb.ListConnectorsRequest(station_id=ID), "STATION_NOT_FOUND"),
    "UpdateConnector": (StationServiceStub, station_pb.UpdateConnectorRequest(), "MISSING_FIELD"),
    "ListChargePoints": (ChargePointServiceStub, point_pb.ListChargePointsRequest(), None),
    "GetChargePoint": (ChargePointServiceStub, point_pb.GetChargePointRequest(), "MISSING_FIELD"),
    "CreateChargePoint": (ChargePointServiceStub, point_pb.CreateChargePointRequest(), "MISSING_FIELD"),
    "UpdateChargePoint": (ChargePointServiceStub, point_pb.UpdateChargePointRequest(), "MISSING_FIELD"),
    "DeleteChargePoint": (ChargePointServiceStub, point_pb.DeleteChargePointRequest(), "MISSING_FIELD"),
    "ListRefusals": (ChargePointServiceStub, point_pb.ListRefusalsRequest(), "MISSING_FIELD"),
    "ListDeviceEvents": (ChargePointServiceStub, point_pb.ListDeviceEventsRequest(), "MISSING_FIELD"),
    "ListDeviceReports": (DeviceModelServiceStub, model_pb.ListDeviceReportsRequest(), "MISSING_FIELD"),
    "ListDeviceVariables": (DeviceModelServiceStub, model_pb.ListDeviceVariablesRequest(), "MISSING_FIELD"),
    "ListUnknownChargePoints": (ChargePointServiceStub, point_pb.ListUnknownChargePointsRequest(), None),
    "OpenConnections": (ConnectivityServiceStub, connectivity_pb.OpenConnectionsRequest(), None),
    "CloseConnections": (ConnectivityServiceStub, connectivity_pb.CloseConnectionsRequest(), None),
    "ReportBoots": (ConnectivityServiceStub, connectivity_pb.ReportBootsRequest(), None),
    "ReportStatuses": (ConnectivityServiceStub, connectivity_pb.ReportStatusesRequest(), None),
    "ReportRefusals": (ConnectivityServiceStub, connectivity_pb.ReportRefusalsRequest(), None),
    "RecordDeviceEvents": (ConnectivityServiceStub, connectivity_pb.RecordDeviceEventsRequest(), None),
    "ReportLiveness": (ConnectivityServiceStub, connectivity_pb.ReportLivenessRequest(node="edge-1"), None),
    "FindFreeVending": (ConnectivityServiceStub, connectivity_pb.FindFreeVendingRequest(), None),
    "FindConnection": (ConnectivityServiceStub, connectivity_pb.FindConnectionRequest(), "CONNECTION_NOT_FOUND"),
    "ListConnections": (ConnectivityServiceStub, connectivity_pb.ListConnectionsRequest(), None),
}
FOR_PEOPLE = {name for name, (stub, _, _) in CALLS.items() if stub is not ConnectivityServiceStub}
FOR_DRIVERS = {"ListStations", "GetStation", "ListConnectors"}
ALLOWED: dict[str, set[str]] = {
    "admin": FOR_PEOPLE,
    "operator": FOR_PEOPLE,
    "viewer": FOR_DRIVERS
    | {
        "ListChargePoints",
        "GetChargePoint",
        "ListRefusals",
        "ListUnknownChargePoints",
        "ListDeviceEvents",
        "ListDeviceVariables",
        "ListDeviceReports",
    },
    "driver": FOR_DRIVERS,
    "service:edge": {name for name, (stub, _, _) in CALLS.items() if stub is ConnectivityServiceStub}
    - {"FindFreeVending"}
    | {"ListDeviceVariables"},
    "service:monitoring": {"ListStations", "ListChargePoints", "ListConnections"},
    "service:transaction": {"ListStations", "ListChargePoints", "FindConnection", "GetChargePoint"},
    "service:billing": {"GetStation"},
    "service:driver": {"FindFreeVending"},
}


async def _outcomes(service: RunningService, role: str) -> dict[str, str | None]:
    """The reason that each call is refused for, None for an answer."""
    claims = {"driver_id": ID} if role == "driver" else {}
    kind, _, name = role.partition(":")
    channel = await (service.internal_channel(name) if kind == "service" else service.channel(role, **claims))
    outcomes: dict[str, str | None] = {}
    for name, (stub, request, expected) in CALLS.items():
        call = getattr(stub(channel), name)(request)
        if name in ALLOWED[role] and expected is None:
            await call
            outcomes[name] = None
        else:
            outcomes[name] = await reason(call)
    return outcomes


@pytest.mark.parametrize("role", ALLOWED)
async def test_a_role_may_do_what_it_includes_and_nothing_else(service: RunningService, role: str) -> None:
    assert await _outcomes(service, role) == {
        name: expected if name in ALLOWED[role] else "PERMISSION_DENIED" for name, (_, _, expected) in CALLS.items()
    }


async def test_without_a_token_nothing_is_said(service: RunningService) -> None:
    channel = await service.anonymous_channel()

    reasons = {name: await reason(getattr(stub(channel), name)(request)) for name, (stub, request, _) in CALLS.items()}

    assert reasons == dict.fromkeys(CALLS, "UNAUTHENTICATED")


async def test_nothing_is_deleted_while_nobody_can_say_what_runs_there(module_services: ServiceRunner) -> None:
    alone = await module_services("station", transaction_service_url="127.0.0.1:1")
    stations = StationServiceStub(await alone.channel("operator"))
    made = await create_station(stations)

    deletion = stations.DeleteStation(station_pb.DeleteStationRequest(station_id=made.id))

    assert await reason(deletion) == "UNAVAILABLE"
    await stations.GetStation(station_pb.GetStationRequest(station_id=made.id))
