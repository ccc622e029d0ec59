"""The other edge nodes: finds the one that holds a charge point, and asks it, once.

Keeps a channel to each node spoken to of late.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import grpc.aio

from csms.edge.v1.edge_service_pb2_grpc import EdgeServiceStub
from ocpp_edge.backend.clients import Node, Stations
from services.kernel.errors import not_found
from services.rpc.channels import channel
from services.rpc.service_identity import ServiceIdentity

# On a call that another node has passed on already: it is not passed on again.
FORWARDED_KEY = "x-csms-forwarded-by"
_MAX_CHANNELS = 64


class Nodes:
    """Where charge points are that are not here. Made inside the running event loop."""

    def __init__(self, node: Node, stations: Stations, identity: ServiceIdentity) -> None:
        self._node = node
        self._stations = stations
        self._identity = identity
        self._channels: OrderedDict[str, grpc.aio.Channel] = OrderedDict()

    async def holder_of(self, charge_point_id: str, metadata: Iterable[tuple[Any, Any]]) -> EdgeServiceStub:
        """The node that holds a charge point which is not here. `metadata` is that of the call to be passed on.

        Raises: CONNECTION_NOT_FOUND when there is none, or when this node is the one that is said to hold it.
        """
        if any(key == FORWARDED_KEY for key, _ in metadata):
            raise not_found("connection", charge_point_id)
        connection = (await self._stations.find(charge_point_id)).connection
        if connection.node == self._node.name or not connection.node_address:
            raise not_found("connection", charge_point_id)
        return EdgeServiceStub(await self._channel(connection.node_address))

    def forwarding(self) -> tuple[tuple[str, str], ...]:
        """What a call carries that is passed on."""
        return ((FORWARDED_KEY, self._node.name),)

    async def close(self) -> None:
        """Close all channels."""
        while self._channels:
            _, made = self._channels.popitem()
            await made.close()

    async def _channel(self, address: str) -> grpc.aio.Channel:
        known = self._channels.get(address)
        if known is None:
            known = self._channels[address] = channel(address, "edge", self._identity)
        self._channels.move_to_end(address)
        if len(self._channels) > _MAX_CHANNELS:
            _, oldest = self._channels.popitem(last=False)
            await oldest.close()
        return known
