"""What a charging session costs those who follow by events: usage, bill, statistics, and the stream between.

Part of section `traffic`, measured apart: from the first start of a burst until nothing is left to be done.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg

from bench.laboratory import Laboratory
from bench.plan import EDGE, planned_classes
from bench.steps import Step
from simulator.load.plan import Window
from simulator.load.worker import Prepare

SECTION = "aftermath"
_SESSIONS = "SELECT count(*) FROM transactions WHERE state <> 'ACTIVE'"
_BILLS = "SELECT count(*) FROM invoices"
# Bills are made several times a second as long as there are any to make.
_BILLS_WITHIN_SECONDS = 2.0
_LOOK_SECONDS = 0.25


class Aftermath:
    """Bursts of sessions by OCPP 1.6, straight to the edge."""

    def __init__(self, laboratory: Laboratory) -> None:
        self._laboratory = laboratory

    def steps(self) -> Iterator[Step]:
        """One burst a round, when starts are measured at all."""
        sizes = self._laboratory.sizes
        if any(each.name == "starts" for each in planned_classes(sizes)):
            for _ in range(sizes.rounds):
                yield Step(SECTION, ("sessions",), sizes.seconds * 3, self._measure)

    def _measure(self) -> str:
        laboratory, sizes = self._laboratory, self._laboratory.sizes
        url = laboratory.system.ocpp_url(EDGE)
        generator = laboratory.generator(laboratory.crowd(url, sizes.connections))
        generator.carry_out(Prepare("starts"))
        laboratory.drain.wait()
        with ExitStack() as resources:
            count = _Counter(laboratory, resources)
            before, cpu_before = count.read(), laboratory.meter.read()
            laboratory.load(generator, Window("starts", 0.0, 0.0, sizes.seconds))
            began = time.monotonic()
            laboratory.drain.wait()
            after, settled = count.until_settled()
            cpu_after, drained = laboratory.meter.read(), settled - began
        sessions = after[0] - before[0]
        if not sessions:
            raise ValueError("no session ended")
        spent = {f"{name} us": (cpu_after[name] - cpu_before[name]) * 1e6 / sessions for name in cpu_before}
        bills = after[1] - before[1]
        laboratory.book.add(
            SECTION, ("sessions",), {"sessions": sessions, "bills": bills, "drained s": drained, **spent}
        )
        return f"{sessions} sessions, {bills} bills, drained {drained:.1f} s after the last"


class _Counter:
    """Counts ended sessions and their bills."""

    def __init__(self, laboratory: Laboratory, resources: ExitStack) -> None:
        connect, url = psycopg.connect, laboratory.system.database_url
        self._transactions = resources.enter_context(connect(url("csms_charge_points"), autocommit=True))
        self._billing = resources.enter_context(connect(url("csms_billing"), autocommit=True))

    def read(self) -> tuple[int, int]:
        """Sessions and bills so far."""
        sessions = self._transactions.execute(_SESSIONS).fetchone()
        bills = self._billing.execute(_BILLS).fetchone()
        return (sessions[0] if sessions else 0), (bills[0] if bills else 0)

    def until_settled(self) -> tuple[tuple[int, int], float]:
        """Wait until no more bills are made, apart from events as they are; the counts, and when they were reached."""
        counts, settled = self.read(), time.monotonic()
        while time.monotonic() < settled + _BILLS_WITHIN_SECONDS:
            time.sleep(_LOOK_SECONDS)
            if (now := self.read()) != counts:
                counts, settled = now, time.monotonic()
        return counts, settled
