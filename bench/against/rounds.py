"""Both builds in turns: round after round, every row by the one and by the other, who is first changing each time."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from bench.against.plan import title
from bench.against.ratios import Ratio, Spent, cost_us, medians, ratio
from bench.steps import tell
from simulator.load.run import LoadFailed
from stack.errors import StackError


class Side(Protocol):
    """One of the two that are compared. `name` is told to people."""

    name: str

    @property
    def idle_cores(self) -> Mapping[str, float]:
        """What it does when nothing is asked of it: CPU seconds per second by process."""

    def begin_round(self) -> None:
        """What it does before the rows of a round. Raises StackError when nothing can be measured any more."""


AnySide = TypeVar("AnySide", bound=Side)


@dataclass(frozen=True)
class Figure:
    """Something beside the CPU, of which less is better: medians of both builds, and the ratio."""

    name: str
    new: float
    old: float
    ratio: Ratio


@dataclass(frozen=True)
class Cost:
    """What a row costs: CPU microseconds per message by process in both builds, and the ratio of the sums.

    `rounds` are those sums, new and old, one pair a round.
    """

    row: str
    new_us: dict[str, float]
    old_us: dict[str, float]
    ratio: Ratio
    rounds: tuple[tuple[float, float], ...]
    figures: tuple[Figure, ...] = ()

    def is_above(self, limit: float) -> bool:
        """Whether any ratio of it is above a limit beyond its spread."""
        return any(each.is_above(limit) for each in (self.ratio, *(figure.ratio for figure in self.figures)))


def is_old_first(number: int, place: int) -> bool:
    """Who is first in a row of a round: each in turn, from round to round and from row to row."""
    return (number + place) % 2 == 0


@dataclass
class Comparison(Generic[AnySide]):
    """The bursts of a run, new and old of a round together, and what failed."""

    new: AnySide
    old: AnySide
    failures: list[str] = field(default_factory=list)
    _pairs: dict[str, list[tuple[Spent, Spent]]] = field(default_factory=dict)

    def run(self, rounds: int, bursts: Mapping[str, Callable[[AnySide], Spent]]) -> None:
        """Carry out all rounds. A row that fails is told and left out of that round. Raises StackError."""
        for number in range(rounds):
            tell(f"[round {number + 1}/{rounds}]")
            for side in (self.new, self.old):
                side.begin_round()
            for place, (row, burst) in enumerate(bursts.items()):
                self._measure(row, burst, old_first=is_old_first(number, place))

    def fail(self, row: str, error: Exception) -> None:
        """Tell and keep that a row could not be measured."""
        self.failures.append(f"{title(row)}: {error}")
        tell(f"  {title(row)}: FAILED: {error}")

    def costs(self) -> Iterator[Cost]:
        """The rows that were measured, idle time taken off."""
        for row, pairs in self._pairs.items():
            new = [cost_us(spent, self.new.idle_cores) for spent, _ in pairs]
            old = [cost_us(spent, self.old.idle_cores) for _, spent in pairs]
            sums = [(sum(one.values()), sum(other.values())) for one, other in zip(new, old, strict=True)]
            # So short a burst that the noise of being idle is larger.
            if measured := [(one, other) for one, other in sums if one > 0 and other > 0]:
                figures = tuple(_figures(pairs))
                yield Cost(row, medians(new), medians(old), ratio(measured), tuple(measured), figures)

    def _measure(self, row: str, burst: Callable[[AnySide], Spent], *, old_first: bool) -> None:
        order = (self.old, self.new) if old_first else (self.new, self.old)
        try:
            spent = {each.name: burst(each) for each in order}
        except (LoadFailed, StackError, OSError) as error:
            self.fail(row, error)
            return
        pair = spent[self.new.name], spent[self.old.name]
        self._pairs.setdefault(row, []).append(pair)
        new, old = (
            sum(cost_us(one, who.idle_cores).values()) for one, who in zip(pair, (self.new, self.old), strict=True)
        )
        both = ((name, value, pair[1].figures.get(name, 0.0)) for name, value in pair[0].figures.items())
        beside = "".join(f"; {name} {value:.1f}, {before:.1f} before" for name, value, before in both)
        tell(f"  {title(row)}: {new:.1f} us, {old:.1f} before{beside}")


def _figures(pairs: list[tuple[Spent, Spent]]) -> Iterator[Figure]:
    new, old = medians([spent.figures for spent, _ in pairs]), medians([spent.figures for _, spent in pairs])
    for name in new:
        both = [(one.figures.get(name, 0.0), other.figures.get(name, 0.0)) for one, other in pairs]
        # Memory may not have grown at all: nothing has no ratio.
        if measured := [(one, other) for one, other in both if one > 0 and other > 0]:
            yield Figure(name, new[name], old[name], ratio(measured))
