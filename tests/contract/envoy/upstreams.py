"""What stands behind Envoy in these tests: one real gRPC server for each process, and the WebSocket of the edge.

They run on threads, so that the tests are plain functions which call Envoy as any client does.
"""

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import orjson
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from csms.health.v1 import health_service_pb2
from csms.monitoring.v1 import monitoring_service_pb2
from csms.station.v1 import station_service_pb2
from stack.ports import LOOPBACK
from stack.topology import EDGE, SERVICES
from tests.contract.envoy.servicers import AnyRpc, Health, Monitoring, Stations, handlers

OCPP_SUBPROTOCOLS = (Subprotocol("ocpp2.0.1"), Subprotocol("ocpp1.6"))
HEALTH = health_service_pb2.DESCRIPTOR.services_by_name["HealthService"]
STATIONS = station_service_pb2.DESCRIPTOR.services_by_name["StationService"]
MONITORING = monitoring_service_pb2.DESCRIPTOR.services_by_name["MonitoringService"]
_THREADS = 8


@dataclass(frozen=True)
class Upstreams:
    """The running servers: gRPC ports by the name of the process, the ports of the WebSocket and of files, and what
    tests ask or steer.

    `asked` has the last request of each RPC by its full name, but for the few that answer more than nothing.
    """

    ports: Mapping[str, int]
    websocket_port: int
    files_port: int
    stations: Stations
    monitoring: Monitoring
    asked: Mapping[str, bytes]


@contextmanager
def running() -> Iterator[Upstreams]:
    """All upstreams, until the end of the block."""
    stations, monitoring = Stations("station"), Monitoring("monitoring")
    special = {"station": [handlers(stations, STATIONS)], "monitoring": [handlers(monitoring, MONITORING)]}
    asked: dict[str, bytes] = {}
    with ThreadPoolExecutor(_THREADS) as executor, ExitStack() as stack:
        ports = {}
        for name in (*SERVICES, EDGE):
            server = grpc.server(
                executor, [*special.get(name, ()), handlers(Health(name), HEALTH), AnyRpc(name, asked)]
            )
            ports[name] = _start(server, name)
            stack.callback(_stop, server)
        # Called before the servers stop: a stalled stream would hold its thread.
        stack.callback(monitoring.may_go_on.set)
        socket, files = stack.enter_context(_charge_point_socket()), stack.enter_context(_file_server())
        yield Upstreams(ports, socket, files, stations, monitoring, asked)


def _start(server: grpc.Server, name: str) -> int:
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    reflection.enable_server_reflection([f"process.{name}"], server)
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    server.start()
    return port


def _stop(server: grpc.Server) -> None:
    server.stop(grace=None).wait()


class _Files(BaseHTTPRequestHandler):
    """Says what it was sent, and gives text that would be worth compressing."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(orjson.dumps(dict(self.headers.items())))

    def do_GET(self) -> None:
        self._answer(b"firmware " * 1000)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def _file_server() -> Iterator[int]:
    """Where a station service serves files; yields its port."""
    with ThreadingHTTPServer((LOOPBACK, 0), _Files) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _charge_point_socket() -> Iterator[int]:
    """A WebSocket server that first tells what it was asked for, then echoes; yields its port."""
    with serve(_tell_and_echo, LOOPBACK, 0, subprotocols=OCPP_SUBPROTOCOLS) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()


def _tell_and_echo(connection: ServerConnection) -> None:
    request = connection.request
    assert request is not None
    reported = {"path": request.path, "headers": {name.lower(): value for name, value in request.headers.raw_items()}}
    connection.send(orjson.dumps(reported).decode())
    for message in connection:
        connection.send(message)
