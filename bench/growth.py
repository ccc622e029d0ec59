"""Section `growth`: whether a message costs more when there are more chargers, or when the tables are old."""

from collections.abc import Callable, Iterator

from bench import filling
from bench.laboratory import Laboratory, record
from bench.plan import CLASSES, EDGE, MessageClass
from bench.steps import Step
from simulator.load.charger import Kind
from simulator.load.plan import Window
from simulator.load.run import Generator
from simulator.load.worker import Prepare

SECTION = "growth"
_RATES = {"metervalues": 2_000, "starts": 500}
_CLASSES = [each for each in CLASSES if each.name in _RATES]
_CHARGERS_PER_PROCESS = 8_000
_SECONDS_EACH = 0.004
_DATABASE = "csms_charge_points"
# Of the time; the rest is for tidying up.
_FILLING_SHARE = 0.8
EMPTY, FULL = "empty tables", "old tables"


class Growth:
    """First by chargers, then by rows: what is filled in stays."""

    def __init__(self, laboratory: Laboratory) -> None:
        self._laboratory = laboratory

    def steps(self) -> Iterator[Step]:
        sizes = self._laboratory.sizes
        for count in sizes.crowds:
            for number in range(sizes.rounds):
                opening = 0.0 if number else count * _SECONDS_EACH
                for each in _CLASSES:
                    seconds = opening / len(_CLASSES) + sizes.warmup + sizes.seconds + 1
                    yield Step(SECTION, (each.name, f"{count} chargers"), seconds, self._by_chargers(each, count))
        yield Step(SECTION, ("rows", EMPTY), 5.0, self._empty)
        yield from self._saturations(EMPTY)
        yield Step(SECTION, ("rows", FULL), sizes.fill_minutes * 60, self._fill)
        yield from self._saturations(FULL)

    def _saturations(self, when: str) -> Iterator[Step]:
        sizes = self._laboratory.sizes
        for _ in range(sizes.rounds):
            for each in _CLASSES:
                yield Step(SECTION, (each.name, when), sizes.warmup + sizes.seconds + 2, self._by_rows(each, when))

    def _by_chargers(self, each: MessageClass, count: int) -> Callable[[], str]:
        def run() -> str:
            generator = self._generator(count)
            return self._window(generator, each, f"{count} chargers", _RATES[each.name])

        return run

    def _by_rows(self, each: MessageClass, when: str) -> Callable[[], str]:
        return lambda: self._window(self._generator(self._laboratory.sizes.connections), each, when, 0.0)

    def _generator(self, count: int) -> Generator:
        laboratory = self._laboratory
        url, processes = laboratory.system.ocpp_url(EDGE), -(-count // _CHARGERS_PER_PROCESS)
        return laboratory.generator(laboratory.crowd(url, count, processes=processes, greeting=(Kind.BOOT,)))

    def _window(self, generator: Generator, each: MessageClass, when: str, rate: float) -> str:
        laboratory, sizes = self._laboratory, self._laboratory.sizes
        generator.carry_out(Prepare(each.mix))
        laboratory.settle()
        measured = laboratory.load(generator, Window(each.mix, rate, sizes.warmup, sizes.seconds))
        return record(laboratory.book, SECTION, (each.name, when), measured, each.service)

    def _empty(self) -> str:
        laboratory = self._laboratory
        laboratory.dismiss()
        laboratory.drain.wait()
        filling.empty(laboratory.system.database_url(_DATABASE))
        return "sessions, readings and journal forgotten"

    def _fill(self) -> str:
        laboratory, sizes = self._laboratory, self._laboratory.sizes
        laboratory.dismiss()
        url = laboratory.system.database_url(_DATABASE)
        seconds = sizes.fill_minutes * 60 * _FILLING_SHARE
        filled = filling.fill(url, max(sizes.crowds), seconds, laboratory.system.folder)
        laboratory.drain.wait()
        millions, gib = filled.rows / 1e6, filled.bytes / 2**30
        laboratory.book.add(SECTION, ("rows", FULL), {"million rows": millions, "GiB": gib})
        return f"{millions:.1f} million rows, {gib:.1f} GiB"
