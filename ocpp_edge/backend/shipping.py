"""Takes frames out of the journal's waiting room to the transaction service, compressed, off the path of the answers.

Passwords are masked here: nothing behind this point has seen them.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping

from csms.transaction.v1.journal_service_pb2 import AppendBatchesRequest, OcppMessage
from ocpp_edge.facts.redaction import redacted_exchange
from ocpp_edge.journal import FrameRecord, Journal
from ocpp_edge.overload import Overload
from services.journal.batches import packed, part_of
from services.journal.records import NUMBERS, ORIGIN_BITS, Exchange
from services.kernel.clock import microseconds
from services.kernel.errors import DomainError, ErrorKind
from services.kernel.ids import new_id
from services.process import metrics, stirring
from services.process.heartbeats import repeat

logger = logging.getLogger(__name__)

# The contract allows 2000 frames.
_MAX_FRAMES = 500
# Of frames as they came; to compress them takes some milliseconds.
_MAX_BYTES = 1024 * 1024
# Frames and bytes of what is prepared at a time: answers shall not wait for all that goes into a call.
_SLICE_FRAMES = 32
_SLICE_BYTES = 256 * 1024
_LONGEST_FRAME = 64 * 1024
# A call of one frame costs as much as one of fifty: it waits for so many, and not for long.
_ENOUGH_FRAMES = 64
_GATHER_SECONDS = 0.25
_RETRY_SECONDS = 1.0
_KINDS: Mapping[int, int] = {
    2: OcppMessage.CALL,
    3: OcppMessage.CALL_RESULT,
    4: OcppMessage.CALL_ERROR,
    5: OcppMessage.CALL_ERROR,
    6: OcppMessage.SEND,
}
_WITH_ERROR_CODE = frozenset({OcppMessage.CALL_ERROR, OcppMessage.SEND, OcppMessage.KIND_UNSPECIFIED})


class Shipper:
    """Ships the frames of `journal`, the oldest first. What cannot be shipped waits; the journal bounds how much.

    `append` stores batches for good, those that it has already not again; it raises DomainError when it did not.
    """

    def __init__(
        self, journal: Journal, append: Callable[[AppendBatchesRequest], Awaitable[None]], overload: Overload
    ) -> None:
        self._journal = journal
        self._rest = stirring.Rest()
        self._append = append
        self._overload = overload
        # Frames of one time have ids of their own by what stands for this process and by their number.
        self._origin = f"{secrets.randbits(ORIGIN_BITS):012x}"
        self._number = 0
        # Taken out, by tenant and charge point, and how much.
        self._taken: dict[str, dict[str, list[Exchange]]] = {}
        self._count = self._size = 0
        # Packed, not yet known to be stored. Batches keep their ids, so that none is stored twice.
        self._under_way = AppendBatchesRequest()
        self._refused = metrics.counter("ocpp_journal_refused_total", "Frames that the journal would not take.")

    def take_in(self, record: FrameRecord) -> None:
        """Put a frame into the journal, to be shipped soon. Never waits."""
        self._journal.append(record)
        if len(self._journal) == _ENOUGH_FRAMES:
            self._rest.hurry()
        else:
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
        """Ship what one call carries; how many frames that were."""
        if not self._under_way.batches:
            await self._fill()
            self._pack()
        count = self._count
        if count:
            try:
                await self._append(self._under_way)
            except DomainError as error:
                if error.kind is not ErrorKind.INVALID_ARGUMENT:
                    raise
                # Bad frames must not hold up all that follow.
                self._refused.add(count)
                logger.error("frames refused by the journal: %s", error.message)
            self._under_way = AppendBatchesRequest()
            self._count = self._size = 0
        return count

    async def _fill(self) -> None:
        """Take out as many frames as one call carries. Cancelled on the way, it leaves those that it has taken."""
        while self._size < _MAX_BYTES and self._count < _MAX_FRAMES:
            records = self._journal.take(min(_SLICE_FRAMES, _MAX_FRAMES - self._count), _SLICE_BYTES)
            if not records:
                return
            for record in records:
                self._number = (self._number + 1) % NUMBERS
                of_tenant = self._taken.setdefault(record.tenant_id, {})
                of_tenant.setdefault(record.charge_point_id, []).append(exchange_of(record, self._origin, self._number))
                self._size += record.size
            self._count += len(records)
            await asyncio.sleep(0)

    def _pack(self) -> None:
        """Make batches of what was taken out, one for each tenant."""
        for tenant_id, charge_points in self._taken.items():
            parts = [part_of(name, exchanges) for name, exchanges in charge_points.items()]
            self._under_way.batches.add(id=new_id(), tenant_id=tenant_id, content=packed(parts))
        self._taken = {}


def exchange_of(record: FrameRecord, origin: str, number: int) -> Exchange:
    """A frame, or a request with its answer, as the journal keeps it."""
    kind = _KINDS.get(record.message_type, 0)
    answer_kind = _KINDS.get(record.answer_type, 0)
    frame, answer = redacted_exchange(record.raw, record.answer or b"", record.action)
    return Exchange(
        microseconds(record.time),
        number,
        record.message_id,
        record.latency_us or 0,
        _cut(frame),
        _cut(answer),
        origin,
        record.epoch,
        record.version.subprotocol,
        record.inbound,
        kind,
        answer_kind,
        record.action,
        record.outcome if (answer_kind or kind) in _WITH_ERROR_CODE else "",
        record.note,
    )


def _cut(frame: bytes) -> bytes:
    if len(frame) <= _LONGEST_FRAME:
        return frame
    return frame.decode(errors="replace")[:_LONGEST_FRAME].encode()
