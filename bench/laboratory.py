"""What every section of the benchmark works with: the system, its meter, one crowd of chargers at a time, the book."""

from dataclasses import dataclass, field, replace

from bench.backlog import Drain
from bench.book import Book, Row
from bench.cpu import CpuMeter
from bench.crowd import Connected
from bench.plan import EDGE, Sizes, followers_us, path_us
from bench.system import OwnEdge, System
from simulator.load.charger import Kind
from simulator.load.percentiles import summarize
from simulator.load.plan import Crowd, Target, Window
from simulator.load.run import Generator, Measured

_LONGER = (1, 4, 16)
PREFIX_OF = {"1.6": "BENCH", "2.0.1": "BENCH2", "2.1": "BENCH21-"}


@dataclass
class Laboratory:
    """The system under test and everything that is needed to measure it; `guest` is an edge that was invited."""

    system: System
    sizes: Sizes
    book: Book
    meter: CpuMeter
    drain: Drain
    _connected: Connected = field(default_factory=Connected)
    guest: OwnEdge | None = None

    def crowd(
        self,
        url: str,
        count: int,
        version: str = "1.6",
        ca: str | None = None,
        processes: int = 1,
        greeting: tuple[Kind, ...] = (Kind.BOOT,),
    ) -> Crowd:
        """The first `count` registered chargers of a version, at a server; `ca` is what they trust."""
        identities = identities_of(version, count)
        return Crowd(Target(url, ca), identities, identities, version, processes=processes, greeting=greeting)

    def generator(self, crowd: Crowd) -> Generator:
        """The generator of a crowd that is connected; it stays until another is asked for. Raises LoadFailed."""
        if self._connected.crowd != crowd and self.guest is not None and self.guest.url != crowd.target.url:
            self.dismiss()
        return self._connected.generator(crowd)

    def invite(self, edge: OwnEdge) -> OwnEdge:
        """Read this edge in place of the stack's own, until it is dismissed or another comes."""
        self.guest = edge
        self.meter.watch({EDGE: edge.child.pid})
        return edge

    def load(self, generator: Generator, window: Window) -> Measured:
        """Carry out a window; one so short that nobody was answered in it is done again, longer. Raises LoadFailed."""
        for times in _LONGER:
            measured = generator.load(replace(window, seconds=window.seconds * times), self.meter.read)
            if measured.tally.messages or measured.tally.errors:
                break
        return measured

    def settle(self) -> float:
        """Wait for the end of what the system still has to do; returns how long it took. Raises TimeoutError."""
        return self.drain.wait() if self.sizes.drains else 0.0

    def dismiss(self) -> None:
        """Send the crowd home and stop the invited edge, if they are there."""
        self._connected.send_home()
        if self.guest is not None:
            self.guest.child.stop()
            self.guest = None
            self.meter.watch({EDGE: self.system.pids[EDGE]})


def identities_of(version: str, count: int) -> list[str]:
    """The names of the first `count` chargers of a version, which are also the names of their cards."""
    return [f"{PREFIX_OF[version]}{number:05}" for number in range(1, count + 1)]


def figures_of(measured: Measured, service: str) -> dict[str, float | None]:
    """The columns of a row of traffic: rates, latency in milliseconds, CPU in microseconds per message."""
    tally, window = measured.tally, measured.window
    messages = tally.messages
    latency = summarize(tally.all_latencies_us())
    cpu_us = {name: cpu * 1e6 / messages for name, cpu in measured.cpu_seconds.items()} if messages else {}
    return {
        "messages": messages,
        "rate": messages / window.seconds,
        "offered": window.rate or None,
        "errors": sum(tally.errors.values()) + sum(tally.refused.values()),
        "p50": latency.p50,
        "p95": latency.p95,
        "p99": latency.p99,
        "max": latency.max,
        "path us": path_us(cpu_us, service) if messages else None,
        "followers us": followers_us(cpu_us, service) if messages else None,
        **{f"{name} us": cpu for name, cpu in cpu_us.items()},
    }


def record(book: Book, section: str, row: Row, measured: Measured, service: str) -> str:
    """Write a window down; one that had errors or no message is a failure as well. Returns a line about it."""
    figures = figures_of(measured, service)
    book.add(section, row, figures)
    wrong = {**measured.tally.errors, **measured.tally.refused}
    if wrong or not figures["messages"]:
        book.fail(section, row, f"errors: {wrong}" if wrong else "no message was answered")
    p99, path = figures["p99"], figures["path us"]
    return f"{figures['rate']:.0f}/s, p99 {_number(p99)} ms, {_number(path)} us" + (
        f", ERRORS {wrong}" if wrong else ""
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
