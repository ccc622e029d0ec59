"""The services behind the edge, over gRPC: single calls of handlers in, batch RPCs out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar

import grpc.aio

from csms.driver.v1 import authorization_service_pb2 as authorization_pb
from csms.driver.v1 import authorization_service_pb2_grpc as authorization_grpc
from csms.driver.v1 import driver_pb2
from csms.station.v1 import connectivity_service_pb2 as connectivity_pb
from csms.station.v1 import connectivity_service_pb2_grpc as connectivity_grpc
from csms.transaction.v1 import journal_service_pb2 as journal_pb
from csms.transaction.v1 import journal_service_pb2_grpc as journal_grpc
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import recording_service_pb2_grpc as recording_grpc
from ocpp_edge.backend.batches import BatchCall
from services.chassis.protobuf import duration
from services.chassis.status import from_rpc_error
from services.kernel.clock import Clock
from services.kernel.errors import DomainError


@dataclass(frozen=True, slots=True)
class Node:
    """This edge process: its name, and where it answers gRPC."""

    name: str
    address: str


class _Identified(Protocol):
    charge_point_id: str
    epoch: int


# Told that a connection of ours is not the one that speaks for its charge point.
OnStale = Callable[[str, int], None]
_STALE = "STALE_EPOCH"

_Response = TypeVar("_Response")


class Stations:
    """The station service: who may come in, who is here, and what their connectors do."""

    def __init__(self, channel: grpc.aio.Channel, node: Node, on_stale: OnStale) -> None:
        stub = connectivity_grpc.ConnectivityServiceStub(channel)
        self._stub = stub
        self._node = node

        async def open_all(
            items: list[connectivity_pb.ConnectionAttempt],
        ) -> Sequence[connectivity_pb.ConnectionAdmission]:
            response = await stub.OpenConnections(connectivity_pb.OpenConnectionsRequest(attempts=items))
            return response.admissions

        async def close_all(items: list[connectivity_pb.ClosedConnection]) -> Sequence[connectivity_pb.ItemAnswer]:
            response = await stub.CloseConnections(connectivity_pb.CloseConnectionsRequest(connections=items))
            return response.answers

        async def boot_all(items: list[connectivity_pb.BootReport]) -> Sequence[connectivity_pb.BootAnswer]:
            response = await stub.ReportBoots(connectivity_pb.ReportBootsRequest(boots=items))
            return response.answers

        async def status_all(items: list[connectivity_pb.StatusReport]) -> Sequence[connectivity_pb.ItemAnswer]:
            response = await stub.ReportStatuses(connectivity_pb.ReportStatusesRequest(statuses=items))
            return response.answers

        def failed(item: _Identified, error: DomainError) -> None:
            if error.reason == _STALE:
                on_stale(item.charge_point_id, item.epoch)

        self.opening = BatchCall("open connections", open_all, lambda item: item.charge_point_id)
        self.closing = BatchCall("close connections", close_all, lambda item: item.charge_point_id)
        self.boots = BatchCall("report boots", boot_all, lambda item: item.charge_point_id, failed)
        self.statuses = BatchCall(
            "report statuses", status_all, lambda item: (item.charge_point_id, item.evse_id, item.connector_id), failed
        )

    async def live(self, lease: timedelta, sightings: Sequence[connectivity_pb.Sighting]) -> Sequence[str]:
        """Renew the lease of this node and tell whom it has heard; the charge points that are newer elsewhere."""
        request = connectivity_pb.ReportLivenessRequest(
            node=self._node.name, node_address=self._node.address, lease=duration(lease), sightings=sightings
        )
        try:
            response = await self._stub.ReportLiveness(request)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        return response.superseded_charge_point_ids

    async def find(self, charge_point_id: str) -> connectivity_pb.FindConnectionResponse:
        """The connection of a charge point, wherever it is. Raises: CONNECTION_NOT_FOUND."""
        request = connectivity_pb.FindConnectionRequest(charge_point_id=charge_point_id)
        try:
            return await self._stub.FindConnection(request)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error

    async def page(self, page_size: int, page_token: str) -> connectivity_pb.ListConnectionsResponse:
        """One page of the open connections of all nodes."""
        request = connectivity_pb.ListConnectionsRequest(page_size=page_size, page_token=page_token)
        try:
            return await self._stub.ListConnections(request)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error

    async def close(self) -> None:
        """Finish what waits."""
        for call in (self.opening, self.boots, self.statuses, self.closing):
            await call.close()


class Journals:
    """The journal of frames in the transaction service."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = journal_grpc.JournalServiceStub(channel)

    async def append(self, messages: Sequence[journal_pb.OcppMessage]) -> None:
        """Store frames; those that are there already stay as they are. Raises DomainError."""
        try:
            await self._stub.AppendMessages(journal_pb.AppendMessagesRequest(messages=messages))
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error


class GrpcBackend:
    """Satisfies ports.Backend."""

    def __init__(
        self, stations: Stations, driver_channel: grpc.aio.Channel, transaction_channel: grpc.aio.Channel, clock: Clock
    ) -> None:
        self.clock = clock
        self._stations = stations
        authorization = authorization_grpc.AuthorizationServiceStub(driver_channel)
        recording = recording_grpc.RecordingServiceStub(transaction_channel)

        async def decide_all(
            items: list[authorization_pb.TokenPresentation],
        ) -> Sequence[authorization_pb.AuthorizationAnswer]:
            request = authorization_pb.AuthorizeTokensRequest(presentations=items)
            return (await authorization.AuthorizeTokens(request)).answers

        async def record_all(
            items: list[recording_pb.TransactionEvent],
        ) -> Sequence[recording_pb.TransactionEventAnswer]:
            request = recording_pb.RecordTransactionEventsRequest(events=items)
            return (await recording.RecordTransactionEvents(request)).answers

        self._tokens = BatchCall("authorize tokens", decide_all, lambda item: (item.charge_point_id, item.id_tag))
        self._events = BatchCall("record transaction events", record_all, lambda item: item.charge_point_id)

    async def report_boot(self, boot: connectivity_pb.BootReport) -> connectivity_pb.BootAnswer:
        return await self._stations.boots.submit(boot)

    async def report_status(self, status: connectivity_pb.StatusReport) -> None:
        await self._stations.statuses.submit(status)

    async def authorize(self, presentation: authorization_pb.TokenPresentation) -> driver_pb2.TokenDecision:
        return (await self._tokens.submit(presentation)).decision

    async def record(self, event: recording_pb.TransactionEvent) -> recording_pb.TransactionEventAnswer:
        return await self._events.submit(event)

    async def close(self) -> None:
        """Finish what waits."""
        await self._tokens.close()
        await self._events.close()
