"""What charge points notify of themselves, on its way to the station service; refused while the node sheds statuses.

Nothing is held back: what is refused is not acknowledged, and whoever told it keeps it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from csms.station.v1.device_event_pb2 import DeviceEvent
from ocpp_edge.overload import Overload
from services.kernel.errors import DomainError, ErrorKind
from services.process import metrics

# Of one message; a station may put its whole device model into one.
_AT_ONCE = 200


class DeviceEvents:
    """Passes events to `submit`, which stores them or raises DomainError, as long as `overload` allows."""

    def __init__(self, submit: Callable[[DeviceEvent], Awaitable[object]], overload: Overload) -> None:
        self._submit = submit
        self._overload = overload
        self._shed = metrics.counter("ocpp_device_events_shed_total", "Notifications refused to spare transactions.")

    async def record(self, events: Sequence[DeviceEvent]) -> None:
        """Returns when all are stored. Raises DomainError: QUEUE_FULL while they are shed."""
        if self._overload.sheds_statuses:
            self._shed.add()
            raise DomainError(ErrorKind.RESOURCE_EXHAUSTED, "QUEUE_FULL", "too much is waiting; try again later")
        for start in range(0, len(events), _AT_ONCE):
            await asyncio.gather(*map(self._submit, events[start : start + _AT_ONCE]))
