"""What a stack takes besides CPU: memory and wake-ups of every process below its first, by name."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

FIRST = "csms up"
"""Who started the others; what it has below it without a name above it counts as it."""

_MIB = 2**20
_WAKE_UPS = "voluntary_ctxt_switches:"


@dataclass(frozen=True)
class Memory:
    """MiB by process: resident, shared pages in each (`rss`), and with each shared page divided by those who have it.

    `pss` is told by Linux alone, and empty elsewhere.
    """

    rss: Mapping[str, float]
    pss: Mapping[str, float]


def starters(first: int, pids: Mapping[str, int]) -> dict[str, int]:
    """Process `first` and those below it that belong to none with a name, by names of their own."""
    found = [process.pid for name, process in _family(first, pids) if name == FIRST]
    return {f"{FIRST} {number}" if number > 1 else FIRST: pid for number, pid in enumerate(found, 1)}


def memory(first: int, pids: Mapping[str, int]) -> Memory:
    """The memory of process `first` and all below it; `pids` are those with names."""
    rss: dict[str, float] = {}
    pss: dict[str, float] = {}
    for name, process in _family(first, pids):
        with suppress(psutil.NoSuchProcess):
            found = process.memory_full_info()
            rss[name] = rss.get(name, 0.0) + found.rss / _MIB
            if hasattr(found, "pss"):
                pss[name] = pss.get(name, 0.0) + found.pss / _MIB
    return Memory(rss, pss)


def wake_ups(first: int, pids: Mapping[str, int]) -> dict[str, int]:
    """How often the threads of each process have slept and gone on so far. Empty where /proc does not tell."""
    counts: dict[str, int] = {}
    for name, process in _family(first, pids):
        for status in Path(f"/proc/{process.pid}/task").glob("*/status"):
            # Threads and processes come and go while they are read.
            with suppress(OSError):
                lines = status.read_text(encoding="utf-8").splitlines()
                counts[name] = counts.get(name, 0) + sum(
                    int(line.removeprefix(_WAKE_UPS)) for line in lines if line.startswith(_WAKE_UPS)
                )
    return counts


def _family(first: int, pids: Mapping[str, int]) -> Iterator[tuple[str, psutil.Process]]:
    """Every process with the name of the nearest above it that has one."""
    names = {first: FIRST, **{pid: name for name, pid in pids.items()}}
    children: dict[int, list[psutil.Process]] = {}
    for process in psutil.process_iter(["ppid"]):
        children.setdefault(process.info["ppid"], []).append(process)
    todo = [(FIRST, psutil.Process(first))]
    for name, process in todo:  # grows while it is walked
        yield name, process
        todo += [(names.get(child.pid, name), child) for child in children.get(process.pid, [])]
