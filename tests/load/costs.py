"""What the small benches of one service share: a PostgreSQL of their own, CPU by round, and the table they print."""

import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from services.postgres import migrations
from stack import postgres
from stack.ports import free_port


@contextmanager
def databases(services: Mapping[str, str]) -> Iterator[tuple[list[str], psutil.Process]]:
    """A new PostgreSQL with the databases of `services` (name by service), migrated: their URLs and its process."""
    with tempfile.TemporaryDirectory(prefix="csms-cost-") as folder:
        server = postgres.start(Path(folder), port=free_port())
        try:
            urls = [f"{server.url.rsplit('/', 1)[0]}/{name}" for name in services.values()]
            for service, url in zip(services, urls, strict=True):
                migrations.upgrade(url, service)
            yield urls, psutil.Process(server.child.pid)
        finally:
            server.stop()
            postgres.remove(Path(folder))


@dataclass
class Cost:
    """Microseconds of CPU per item and milliseconds per call, of each round."""

    service: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)


class Costs:
    """CPU of this process and of PostgreSQL, whose process is `server`, by what it was spent on."""

    def __init__(self, server: psutil.Process) -> None:
        self._server = server
        self._costs: dict[str, Cost] = {}

    async def measure(self, name: str, work: Callable[[], Awaitable[None]], *, items: int, calls: int) -> None:
        """Do `work`, which is `calls` calls for `items` items, and add what it cost to the rounds of `name`."""
        # To ask for the database's share costs time of our own, so it is asked for outside of ours.
        database = self._database_seconds()
        service, clock = time.process_time(), time.perf_counter()
        await work()
        service, clock = time.process_time() - service, time.perf_counter() - clock
        database = self._database_seconds() - database
        cost = self._costs.setdefault(name, Cost())
        cost.service.append(service / items * 1e6)
        cost.database.append(database / items * 1e6)
        cost.milliseconds.append(clock / calls * 1e3)

    def print(self, item: str, call: str) -> None:
        """The medians of all rounds, a line for each name."""
        print(f"{f'us of CPU per {item}':32}{'service':>9}{'database':>10}{'sum':>8}{f'ms per {call}':>16}")
        for name, cost in self._costs.items():
            mine, theirs = statistics.median(cost.service), statistics.median(cost.database)
            wall = statistics.median(cost.milliseconds)
            print(f"{name:32}{mine:9.1f}{theirs:10.1f}{mine + theirs:8.1f}{wall:16.2f}")

    def _database_seconds(self) -> float:
        times = [process.cpu_times() for process in self._server.children(recursive=True)]
        return sum(time.user + time.system for time in times)
