"""CPU time and memory of the processes under load, by name. A process counts with all its children.

PostgreSQL is many processes that come and go: the time of those that went is in their parent's books.
"""

import json
import os
import platform
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import TypeVar

import psutil

_Number = TypeVar("_Number", int, float)

_PACKAGES = (
    "grpcio",
    "protobuf",
    "websockets",
    "orjson",
    "jsonschema-rs",
    "sqlalchemy",
    "psycopg",
    "nats-py",
    "uvloop",
)


def parse_pids(text: str) -> dict[str, int]:
    """Read `name=pid,name=pid`.

    Raises:
        ValueError: it is not written so.
    """
    found: dict[str, int] = {}
    for part in text.split(","):
        name, separator, pid = part.partition("=")
        if not separator or not name.strip() or not pid.strip().isdecimal():
            raise ValueError(f"{part!r} is not name=pid")
        found[name.strip()] = int(pid)
    return found


def of_stack(state: Path) -> dict[str, int]:
    """The processes of the stack that runs on a state directory, as it has listed them.

    Raises:
        FileNotFoundError: no stack has run there.
    """
    listed = json.loads((state / "processes.json").read_text(encoding="utf-8"))
    return {str(name): int(pid) for name, pid in listed.items()}


def pid_of(pids: Mapping[str, int], name: str) -> int:
    """The process that `name` runs in, perhaps together with others (`station+driver`). Raises KeyError."""
    for names, pid in pids.items():
        if name in names.split("+"):
            return pid
    raise KeyError(name)


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """User and system time spent so far. Processes that are gone are left out."""
    return _sums(pids, _cpu_seconds)


def resident_bytes(pids: Mapping[str, int]) -> dict[str, int]:
    """Resident memory, shared pages counted in each process."""
    return _sums(pids, lambda process: process.memory_info().rss)


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memoryMiB": psutil.virtual_memory().total >> 20,
        "system": f"{platform.system()} {platform.release()}",
        "loadAverage": [round(load, 2) for load in os.getloadavg()],
    }


def versions() -> dict[str, str]:
    """The versions installed beside the generator, which in one checkout are those of the server too."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _sums(pids: Mapping[str, int], of: Callable[[psutil.Process], _Number]) -> dict[str, _Number]:
    """The sum over each process that lives and all below it."""
    children: dict[int, list[psutil.Process]] = {}
    # One look at all processes: to ask for the children of each would take longer than some windows may last.
    for process in psutil.process_iter(["ppid"]):
        children.setdefault(process.info["ppid"], []).append(process)
    sums: dict[str, _Number] = {}
    for name, pid in pids.items():
        with suppress(psutil.NoSuchProcess):
            family = [psutil.Process(pid)]
            for member in family:  # grows while it is walked
                family += children.get(member.pid, [])
            values = []
            for member in family:
                with suppress(psutil.NoSuchProcess):
                    values.append(of(member))
            sums[name] = sum(values[1:], values[0]) if values else of(family[0])
    return sums


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    lines = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == "model name"), platform.machine())
