"""csms.transaction.v1.RecordingService."""

from collections.abc import Sized
from typing import Any

import grpc.aio

from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import recording_service_pb2_grpc as recording_grpc
from services.kernel.errors import DomainError, invalid
from services.transaction.adapters.live_meter_values import LiveMeterValues
from services.transaction.application.commands import Commands
from services.transaction.application.recording import Recorder
from services.transaction.mapping.commands import late_reply, remote_start_query
from services.transaction.mapping.recording import EventMessage, answer_to_proto

Context = grpc.aio.ServicerContext[Any, Any]

_MOST_ITEMS = 1000


class RecordingServicer(recording_grpc.RecordingServiceServicer):
    """Records what charge points tell."""

    def __init__(self, recorder: Recorder, live: LiveMeterValues, commands: Commands) -> None:
        self._recorder = recorder
        self._live = live
        self._commands = commands

    async def RecordTransactionEvents(
        self, request: recording_pb.RecordTransactionEventsRequest, context: Context
    ) -> recording_pb.RecordTransactionEventsResponse:
        _check_size("events", request.events)
        answers = await self._recorder.record([EventMessage(event) for event in request.events])
        self._live.pass_on(request, [not isinstance(answer, DomainError) for answer in answers])
        return recording_pb.RecordTransactionEventsResponse(answers=map(answer_to_proto, answers))

    async def FindRemoteStarts(
        self, request: recording_pb.FindRemoteStartsRequest, context: Context
    ) -> recording_pb.FindRemoteStartsResponse:
        _check_size("queries", request.queries)
        started = await self._commands.remote_starts([remote_start_query(query) for query in request.queries])
        return recording_pb.FindRemoteStartsResponse(
            answers=[recording_pb.RemoteStartAnswer(started=one) for one in started]
        )

    async def RecordLateAnswer(
        self, request: recording_pb.RecordLateAnswerRequest, context: Context
    ) -> recording_pb.RecordLateAnswerResponse:
        await self._commands.take_late(request.command_id, request.charge_point_id, late_reply(request))
        return recording_pb.RecordLateAnswerResponse()


def _check_size(field: str, items: Sized) -> None:
    if len(items) > _MOST_ITEMS:
        raise invalid(field, f"must be at most {_MOST_ITEMS}")
