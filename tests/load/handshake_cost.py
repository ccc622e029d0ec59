"""What a handshake costs the edge: CPU from the accepted socket to the 101, in the open and with TLS.

`python -m tests.load.handshake_cost` opens real sockets to a gateway in this process, from another process, and prints
microseconds per handshake, medians over interleaved rounds. Admissions are gathered as the edge gathers them, and
granted at once: gRPC and the station service are not in it.
"""

import argparse
import asyncio
import gc
import multiprocessing
import ssl
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import cast

import uvloop

from bench import certificate
from csms.station.v1 import connectivity_service_pb2 as station_pb
from csms.station.v1.charge_point_pb2 import ChargePoint
from ocpp_edge.admission.admission_control import Accepted, AdmissionControl, Disconnect
from ocpp_edge.admission.handshake import ConnectionRequest
from ocpp_edge.admission.password_guard import Guard, WrongTries
from ocpp_edge.admission.refusal import Refusal
from ocpp_edge.admission.registry import Registry
from ocpp_edge.backend.batches import BatchCall
from ocpp_edge.backend.clients import Node
from ocpp_edge.backend.connectivity import attempt_of
from ocpp_edge.backend.ports import Backend
from ocpp_edge.counters import Counters
from ocpp_edge.facts.boots import state_of
from ocpp_edge.gateway import Gateway, GatewaySettings
from ocpp_edge.gateway.tls import KeyPair, server_context
from ocpp_edge.rpc.connection import Connection
from ocpp_edge.rpc.environment import Environment
from ocpp_edge.rpc.sweeper import Sweeper
from ocpp_edge.v16 import routes as v16
from ocpp_edge.versions import Version
from services.kernel.clock import SystemClock
from simulator.load.charger import TimestampCache
from simulator.load.dialects import LOAD_DIALECTS
from simulator.load.opening import Door
from simulator.load.plan import Target
from simulator.load.tally import Tally

_AT_ONCE = 50
_PASSWORD = b"a long and secret word"


class Welcomer:
    """The two doors of admission, for everybody."""

    def __init__(self) -> None:
        self._node = Node("edge-1", "127.0.0.1:14000")
        self._opening = BatchCall("opening", self._open, lambda item: item.charge_point_id, linger_seconds=0.050)
        self._epoch = 0

    async def admit(self, connection_request: ConnectionRequest) -> Accepted | Refusal:
        answer = await self._opening.submit(attempt_of(connection_request, self._node))
        return Accepted(answer.epoch, state_of(answer.state), answer.heartbeat_interval_seconds, answer.station_id)

    async def report_disconnect(self, disconnect: Disconnect) -> None: ...

    async def _open(self, items: list[station_pb.ConnectionAttempt]) -> Sequence[station_pb.ConnectionAdmission]:
        station_pb.OpenConnectionsRequest(attempts=items).SerializeToString()
        self._epoch += 1
        one = station_pb.ConnectionAdmission(
            epoch=self._epoch, state=ChargePoint.ACCEPTED, heartbeat_interval_seconds=300, station_id="0" * 36
        )
        sent = station_pb.OpenConnectionsResponse(admissions=[one] * len(items)).SerializeToString()
        return station_pb.OpenConnectionsResponse.FromString(sent).admissions


def _gateway(tls: ssl.SSLContext | None) -> Gateway[Backend]:
    welcomer, clock = Welcomer(), SystemClock()
    environment: Environment[Backend] = Environment(
        backend=cast(Backend, None),
        clock=clock,
        monotonic=time.monotonic,
        journal=lambda _record: None,
        counters=Counters(),
        watch=lambda _watched: None,
        late_answer=lambda *_: None,
    )
    guard = Guard(welcomer.admit, WrongTries(time.monotonic), lambda *_: None)
    admission_control = AdmissionControl(guard.admit, welcomer.report_disconnect, max_pending=200, timeout_seconds=10)
    registry: Registry[Connection[Backend]] = Registry()
    routes = {Version.V16: v16.route_table()}
    return Gateway(GatewaySettings(tls=tls), routes, admission_control, registry, Sweeper(time.monotonic), environment)


def connect(pipe: Pipe) -> None:
    """Runs in another process: for each (url, authority, count) opens so many sockets, tells, and leaves when told."""

    async def crowd(url: str, authority: str | None, count: int) -> None:
        door, tally, gate = Door(Target(url, authority, _PASSWORD)), Tally(), asyncio.Semaphore(_AT_ONCE)
        make, stamps = LOAD_DIALECTS["1.6"], TimestampCache()

        async def one(number: int) -> None:
            async with gate:
                made = await door.open(make(f"COST{number:05}", "TAG", "mixed", number, stamps), tally)
            made.loss_expected = True

        await asyncio.gather(*(one(number) for number in range(count)))
        pipe.send("open")
        await asyncio.to_thread(pipe.recv)

    while (order := pipe.recv()) is not None:
        uvloop.run(crowd(*order))


async def _round(pipe: Pipe, tls: certificate.Certificate | None, count: int) -> float:
    """Microseconds of CPU per handshake."""
    context = server_context(KeyPair(tls.certificate_file, tls.key_file)) if tls is not None else None
    gateway = _gateway(context)
    await gateway.start()
    gc.collect()
    scheme, authority = ("wss", str(tls.certificate_file)) if tls is not None else ("ws", None)
    began = time.process_time()
    pipe.send((f"{scheme}://127.0.0.1:{gateway.port}/ocpp", authority, count))
    await asyncio.to_thread(pipe.recv)
    spent = time.process_time() - began
    pipe.send("leave")
    await gateway.drain(0, 2)
    return spent / count * 1e6


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--handshakes", type=int, default=1000, help="per round")
    options = parser.parse_args()
    with ExitStack() as stack:
        made = certificate.make(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        costs: dict[str, list[float]] = {"plain": [], "TLS": []}
        pipe, theirs = multiprocessing.get_context("spawn").Pipe()
        client = multiprocessing.get_context("spawn").Process(target=connect, args=(theirs,), daemon=True)
        client.start()
        # As services.rpc.server does it.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        for _ in range(options.rounds):
            for name, tls in (("plain", None), ("TLS", made)):
                costs[name].append(uvloop.run(_round(pipe, tls, options.handshakes)))
        pipe.send(None)
        client.join()
    for name, samples in costs.items():
        print(f"{name:8}{statistics.median(samples):8.0f} us of CPU per handshake   least {min(samples):.0f}")


if __name__ == "__main__":
    main()
