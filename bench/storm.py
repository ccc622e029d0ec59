"""Section `storm`: everybody comes back at once after a total outage of the edge, and nothing may be lost.

The edge is killed with all its sockets and started again. Each charger connects, boots and reports two connectors; one
that is told to wait does so, though not longer than the bound in `Sizes`, so that the storm stays one.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import psycopg

from bench.certificate import Certificate
from bench.laboratory import Laboratory
from bench.plan import EDGE
from bench.steps import Step
from bench.system import OwnEdge, start_own_edge
from simulator.load.charger import Kind
from simulator.load.tally import Tally
from simulator.load.worker import ComeBack

SECTION = "storm"
_REPORTS = (Kind.BOOT, Kind.STATUS, Kind.STATUS)
_CHARGERS_PER_PROCESS = 8_000
_BACK_WITHIN_SECONDS = 240.0
_SECONDS_EACH = 0.006
# Long enough for the order to reach every generator process.
_ORDER_SECONDS = 1.0
_BOOTED = "SELECT count(*) FROM charge_points WHERE boot_time >= %s"
_REPORTED = "SELECT count(*) FROM connectors WHERE status_time >= %s"
_STORED_WITHIN_SECONDS = 10.0


class Storm:
    """`certificate` is what an edge speaks TLS with."""

    def __init__(self, laboratory: Laboratory, certificate: Certificate) -> None:
        self._laboratory = laboratory
        self._certificate = certificate

    def steps(self) -> Iterator[Step]:
        """Storms in the open, then with TLS; the crowd of one storm is that of the next."""
        sizes = self._laboratory.sizes
        for tls in (False, True):
            for _ in range(sizes.storms):
                name = "TLS" if tls else "plain"
                yield Step(SECTION, (name,), 3 + sizes.storm * _SECONDS_EACH, self._step(tls))

    def _step(self, tls: bool) -> Callable[[], str]:
        return lambda: self._measure(tls)

    def _measure(self, tls: bool) -> str:
        laboratory, sizes = self._laboratory, self._laboratory.sizes
        edge = laboratory.guest
        if edge is None or edge.tls != tls:
            laboratory.dismiss()
            edge = self._start_edge(tls)
        ca = str(self._certificate.certificate_file) if tls else None
        processes = -(-sizes.storm // _CHARGERS_PER_PROCESS)
        crowd = laboratory.crowd(edge.url, sizes.storm, ca=ca, processes=processes, greeting=())
        generator = laboratory.generator(crowd)
        laboratory.settle()
        generator.tell(ComeBack(_REPORTS, sizes.longest_pause))
        time.sleep(_ORDER_SECONDS)
        struck, began, before = datetime.now(UTC), time.monotonic(), laboratory.meter.read()
        edge.child.kill()
        # As long as it dies it holds its port, which the next one needs.
        edge.child.stop()
        self._start_edge(tls)
        starting = time.monotonic() - began
        tally = generator.hear(_BACK_WITHIN_SECONDS)
        seconds = max(tally.all_latencies_us(), default=0) / 1e6
        spent = {name: seconds for name, seconds in laboratory.meter.read().items() if name != EDGE}
        each = {f"{name} us": (spent[name] - before[name]) * 1e6 / sizes.storm for name in spent if name in before}
        each[f"{EDGE} us"] = laboratory.meter.read()[EDGE] * 1e6 / sizes.storm
        figures = self._check(tally, struck)
        row = ("TLS" if tls else "plain",)
        laboratory.book.add(SECTION, row, {"seconds": seconds, "edge up s": starting, **figures, **each})
        return f"{figures['back']:.0f} back after {seconds:.1f} s, {figures['turned away']:.0f} times turned away"

    def _start_edge(self, tls: bool) -> OwnEdge:
        settings = self._certificate.edge_settings if tls else None
        edge = start_own_edge(self._laboratory.system, 1 + tls, settings)
        return self._laboratory.invite(edge)

    def _check(self, tally: Tally, struck: datetime) -> dict[str, float]:
        """Compare what was answered with what is stored. Raises ValueError when something is missing."""
        expected = self._laboratory.sizes.storm
        booted, reported = self._stored(struck, expected)
        if tally.messages != expected or booted != expected or reported != 2 * expected:
            stored = f"{booted} boots and {reported} statuses stored"
            raise ValueError(f"of {expected} only {tally.messages} came back, {stored}; {dict(tally.errors)}")
        turned_away = sum(count for reason, count in tally.refused.items() if reason.startswith("HTTP"))
        lost = sum(tally.refused.values()) - turned_away
        return {"back": tally.messages, "statuses": reported, "turned away": turned_away, "attempts lost": lost}

    def _stored(self, struck: datetime, expected: int) -> tuple[int, int]:
        """Boots and statuses that are stored since; all that were answered should be."""
        give_up_at = time.monotonic() + _STORED_WITHIN_SECONDS
        with psycopg.connect(self._laboratory.system.database_url("csms_stations"), autocommit=True) as connection:
            while True:
                booted = connection.execute(_BOOTED, (struck,)).fetchone()
                reported = connection.execute(_REPORTED, (struck,)).fetchone()
                counts = (booted[0] if booted else 0, reported[0] if reported else 0)
                if counts == (expected, 2 * expected) or time.monotonic() > give_up_at:
                    return counts
                time.sleep(0.2)
