"""A gateway on a free loopback port with a door that knows a few charge points, and clients to knock at it."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from ipaddress import ip_network
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from ocpp_edge.admission.admission_control import Accepted, AdmissionControl, Disconnect
from ocpp_edge.admission.handshake import ConnectionRequest
from ocpp_edge.admission.peer import Proxies
from ocpp_edge.admission.refusal import Refusal, RefusalNote
from ocpp_edge.admission.registry import Registry
from ocpp_edge.counters import Counters
from ocpp_edge.facts.context import ChargePointState
from ocpp_edge.gateway import Gateway, GatewaySettings
from ocpp_edge.journal import Journal
from ocpp_edge.rpc.connection import Connection
from ocpp_edge.rpc.environment import Environment
from ocpp_edge.rpc.sweeper import Sweeper
from ocpp_edge.versions import Version
from services.kernel.clock import SystemClock
from services.kernel.refusal import Rule
from tests.fixtures.background import eventually
from tests.unit.ocpp_edge.harness import Backend, ManualTime, table

PASSWORD = b"correct horse battery staple"
PROXY_SECRET = "what only the proxy knows"
BYTES_PASSWORD = bytes.fromhex("0123456789abcdef0123456789abcdef")


class Door:
    """Admits by a table: identity to password, None for none needed. `hold` keeps decisions back while it is clear."""

    def __init__(self) -> None:
        self.passwords: dict[str, bytes | None] = {
            "CP1": None,
            "CP2": None,
            "RPC 16/é": None,
            "SECRET": PASSWORD,
            "a:b": PASSWORD,
            "BYTES": BYTES_PASSWORD,
        }
        self.states: dict[str, ChargePointState] = {}
        self.pins: dict[str, Version] = {}
        self.hold = asyncio.Event()
        self.hold.set()
        self.epoch = 0
        self.admissions: list[ConnectionRequest] = []
        self.departures: list[Disconnect] = []

    async def admit(self, connection_request: ConnectionRequest) -> Accepted | Refusal:
        self.admissions.append(connection_request)
        await self.hold.wait()
        if connection_request.charge_point_id == "BROKEN":
            raise ConnectionError("the station service is down")
        if connection_request.charge_point_id not in self.passwords:
            return Refusal(HTTPStatus.NOT_FOUND, Rule.UNKNOWN_IDENTITY, "no such charge point")
        expected = self.passwords[connection_request.charge_point_id]
        if expected is not None and connection_request.password != expected:
            return Refusal(HTTPStatus.UNAUTHORIZED, Rule.WRONG_PASSWORD, "wrong credentials")
        self.epoch += 1
        state = self.states.get(connection_request.charge_point_id, ChargePointState.ACCEPTED)
        return Accepted(self.epoch, state, 60, version=self.pins.get(connection_request.charge_point_id))

    async def report_disconnect(self, disconnect: Disconnect) -> None:
        self.departures.append(disconnect)


class Edge:
    """A running gateway and everything behind it."""

    def __init__(self, max_pending: int = 50, **settings: Any) -> None:
        self.door = Door()
        self.time = ManualTime()
        self.backend = Backend()
        self.journal = Journal()
        self.refusals: list[RefusalNote] = []
        self.counters = Counters()
        self.registry = Registry[Connection[Backend]]()
        self.sweeper = Sweeper(self.time)
        environment = Environment(
            backend=self.backend,
            clock=SystemClock(),
            monotonic=self.time,
            journal=self.journal.append,
            counters=self.counters,
            watch=self.sweeper.watch,
            late_answer=lambda *_: None,
            refused=self.refusals.append,
        )
        self.gateway = Gateway(
            GatewaySettings(proxies=Proxies([ip_network("127.0.0.0/8")], PROXY_SECRET), **settings),
            {version: table(version) for version in Version},
            AdmissionControl(self.door.admit, self.door.report_disconnect, max_pending=max_pending, timeout_seconds=10),
            self.registry,
            self.sweeper,
            environment,
        )

    def connect(
        self, path: str = "/ocpp/CP1", *protocols: str, headers: dict[str, str] | None = None, **options: Any
    ) -> connect:
        offered = [Subprotocol(name) for name in protocols]
        return connect(
            f"ws://127.0.0.1:{self.gateway.port}{path}",
            subprotocols=offered or None,
            additional_headers=headers,
            ping_interval=None,
            proxy=None,
            **options,
        )

    def sweep_round(self) -> None:
        """What the sweeper's task would do in ten seconds."""
        for _ in range(20):
            self.sweeper.tick()


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[Edge]:
    edge = Edge(**settings)
    await edge.gateway.start()
    try:
        yield edge
    finally:
        edge.door.hold.set()
        edge.backend.gate.set()
        await edge.gateway.drain(spread_seconds=0, grace_seconds=2)


async def until(condition: Callable[[], object], within_seconds: float = 30.0) -> None:
    """Wait until something has happened in the gateway."""

    async def holds() -> bool:
        return bool(condition())

    await eventually(holds, within_seconds=within_seconds)


def basic(user: str, password: bytes) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(user.encode() + b":" + password).decode()}


async def ask(socket: ClientConnection, *message: object) -> Any:
    """Send a message and return the next one that comes."""
    await socket.send(orjson.dumps(message), text=True)
    return orjson.loads(await socket.recv())


async def say(socket: ClientConnection, message: str) -> None:
    """Send a message and wait for what comes, if anything does."""
    await socket.send(message)
    await socket.recv()


async def raw_exchange(port: int, request: bytes) -> bytes:
    """Everything the server says to `request` before it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer
