"""The stack with two of everything, its processes by name, and what they tell of themselves."""

import json
import os
import re
import signal
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import grpc
import psycopg
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.process.settings import ServiceSettings
from services.rpc.service_identity import ServiceIdentity
from stack import keys, postgres
from stack.ports import is_listening
from stack.state import State
from stack.topology import EDGE, SERVICES
from tests.fixtures.system import System, until

REPLICAS = 2
LEASE_SECONDS = 5
EVERYONE = (*SERVICES, EDGE)


def process_name(name: str, replica: int) -> str:
    """What the stack calls a replica."""
    return name if replica == 0 else f"{name}-{replica + 1}"


@dataclass(frozen=True)
class Cluster:
    """A stack of two edges and two replicas of each service."""

    system: System

    def edge_url(self, replica: int) -> str:
        """The WebSockets of one edge, past Envoy."""
        return f"ws://127.0.0.1:{self.system.ports.websocket(replica)}/ocpp"

    def edge_address(self, replica: int) -> str:
        """The gRPC of one edge."""
        return f"127.0.0.1:{self.system.ports.process(EDGE, replica)}"

    def pid(self, name: str, replica: int) -> int:
        """The process that is this replica now."""
        found: int = json.loads((self.system.state_dir / "processes.json").read_text())[process_name(name, replica)]
        return found

    def signal(self, name: str, replica: int, number: signal.Signals) -> int:
        """Send a signal to a replica; returns its process id."""
        pid = self.pid(name, replica)
        os.kill(pid, number)
        return pid

    def until_back(self, name: str, replica: int, old_pid: int) -> None:
        """Wait until another process stands in for `old_pid`, serves, and gets work from Envoy again."""
        until(lambda: self.pid(name, replica) != old_pid, within_seconds=60)
        until(lambda: self._serves(name, replica), within_seconds=60)
        until(lambda: self._is_healthy(name, replica), within_seconds=60)

    def metrics(self, name: str, replica: int) -> dict[str, float]:
        """The numbers of a replica by name and labels, as /metrics writes them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.system.ports.metrics(name, replica)}/metrics") as answer:
            lines = (line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#"))
            return {what: float(value) for what, value in lines}

    def until_all_are_trusted(self) -> None:
        """Wait until Envoy gives work to everybody again."""
        for name in (EDGE, *SERVICES):
            for replica in range(REPLICAS):
                until(partial(self._is_healthy, name, replica), within_seconds=60)

    def envoy_retries(self) -> int:
        """How often Envoy has asked another replica."""
        numbers = re.findall(r"^cluster\.\w+\.upstream_rq_retry: (\d+)$", self._envoy("/stats"), re.MULTILINE)
        return sum(map(int, numbers))

    def connection(self, charge_point: str) -> dict[str, Any] | None:
        """The open connection of a charge point as REST shows it, if there is one."""
        answer = self.system.get(f"/connections/{charge_point}")
        assert answer.status in (200, 404), answer.text
        return dict(answer.data) if answer.status == 200 else None

    def edge_of(self, charge_points: Sequence[str]) -> dict[str, int]:
        """The edge that each of the charge points is connected to, by the book of the station service."""
        query = "SELECT charge_point_id, node FROM connections WHERE close_time IS NULL AND charge_point_id = ANY(%s)"
        edges = {self.edge_address(replica): replica for replica in range(REPLICAS)}
        rows = self.rows("csms_stations", query, list(charge_points))
        return {name: edges[node.partition("/")[0]] for name, node in rows}

    def lease_end(self, node: str) -> datetime:
        """Until when an edge node, by the name that connections show, counts as alive."""
        [(end,)] = self.rows("csms_stations", "SELECT lease_end_time FROM edge_nodes WHERE node = %s", node)
        assert isinstance(end, datetime)
        return end

    def rows(self, database: str, query: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        """What a database holds."""
        home = postgres.prepare(State(self.system.state_dir).postgres)
        url = postgres.url(home, self.system.ports["postgres"]).rsplit("/", 1)[0]
        with psycopg.connect(f"{url}/{database}") as connection:
            return connection.execute(query, values).fetchall()

    def edge_identity(self) -> ServiceIdentity:
        """How the edges of this stack show themselves."""
        made = keys.ensure(State(self.system.state_dir).keys)
        settings = ServiceSettings(
            _env_file=None,
            listen_port=0,
            jwt_jwks_file=made.jwks_file,
            service_jwks_file=made.service_jwks_file,
            service_private_key_file=made.service_private_key_file(EDGE),
        )
        return ServiceIdentity(EDGE, settings)

    def refusals(self) -> list[str]:
        """What Envoy and the edges have logged of requests that could not be served; for the failure of a test."""
        edges = [self.system.log(process_name(EDGE, replica)) for replica in range(REPLICAS)]
        refused = [line for log in edges for line in log.splitlines() if "not handled" in line]
        return refused + [line for line in self.system.log("envoy").splitlines() if '"status":503' in line]

    def register(self, name: str, count: int) -> list[str]:
        """A station with `count` charge points, and a card TAG-NAME that may charge there."""
        identities = [f"{name}{number:03}" for number in range(count)]
        for begin in range(0, count, 50):
            body = {
                "name": f"{name} {begin}",
                "chargePoints": [{"id": identity} for identity in identities[begin : begin + 50]],
            }
            assert self.system.call("POST", "/stations", body).status == 201
        driver = self.system.call("POST", "/drivers", {"name": name}).data["id"]
        assert self.system.call("POST", "/rfid-cards", {"idTag": f"TAG-{name}", "driverId": driver}).status == 201
        return identities

    def _serves(self, name: str, replica: int) -> bool:
        if not is_listening(self.system.ports.process(name, replica)):
            return False
        with grpc.insecure_channel(f"127.0.0.1:{self.system.ports.process(name, replica)}") as channel:
            check = health_pb2_grpc.HealthStub(channel).Check
            try:
                answer = check(health_pb2.HealthCheckRequest(), timeout=5)
            except grpc.RpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def _is_healthy(self, name: str, replica: int) -> bool:
        ports = self.system.ports
        expected = [
            (name, ports.process(name, replica)),
            *([("ocpp", ports.websocket(replica))] if name == EDGE else []),
        ]
        reported = self._envoy("/clusters")
        return all(f"{cluster}::127.0.0.1:{port}::health_flags::healthy" in reported for cluster, port in expected)

    def _envoy(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.system.ports['envoy admin']}{path}") as answer:
            return str(answer.read().decode())
