"""Section `reads`: what callers of the REST interface get through Envoy, and what a request costs."""

import resource
from collections.abc import Callable, Iterator
from contextlib import closing

from bench import rest_client, seeding
from bench.laboratory import Laboratory
from bench.plan import EDGE, ENVOY
from bench.steps import Step
from simulator.load.percentiles import summarize
from simulator.load.worker import Prepare

SECTION = "reads"
_HOST = "127.0.0.1"
PATHS = ("/stations?pageSize=20", "/charging-sessions/{id}", "/transactions?pageSize=50")


class Reads:
    """Reads what the other sections have left, and some stations of its own."""

    def __init__(self, laboratory: Laboratory) -> None:
        self._laboratory = laboratory
        self._sessions: list[str] = []

    def steps(self) -> Iterator[Step]:
        """Every path, round by round."""
        sizes = self._laboratory.sizes
        for _ in range(sizes.rounds):
            for path in PATHS:
                yield Step(SECTION, (path,), sizes.warmup + sizes.seconds + 0.6, self._step(path))

    def _step(self, path: str) -> Callable[[], str]:
        return lambda: self._measure(path)

    def _measure(self, path: str) -> str:
        laboratory, sizes = self._laboratory, self._laboratory.sizes
        if not self._sessions:
            self._sessions = self._make_what_is_read()
        laboratory.dismiss()
        laboratory.settle()
        paths = [path.format(id=session) for session in self._sessions] if "{id}" in path else [path]
        port, token = laboratory.system.ports["gateway"], laboratory.system.token
        rest_client.read(_HOST, port, paths, token, sizes.readers, sizes.warmup)
        before, own_before = laboratory.meter.read(), _own_seconds()
        reads = rest_client.read(_HOST, port, paths, token, sizes.readers, sizes.seconds)
        after, own_after = laboratory.meter.read(), _own_seconds()
        count = len(reads.latencies_us)
        if reads.failures or not count:
            raise ValueError(f"{reads.failures} of {sizes.readers} readers failed: {reads.reason}")
        us = {f"{name} us": (after[name] - before[name]) * 1e6 / count for name in before if name in after}
        us["system us"] = sum(us.values())
        us["client us"] = (own_after - own_before) * 1e6 / count
        latency = summarize(reads.latencies_us)
        figures = {"rate": count / sizes.seconds, "p50": latency.p50, "p99": latency.p99, "bytes": reads.answer_bytes}
        laboratory.book.add(SECTION, (path,), {**figures, "errors": reads.failures, **us})
        return f"{figures['rate']:.0f}/s, p99 {latency.p99} ms, {us['system us']:.0f} us, Envoy {us[f'{ENVOY} us']:.0f}"

    def _make_what_is_read(self) -> list[str]:
        """Stations and charging sessions; returns the ids of some sessions."""
        laboratory = self._laboratory
        url = laboratory.system.ocpp_url(EDGE)
        generator = laboratory.generator(laboratory.crowd(url, laboratory.sizes.connections))
        # A session by every charger.
        generator.carry_out(Prepare("metervalues"))
        generator.carry_out(Prepare("heartbeat"))
        laboratory.drain.wait()
        with closing(laboratory.system.facade()) as facade:
            seeding.make_stations(facade)
            return seeding.session_ids(facade)


def _own_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
