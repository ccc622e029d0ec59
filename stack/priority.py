"""Lets those who only follow by events go last when there is not enough of the processor for all (ADR 30).

That is their processes, and those that PostgreSQL has for the connections to their databases. Linux only; elsewhere,
and where the system refuses, everything stays as it is.
"""

import asyncio
import os
from collections.abc import Callable, Collection, Mapping, Set
from contextlib import suppress
from pathlib import Path

from stack.topology import who_runs_in

# Connections live long, and one that is new may go first for as long as this.
_LOOK_SECONDS = 1.0
# Long enough for a connection to say whose it is, and for sessions of which one is weighed anew at a time.
_SETTLING_SECONDS = 30.0
# Who goes last from the start on comes up late when others want all of the processor, or not in time.
_COMING_UP_SECONDS = 30.0
_LOWEST = 19


async def keep_last(
    pids: Callable[[], Mapping[str, int]], followers: Set[str], databases: Collection[str], niceness: int
) -> None:
    """Put them last for ever, whoever connects anew or is started again, once that has come up; see `put_last`."""
    since: dict[int, float] = {}
    known: dict[int, float] = {}
    while True:
        running, now = pids(), asyncio.get_running_loop().time()
        since = {pid: since.get(pid, now) for pid in running.values()}
        up = {name: pid for name, pid in running.items() if since[pid] + _COMING_UP_SECONDS <= now}
        backends = _children(up["postgres"]) if "postgres" in up else []
        known = {pid: known.get(pid, now) for pid in [*up.values(), *backends]}
        # What was looked at for a while is as it should be, and stays so: only new ones are looked at.
        put_last(up, followers, databases, niceness, {pid for pid in known if known[pid] + _SETTLING_SECONDS < now})
        await asyncio.sleep(_LOOK_SECONDS)


def put_last(
    pids: Mapping[str, int],
    followers: Set[str],
    databases: Collection[str],
    niceness: int,
    settled: Set[int] = frozenset(),
) -> None:
    """Give a niceness that is higher than ours by `niceness` to `followers` and to the backends of `databases`.

    `pids` has the processes of the stack by name, each of which leads a session; replicas are called `billing-2`, and
    one that several share `billing+monitoring`. Those in `settled` are passed over.
    """
    level = min(os.getpriority(os.PRIO_PROCESS, 0) + niceness, _LOWEST)
    for name, pid in pids.items():
        if pid not in settled and followers >= set(who_runs_in(name)):
            # A process is lowered by thread, all of them together by their group.
            _lower(os.PRIO_PGRP, pid, level)
            _lower_session(pid, niceness)
        elif name == "postgres":
            for backend in _children(pid):
                if backend not in settled and _database(backend) in databases:
                    # Each of them leads a session as well.
                    _lower(os.PRIO_PROCESS, backend, level)
                    _lower_session(backend, niceness)


def _lower(kind: int, number: int, niceness: int) -> None:
    with suppress(OSError):
        if os.getpriority(kind, number) < niceness:
            os.setpriority(kind, number, niceness)


def _lower_session(pid: int, niceness: int) -> None:
    """Where the kernel weighs sessions (autogroup), niceness of processes only counts among those of one session."""
    with suppress(OSError):
        weight = Path(f"/proc/{pid}/autogroup")
        # Without privileges only one change in a tenth of a second is taken: the next look brings the others.
        if not weight.read_text().endswith(f" nice {niceness}\n"):
            weight.write_text(str(niceness))


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _database(backend: int) -> str:
    """Whose work a process of PostgreSQL does, by its title: `postgres: csms csms_billing 127.0.0.1(50630) idle`."""
    with suppress(OSError):
        words = Path(f"/proc/{backend}/cmdline").read_text(errors="replace").split(" ")
        return words[2] if len(words) > 2 else ""
    return ""
