"""Section `fleet`: the load of a small fleet and of a dense one, a session, rest and starts.

All processes count, through Envoy, from rest to rest: measured as `--against` measures a build, here one alone.
"""

from collections.abc import Callable, Iterator

from bench.against.contestant import Contestant, burst_of
from bench.against.fresh import BURSTS, Fresh
from bench.against.plan import Sizes as Compared
from bench.against.plan import title
from bench.against.ratios import Spent, cost_us
from bench.book import Book
from bench.laboratory import Laboratory
from bench.plan import FRESH, Sizes
from bench.steps import Step
from bench.system import House

SECTION = "fleet"
_NAME = "this build"
# What connecting, preparing and coming to rest take beside a burst.
_BESIDE_SECONDS = 6.0


class Fleet:
    """The rows of a system that serves. Steps are made when they come, chargers with the first."""

    def __init__(self, laboratory: Laboratory) -> None:
        self._laboratory = laboratory
        self._sizes = compared(laboratory.sizes)
        self._contestant: Contestant | None = None
        self._bursts: dict[str, Callable[[Contestant], Spent]] = {}

    def steps(self) -> Iterator[Step]:
        """Every row, round by round."""
        for _ in range(self._sizes.rounds):
            for row in self._sizes.rows_in_use:
                yield Step(SECTION, (row,), 3 * self._sizes.seconds + _BESIDE_SECONDS, self._step(row))

    def close(self) -> None:
        """Part with what was connected."""
        if self._contestant is not None:
            self._contestant.close()

    def _step(self, row: str) -> Callable[[], str]:
        return lambda: self._measure(row)

    def _measure(self, row: str) -> str:
        self._laboratory.dismiss()
        if self._contestant is None:
            self._contestant = Contestant(_NAME, self._laboratory.system, self._sizes)
        contestant = self._contestant
        try:
            if row not in self._bursts:
                contestant.begin_round()
                self._bursts[row] = burst_of(row, contestant, contestant, self._sizes)
            spent = self._bursts[row](contestant)
            return _record(self._laboratory.book, row, spent, cost_us(spent, contestant.idle_cores))
        finally:
            # Its chargers are those of the other sections too.
            contestant.send_home()


def alone(house: House, sizes: Sizes, book: Book) -> Iterator[Step]:
    """The steps for each of which a stack is started, with no other beside it. Raises StackError."""
    ours = compared(sizes)
    fresh = Fresh(_NAME, house, ours)

    def step(row: str) -> Callable[[], str]:
        def run() -> str:
            spent = BURSTS[row](fresh)
            return _record(book, row, spent, cost_us(spent, {}))

        return run

    for _ in range(ours.rounds):
        for row in ours.fresh_rows:
            yield Step(SECTION, (row,), ours.rest_seconds + 2 * _BESIDE_SECONDS, step(row))


def compared(sizes: Sizes) -> Compared:
    """The sizes of a comparison that measures the same."""
    most = Compared()
    idle = min(sizes.idle, most.idle)
    return Compared(sizes.rounds, sizes.seconds, sizes.connections, idle, sizes.fleet)


def has_fresh_rows(sizes: Sizes) -> bool:
    """Whether there is any row for which a stack is started."""
    return SECTION in sizes.sections and any(row in FRESH for row in sizes.fleet)


def _record(book: Book, row: str, spent: Spent, us: dict[str, float]) -> str:
    total = sum(us.values())
    book.add(SECTION, (row,), {"us": total, **spent.figures, **{f"{name} us": cpu for name, cpu in us.items()}})
    beside = "".join(f", {name} {value:.1f}" for name, value in spent.figures.items())
    return f"{title(row)}: {total:.0f} us{beside}"
