"""Section `connections`: what a connection costs when it opens and while it is held, in the open and with TLS.

Each step has an edge process of its own, so that memory begins at nothing.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from bench.certificate import Certificate
from bench.laboratory import Laboratory
from bench.plan import EDGE
from bench.steps import Step
from bench.system import OwnEdge, start_own_edge
from simulator.load import processes
from simulator.load.charger import Kind
from simulator.load.percentiles import summarize
from simulator.load.plan import Crowd, Window
from simulator.load.run import Generator, Measured, opened
from simulator.load.tally import Tally
from simulator.load.worker import Say

SECTION = "connections"
_KIB = 1024
# One process may not have enough descriptors for all.
_CHARGERS_PER_PROCESS = 8_000
# What the edge itself has seen in the last minute, where it tells.
_LAG = "event_loop_lag_max_seconds"
_PROBE_RATE = 1_000
_BUSY_RATE = 2_000
_CHATTER = (Kind.START, Kind.METER_VALUES, Kind.METER_VALUES, Kind.METER_VALUES)
_REPORTS = (Kind.BOOT, Kind.STATUS, Kind.STATUS)
# What opening a connection takes, roughly, all sides together.
_SECONDS_EACH = 0.002


class Connections:
    """`certificate` is what an edge speaks TLS with."""

    def __init__(self, laboratory: Laboratory, certificate: Certificate) -> None:
        self._laboratory = laboratory
        self._certificate = certificate

    def steps(self) -> Iterator[Step]:
        """Handshakes round by round, then the crowds that are held."""
        sizes = self._laboratory.sizes
        for _ in range(sizes.rounds):
            for tls in (False, True):
                seconds = 2 + sizes.handshakes * 2 * _SECONDS_EACH
                yield Step(SECTION, ("handshake", _name(tls)), seconds, self._step(self._handshakes, tls))
        for tls in (False, True):
            seconds = 3 + sizes.charging * 4 * _SECONDS_EACH
            yield Step(SECTION, ("charging", _name(tls)), seconds, self._step(self._charging, tls))
        for tls in (False, True):
            seconds = 5 + sizes.idle * 3 * _SECONDS_EACH + 3 * sizes.probe_seconds
            yield Step(SECTION, ("idle", _name(tls)), seconds, self._step(self._idle, tls))

    def _step(self, measure: Callable[[OwnEdge], str], tls: bool) -> Callable[[], str]:
        def run() -> str:
            laboratory = self._laboratory
            laboratory.dismiss()
            settings = self._certificate.edge_settings if tls else None
            edge = laboratory.invite(start_own_edge(laboratory.system, tls=settings))
            try:
                laboratory.settle()
                return measure(edge)
            finally:
                laboratory.dismiss()

        return run

    def _handshakes(self, edge: OwnEdge) -> str:
        """Connect, then boot and report two connectors: what a charger does after an outage."""
        laboratory, count = self._laboratory, self._laboratory.sizes.handshakes
        before = laboratory.meter.read()
        with opened(self._crowd(edge, count, ())) as generator:
            connected = _us_each(before, laboratory.meter.read(), count)
            before, began = laboratory.meter.read(), time.monotonic()
            generator.carry_out(Say(_REPORTS))
            reported = _us_each(before, laboratory.meter.read(), count)
            reporting = time.monotonic() - began
            figures = {"rate": count / generator.opening_seconds, "edge us": connected[EDGE]}
            laboratory.book.add(SECTION, ("handshake", _name(edge.tls)), {**figures, **_named(connected)})
            whole = {name: connected[name] + reported[name] for name in connected}
            rate = count / (generator.opening_seconds + reporting)
            laboratory.book.add(SECTION, ("reconnect", _name(edge.tls)), {"rate": rate, **_named(whole)})
        return f"{figures['rate']:.0f} handshakes/s, {figures['edge us']:.0f} us in the edge"

    def _charging(self, edge: OwnEdge) -> str:
        count = self._laboratory.sizes.charging
        before = edge.resident_bytes()
        with opened(self._crowd(edge, count, (Kind.BOOT,))) as generator:
            generator.carry_out(Say(_CHATTER))
            each = (edge.resident_bytes() - before) / _KIB / count
        self._laboratory.book.add(SECTION, ("charging", _name(edge.tls)), {"connections": count, "KiB": each})
        return f"{each:.1f} KiB each"

    def _idle(self, edge: OwnEdge) -> str:
        """Hold a crowd, and watch by a probe how long the edge ever keeps anybody waiting."""
        laboratory, sizes, name = self._laboratory, self._laboratory.sizes, _name(edge.tls)
        with opened(self._probe_crowd(edge)) as probe:
            self._record_pause(edge, "nobody else", self._probe(edge, probe).tally)
            before = edge.resident_bytes()
            with self._probing(edge, probe, "while they connect"):
                generator = laboratory.generator(self._crowd(edge, sizes.idle, (Kind.BOOT,)))
            laboratory.settle()
            each = (edge.resident_bytes() - before) / _KIB / sizes.idle
            held = self._probe(edge, probe)
            self._record_pause(edge, "held", held.tally)
            window = Window("heartbeat", _BUSY_RATE, 0.0, sizes.probe_seconds)
            with self._probing(edge, probe, "held and busy"):
                generator.load(window, laboratory.meter.read)
            lag = edge.metric(_LAG)
            row = ("pause", name, "held and busy")
            laboratory.book.add(SECTION, row, {"loop lag ms": None if lag is None else lag * 1_000})
            cores = held.cpu_seconds[EDGE] / held.window.seconds
            figures = {"connections": sizes.idle, "KiB": each, "edge cores": cores}
            laboratory.book.add(SECTION, ("idle", name), figures)
        longest = laboratory.book.median(SECTION, ("pause", name, "held"), "longest ms")
        return f"{each:.1f} KiB each, longest pause {longest:.1f} ms"

    @contextmanager
    def _probing(self, edge: OwnEdge, probe: Generator, when: str) -> Iterator[None]:
        """Probe until what happens meanwhile is over, and write the pauses down."""
        is_over = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            probed = pool.submit(self._probe_until, is_over, edge, probe)
            try:
                yield
            finally:
                is_over.set()
        self._record_pause(edge, when, probed.result())

    def _probe_until(self, is_over: threading.Event, edge: OwnEdge, probe: Generator) -> Tally:
        tally = self._probe(edge, probe).tally
        while not is_over.is_set():
            tally.add(self._probe(edge, probe).tally)
        return tally

    def _probe(self, edge: OwnEdge, probe: Generator) -> Measured:
        """A heartbeat every millisecond, of each prober in turn, for a while."""
        window = Window("heartbeat", _PROBE_RATE, 0.1, self._laboratory.sizes.probe_seconds)
        # Not by the meter: it serves one reader at a time.
        return probe.load(window, lambda: processes.cpu_seconds({EDGE: edge.child.pid}))

    def _record_pause(self, edge: OwnEdge, when: str, tally: Tally) -> None:
        row = ("pause", _name(edge.tls), when)
        self._laboratory.book.add(SECTION, row, _pause(tally))
        if tally.errors:
            self._laboratory.book.fail(SECTION, row, f"errors: {dict(tally.errors)}")

    def _probe_crowd(self, edge: OwnEdge) -> Crowd:
        """Chargers that no crowd of OCPP 1.6 contains.

        Many: one alone has one call outstanding, so that answers after 2 ms make a queue of its own that grows for as
        long as it is probed, and no pause of the edge.
        """
        return self._laboratory.crowd(edge.url, self._laboratory.sizes.probers, "2.0.1", self._trusted(edge))

    def _crowd(self, edge: OwnEdge, count: int, greeting: tuple[Kind, ...]) -> Crowd:
        processes = -(-count // _CHARGERS_PER_PROCESS)
        return self._laboratory.crowd(edge.url, count, ca=self._trusted(edge), processes=processes, greeting=greeting)

    def _trusted(self, edge: OwnEdge) -> str | None:
        return str(self._certificate.certificate_file) if edge.tls else None


def _pause(tally: Tally) -> dict[str, float | None]:
    latency = summarize(tally.all_latencies_us())
    return {"probes": tally.messages, "p50 ms": latency.p50, "p99 ms": latency.p99, "longest ms": latency.max}


def _us_each(before: dict[str, float], after: dict[str, float], count: int) -> dict[str, float]:
    return {name: (after[name] - before[name]) * 1e6 / count for name in before if name in after}


def _named(us: dict[str, float]) -> dict[str, float]:
    path = (EDGE, "station", "postgres", "postgres stations")
    return {**{f"{name} us": value for name, value in us.items()}, "path us": sum(us.get(name, 0.0) for name in path)}


def _name(tls: bool) -> str:
    return "TLS" if tls else "plain"
