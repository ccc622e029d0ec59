"""Meter values for live feeds: passed on as they came in, once they are committed, to whoever listens."""

from collections.abc import Sequence

from csms.transaction.v1.recording_service_pb2 import RecordTransactionEventsRequest
from services.chassis.events import EventBus
from services.chassis.parcels import MAX_PAYLOAD_BYTES

SUBJECT = "csms.live.meter_values"


class LiveMeterValues:
    """Publishes serialized RecordTransactionEventsRequests with the events that brought meter values."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus

    async def publish(self, request: RecordTransactionEventsRequest, recorded: Sequence[bool]) -> None:
        """Tell of the events of `request` that were recorded."""
        wanted = [bool(event.meter_values) and ok for event, ok in zip(request.events, recorded, strict=True)]
        if not any(wanted):
            return
        if not all(wanted):
            events = [event for event, is_wanted in zip(request.events, wanted, strict=True) if is_wanted]
            request = RecordTransactionEventsRequest(events=events)
        await self._send(request)

    async def _send(self, request: RecordTransactionEventsRequest) -> None:
        if request.ByteSize() > MAX_PAYLOAD_BYTES and len(request.events) > 1:
            half = len(request.events) // 2
            for events in (request.events[:half], request.events[half:]):
                await self._send(RecordTransactionEventsRequest(events=events))
        else:
            await self._bus.publish_live(SUBJECT, request.SerializeToString())
