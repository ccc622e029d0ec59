"""Section `fleet`: the load of a small fleet and of a dense one, a session, rest and starts.

All processes count, through Envoy, from rest to rest: measured as `--against` measures a build, here one alone. The
stack is as `csms up` starts it, where services share processes, and not the one of the other sections.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

from bench import steps, system
from bench.against.contestant import Contestant, burst_of
from bench.against.fresh import BURSTS, Fresh
from bench.against.plan import Sizes as Compared
from bench.against.plan import title
from bench.against.ratios import Spent, cost_us
from bench.book import Book
from bench.plan import Sizes
from bench.steps import Step
from bench.system import House, System
from stack import builds

SECTION = "fleet"
_NAME = "this build"
# What connecting, preparing and coming to rest take beside a burst.
_BESIDE_SECONDS = 6.0


def in_use(running: System, sizes: Sizes, book: Book, resources: ExitStack) -> Iterator[Step]:
    """The steps of a stack that serves; its chargers are registered first. Raises StackError or LoadFailed."""
    ours = compared(sizes)
    contestant = resources.enter_context(closing(Contestant(_NAME, running, ours)))
    bursts: dict[str, Callable[[Contestant], Spent]] = {}

    def step(row: str) -> Callable[[], str]:
        def run() -> str:
            if row not in bursts:
                contestant.begin_round()
                bursts[row] = burst_of(row, (contestant,), ours)
            spent = bursts[row](contestant)
            return _record(book, row, spent, cost_us(spent, contestant.idle_cores))

        return run

    for _ in range(ours.rounds):
        for row in ours.rows_in_use:
            yield Step(SECTION, (row,), 3 * ours.seconds + _BESIDE_SECONDS, step(row))


def measure(sizes: Sizes, book: Book) -> None:
    """Carry out the section, on stacks of its own. A row that fails is written down. Raises StackError."""
    ours = compared(sizes)
    if ours.fresh_rows:
        with system.housed(builds.ours()) as house:
            steps.carry_out(list(alone(house, sizes, book)), book, check=_nothing, recover=_nothing)
    if ours.rows_in_use:
        with ExitStack() as resources:
            running = resources.enter_context(system.starting(builds.ours()))()
            todo = list(in_use(running, sizes, book, resources))
            steps.carry_out(todo, book, lambda: system.check(running), recover=_nothing)


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


def _nothing() -> None:
    """A step leaves nothing that is in the way of the next."""


def _record(book: Book, row: str, spent: Spent, us: dict[str, float]) -> str:
    total = sum(us.values())
    book.add(SECTION, (row,), {"us": total, **spent.figures, **{f"{name} us": cpu for name, cpu in us.items()}})
    beside = "".join(f", {name} {value:.1f}" for name, value in spent.figures.items())
    return f"{title(row)}: {total:.0f} us{beside}"
