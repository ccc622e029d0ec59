"""What REST callers get of the answers of a service: bodies, statuses, headers; and what the service hears of them."""

import gzip
from typing import Any

import pytest

from csms.station.v1 import station_service_pb2, station_service_pb2_grpc
from tests.contract.envoy.facade import Facade
from tests.contract.envoy.servicers import JSON_BY_ITSELF, JSON_PAGE, LARGE_PAGE, UNHEALTHY, WORDY_NAME
from tests.contract.envoy.upstreams import Upstreams

INTERNAL_HEADERS = ("x-http-code", "grpc-status", "grpc-message", "grpc-encoding", "grpc-accept-encoding")
CONSOLE, STRANGER = "https://console.example:8443", "https://evil.example"


def test_a_resource_comes_in_an_envelope_with_zero_values_and_enums_by_name(facade: Facade) -> None:
    answer = facade.call("gateway", "GET", "/stations/s1")
    data = answer.json["data"]
    assert (data["id"], data["status"], data["city"], data["connectors"]) == ("s1", "ACTIVE", "", [])
    assert "latitude" not in data


def test_a_list_comes_in_an_envelope_with_its_page(facade: Facade) -> None:
    answer = facade.call("gateway", "GET", "/stations?status=inactive&text=a+b")
    assert answer.json.keys() == {"data", "nextPageToken", "totalSize"}
    assert [(one["status"], one["name"]) for one in answer.json["data"]] == [("INACTIVE", "a b")]


def test_a_page_that_a_service_writes_as_json_goes_through_as_it_is(facade: Facade) -> None:
    path = "/stations?text=as+json"
    answer = facade.call("gateway", "GET", path)
    assert (answer.status, answer.body) == (200, JSON_PAGE)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(JSON_PAGE))
    assert not [name for name in INTERNAL_HEADERS if name in answer.headers]
    assert "x-csms-answer" in answer.headers["x-heard-names"]
    head = facade.call("station", "HEAD", path)
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(JSON_PAGE)))
    packed = facade.call("gateway", "GET", path, headers={"accept-encoding": "gzip"})
    assert gzip.decompress(packed.body) == JSON_PAGE


def test_a_large_page_of_a_service_that_knows_no_json_is_transcoded(facade: Facade) -> None:
    answer = facade.call("gateway", "GET", "/stations?text=many")
    assert (answer.status, len(answer.json["data"])) == (200, LARGE_PAGE)
    assert len(answer.body) > LARGE_PAGE * len(WORDY_NAME)


def test_json_is_asked_for_by_envoy_alone(facade: Facade) -> None:
    asked = {"x-csms-answer": "json"}
    for path in ("/stations/s1", "/charge-points"):
        assert "x-csms-answer" not in facade.call("gateway", "GET", path, headers=asked).headers["x-heard-names"]
    request = station_service_pb2.ListStationsRequest(text=JSON_BY_ITSELF)
    with facade.channel("gateway") as channel:
        stub: Any = station_service_pb2_grpc.StationServiceStub(channel)  # type: ignore[arg-type]  # a blocking one
        answer = stub.ListStations(request, metadata=(*facade.authorization().items(), *asked.items()))
    assert [station.name for station in answer.stations] == [JSON_BY_ITSELF]


def test_query_parameters_are_understood_in_both_spellings(facade: Facade) -> None:
    assert facade.call("gateway", "GET", "/stations?pageSize=10").status == 200
    assert facade.call("gateway", "GET", "/stations?page_size=10").status == 200


@pytest.mark.parametrize("port", ["gateway", "monitoring"])
def test_a_literal_path_wins_over_an_id(port: str, facade: Facade) -> None:
    assert facade.call(port, "GET", "/stations/status").headers["x-process"] == "monitoring"
    assert facade.call(port, "GET", "/stations/s1/metrics").headers["x-process"] == "monitoring"


def test_an_id_may_contain_an_escaped_slash(facade: Facade) -> None:
    assert facade.call("gateway", "GET", "/stations/a%2Fb%20c").json["data"]["id"] == "a/b c"


def test_a_trailing_slash_makes_no_difference(facade: Facade) -> None:
    assert facade.call("gateway", "GET", "/stations/").json["totalSize"] == 1


def test_what_was_created_is_201_with_its_location(facade: Facade) -> None:
    answer = facade.call("gateway", "POST", "/stations", body={"name": "Depot"})
    assert (answer.status, answer.headers["location"]) == (201, "/stations/s1")
    assert answer.json["data"]["name"] == "Depot"


def test_what_was_deleted_is_204_without_a_body(facade: Facade) -> None:
    answer = facade.call("station", "DELETE", "/stations/s1")
    assert (answer.status, answer.body, answer.headers.get("content-type")) == (204, b"", None)


def test_a_service_that_says_it_does_not_serve_is_503_with_its_words(facade: Facade) -> None:
    answer = facade.call(UNHEALTHY, "GET", "/health", token=None)
    assert (answer.status, answer.json["service"], answer.json["status"]) == (503, UNHEALTHY, "NOT_SERVING")


def test_an_error_of_a_service_keeps_its_details(facade: Facade) -> None:
    missing = facade.call("gateway", "GET", "/stations/missing")
    assert missing.refusal == (404, 5, "station missing not found")
    assert [(one["reason"], one["domain"]) for one in missing.json["details"]] == [("STATION_NOT_FOUND", "csms")]
    refused = facade.call("gateway", "POST", "/stations", body={"name": "refused"})
    assert refused.refusal[:2] == (400, 3)
    (bad_request,) = [one for one in refused.json["details"] if one["@type"].endswith("google.rpc.BadRequest")]
    assert [one["field"] for one in bad_request["fieldViolations"]] == ["station.name"]


@pytest.mark.field_case("B3")
def test_what_a_charge_point_did_badly_is_502_and_nobody_is_told_that_he_was_wrong(facade: Facade) -> None:
    answer = facade.call("gateway", "GET", "/stations/badly%20answered")
    assert answer.refusal == (502, 9, "the charge point answered InternalError: no")
    assert [one["reason"] for one in answer.json["details"]] == ["OCPP_CALL_ERROR"]


@pytest.mark.parametrize(
    ("verb", "path"),
    [("GET", "/stations"), ("POST", "/stations"), ("DELETE", "/stations/s1"), ("GET", "/stations/missing")],
)
def test_what_gateway_and_service_tell_each_other_is_not_for_callers(verb: str, path: str, facade: Facade) -> None:
    answer = facade.call("gateway", verb, path, body=b"{}" if verb == "POST" else None)
    assert not answer.headers.keys() & set(INTERNAL_HEADERS)
    assert answer.headers["x-request-id"]


def test_the_service_hears_the_token_and_where_the_caller_is(facade: Facade) -> None:
    answer = facade.call("gateway", "GET", "/stations")
    assert answer.headers["x-heard-authorization"] == f"Bearer {facade.token}"
    assert answer.headers["x-heard-from"]


@pytest.mark.parametrize(
    ("verb", "path", "least", "most"),
    [
        ("GET", "/stations", 13, 14.5),
        ("POST", "/stations", 13, 14.5),
        ("GET", "/health", 2, 2.5),
        ("POST", "/charge-points/CP1/remote-start", 123, 125),
        ("POST", "/charge-points/CP1/reset", 123, 125),
        ("GET", "/charge-points/CP1/commands", 13, 14.5),
        ("GET", "/charge-points/CP1/messages", 13, 14.5),
        ("POST", "/connections/CP1/send", 123, 125),
        ("GET", "/connections", 13, 14.5),
    ],
)
def test_a_handler_is_told_how_long_the_caller_waits(
    verb: str, path: str, least: float, most: float, facade: Facade
) -> None:
    answer = facade.call("gateway", verb, path, body=b"{}" if verb == "POST" else None)
    assert least <= float(answer.headers["x-deadline"]) <= most


def test_a_shorter_deadline_of_the_caller_is_kept(facade: Facade) -> None:
    answer = facade.call("gateway", "GET", "/stations", headers={"grpc-timeout": "3S"})
    assert 2 <= float(answer.headers["x-deadline"]) <= 3


@pytest.mark.field_case("C20")
def test_a_read_is_tried_again_when_a_replica_fails_and_a_write_is_not(facade: Facade, behind: Upstreams) -> None:
    assert facade.call("gateway", "GET", "/stations/flaky-read").status == 200
    assert behind.stations.attempts["flaky-read"] == 2
    refused = facade.call("gateway", "POST", "/stations", body={"name": "flaky-write"})
    assert refused.refusal == (503, 14, "busy")
    assert behind.stations.attempts["flaky-write"] == 1


def test_large_answers_are_compressed_as_the_caller_prefers(facade: Facade) -> None:
    plain = facade.call("gateway", "GET", "/stations/wordy")
    assert "content-encoding" not in plain.headers
    zipped = facade.call("gateway", "GET", "/stations/wordy", headers={"accept-encoding": "gzip, br;q=0.5"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == plain.body
    brotli = facade.call("gateway", "GET", "/stations/wordy", headers={"accept-encoding": "br"})
    assert brotli.headers["content-encoding"] == "br"
    assert len(brotli.body) < len(WORDY_NAME)


@pytest.mark.parametrize(
    ("origin", "allowed"), [(CONSOLE, True), (STRANGER, False), (CONSOLE + ".evil.example", False)]
)
def test_pages_of_known_origins_may_call(origin: str, allowed: bool, facade: Facade) -> None:
    asking = {
        "origin": origin,
        "access-control-request-method": "DELETE",
        "access-control-request-headers": "authorization",
    }
    asked = facade.call("gateway", "OPTIONS", "/stations/s1", token=None, headers=asking)
    assert (asked.status == 200) == allowed
    assert (asked.headers.get("access-control-allow-origin") == origin) == allowed
    takes = asked.headers.get("access-control-allow-headers", "").split(", ")
    assert ({"authorization", "traceparent"} <= set(takes)) == allowed
    for token in ("good", None):
        answer = facade.call("gateway", "GET", "/stations", token=token, headers={"origin": origin})
        assert (answer.headers.get("access-control-allow-origin") == origin) == allowed
