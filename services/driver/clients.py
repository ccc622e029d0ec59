"""The ports of the driver service that other services answer, over gRPC."""

from collections.abc import Sequence
from datetime import UTC, datetime

import grpc.aio

from csms.billing.v1 import billing_service_pb2 as billing_pb
from csms.billing.v1 import billing_service_pb2_grpc as billing_grpc
from csms.transaction.v1 import transaction_service_pb2 as transaction_pb
from csms.transaction.v1 import transaction_service_pb2_grpc as transaction_grpc
from services.chassis.protobuf import timestamp
from services.chassis.status import from_rpc_error
from services.driver.domain.usage import SessionCost, SessionUsage
from services.driver.mapping import cost_known, session_usage
from services.driver.ports import Told

_PAGE = 250


class GrpcOwners:
    """Satisfies ports.Owners."""

    def __init__(self, transactions: grpc.aio.Channel, billing: grpc.aio.Channel) -> None:
        self._transactions = transaction_grpc.TransactionServiceStub(transactions)
        self._billing = billing_grpc.BillingServiceStub(billing)

    async def sessions_changed_since(self, time: datetime, page_token: str) -> tuple[Sequence[Told[SessionUsage]], str]:
        request = transaction_pb.ListTransactionsRequest(
            update_time_from=timestamp(time), page_size=_PAGE, page_token=page_token
        )
        try:
            response = await self._transactions.ListTransactions(request)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        found = [(session_usage(one), one.update_time.ToDatetime(tzinfo=UTC)) for one in response.transactions]
        return found, response.next_page_token

    async def costs_changed_since(self, time: datetime, page_token: str) -> tuple[Sequence[Told[SessionCost]], str]:
        request = billing_pb.ListChargingSessionsRequest(
            update_time_from=timestamp(time), page_size=_PAGE, page_token=page_token
        )
        try:
            response = await self._billing.ListChargingSessions(request)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        found = [
            (cost, one.update_time.ToDatetime(tzinfo=UTC))
            for one in response.charging_sessions
            if one.transaction_id and (cost := cost_known(one)) is not None
        ]
        return found, response.next_page_token
