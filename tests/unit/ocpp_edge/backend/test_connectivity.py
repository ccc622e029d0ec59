"""A wish to connect as the station service is told of it."""

import pytest

from ocpp_edge.admission.handshake import ConnectionRequest
from ocpp_edge.admission.peer import Peer
from ocpp_edge.backend.clients import Node
from ocpp_edge.backend.connectivity import attempt_of
from ocpp_edge.versions import Version

NODE = Node("node-1", "10.0.0.1:14000")


def test_the_attempt_says_all_that_is_known() -> None:
    attempt = attempt_of(
        ConnectionRequest("CP1", Version.V201, {Version.V201: "ocpp2.0.1"}, b"\x01\xff", Peer("203.0.113.7", tls=True)),
        NODE,
    )
    assert (attempt.charge_point_id, attempt.protocol, attempt.security_profile) == ("CP1", "ocpp2.0.1", 2)
    assert (attempt.node, attempt.node_address, attempt.remote_address) == ("node-1", "10.0.0.1:14000", "203.0.113.7")
    assert attempt.password == b"\x01\xff"


def test_no_password_is_not_an_empty_one() -> None:
    assert not attempt_of(ConnectionRequest("CP1", Version.V16, {Version.V16: None}, None, Peer("::1")), NODE).HasField(
        "password"
    )
    assert attempt_of(ConnectionRequest("CP1", Version.V16, {Version.V16: None}, b"", Peer("::1")), NODE).HasField(
        "password"
    )


@pytest.mark.parametrize(("names", "expected"), [(("a", "CP1"), "CP1"), (("a", "b"), "a")])
def test_of_several_names_in_a_certificate_the_one_that_matches_counts(names: tuple[str, ...], expected: str) -> None:
    attempt = attempt_of(
        ConnectionRequest("CP1", Version.V16, {Version.V16: None}, None, Peer("::1", True, names)), NODE
    )
    assert (attempt.certificate_common_name, attempt.security_profile) == (expected, 3)
