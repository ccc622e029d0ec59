"""A whole edge node in this process, as `python -m ocpp_edge` would run it, and charge points that talk to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from csms.edge.v1.edge_service_pb2_grpc import EdgeServiceStub
from ocpp_edge.rpc.schemas import load
from ocpp_edge.settings import EdgeSettings
from ocpp_edge.versions import Version
from ocpp_edge.wiring import Edge, wire
from services.rpc import server
from services.rpc.channels import channel
from services.rpc.service_identity import ServiceIdentity
from stack.ports import free_port
from tests.contract.ocpp_edge.platform import Platform
from tests.fixtures.background import running
from tests.fixtures.tenants import every_tenant
from tests.fixtures.tokens import Tokens


class Charger:
    """One socket of a charge point. Every frame it gets must be what its version allows."""

    def __init__(self, socket: ClientConnection, version: Version) -> None:
        self.socket = socket
        self._schemas = load(version)
        self._count = 0
        self._actions: dict[str, str] = {}

    async def ask(self, action: str, payload: dict[str, Any], message_id: str = "") -> Any:
        """The payload of the answer. Raises AssertionError for a CALLERROR."""
        answer = await self.exchange(action, payload, message_id)
        assert answer[0] == 3, answer
        return answer[2]

    async def exchange(self, action: str, payload: dict[str, Any], message_id: str = "") -> Any:
        """The whole answer, whatever it is."""
        sent = await self.send(action, payload, message_id)
        answer = await self.receive()
        assert answer[1] == sent
        return answer

    async def send(self, action: str, payload: dict[str, Any], message_id: str = "") -> str:
        """Send a request and return its message id."""
        self._count += 1
        message_id = message_id or str(self._count)
        self._actions[message_id] = action
        await self.socket.send(orjson.dumps([2, message_id, action, payload]), text=True)
        return message_id

    async def receive(self) -> Any:
        """The next frame."""
        async with asyncio.timeout(40):
            frame = orjson.loads(await self.socket.recv())
        if frame[0] == 3:
            assert not self._schemas.responses[self._actions[frame[1]]].violations(frame[2])
        if frame[0] == 2:
            assert not self._schemas.requests[frame[2]].violations(frame[3])
        return frame

    async def answer(self, payload: dict[str, Any], action: str) -> dict[str, Any]:
        """Wait for a request, answer it, and return its payload."""
        kind, message_id, asked, body = await self.receive()
        assert (kind, asked) == (2, action)
        await self.socket.send(orjson.dumps([3, message_id, payload]), text=True)
        return dict(body)

    async def refuse(self, code: str, description: str) -> None:
        """Wait for a request and answer it with a CALLERROR."""
        _, message_id, *_ = await self.receive()
        await self.socket.send(orjson.dumps([4, message_id, code, description, {}]), text=True)


class Node:
    """An edge node that runs."""

    def __init__(self, edge: Edge, address: str, identity: ServiceIdentity, stack: AsyncExitStack) -> None:
        self.edge = edge
        self.address = address
        self._identity = identity
        self._stack = stack

    async def service(self) -> EdgeServiceStub:
        """Its gRPC, as another node calls it."""
        return EdgeServiceStub(await self._stack.enter_async_context(channel(self.address, "edge", self._identity)))

    @asynccontextmanager
    async def charger(
        self, identity: str = "CP1", version: Version = Version.V16, **options: Any
    ) -> AsyncIterator[Charger]:
        url = f"ws://127.0.0.1:{self.edge.gateway.port}/ocpp/{identity}"
        protocols = [Subprotocol(version.subprotocol)]
        async with connect(url, subprotocols=protocols, ping_interval=None, proxy=None, **options) as socket:
            yield Charger(socket, version)


def settings_of(tokens: Tokens, platform: Platform, **values: Any) -> EdgeSettings:
    """The settings of a node on free ports that works with `platform`."""
    port = free_port()
    usual: dict[str, Any] = {
        "listen_port": port,
        "ocpp_listen_port": 0,
        "ocpp_security_profile_min": 0,
        **{f"{name}_service_url": address for name, address in platform.addresses.items()},
    }
    shared = {"jwt_jwks_file", "service_jwks_file", "service_private_key_file", "grace_seconds"}
    known = tokens.settings("edge", listen_port=port).model_dump(include=shared)
    return EdgeSettings(_env_file=None, **{**known, **usual, **values})


Starter = Callable[..., Awaitable[Node]]


@asynccontextmanager
async def starting(tokens: Tokens, platform: Platform) -> AsyncIterator[Starter]:
    """`await start()` is a running node; all of them stop at the end of the block."""
    async with AsyncExitStack() as stack:

        async def start(**values: Any) -> Node:
            settings = settings_of(tokens, platform, **values)
            edge = wire(settings)
            for close in reversed(edge.on_stop):
                stack.push_async_callback(close)
            stack.push_async_callback(edge.drain)
            accept, *others = edge.wiring.tasks
            await accept.run()
            await stack.enter_async_context(running(*(task.run() for task in others)))
            wiring = edge.wiring
            port, health = await stack.enter_async_context(
                server.running_server("edge", settings, register=wiring.register, tenants=every_tenant())
            )
            await health.set_serving(True)
            return Node(edge, f"127.0.0.1:{port}", tokens.identity("edge"), stack)

        yield start
        platform.down = set()  # what is left over can be handed in
