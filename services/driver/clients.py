"""The ports of the driver service that other services answer, over gRPC."""

from collections.abc import Sequence
from datetime import UTC, datetime

import grpc.aio

from csms.billing.v1 import billing_service_pb2 as billing_pb
from csms.billing.v1 import billing_service_pb2_grpc as billing_grpc
from csms.station.v1 import connectivity_service_pb2 as connectivity_pb
from csms.station.v1 import connectivity_service_pb2_grpc as connectivity_grpc
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import recording_service_pb2_grpc as recording_grpc
from csms.transaction.v1 import transaction_service_pb2 as transaction_pb
from csms.transaction.v1 import transaction_service_pb2_grpc as transaction_grpc
from services.driver.domain.presentation import Presentation, StartRule
from services.driver.domain.usage import SessionCost, SessionUsage
from services.driver.mapping.drivers import cost_known, place_to_proto, remote_start_query, session_usage, start_rule
from services.driver.ports.drivers import Dated
from services.kernel.errors import DomainError
from services.rpc.protobuf import timestamp
from services.rpc.status import from_item_error

_PAGE = 250


class GrpcOwners:
    """Satisfies ports.Owners."""

    def __init__(self, transactions: grpc.aio.Channel, billing: grpc.aio.Channel) -> None:
        self._transactions = transaction_grpc.TransactionServiceStub(transactions)
        self._billing = billing_grpc.BillingServiceStub(billing)

    async def sessions_changed_since(
        self, time: datetime, page_token: str
    ) -> tuple[Sequence[Dated[SessionUsage]], str]:
        request = transaction_pb.ListTransactionsRequest(
            update_time_from=timestamp(time), page_size=_PAGE, page_token=page_token
        )
        response = await self._transactions.ListTransactions(request)
        found = [(session_usage(one), one.update_time.ToDatetime(tzinfo=UTC)) for one in response.transactions]
        return found, response.next_page_token

    async def costs_changed_since(self, time: datetime, page_token: str) -> tuple[Sequence[Dated[SessionCost]], str]:
        request = billing_pb.ListChargingSessionsRequest(
            update_time_from=timestamp(time), page_size=_PAGE, page_token=page_token
        )
        response = await self._billing.ListChargingSessions(request)
        found = [
            (cost, one.update_time.ToDatetime(tzinfo=UTC))
            for one in response.charging_sessions
            if one.transaction_id and (cost := cost_known(one)) is not None
        ]
        return found, response.next_page_token


class GrpcPlaces:
    """Satisfies ports.Places."""

    def __init__(self, stations: grpc.aio.Channel) -> None:
        self._connectivity = connectivity_grpc.ConnectivityServiceStub(stations)

    async def rules(self, shown: Sequence[Presentation]) -> Sequence[StartRule | DomainError]:
        request = connectivity_pb.FindFreeVendingRequest(places=map(place_to_proto, shown))
        response = await self._connectivity.FindFreeVending(request)
        return [
            from_item_error(answer.error) if answer.HasField("error") else start_rule(answer)
            for answer in response.answers
        ]


class GrpcRemoteStarts:
    """Satisfies ports.RemoteStarts."""

    def __init__(self, transactions: grpc.aio.Channel) -> None:
        self._recording = recording_grpc.RecordingServiceStub(transactions)

    async def known(self, shown: Sequence[Presentation]) -> Sequence[bool | DomainError]:
        request = recording_pb.FindRemoteStartsRequest(queries=map(remote_start_query, shown))
        response = await self._recording.FindRemoteStarts(request)
        return [
            from_item_error(answer.error) if answer.HasField("error") else answer.started for answer in response.answers
        ]
