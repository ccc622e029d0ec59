"""The ports of the monitoring service that other processes answer, over gRPC."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import grpc.aio

from csms.billing.v1 import billing_service_pb2 as billing_pb
from csms.billing.v1 import billing_service_pb2_grpc as billing_grpc
from csms.health.v1 import health_service_pb2 as health_pb
from csms.health.v1 import health_service_pb2_grpc as health_grpc
from csms.station.v1 import charge_point_service_pb2 as point_pb
from csms.station.v1 import charge_point_service_pb2_grpc as point_grpc
from csms.station.v1 import connectivity_service_pb2 as connectivity_pb
from csms.station.v1 import connectivity_service_pb2_grpc as connectivity_grpc
from csms.station.v1 import station_service_pb2 as station_pb
from csms.station.v1 import station_service_pb2_grpc as station_grpc
from csms.transaction.v1 import transaction_service_pb2 as transaction_pb
from csms.transaction.v1 import transaction_service_pb2_grpc as transaction_grpc
from services.kernel.clock import Clock
from services.kernel.errors import DomainError
from services.kernel.pagination import Page
from services.monitoring.domain.charge_point import ChargePointSnapshot, Sighting
from services.monitoring.domain.connection import Connection
from services.monitoring.domain.service_info import ServiceHealth, ServiceStatus
from services.monitoring.domain.station import StationSnapshot
from services.monitoring.domain.transaction import Transaction
from services.monitoring.domain.usage import Bill
from services.monitoring.mapping import from_proto
from services.rpc.protobuf import timestamp

_Response = TypeVar("_Response")

_PATIENCE_SECONDS = 1.0
_LARGEST_PAGE = 250
_BEST_FIRST = (ServiceStatus.SERVING, ServiceStatus.NOT_SERVING, ServiceStatus.UNREACHABLE)
_UNREACHABLE = ServiceHealth(status=ServiceStatus.UNREACHABLE, message="does not answer")


class GrpcOwners:
    """Satisfies ports.Owners."""

    def __init__(
        self,
        station_channel: grpc.aio.Channel,
        transaction_channel: grpc.aio.Channel,
        billing_channel: grpc.aio.Channel,
        clock: Clock,
    ) -> None:
        self._stations = station_grpc.StationServiceStub(station_channel)
        self._charge_points = point_grpc.ChargePointServiceStub(station_channel)
        self._connectivity = connectivity_grpc.ConnectivityServiceStub(station_channel)
        self._transactions = transaction_grpc.TransactionServiceStub(transaction_channel)
        self._billing = billing_grpc.BillingServiceStub(billing_channel)
        self._clock = clock

    async def stations(self, told_time: datetime) -> AsyncIterator[Sequence[StationSnapshot]]:
        request = station_pb.ListStationsRequest(page_size=_LARGEST_PAGE)
        async for response in _pages(self._stations.ListStations, request):
            yield [from_proto.station_snapshot(message, told_time) for message in response.stations]

    async def charge_points(self, told_time: datetime) -> AsyncIterator[Sequence[ChargePointSnapshot]]:
        request = point_pb.ListChargePointsRequest(page_size=_LARGEST_PAGE)
        async for response in _pages(self._charge_points.ListChargePoints, request):
            yield [from_proto.charge_point_snapshot(message, told_time) for message in response.charge_points]

    async def connections(self, time: datetime) -> AsyncIterator[Sequence[Sighting]]:
        request = connectivity_pb.ListConnectionsRequest(page_size=_LARGEST_PAGE)
        async for response in _pages(self._connectivity.ListConnections, request):
            yield [from_proto.sighting(message, time) for message in response.connections]

    async def connection_page(self, page_size: int, page_token: str) -> Page[Connection]:
        request = connectivity_pb.ListConnectionsRequest(page_size=page_size, page_token=page_token)
        response = await self._connectivity.ListConnections(request)
        connections = [from_proto.connection(message) for message in response.connections]
        return Page(connections, response.next_page_token, response.total_size)

    async def transactions_changed_since(self, time: datetime) -> AsyncIterator[Sequence[Transaction]]:
        request = transaction_pb.ListTransactionsRequest(update_time_from=timestamp(time), page_size=_LARGEST_PAGE)
        async for response in _pages(self._transactions.ListTransactions, request):
            yield [from_proto.transaction(message, self._clock) for message in response.transactions]

    async def bills_changed_since(self, time: datetime) -> AsyncIterator[tuple[Sequence[Bill], datetime]]:
        request = billing_pb.ListChargingSessionsRequest(update_time_from=timestamp(time), page_size=_LARGEST_PAGE)
        async for response in _pages(self._billing.ListChargingSessions, request):
            if sessions := response.charging_sessions:
                bills = [bill for one in sessions if (bill := from_proto.bill_known(one)) is not None]
                yield bills, sessions[-1].update_time.ToDatetime(tzinfo=UTC)


class GrpcPlatform:
    """Satisfies ports.Platform, on a channel to each replica: the addresses of replicas by service, then channels."""

    def __init__(self, replicas: Mapping[str, Mapping[str, grpc.aio.Channel]]) -> None:
        self._replicas = {
            name: {address: health_grpc.HealthServiceStub(channel) for address, channel in channels.items()}
            for name, channels in replicas.items()
        }

    async def health(self, name: str) -> ServiceHealth:
        asked = (_health(stub, address) for address, stub in self._replicas[name].items())
        answers = await asyncio.gather(*asked)
        best = min(answers, key=lambda answer: _BEST_FIRST.index(answer.status))
        return replace(best, tasks=[task for answer in answers for task in answer.tasks])


async def _health(stub: health_grpc.HealthServiceStub, replica: str) -> ServiceHealth:
    try:
        # The library's own deadline does not bound the search for an address.
        async with asyncio.timeout(_PATIENCE_SECONDS):
            answer = await stub.Check(health_pb.CheckRequest(), timeout=_PATIENCE_SECONDS)
        tasks = [from_proto.background_task(task, replica) for task in answer.tasks]
        status = ServiceStatus(answer.status)
    except (DomainError, TimeoutError, ValueError):
        return _UNREACHABLE
    return ServiceHealth(status=status, message=answer.message, version=answer.version, tasks=tasks)


async def close_all(channels: Iterable[grpc.aio.Channel]) -> None:
    """Close channels."""
    for channel in channels:
        await channel.close()


async def _pages(method: Callable[[Any], Awaitable[_Response]], request: Any) -> AsyncIterator[_Response]:
    """Every page of a list."""
    while True:
        response: Any = await method(request)
        yield response
        if not response.next_page_token:
            return
        request.page_token = response.next_page_token
