"""The services that usage is compared with: small servers on the generated servicers, told what to say."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_status import rpc_status

from csms.billing.v1 import billing_service_pb2 as billing_pb
from csms.billing.v1 import billing_service_pb2_grpc as billing_grpc
from csms.billing.v1.charging_session_pb2 import ChargingSession
from csms.transaction.v1 import transaction_service_pb2 as transaction_pb
from csms.transaction.v1 import transaction_service_pb2_grpc as transaction_grpc
from csms.transaction.v1.transaction_pb2 import Transaction
from services.kernel.errors import unavailable
from services.rpc.status import to_status

Context = grpc.aio.ServicerContext[Any, Any]
_Message = TypeVar("_Message", Transaction, ChargingSession)


class Owners:
    """What the transaction and the billing service know. `away` names those that are."""

    def __init__(self) -> None:
        self.transactions: list[Transaction] = []
        self.charging_sessions: list[ChargingSession] = []
        self.away: set[str] = set()
        self.page_size = 3
        self.pages_asked = 0
        self.address = ""

    def settings(self) -> dict[str, Any]:
        """The settings of a service that has these neighbours."""
        return {"transaction_service_url": self.address, "billing_service_url": self.address}

    async def page(
        self, name: str, known: Sequence[_Message], since: Timestamp, token: str, context: Context
    ) -> tuple[Sequence[_Message], str]:
        """Those that changed since, in the order of change, from where the token says."""
        if name in self.away:
            await context.abort_with_status(rpc_status.to_status(to_status(unavailable(f"{name} is away"))))
        self.pages_asked += 1
        changed = [one for one in known if one.update_time.ToNanoseconds() >= since.ToNanoseconds()]
        changed.sort(key=lambda one: (one.update_time.ToNanoseconds(), one.id))
        begin = int(token or 0)
        end = begin + self.page_size
        return changed[begin:end], str(end) if end < len(changed) else ""


class _Transactions(transaction_grpc.TransactionServiceServicer):
    def __init__(self, owners: Owners) -> None:
        self._owners = owners

    async def ListTransactions(
        self, request: transaction_pb.ListTransactionsRequest, context: Context
    ) -> transaction_pb.ListTransactionsResponse:
        page, token = await self._owners.page(
            "transaction", self._owners.transactions, request.update_time_from, request.page_token, context
        )
        return transaction_pb.ListTransactionsResponse(transactions=page, next_page_token=token)


class _Billing(billing_grpc.BillingServiceServicer):
    def __init__(self, owners: Owners) -> None:
        self._owners = owners

    async def ListChargingSessions(
        self, request: billing_pb.ListChargingSessionsRequest, context: Context
    ) -> billing_pb.ListChargingSessionsResponse:
        page, token = await self._owners.page(
            "billing", self._owners.charging_sessions, request.update_time_from, request.page_token, context
        )
        return billing_pb.ListChargingSessionsResponse(charging_sessions=page, next_page_token=token)


@asynccontextmanager
async def running_owners() -> AsyncIterator[Owners]:
    """Both services, on one free port."""
    owners = Owners()
    server = grpc.aio.server()
    # What is not asked stays unimplemented.
    transaction_grpc.add_TransactionServiceServicer_to_server(_Transactions(owners), server)  # type: ignore[abstract]
    billing_grpc.add_BillingServiceServicer_to_server(_Billing(owners), server)  # type: ignore[abstract]
    owners.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield owners
    finally:
        await server.stop(None)
