"""One of two replicas stands still: it takes calls and answers none, as a process that was stopped by SIGSTOP does."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health, health_pb2_grpc

from stack import config
from stack.keys import Keys
from stack.ports import LOOPBACK
from tests.contract.envoy import launch
from tests.contract.envoy.facade import Facade
from tests.contract.envoy.upstreams import Upstreams

# Envoy spreads single calls by chance: of so many some meet the replica that stands still.
_CALLS = 12
# Envoy asks another replica after 3 and gives up after 15.
_ANSWER_SECONDS = 10.0


class StandingStill(grpc.GenericRpcHandler):
    """Answers no RPC before it may go on."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.may_go_on = threading.Event()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        def answer(_request: bytes, _context: grpc.ServicerContext) -> bytes:
            self.calls.append(handler_call_details.method)
            self.may_go_on.wait()
            return b""

        return grpc.unary_unary_rpc_method_handler(answer)


@pytest.fixture
def replica() -> Iterator[tuple[StandingStill, int]]:
    """A process that stands still but for its health checks, and its port."""
    still = StandingStill()
    with ThreadPoolExecutor(2 * _CALLS) as executor:
        server = grpc.server(executor, [still])
        health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
        port = server.add_insecure_port(f"{LOOPBACK}:0")
        server.start()
        yield still, port
        still.may_go_on.set()
        server.stop(grace=None).wait()


def test_reads_are_answered_by_the_other_replica_soon(
    replica: tuple[StandingStill, int], behind: Upstreams, signing_keys: Keys, admin_token: str, tmp_path: Path
) -> None:
    still, port = replica
    both = config.lb_endpoints([(LOOPBACK, behind.ports["billing"]), (LOOPBACK, port)])
    with launch.running(tmp_path, signing_keys, behind, BILLING_ENDPOINTS=both) as ports:
        facade = Facade(ports, admin_token)
        with ThreadPoolExecutor(_CALLS) as callers:
            statuses = list(callers.map(lambda _: _status_of_a_read(facade), range(_CALLS)))
    assert still.calls
    assert statuses == [200] * _CALLS


def _status_of_a_read(facade: Facade) -> int:
    """Raises TimeoutError when there is no answer well before Envoy would give up."""
    connection = facade.connection("gateway")
    connection.timeout = _ANSWER_SECONDS
    with closing(connection):
        connection.request("GET", "/invoices", headers=facade.authorization())
        return connection.getresponse().status
