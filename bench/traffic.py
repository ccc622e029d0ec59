"""Section `traffic`: what a message of each class costs, at saturation and below it, by each way to the server."""

from collections.abc import Callable, Iterator

from bench.laboratory import Laboratory, record
from bench.plan import EDGE as EDGE_PATH
from bench.plan import ENVOY, NAIVE, SATURATION, STATED_RATE, MessageClass, planned_classes
from bench.steps import Step
from simulator.load.plan import Window
from simulator.load.run import Generator
from simulator.load.worker import Prepare

SECTION = "traffic"
# What draining and reading clocks take beside a window.
_BESIDE_SECONDS = 0.6


class Traffic:
    """`naive_url` is where the naive server listens; without it there is no comparison."""

    def __init__(self, laboratory: Laboratory, naive_url: str | None = None) -> None:
        self._laboratory = laboratory
        self._naive_url = naive_url

    def steps(self) -> Iterator[Step]:
        """Every class by every way, round by round, so that no way has a better hour than another."""
        classes = planned_classes(self._laboratory.sizes)
        for _ in range(self._laboratory.sizes.rounds):
            for version in dict.fromkeys(each.version for each in classes):
                for path in (EDGE_PATH, ENVOY, NAIVE):
                    for each in classes:
                        if each.version == version and (path != NAIVE or (each.naive and self._naive_url)):
                            yield Step(SECTION, (each.name, path), self._seconds(each, path), self._run(each, path))

    def _seconds(self, each: MessageClass, path: str) -> float:
        sizes = self._laboratory.sizes
        windows = 1 if path == NAIVE else 1 + len(sizes.loads_percent) + each.stated_rate
        return windows * (sizes.warmup + sizes.seconds + _BESIDE_SECONDS)

    def _run(self, each: MessageClass, path: str) -> Callable[[], str]:
        return lambda: self._measure(each, path)

    def _measure(self, each: MessageClass, path: str) -> str:
        self._generator(each, path).carry_out(Prepare(each.mix))
        said = self._window(each, path, SATURATION, 0.0)
        if path == NAIVE:
            return said
        saturation = self._laboratory.book.median(SECTION, (each.name, path, SATURATION), "rate") or 0.0
        for percent in self._laboratory.sizes.loads_percent:
            if saturation:
                self._window(each, path, f"{percent} %", saturation * percent / 100)
        if each.stated_rate:
            said += f"; at {STATED_RATE}/s: " + self._window(each, path, f"{STATED_RATE}/s", STATED_RATE)
        return said

    def _window(self, each: MessageClass, path: str, load: str, rate: float) -> str:
        laboratory, sizes = self._laboratory, self._laboratory.sizes
        generator = self._generator(each, path)
        laboratory.settle()
        measured = laboratory.load(generator, Window(each.mix, rate, sizes.warmup, sizes.seconds))
        service = NAIVE if path == NAIVE else each.service
        return record(laboratory.book, SECTION, (each.name, path, load), measured, service)

    def _generator(self, each: MessageClass, path: str) -> Generator:
        laboratory = self._laboratory
        crowd = laboratory.crowd(self._url(path), laboratory.sizes.connections, each.version)
        return laboratory.generator(crowd)

    def _url(self, path: str) -> str:
        if path == NAIVE:
            assert self._naive_url is not None
            return self._naive_url
        return self._laboratory.system.ocpp_url(path)
