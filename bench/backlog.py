"""What the system still has to do when its chargers are silent: events to relay, events to consume, bills to make.

Waiting for its end keeps the aftermath of one class of messages out of the figures of the next.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import nats
import psycopg

from bench.system import System
from services.chassis.events import STREAM

DATABASES = ("csms_stations", "csms_drivers", "csms_billing", "csms_monitoring", "csms_charge_points")

_UNPUBLISHED = "SELECT count(*) FROM outbox WHERE publish_time IS NULL"
_LOOK_SECONDS = 0.1
# A system at rest relays, reports and sweeps a little all the time.
_REST_CORES = 0.15


@dataclass(frozen=True)
class Backlog:
    """What waits, and how many cores were busy since the last look."""

    unpublished: int
    unconsumed: int
    busy_cores: float

    @property
    def is_empty(self) -> bool:
        return self.unpublished == 0 and self.unconsumed == 0 and self.busy_cores < _REST_CORES


class Drain:
    """Waits until the backlog of a system is empty. Keeps connections open; close it at the end."""

    def __init__(self, system: System, read_cpu: Callable[[], Mapping[str, float]]) -> None:
        self._databases = [psycopg.connect(system.database_url(name), autocommit=True) for name in DATABASES]
        self._nats_url = system.nats_url
        self._read_cpu = read_cpu

    def wait(self, within_seconds: float = 60.0) -> float:
        """Wait for the end of the backlog; returns how long it took. Raises TimeoutError."""
        began = time.monotonic()
        while not (backlog := self.look()).is_empty:
            if time.monotonic() - began > within_seconds:
                raise TimeoutError(f"not drained within {within_seconds:g} s: {backlog}")
        return max(0.0, time.monotonic() - began - _LOOK_SECONDS)

    def look(self) -> Backlog:
        """The backlog now; takes a moment, since it watches the CPU for that long."""
        before, began = self._read_cpu(), time.monotonic()
        time.sleep(_LOOK_SECONDS)
        after, ended = self._read_cpu(), time.monotonic()
        busy = sum(after[name] - before[name] for name in before if name in after) / (ended - began)
        if busy >= _REST_CORES:
            # Not at rest: no need to ask, and asking would keep it busy.
            return Backlog(-1, -1, busy)
        return Backlog(self._unpublished(), asyncio.run(_unconsumed(self._nats_url)), busy)

    def close(self) -> None:
        """Close the connections."""
        for connection in self._databases:
            connection.close()

    def _unpublished(self) -> int:
        total = 0
        for connection in self._databases:
            row = connection.execute(_UNPUBLISHED).fetchone()
            total += row[0] if row else 0
        return total


async def _unconsumed(url: str) -> int:
    client = await nats.connect(url)
    try:
        consumers = await client.jetstream().consumers_info(STREAM)
        return sum((each.num_pending or 0) + (each.num_ack_pending or 0) for each in consumers)
    finally:
        await client.close()
