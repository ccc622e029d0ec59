"""CPU time of every process of the measured system, PostgreSQL's told apart by database.

PostgreSQL serves five services with one process per connection; each is named after its database, so that the work of
those who follow (billing, monitoring) is not charged to the path of a message.
"""

import ctypes
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil

POSTGRES = "postgres"
_DATABASE_PREFIX = "csms_"


@dataclass(frozen=True)
class _Backend:
    name: str
    seconds: float


class CpuMeter:
    """Reads the CPU seconds of the processes of a stack so far, by name; see `name_of_backend` for PostgreSQL's."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._backends: dict[psutil.Process, _Backend] = {}
        self._ended: dict[str, float] = {}

    def read(self) -> dict[str, float]:
        """User and system seconds by process. Processes that are gone are left out."""
        spent: dict[str, float] = {}
        for name, pid in self._pids.items():
            with suppress(psutil.NoSuchProcess):
                if name == POSTGRES:
                    self._add_postgres(psutil.Process(pid), spent)
                else:
                    spent[name] = _seconds(psutil.Process(pid))
        return spent

    def watch(self, pids: Mapping[str, int]) -> None:
        """From now on read these too, or instead of others of their names."""
        self._pids.update(pids)

    def forget(self, name: str) -> None:
        """From now on do not read this one."""
        self._pids.pop(name, None)

    def _add_postgres(self, server: psutil.Process, spent: dict[str, float]) -> None:
        living: dict[psutil.Process, _Backend] = {}
        for child in server.children():
            with suppress(psutil.NoSuchProcess):
                seconds = _seconds(child)
                known = self._backends.get(child)
                name = known.name if known else name_of_backend((child.cmdline() or [""])[0])
                living[child] = _Backend(name, seconds)
        for process, backend in self._backends.items():
            if process not in living:
                self._ended[backend.name] = self._ended.get(backend.name, 0.0) + backend.seconds
        self._backends = living
        times = server.cpu_times()
        # The time of those that ended is in the server's own books now; it goes on being told under their name.
        own = times.user + times.system + times.children_user + times.children_system - sum(self._ended.values())
        spent[POSTGRES] = own
        for name, seconds in (*self._ended.items(), *((each.name, each.seconds) for each in living.values())):
            spent[name] = spent.get(name, 0.0) + seconds


def name_of_backend(title: str) -> str:
    """`postgres stations` for a process of the database csms_stations, `postgres` for the server's own."""
    words = title.split(" ")
    if len(words) > 2 and words[0] == "postgres:" and words[2].startswith(_DATABASE_PREFIX):
        return f"{POSTGRES} {words[2].removeprefix(_DATABASE_PREFIX)}"
    return POSTGRES


def _seconds(process: psutil.Process) -> float:
    """To the nanosecond by the process's own clock. What psutil reads is cut to hundredths, for user and system time of
    each process: over fifty processes that is a few per cent of what two seconds of load cost."""
    if sys.platform != "linux":
        times = process.cpu_times()
        return float(times.user + times.system)
    clock = ctypes.c_int()
    if ctypes.CDLL(None).clock_getcpuclockid(process.pid, ctypes.byref(clock)) != 0:
        raise psutil.NoSuchProcess(process.pid)
    try:
        return time.clock_gettime(clock.value)
    except OSError as error:
        raise psutil.NoSuchProcess(process.pid) from error
