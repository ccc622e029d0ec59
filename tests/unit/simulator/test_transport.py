"""Where a charge point connects, and how a frame is shown."""

from datetime import UTC, datetime

import pytest

from simulator.transport import Direction, Endpoint, Frame, describe


@pytest.mark.parametrize(
    ("url", "identity", "address"),
    [
        ("ws://host:4000/ocpp", "CP001", "ws://host:4000/ocpp/CP001"),
        ("ws://host:4000/ocpp/", "CP001", "ws://host:4000/ocpp/CP001"),
        ("wss://host", "CP001", "wss://host/CP001"),
        ("ws://host/ocpp", "RPC 16/é", "ws://host/ocpp/RPC%2016%2F%C3%A9"),
        ("ws://host/ocpp?version=1.6", "CP001", "ws://host/ocpp/CP001?version=1.6"),
        ("ws://host/ocpp?chargePointId=X&version=1.6", "CP001", "ws://host/ocpp?chargePointId=X&version=1.6"),
    ],
)
def test_the_identity_is_the_last_segment_unless_the_query_names_one(url: str, identity: str, address: str) -> None:
    assert Endpoint(url).address(identity) == address


def test_a_password_goes_with_the_identity_as_user() -> None:
    headers = Endpoint("ws://host", b"secret").headers("CP001")
    assert headers == {"Authorization": "Basic Q1AwMDE6c2VjcmV0"}


def test_a_newer_password_replaces_the_endpoints_own() -> None:
    assert Endpoint("ws://h", b"old").headers("CP", b"new") == Endpoint("ws://h", b"new").headers("CP")


def test_without_a_password_there_is_no_header() -> None:
    assert Endpoint("ws://host").headers("CP001") == {}


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(Endpoint("ws://host", b"secret"))


def test_a_frame_is_shown_with_time_direction_and_compact_json() -> None:
    frame = Frame("CP1", Direction.SENT, datetime(2025, 1, 1, 12, 0, 0, 5_000, UTC), '[2, "1", "Heartbeat", {}]')
    assert describe(frame) == '12:00:00.005 → [2,"1","Heartbeat",{}]'


def test_a_frame_that_is_no_json_is_shown_as_it_is() -> None:
    frame = Frame("CP1", Direction.RECEIVED, datetime(2025, 1, 1, tzinfo=UTC), "oops")
    assert describe(frame) == "00:00:00.000 ← oops"
