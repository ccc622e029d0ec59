"""csms.edge.v1.EdgeService: a charge point that is connected here is asked here, any other through its node."""

import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import grpc.aio

from csms.edge.v1 import edge_service_pb2 as edge_pb
from csms.edge.v1 import edge_service_pb2_grpc as edge_grpc
from csms.transaction.v1.command_pb2 import Command
from ocpp_edge.admission.registry import Registry
from ocpp_edge.backend.clients import Stations
from ocpp_edge.commands import delivery
from ocpp_edge.commands.given_answers import GivenAnswers
from ocpp_edge.commands.nodes import Nodes
from ocpp_edge.facts.structs import payload_of, payload_of_text, struct_of, text_of
from ocpp_edge.rpc.answers import charge_point_timeout
from ocpp_edge.rpc.calls import Priority
from ocpp_edge.rpc.connection import Connection
from ocpp_edge.rpc.frames import Payload
from services.kernel.errors import DomainError, invalid
from services.kernel.tenancy import DEFAULT_TENANT, current_tenant
from services.rpc import http
from services.rpc.protobuf import duration_of

Context = grpc.aio.ServicerContext[Any, Any]
_Response = TypeVar("_Response")

_USUAL_TIMEOUT, _SHORTEST_TIMEOUT, _LONGEST_TIMEOUT = (timedelta(seconds=seconds) for seconds in (30, 1, 120))
PRIORITIES: Mapping[int, Priority] = {
    Command.URGENT: Priority.URGENT,
    Command.NORMAL: Priority.NORMAL,
    Command.BACKGROUND: Priority.BACKGROUND,
}
# Kept back from the caller's deadline, so that the caller hears what became of the request.
_ANSWERING_SECONDS = 0.2
_LEAST_SECONDS = 0.05


class EdgeServicer(edge_grpc.EdgeServiceServicer):
    """The gRPC face of one edge node."""

    def __init__(self, registry: Registry[Connection[Any]], stations: Stations, nodes: Nodes) -> None:
        self._registry = registry
        self._stations = stations
        self._nodes = nodes
        self._given = GivenAnswers(time.monotonic)

    async def ListConnections(
        self, request: edge_pb.ListConnectionsRequest, context: Context
    ) -> edge_pb.ListConnectionsResponse:
        page = await self._stations.page(request.page_size, request.page_token)
        return edge_pb.ListConnectionsResponse(
            connections=page.connections, next_page_token=page.next_page_token, total_size=page.total_size
        )

    async def GetConnection(
        self, request: edge_pb.GetConnectionRequest, context: Context
    ) -> edge_pb.GetConnectionResponse:
        found = await self._stations.find(request.charge_point_id)
        return edge_pb.GetConnectionResponse(connection=found.connection)

    async def SendOcppCall(
        self, request: edge_pb.SendOcppCallRequest, context: Context
    ) -> edge_pb.SendOcppCallResponse:
        seconds = _seconds(request, context)
        connection = self._held(request.charge_point_id)
        if connection is None:
            holder = await self._nodes.holder_of(request.charge_point_id, context.invocation_metadata() or ())
            return await self._forwarded(holder.SendOcppCall, request, context)
        answer = await delivery.send(connection, request.action, _payload(request), seconds)
        return edge_pb.SendOcppCallResponse(
            payload=struct_of(answer.sent),
            payload_json=text_of(answer.sent),
            flags=answer.flags,
            dropped=struct_of(answer.dropped) if answer.dropped else None,
        )

    async def DisconnectChargePoint(
        self, request: edge_pb.DisconnectChargePointRequest, context: Context
    ) -> edge_pb.DisconnectChargePointResponse:
        connection = self._held(request.charge_point_id)
        if connection is None:
            holder = await self._nodes.holder_of(request.charge_point_id, context.invocation_metadata() or ())
            await self._forwarded(holder.DisconnectChargePoint, request, context)
        else:
            connection.disconnect("closed by an operator")
        await http.no_content(context)
        return edge_pb.DisconnectChargePointResponse()

    async def DeliverCommand(
        self, request: edge_pb.DeliverCommandRequest, context: Context
    ) -> edge_pb.DeliverCommandResponse:
        seconds = _seconds(request, context)
        connection = self._held(request.charge_point_id)
        if connection is None:
            holder = await self._nodes.holder_of(request.charge_point_id, context.invocation_metadata() or ())
            return await self._forwarded(holder.DeliverCommand, request, context)
        priority = PRIORITIES.get(request.priority, Priority.NORMAL)
        self._given.note(request.command_id)
        try:
            response = await delivery.deliver(connection, request.command_id, request.body, seconds, priority)
        except DomainError as error:
            self._given.keep(request, error)
            raise
        self._given.keep(request, response)
        return response

    async def RecallCommand(
        self, request: edge_pb.RecallCommandRequest, context: Context
    ) -> edge_pb.RecallCommandResponse:
        connection = self._held(request.charge_point_id)
        age = duration_of(request, "age")
        if connection is not None and age is not None:
            if self._given.never_came(request.command_id, age.total_seconds(), connection.began):
                return edge_pb.RecallCommandResponse(never_came=True)
        return edge_pb.RecallCommandResponse(delivered=self._given.recall(request.command_id, request.charge_point_id))

    def _held(self, charge_point_id: str) -> Connection[Any] | None:
        """The connection of a charge point that is here and the caller's. One of another tenant's is not here for
        that caller, and the station service, which is asked then in the caller's name, knows of none anywhere else."""
        connection, tenant_id = self._registry.find(charge_point_id), current_tenant()
        if connection is None or tenant_id is None:
            return connection
        return connection if (connection.context.tenant_id or DEFAULT_TENANT) == tenant_id else None

    async def _forwarded(
        self, method: Callable[..., Awaitable[_Response]], request: Any, context: Context
    ) -> _Response:
        """The other node's answer or failure, within the deadline of the caller."""
        return await method(request, timeout=_time_left(context), metadata=self._nodes.forwarding())


def _payload(request: edge_pb.SendOcppCallRequest) -> Payload:
    """What is to be sent. Raises: INVALID_FIELD."""
    if not request.payload_json:
        return payload_of(request.payload)
    if request.HasField("payload"):
        raise invalid("payloadJson", "takes the place of payload; give one of them")
    return payload_of_text(request.payload_json, "payload")


def _seconds(request: edge_pb.SendOcppCallRequest | edge_pb.DeliverCommandRequest, context: Context) -> float:
    """How long the charge point gets: what was asked for, within the deadline of the caller.

    Raises: INVALID_FIELD, CHARGE_POINT_TIMEOUT when no time is left.
    """
    requested = duration_of(request, "timeout") or _USUAL_TIMEOUT
    if not _SHORTEST_TIMEOUT <= requested <= _LONGEST_TIMEOUT:
        raise invalid("timeout", "must be between 1 s and 120 s")
    seconds = min(requested.total_seconds(), _time_left(context))
    if seconds < _LEAST_SECONDS:
        raise charge_point_timeout()
    return seconds


def _time_left(context: Context) -> float:
    left = context.time_remaining()
    limit = _LONGEST_TIMEOUT.total_seconds()
    return limit if left is None else min(left - _ANSWERING_SECONDS, limit)
