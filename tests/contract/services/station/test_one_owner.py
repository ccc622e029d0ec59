"""Two edge nodes and one charge point that connects as it likes: one connection at most may speak for it, the newest.

The registries of the nodes are the real ones; what a node tells the station service may come late or not at all.
"""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csms.error.v1 import error_reason_pb2 as reasons
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.connector_pb2 import Connector
from ocpp_edge.admission.registry import Registry
from services.kernel.ids import new_id
from tests.contract.services.station.callers import (
    attempt,
    close_all,
    create_point,
    live,
    open_all,
    open_one,
    report,
    status,
)
from tests.fixtures.properties import examples

pytestmark = pytest.mark.asyncio(loop_scope="module")

NODES = ("edge-1", "edge-2")
STALE = reasons.ERROR_REASON_STALE_EPOCH


class Socket:
    """A connection of the charge point to a node, for as long as the node believes in it."""

    def __init__(self, node: str, epoch: int) -> None:
        self.node = node
        self.epoch = epoch
        self.superseded = 0

    def supersede(self) -> None:
        self.superseded += 1


class World:
    """The nodes, all sockets there ever were, and whose end has been told."""

    def __init__(self, edge: ConnectivityServiceStub, name: str) -> None:
        self.edge = edge
        self.name = name
        self.registries = {node: Registry[Socket]() for node in NODES}
        self.sockets: list[Socket] = []
        self.ended: set[int] = set()
        self.lost: set[int] = set()

    async def connect(self, *nodes: str) -> None:
        """Knock at all these nodes at the same moment; two are asked for one by one, more in one batch."""
        if len(nodes) > 2:
            admissions = await open_all(self.edge, *(attempt(self.name, node=node) for node in nodes))
            epochs = [admission.epoch for admission in admissions]
        else:
            epochs = await asyncio.gather(*(open_one(self.edge, self.name, node=node) for node in nodes))
        assert len({*epochs, *(socket.epoch for socket in self.sockets)}) == len(epochs) + len(self.sockets)
        for node, epoch in zip(nodes, epochs, strict=True):
            socket = Socket(node, epoch)
            self.registries[node].claim(self.name, epoch, socket)
            self.sockets.append(socket)

    async def end(self, which: int) -> None:
        """A socket ends, and its node tells so, however old it is."""
        if self.sockets:
            socket = self.sockets[which % len(self.sockets)]
            self.registries[socket.node].release(self.name, socket.epoch)
            newest = socket.epoch == self._newest
            assert await close_all(self.edge, (self.name, socket.epoch)) == [0 if newest else STALE]
            self.ended.add(socket.epoch)

    def restart(self, node: str) -> None:
        """A node is killed and comes back: its sockets are gone, and nobody has told so."""
        self.lost |= {socket.epoch for socket in self.sockets if socket.node == node}
        self.registries[node] = Registry[Socket]()

    async def report(self, node: str) -> None:
        """A node tells whom it has heard, and lets go whom it is told to."""
        held = self.registries[node].find(self.name)
        sightings = [(self.name, held.epoch, datetime.now(UTC))] if held is not None else []
        for gone in await live(self.edge, *sightings, node=node):
            assert held is not None
            self.registries[node].revoke(gone, held.epoch)

    async def check(self) -> None:
        """Only the newest socket is listened to, and only while it lives."""
        statuses = [status(self.name, socket.epoch, Connector.AVAILABLE) for socket in self.sockets]
        heard = [
            socket.epoch
            for socket, refusal in zip(
                self.sockets, [(await report(self.edge, one))[0] for one in statuses], strict=True
            )
            if refusal == 0
        ]
        assert heard == [epoch for epoch in [self._newest] if epoch and epoch not in self.ended]

    @property
    def owners(self) -> list[int]:
        """The epochs of the sockets that some node believes in."""
        found = (registry.find(self.name) for registry in self.registries.values())
        return [socket.epoch for socket in found if socket is not None]

    @property
    def _newest(self) -> int:
        return max((socket.epoch for socket in self.sockets), default=0)


_STEPS = st.one_of(
    st.tuples(st.just("connect"), st.lists(st.sampled_from(NODES), min_size=1, max_size=3)),
    st.tuples(st.just("end"), st.integers(0, 5)),
    st.tuples(st.just("report"), st.sampled_from(NODES)),
    st.tuples(st.just("restart"), st.sampled_from(NODES)),
)


@settings(max_examples=examples(0.25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_STEPS, min_size=1, max_size=10))
async def test_two_nodes_never_both_speak_for_a_charge_point(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, steps: list[tuple[str, object]]
) -> None:
    world = World(edge, f"CP-{new_id()}")
    await create_point(points, world.name)
    for step, argument in steps:
        match step, argument:
            case "connect", list(nodes):
                await world.connect(*nodes)
            case "end", int(which):
                await world.end(which)
            case "report", str(node):
                await world.report(node)
            case "restart", str(node):
                world.restart(node)
        await world.check()
    for node in NODES:
        await world.report(node)
    newest = max((socket.epoch for socket in world.sockets), default=0)
    assert world.owners == ([newest] if newest and newest not in world.ended | world.lost else [])
    assert all(socket.superseded <= 1 for socket in world.sockets)
