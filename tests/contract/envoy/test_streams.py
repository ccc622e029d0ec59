"""GET /real-time/events: one JSON document a line, or server-sent events for who accepts them; nothing held back."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest

from csms.monitoring.v1.monitoring_service_pb2 import StreamEventsResponse
from tests.contract.envoy.facade import Facade
from tests.contract.envoy.upstreams import Upstreams

RPC = "/csms.monitoring.v1.MonitoringService/StreamEvents"
EVENT_SOURCE = {"accept": "text/event-stream"}


@pytest.fixture(autouse=True)
def stalled(behind: Upstreams) -> None:
    """The stream stalls after its first item, until the test lets it go on."""
    behind.monitoring.may_go_on.clear()


@contextmanager
def events(
    facade: Facade, port: str, query: str = "", headers: dict[str, str] | None = None, *, signed: bool = True
) -> Iterator[http.client.HTTPResponse]:
    connection = facade.connection(port)
    authorization = facade.authorization() if signed else {}
    connection.request("GET", f"/real-time/events{query}", headers={**authorization, **(headers or {})})
    try:
        yield connection.getresponse()
    finally:
        connection.close()


@pytest.mark.parametrize("port", ["gateway", "monitoring"])
def test_each_line_is_a_document_and_comes_at_once(port: str, facade: Facade, behind: Upstreams) -> None:
    with events(facade, port, "?cursor=7", {"accept-encoding": "gzip, br"}) as response:
        assert response.headers["x-deadline"] == "none"
        assert json.loads(response.readline())["cursor"] == "7"
        behind.monitoring.may_go_on.set()
        rest = [json.loads(line) for line in response.read().splitlines()]
    assert [(item["cursor"], item["end"]) for item in rest] == [("2", False), ("3", True)]


@pytest.mark.parametrize("port", ["gateway", "monitoring"])
def test_an_event_source_gets_server_sent_events_at_once(port: str, facade: Facade, behind: Upstreams) -> None:
    with events(facade, port, headers=EVENT_SOURCE) as response:
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["x-deadline"] == "none"
        first = response.readline()
        assert first.startswith(b"data: ")
        assert json.loads(first.removeprefix(b"data: "))["cursor"] == "1"
        assert response.readline() == b"\n"
        behind.monitoring.may_go_on.set()
        rest = response.read().split(b"\n\n")
    assert [json.loads(item.removeprefix(b"data: "))["cursor"] for item in rest if item] == ["2", "3"]


@pytest.mark.parametrize(
    ("query", "cursor"),
    [
        ("?access_token={token}", "1"),
        ("?cursor=9&access_token={token}", "9"),
        ("?access_token={token}&cursor=9", "9"),
    ],
)
def test_an_event_source_may_show_its_token_in_the_query(
    query: str, cursor: str, facade: Facade, behind: Upstreams
) -> None:
    behind.monitoring.may_go_on.set()
    with events(facade, "gateway", query.format(token=facade.token), EVENT_SOURCE, signed=False) as response:
        assert response.status == 200
        assert response.headers["x-heard-authorization"] == f"Bearer {facade.token}"
        assert "access_token" not in response.headers["x-heard-path"]
        assert json.loads(response.readline().removeprefix(b"data: "))["cursor"] == cursor


def test_a_token_in_the_query_is_checked_and_never_replaces_the_header(facade: Facade) -> None:
    with events(facade, "gateway", "?access_token=garbage", EVENT_SOURCE, signed=False) as response:
        assert response.status == 401
    with events(facade, "gateway", f"?access_token={facade.token}", {"authorization": "Bearer x"}) as response:
        assert response.status == 401


def test_bad_questions_are_refused_as_everywhere(facade: Facade) -> None:
    for headers in ({}, EVENT_SOURCE):
        answer = facade.call("gateway", "GET", "/real-time/events?colour=red", headers=headers)
        assert answer.refusal[:2] == (400, 3)
        answer = facade.call("gateway", "GET", "/real-time/events", token=None, headers=headers)
        assert answer.refusal[:2] == (401, 16)


def test_a_native_stream_comes_item_by_item(facade: Facade, behind: Upstreams) -> None:
    with facade.channel("gateway") as channel:
        stub = channel.unary_stream(
            RPC, request_serializer=bytes, response_deserializer=StreamEventsResponse.FromString
        )
        call = stub(b"", 5, tuple(facade.authorization().items()))
        assert next(call).cursor == "1"
        behind.monitoring.may_go_on.set()
        assert [item.cursor for item in call] == ["2", "3"]
        assert call.code() is grpc.StatusCode.OK
