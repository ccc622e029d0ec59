"""HEAD is GET without its body, OPTIONS tells what is possible, and what is not possible is 405 with the same."""

from contextlib import closing
from typing import Any

import pytest

from csms.monitoring.v1 import monitoring_service_pb2
from stack.topology import PUBLIC_PORTS
from tests.contract.envoy.facade import Facade
from tests.contract.envoy.upstreams import Upstreams
from tests.fixtures.operations import Operation, operations
from tests.fixtures.processes import process_of

pytestmark = pytest.mark.field_case("C6")

READS = [operation for operation in operations() if operation.verb == "GET"]
OWN = {"date", "x-request-id", "x-deadline", "x-ratelimit-remaining", "x-ratelimit-reset", "x-heard-names"}


@pytest.mark.parametrize("operation", READS, ids=str)
def test_head_is_answered_as_get_but_for_the_body(operation: Operation, facade: Facade) -> None:
    process = process_of(operation.rpc)
    for each in ("gateway", {"edge": "ocpp", "health": "station"}.get(process, process)):
        got = facade.call(each, "GET", operation.path)
        asked = facade.call(each, "HEAD", operation.path)
        assert (asked.status, asked.body) == (got.status, b"")
        assert {key: value for key, value in asked.headers.items() if key not in OWN} == {
            key: value for key, value in got.headers.items() if key not in OWN
        }


@pytest.mark.parametrize("port", PUBLIC_PORTS)
def test_a_connection_goes_on_after_head(port: str, facade: Facade) -> None:
    with closing(facade.connection(port)) as connection:
        lengths = []
        for verb in ("HEAD", "GET", "HEAD", "GET"):
            connection.request(verb, "/health")
            answer = connection.getresponse()
            lengths.append(answer.headers["content-length"])
            assert len(answer.read()) == (int(lengths[-1]) if verb == "GET" else 0)
    assert len(set(lengths)) == 1


def test_head_says_what_is_wrong_by_its_status(facade: Facade) -> None:
    for path, token, status in (
        ("/stations/missing", "good", 404),
        ("/nowhere", "good", 404),
        ("/stations?colour=red", "good", 400),
        ("/stations", None, 401),
        ("/auth/token", None, 405),
    ):
        answer = facade.call("gateway", "HEAD", path, token=token)
        assert (answer.status, answer.body) == (status, b"")


def test_who_streams_is_told_that_only_the_head_is_wanted(facade: Facade, behind: Upstreams) -> None:
    behind.monitoring.may_go_on.set()
    answer = facade.call("gateway", "HEAD", "/real-time/events?nouns=transaction")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"", "application/json")
    assert "x-csms-head" in answer.headers["x-heard-names"]
    # Nobody else can say so.
    for verb, path in (("GET", "/real-time/events"), ("GET", "/stations"), ("HEAD", "/stations")):
        heard = facade.call("gateway", verb, path, headers={"x-csms-head": "1"}).headers["x-heard-names"]
        assert "x-csms-head" not in heard
    request = monitoring_service_pb2.StreamEventsRequest()
    rpc = "/csms.monitoring.v1.MonitoringService/StreamEvents"
    with facade.channel("gateway") as channel:
        stub: Any = channel.unary_stream(rpc, request_serializer=lambda message: message.SerializeToString())
        call = stub(request, 5, (*facade.authorization().items(), ("x-csms-head", "1")))
        assert len(list(call)) == 3


@pytest.mark.parametrize(
    ("port", "path", "allow"),
    [
        ("gateway", "/stations", "GET, HEAD, OPTIONS, POST"),
        ("gateway", "/stations/", "GET, HEAD, OPTIONS, POST"),
        ("station", "/stations/s1", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("gateway", "/auth/token", "OPTIONS, POST"),
        ("ocpp", "/connections/CP1", "DELETE, GET, HEAD, OPTIONS"),
        ("monitoring", "/stations/status", "GET, HEAD, OPTIONS"),
        ("gateway", "/stations/status", "GET, HEAD, OPTIONS"),
        ("driver", "/health", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_tells_what_is_possible_without_a_token(port: str, path: str, allow: str, facade: Facade) -> None:
    answer = facade.call(port, "OPTIONS", path, token=None)
    assert (answer.status, answer.body, answer.headers["allow"]) == (204, b"", allow)


@pytest.mark.parametrize(
    ("port", "verb", "path", "allow"),
    [
        ("gateway", "DELETE", "/stations", "GET, HEAD, OPTIONS, POST"),
        ("station", "POST", "/stations/s1", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("gateway", "GET", "/auth/token", "OPTIONS, POST"),
        ("gateway", "PUT", "/stations/status", "GET, HEAD, OPTIONS"),
        ("gateway", "GET", "/rfid-cards/validate", "OPTIONS, POST"),
        ("gateway", "TRACE", "/stations", "GET, HEAD, OPTIONS, POST"),
        ("gateway", "PURGE", "/stations", "GET, HEAD, OPTIONS, POST"),
    ],
)
def test_a_verb_that_is_not_possible_is_refused_with_those_that_are(
    port: str, verb: str, path: str, allow: str, facade: Facade
) -> None:
    answer = facade.call(port, verb, path)
    assert (answer.refusal[:2], answer.headers["allow"]) == ((405, 12), allow)


@pytest.mark.parametrize("verb", ["OPTIONS", "HEAD", "DELETE"])
def test_a_path_that_a_port_does_not_serve_is_not_found_there(verb: str, facade: Facade) -> None:
    for port, path in (("billing", "/stations/s1"), ("driver", "/connections"), ("gateway", "/nowhere")):
        assert facade.call(port, verb, path).status == 404


def test_a_body_that_comes_with_head_is_refused_as_with_get(facade: Facade) -> None:
    assert facade.call("gateway", "HEAD", "/stations", body=b'{"x": 1}').status == 400
