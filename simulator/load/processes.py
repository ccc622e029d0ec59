"""CPU time and memory of the processes under load, by name. A process counts with all its children.

PostgreSQL is many processes that come and go: the time of those that went is in their parent's books.
"""

import json
import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import psutil

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


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """User and system time spent so far. Processes that are gone are left out."""
    spent = {}
    for name, process in _alive(pids).items():
        total = 0.0
        for each in [process, *process.children(recursive=True)]:
            try:
                times = each.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system + times.children_user + times.children_system
        spent[name] = total
    return spent


def resident_bytes(pids: Mapping[str, int]) -> dict[str, int]:
    """Resident memory, shared pages counted in each process."""
    memory = {}
    for name, process in _alive(pids).items():
        total = 0
        for each in [process, *process.children(recursive=True)]:
            try:
                total += each.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        memory[name] = total
    return memory


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


def _alive(pids: Mapping[str, int]) -> dict[str, psutil.Process]:
    return {name: psutil.Process(pid) for name, pid in pids.items() if psutil.pid_exists(pid)}


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    lines = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == "model name"), platform.machine())
