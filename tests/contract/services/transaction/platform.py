"""The surroundings of commands: the real station service, and an edge node that answers as the test wants."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import grpc.aio

from csms.edge.v1 import edge_service_pb2 as edge_pb
from csms.edge.v1 import edge_service_pb2_grpc as edge_grpc
from csms.station.v1 import charge_point_pb2 as charge_point_pb
from csms.station.v1 import charge_point_service_pb2 as service_pb
from csms.station.v1 import charge_point_service_pb2_grpc as service_grpc
from csms.station.v1 import connectivity_service_pb2 as connectivity_pb
from csms.station.v1 import connectivity_service_pb2_grpc as connectivity_grpc
from csms.station.v1.evse_ref_pb2 import EvseRef
from csms.transaction.v1 import command_pb2 as command_pb
from csms.transaction.v1 import command_service_pb2 as command_service_pb
from csms.transaction.v1 import command_service_pb2_grpc as command_service_grpc
from services.kernel.clock import SystemClock
from services.kernel.errors import not_found
from services.messaging.outbox import OutboxRelay
from services.rpc import channels
from services.rpc.server import running_server
from services.transaction.application.commands import Commands
from services.transaction.application.delivery import Delivery
from services.transaction.clients import GrpcChargePoints, GrpcEdge
from services.transaction.sql.unit_of_work import SqlUnitsOfWork
from tests.fixtures.background import eventually
from tests.fixtures.services import RunningService
from tests.fixtures.tokens import Tokens

Answer = Callable[[edge_pb.DeliverCommandRequest], edge_pb.DeliverCommandResponse]


def accepted(request: edge_pb.DeliverCommandRequest) -> edge_pb.DeliverCommandResponse:
    """The charge point takes the command."""
    response = edge_pb.DeliverCommandResponse(accepted=True, status="Accepted")
    response.answer.update({"status": "Accepted"})
    return response


def rejected(request: edge_pb.DeliverCommandRequest) -> edge_pb.DeliverCommandResponse:
    """The charge point does not take the command."""
    return edge_pb.DeliverCommandResponse(accepted=False, status="Rejected")


def _forgotten(request: edge_pb.RecallCommandRequest) -> edge_pb.DeliverCommandResponse:
    """It does not know of such a delivery."""
    raise not_found("command", request.command_id)


@dataclass
class Edge(edge_grpc.EdgeServiceServicer):
    """An edge node on `address`: keeps what it was asked to deliver, and answers by `answer`, which may raise.

    `before` is awaited before each answer."""

    answer: Answer = accepted
    before: Callable[[], Awaitable[None]] | None = None
    address: str = ""
    delivered: list[edge_pb.DeliverCommandRequest] = field(default_factory=list)
    recall: Callable[[edge_pb.RecallCommandRequest], edge_pb.DeliverCommandResponse | None] = _forgotten
    recalled: list[edge_pb.RecallCommandRequest] = field(default_factory=list)

    async def DeliverCommand(
        self, request: edge_pb.DeliverCommandRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> edge_pb.DeliverCommandResponse:
        self.delivered.append(request)
        if self.before is not None:
            await self.before()
        return self.answer(request)

    async def RecallCommand(
        self, request: edge_pb.RecallCommandRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> edge_pb.RecallCommandResponse:
        self.recalled.append(request)
        delivered = self.recall(request)
        return edge_pb.RecallCommandResponse(delivered=delivered, never_came=delivered is None)


@asynccontextmanager
async def running_edge(tokens: Tokens) -> AsyncIterator[Edge]:
    """An edge node with the interceptors of a real one."""
    edge = Edge()  # type: ignore[abstract]  # callers of commands need no more of it

    def register(server: grpc.aio.Server) -> None:
        edge_grpc.add_EdgeServiceServicer_to_server(edge, server)

    async with running_server("edge", tokens.settings("edge"), register=register) as (port, _):
        edge.address = f"127.0.0.1:{port}"
        yield edge


@asynccontextmanager
async def commands_on(
    service: RunningService, stations: RunningService | None, tokens: Tokens
) -> AsyncIterator[tuple[SqlUnitsOfWork, Commands]]:
    """Commands on the database of a transaction service, which reach charge points through `stations`, or nobody."""
    clock = SystemClock()
    units_of_work = SqlUnitsOfWork(service.database, OutboxRelay(service.database, service.bus), clock)
    identity = tokens.identity("transaction")
    channel = channels.channel((stations or service).address, "station", identity)
    charge_points, edge = GrpcChargePoints(channel), GrpcEdge(identity)
    delivery = Delivery(units_of_work, charge_points, edge, clock)
    try:
        yield units_of_work, Commands(units_of_work, charge_points, delivery, clock)
    finally:
        await delivery.close()
        await edge.close()
        await channel.close()


class Stations:
    """The station service as operators and edge nodes use it."""

    def __init__(self, service: RunningService) -> None:
        self._service = service

    async def create(self, charge_point_id: str, *, tenant: str | None = None, **fields: Any) -> None:
        stub = service_grpc.ChargePointServiceStub(await self._service.channel(tenant=tenant))
        point = charge_point_pb.ChargePoint(id=charge_point_id, **fields)
        await stub.CreateChargePoint(service_pb.CreateChargePointRequest(charge_point=point))

    async def knock(self, charge_point_id: str, edge: Edge, password: bytes) -> bool:
        """Whether the charge point is let in with this password, by security profile 1."""
        attempt = connectivity_pb.ConnectionAttempt(
            charge_point_id=charge_point_id,
            protocol="ocpp1.6",
            node=edge.address,
            node_address=edge.address,
            remote_address="192.0.2.1:1",
            security_profile=1,
            password=password,
        )
        stub = await self._connectivity()
        response = await stub.OpenConnections(connectivity_pb.OpenConnectionsRequest(attempts=[attempt]))
        return not response.admissions[0].HasField("error")

    async def connect(self, charge_point_id: str, edge: Edge, protocol: str = "ocpp1.6") -> int:
        """Open a connection of the charge point to `edge`; returns its epoch."""
        attempt = connectivity_pb.ConnectionAttempt(
            charge_point_id=charge_point_id,
            protocol=protocol,
            node=edge.address,
            node_address=edge.address,
            remote_address="192.0.2.1:1",
        )
        stub = await self._connectivity()
        response = await stub.OpenConnections(connectivity_pb.OpenConnectionsRequest(attempts=[attempt]))
        [admission] = response.admissions
        assert not admission.HasField("error"), admission
        return admission.epoch

    async def disconnect(self, charge_point_id: str, epoch: int) -> None:
        closed = connectivity_pb.ClosedConnection(charge_point_id=charge_point_id, epoch=epoch, reason="test")
        stub = await self._connectivity()
        await stub.CloseConnections(connectivity_pb.CloseConnectionsRequest(connections=[closed]))

    async def boot(self, charge_point_id: str, epoch: int) -> None:
        report = connectivity_pb.BootReport(charge_point_id=charge_point_id, epoch=epoch, vendor="V", model="M")
        stub = await self._connectivity()
        report.received_time.GetCurrentTime()
        await stub.ReportBoots(connectivity_pb.ReportBootsRequest(boots=[report]))

    async def status(
        self, charge_point_id: str, epoch: int, status: Any, connector_id: int = 1, time: datetime | None = None
    ) -> None:
        """Report what a connector does, now; `time` is that of the device, if it told one."""
        report = connectivity_pb.StatusReport(
            charge_point_id=charge_point_id,
            epoch=epoch,
            evse=EvseRef(evse_id=connector_id, connector_id=connector_id),
            status=status,
            error_code="NoError",
        )
        report.received_time.GetCurrentTime()
        if time is not None:
            report.device_time.FromDatetime(time)
        stub = await self._connectivity()
        response = await stub.ReportStatuses(connectivity_pb.ReportStatusesRequest(statuses=[report]))
        assert not response.answers[0].HasField("error"), response

    async def _connectivity(self) -> connectivity_grpc.ConnectivityServiceStub:
        return connectivity_grpc.ConnectivityServiceStub(await self._service.internal_channel("edge"))


@dataclass
class Platform:
    """Charge point CP1 is connected to `edge`, CP2 is known but offline."""

    service: RunningService
    stations: Stations
    edge: Edge
    commands: command_service_grpc.CommandServiceStub
    epoch: int

    async def get(self, command_id: str) -> command_pb.Command:
        response = await self.commands.GetCommand(command_service_pb.GetCommandRequest(command_id=command_id))
        return response.command

    async def becomes(self, command_id: str, state: command_pb.Command.State.ValueType) -> command_pb.Command:
        """Wait until the command is in `state`."""

        async def is_in_state() -> bool:
            return (await self.get(command_id)).state == state

        await eventually(is_in_state)
        return await self.get(command_id)

    async def clear_cache(self, charge_point_id: str = "CP1", **options: Any) -> command_pb.Command:
        """Any command, which has no effect to wait for."""
        request = command_service_pb.ClearCacheRequest(
            charge_point_id=charge_point_id, options=command_service_pb.CommandOptions(**options)
        )
        return (await self.commands.ClearCache(request)).command
