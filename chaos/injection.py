"""Carries out a schedule of faults and watches how long each takes to heal.

Signals and proxies only: nothing of the product knows that it is tested.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil

from chaos import queues
from chaos.proxy import Proxy
from chaos.schedule import Fault, FaultKind
from chaos.system import System

_LOOK_SECONDS = 0.25
# Connections outlive a silence that is no longer.
_LONGEST_FILL_SECONDS = 15.0
_HEALING_SECONDS = 60.0


@dataclass
class Struck:
    """A fault that was carried out: when (seconds since 1970), what exactly, and how long until all was well again.

    `healed_seconds` counts from the strike, time held included, until every process accepted connections again and
    every public port served; None when that was not seen. `filled` is how much waited at most while a queue was to
    fill; None for other faults.
    """

    fault: Fault
    time: float
    summary: str
    healed_seconds: float | None = None
    killed: dict[str, int] = field(default_factory=dict)
    filled: int | None = None


async def carry_out(faults: Sequence[Fault], system: System, say: Callable[[str], None]) -> list[Struck]:
    """Strike as scheduled; returns when the last fault has healed, or would not."""
    began = time.monotonic()
    struck: list[Struck] = []
    async with asyncio.TaskGroup() as group:
        all_over = asyncio.Event()
        watch = group.create_task(_watch(system, struck, all_over))
        strikes = []
        for fault in faults:
            await asyncio.sleep(max(0.0, began + fault.at_seconds - time.monotonic()))
            strikes.append(group.create_task(_strike(fault, system, struck, say)))
        await asyncio.wait(strikes)
        all_over.set()
        await asyncio.wait([watch], timeout=_HEALING_SECONDS)
        watch.cancel()
    return struck


async def _strike(fault: Fault, system: System, struck: list[Struck], say: Callable[[str], None]) -> None:
    began = time.time()
    match fault.kind:
        case FaultKind.KILL | FaultKind.BLACKOUT:
            pids = system.pids()
            killed = {name: pids[name] for name in fault.targets if name in pids}
            count = sum(_kill(pid) for pid in killed.values())
            one = Struck(fault, began, f"{count} processes", killed=killed)
        case FaultKind.FREEZE:
            one = Struck(fault, began, f"{fault.seconds:g} s")
            with _frozen([system.pids()[name] for name in fault.targets]):
                await asyncio.sleep(fault.seconds)
        case FaultKind.FILL:
            with _frozen([system.pids()[name] for name in fault.targets]):
                filled = await _deepest(system, fault)
            one = Struck(fault, began, f"{time.time() - began:.1f} s, {filled} waited", filled=filled)
        case FaultKind.STALL:
            one = Struck(fault, began, f"{fault.seconds:g} s")
            await _stall(system.links[fault.targets[0]], fault.seconds)
        case FaultKind.CUT:
            one = Struck(fault, began, f"{system.links[fault.targets[0]].cut()} connections")
        case FaultKind.TEAR:
            one = Struck(fault, began, f"{system.links[fault.targets[0]].tear()} connections")
    say(f"{fault.kind}: {', '.join(fault.targets) if len(fault.targets) < 4 else 'all'} ({one.summary})")
    struck.append(one)


def _kill(pid: int) -> int:
    """Kill a process with all that it started, PostgreSQL's among them; how many there were."""
    victims = _family(pid)
    for victim in victims:
        with suppress(psutil.NoSuchProcess):
            victim.send_signal(signal.SIGKILL)
    return len(victims)


@contextmanager
def _frozen(pids: Sequence[int]) -> Iterator[None]:
    """Those stand still inside the block."""
    victims = [victim for pid in pids for victim in _family(pid)]
    try:
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.send_signal(signal.SIGSTOP)
        yield
    finally:
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.send_signal(signal.SIGCONT)


async def _deepest(system: System, fault: Fault) -> int:
    """How much waits at most for those that stand still, until their time is over. On a busy machine nothing may come
    about for seconds: then until something waits, within bounds."""
    deepest, began = 0, time.monotonic()
    while (passed := time.monotonic() - began) < fault.seconds or (not deepest and passed < _LONGEST_FILL_SECONDS):
        deepest = max(deepest, await asyncio.to_thread(queues.waiting, system, fault.targets))
        await asyncio.sleep(_LOOK_SECONDS)
    return deepest


async def _stall(link: Proxy, seconds: float) -> None:
    link.stall()
    try:
        await asyncio.sleep(seconds)
    finally:
        link.resume()


def _family(pid: int) -> list[psutil.Process]:
    try:
        head = psutil.Process(pid)
        return [head, *head.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


async def _watch(system: System, struck: list[Struck], all_over: asyncio.Event) -> None:
    """Note when each fault has healed, until no more come and the last one has."""
    while (open_ones := [one for one in struck if one.healed_seconds is None]) or not all_over.is_set():
        if open_ones:
            asked = time.time()
            pids = system.pids()
            if await asyncio.to_thread(_is_all_well, system, pids):
                for one in open_ones:
                    replaced = all(pids.get(name) != pid for name, pid in one.killed.items())
                    if replaced and one.time + one.fault.seconds <= asked:
                        one.healed_seconds = time.time() - one.time
        await asyncio.sleep(_LOOK_SECONDS)


def _is_all_well(system: System, pids: Iterable[str]) -> bool:
    return all(map(system.is_listening, pids)) and system.is_serving()
