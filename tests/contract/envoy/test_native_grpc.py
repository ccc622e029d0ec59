"""Native gRPC and gRPC-Web pass as they are: what is done for REST callers does not touch them."""

import struct

import pytest
from google.rpc import error_details_pb2, status_pb2

from csms.station.v1 import station_pb2, station_service_pb2
from tests.contract.envoy.facade import Facade

SERVICE = "/csms.station.v1.StationService"
WEB = {"content-type": "application/grpc-web+proto", "accept": "application/grpc-web+proto", "x-grpc-web": "1"}


def get_station(station_id: str) -> bytes:
    return station_service_pb2.GetStationRequest(station_id=station_id).SerializeToString()


def test_a_created_resource_is_simply_ok(facade: Facade) -> None:
    request = station_service_pb2.CreateStationRequest(station=station_pb2.Station(name="Depot"))
    answer = facade.native("gateway", f"{SERVICE}/CreateStation", request.SerializeToString())
    created = station_service_pb2.CreateStationResponse.FromString(answer.message)
    assert (answer.code, created.station.name) == ("OK", "Depot")


def test_an_error_keeps_its_details(facade: Facade) -> None:
    answer = facade.native("gateway", f"{SERVICE}/GetStation", get_station("missing"))
    assert (answer.code, answer.details) == ("NOT_FOUND", "station missing not found")
    packed = answer.trailers["grpc-status-details-bin"]
    assert isinstance(packed, bytes)
    info = error_details_pb2.ErrorInfo()
    assert status_pb2.Status.FromString(packed).details[0].Unpack(info)
    assert info.reason == "STATION_NOT_FOUND"


@pytest.mark.parametrize(("asked", "least", "most"), [(3, 2, 3), (None, 13, 14.5)])
def test_the_deadline_of_the_caller_reaches_the_handler_and_there_is_always_one(
    asked: float | None, least: float, most: float, facade: Facade
) -> None:
    answer = facade.native("station", f"{SERVICE}/GetStation", get_station("s1"), timeout=asked)
    assert least <= float(answer.headers["x-deadline"]) <= most


def test_a_call_is_not_tried_again_once_a_handler_has_seen_it(facade: Facade) -> None:
    answer = facade.native("gateway", f"{SERVICE}/GetStation", get_station("flaky-native"))
    assert (answer.code, answer.details) == ("UNAVAILABLE", "busy")


def test_a_call_cannot_pass_for_a_rest_call(facade: Facade) -> None:
    forged = {"x-envoy-original-path": "/stations", "x-envoy-original-method": "GET"}
    answer = facade.native("gateway", f"{SERVICE}/GetStation", get_station("flaky-forged"), metadata=forged)
    assert (answer.code, answer.details) == ("UNAVAILABLE", "busy")
    unknown = facade.native("gateway", "/csms.station.v1.ConnectivityService/FindConnection", metadata=forged)
    assert (unknown.code, unknown.details) == ("UNIMPLEMENTED", "this port has no such method")


def web_frame(message: bytes) -> bytes:
    return b"\0" + struct.pack(">I", len(message)) + message


def test_grpc_web_gets_message_and_trailers_as_frames(facade: Facade) -> None:
    answer = facade.call("gateway", "POST", f"{SERVICE}/GetStation", body=web_frame(get_station("s1")), headers=WEB)
    assert (answer.status, answer.headers["content-type"]) == (200, WEB["accept"])
    length = struct.unpack(">I", answer.body[1:5])[0]
    response = station_service_pb2.GetStationResponse.FromString(answer.body[5 : 5 + length])
    assert response.station.id == "s1"
    assert b"grpc-status:0" in answer.body[5 + length :]


def test_grpc_web_without_a_token_is_refused_by_its_status(facade: Facade) -> None:
    answer = facade.call("gateway", "POST", f"{SERVICE}/GetStation", body=web_frame(b""), headers=WEB, token=None)
    assert answer.headers["grpc-status"] == "16"
