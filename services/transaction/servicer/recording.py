"""csms.transaction.v1.RecordingService."""

from typing import Any

import grpc.aio

from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import recording_service_pb2_grpc as recording_grpc
from services.kernel.errors import DomainError, invalid
from services.transaction.application.recording import Recorder
from services.transaction.mapping.recording import EventMessage, answer_to_proto
from services.transaction.servicer.live import LiveMeterValues

Context = grpc.aio.ServicerContext[Any, Any]

_MOST_EVENTS = 1000


class RecordingServicer(recording_grpc.RecordingServiceServicer):
    """Records what charge points tell."""

    def __init__(self, recorder: Recorder, live: LiveMeterValues) -> None:
        self._recorder = recorder
        self._live = live

    async def RecordTransactionEvents(
        self, request: recording_pb.RecordTransactionEventsRequest, context: Context
    ) -> recording_pb.RecordTransactionEventsResponse:
        if len(request.events) > _MOST_EVENTS:
            raise invalid("events", f"must be at most {_MOST_EVENTS}")
        answers = await self._recorder.record([EventMessage(event) for event in request.events])
        self._live.pass_on(request, [not isinstance(answer, DomainError) for answer in answers])
        return recording_pb.RecordTransactionEventsResponse(answers=map(answer_to_proto, answers))
