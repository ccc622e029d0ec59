"""Native gRPC and gRPC-Web pass as they are: what is done for REST callers does not touch them."""

import struct
from collections.abc import Iterator

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from csms.station.v1 import station_pb2, station_service_pb2, station_service_pb2_grpc
from tests.contract.envoy.facade import Facade

GET_STATION = "/csms.station.v1.StationService/GetStation"
WEB = "application/grpc-web+proto"


@pytest.fixture
def stations(facade: Facade) -> Iterator[station_service_pb2_grpc.StationServiceStub]:
    with facade.channel("gateway") as channel:
        yield station_service_pb2_grpc.StationServiceStub(channel)


@pytest.fixture
def metadata(facade: Facade) -> tuple[tuple[str, str], ...]:
    return tuple(facade.authorization().items())


def test_a_created_resource_is_simply_ok(
    stations: station_service_pb2_grpc.StationServiceStub, metadata: tuple[tuple[str, str], ...]
) -> None:
    request = station_service_pb2.CreateStationRequest(station=station_pb2.Station(name="Depot"))
    response, call = stations.CreateStation.with_call(request, metadata=metadata, timeout=5)
    assert (call.code(), response.station.name) == (grpc.StatusCode.OK, "Depot")


def test_an_error_keeps_its_details(
    stations: station_service_pb2_grpc.StationServiceStub, metadata: tuple[tuple[str, str], ...]
) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        stations.GetStation(station_service_pb2.GetStationRequest(station_id="missing"), metadata=metadata, timeout=5)
    assert isinstance(failed.value, grpc.Call)
    status = rpc_status.from_call(failed.value)
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (failed.value.code(), info.reason) == (grpc.StatusCode.NOT_FOUND, "STATION_NOT_FOUND")


@pytest.mark.parametrize(("asked", "least", "most"), [(3, 2, 3), (None, 13, 14.5)])
def test_the_deadline_of_the_caller_reaches_the_handler_and_there_is_always_one(
    asked: float | None, least: float, most: float, facade: Facade, metadata: tuple[tuple[str, str], ...]
) -> None:
    with facade.channel("station") as channel:
        stations = station_service_pb2_grpc.StationServiceStub(channel)
        request = station_service_pb2.GetStationRequest(station_id="s1")
        _, call = stations.GetStation.with_call(request, metadata=metadata, timeout=asked)
        heard = {str(key): str(value) for key, value in call.initial_metadata()}
    assert least <= float(heard["x-deadline"]) <= most


def web_frame(message: bytes) -> bytes:
    return b"\0" + struct.pack(">I", len(message)) + message


def test_grpc_web_gets_message_and_trailers_as_frames(facade: Facade) -> None:
    request = station_service_pb2.GetStationRequest(station_id="s1").SerializeToString()
    headers = {"content-type": WEB, "accept": WEB, "x-grpc-web": "1"}
    answer = facade.call("gateway", "POST", GET_STATION, body=web_frame(request), headers=headers)
    assert (answer.status, answer.headers["content-type"]) == (200, WEB)
    length = struct.unpack(">I", answer.body[1:5])[0]
    response = station_service_pb2.GetStationResponse.FromString(answer.body[5 : 5 + length])
    assert response.station.id == "s1"
    assert b"grpc-status:0" in answer.body[5 + length :]


def test_grpc_web_without_a_token_is_refused_by_its_status(facade: Facade) -> None:
    headers = {"content-type": WEB, "accept": WEB, "x-grpc-web": "1"}
    answer = facade.call("gateway", "POST", GET_STATION, body=web_frame(b""), headers=headers, token=None)
    assert answer.headers["grpc-status"] == "16"
