"""A load run: generator processes, the measuring window, the report."""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import SpawnProcess
from typing import Any

from simulator.load import processes, worker
from simulator.load.percentiles import summarize
from simulator.load.plan import Crowd, LoadPlan, Window
from simulator.load.tally import Tally

_OPENING_SECONDS = 600.0
_RESULT_SECONDS = 60.0
_ORDER_SECONDS = 600.0
_GOODBYE_SECONDS = 180.0
_START_DELAY_SECONDS = 0.2
_EDGE = "edge"


class LoadFailed(Exception):
    """The run could not be carried out."""


@dataclass(frozen=True)
class Measured:
    """What a window came to: the answers, and the CPU seconds of each process in that very window."""

    window: Window
    tally: Tally
    cpu_seconds: Mapping[str, float]


class Generator:
    """The generator processes of one crowd, made by `opened`; takes one order at a time.

    `opening_seconds` is how long the connections took to open and greet.
    """

    def __init__(self) -> None:
        self._workers: list[tuple[SpawnProcess, Pipe]] = []
        self.opening_seconds = 0.0

    @property
    def pids(self) -> dict[str, int]:
        """The generator's own processes."""
        return {f"generator {number}": child.pid or 0 for number, (child, _) in enumerate(self._workers, 1)}

    def open(self, crowd: Crowd) -> None:
        """Start the processes and connect everybody. Raises LoadFailed."""
        context = multiprocessing.get_context("spawn")
        for share in crowd.shares():
            ours, theirs = context.Pipe()
            child = context.Process(target=worker.main, args=(share, theirs), daemon=True)
            child.start()
            theirs.close()
            self._workers.append((child, ours))
        for _, pipe in self._workers:
            message = _receive(pipe, _OPENING_SECONDS)
            if isinstance(message, worker.Failed):
                raise LoadFailed(message.reason)
            if not isinstance(message, worker.Ready):
                raise LoadFailed(f"unexpected {message!r}")
            self.opening_seconds = max(self.opening_seconds, message.seconds)

    def load(self, window: Window, read_cpu: Callable[[], Mapping[str, float]]) -> Measured:
        """Carry out one window; all processes begin at the same moment.

        `read_cpu` gives the CPU seconds of what is watched, by name; the generator's own come beside it. Raises
        LoadFailed.
        """
        start = time.monotonic() + _START_DELAY_SECONDS
        self.tell(worker.Load(window, start))
        _sleep_until(start + window.warmup_seconds)
        before = {**read_cpu(), **processes.cpu_seconds(self.pids)}
        _sleep_until(start + window.warmup_seconds + window.seconds)
        after = {**read_cpu(), **processes.cpu_seconds(self.pids)}
        spent = {name: after[name] - before[name] for name in before if name in after}
        return Measured(window, self.hear(), spent)

    def carry_out(self, order: worker.Order, timeout_seconds: float = _ORDER_SECONDS) -> Tally:
        """Give all processes an order and wait until they have carried it out. Raises LoadFailed when one cannot."""
        self.tell(order)
        tally = self.hear(timeout_seconds)
        if tally.errors:
            raise LoadFailed(f"{type(order).__name__}: {dict(tally.errors)}")
        return tally

    def tell(self, order: worker.Order) -> None:
        """Give all processes an order, without waiting."""
        for _, pipe in self._workers:
            pipe.send(order)

    def hear(self, timeout_seconds: float = _RESULT_SECONDS) -> Tally:
        """Wait until all have carried out the order. Raises LoadFailed."""
        tally = Tally()
        for _, pipe in self._workers:
            message = _receive(pipe, timeout_seconds)
            if not isinstance(message, worker.Result):
                raise LoadFailed(f"unexpected {message!r}")
            tally.add(message.tally)
        return tally

    def close(self) -> None:
        """End what runs on the chargers, and the processes."""
        for child, pipe in self._workers:
            if child.is_alive():
                pipe.send(None)
        for child, _ in self._workers:
            child.join(_GOODBYE_SECONDS)

    def kill(self) -> None:
        """End the processes at once, if they still run."""
        for child, pipe in self._workers:
            if child.is_alive():
                child.kill()
                child.join()
            pipe.close()


@contextmanager
def opened(crowd: Crowd) -> Iterator[Generator]:
    """The generator of a crowd that is connected. Raises LoadFailed."""
    generator = Generator()
    try:
        generator.open(crowd)
        yield generator
        generator.close()
    finally:
        generator.kill()


def run(plan: LoadPlan) -> dict[str, Any]:
    """Carry out a plan and return its report.

    Raises:
        LoadFailed: a connection could not be opened or taken in, or a generator process died.
    """
    memory_before = processes.resident_bytes(plan.pids)
    with opened(plan.crowd) as generator:
        memory_open = processes.resident_bytes(plan.pids)
        measured = generator.load(plan.window, lambda: processes.cpu_seconds(plan.pids))
    return report(plan, measured.tally, measured.cpu_seconds, memory_before, memory_open)


def report(
    plan: LoadPlan,
    tally: Tally,
    spent: Mapping[str, float],
    memory_before: Mapping[str, int],
    memory_open: Mapping[str, int],
) -> dict[str, Any]:
    """The figures of a run, ready to be printed as JSON. CPU is microseconds per answered message."""
    messages = tally.messages
    edges = [name for name in memory_open if name.startswith(_EDGE) and name in memory_before]
    grown = sum(memory_open[name] - memory_before[name] for name in edges)
    system = {name: cpu for name, cpu in spent.items() if not name.startswith("generator")}
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "url": plan.target.url,
        "version": plan.version,
        "mix": plan.mix,
        "connections": plan.connections,
        "processes": len(plan.crowd.shares()),
        "seconds": plan.seconds,
        "offeredRate": plan.rate or None,
        "messages": messages,
        "rate": round(messages / plan.seconds, 1),
        "errors": dict(tally.errors),
        "refused": dict(tally.refused),
        "serverCalls": tally.server_calls,
        "latencyMs": asdict(summarize(tally.all_latencies_us())),
        "byKind": {
            kind: {"messages": len(samples), "latencyMs": asdict(summarize(samples))}
            for kind, samples in sorted(tally.latencies_us.items())
        },
        "cpuUsPerMessage": {name: _per_message(cpu, messages) for name, cpu in spent.items()},
        "systemCpuUsPerMessage": _per_message(sum(system.values()), messages) if system else None,
        "memoryMiB": {name: round(size / 2**20, 1) for name, size in memory_open.items()},
        "edgeKiBPerConnection": round(grown / 1024 / plan.connections, 1) if edges else None,
        "machine": processes.machine(),
        "versions": processes.versions(),
    }


def _per_message(cpu_seconds: float, messages: int) -> float | None:
    return round(cpu_seconds * 1e6 / messages, 2) if messages else None


def _receive(pipe: Pipe, timeout_seconds: float) -> object:
    try:
        if pipe.poll(timeout_seconds):
            return pipe.recv()
    except EOFError:
        raise LoadFailed("a generator process died") from None
    raise LoadFailed("a generator process does not answer")


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
