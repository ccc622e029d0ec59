"""Takes frames out of the journal's waiting room to the transaction service, off the path of the answers.

Passwords are masked here: nothing behind this point has seen them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from csms.transaction.v1.journal_service_pb2 import AppendMessagesRequest, OcppMessage
from ocpp_edge.facts.redaction import redacted_exchange
from ocpp_edge.journal import FrameRecord, Journal
from ocpp_edge.overload import Overload
from services.kernel.errors import DomainError, ErrorKind
from services.kernel.ids import new_id
from services.process import metrics, stirring
from services.process.heartbeats import repeat
from services.rpc.protobuf import write_time

logger = logging.getLogger(__name__)

# The contract allows 2000 frames; a call carries 8 MiB.
_MAX_FRAMES = 500
_MAX_BYTES = 4 * 1024 * 1024
# Frames and bytes of what is prepared at a time: answers shall not wait for all that goes into a call.
_SLICE_FRAMES = 32
_SLICE_BYTES = 256 * 1024
_LONGEST_FRAME = 64 * 1024
_GATHER_SECONDS = 0.05
_RETRY_SECONDS = 1.0
_KINDS = {
    2: OcppMessage.CALL,
    3: OcppMessage.CALL_RESULT,
    4: OcppMessage.CALL_ERROR,
    5: OcppMessage.CALL_ERROR,
    6: OcppMessage.SEND,
}
_WITH_ERROR_CODE = frozenset({OcppMessage.CALL_ERROR, OcppMessage.SEND, OcppMessage.KIND_UNSPECIFIED})


class Shipper:
    """Ships the frames of `journal`, the oldest first. What cannot be shipped waits; the journal bounds how much.

    `append` stores frames for good, those that it has already not again; it raises DomainError when it did not.
    """

    def __init__(
        self, journal: Journal, append: Callable[[AppendMessagesRequest], Awaitable[None]], overload: Overload
    ) -> None:
        self._journal = journal
        self._rest = stirring.Rest()
        self._append = append
        self._overload = overload
        # Taken out, not yet known to be stored. They keep their ids, so that none is stored twice.
        self._under_way = AppendMessagesRequest()
        self._refused = metrics.counter("ocpp_journal_refused_total", "Frames that the journal would not take.")

    def take_in(self, record: FrameRecord) -> None:
        """Put a frame into the journal, to be shipped soon. Never waits."""
        self._journal.append(record)
        self._rest.stir()

    async def run(self) -> None:
        """Ship for ever, but while the journal is shed: then frames wait, and the oldest are forgotten."""
        await repeat(self._ship_or_wait, _RETRY_SECONDS, _GATHER_SECONDS, self._rest)

    async def _ship_or_wait(self) -> float:
        is_shed = self._overload.sheds_journal
        if not is_shed and await self._ship() == _MAX_FRAMES:
            return 0
        return _GATHER_SECONDS if self._journal else stirring.AT_REST_SECONDS

    async def flush(self) -> None:
        """Ship all that waits. Raises DomainError when that fails."""
        while await self._ship():
            pass

    async def _ship(self) -> int:
        """Ship one batch; how many frames that were."""
        if not self._under_way.messages:
            await self._fill()
        batch = self._under_way
        count = len(batch.messages)
        if count:
            try:
                await self._append(batch)
            except DomainError as error:
                if error.kind is not ErrorKind.INVALID_ARGUMENT:
                    raise
                # Bad frames must not hold up all that follow.
                self._refused.add(count)
                logger.error("frames refused by the journal: %s", error.message)
            self._under_way = AppendMessagesRequest()
        return count

    async def _fill(self) -> None:
        """Take out as many frames as one call carries. Cancelled on the way, it leaves those that it has under way."""
        messages, room = self._under_way.messages, _MAX_BYTES
        while room > 0 and len(messages) < _MAX_FRAMES:
            records = self._journal.take(_SLICE_FRAMES, _SLICE_BYTES)
            if not records:
                return
            for record in records:
                # Written where it lies: a message made apart would be copied.
                message = messages.add()
                write(record, message)
                room -= message.ByteSize()
            await asyncio.sleep(0)


def write(record: FrameRecord, message: OcppMessage) -> None:
    """A frame as the journal keeps it, into an empty message."""
    kind = _KINDS.get(record.message_type, OcppMessage.KIND_UNSPECIFIED)
    answer_kind = _KINDS.get(record.answer_type, OcppMessage.KIND_UNSPECIFIED)
    message.id = new_id()
    message.charge_point_id = record.charge_point_id
    message.epoch = record.epoch
    message.direction = OcppMessage.INBOUND if record.inbound else OcppMessage.OUTBOUND
    message.kind = kind
    message.message_id = record.message_id
    message.action = record.action
    frame, answer = redacted_exchange(record.raw, record.answer or b"", record.action)
    message.frame = _text(frame)
    if record.outcome and (answer_kind or kind) in _WITH_ERROR_CODE:
        message.error_code = record.outcome
    message.latency_us = record.latency_us or 0
    write_time(record.time, message.time)
    message.protocol = record.version.subprotocol
    message.answer_kind = answer_kind
    if record.answer:
        message.answer_frame = _text(answer)
    if record.note:
        message.note = record.note
    if record.tenant_id:
        message.tenant_id = record.tenant_id


def _text(frame: bytes) -> str:
    text = frame.decode(errors="replace")
    if len(text) > _LONGEST_FRAME:
        text = text[:_LONGEST_FRAME]
    # No text column holds a NUL.
    return text.replace("\0", "\ufffd") if "\0" in text else text
