"""Meter values for live feeds: passed on as they came in, once they are committed, to whoever listens."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from csms.transaction.v1.recording_service_pb2 import RecordTransactionEventsRequest, TransactionEvent
from services.kernel.errors import DomainError
from services.messaging.event_batches import MAX_PAYLOAD_BYTES
from services.messaging.event_bus import EventBus
from services.process.batching import Batcher

SUBJECT = "csms.live.meter_values"
# A message costs its publisher, the server and its readers the same with one event as with many.
_PACE_SECONDS = 0.1
_MOST_AT_ONCE = 1_000


class LiveMeterValues:
    """Publishes serialized RecordTransactionEventsRequests with the events that brought meter values.

    Those of a tenth of a second share a message; what comes after a pause goes at once. Nobody waits for it, and what
    cannot be published is lost. Made inside a running event loop.
    """

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        self._requests: Batcher[bytes, None] = Batcher(
            self._publish,
            max_items=_MOST_AT_ONCE,
            max_queue=2 * _MOST_AT_ONCE,
            linger_seconds=_PACE_SECONDS,
            size_of=len,
            max_bytes=MAX_PAYLOAD_BYTES,
            name="live meter values",
        )

    def pass_on(self, request: RecordTransactionEventsRequest, recorded: Sequence[bool]) -> None:
        """Tell of the events of `request` that were recorded."""
        shown = [bool(event.meter_values) and ok for event, ok in zip(request.events, recorded, strict=True)]
        if all(shown):
            self._submit(request)
        elif any(shown):
            events = [event for event, is_shown in zip(request.events, shown, strict=True) if is_shown]
            self._submit(RecordTransactionEventsRequest(events=events))

    async def close(self) -> None:
        """Publish what waits."""
        await self._requests.close()

    def _submit(self, request: RecordTransactionEventsRequest) -> None:
        with suppress(DomainError):
            for part in _parts(request.SerializeToString(), request.events):
                self._requests.submit(part)

    async def _publish(self, requests: list[bytes]) -> Sequence[None]:
        # Serialized messages one after the other are the message with the events of all.
        await self._bus.publish_live(SUBJECT, b"".join(requests))
        return [None] * len(requests)


def _parts(request: bytes, events: Sequence[TransactionEvent]) -> Iterator[bytes]:
    """The request, in as many as one message of the bus can carry each."""
    if len(request) <= MAX_PAYLOAD_BYTES or len(events) == 1:
        yield request
        return
    half = len(events) // 2
    for some in (events[:half], events[half:]):
        yield from _parts(RecordTransactionEventsRequest(events=some).SerializeToString(), some)
