"""csms.transaction.v1.TransactionService."""

from collections.abc import Sequence
from typing import Any

import grpc.aio

from csms.transaction.v1 import transaction_service_pb2 as transaction_pb
from csms.transaction.v1 import transaction_service_pb2_grpc as transaction_grpc
from services.kernel.pagination import page_request
from services.rpc.auth import current_caller
from services.rpc.calls import wants_json
from services.rpc.json_answers import Item, JsonPages
from services.transaction.application.ending import Endings
from services.transaction.application.orphans import Orphans
from services.transaction.application.transactions import Transactions
from services.transaction.mapping.recording import reading_to_proto
from services.transaction.mapping.transactions import (
    change_to_proto,
    curve_to_proto,
    transaction_filter,
    view_to_proto,
    wish_of,
)

Context = grpc.aio.ServicerContext[Any, Any]


class TransactionServicer(transaction_grpc.TransactionServiceServicer):
    """Reads transactions, repairs orphans, and ends what its charge point does not end."""

    def __init__(self, transactions: Transactions, orphans: Orphans, endings: Endings) -> None:
        self._transactions = transactions
        self._orphans = orphans
        self._endings = endings
        self._json_pages = JsonPages(transaction_pb.ListTransactionsResponse)

    async def ListTransactions(
        self, request: transaction_pb.ListTransactionsRequest, context: Context
    ) -> transaction_pb.ListTransactionsResponse:
        requested = page_request(request.page_size, request.page_token)
        if wants_json():
            heads = await self._transactions.heads(transaction_filter(request), requested)
            return await self._json_pages.answer(heads, self._items)
        page = await self._transactions.page(transaction_filter(request), requested)
        return transaction_pb.ListTransactionsResponse(
            transactions=map(view_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def _items(self, transaction_ids: Sequence[str]) -> list[Item]:
        found = await self._transactions.views(transaction_ids)
        # What runs changes with its readings, which are no rows of it.
        return [Item(head, view_to_proto(view), view.transaction.stop_time is not None) for head, view in found]

    async def GetTransaction(
        self, request: transaction_pb.GetTransactionRequest, context: Context
    ) -> transaction_pb.GetTransactionResponse:
        view = await self._transactions.get(request.id)
        return transaction_pb.GetTransactionResponse(transaction=view_to_proto(view))

    async def ListMeterValues(
        self, request: transaction_pb.ListMeterValuesRequest, context: Context
    ) -> transaction_pb.ListMeterValuesResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._transactions.readings(request.id, requested)
        return transaction_pb.ListMeterValuesResponse(
            meter_values=map(reading_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def BatchGetEnergyCurves(
        self, request: transaction_pb.BatchGetEnergyCurvesRequest, context: Context
    ) -> transaction_pb.BatchGetEnergyCurvesResponse:
        found = await self._transactions.curves(request.ids)
        return transaction_pb.BatchGetEnergyCurvesResponse(
            transactions=[curve_to_proto(name, points) for name, points in found.items()]
        )

    async def ListChargingStates(
        self, request: transaction_pb.ListChargingStatesRequest, context: Context
    ) -> transaction_pb.ListChargingStatesResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._transactions.charging_states(request.id, requested)
        return transaction_pb.ListChargingStatesResponse(
            charging_states=map(change_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def BatchGetChargingStates(
        self, request: transaction_pb.BatchGetChargingStatesRequest, context: Context
    ) -> transaction_pb.BatchGetChargingStatesResponse:
        found = await self._transactions.changes_of_state(request.ids)
        return transaction_pb.BatchGetChargingStatesResponse(
            transactions=[
                transaction_pb.ChargingStates(transaction_id=transaction_id, changes=map(change_to_proto, changes))
                for transaction_id, changes in found.items()
            ]
        )

    async def EndTransaction(
        self, request: transaction_pb.EndTransactionRequest, context: Context
    ) -> transaction_pb.EndTransactionResponse:
        wish = wish_of(request, current_caller().subject)
        view = await self._endings.end(request.id, wish, request.request_id)
        return transaction_pb.EndTransactionResponse(transaction=view_to_proto(view))

    async def ReplayOrphan(
        self, request: transaction_pb.ReplayOrphanRequest, context: Context
    ) -> transaction_pb.ReplayOrphanResponse:
        view = await self._orphans.replay(request.id)
        return transaction_pb.ReplayOrphanResponse(transaction=view_to_proto(view))

    async def AssignOrphan(
        self, request: transaction_pb.AssignOrphanRequest, context: Context
    ) -> transaction_pb.AssignOrphanResponse:
        view = await self._orphans.assign(request.id, request.transaction_id, current_caller().subject)
        return transaction_pb.AssignOrphanResponse(transaction=view_to_proto(view))
