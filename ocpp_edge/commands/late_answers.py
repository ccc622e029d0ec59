"""Answers to calls of ours that nobody waits for any more: what they tell is taken in, and they go to the record of
their command. No gRPC in here.

Kept in memory until they are stored, a bounded number of them; the journal has the frames in any case.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from google.protobuf import json_format

from csms.transaction.v1.command_pb2 import LateAnswer
from csms.transaction.v1.recording_service_pb2 import RecordLateAnswerRequest
from ocpp_edge.backend.ports import Backend
from ocpp_edge.commands.made_call import MadeCall, response_to, take_in
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.rpc.answers import Answered, answered
from ocpp_edge.rpc.calls import OutboundCall, Outcome
from ocpp_edge.served import SERVED
from services.kernel.errors import DomainError, ErrorKind
from services.kernel.redaction import secrets_in, without
from services.rpc.protobuf import timestamp

logger = logging.getLogger(__name__)

Record = Callable[[RecordLateAnswerRequest], Awaitable[object]]

_MOST_KEPT = 1000
# Long enough for a service that is started anew.
_PAUSES_SECONDS = (1.0, 5.0, 20.0, 60.0)
_LEAVING_SECONDS = 2.0
_LONGEST_ERROR = 500
_PASSING = frozenset({ErrorKind.UNAVAILABLE, ErrorKind.DEADLINE_EXCEEDED, ErrorKind.RESOURCE_EXHAUSTED})


class LateAnswers:
    """Takes them in. `record` hands one over to the keeper of commands, once or again."""

    def __init__(self, backend: Backend, record: Record, pauses_seconds: Sequence[float] = _PAUSES_SECONDS) -> None:
        self._backend = backend
        self._record = record
        self._pauses_seconds = pauses_seconds
        self._kept: set[asyncio.Task[None]] = set()

    def take(self, context: ChargerContext, call: OutboundCall, outcome: Outcome) -> None:
        """Take one in; a LateAnswerSink."""
        about = {"charge_point_id": context.charge_point_id}
        logger.info("%s answered late: %s", call.action, type(outcome).__name__, extra=about)
        if not isinstance(call.about, MadeCall):
            return
        if len(self._kept) >= _MOST_KEPT:
            logger.warning("too many late answers wait to be stored: one is in the journal alone", extra=about)
            return
        task = asyncio.create_task(self._take_in(context, call.about, outcome))
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)

    async def close(self) -> None:
        """Store what can be stored at once."""
        if self._kept:
            _, left = await asyncio.wait(self._kept, timeout=_LEAVING_SECONDS)
            for task in left:
                task.cancel()

    async def _take_in(self, context: ChargerContext, made: MadeCall, outcome: Outcome) -> None:
        late = LateAnswer(time=timestamp(self._backend.clock.now()))
        late.call.action = made.action
        late.call.keys.extend(SERVED[context.version].divisible.keys((made.action, made.payload)))
        answer, is_accepted = None, False
        try:
            answer = answered(outcome, made.action, context)
            is_accepted = _tell(late, made, answer)
        except DomainError as error:
            late.call.error = f"{error.reason}: {error.message}"[:_LONGEST_ERROR]
        if answer is not None:
            given = answer
            await self._stored(context, made, lambda: take_in(self._backend, context, made, given))
        if made.command_id:
            request = RecordLateAnswerRequest(
                command_id=made.command_id,
                charge_point_id=context.charge_point_id,
                accepted=is_accepted,
                whole=made.is_whole,
                answer=_masked(late, made),
            )
            await self._stored(context, made, lambda: self._record(request))

    async def _stored(self, context: ChargerContext, made: MadeCall, store: Callable[[], Awaitable[object]]) -> None:
        """Store it, again as long as a service is away."""
        for pause in (*self._pauses_seconds, None):
            try:
                await store()
                return
            except DomainError as error:
                if pause is None or error.kind not in _PASSING:
                    about = {"charge_point_id": context.charge_point_id}
                    logger.warning("a late answer to %s is not stored: %s", made.action, error.message, extra=about)
                    return
                await asyncio.sleep(pause)


def _tell(late: LateAnswer, made: MadeCall, answer: Answered) -> bool:
    """Write down what an answer says of its command; whether that was taken. Raises: OCPP_CALL_ERROR."""
    if made.dialect is None:
        return False
    response = response_to(made.dialect, made.payload, answer)
    late.call.answer.CopyFrom(response.answer)
    late.call.answer_flags.extend(response.flags)
    late.status = response.status
    late.result.CopyFrom(response.result)
    return response.accepted


def _masked(late: LateAnswer, made: MadeCall) -> LateAnswer:
    """Some repeat in an answer what they were asked to set."""
    secrets = secrets_in(dict(made.payload))
    if not secrets:
        return late
    fields = json_format.MessageToDict(late, preserving_proto_field_name=True)
    return json_format.ParseDict(without(fields, secrets), LateAnswer())
