"""The way of a charge point to the edge: every shape of URL, nothing added to or taken from what it says."""

import base64
import json
import socket
from collections.abc import Mapping
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from stack.keys import Keys
from stack.ports import LOOPBACK
from tests.contract.envoy.facade import Facade

# The password is not UTF-8, as that of some charge points.
BASIC = "Basic " + base64.b64encode(b"CP1:\x01#Eg\x89\xab\xcd\xef").decode("ascii")
KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def open_socket(
    facade: Facade, path: str, *subprotocols: str, port: str = "ocpp", headers: Mapping[str, str] | None = None
) -> ClientConnection:
    return connect(
        f"ws://{LOOPBACK}:{facade.ports[port]}{path}",
        subprotocols=[Subprotocol(name) for name in subprotocols],
        additional_headers={"Authorization": BASIC, **(headers or {})},
        proxy=None,
    )


def heard(connection: ClientConnection) -> Any:
    """What the edge heard of the handshake."""
    return json.loads(connection.recv(timeout=5))


@pytest.mark.parametrize(
    "path",
    [
        "/ocpp/CP1",
        "/ocpp/CP1/",
        "/ocpp?chargePointId=CP1&version=1.6",
        "/ocppCP1?chargePointId=CP1&version=1.6/",
        "/ocpp/RPC%2016%2F%C3%A9%2A",
        "/CP1",
        "/CP1/",
        "/RDAM%20123",
        "/ocppj/RDAM%20123",
        "/health",
        "/connections/CP1",
        "/csms.edge.v1.EdgeService/DeliverCommand",
    ],
)
@pytest.mark.field_case("B4", "B8")
def test_the_edge_hears_the_url_as_it_was_sent(path: str, facade: Facade) -> None:
    with open_socket(facade, path, "ocpp1.6") as connection:
        assert heard(connection)["path"] == path


def test_the_edge_hears_who_connects_from_where(facade: Facade) -> None:
    with open_socket(facade, "/ocpp/CP1", "ocpp1.6") as connection:
        headers = heard(connection)["headers"]
    assert headers["authorization"] == BASIC
    assert headers["x-forwarded-for"]
    assert headers["x-request-id"]


@pytest.mark.field_case("E2")
def test_what_a_charge_point_says_of_proxies_is_not_what_the_edge_hears(facade: Facade, signing_keys: Keys) -> None:
    forged = {
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Client-Cert": 'Subject="CN=CP1"',
        "X-CSMS-Proxy-Secret": "guessed",
    }
    with open_socket(facade, "/ocpp/CP1", "ocpp1.6", headers=forged) as connection:
        headers = heard(connection)["headers"]
    assert "x-forwarded-client-cert" not in headers
    # Of a client on the same machine Envoy tells an address of the machine.
    assert headers["x-forwarded-for"].split(",")[-1].strip() != "203.0.113.7"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-csms-proxy-secret"] == signing_keys.proxy_secret


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(["ocpp1.6"], "ocpp1.6"), (["ocpp1.6", "ocpp2.0.1"], "ocpp2.0.1"), (["ocpp2.0.1"], "ocpp2.0.1")],
)
def test_the_edge_chooses_the_subprotocol(offered: list[str], chosen: str, facade: Facade) -> None:
    with open_socket(facade, "/ocpp/CP1", *offered) as connection:
        assert connection.subprotocol == chosen


def test_the_edges_refusal_of_a_handshake_arrives(facade: Facade) -> None:
    with pytest.raises(InvalidStatus) as refused:
        open_socket(facade, "/ocpp/CP1", "soap")
    assert refused.value.response.status_code == 400


def test_frames_pass_both_ways_whatever_their_size(facade: Facade) -> None:
    with open_socket(facade, "/ocpp/CP1", "ocpp1.6") as connection:
        heard(connection)
        for message in ('[2,"1","Heartbeat",{}]', "x" * 300_000):
            connection.send(message)
            assert connection.recv(timeout=5) == message
        connection.close(1000, "bye")
    assert (connection.close_code, connection.close_reason) == (1000, "bye")


def test_header_names_keep_their_case_for_clients_that_compare_it(facade: Facade) -> None:
    handshake = (
        "GET /ocpp/CP1 HTTP/1.1\r\nHost: csms\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
    )
    with socket.create_connection((LOOPBACK, facade.ports["ocpp"]), timeout=5) as client:
        client.sendall(handshake.encode())
        answer = client.makefile("rb")
        lines = [line.decode().strip() for line in iter(answer.readline, b"\r\n")]
    assert lines[0] == "HTTP/1.1 101 Switching Protocols"
    assert f"Sec-WebSocket-Accept: {ACCEPT}" in lines
    assert "Sec-WebSocket-Protocol: ocpp1.6" in lines


@pytest.mark.parametrize("path", ["/ocpp", "/ocpp/CP1", "/ocpp?chargePointId=CP1"])
def test_who_does_not_ask_for_a_websocket_is_told_to(path: str, facade: Facade) -> None:
    for token in (None, "good"):
        answer = facade.call("ocpp", "GET", path, token=token)
        assert answer.refusal == (426, 9, "charge points connect here by WebSocket")


@pytest.mark.parametrize("path", ["/ocpp/CP1", "/CP1", "/stations"])
@pytest.mark.parametrize("port", ["gateway", "station", "transaction"])
def test_a_websocket_elsewhere_is_told_where_to_go(port: str, path: str, facade: Facade) -> None:
    with pytest.raises(InvalidStatus) as refused:
        open_socket(facade, path, "ocpp1.6", port=port)
    response = refused.value.response
    assert response.status_code == 403
    assert json.loads(response.body or b"")["message"].startswith("WebSockets are served")


def test_a_flood_of_handshakes_is_left_to_the_edge(meagre_facade: Facade) -> None:
    for _ in range(6):
        with pytest.raises(InvalidStatus) as refused:
            open_socket(meagre_facade, "/ocpp/CP1", "ocpp1.6")
        # Nobody listens; the limit of three requests a second would say 429.
        assert refused.value.response.status_code == 503
