"""What callers may say to gRPC itself by headers: refused or dropped at the entrance, judged by Envoy's own answer."""

import struct
from collections.abc import Mapping

import pytest

from csms.station.v1 import station_service_pb2
from stack.ports import LOOPBACK
from stack.topology import PUBLIC_PORTS
from tests.contract.envoy import http2
from tests.contract.envoy.facade import Facade

pytestmark = pytest.mark.field_case("E0")

LIST = "/csms.station.v1.StationService/ListStations"
HEALTH = "/health"

TAKEN = [
    ("grpc-timeout", "5S"),
    ("grpc-timeout", "00000005S"),
    ("grpc-timeout", "2M"),
    ("grpc-timeout", "1H"),
    ("grpc-timeout", "4000m"),
    ("grpc-timeout", "4000000u"),
    ("grpc-timeout", "99999999n"),
    ("grpc-accept-encoding", "identity, deflate, gzip"),
    ("grpc-accept-encoding", "gzip"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("user-agent", "curl/8"),
    ("x-request-id", "mine"),
]
REFUSED = [
    ("grpc-timeout", "5"),
    ("grpc-timeout", "S"),
    ("grpc-timeout", "5 S"),
    ("grpc-timeout", "5s"),
    ("grpc-timeout", "5.0S"),
    ("grpc-timeout", "0S"),
    ("grpc-timeout", "000000005S"),
    ("grpc-timeout", "5S, 5S"),
    ("grpc-timeout", ""),
    ("grpc-encoding", "gzip deflate"),
    ("grpc-encoding", ""),
    ("grpc-encoding", "snappy"),
    ("grpc-encoding", "GZIP"),
    ("grpc-accept-encoding", "; gzip"),
    ("grpc-accept-encoding", ""),
    ("x!name", "1"),
    ("x~name", "1"),
]
DROPPED = [
    "anything-bin",
    "grpc-trace-bin",
    "grpc-previous-rpc-attempts",
    "grpc-status",
    "grpc-message",
    "grpc-anything",
    "lb-token",
    "x-csms-forwarded-by",
    "x-csms-port",
    "x-envoy-anything",
    "x-envoy-max-retries",
    "x-envoy-original-path",
    "x-envoy-upstream-rq-timeout-ms",
]
HEARD = {
    "accept-encoding",
    "authorization",
    "grpc-timeout",
    "te",
    "user-agent",
    "x-csms-answer",
    "x-envoy-original-method",
    "x-envoy-original-path",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-request-id",
}


def heard(headers: Mapping[str, str]) -> set[str]:
    return set(headers["x-heard-names"].split(","))


@pytest.mark.parametrize("port", PUBLIC_PORTS)
@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_header_that_is_not_well_formed_is_refused_on_every_port(
    name: str, value: str, port: str, facade: Facade
) -> None:
    answer = facade.call(port, "GET", HEALTH, token=None, headers={name: value})
    assert answer.refusal == (400, 3, f"the header {name} is not well-formed")
    assert "x-process" not in answer.headers


@pytest.mark.parametrize(("name", "value"), TAKEN)
def test_a_header_in_the_form_of_the_specification_passes(name: str, value: str, facade: Facade) -> None:
    answer = facade.call("gateway", "GET", "/stations", headers={name: value})
    assert answer.status == 200
    # gRPC keeps its own to itself.
    assert name in heard(answer.headers) or name.startswith("grpc-")


def test_a_deadline_of_the_caller_reaches_the_service(facade: Facade) -> None:
    assert facade.call("gateway", "GET", "/stations", headers={"grpc-timeout": "7S"}).headers["x-deadline"] == "7.0"


@pytest.mark.parametrize("port", PUBLIC_PORTS)
@pytest.mark.parametrize("name", DROPPED)
def test_what_programs_tell_each_other_is_not_taken_from_callers(name: str, port: str, facade: Facade) -> None:
    answer = facade.call(port, "GET", HEALTH, token=None, headers={name: "AAAA"})
    assert answer.headers["x-process"]
    assert name not in heard(answer.headers) - {"x-envoy-original-path"}
    assert answer.headers["x-heard-path"] == HEALTH


def test_names_that_are_made_up_without_end_are_judged_like_all_others(facade: Facade) -> None:
    for batch in range(8):
        made_up = {f"x-{batch}-{number}": "1" for number in range(50)}
        answer = facade.call("gateway", "GET", "/stations", headers={**made_up, f"x-{batch}-bin": "AAAA"})
        assert made_up.keys() <= heard(answer.headers)
        assert f"x-{batch}-bin" not in heard(answer.headers)
        refused = facade.call("gateway", "GET", "/stations", headers={f"x~{batch}": "1"})
        assert refused.refusal == (400, 3, f"the header x~{batch} is not well-formed")


def test_binary_metadata_of_native_callers_is_dropped(facade: Facade) -> None:
    answer = facade.native("gateway", LIST, metadata={"x-note-bin": b"\x00\xff", "x-note": "kept"})
    assert answer.code == "OK"
    assert "x-note" in heard(answer.headers)
    assert "x-note-bin" not in heard(answer.headers)


def test_a_value_that_is_not_ascii_is_dropped(facade: Facade) -> None:
    headers = {"x-note": "\xc3\xa9", "x-other": "a\tb c", "user-agent": "\xff"}
    answer = facade.call("gateway", "GET", "/stations", headers=headers)
    assert answer.status == 200
    assert "x-note" not in heard(answer.headers)
    assert "x-other" in heard(answer.headers)


CHECK = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/csms.health.v1.HealthService/Check"),
    (":authority", "localhost"),
    ("content-type", "application/grpc"),
]


@pytest.mark.parametrize("port", PUBLIC_PORTS)
def test_headers_behind_a_request_reach_nobody(port: str, facade: Facade) -> None:
    address = (LOOPBACK, facade.ports[port])
    trailers = [("grpc-timeout", "soon"), ("x-note-bin", "!!!"), ("grpc-encoding", "?"), ("grpc-status", "x")]
    assert http2.is_answered(address, [*CHECK, ("te", "trailers")])
    assert http2.is_answered(address, [*CHECK, ("te", "trailers")], trailers)


def test_a_call_without_te_is_a_call(facade: Facade) -> None:
    assert http2.is_answered((LOOPBACK, facade.ports["gateway"]), CHECK)


@pytest.mark.parametrize("verb", ["GET", "PUT", "PATCH", "DELETE"])
def test_grpc_by_another_verb_is_refused(verb: str, facade: Facade) -> None:
    answer = facade.call("gateway", verb, LIST, headers={"content-type": "application/grpc", "te": "trailers"})
    assert answer.headers["grpc-message"] == "gRPC is called by POST"
    assert "x-process" not in answer.headers


def test_native_grpc_is_refused_by_its_status(facade: Facade) -> None:
    body = struct.pack(">BI", 0, 0) + station_service_pb2.ListStationsRequest().SerializeToString()
    headers = {"content-type": "application/grpc", "te": "trailers", "grpc-timeout": "soon"}
    answer = facade.call("gateway", "POST", LIST, body=body, headers=headers)
    assert answer.headers["grpc-status"] != "0"
    assert answer.headers["grpc-message"] == "the header grpc-timeout is not well-formed"


def test_a_service_hears_no_header_that_nobody_has_thought_of(facade: Facade) -> None:
    """Each of these is a string to gRPC, or has a form that is checked above."""
    assert heard(facade.call("gateway", "GET", "/stations", headers={"accept": "*/*"}).headers) - {"accept"} <= HEARD


def test_requests_share_no_table_of_headers_on_the_way_to_a_service(facade: Facade) -> None:
    """HPACK's dynamic table outlives a request: what one caller sent would be part of the requests of others."""
    clusters = facade.admin("/config_dump?resource=static_clusters")["configs"]
    grpc = [one["cluster"] for one in clusters if one["cluster"]["name"] not in ("ocpp", "files")]
    assert {one["name"] for one in grpc} == {"station", "driver", "billing", "monitoring", "transaction", "edge"}
    for cluster in grpc:
        [options] = cluster["typed_extension_protocol_options"].values()
        assert options["explicit_http_config"]["http2_protocol_options"]["hpack_table_size"] == 0
        assert options["common_http_protocol_options"]["max_connection_duration"] == "60s"
        assert cluster["outlier_detection"]["consecutive_5xx"] == 50
        assert cluster["outlier_detection"]["enforcing_consecutive_5xx"] == 100
