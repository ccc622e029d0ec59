"""What the system still has to do when its chargers are silent: events to relay, events to consume, bills to make.

Waiting for its end keeps the aftermath of one class of messages out of the figures of the next.
"""

import asyncio
import time
from collections.abc import Callable, Mapping

import nats
import psycopg

from bench.system import System
from services.messaging.event_bus import STREAM

DATABASES = ("csms_stations", "csms_drivers", "csms_billing", "csms_monitoring", "csms_charge_points")

_UNPUBLISHED = "SELECT count(*) FROM outbox WHERE publish_time IS NULL"
_LOOK_SECONDS = 0.1
# A system at rest relays, reports and sweeps a little all the time.
_REST_CORES = 0.15


class Drain:
    """Waits until the backlog of a system is empty. Keeps connections open; close it at the end."""

    def __init__(self, system: System, read_cpu: Callable[[], Mapping[str, float]]) -> None:
        self._databases = [psycopg.connect(system.database_url(name), autocommit=True) for name in DATABASES]
        self._nats_url = system.nats_url
        self._read_cpu = read_cpu

    def wait(self, within_seconds: float = 300.0) -> float:
        """Wait for the end of the backlog; returns how long it took.

        A system that only never rests is left to it after that time. Raises TimeoutError when events still wait.
        """
        began = time.monotonic()
        while not self.is_at_rest() or self.waiting():
            if time.monotonic() - began > within_seconds:
                if waiting := self.waiting():
                    raise TimeoutError(f"{waiting} events still wait after {within_seconds:g} s")
                break
        return max(0.0, time.monotonic() - began - _LOOK_SECONDS)

    def is_at_rest(self) -> bool:
        """Whether hardly anything is done; takes a moment, since it watches the CPU for that long."""
        before, began = self._read_cpu(), time.monotonic()
        time.sleep(_LOOK_SECONDS)
        after, ended = self._read_cpu(), time.monotonic()
        busy = sum(after[name] - before[name] for name in before if name in after) / (ended - began)
        return busy < _REST_CORES

    def waiting(self) -> int:
        """How many events are not relayed, and messages with events not consumed."""
        unpublished = 0
        for connection in self._databases:
            row = connection.execute(_UNPUBLISHED).fetchone()
            unpublished += row[0] if row else 0
        return unpublished + asyncio.run(_unconsumed(self._nats_url))

    def close(self) -> None:
        """Close the connections."""
        for connection in self._databases:
            connection.close()


async def _unconsumed(url: str) -> int:
    client = await nats.connect(url)
    try:
        consumers = await client.jetstream().consumers_info(STREAM)
        return sum((each.num_pending or 0) + (each.num_ack_pending or 0) for each in consumers)
    finally:
        await client.close()
