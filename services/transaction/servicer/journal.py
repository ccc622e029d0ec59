"""csms.transaction.v1.JournalService."""

from typing import Any

import grpc.aio

from csms.transaction.v1 import journal_service_pb2 as journal_pb
from csms.transaction.v1 import journal_service_pb2_grpc as journal_grpc
from services.kernel.pagination import page_request
from services.transaction.application.journal import Messages
from services.transaction.mapping.exchanges import batch_of
from services.transaction.mapping.messages import message_filter, message_of, message_to_proto

Context = grpc.aio.ServicerContext[Any, Any]


class JournalServicer(journal_grpc.JournalServiceServicer):
    """Reads and writes the journal of frames."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    async def ListMessages(
        self, request: journal_pb.ListMessagesRequest, context: Context
    ) -> journal_pb.ListMessagesResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._messages.page(message_filter(request), requested)
        return journal_pb.ListMessagesResponse(
            messages=map(message_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def AppendMessages(
        self, request: journal_pb.AppendMessagesRequest, context: Context
    ) -> journal_pb.AppendMessagesResponse:
        await self._messages.append([message_of(message) for message in request.messages])
        return journal_pb.AppendMessagesResponse()

    async def AppendBatches(
        self, request: journal_pb.AppendBatchesRequest, context: Context
    ) -> journal_pb.AppendBatchesResponse:
        await self._messages.append_batches([batch_of(batch) for batch in request.batches])
        return journal_pb.AppendBatchesResponse()
