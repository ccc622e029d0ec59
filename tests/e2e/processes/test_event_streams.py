"""How a stream of events ends for a reader over HTTP/1.1: by an item that says so, or cut, without one."""

import http.client
import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.system import System, running_system, until

pytestmark = pytest.mark.field_case("C18")


@pytest.fixture(scope="module")
def own_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A stack whose processes may be killed; it starts them again."""
    with running_system(tmp_path_factory.mktemp("streams"), "--no-demo", "--restart") as system:
        yield system


def opened(system: System, query: str, **headers: str) -> http.client.HTTPConnection:
    """A connection on which the stream was asked for."""
    connection = http.client.HTTPConnection("127.0.0.1", system.ports["gateway"], timeout=20)
    authorization = {"Authorization": f"Bearer {system.token('viewer')}"}
    connection.request("GET", f"/real-time/events?{query}", headers=authorization | headers)
    return connection


def items(response: http.client.HTTPResponse) -> Iterator[Any]:
    """The items until the stream is over or cut."""
    try:
        for line in iter(response.readline, b""):
            if line.strip():
                yield json.loads(line.removeprefix(b"data: "))
    except (http.client.IncompleteRead, ConnectionError):
        return


def is_last(item: Any) -> bool:
    return bool(item["end"]) or "error" in item


def make_event(system: System) -> None:
    assert system.call("POST", "/stations", {"name": "told"}).status == 201


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_stream_that_ends_as_asked_says_so(accept: str, system: System) -> None:
    make_event(system)
    with closing(opened(system, "cursor=0&maxEvents=1&nouns=station", Accept=accept)) as connection:
        found = list(items(connection.getresponse()))
    assert [is_last(item) for item in found] == [False] * (len(found) - 1) + [True]
    assert (found[-1]["end"], "error" in found[-1], "data" in found[-1]) == (True, False, False)


def test_a_stream_whose_time_is_over_says_why(system: System) -> None:
    with closing(opened(system, "nouns=alert", **{"grpc-timeout": "2S"})) as connection:
        *_, last = items(connection.getresponse())
    assert (last["end"], last["error"]["info"]["reason"]) == (False, "DEADLINE_EXCEEDED")


def test_a_stream_that_cannot_begin_where_it_should_says_why(system: System) -> None:
    with closing(opened(system, "cursor=9000000000000")) as connection:
        [last] = items(connection.getresponse())
    assert last["error"]["info"]["reason"] == "INVALID_FIELD"


def test_a_stream_whose_server_is_killed_has_no_last_item_and_is_resumed_by_its_cursor(own_system: System) -> None:
    make_event(own_system)
    with closing(opened(own_system, "cursor=0&nouns=station")) as connection:
        response = connection.getresponse()
        stream = items(response)
        first = next(stream)
        os.kill(own_system.pid_of("monitoring"), signal.SIGKILL)
        rest = list(stream)
    assert not any(map(is_last, [first, *rest]))


def test_a_service_that_stops_says_so_to_its_readers(own_system: System) -> None:
    make_event(own_system)
    until(lambda: own_system.get("/alerts").status == 200)
    with closing(opened(own_system, "cursor=0&nouns=station")) as connection:
        stream = items(connection.getresponse())
        next(stream)
        os.kill(own_system.pid_of("monitoring"), signal.SIGTERM)
        *_, last = stream
    assert last["error"]["info"]["reason"] == "UNAVAILABLE"
    assert "resume with the cursor" in last["error"]["message"]


def test_ctrl_c_ends_everything_though_somebody_reads(own_system: System) -> None:
    until(lambda: own_system.get("/alerts").status == 200)
    with closing(opened(own_system, "cursor=0&nouns=station")) as connection:
        next(items(connection.getresponse()))
        processes = json.loads((own_system.state_dir / "processes.json").read_text())
        assert own_system.stop() == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in processes.values())
