"""A whole load run: processes, the measuring window, the report."""

import multiprocessing
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import SpawnProcess
from typing import Any

from simulator.load import processes, worker
from simulator.load.percentiles import summarize
from simulator.load.plan import LoadPlan
from simulator.load.tally import Tally
from simulator.load.worker import Failed, Ready, Result

_OPENING_SECONDS = 600.0
_RESULT_SECONDS = 60.0
_START_DELAY_SECONDS = 0.2
_EDGE = "edge"


class LoadFailed(Exception):
    """The run could not be carried out."""


def run(plan: LoadPlan) -> dict[str, Any]:
    """Carry out a plan and return its report.

    Raises:
        LoadFailed: a connection could not be opened or taken in, or a generator process died.
    """
    context = multiprocessing.get_context("spawn")
    memory_before = processes.resident_bytes(plan.pids)
    workers: list[tuple[SpawnProcess, Pipe]] = []
    try:
        for share in plan.shares():
            ours, theirs = context.Pipe()
            child = context.Process(target=worker.main, args=(share, theirs))
            child.start()
            theirs.close()
            workers.append((child, ours))
        for _, pipe in workers:
            message = _receive(pipe, _OPENING_SECONDS)
            if isinstance(message, Failed):
                raise LoadFailed(message.reason)
            if not isinstance(message, Ready):
                raise LoadFailed(f"unexpected {message!r}")
        memory_open = processes.resident_bytes(plan.pids)
        tally, spent = _measure(plan, workers)
        for child, pipe in workers:
            pipe.send("done")
            child.join(_RESULT_SECONDS)
    finally:
        for child, _ in workers:
            if child.is_alive():
                child.kill()
    return report(plan, tally, spent, memory_before, memory_open)


def _measure(plan: LoadPlan, workers: list[tuple[SpawnProcess, Pipe]]) -> tuple[Tally, dict[str, float]]:
    """Let all go at the same moment; CPU time is read at both ends of the same window in which answers count."""
    watched = dict(plan.pids) | {f"generator {number}": child.pid or 0 for number, (child, _) in enumerate(workers, 1)}
    start = time.monotonic() + _START_DELAY_SECONDS
    for _, pipe in workers:
        pipe.send(start)
    _sleep_until(start + plan.warmup_seconds)
    before = processes.cpu_seconds(watched)
    _sleep_until(start + plan.warmup_seconds + plan.seconds)
    after = processes.cpu_seconds(watched)
    tally = Tally()
    for _, pipe in workers:
        message = _receive(pipe, _RESULT_SECONDS)
        if not isinstance(message, Result):
            raise LoadFailed(f"unexpected {message!r}")
        tally.add(message.tally)
    return tally, {name: after[name] - before[name] for name in before if name in after}


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
        "processes": len(plan.shares()),
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
