"""When a stack rests, what it takes of the CPU then, and what a burst of load takes from rest to rest."""

import time
from collections.abc import Callable

from bench.against.ratios import Done, Spent, medians
from bench.cpu import CpuMeter

# A look at whether it rests, and how long it may not: it is measured all the same then.
_LOOK_SECONDS = 0.5
_RESTS_WITHIN_SECONDS = 20.0
# Above what it does when it is idle, which is not known at first.
_REST_CORES, _REST_CORES_AT_FIRST = 0.05, 0.25


class Rest:
    """`seconds` is about how long a burst takes."""

    def __init__(self, meter: CpuMeter, seconds: float) -> None:
        self._meter = meter
        self._seconds = seconds
        self._idle: list[dict[str, float]] = []

    @property
    def idle_cores(self) -> dict[str, float]:
        """What it does when nothing is asked of it: CPU seconds per second by process, the median of all looks."""
        return medians(self._idle)

    def look(self, seconds: float | None = None) -> dict[str, float]:
        """Watch it do nothing, for as long as a burst takes; the cores that each process used."""
        self.wait()
        before, began = self._meter.read(), time.monotonic()
        time.sleep(seconds or self._seconds)
        after, watched = self._meter.read(), time.monotonic() - began
        self._idle.append({name: (after[name] - before.get(name, 0.0)) / watched for name in after})
        return self._idle[-1]

    def spent(self, burst: Callable[[], Done]) -> Spent:
        """Carry out a burst, and wait until everything that follows from it is done too."""
        self.wait()
        before, began = self._meter.read(), time.monotonic()
        done = burst()
        after, ended = self.wait()
        cpu_seconds = {name: after[name] - before.get(name, 0.0) for name in after}
        return Spent(cpu_seconds, ended - began - done.own_seconds, done.count, done.figures)

    def wait(self) -> tuple[dict[str, float], float]:
        """Wait until it does hardly more than when it is idle; what it had spent when that began, and when it was."""
        idle = sum(self.idle_cores.values())
        enough = 1.5 * idle + _REST_CORES if idle else _REST_CORES_AT_FIRST
        look = min(_LOOK_SECONDS, self._seconds)
        give_up_at = time.monotonic() + _RESTS_WITHIN_SECONDS
        before, began = self._meter.read(), time.monotonic()
        while True:
            time.sleep(look)
            after, ended = self._meter.read(), time.monotonic()
            if sum(after.values()) - sum(before.values()) < enough * (ended - began) or ended > give_up_at:
                return before, began
            before, began = after, ended
