"""One of the two builds that are compared, started anew for each row: how long that takes, and what it takes at rest.

Its data stays, so that every start but the first is a warm one. Nothing else of the comparison runs meanwhile.
"""

import time
from collections.abc import Callable, Mapping

from bench import footprint
from bench.against.contestant import crowd_of, register
from bench.against.plan import Sizes
from bench.against.ratios import Spent
from bench.against.rest import Rest
from bench.cpu import CpuMeter
from bench.laboratory import identities_of
from bench.plan import EDGE, ENVOY, REST, START
from bench.system import House, System
from simulator.load import processes
from simulator.load.run import opened
from stack.topology import who_runs_in

_KIB_PER_MIB = 1024
_ENDED = "ended"


class Fresh:
    """`name` is told to people. The first start makes databases, charge points and cards. Raises StackError."""

    def __init__(self, name: str, house: House, sizes: Sizes) -> None:
        self.name = name
        self.idle_cores: Mapping[str, float] = {}
        self._house = house
        self._sizes = sizes
        with house.starting() as wait:
            register(wait(), "1.6", sizes.idle)

    def begin_round(self) -> None:
        """Nothing: nobody runs between the rows."""

    def start(self) -> Spent:
        """From `csms up` until everything serves: its seconds, and the CPU of all that it has started."""
        with self._house.starting() as wait:
            system = wait()
            named = _meter(system).read()
            # Also of those that have ended since, as migrations do.
            total = processes.cpu_seconds({footprint.FIRST: system.first})[footprint.FIRST]
            cpu_seconds = {**named, _ENDED: total - sum(named.values())}
            return Spent(cpu_seconds, 0.0, 1, {"ready s": system.ready_seconds})

    def rest(self) -> Spent:
        """Chargers connect, boot and are silent: CPU by the second, wake-ups, memory of the stack and of a socket."""
        with self._house.starting() as wait:
            system = wait()
            meter = Rest(_meter(system), self._sizes.seconds)
            meter.wait()
            base = footprint.memory(system.first, system.pids)
            with opened(crowd_of(system, "1.6", identities_of("1.6", self._sizes.idle))):
                meter.wait()
                held = footprint.memory(system.first, system.pids)
                before, began = footprint.wake_ups(system.first, system.pids), time.monotonic()
                cores = meter.look(self._sizes.rest_seconds)
                after, watched = footprint.wake_ups(system.first, system.pids), time.monotonic() - began
        figures = {"RSS MiB": sum(base.rss.values()), "PSS MiB": sum(base.pss.values())}
        for name in (ENVOY, EDGE):
            grown = _of(held.rss, name) - _of(base.rss, name)
            figures[f"{name} KiB a socket"] = grown * _KIB_PER_MIB / self._sizes.idle
        figures["wake-ups a second"] = (sum(after.values()) - sum(before.values())) / watched
        return Spent(cores, 0.0, 1, figures)


BURSTS: Mapping[str, Callable[[Fresh], Spent]] = {START: Fresh.start, REST: Fresh.rest}


def _of(figures: Mapping[str, float], name: str) -> float:
    """The figure of the process that `name` runs in, with those that share it."""
    return next(value for names, value in figures.items() if name in who_runs_in(names))


def _meter(system: System) -> CpuMeter:
    return CpuMeter({**system.pids, **footprint.starters(system.first, system.pids)})
